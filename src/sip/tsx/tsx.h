/* tsx.h - the four transaction machines (RFC 3261 §17, RFC 6026, RFC 4320), and what a message matches (§17.1.3, §17.2.3).
 * Pure.
 *
 * A machine takes one event and says what is to be done: a short list of actions, in order. It holds no messages, sets no
 * timers and calls nobody; sip/stack does. Times are milliseconds. */
#ifndef SIP_TSX_H
#define SIP_TSX_H

#include "base/hash.h"
#include "sip/msg/msg.h"

/* ---- machines ---- */

enum tsx_kind {
    TSX_INVITE_CLIENT,     /* RFC 3261 fig. 5, RFC 6026 §7.2 */
    TSX_NON_INVITE_CLIENT, /* fig. 6                         */
    TSX_INVITE_SERVER,     /* fig. 7, RFC 6026 §7.1          */
    TSX_NON_INVITE_SERVER  /* fig. 8, RFC 4320               */
};

/* One enum for all four; each machine uses some. */
enum tsx_state {
    TSX_IDLE,       /* made, nothing has happened                                          */
    TSX_CALLING,    /* INVITE client: sent, nothing heard                                  */
    TSX_TRYING,     /* non-INVITE: sent, nothing heard; or received, nothing answered      */
    TSX_PROCEEDING, /* a provisional response; INVITE server: from the beginning           */
    TSX_ACCEPTED,   /* INVITE: a 2xx; further 2xx and ACKs pass (RFC 6026)                 */
    TSX_COMPLETED,  /* a final response; INVITE: 300-699                                   */
    TSX_CONFIRMED,  /* INVITE server: acknowledged                                         */
    TSX_TERMINATED,
    TSX_STATES
};
struct slice tsx_state_name(enum tsx_state s); /* "calling" ... as in logs */

/* Timers of RFC 3261 table 4 and RFC 6026; C is the proxy's own. At most one of each class runs at a time: so a
 * transaction needs no more than two. */
enum tsx_timer {
    TSX_TIMER_A,      /* again: INVITE                          */
    TSX_TIMER_E,      /* again: other request                   */
    TSX_TIMER_G,      /* again: 300-699 to INVITE               */
    TSX_TIMER_TRYING, /* 100 by ourselves (§17.2.1; RFC 4320 §4.1) */
    TSX_TIMER_B,      /* INVITE is not answered at all          */
    TSX_TIMER_D,      /* end of Completed, INVITE client        */
    TSX_TIMER_F,      /* other request is not answered          */
    TSX_TIMER_H,      /* no ACK                                 */
    TSX_TIMER_I,      /* end of Confirmed                       */
    TSX_TIMER_J,      /* end of Completed, non-INVITE server    */
    TSX_TIMER_K,      /* end of Completed, non-INVITE client    */
    TSX_TIMER_L,      /* end of Accepted, server                */
    TSX_TIMER_M,      /* end of Accepted, client                */
    TSX_TIMER_CANCEL, /* cancelled, and no final response (§9.1) */
    TSX_TIMER_EXPIRE, /* a non-INVITE that nobody answers: too late for any answer (RFC 4320 §4.2) */
    TSX_TIMERS
};
enum tsx_timer_class { TSX_TIMER_AGAIN, TSX_TIMER_LIFE, TSX_TIMER_CLASSES };
enum tsx_timer_class tsx_timer_class(enum tsx_timer timer);

enum {
    TSX_T1_MS = 500,
    TSX_T2_MS = 4000,
    TSX_T4_MS = 5000,
    TSX_TRYING_MS = 200,    /* §17.2.1: 100 unless the user answers in that time */
    TSX_MIN_D_MS = 32000,   /* §17.1.1.2: timer D is at least that               */
    TSX_LIFETIMES = 64      /* times T1: B, F, H, J, L, M                        */
};
struct tsx_times {
    uint32_t t1_ms, t2_ms, t4_ms;
};

enum tsx_cancel { TSX_NOT_CANCELLED, TSX_CANCEL_WANTED, TSX_CANCEL_SENT };

struct tsx {
    uint8_t  kind;        /* enum tsx_kind                                             */
    uint8_t  state;       /* enum tsx_state; only tsx_enter() assigns it               */
    uint8_t  cancel;      /* enum tsx_cancel; INVITE client                            */
    bool     reliable;    /* the transport repeats by itself                           */
    uint32_t interval_ms; /* of the timer that repeats (A, E, G)                       */
};
void tsx_init(struct tsx *t, enum tsx_kind kind, bool reliable);

