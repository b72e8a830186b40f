/* names.h - names of methods, header fields and reason phrases, as numbers. Pure. Part of the door sip/msg/msg.h. */
#ifndef SIP_MSG_NAMES_H
#define SIP_MSG_NAMES_H

#include "base/slice.h"

/* Methods of RFC 3261, 3262, 3311, 3428, 3515, 3903, 6086, 6665. Names are case-sensitive (RFC 3261 §7.1). */
enum method {
    METHOD_OTHER, /* any other token: see the slice beside it */
    METHOD_INVITE,
    METHOD_ACK,
    METHOD_BYE,
    METHOD_CANCEL,
    METHOD_REGISTER,
    METHOD_OPTIONS,
    METHOD_INFO,
    METHOD_PRACK,
    METHOD_UPDATE,
    METHOD_SUBSCRIBE,
    METHOD_NOTIFY,
    METHOD_REFER,
    METHOD_MESSAGE,
    METHOD_PUBLISH,
    METHOD_N
};

enum method  method_find(struct slice name);   /* METHOD_OTHER when unknown */
struct slice method_name(enum method method);  /* empty for METHOD_OTHER */

/* The reason phrase that RFC 3261 §21 and its successors print for a code; "Unknown" for any other. */
struct slice msg_reason(unsigned code);
struct slice msg_status_line(unsigned code); /* whole, with its CRLF and the usual reason; empty: no code that has one */

/* Header fields that this house knows; all others are HDR_OTHER and kept as they came. */
enum hdr_id {
    HDR_OTHER,
    HDR_ACCEPT,
    HDR_ACCEPT_CONTACT,
    HDR_ACCEPT_ENCODING,
    HDR_ACCEPT_LANGUAGE,
    HDR_ALERT_INFO,
    HDR_ALLOW,
    HDR_ALLOW_EVENTS,
    HDR_ANSWER_MODE,
    HDR_AUTHENTICATION_INFO,
    HDR_AUTHORIZATION,
    HDR_CALL_ID,
    HDR_CALL_INFO,
    HDR_CONTACT,
    HDR_CONTENT_DISPOSITION,
    HDR_CONTENT_ENCODING,
    HDR_CONTENT_LANGUAGE,
    HDR_CONTENT_LENGTH,
    HDR_CONTENT_TYPE,
    HDR_CSEQ,
    HDR_DATE,
    HDR_DIVERSION,
    HDR_ERROR_INFO,
    HDR_EVENT,
    HDR_EXPIRES,
    HDR_FEATURE_CAPS,
    HDR_FLOW_TIMER,
    HDR_FROM,
    HDR_GEOLOCATION,
    HDR_HISTORY_INFO,
    HDR_IDENTITY,
    HDR_IDENTITY_INFO,
    HDR_INFO_PACKAGE,
    HDR_IN_REPLY_TO,
    HDR_JOIN,
    HDR_MAX_BREADTH,
    HDR_MAX_FORWARDS,
    HDR_MIME_VERSION,
    HDR_MIN_EXPIRES,
    HDR_MIN_SE,
    HDR_ORGANIZATION,
    HDR_P_ACCESS_NETWORK_INFO,
    HDR_P_ANSWER_STATE,
    HDR_P_ASSERTED_IDENTITY,
    HDR_P_ASSOCIATED_URI,
    HDR_P_CALLED_PARTY_ID,
    HDR_P_CHARGING_VECTOR,
    HDR_P_EARLY_MEDIA,
    HDR_P_MEDIA_AUTHORIZATION,
    HDR_P_PREFERRED_IDENTITY,
    HDR_P_VISITED_NETWORK_ID,
    HDR_PATH,
    HDR_PRIORITY,
    HDR_PRIV_ANSWER_MODE,
    HDR_PRIVACY,
    HDR_PROXY_AUTHENTICATE,
    HDR_PROXY_AUTHENTICATION_INFO,
    HDR_PROXY_AUTHORIZATION,
    HDR_PROXY_REQUIRE,
    HDR_RACK,
    HDR_REASON,
    HDR_RECORD_ROUTE,
    HDR_RECV_INFO,
    HDR_REFER_SUB,
    HDR_REFER_TO,
    HDR_REFERRED_BY,
    HDR_REJECT_CONTACT,
    HDR_REMOTE_PARTY_ID,
    HDR_REPLACES,
    HDR_REPLY_TO,
    HDR_REQUEST_DISPOSITION,
    HDR_REQUIRE,
    HDR_RESOURCE_PRIORITY,
    HDR_RETRY_AFTER,
    HDR_ROUTE,
    HDR_RSEQ,
    HDR_SECURITY_CLIENT,
    HDR_SECURITY_SERVER,
    HDR_SECURITY_VERIFY,
    HDR_SERVER,
    HDR_SERVICE_ROUTE,
    HDR_SESSION_EXPIRES,
    HDR_SIP_ETAG,
    HDR_SIP_IF_MATCH,
    HDR_SUBJECT,
    HDR_SUBSCRIPTION_STATE,
    HDR_SUPPORTED,
    HDR_TARGET_DIALOG,
    HDR_TIMESTAMP,
    HDR_TO,
    HDR_UNSUPPORTED,
    HDR_USER_AGENT,
    HDR_USER_TO_USER,
    HDR_VIA,
    HDR_WARNING,
    HDR_WWW_AUTHENTICATE,
    HDR_N
};

enum hdr_id  hdr_find(struct slice name);  /* long or compact form, any case; HDR_OTHER when unknown */
struct slice hdr_name(enum hdr_id id);     /* the long form, spelt as its RFC spells it; empty for HDR_OTHER */
char         hdr_compact(enum hdr_id id);  /* its one letter, or 0 */
bool         hdr_is_list(enum hdr_id id);  /* may be a comma list, and be repeated (RFC 3261 §7.3.1) */
bool         hdr_is_single(enum hdr_id id); /* may occur once only */

#endif
