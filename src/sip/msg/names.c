/* names.c - tables of methods, header fields and reason phrases.
 *
 * Room      sip/msg (pure).
 * In        names as written.
 * Out       numbers, and back.
 * Header names are found by a perfect hash: the first 16 octets of name and colon, times a number with which no two names of
 * the table meet. A new name stands in the slot that hdr_slot() gives; names_test.c fails when it does not, or
 * when the slot is taken (then another factor must be searched: some hundred million tries). */
#include "sip/msg/names_find.h"

enum { ONCE = 1, LIST = 2, ROWS = 3 };
/* ONCE: one row only, a second one makes the message ambiguous. LIST: rows and comma lists are one (RFC 3261 §7.3.1).
 * ROWS: no comma list; either rows may repeat (challenges), or a second one does no harm and is not looked at. */

#define HEADERS(X) \
    X(ACCEPT, "Accept", 0, LIST, 61) \
    X(ACCEPT_CONTACT, "Accept-Contact", 'a', LIST, 252) \
    X(ACCEPT_ENCODING, "Accept-Encoding", 0, LIST, 2) \
    X(ACCEPT_LANGUAGE, "Accept-Language", 0, LIST, 92) \
    X(ALERT_INFO, "Alert-Info", 0, LIST, 247) \
    X(ALLOW, "Allow", 0, LIST, 223) \
    X(ALLOW_EVENTS, "Allow-Events", 'u', LIST, 235) \
    X(ANSWER_MODE, "Answer-Mode", 0, ROWS, 82) \
    X(AUTHENTICATION_INFO, "Authentication-Info", 0, ROWS, 213) \
    X(AUTHORIZATION, "Authorization", 0, ROWS, 67) \
    X(CALL_ID, "Call-ID", 'i', ONCE, 182) \
    X(CALL_INFO, "Call-Info", 0, LIST, 229) \
    X(CONTACT, "Contact", 'm', LIST, 74) \
    X(CONTENT_DISPOSITION, "Content-Disposition", 0, ROWS, 111) \
    X(CONTENT_ENCODING, "Content-Encoding", 'e', LIST, 239) \
    X(CONTENT_LANGUAGE, "Content-Language", 0, LIST, 162) \
    X(CONTENT_LENGTH, "Content-Length", 'l', ONCE, 69) \
    X(CONTENT_TYPE, "Content-Type", 'c', ONCE, 116) \
    X(CSEQ, "CSeq", 0, ONCE, 218) \
    X(DATE, "Date", 0, ROWS, 80) \
    X(DIVERSION, "Diversion", 0, LIST, 19) \
    X(ERROR_INFO, "Error-Info", 0, LIST, 52) \
    X(EVENT, "Event", 'o', ONCE, 107) \
    X(EXPIRES, "Expires", 0, ONCE, 166) \
    X(FEATURE_CAPS, "Feature-Caps", 0, LIST, 101) \
    X(FLOW_TIMER, "Flow-Timer", 0, ROWS, 87) \
    X(FROM, "From", 'f', ONCE, 180) \
    X(GEOLOCATION, "Geolocation", 0, LIST, 153) \
    X(HISTORY_INFO, "History-Info", 0, LIST, 202) \
    X(IDENTITY, "Identity", 'y', LIST, 66) \
    X(IDENTITY_INFO, "Identity-Info", 'n', ROWS, 143) \
    X(INFO_PACKAGE, "Info-Package", 0, ONCE, 194) \
    X(IN_REPLY_TO, "In-Reply-To", 0, LIST, 121) \
    X(JOIN, "Join", 0, ONCE, 59) \
    X(MAX_BREADTH, "Max-Breadth", 0, ONCE, 68) \
    X(MAX_FORWARDS, "Max-Forwards", 0, ONCE, 142) \
    X(MIME_VERSION, "MIME-Version", 0, ROWS, 91) \
    X(MIN_EXPIRES, "Min-Expires", 0, ONCE, 41) \
    X(MIN_SE, "Min-SE", 0, ONCE, 140) \
    X(ORGANIZATION, "Organization", 0, ROWS, 106) \
    X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0, LIST, 11) \
    X(P_ANSWER_STATE, "P-Answer-State", 0, ROWS, 156) \
    X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, LIST, 169) \
    X(P_ASSOCIATED_URI, "P-Associated-URI", 0, LIST, 230) \
    X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0, ROWS, 96) \
    X(P_CHARGING_VECTOR, "P-Charging-Vector", 0, ROWS, 203) \
    X(P_EARLY_MEDIA, "P-Early-Media", 0, LIST, 75) \
    X(P_MEDIA_AUTHORIZATION, "P-Media-Authorization", 0, LIST, 18) \
    X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, LIST, 3) \
    X(P_VISITED_NETWORK_ID, "P-Visited-Network-ID", 0, LIST, 56) \
    X(PATH, "Path", 0, LIST, 251) \
    X(PRIORITY, "Priority", 0, ROWS, 147) \
    X(PRIV_ANSWER_MODE, "Priv-Answer-Mode", 0, ROWS, 6) \
    X(PRIVACY, "Privacy", 0, ONCE, 168) \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, ROWS, 190) \
    X(PROXY_AUTHENTICATION_INFO, "Proxy-Authentication-Info", 0, ROWS, 173) \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, ROWS, 63) \
    X(PROXY_REQUIRE, "Proxy-Require", 0, LIST, 49) \
    X(RACK, "RAck", 0, ONCE, 199) \
    X(REASON, "Reason", 0, LIST, 250) \
    X(RECORD_ROUTE, "Record-Route", 0, LIST, 5) \
    X(RECV_INFO, "Recv-Info", 0, LIST, 222) \
    X(REFER_SUB, "Refer-Sub", 0, ONCE, 245) \
    X(REFER_TO, "Refer-To", 'r', ONCE, 228) \
    X(REFERRED_BY, "Referred-By", 'b', ONCE, 217) \
    X(REJECT_CONTACT, "Reject-Contact", 'j', LIST, 55) \
    X(REMOTE_PARTY_ID, "Remote-Party-ID", 0, LIST, 234) \
    X(REPLACES, "Replaces", 0, ONCE, 86) \
    X(REPLY_TO, "Reply-To", 0, ROWS, 254) \
    X(REQUEST_DISPOSITION, "Request-Disposition", 'd', LIST, 165) \
    X(REQUIRE, "Require", 0, LIST, 24) \
    X(RESOURCE_PRIORITY, "Resource-Priority", 0, LIST, 131) \
    X(RETRY_AFTER, "Retry-After", 0, ONCE, 167) \
    X(ROUTE, "Route", 0, LIST, 89) \
    X(RSEQ, "RSeq", 0, ONCE, 72) \
    X(SECURITY_CLIENT, "Security-Client", 0, LIST, 215) \
    X(SECURITY_SERVER, "Security-Server", 0, LIST, 60) \
    X(SECURITY_VERIFY, "Security-Verify", 0, LIST, 136) \
    X(SERVER, "Server", 0, ROWS, 151) \
    X(SERVICE_ROUTE, "Service-Route", 0, LIST, 98) \
    X(SESSION_EXPIRES, "Session-Expires", 'x', ONCE, 43) \
    X(SIP_ETAG, "SIP-ETag", 0, ONCE, 31) \
    X(SIP_IF_MATCH, "SIP-If-Match", 0, ONCE, 185) \
    X(SUBJECT, "Subject", 's', ROWS, 209) \
    X(SUBSCRIPTION_STATE, "Subscription-State", 0, ONCE, 118) \
    X(SUPPORTED, "Supported", 'k', LIST, 73) \
    X(TARGET_DIALOG, "Target-Dialog", 0, ONCE, 99) \
    X(TIMESTAMP, "Timestamp", 0, ROWS, 197) \
    X(TO, "To", 't', ONCE, 154) \
    X(UNSUPPORTED, "Unsupported", 0, LIST, 32) \
    X(USER_AGENT, "User-Agent", 0, ROWS, 9) \
    X(USER_TO_USER, "User-to-User", 0, LIST, 81) \
    X(VIA, "Via", 'v', LIST, 114) \
    X(WARNING, "Warning", 0, LIST, 46) \
    X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, ROWS, 28)

