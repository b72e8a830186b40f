/* names.c - tables of methods, header fields and reason phrases.
 *
 * Room      sip/msg (pure).
 * In        names as written.
 * Out       numbers, and back.
 * Header names are found by a perfect hash: length and four letters, weighed so that no two names of the table meet. A
 * new name stands in the slot that slot_of() gives; names_test.c fails when it does not, or when the slot is taken (then
 * other weights must be searched). */
#include "sip/msg/names.h"

#include <string.h>

enum { ONCE = 1, LIST = 2, ROWS = 3 };
/* ONCE: one row only, a second one makes the message ambiguous. LIST: rows and comma lists are one (RFC 3261 §7.3.1).
 * ROWS: no comma list; either rows may repeat (challenges), or a second one does no harm and is not looked at. */

#define HEADERS(X) \
    X(ACCEPT, "Accept", 0, LIST, 247) \
    X(ACCEPT_CONTACT, "Accept-Contact", 'a', LIST, 319) \
    X(ACCEPT_ENCODING, "Accept-Encoding", 0, LIST, 506) \
    X(ACCEPT_LANGUAGE, "Accept-Language", 0, LIST, 287) \
    X(ALERT_INFO, "Alert-Info", 0, LIST, 446) \
    X(ALLOW, "Allow", 0, LIST, 68) \
    X(ALLOW_EVENTS, "Allow-Events", 'u', LIST, 228) \
    X(ANSWER_MODE, "Answer-Mode", 0, ROWS, 491) \
    X(AUTHENTICATION_INFO, "Authentication-Info", 0, ROWS, 270) \
    X(AUTHORIZATION, "Authorization", 0, ROWS, 98) \
    X(CALL_ID, "Call-ID", 'i', ONCE, 466) \
    X(CALL_INFO, "Call-Info", 0, LIST, 431) \
    X(CONTACT, "Contact", 'm', LIST, 168) \
    X(CONTENT_DISPOSITION, "Content-Disposition", 0, ROWS, 109) \
    X(CONTENT_ENCODING, "Content-Encoding", 'e', LIST, 484) \
    X(CONTENT_LANGUAGE, "Content-Language", 0, LIST, 265) \
    X(CONTENT_LENGTH, "Content-Length", 'l', ONCE, 418) \
    X(CONTENT_TYPE, "Content-Type", 'c', ONCE, 424) \
    X(CSEQ, "CSeq", 0, ONCE, 216) \
    X(DATE, "Date", 0, ROWS, 476) \
    X(DIVERSION, "Diversion", 0, LIST, 298) \
    X(ERROR_INFO, "Error-Info", 0, LIST, 271) \
    X(EVENT, "Event", 'o', ONCE, 402) \
    X(EXPIRES, "Expires", 0, ONCE, 393) \
    X(FEATURE_CAPS, "Feature-Caps", 0, LIST, 460) \
    X(FLOW_TIMER, "Flow-Timer", 0, ROWS, 443) \
    X(FROM, "From", 'f', ONCE, 258) \
    X(GEOLOCATION, "Geolocation", 0, LIST, 229) \
    X(HISTORY_INFO, "History-Info", 0, LIST, 146) \
    X(IDENTITY, "Identity", 'y', LIST, 279) \
    X(IDENTITY_INFO, "Identity-Info", 'n', ROWS, 478) \
    X(INFO_PACKAGE, "Info-Package", 0, ONCE, 422) \
    X(IN_REPLY_TO, "In-Reply-To", 0, LIST, 137) \
    X(JOIN, "Join", 0, ONCE, 268) \
    X(MAX_BREADTH, "Max-Breadth", 0, ONCE, 257) \
    X(MAX_FORWARDS, "Max-Forwards", 0, ONCE, 311) \
    X(MIME_VERSION, "MIME-Version", 0, ROWS, 27) \
    X(MIN_EXPIRES, "Min-Expires", 0, ONCE, 242) \
    X(MIN_SE, "Min-SE", 0, ONCE, 224) \
    X(ORGANIZATION, "Organization", 0, ROWS, 462) \
    X(P_ACCESS_NETWORK_INFO, "P-Access-Network-Info", 0, LIST, 75) \
    X(P_ANSWER_STATE, "P-Answer-State", 0, ROWS, 243) \
    X(P_ASSERTED_IDENTITY, "P-Asserted-Identity", 0, LIST, 130) \
    X(P_ASSOCIATED_URI, "P-Associated-URI", 0, LIST, 47) \
    X(P_CALLED_PARTY_ID, "P-Called-Party-ID", 0, ROWS, 21) \
    X(P_CHARGING_VECTOR, "P-Charging-Vector", 0, ROWS, 41) \
    X(P_EARLY_MEDIA, "P-Early-Media", 0, LIST, 9) \
    X(P_MEDIA_AUTHORIZATION, "P-Media-Authorization", 0, LIST, 195) \
    X(P_PREFERRED_IDENTITY, "P-Preferred-Identity", 0, LIST, 217) \
    X(P_VISITED_NETWORK_ID, "P-Visited-Network-ID", 0, LIST, 403) \
    X(PATH, "Path", 0, LIST, 101) \
    X(PRIORITY, "Priority", 0, ROWS, 490) \
    X(PRIV_ANSWER_MODE, "Priv-Answer-Mode", 0, ROWS, 107) \
    X(PRIVACY, "Privacy", 0, ONCE, 451) \
    X(PROXY_AUTHENTICATE, "Proxy-Authenticate", 0, ROWS, 276) \
    X(PROXY_AUTHENTICATION_INFO, "Proxy-Authentication-Info", 0, ROWS, 50) \
    X(PROXY_AUTHORIZATION, "Proxy-Authorization", 0, ROWS, 383) \
    X(PROXY_REQUIRE, "Proxy-Require", 0, LIST, 481) \
    X(RACK, "RAck", 0, ONCE, 115) \
    X(REASON, "Reason", 0, LIST, 468) \
    X(RECORD_ROUTE, "Record-Route", 0, LIST, 441) \
    X(RECV_INFO, "Recv-Info", 0, LIST, 143) \
    X(REFER_SUB, "Refer-Sub", 0, ONCE, 120) \
    X(REFER_TO, "Refer-To", 'r', ONCE, 167) \
    X(REFERRED_BY, "Referred-By", 'b', ONCE, 369) \
    X(REJECT_CONTACT, "Reject-Contact", 'j', LIST, 14) \
    X(REMOTE_PARTY_ID, "Remote-Party-ID", 0, LIST, 213) \
    X(REPLACES, "Replaces", 0, ONCE, 24) \
    X(REPLY_TO, "Reply-To", 0, ROWS, 244) \
    X(REQUEST_DISPOSITION, "Request-Disposition", 'd', LIST, 382) \
    X(REQUIRE, "Require", 0, LIST, 171) \
    X(RESOURCE_PRIORITY, "Resource-Priority", 0, LIST, 151) \
    X(RETRY_AFTER, "Retry-After", 0, ONCE, 117) \
    X(ROUTE, "Route", 0, LIST, 365) \
    X(RSEQ, "RSeq", 0, ONCE, 489) \
    X(SECURITY_CLIENT, "Security-Client", 0, LIST, 439) \
    X(SECURITY_SERVER, "Security-Server", 0, LIST, 425) \
    X(SECURITY_VERIFY, "Security-Verify", 0, LIST, 474) \
    X(SERVER, "Server", 0, ROWS, 46) \
    X(SERVICE_ROUTE, "Service-Route", 0, LIST, 187) \
    X(SESSION_EXPIRES, "Session-Expires", 'x', ONCE, 290) \
    X(SIP_ETAG, "SIP-ETag", 0, ONCE, 119) \
    X(SIP_IF_MATCH, "SIP-If-Match", 0, ONCE, 155) \
    X(SUBJECT, "Subject", 's', ROWS, 380) \
    X(SUBSCRIPTION_STATE, "Subscription-State", 0, ONCE, 32) \
    X(SUPPORTED, "Supported", 'k', LIST, 288) \
    X(TARGET_DIALOG, "Target-Dialog", 0, ONCE, 105) \
    X(TIMESTAMP, "Timestamp", 0, ROWS, 364) \
    X(TO, "To", 't', ONCE, 188) \
    X(UNSUPPORTED, "Unsupported", 0, LIST, 102) \
    X(USER_AGENT, "User-Agent", 0, ROWS, 273) \
    X(USER_TO_USER, "User-to-User", 0, LIST, 406) \
    X(VIA, "Via", 'v', LIST, 344) \
    X(WARNING, "Warning", 0, LIST, 61) \
    X(WWW_AUTHENTICATE, "WWW-Authenticate", 0, ROWS, 414)