enum tsx_event_kind {
    TSX_BEGIN,     /* client: the user's request; server: the request has come           */
    TSX_REQUEST,   /* server: the same request again                                     */
    TSX_ACK,       /* INVITE server: an ACK that matches                                 */
    TSX_RESPONSE,  /* client: has come; server: the user gives it. `code`                */
    TSX_TIMER,     /* `timer` has fired                                                  */
    TSX_TRANSPORT_ERROR,
    TSX_CANCEL,    /* INVITE client: the user gives up                                   */
    TSX_EVENTS
};
struct tsx_event {
    enum tsx_event_kind kind;
    unsigned            code;  /* TSX_RESPONSE: 100-699 */
    enum tsx_timer      timer; /* TSX_TIMER             */
};

enum tsx_do {
    TSX_DO_SEND,         /* the event's message; what repeats it later keeps it              */
    TSX_DO_SEND_ACK,     /* make the ACK of the response that has come, send and keep it (§17.1.1.3) */
    TSX_DO_SEND_TRYING,  /* make a 100, send and keep it                                     */
    TSX_DO_SEND_CANCEL,  /* make the CANCEL and begin its own transaction (§9.1)             */
    TSX_DO_RESEND,       /* the message last sent, octet for octet; nothing when none was    */
    TSX_DO_RELEASE,      /* nothing will be sent again: what was kept may go                 */
    TSX_DO_SET_TIMER,    /* `timer`, to fire in `ms`; replaces one of its class              */
    TSX_DO_STOP_TIMERS,
    TSX_DO_TELL,         /* give the event's message to the user                             */
    TSX_DO_TELL_ACKED,
    TSX_DO_TELL_TIMEOUT, /* the user hears that nothing came: ends by what treats as 408     */
    TSX_DO_TELL_ERROR,   /* the user hears that it cannot be sent                            */
    TSX_DO_END           /* always the last                                                  */
};
struct tsx_action {
    enum tsx_do    what;
    enum tsx_timer timer; /* TSX_DO_SET_TIMER */
    uint32_t       ms;
};
enum { TSX_MAX_ACTIONS = 6 };

/* Actions in the order in which they are to be done. What calls the user comes last, but for TSX_DO_END. */
struct tsx_out {
    struct tsx_action action[TSX_MAX_ACTIONS];
    size_t            n;
};

/* One event. `out` is overwritten. An event that a state does not know changes nothing and asks for nothing. */
void tsx_handle(struct tsx *t, const struct tsx_times *times, const struct tsx_event *ev, struct tsx_out *out);

/* How long a non-INVITE server must wait before it sends 100: what Timer E takes to be reset to T2 (RFC 4320 §4.1). */
uint32_t tsx_late_trying_ms(const struct tsx_times *times);

/* ---- matching ---- */

/* What a message matches by, as 128 bits of keyed hash: fixed in size however long a peer makes its branch, and not to be
 * aimed at from outside. Two different texts that meet: odds of 2**-128; two that differ in the Call-ID alone, which goes in as the
 * hash that it has everywhere: 2**-64. */
struct tsx_key {
    uint64_t a, b;
};
static inline bool tsx_key_eq(struct tsx_key x, struct tsx_key y) { return x.a == y.a && x.b == y.b; }

/* By what a request finds its server transaction. */
struct tsx_match {
    struct tsx_key key;    /* of its own transaction; an ACK has none: zeroed                                 */
    struct tsx_key invite; /* ACK, CANCEL: that of the INVITE they belong to; others: the same as `key`       */
    struct tsx_key merged; /* `may_merge`: Call-ID, From tag, CSeq (§8.2.2.2; PROTOCOL 7.5)                   */
    uint32_t       to_tag; /* RFC 2543 branches: a hash of the To tag; else 0                                 */
    bool           rfc2543;
    bool           may_merge; /* no To tag, a From tag, neither ACK nor CANCEL                                */
};
/* §17.2.3: by branch, sent-by and method; where the branch has no magic cookie (or nothing behind it), by Request-URI,
 * tags, Call-ID, CSeq and top Via. Parts that §17.2.3 compares by their own grammar are compared octet by octet here: a
 * peer repeats what it has sent. ERR_SYNTAX, ERR_NOTFOUND: no readable Via or CSeq. */
enum err tsx_match_request(const struct hash_key *hash, const struct msg *m, struct tsx_match *out);

/* What a server transaction remembers for it. */
struct tsx_tags {
    uint32_t request;  /* to_tag of the request that began it                                        */
    uint32_t response; /* RFC 2543 INVITE: tsx_tag_hash() of its final response's To tag, else 0      */
};
uint32_t tsx_tag_hash(const struct hash_key *hash, struct slice tag);
/* Keys being equal: is it that transaction's? `m` by its method: an ACK carries the tag of the response. */
bool tsx_tags_match(const struct tsx_tags *tags, const struct tsx_match *m, bool is_ack);

/* §17.1.3: a client transaction by the branch of its own Via and the method of CSeq. That branch is ours, and has a random token:
 * who has not seen it cannot meet it, and nobody can aim one at another. */
struct tsx_key tsx_client_key(struct slice branch, struct slice method);
enum err tsx_match_response(const struct msg *m, struct tsx_key *out); /* errors as above */

#endif