#define ROW(ID, NAME, COMPACT, KIND, SLOT) [HDR_##ID] = {NAME ":", sizeof(NAME) - 1, COMPACT, KIND},
const struct hdr_entry hdr_entries[HDR_N] = {HEADERS(ROW)};
#undef ROW

#define ROW(ID, NAME, COMPACT, KIND, SLOT) [SLOT] = HDR_##ID,
const uint8_t hdr_by_slot[1 << HDR_SLOT_BITS] = {HEADERS(ROW)};
#undef ROW

/* RFC 3261 §7.3.3 and the registry of compact forms. */
#define LETTER(SMALL, ID) [SMALL] = HDR_##ID, [(SMALL) - 'a' + 'A'] = HDR_##ID
const uint8_t hdr_by_letter[256] = {
    LETTER('a', ACCEPT_CONTACT), LETTER('b', REFERRED_BY), LETTER('c', CONTENT_TYPE), LETTER('d', REQUEST_DISPOSITION),
    LETTER('e', CONTENT_ENCODING), LETTER('f', FROM), LETTER('i', CALL_ID), LETTER('j', REJECT_CONTACT), LETTER('k', SUPPORTED),
    LETTER('l', CONTENT_LENGTH), LETTER('m', CONTACT), LETTER('n', IDENTITY_INFO), LETTER('o', EVENT), LETTER('r', REFER_TO),
    LETTER('s', SUBJECT), LETTER('t', TO), LETTER('u', ALLOW_EVENTS), LETTER('v', VIA), LETTER('x', SESSION_EXPIRES),
    LETTER('y', IDENTITY),
};
#undef LETTER