enum { SLOTS = 512 };

struct header {
    struct slice name;
    char         compact;
    uint8_t      kind;
};

#define ROW(ID, NAME, COMPACT, KIND, SLOT) [HDR_##ID] = {{NAME, sizeof(NAME) - 1}, COMPACT, KIND},
static const struct header headers[HDR_N] = {HEADERS(ROW)};
#undef ROW

#define ROW(ID, NAME, COMPACT, KIND, SLOT) [SLOT] = HDR_##ID,
static const uint8_t by_slot[SLOTS] = {HEADERS(ROW)};
#undef ROW

/* 'a' to 'z' (RFC 3261 §7.3.3 and the registry of compact forms). */
static const uint8_t by_letter[256] = {
    ['a'] = HDR_ACCEPT_CONTACT, ['b'] = HDR_REFERRED_BY,   ['c'] = HDR_CONTENT_TYPE,    ['d'] = HDR_REQUEST_DISPOSITION,
    ['e'] = HDR_CONTENT_ENCODING, ['f'] = HDR_FROM,        ['i'] = HDR_CALL_ID,         ['j'] = HDR_REJECT_CONTACT,
    ['k'] = HDR_SUPPORTED,      ['l'] = HDR_CONTENT_LENGTH, ['m'] = HDR_CONTACT,        ['n'] = HDR_IDENTITY_INFO,
    ['o'] = HDR_EVENT,          ['r'] = HDR_REFER_TO,      ['s'] = HDR_SUBJECT,         ['t'] = HDR_TO,
    ['u'] = HDR_ALLOW_EVENTS,   ['v'] = HDR_VIA,           ['x'] = HDR_SESSION_EXPIRES, ['y'] = HDR_IDENTITY,
};

