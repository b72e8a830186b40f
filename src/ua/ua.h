/* ua.h - user agents: accounts that register, and legs, each one side of a call (RFC 3261 §8, §10, §12-§15; RFC 3264,
 * 3262, 3311, 3515, 3891, 3892, 3911, 4028, 6026, 7647).
 *
 * A `struct ua` sits on a stack and has any number of accounts and legs. A leg is UAC or UAS of one INVITE dialog: it sends,
 * answers, repeats and acknowledges what the RFCs want, and tells its user by callbacks what a person would want to know.
 * Session descriptions are octets here: who uses a leg makes and reads them (room call does).
 *
 * A leg lives in the shard that its Call-ID picks. Functions that take a `struct leg *` may be called only while that shard
 * is held: in a callback of that leg, or in what leg_do() runs. Everybody else holds a struct leg_id. Two legs that have to
 * do with each other are mostly in different shards: they speak by leg_do() and its kin.
 *
 * Callbacks may call any function of their leg, leg_hang_up() too: `ended` then comes from inside it. Slices in callbacks
 * live until the callback returns. */
#ifndef UA_UA_H
#define UA_UA_H

#include "base/digester.h"
#include "base/hash.h"
#include "base/rng.h"
#include "sip/dialog/dialog.h"
#include "sip/msg/msg.h"
#include "sip/stack/stack.h"

enum {
    UA_MAX_ACCOUNTS = 64,
    UA_MAX_LEGS = 65536,           /* of all shards; over it an INVITE gets 486                              */
    UA_MAX_FORKS = 16,             /* early dialogs of one INVITE; more are not told of                      */
    UA_MAX_REFERS = 8,             /* REFERs of one leg, in either role, that have not come to their end     */
    UA_MAX_TEXT_OCTETS = 16384,    /* of the rows and the body that a user gives, each                       */
    UA_MAX_TRIES = 3,              /* of one request with credentials                                        */
    UA_REGISTER_S = 300,           /* how long a binding is asked for, unless the account says otherwise     */
    UA_RETRY_BASE_S = 30,          /* RFC 5626 §4.5: wait after a failed registration, doubled each time ... */
    UA_RETRY_LOST_S = 2,           /* ... from here on where there was no connection: it may be restarting    */
    UA_RETRY_MAX_S = 1800,         /* ... up to that, and a random part of the second half                   */
    UA_ALERT_S = 180,              /* an INVITE of theirs that nobody here answers gets 480 then             */
    UA_PATIENCE_S = 240,           /* ours is given up so long after the last 101-199: a proxy's timer C (RFC 3261 §16.8, over
                                      3 minutes) has been before, so whoever was to speak is not there any more */
    UA_OFFER_S = 60,               /* the same for a re-INVITE: nobody needs to be asked                      */
    UA_REFER_S = 180,              /* a REFER that has not ended by then is over                             */
    UA_SESSION_MIN_S = 90          /* RFC 4028 §4: no session is refreshed more often than that wants        */
};

struct ua;
struct ua_account;
struct leg;

/* Names a leg for ever: a stale one finds nothing. Zeroed: none. */
struct leg_id {
    uint64_t n;
    uint32_t shard;
};
#define LEG_NONE ((struct leg_id){0, 0})
static inline bool leg_id_eq(struct leg_id a, struct leg_id b) { return a.n == b.n; }

/* ---- the room ---- */

struct leg_incoming;
struct ua_registration;

/* A 401 or 407 to a request of a leg that has no account. */
struct ua_challenged {
    const struct msg *m;
    struct slice      method, uri, body; /* of the request */
    unsigned          tries;             /* how often it has been answered before */
};

struct ua_on {
    /* An INVITE has come. Call leg_attach() and, now or later, leg_ring(), leg_accept() or leg_reject(). A leg that is not
     * attached when this returns is answered 480. NULL: every INVITE is. */
    void (*incoming)(void *ctx, struct leg *leg, const struct leg_incoming *in);
    /* Rows with credentials that answer it into *rows, for the request to be sent again with; false: there are none. NULL: so it
     * is always. */
    bool (*challenged)(void *ctx, struct leg *leg, const struct ua_challenged *c, struct buf *rows);
    /* What became of a REGISTER. No shard may be assumed. May be NULL. */
    void (*registration)(void *ctx, struct ua_account *a, const struct ua_registration *r);
};

