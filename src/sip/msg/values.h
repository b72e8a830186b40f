/* values.h - what stands in header fields, each read when asked for. Pure. Part of the door sip/msg/msg.h.
 *
 * Every reader takes the octets of one element (or value) as on the wire, folds included, and gives slices into them.
 * ERR_SYNTAX: not the grammar; ERR_LIMIT: over a named limit; ERR_NOTFOUND (only those that take a message): no such
 * field. Results are written on ERR_OK only. */
#ifndef SIP_MSG_VALUES_H
#define SIP_MSG_VALUES_H

#include "base/hash.h"
#include "sip/msg/parse.h"

/* --- parameters: ;name, ;name=token, ;name="quoted", ;name=host ------------------------------------------------- */

struct msg_param {
    struct slice name;
    struct slice value; /* as written: a quoted string with its quotes. Empty when there is none */
    bool         has_value;
};
/* Take the first parameter off *rest, which begins at its ';'. ERR_NOTFOUND at the end; ERR_SYNTAX (";;" is one). */
enum err msg_param_next(struct slice *rest, struct msg_param *out);
/* By name, case ignored. Valueless: ERR_OK, empty slice. `value` may be NULL. ERR_NOTFOUND. */
enum err msg_param(struct slice params, struct slice name, struct slice *value);
bool     msg_has_param(struct slice params, struct slice name);
/* Are all well-formed, and not over MSG_MAX_PARAMS? ERR_OK, ERR_SYNTAX, ERR_LIMIT. */
enum err msg_params_check(struct slice params);

bool msg_is_token(struct slice s);                                /* RFC 3261 §25.1 token, not empty */
struct slice msg_take_token(struct slice *s);                     /* off the front; it may be empty */
/* A quoted string without quotes and quoted-pairs; any other text as it is. A fold becomes one SP. */
void msg_put_unquoted(struct buf *b, struct slice s);
/* `text` as a quoted string: '"' and '\' escaped; CR and LF, which may not occur, become SP. */
void msg_put_quoted(struct buf *b, struct slice text);

/* --- name-addr: From, To, Contact, Route, Record-Route, Path, Service-Route, Refer-To, Referred-By, Diversion,
 *     History-Info, Reply-To, P-Asserted-Identity, P-Preferred-Identity, Remote-Party-ID ... -------------------------- */

struct name_addr {
    struct slice display;   /* as written: quoted string with its quotes, or tokens; empty = absent       */
    struct slice uri;       /* without <>; parameters behind a bare URI are header parameters (§20)       */
    struct slice params;    /* of the header field, from the first ';'                                    */
    bool         bracketed; /* <> stood round the URI                                                     */
    bool         star;      /* Contact: *                                                                 */
};
/* One element. The URI is cut out, not parsed (uri_parse does); "*" is accepted as `star`. A bare URI must not hold '?'
 * or ',' (RFC 3261 §20.10). */
enum err name_addr_parse(struct slice element, struct name_addr *out);
struct slice name_addr_tag(const struct name_addr *na);             /* empty = none */
/* name-addr back as text: display as given, URI in <>, params as given. */
void name_addr_put(struct buf *b, const struct name_addr *na);

/* First element of a field. ERR_NOTFOUND when the message has none. */
enum err msg_name_addr(const struct msg *m, enum hdr_id id, struct name_addr *out);
enum err msg_from(const struct msg *m, struct name_addr *out);
enum err msg_to(const struct msg *m, struct name_addr *out);
struct slice msg_from_tag(const struct msg *m);                     /* empty = none or unreadable */
struct slice msg_to_tag(const struct msg *m);
struct slice msg_call_id(const struct msg *m);                      /* empty = none */
/* hash_name() of the Call-ID: worked out once for each message, so ask with the key that everybody else here asks with. */
uint64_t msg_call_hash(const struct msg *m, const struct hash_key *key);
/* Their URIs, and the Request-URI. NULL: unreadable. They live as long as the message. These, From, To, the first Contact and Route, CSeq
 * and the top Via are read once for each message, however often they are asked for. */