const char hdr_mask[2 * HDR_SHORT_OCTETS] = {[0 ... HDR_SHORT_OCTETS - 1] = '\xff'};

COLD enum hdr_id hdr_find_in_any_case(enum hdr_id id, struct slice name)
{
    return slice_ieq(hdr_name(id), name) ? id : HDR_OTHER;
}

/* Long names are known by their length, too: some are alike in their first 16 octets. */
static struct hdr_words long_words(struct slice name)
{
    return (struct hdr_words){scan_word(name.p), scan_word(name.p + 8) ^ name.n};
}

static struct hdr_words short_words(struct slice name)
{
    char text[HDR_SHORT_OCTETS] = {0};

    memcpy(text, name.p, name.n);
    text[name.n] = ':';
    return hdr_words_at(text, name.n);
}

enum hdr_id hdr_find(struct slice name)
{
    struct hdr_words w;

    if (name.n <= 1)
        return name.n ? (enum hdr_id)hdr_by_letter[(unsigned char)name.p[0]] : HDR_OTHER;
    w = name.n < HDR_SHORT_OCTETS ? short_words(name) : long_words(name);
    return hdr_find_in_any_case((enum hdr_id)hdr_by_slot[hdr_slot(w)], name);
}

struct slice hdr_name(enum hdr_id id)
{
    return (struct slice){hdr_entries[id].name, hdr_entries[id].n};
}

char hdr_compact(enum hdr_id id)
{
    return hdr_entries[id].compact;
}

bool hdr_is_list(enum hdr_id id)
{
    return hdr_entries[id].kind == LIST;
}

bool hdr_is_single(enum hdr_id id)
{
    return hdr_entries[id].kind == ONCE;
}

enum { MAX_METHOD = 10 };

static const struct {
    char   name[MAX_METHOD]; /* the rest is zero */
    size_t n;
} methods[METHOD_N] = {
#define METHOD(NAME) [METHOD_##NAME] = {#NAME, sizeof(#NAME) - 1}
    METHOD(INVITE), METHOD(ACK), METHOD(BYE), METHOD(CANCEL), METHOD(REGISTER), METHOD(OPTIONS), METHOD(INFO), METHOD(PRACK),
    METHOD(UPDATE), METHOD(SUBSCRIBE), METHOD(NOTIFY), METHOD(REFER), METHOD(MESSAGE), METHOD(PUBLISH),
#undef METHOD
};

enum method method_find(struct slice name)
{
    uint64_t first = scan_word_of(name.p, name.n);

    for (enum method m = METHOD_INVITE; m < METHOD_N; m++)
        if (first == scan_word(methods[m].name) && name.n == methods[m].n && (name.n <= 8 || slice_eq(name, method_name(m))))
            return m;
    return METHOD_OTHER;
}