/* RFC 4028: who shall refresh, where it is ours to say. */
enum ua_refresher { UA_REFRESHER_ANY, UA_REFRESHER_HERE, UA_REFRESHER_THERE };

struct ua_config {
    struct mem            *mem;      /* safe for all workers' threads */
    struct rng            *rng;      /* likewise                      */
    const struct digester *digester;
    struct hash_key        key;
    struct slice           user_agent; /* User-Agent and Server; must outlive the ua */
    bool                   join;       /* a Join is matched to a leg of ours: leg_incoming.joins; else it is left to the user */
    bool                   no_refer;   /* REFER is not in Allow, and is answered 405 */
    bool                   patient;    /* a leg's request that finds no connection is tried again for 64*T1: the server may be
                                          restarting (stack_config.patient is the same for datagrams) */
    struct slice           supported;  /* option tags beside replaces, as a value: "join"; empty: none. Must outlive the ua */
    bool                   by_flow;    /* in a dialog without route set go back by the flow that the peer came by: a server's
                                          way to phones behind NATs, and to those that connect (RFC 5626 §5.3) */
    bool                   reliable;   /* RFC 3262: provisional responses are sent reliably to whoever supports that; to whoever
                                          requires it they always are. Who calls says so by `supported`: "100rel" */
    uint32_t               session_s;  /* RFC 4028: calls are refreshed at half of this, whether or not the peer knows of it;
                                          0: only those whose peer asks for it. Less than UA_SESSION_MIN_S counts as that */
    enum ua_refresher      refresher;  /* by whom, in calls where session_s counts */
    const struct ua_on    *on;
    void                  *ctx;
};

enum err ua_open(const struct ua_config *config, struct ua **out); /* ERR_NOMEM */
void     ua_attach(struct ua *ua, struct stack *st);               /* right after stack_open */
/* Frees what the shard's legs hold, without callbacks; from the stack user's shard_close. */
void     ua_shard_close(struct ua *ua, struct shard *sh);
void     ua_close(struct ua *ua);                                  /* after stack_close; takes NULL */

/* A request from the stack. Inside a dialog of a leg, the CANCEL or ACK of its INVITE: dealt with, true. */
bool ua_within(struct ua *ua, struct shard *sh, const struct stack_in *in);
/* Any other request to one of our own ends: INVITE makes a leg, OPTIONS is answered, the rest refused. */
void ua_new(struct ua *ua, struct shard *sh, const struct stack_in *in);
/* For who has nothing but a ua on its stack: both. Fits stack_user.request with the ua as ctx, as does ua_flow_lost. */
void ua_request(void *ua, struct shard *sh, const struct stack_in *in);
void ua_flow_lost(void *ua, struct stack *st, uint8_t worker, const struct flow *flow);

size_t ua_legs(const struct ua *ua); /* that exist now, also those that only linger; for tests: 0 at the end */
/* Requests of legs that have no final answer yet: a program that wants to end may wait until there are none. */
size_t ua_pending(const struct ua *ua);

/* ---- accounts ---- */

struct ua_account_config {
    struct slice user;      /* "1001"                                                                  */
    struct slice domain;    /* of the AOR: sip:user@domain                                             */
    struct slice display;   /* name in From; empty: none                                               */
    struct slice auth_name; /* empty: user                                                             */
    struct slice password;
    struct slice server;    /* URI that requests outside dialogs are sent to: "sip:192.0.2.1;transport=tcp";
                               empty: where RFC 3263 finds the Request-URI                             */
    uint32_t     expires_s; /* 0: UA_REGISTER_S                                                        */
};
/* All is copied. ERR_SYNTAX (a URI made of it does not parse), ERR_LIMIT, ERR_NOMEM. */
enum err ua_account_open(struct ua *ua, const struct ua_account_config *c, struct ua_account **out);
/* No transaction of it may be under way: after ua_unregister has told its end, or after stack_close. Takes NULL.
 * Accounts that are left are closed by ua_close(). */