const struct uri *msg_from_uri(const struct msg *m);
const struct uri *msg_to_uri(const struct msg *m);
const struct uri *msg_contact_uri(const struct msg *m); /* the first one's; NULL also for "*" */
const struct uri *msg_route_uri(const struct msg *m);   /* the first one's */
const struct uri *msg_request_uri(const struct msg *m);

/* Contact's "q" (RFC 3261 §25.1 qvalue) as 0..1000; absent: 1000. */
enum err msg_q(struct slice params, uint16_t *out);
/* Contact's "expires". Absent: ERR_NOTFOUND. Over 2**32-1: 2**32-1. Not a number: ERR_SYNTAX. */
enum err msg_contact_expires(struct slice params, uint32_t *out);

/* --- Via (RFC 3261 §20.42, RFC 3581, RFC 5118 §4.5) --------------------------------------------------------------- */

enum via_transport { VIA_OTHER, VIA_UDP, VIA_TCP, VIA_TLS, VIA_SCTP, VIA_WS, VIA_WSS };

struct via {
    struct slice       raw;       /* all of the element                                                    */
    struct slice       version;   /* "2.0": of another one nothing is promised                             */
    struct slice       transport_text;
    enum via_transport transport;
    struct slice       host;      /* sent-by, IPv6 without brackets                                        */
    uint16_t           port;      /* 0 = not written                                                       */
    bool               host_is_ip6;
    struct slice       params;    /* from the first ';'                                                    */
    struct slice       branch;    /* empty = absent                                                        */
    bool               rfc3261;   /* branch begins with z9hG4bK and goes on: good for matching (§17.2.3)   */
    struct slice       received;  /* an address without brackets, whichever way it came; empty = absent    */
    bool               has_received; /* the parameter, with an address or not                             */
    bool               has_rport; /* ;rport, with or without value                                         */
    struct slice       rport_text; /* that parameter as it stands, without its semicolon                   */
    uint16_t           rport;     /* 0 = no value                                                          */
    struct slice       maddr;     /* empty = absent; without brackets                                      */
    uint8_t            ttl;       /* 0 = absent                                                            */
    bool               has_oc;    /* ;oc, with or without value (RFC 7339)                                 */
};
enum err via_parse(struct slice element, struct via *out);
const struct via *msg_via(const struct msg *m); /* the top one, as long as the message; NULL: none, or none that can be read */
enum via_transport via_transport_find(struct slice text);
struct slice via_transport_name(enum via_transport t);              /* "UDP" ... */

/* The Via as a server must hand it back or on, knowing whence the request came (RFC 3261 §18.2.1, RFC 3581 §4):
 * ;received= when sent-by is another host than `source` or when rport was asked for; the port put into ;rport. Other
 * parameters, and their order, as they came; a `received` that the sender wrote itself goes. */
void via_put_received(struct buf *b, const struct via *v, const struct addr *source);
bool via_wants_received(const struct via *v, const struct addr *source); /* would that change it? */

/* Where a response goes that has this top Via (RFC 3261 §18.2.2, RFC 3581 §4), for unreliable transports and for a
 * stream that is gone. Host is an address or name; port 0: the default of the transport. */
struct via_target {
    struct slice host;
    uint16_t     port;
    bool         is_maddr;
};
void via_response_target(const struct via *v, struct via_target *out);

/* --- numbers ------------------------------------------------------------------------------------------------------ */

struct cseq {
    uint32_t     number; /* senders begin under 2**31 (RFC 3261 §8.1.1.5); on arrival all of 32 bits are lawful */
    struct slice method;
    enum method  method_id;
};
enum err cseq_parse(struct slice value, struct cseq *out);
enum err msg_cseq(const struct msg *m, struct cseq *out);