/* In lower case if it is a letter; any other octet may come out as another one, since the name is compared later. */
static unsigned letter(struct slice s, size_t i)
{
    return (unsigned char)s.p[i] | 0x20u;
}

static unsigned slot_of(struct slice s)
{
    return ((unsigned)s.n * 44 + letter(s, 0) * 223 + letter(s, s.n - 1) * 7 + letter(s, s.n / 2) * 117
            + letter(s, s.n / 4) * 233)
           % SLOTS;
}

enum hdr_id hdr_find(struct slice name)
{
    const struct header *h;
    enum hdr_id          id;

    if (name.n == 1)
        return (enum hdr_id)by_letter[(unsigned char)ascii_lower(name.p[0])];
    if (name.n == 0)
        return HDR_OTHER;
    id = (enum hdr_id)by_slot[slot_of(name)];
    h = &headers[id];
    if (h->name.n != name.n)
        return HDR_OTHER;
    /* nearly everybody writes it as its RFC does */
    if (memcmp(h->name.p, name.p, name.n) == 0 || slice_ieq(h->name, name))
        return id;
    return HDR_OTHER;
}

struct slice hdr_name(enum hdr_id id)
{
    return headers[id].name;
}

char hdr_compact(enum hdr_id id)
{
    return headers[id].compact;
}

bool hdr_is_list(enum hdr_id id)
{
    return headers[id].kind == LIST;
}

bool hdr_is_single(enum hdr_id id)
{
    return headers[id].kind == ONCE;
}

static const struct slice methods[METHOD_N] = {
    [METHOD_INVITE] = S("INVITE"),     [METHOD_ACK] = S("ACK"),         [METHOD_BYE] = S("BYE"),
    [METHOD_CANCEL] = S("CANCEL"),     [METHOD_REGISTER] = S("REGISTER"), [METHOD_OPTIONS] = S("OPTIONS"),
    [METHOD_INFO] = S("INFO"),         [METHOD_PRACK] = S("PRACK"),     [METHOD_UPDATE] = S("UPDATE"),
    [METHOD_SUBSCRIBE] = S("SUBSCRIBE"), [METHOD_NOTIFY] = S("NOTIFY"), [METHOD_REFER] = S("REFER"),
    [METHOD_MESSAGE] = S("MESSAGE"),   [METHOD_PUBLISH] = S("PUBLISH"),
};

enum method method_find(struct slice name)
{
    for (enum method m = METHOD_INVITE; m < METHOD_N; m++)
        if (slice_eq(methods[m], name))
            return m;
    return METHOD_OTHER;
}

struct slice method_name(enum method method)
{
    return methods[method];
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