void ua_account_close(struct ua_account *a);
struct slice ua_account_aor(const struct ua_account *a);  /* "sip:1001@example.com" */
struct slice ua_account_user(const struct ua_account *a);

/* The flow that its registration was last answered on; from any thread. False: it is not registered. */
bool ua_account_flow(struct ua_account *a, struct flow *out);

enum ua_registration_kind { UA_REGISTERED, UA_REGISTER_FAILED, UA_UNREGISTERED };
struct ua_registration {
    enum ua_registration_kind kind;
    unsigned                  code;      /* 0: no answer                                   */
    struct slice              reason;
    uint32_t                  expires_s; /* UA_REGISTERED: as granted                      */
    uint32_t                  retry_ms;  /* UA_REGISTER_FAILED: the next try; 0: none      */
};
/* Register and stay registered: refreshed in time, taken up again after failures, 423 obeyed, credentials repeated with the
 * last nonce. Told by on->registration after each change (not for plain refreshes). On a worker's thread. ERR_NOMEM. */
enum err ua_register(struct ua_account *a, uint8_t worker);
/* Take the binding away. UA_UNREGISTERED comes once, also when nobody answers in time (64*T1) or nothing was bound. */
enum err ua_unregister(struct ua_account *a, uint8_t worker);

/* A word to a server, outside any dialog, that nobody is to keep: PUBLISH with Expires: 0 (RFC 3903, as RFC 6035 has it). Goes
 * to the account's server, with its credentials. */
struct ua_publish {
    struct slice uri;          /* Request-URI and To */
    struct slice event, type, body;
    void (*done)(void *arg, unsigned code); /* once, unless the stack is closed before; 0: no answer. May be NULL */
    void *arg;
};
/* All is copied. Counts in ua_pending(). ERR_SYNTAX (uri), ERR_LIMIT, ERR_NOMEM. */
enum err ua_publish(struct ua_account *a, uint8_t worker, const struct ua_publish *ask);

/* ---- what a leg tells ---- */

enum leg_why {
    LEG_HUNG_UP,       /* leg_hang_up() here                                                         */
    LEG_FAR_HUNG_UP,   /* BYE, or CANCEL of an INVITE that came                                      */
    LEG_REJECTED,      /* leg_reject() here                                                          */
    LEG_REFUSED,       /* a final answer over 299 to our INVITE: code                                */
    LEG_NO_ANSWER,     /* nobody answered at all, or the transport failed: code 408 or 503; their INVITE was not answered
                          here in UA_ALERT_S: 480                                                    */
    LEG_NO_ACK,        /* our 2xx was not acknowledged in 64*T1, or no PRACK has come for a reliable 101-199: code 504 */
    LEG_REPLACED,      /* another leg took its place (RFC 3891)                                      */
    LEG_LOST,          /* the peer does not know the dialog any more (481, 408 to a request in it), or nobody has refreshed the
                          session in time (RFC 4028 §10): code 408                                   */
    LEG_BROKEN         /* out of memory, or the peer's message cannot be used                        */
};
struct leg_end {
    enum leg_why why;
    unsigned     code;        /* of the final answer, or 0                                      */
    struct slice reason;      /* its phrase                                                     */
    struct slice contact;     /* 3xx: URI of the best Contact; empty: none                      */
    struct slice reason_row;  /* value of the Reason header field of BYE or CANCEL; empty: none */
    uint32_t     retry_after_s;
};

struct leg_refer_in {
    uint32_t     id;           /* the REFER's CSeq: names it to leg_refer_report()         */
    struct slice target;       /* Refer-To URI without its header fields                   */
    struct slice replaces;     /* value of the Replaces among them, unescaped; empty: none */
    struct slice referred_by;  /* value of Referred-By; empty: none                        */
    bool         bye;          /* method=BYE: not to call it, but to hang up on it (RFC 4579 §5.11) */
};
struct leg_refer_status {
    unsigned     code;         /* of the REFER's answer first; then of each sipfrag                      */
    struct slice reason;
    bool         accepted;     /* the 2xx to the REFER itself, or a NOTIFY that was faster; once         */
    bool         final;        /* nothing more will come; code 0: it ended without saying how            */
};