struct slice method_name(enum method method)
{
    return (struct slice){methods[method].name, methods[method].n};
}

/* Whole, as they are written, by their code: an answer's first line is one piece then. */
enum { LINE_BEGINS = sizeof "SIP/2.0 200 " - 1, FIRST_CODE = 100, LAST_CODE = 699 };
#define LINE(code, reason) [(code) - FIRST_CODE] = S("SIP/2.0 " #code " " reason "\r\n")

static const struct slice lines[LAST_CODE - FIRST_CODE + 1] = {
    LINE(100, "Trying"),
    LINE(180, "Ringing"),
    LINE(181, "Call Is Being Forwarded"),
    LINE(182, "Queued"),
    LINE(183, "Session Progress"),
    LINE(199, "Early Dialog Terminated"),
    LINE(200, "OK"),
    LINE(202, "Accepted"),
    LINE(204, "No Notification"),
    LINE(300, "Multiple Choices"),
    LINE(301, "Moved Permanently"),
    LINE(302, "Moved Temporarily"),
    LINE(305, "Use Proxy"),
    LINE(380, "Alternative Service"),
    LINE(400, "Bad Request"),
    LINE(401, "Unauthorized"),
    LINE(402, "Payment Required"),
    LINE(403, "Forbidden"),
    LINE(404, "Not Found"),
    LINE(405, "Method Not Allowed"),
    LINE(406, "Not Acceptable"),
    LINE(407, "Proxy Authentication Required"),
    LINE(408, "Request Timeout"),
    LINE(410, "Gone"),
    LINE(412, "Conditional Request Failed"),
    LINE(413, "Request Entity Too Large"),
    LINE(414, "Request-URI Too Long"),
    LINE(415, "Unsupported Media Type"),
    LINE(416, "Unsupported URI Scheme"),
    LINE(417, "Unknown Resource-Priority"),
    LINE(420, "Bad Extension"),
    LINE(421, "Extension Required"),
    LINE(422, "Session Interval Too Small"),
    LINE(423, "Interval Too Brief"),
    LINE(424, "Bad Location Information"),
    LINE(428, "Use Identity Header"),
    LINE(429, "Provide Referrer Identity"),
    LINE(430, "Flow Failed"),
    LINE(433, "Anonymity Disallowed"),
    LINE(436, "Bad Identity Info"),
    LINE(437, "Unsupported Credential"),
    LINE(438, "Invalid Identity Header"),
    LINE(439, "First Hop Lacks Outbound Support"),
    LINE(440, "Max-Breadth Exceeded"),
    LINE(469, "Bad Info Package"),
    LINE(470, "Consent Needed"),
    LINE(480, "Temporarily Unavailable"),
    LINE(481, "Call/Transaction Does Not Exist"),
    LINE(482, "Loop Detected"),
    LINE(483, "Too Many Hops"),
    LINE(484, "Address Incomplete"),
    LINE(485, "Ambiguous"),
    LINE(486, "Busy Here"),
    LINE(487, "Request Terminated"),
    LINE(488, "Not Acceptable Here"),
    LINE(489, "Bad Event"),
    LINE(491, "Request Pending"),
    LINE(493, "Undecipherable"),
    LINE(494, "Security Agreement Required"),
    LINE(500, "Server Internal Error"),
    LINE(501, "Not Implemented"),
    LINE(502, "Bad Gateway"),
    LINE(503, "Service Unavailable"),
    LINE(504, "Server Time-out"),
    LINE(505, "Version Not Supported"),
    LINE(513, "Message Too Large"),
    LINE(555, "Push Notification Service Not Supported"),
    LINE(580, "Precondition Failure"),
    LINE(600, "Busy Everywhere"),
    LINE(603, "Decline"),
    LINE(604, "Does Not Exist Anywhere"),
    LINE(606, "Not Acceptable"),
    LINE(607, "Unwanted"),
    LINE(608, "Rejected"),
};

struct slice msg_status_line(unsigned code)
{
    return code >= FIRST_CODE && code <= LAST_CODE ? lines[code - FIRST_CODE] : SLICE_NONE;
}

struct slice msg_reason(unsigned code)
{
    struct slice line = msg_status_line(code);

    return line.n ? slice_from(slice_to(line, line.n - 2), LINE_BEGINS) : S("Unknown");
}
