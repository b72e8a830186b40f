/* names.c - tables of methods, header fields and reason phrases.
 *
 * Room      sip/msg (pure).
 * In        names as written.
 * Out       numbers, and back.
 * Header names are found by a perfect hash: length, the first eight octets and the last eight, times a number with which no
 * two names of the table meet. A new name stands in the slot that hdr_slot() gives; names_test.c fails when it does not, or
 * when the slot is taken (then another factor must be searched: some hundred million tries). */
#include "sip/msg/names_find.h"

enum { ONCE = 1, LIST = 2, ROWS = 3 };
/* ONCE: one row only, a second one makes the message ambiguous. LIST: rows and comma lists are one (RFC 3261 §7.3.1).
 * ROWS: no comma list; either rows may repeat (challenges), or a second one does no harm and is not looked at. */

#define HEADERS(X) \
    X(ACCEPT, "Accept", 0, LIST, 11) \
    X(ACCEPT_CONTACT, "Accept-Contact", 'a', LIST, 52) \
    X(ACCEPT_ENCODING, "Accept-Encoding", 0, LIST, 70) \
    X(ACCEPT_LANGUAGE, "Accept-Language", 0, LIST, 49) \
    X(ALERT_INFO, "Alert-Info", 0, LIST, 92) \
    X(ALLOW, "Allow", 0, LIST, 91) \
    X(ALLOW_EVENTS, "Allow-Events", 'u', LIST, 139) \
    X(ANSWER_MODE, "Answer-Mode", 0, ROWS, 200) \
    X(AUTHENTICATION_INFO, "Authentication-Info", 0, ROWS, 41) \
    X(AUTHORIZATION, "Authorization", 0, ROWS, 177) \
    X(CALL_ID, "Call-ID", 'i', ONCE, 27) \
    X(CALL_INFO, "Call-Info", 0, LIST, 218) \
    X(CONTACT, "Contact", 'm', LIST, 64) \
    X(CONTENT_DISPOSITION, "Content-Disposition", 0, ROWS, 220) \
    X(CONTENT_ENCODING, "Content-Encoding", 'e', LIST, 242) \
    X(CONTENT_LANGUAGE, "Content-Language", 0, LIST, 186) \
    X(CONTENT_LENGTH, "Content-Length", 'l', ONCE, 231) \
    X(CONTENT_TYPE, "Content-Type", 'c', ONCE, 96) \
    X(CSEQ, "CSeq", 0, ONCE, 116) \
    X(DATE, "Date", 0, ROWS, 136) \
    X(DIVERSION, "Diversion", 0, LIST, 133) \
    X(ERROR_INFO, "Error-Info", 0, LIST, 48) \
    X(EVENT, "Event", 'o', ONCE, 249) \
    X(EXPIRES, "Expires", 0, ONCE, 108) \
    X(FEATURE_CAPS, "Feature-Caps", 0, LIST, 193) \
    X(FLOW_TIMER, "Flow-Timer", 0, ROWS, 111) \
    X(FROM, "From", 'f', ONCE, 29) \
    X(GEOLOCATION, "Geolocation", 0, LIST, 222) \
    X(HISTORY_INFO, "History-Info", 0, LIST, 164) \
    X(IDENTITY, "Identity", 'y', LIST, 53) \
    X(IDENTITY_INFO, "Identity-Info", 'n', ROWS, 154) \
    X(INFO_PACKAGE, "Info-Package", 0, ONCE, 212) \
    X(IN_REPLY_TO, "In-Reply-To", 0, LIST, 118) \
    X(JOIN, "Join", 0, ONCE, 233) \
    X(MAX_BREADTH, "Max-Breadth", 0, ONCE, 128) \
    X(MAX_FORWARDS, "Max-Forwards", 0, ONCE, 214) \
    X(MIME_VERSION, "MIME-Version", 0, ROWS, 216) \
    X(MIN_EXPIRES, "Min-Expires", 0, ONCE, 211) \
    X(MIN_SE, "Min-SE", 0, ONCE, 82) \
    X(ORGANIZATION, "Organization", 0, ROWS, 199) \
    X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0, LIST, 2) \
    X(P_ANSWER_STATE, "P-Answer-State", 0, ROWS, 83) \
    X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, LIST, 132) \
    X(P_ASSOCIATED_URI, "P-Associated-URI", 0, LIST, 178) \
    X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0, ROWS, 183) \
    X(P_CHARGING_VECTOR, "P-Charging-Vector", 0, ROWS, 125) \
    X(P_EARLY_MEDIA, "P-Early-Media", 0, LIST, 135) \
    X(P_MEDIA_AUTHORIZATION, "P-Media-Authorization", 0, LIST, 168) \
    X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, LIST, 33) \
    X(P_VISITED_NETWORK_ID, "P-Visited-Network-ID", 0, LIST, 66) \
    X(PATH, "Path", 0, LIST, 255) \
    X(PRIORITY, "Priority", 0, ROWS, 129) \
    X(PRIV_ANSWER_MODE, "Priv-Answer-Mode", 0, ROWS, 23) \
    X(PRIVACY, "Privacy", 0, ONCE, 238) \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, ROWS, 176) \
    X(PROXY_AUTHENTICATION_INFO, "Proxy-Authentication-Info", 0, ROWS, 251) \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, ROWS, 39) \
    X(PROXY_REQUIRE, "Proxy-Require", 0, LIST, 219) \
    X(RACK, "RAck", 0, ONCE, 166) \
    X(REASON, "Reason", 0, LIST, 61) \
    X(RECORD_ROUTE, "Record-Route", 0, LIST, 131) \
    X(RECV_INFO, "Recv-Info", 0, LIST, 10) \
    X(REFER_SUB, "Refer-Sub", 0, ONCE, 155) \
    X(REFER_TO, "Refer-To", 'r', ONCE, 150) \
    X(REFERRED_BY, "Referred-By", 'b', ONCE, 99) \
    X(REJECT_CONTACT, "Reject-Contact", 'j', LIST, 185) \
    X(REMOTE_PARTY_ID, "Remote-Party-ID", 0, LIST, 117) \
    X(REPLACES, "Replaces", 0, ONCE, 172) \
    X(REPLY_TO, "Reply-To", 0, ROWS, 115) \
    X(REQUEST_DISPOSITION, "Request-Disposition", 'd', LIST, 201) \
    X(REQUIRE, "Require", 0, LIST, 202) \
    X(RESOURCE_PRIORITY, "Resource-Priority", 0, LIST, 123) \
    X(RETRY_AFTER, "Retry-After", 0, ONCE, 24) \
    X(ROUTE, "Route", 0, LIST, 243) \
    X(RSEQ, "RSeq", 0, ONCE, 74) \
    X(SECURITY_CLIENT, "Security-Client", 0, LIST, 30) \
    X(SECURITY_SERVER, "Security-Server", 0, LIST, 138) \
    X(SECURITY_VERIFY, "Security-Verify", 0, LIST, 114) \
    X(SERVER, "Server", 0, ROWS, 254) \
    X(SERVICE_ROUTE, "Service-Route", 0, LIST, 241) \
    X(SESSION_EXPIRES, "Session-Expires", 'x', ONCE, 230) \
    X(SIP_ETAG, "SIP-ETag", 0, ONCE, 119) \
    X(SIP_IF_MATCH, "SIP-If-Match", 0, ONCE, 22) \
    X(SUBJECT, "Subject", 's', ROWS, 215) \
    X(SUBSCRIPTION_STATE, "Subscription-State", 0, ONCE, 5) \
    X(SUPPORTED, "Supported", 'k', LIST, 113) \
    X(TARGET_DIALOG, "Target-Dialog", 0, ONCE, 228) \
    X(TIMESTAMP, "Timestamp", 0, ROWS, 3) \
    X(TO, "To", 't', ONCE, 25) \
    X(UNSUPPORTED, "Unsupported", 0, LIST, 191) \
    X(USER_AGENT, "User-Agent", 0, ROWS, 250) \
    X(USER_TO_USER, "User-to-User", 0, LIST, 227) \
    X(VIA, "Via", 'v', LIST, 240) \
    X(WARNING, "Warning", 0, LIST, 94) \
    X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, ROWS, 84)