struct leg_on {
    /* Our INVITE: a 101-199. sdp: an early answer, or empty. May be NULL. A reliable one comes once, and in order. Where it
     * has brought the answer, or an offer that was answered, the 2xx tells that answer again, or none. */
    void (*progress)(void *arg, struct leg *leg, unsigned code, struct slice sdp);
    /* The peer offers: in a re-INVITE, an UPDATE, a PRACK, or the 2xx or reliable 101-199 to our INVITE without offer. Empty: it wants us to offer.
     * Call leg_accept_offer() or leg_refuse_offer(), now or soon. */
    void (*offer)(void *arg, struct leg *leg, struct slice sdp);
    /* What became of our offer, wherever it stood: 2xx with the answer, or another code: all stays as it was. */
    void (*answer)(void *arg, struct leg *leg, unsigned code, struct slice sdp);
    /* What became of leg_update(), as `answer`. NULL: `answer` is told. */
    void (*updated)(void *arg, struct leg *leg, unsigned code, struct slice sdp);
    /* One side has refreshed the session (RFC 4028), and nobody offers anything. sdp: what the peer answered where ours did so
     * by repeating our last description (§7.4); mostly it is what it said last. Else empty. NULL: nobody wants to know. */
    void (*refreshed)(void *arg, struct leg *leg, struct slice sdp);
    /* Our offer and theirs met (491): now is the time to offer again by leg_offer() or leg_update(), if it is still wanted. */
    void (*offer_again)(void *arg, struct leg *leg);
    /* The call is up: their 2xx was acknowledged, or their ACK of ours has come. */
    void (*up)(void *arg, struct leg *leg);
    /* A REFER. Returns what to answer: 202, and then to tell how it goes by leg_refer_report(); or 3xx-6xx; or 0: it is never
     * answered, but for the 100 that RFC 4320 §4.1 has late. NULL: 603. */
    unsigned (*refer)(void *arg, struct leg *leg, const struct leg_refer_in *refer);
    /* How our REFER goes: its answer, then what the NOTIFYs tell. Also after `ended`. May be NULL. */
    void (*refer_status)(void *arg, struct leg *leg, const struct leg_refer_status *status);
    /* What became of our INFO (leg_info): its final answer, or 408, 503. Also after `ended`. May be NULL. */
    void (*info_answer)(void *arg, struct leg *leg, unsigned code);
    /* An INFO: it is answered 200. NULL: 415. */
    void (*info)(void *arg, struct leg *leg, struct slice type, struct slice body);
    /* The call is over. Once. Only refer_status and gone come after it. */
    void (*ended)(void *arg, struct leg *leg, const struct leg_end *end);
    /* The last callback of all; leg and id are gone when it returns. */
    void (*gone)(void *arg, struct leg *leg);
};

/* ---- legs out ---- */

struct leg_call {
    struct ua_account   *account;     /* NULL: no account; `from` and next_hop must be given then          */
    struct slice         target;      /* URI to call: Request-URI, and To                                  */
    struct slice         to;          /* value of To without tag; empty: the target                        */
    struct slice         from;        /* value of From without tag; empty: the account's                   */
    struct slice         next_hop;    /* URI; empty: the account's server, else target                     */
    struct flow          flow;        /* go there instead; none: by next_hop                               */
    struct slice         contact_user; /* empty: the account's user                                        */
    struct slice         contact_params; /* of Contact's header field, such as ";isfocus"; empty: none     */
    struct slice         offer;       /* SDP; empty: the peer is to offer                                  */
    struct slice         referred_by; /* value; empty: none                                                */
    struct slice         replaces;    /* value; empty: none                                                */
    struct slice         rows;        /* more header rows, each with CRLF                                  */
    const struct leg_on *on;
    void                *arg;
};
/* Send an INVITE with a Call-ID of its own. All is copied. On a worker's thread; from inside a shard it is sent when that is
 * let go. Whatever goes wrong after ERR_OK comes as ended() and gone(); ended() may come from inside this call, after *out was
 * written, gone() never. ERR_NOMEM, ERR_LIMIT, ERR_SYNTAX (target). */
enum err leg_call(struct ua *ua, uint8_t worker, const struct leg_call *c, struct leg_id *out);