enum err msg_max_forwards(const struct msg *m, unsigned *out);      /* 0..255 */
enum err msg_max_breadth(const struct msg *m, unsigned *out);       /* RFC 5393; over 65535: 65535 */
enum err msg_expires(const struct msg *m, uint32_t *out);           /* Expires in s; over 2**32-1: 2**32-1 */
enum err msg_min_expires(const struct msg *m, uint32_t *out);
enum err msg_rseq(const struct msg *m, uint32_t *out);              /* 1..2**32-1 (RFC 3262) */
enum err msg_flow_timer(const struct msg *m, uint32_t *out);        /* RFC 5626 */
enum err msg_content_length(const struct msg *m, size_t *out);

struct rack {                                                       /* RFC 3262 §7.2 */
    uint32_t    rseq;
    struct cseq cseq;
};
enum err msg_rack(const struct msg *m, struct rack *out);

struct retry_after {
    uint32_t     seconds;
    struct slice params;   /* duration=... */
};
enum err msg_retry_after(const struct msg *m, struct retry_after *out);

struct session_expires {                                            /* RFC 4028 */
    uint32_t     seconds;
    enum { REFRESHER_NONE, REFRESHER_UAC, REFRESHER_UAS } refresher;
    struct slice params;
};
enum err msg_session_expires(const struct msg *m, struct session_expires *out);
enum err msg_min_se(const struct msg *m, uint32_t *out);

/* RFC 1123 date, GMT only: seconds since 1970. */
enum err msg_date(const struct msg *m, uint64_t *out);
void msg_put_date(struct buf *b, uint64_t seconds);

/* --- dialogs, events, bodies ---------------------------------------------------------------------------------------- */

/* Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538): HDR_REPLACES, HDR_JOIN, HDR_TARGET_DIALOG. */
struct dialog_ref {
    struct slice call_id;
    struct slice to_tag;     /* as in the header: to-tag, for Target-Dialog remote-tag */
    struct slice from_tag;   /* from-tag, for Target-Dialog local-tag                  */
    bool         early_only;
};
enum err dialog_ref_parse(enum hdr_id id, struct slice value, struct dialog_ref *out);
enum err msg_dialog_ref(const struct msg *m, enum hdr_id id, struct dialog_ref *out);
void dialog_ref_put(struct buf *b, enum hdr_id id, const struct dialog_ref *ref);

struct event {                                                      /* RFC 6665 §8.2.1 */
    struct slice package;  /* with templates: "presence.winfo" */
    struct slice id;       /* empty = none                     */
    struct slice params;
};
enum err msg_event(const struct msg *m, struct event *out);

struct subscription_state {                                         /* RFC 6665 §8.2.3 */
    enum { SUBSCRIPTION_ACTIVE, SUBSCRIPTION_PENDING, SUBSCRIPTION_TERMINATED, SUBSCRIPTION_OTHER } state;
    struct slice text;        /* the state as written          */
    struct slice reason;      /* empty = none                  */
    bool         has_expires;
    uint32_t     expires;
    bool         has_retry_after;
    uint32_t     retry_after;
};
enum err msg_subscription_state(const struct msg *m, struct subscription_state *out);

struct media_type {
    struct slice type, subtype;
    struct slice params;
};
enum err media_type_parse(struct slice value, struct media_type *out);
enum err msg_content_type(const struct msg *m, struct media_type *out);
bool media_type_is(const struct media_type *t, struct slice type, struct slice subtype); /* case ignored */
/* May the answer have a body of this type? Without Accept only application/sdp may (RFC 3261 §20.1). */
bool msg_accepts(const struct msg *m, struct slice type, struct slice subtype);

struct reason_value {                                               /* RFC 3326 */
    struct slice protocol; /* "SIP", "Q.850"              */
    unsigned     cause;    /* 0 = none                    */
    struct slice text;     /* quoted, as written          */
};
enum err reason_value_parse(struct slice element, struct reason_value *out);

/* Text of form "name params": User-Agent's and the like need none; Info-Package, Refer-Sub, Answer-Mode, Privacy do. */
struct token_value {
    struct slice token;
    struct slice params;
};
enum err token_value_parse(struct slice element, struct token_value *out);

#endif