#define ROW(ID, NAME, COMPACT, KIND, SLOT) [HDR_##ID] = {NAME, sizeof(NAME) - 1, COMPACT, KIND},
const struct hdr_entry hdr_entries[HDR_N] = {HEADERS(ROW)};
#undef ROW

#define ROW(ID, NAME, COMPACT, KIND, SLOT) [SLOT] = HDR_##ID,
const uint8_t hdr_by_slot[1 << HDR_SLOT_BITS] = {HEADERS(ROW)};
#undef ROW

/* 'a' to 'z' (RFC 3261 §7.3.3 and the registry of compact forms). */
const uint8_t hdr_by_letter[256] = {
    ['a'] = HDR_ACCEPT_CONTACT, ['b'] = HDR_REFERRED_BY,   ['c'] = HDR_CONTENT_TYPE,    ['d'] = HDR_REQUEST_DISPOSITION,
    ['e'] = HDR_CONTENT_ENCODING, ['f'] = HDR_FROM,        ['i'] = HDR_CALL_ID,         ['j'] = HDR_REJECT_CONTACT,
    ['k'] = HDR_SUPPORTED,      ['l'] = HDR_CONTENT_LENGTH, ['m'] = HDR_CONTACT,        ['n'] = HDR_IDENTITY_INFO,
    ['o'] = HDR_EVENT,          ['r'] = HDR_REFER_TO,      ['s'] = HDR_SUBJECT,         ['t'] = HDR_TO,
    ['u'] = HDR_ALLOW_EVENTS,   ['v'] = HDR_VIA,           ['x'] = HDR_SESSION_EXPIRES, ['y'] = HDR_IDENTITY,
};