/* ---- legs in ---- */

struct leg_incoming {
    const struct msg  *m;            /* the INVITE                                          */
    struct ua_account *account;      /* whose Request-URI or To it is; NULL: nobody's       */
    struct slice       from_uri, from_name; /* name: unquoted text or empty                 */
    struct slice       to_uri;
    struct slice       offer;        /* empty: the INVITE asks us to offer                  */
    struct slice       referred_by;
    struct leg_id      replaces;     /* a leg here that this one shall replace: leg_accept() ends that one */
    struct leg_id      joins;        /* a leg here that this one shall be brought together with (RFC 3911): its user does that */
};

void leg_attach(struct leg *leg, const struct leg_on *on, void *arg);
/* Its Contact from now on: user part, and parameters such as ";isfocus" (RFC 3840). Copied. ERR_NOMEM. */
enum err leg_set_contact(struct leg *leg, struct slice user, struct slice params);

/* 101-199 to their INVITE, with `sdp` as early answer (may be empty); or 100: it is here, and that is all (the stack says so
 * by itself where nothing else is said in 200 ms). ERR_INVALID: not a leg that rings. */
enum err leg_ring(struct leg *leg, unsigned code, struct slice sdp);
/* Must its 101-199 hold our offer? They are sent reliably, and the INVITE has none (RFC 3262 §5): then `answer` tells the answer
 * that PRACK brings, and leg_accept() needs no description. Without one leg_ring() is ERR_INVALID. */
bool leg_ring_offers(const struct leg *leg);
/* 200 with `sdp`: the answer to their offer, or our offer when they made none (then on->answer tells theirs). Repeated until
 * the ACK comes. Where a reliable 101-199 has had the answer the 200 has none, and it waits for that one's PRACK. ERR_INVALID as above; ERR_LIMIT. */
enum err leg_accept(struct leg *leg, struct slice sdp);
struct leg_refusal {
    unsigned     code;    /* 300-699                         */
    struct slice reason;  /* empty: the usual phrase         */
    struct slice contact; /* URI of a 3xx; empty: none       */
    struct slice contact_params; /* behind it, ";isfocus"; empty: none */
};
/* Refuse their INVITE; `ended` comes from inside. ERR_INVALID. */
enum err leg_reject(struct leg *leg, const struct leg_refusal *r);

/* ---- legs that were others' ---- */

/* A confirmed dialog between two others goes on with this end in the place of one of them, or an own one goes on after a
 * restart: same ids, CSeqs that rise. The leg is up. Runs in the shard of its Call-ID. All is copied. ERR_NOMEM, ERR_FULL, and
 * those of dialog_take_over(). */
struct leg_adopted {
    struct dialog_taken  dialog;
    struct flow          flow;         /* how the peer is reached where there is no route set; none: by its target */
    struct slice         contact_user;
    bool                 returned;     /* after a restart: soon it is asked whether the peer is still there (ua_config.session_s) */
    bool                 referred;     /* the peer has sent a REFER, which was accepted in our place: leg_refer_report() tells */
    uint32_t             refer;        /* ... with that CSeq,                                                                  */
    bool                 first_refer;  /* ... the dialog's first from there: its Event needs no id                             */
    const struct leg_on *on;
    void                *arg;
};
enum err leg_adopt(struct ua *ua, struct shard *sh, const struct leg_adopted *a, struct leg **out);
/* Right after leg_adopt(): as if that had never been. No callback, nothing is sent. */
void leg_unadopt(struct leg *leg);

/* What a Refer-To value says: out->target, ->replaces and ->bye, whose texts are put into the two buffers. ERR_SYNTAX (no SIP
 * URI), ERR_LIMIT (no room). */
enum err ua_refer_to_read(struct slice value, struct leg_refer_in *out, struct buf *target, struct buf *replaces);

/* ---- while it lives ---- */

/* End it as its state wants: CANCEL, BYE, or 486 to an INVITE that rings. `ended` comes from inside, once. `reason_row`: value
 * of a Reason header field, may be empty. Nothing happens to a leg that has ended. */
void leg_hang_up(struct leg *leg, struct slice reason_row);

/* re-INVITE with this offer; empty: ask the peer to offer. ERR_BUSY: an offer of either side is under way; ERR_INVALID: the
 * call is not up; ERR_LIMIT, ERR_NOMEM. */
enum err leg_offer(struct leg *leg, struct slice sdp);
/* The same by UPDATE (RFC 3311), also before the INVITE is answered, once its own offer and answer are there reliably.
 * ERR_UNSUPPORTED: the peer does not list it; ERR_INVALID: too early; others as leg_offer(). */
enum err leg_update(struct leg *leg, struct slice sdp);
/* Answer the offer that on->offer told (or make the offer that it asked for). ERR_INVALID: there is none to answer. */
enum err leg_accept_offer(struct leg *leg, struct slice sdp);
/* Refuse it: 488 and the like. An offer in a response to our INVITE cannot be refused: the call is ended. */
enum err leg_refuse_offer(struct leg *leg, unsigned code);

/* Does the peer list that method in its Allow? True as long as it has not shown one. */
bool leg_peer_allows(const struct leg *leg, enum method method);
bool leg_peer_supports(const struct leg *leg, struct slice option);

/* REFER the peer to `refer_to` (a URI, header fields and all). Referred-By is the account's AOR. ERR_INVALID: not answered;
 * ERR_FULL, ERR_LIMIT, ERR_NOMEM. */
enum err leg_refer(struct leg *leg, struct slice refer_to);

/* INFO with a body; on->info_answer tells how it went. Who has several sends one after the other: a later one may come first,
 * and is refused then (RFC 3261 §12.2.2). ERR_INVALID: not answered; ERR_LIMIT, ERR_NOMEM. */
enum err leg_info(struct leg *leg, struct slice type, struct slice body);

/* ---- about a leg ---- */

enum leg_state {
    LEG_ASKING,    /* UAS: whether the leg it shall replace is there                 */
    LEG_CALLING,   /* UAC: sent, nothing heard but perhaps 100                       */
    LEG_RINGING,   /* either: a provisional response, or none yet given              */
    LEG_ACCEPTED,  /* UAS: 2xx sent, no ACK yet                                      */
    LEG_UP,        /* confirmed                                                      */
    LEG_OVER,      /* ended; lingers for its transactions and subscriptions          */
    LEG_STATES
};
enum leg_state leg_state(const struct leg *leg);
struct leg_id  leg_id(const struct leg *leg);
struct ua     *leg_ua(const struct leg *leg);
struct shard  *leg_shard(const struct leg *leg);
bool           leg_is_uac(const struct leg *leg);
struct slice   leg_call_id(const struct leg *leg);
/* The dialog: NULL before there is one. While several forks ring: the first. */
const struct dialog *leg_dialog(const struct leg *leg);
/* Seen as by its user: URIs of here and there (From and To, whichever way the INVITE went). */
struct slice   leg_local_uri(const struct leg *leg);
struct slice   leg_remote_uri(const struct leg *leg);
const struct flow *leg_flow(const struct leg *leg); /* how the peer came, or was reached; with by_flow only, else none */
void          *leg_arg(const struct leg *leg);      /* leg_attach()'s or leg_call()'s; NULL: not attached */

/* ---- from outside the leg's shard, on a worker's thread ---- */

/* Run fn with the leg, or with NULL when it is gone: now if its shard is free, else when that is let go. ERR_NOMEM. */
enum err leg_do(struct ua *ua, uint8_t worker, struct leg_id id, void (*fn)(void *arg, struct leg *leg), void *arg);
struct leg *leg_find(struct ua *ua, struct shard *sh, struct leg_id id); /* within its shard; NULL */

/* Tell the REFER that this leg took how its new call goes: a NOTIFY with the status as sipfrag; 200 and above is the end.
 * What the peer would not want to know (no subscription any more) is not sent. */
struct leg_refer_report {
    struct leg_id leg;
    uint32_t      refer;
    unsigned      code;
    struct slice  reason; /* empty: the usual phrase */
};
enum err leg_refer_report(struct ua *ua, uint8_t worker, const struct leg_refer_report *r);
/* leg_hang_up() by id. */
enum err leg_end(struct ua *ua, uint8_t worker, struct leg_id id, struct slice reason_row);

#endif