enum hdr_id hdr_find(struct slice name)
{
    return hdr_find_by(name, scan_word_of(name.p, name.n));
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

struct phrase {
    uint16_t     code;
    struct slice text;
};

static const struct phrase phrases[] = {
    {100, S("Trying")},
    {180, S("Ringing")},
    {181, S("Call Is Being Forwarded")},
    {182, S("Queued")},
    {183, S("Session Progress")},
    {199, S("Early Dialog Terminated")},
    {200, S("OK")},
    {202, S("Accepted")},
    {204, S("No Notification")},
    {300, S("Multiple Choices")},
    {301, S("Moved Permanently")},
    {302, S("Moved Temporarily")},
    {305, S("Use Proxy")},
    {380, S("Alternative Service")},
    {400, S("Bad Request")},
    {401, S("Unauthorized")},
    {402, S("Payment Required")},
    {403, S("Forbidden")},
    {404, S("Not Found")},
    {405, S("Method Not Allowed")},
    {406, S("Not Acceptable")},
    {407, S("Proxy Authentication Required")},
    {408, S("Request Timeout")},
    {410, S("Gone")},
    {412, S("Conditional Request Failed")},
    {413, S("Request Entity Too Large")},
    {414, S("Request-URI Too Long")},
    {415, S("Unsupported Media Type")},
    {416, S("Unsupported URI Scheme")},
    {417, S("Unknown Resource-Priority")},
    {420, S("Bad Extension")},
    {421, S("Extension Required")},
    {422, S("Session Interval Too Small")},
    {423, S("Interval Too Brief")},
    {424, S("Bad Location Information")},
    {428, S("Use Identity Header")},
    {429, S("Provide Referrer Identity")},
    {430, S("Flow Failed")},
    {433, S("Anonymity Disallowed")},
    {436, S("Bad Identity Info")},
    {437, S("Unsupported Credential")},
    {438, S("Invalid Identity Header")},
    {439, S("First Hop Lacks Outbound Support")},
    {440, S("Max-Breadth Exceeded")},
    {469, S("Bad Info Package")},
    {470, S("Consent Needed")},
    {480, S("Temporarily Unavailable")},
    {481, S("Call/Transaction Does Not Exist")},
    {482, S("Loop Detected")},
    {483, S("Too Many Hops")},
    {484, S("Address Incomplete")},
    {485, S("Ambiguous")},
    {486, S("Busy Here")},
    {487, S("Request Terminated")},
    {488, S("Not Acceptable Here")},
    {489, S("Bad Event")},
    {491, S("Request Pending")},
    {493, S("Undecipherable")},
    {494, S("Security Agreement Required")},
    {500, S("Server Internal Error")},
    {501, S("Not Implemented")},
    {502, S("Bad Gateway")},
    {503, S("Service Unavailable")},
    {504, S("Server Time-out")},
    {505, S("Version Not Supported")},
    {513, S("Message Too Large")},
    {555, S("Push Notification Service Not Supported")},
    {580, S("Precondition Failure")},
    {600, S("Busy Everywhere")},
    {603, S("Decline")},
    {604, S("Does Not Exist Anywhere")},
    {606, S("Not Acceptable")},
    {607, S("Unwanted")},
    {608, S("Rejected")},
};

struct slice msg_reason(unsigned code)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].code == code)
            return phrases[i].text;
    return S("Unknown");
}
