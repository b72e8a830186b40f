/* ua_priv.h - what the files of room ua share. See ua.h. */
#ifndef UA_UA_PRIV_H
#define UA_UA_PRIV_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "base/wheel.h"
#include "sys/spin.h"
#include "ua/ua.h"

enum {
    LEG_ARENA_OCTETS = 2048,
    LEG_MAX_ARENA_OCTETS = 256 * 1024,
    UA_HEAD_OCTETS = 12 * 1024,       /* a message of ours without its body */
    UA_RING_AGAIN_MS = 60000          /* RFC 3261 §13.3.1.1: a provisional response is repeated each minute */
};

/* ---- text that is set again and again: one block that grows ---- */
struct text {
    char  *p;
    size_t n, cap;
};
enum err     text_set(struct mem *mem, struct text *t, struct slice s);
void         text_free(struct mem *mem, struct text *t);
static inline struct slice text_slice(const struct text *t) { return (struct slice){t->p, t->n}; }

/* ---- the room ---- */

struct ua_shard {
    struct map by_call; /* legs by Call-ID */
    struct map by_id;
};

struct ua {
    struct ua_config   config;
    struct stack      *stack;
    struct ua_account *accounts[UA_MAX_ACCOUNTS];
    size_t             n_accounts;
    struct list        publications; /* under their lock */
    struct spin        publications_lock;
    _Atomic uint64_t   last_id;
    _Atomic size_t     n_legs, n_pending;
    struct ua_shard    shards[STACK_SHARDS]; /* each touched by its shard's holder only */
};

/* ---- one request of a leg ---- */

struct leg;
struct refer;
struct leg_request;

/* What became of it: `m` NULL when nobody answered; code 408 or 503 then. Once, with a final response; INVITEs are told of
 * each response (uac.c). */
typedef void leg_request_done(struct leg_request *r, const struct msg *m, unsigned code);

struct leg_request {
    struct list_node    node; /* leg->requests */
    struct leg         *leg;
    struct tsx_id       tsx;
    enum method         method;
    struct dialog      *dialog;   /* NULL: outside, as the leg's first INVITE is */
    leg_request_done   *done;
    struct refer       *refer;    /* REFER, NOTIFY: which one; NULL when it is over */
    uint32_t            cseq;
    unsigned            tries;
    bool                final;    /* has been told its end */
    bool                waiting;  /* it could not be sent: `again` runs */
    uint32_t            wait_ms, waited_ms;
    struct wheel_timer  again;
    bool                offered;  /* INVITE: it holds our offer */
    bool                refreshes; /* INVITE: it is the session's, and nobody's wish */
    struct slice        rows, type, body; /* in `block` */
    char               *block;
    size_t              block_octets;
    struct text         credentials; /* rows, as last sent: the ACK repeats them (PROTOCOL 1.4) */
    struct text         ack_body;    /* our answer to the offer in its 2xx */
    bool                accepted; /* INVITE: a 2xx has come, and counts */
    bool                acked;    /* it was acknowledged                */
};

struct leg_ask { /* what a request is to hold; copied */
    enum method       method;
    struct dialog    *dialog;
    struct slice      rows, type, body;
    leg_request_done *done;
    struct refer     *refer;
};
/* Send it. `out` may be NULL. ERR_NOMEM, ERR_LIMIT, ERR_FULL, ERR_SYNTAX (no such next hop). */
enum err leg_request_send(struct leg *leg, const struct leg_ask *ask, struct leg_request **out);
void     leg_request_ack(struct leg_request *invite, struct dialog *d); /* ACK of a 2xx, with invite->ack_body */
void     leg_request_free(struct leg_request *r);

/* ---- a leg ---- */

/* Offer and answer (RFC 3264): one at a time. */
enum oa_state {
    OA_IDLE,
    OA_OURS,        /* our offer is out                              */
    OA_THEIRS       /* theirs is with our user                       */
};
/* Where their offer stood, and so where our answer goes. */
enum oa_place { OA_IN_INVITE, OA_IN_UPDATE /* or PRACK */, OA_IN_2XX, OA_IN_1XX };

struct leg_server { /* a request of theirs that waits for our answer */
    struct tsx_id tsx;
    uint32_t      cseq;
    bool          has_offer;
};

/* Our 2xx to an INVITE, until it is acknowledged (RFC 3261 §13.3.1.4). */
struct leg_accepted {
    struct tsx_id      tsx;
    struct text        octets;
    uint32_t           cseq;
    uint32_t           interval_ms;
    uint32_t           waited_ms;
    bool               waiting;
    bool               offered; /* it holds our offer: the ACK brings the answer */
    struct wheel_timer timer;
};

/* RFC 3262: our provisional responses. Its octets are leg->provisional. */
struct leg_reliable {
    bool               wanted, required; /* by their INVITE                               */
    bool               unacked;     /* one waits for its PRACK                            */
    bool               described;   /* it holds a description, ...                        */
    bool               offered;     /* ... which is our offer: PRACK brings the answer    */
    bool               accepts;     /* leg_accept() waits for it; its description is next_sdp */
    unsigned           code;        /* of the last                                        */
    unsigned           next;        /* to be sent after it; 0: none                       */
    struct text        next_sdp;
    uint32_t           rseq;        /* of the last; 0: there was none                     */
    uint32_t           cseq;        /* of the INVITE                                      */
    uint32_t           interval_ms, waited_ms;
    struct wheel_timer timer;
};

/* Theirs, for each fork of our INVITE. */
struct leg_early {
    uint32_t    rseq, cseq;  /* of the last reliable one, and of its INVITE */
    bool        answered;    /* one has brought the answer to our offer     */
    bool        dismissed;   /* its 2xx was not the one that counts         */
    struct text answer;      /* what it said last                           */
};

/* RFC 4028. */
struct leg_session {
    uint32_t           interval_s; /* agreed; 0: there is none                       */
    uint32_t           min_s;      /* the peer's Min-SE; 0: it has shown none        */
    bool               ours;       /* we refresh                                     */
    bool               no_update;  /* the peer has refused one in spite of its Allow */
    uint64_t           until_ms;   /* shard time: over without a refresh             */
    struct wheel_timer timer;      /* to refresh, or to end the call                 */
};

struct refer {
    struct list_node   node;   /* leg->refers */
    struct leg        *leg;
    uint32_t           id;     /* CSeq of the REFER                                        */
    bool               ours;   /* we sent it, and are told; else we tell                   */
    bool               accepted; /* ours: its user knows that it was */
    bool               first;  /* of its dialog and direction: Event has no id (RFC 3515)  */
    bool               busy;   /* theirs: a NOTIFY is under way                            */
    bool               last;   /* theirs: what is told now, or was, is the last            */
    bool               left;   /* theirs: because the peer has unsubscribed                */
    unsigned           told;   /* theirs: the status told last                             */
    unsigned           queued; /* theirs: the status to tell next; 0: none                 */
    char               reason[64];
    size_t             reason_n;
    uint64_t           until_ms;
    struct wheel_timer timer;
};

struct leg {
    struct map_node      by_call, by_id;
    struct ua           *ua;
    struct shard        *sh;
    struct ua_account   *account;
    const struct leg_on *on;
    void                *arg;
    uint64_t             n;
    struct arena         arena;      /* from where it is placed on */
    char                 token[STACK_TOKEN_OCTETS]; /* UAC: its Call-ID */
    struct text          call_id_room;              /* UAS: its Call-ID */
    enum leg_state       state;
    bool                 is_uac;
    bool                 attached;
    bool                 told;        /* `ended` was */
    struct slice         call_id;
    struct slice         from, to;    /* UAC: values of the first INVITE (From with our tag) */
    struct slice         local_uri, remote_uri;
    struct slice         target, next_hop;
    struct slice         contact_user, contact_params;
    struct flow          flow;        /* by_flow, or given: how the peer is reached; none: by URI */
    uint32_t             cseq;        /* UAC, before there is a dialog: of the last INVITE */

    struct dialog       *dialog;      /* the one that counts                  */
    struct dialog       *forks[UA_MAX_FORKS];
    struct leg_early     early[UA_MAX_FORKS];
    size_t               n_forks;

    struct list          requests;    /* of ours, under way                   */
    struct leg_request  *invite;      /* our last INVITE; NULL when its transaction has ended */
    struct leg_server    server;      /* INVITE of theirs, unanswered; tsx none: there is none */
    struct leg_server    asked;       /* UPDATE or PRACK of theirs with an offer, likewise     */
    struct leg_accepted  accepted;
    struct text          provisional; /* UAS: our last, repeated each minute  */
    struct leg_reliable  reliable;
    struct wheel_timer   again;       /* UAS rings: that; up: glare           */

    enum oa_state        oa;
    enum oa_place        oa_place;    /* in OA_THEIRS */
    bool                 agreed;      /* offer and answer of the first INVITE are exchanged, reliably, before its 2xx */
    struct text          said;        /* the description of ours that counts: a refresh repeats it */
    struct leg_session   session;
    bool                 glare_refresh; /* `again` runs for a refresh, not for our user */
    bool                 bye_wanted;  /* hung up while our 2xx waits for its ACK (RFC 3261 §15) */

    struct list          refers;
    unsigned             n_refers;
    bool                 referred, was_referred; /* there has been a REFER out, in */
    struct leg_id        replaces, joins; /* what the INVITE named */

    bool                 knows_allow, knows_supported; /* the peer has shown them */
    uint32_t             peer_allow;  /* bits by enum method */
    struct text          peer_supported;
    struct wheel_timer   patience;    /* CALLING, RINGING, re-INVITE: nobody waits for ever */
    struct wheel_timer   bury;
};

/* leg.c */
enum err    leg_alloc(struct ua *ua, struct leg **out); /* anywhere. ERR_NOMEM, ERR_FULL */
void        leg_place(struct leg *leg, struct shard *sh, struct slice call_id); /* call_id lives as long as the leg */
void        leg_free(struct leg *leg);                  /* placed or not */
void        leg_enter(struct leg *leg, enum leg_state state);
void        leg_tell_end(struct leg *leg, const struct leg_end *end); /* once; state OVER */
void        leg_settle(struct leg *leg);                              /* gone, if nothing holds it any more */
void        leg_learn(struct leg *leg, const struct msg *m);          /* Allow, Supported */
void        leg_came_by(struct leg *leg, const struct flow *from);    /* ua_config.by_flow */
struct leg *leg_of_call(struct ua *ua, struct shard *sh, struct slice call_id, struct leg *after);
static inline struct ua_shard *ua_shard_of(struct ua *ua, struct shard *sh) { return &ua->shards[shard_index(sh)]; }
/* The dialog is confirmed: what is no INVITE or BYE may go in it. */
static inline bool leg_is_answered(const struct leg *leg) { return leg->state == LEG_ACCEPTED || leg->state == LEG_UP; }
static inline struct mem *leg_mem(const struct leg *leg) { return shard_mem(leg->sh); }

/* put.c: rows and whole responses */
/* A buf of that size in the shard's scratch; cap 0 when there is no memory (every put overflows then). */
struct buf ua_scratch(struct shard *sh, size_t octets);
void ua_put_common(struct buf *b, const struct ua *ua, bool request); /* Allow, Supported, User-Agent or Server */
void ua_put_contact(struct buf *b, struct transport *tp, const struct flow *f, struct slice user, struct slice params);
/* A response to a request, with our rows. Body empty: none. ERR_NOTFOUND: the transaction has gone. */
struct ua_answer {
    struct leg  *session;  /* NULL, or whose session a 2xx agrees on or refreshes */
    unsigned     code;
    struct slice reason;
    struct slice to_tag;   /* empty: the stack's own */
    struct slice contact_user, contact_params;
    bool         contact;  /* and Record-Route: it makes or refreshes a dialog */
    struct slice rows, type, body;
    struct text *keep;     /* NULL, or where its octets are kept */
};
enum err ua_answer(struct ua *ua, struct shard *sh, struct tsx_id tsx, const struct ua_answer *a);
void     ua_refuse(struct ua *ua, struct shard *sh, struct tsx_id tsx, unsigned code); /* with the rows that the code wants */
/* Is the request one that we can work on: Require, body's type and coding? 0, or the code it was answered with. */
unsigned ua_judge(struct ua *ua, struct shard *sh, const struct stack_in *in);
/* Session description in a message: its own body or a part. Empty: none. */
struct slice ua_sdp_of(const struct msg *m);

/* uac.c */
void uac_on_response(struct leg_request *r, const struct msg *m, unsigned code); /* leg_request_done of a first INVITE */
void uac_cancel(struct leg *leg, struct slice reason_row);
void leg_bye(struct leg *leg, struct dialog *d, struct slice reason_row);

/* uas.c */
void uas_on_invite(struct ua *ua, struct shard *sh, const struct stack_in *in);
void uas_offer_to_user(struct leg *leg, const struct msg *m); /* calls on->incoming */
void uas_on_cancel(struct leg *leg, const struct stack_in *in);
void uas_on_ack(struct leg *leg, const struct msg *m);
enum err uas_send_2xx(struct leg *leg, struct slice sdp);     /* to leg->server, and repeat it until the ACK */
void uas_stop_waiting(struct leg *leg);
void uas_accepted_again(void *arg);                           /* timers */
void uas_ring_again(struct leg *leg);
void uas_refuse_and_end(struct leg *leg, const struct leg_refusal *r, enum leg_why why);

/* A 101-199 to leg->server, kept in leg->provisional. */
enum err uas_answer_provisional(struct leg *leg, unsigned code, struct slice rows, struct slice sdp);

/* hang_up.c */
void leg_refuse_pending(struct leg *leg);                     /* what of theirs waits for our user: it will have no answer (RFC 3261 §15.1.2) */
void leg_lost(struct leg *leg, unsigned code);                /* the peer does not know the dialog any more */
void leg_out_of_patience(void *arg);                          /* timer */
void leg_replaced(struct leg *leg);
void leg_not_refreshed(struct leg *leg);                      /* RFC 4028 §10 */

/* within.c */
void within_on_request(struct leg *leg, struct dialog *d, const struct stack_in *in);

/* offer.c */
void offer_on_invite(struct leg *leg, const struct stack_in *in); /* re-INVITE */
void offer_on_update(struct leg *leg, struct dialog *d, const struct stack_in *in);
void offer_again(struct leg *leg); /* timer: after 491 */
bool offer_may_take(struct leg *leg, struct tsx_id tsx); /* an offer of theirs, now? Else it is answered */
void offer_take(struct leg *leg, struct tsx_id tsx, struct slice sdp); /* of UPDATE or PRACK: to our user */
bool offer_is_busy(const struct leg *leg); /* an offer or INVITE of either side is under way */
/* A description of ours that has become what counts. Without memory there is none: then a refresh asks for theirs. */
void offer_said(struct leg *leg, struct slice sdp);
enum err offer_refresh(struct leg *leg); /* re-INVITE with what counts. As leg_offer() */

/* reliable.c: RFC 3262 */
void reliable_begin(struct leg *leg, const struct msg *invite);
enum err reliable_ring(struct leg *leg, unsigned code, struct slice sdp);
void reliable_fire(void *arg);                        /* timer */
bool reliable_holds_2xx(const struct leg *leg);       /* it must wait for a PRACK, or for the answer to one */
enum err reliable_accept_later(struct leg *leg, struct slice sdp);
void reliable_next(struct leg *leg);                  /* what has waited may go now */
void reliable_on_prack(struct leg *leg, const struct stack_in *in);
enum reliable_kind { RELIABLE_NOT, RELIABLE_NEW, RELIABLE_OLD /* or out of order: as if it had not come */ };
enum reliable_kind reliable_see(struct leg *leg, struct dialog *d, const struct msg *m); /* d may be NULL */
void reliable_take(struct leg *leg, struct dialog *d, struct slice sdp);                 /* a new one to our first INVITE */
enum err reliable_prack(struct leg *leg, struct dialog *d, struct slice answer);         /* for the last of d */
void reliable_heard(struct leg *leg, struct dialog *d, struct slice sdp);                /* their description in d now */
bool reliable_answer(struct leg *leg, const struct dialog *d, struct slice *out);        /* that; false: there is none */
bool reliable_is_first_2xx(struct leg *leg, const struct dialog *d);                     /* of a fork that is dismissed */
void reliable_free(struct leg *leg);

/* session.c: RFC 4028 */
void session_put_ask(const struct leg *leg, struct buf *b);                           /* rows of an INVITE or UPDATE of ours */
void session_put_answer(struct leg *leg, const struct msg *request, struct buf *b);   /* of our 2xx to one of theirs; agreed */
void session_on_2xx(struct leg *leg, const struct msg *m);                            /* to one of ours; agreed */
bool session_take_422(struct leg *leg, const struct msg *m);                          /* may it be sent again? */
uint32_t session_too_short(const struct msg *request); /* the Min-SE to refuse it with; 0: it is long enough */
void session_tell(struct leg *leg, struct slice sdp);  /* our user: it is refreshed */
void session_not_refreshed(struct leg *leg);           /* the refresh has failed, the call is still there */
void session_adopt(struct leg *leg);                   /* a dialog that others have begun, or we before a restart */
void session_fire(void *arg);                          /* timer */
void session_refresh(struct leg *leg);

/* refer.c */
void refer_on_refer(struct leg *leg, const struct stack_in *in);
void refer_on_notify(struct leg *leg, const struct stack_in *in);
void refer_on_subscribe(struct leg *leg, const struct stack_in *in);
void refer_close(struct refer *f);
enum err refer_adopt(struct leg *leg, uint32_t id, bool first); /* one that was accepted before the leg was here */

/* replaces.c: is the leg that a Replaces or Join names here? Asks its shard, goes on with uas_offer_to_user or refuses. */
void replaces_ask(struct leg *leg, const struct dialog_ref *ref, enum hdr_id row);

/* publish.c */
void ua_publish_close(struct ua *ua); /* the stack is closed */

/* account.c */
struct ua *account_ua(const struct ua_account *a);
struct account_ask { /* of which request the credentials are */
    struct slice method, uri, body;
};
/* Authorization rows for what this account was challenged with before; nothing when it never was. NULL: nothing. */
void account_put_credentials(struct ua_account *a, struct buf *b, const struct account_ask *ask);
/* A 401 or 407 to a request that was sent `tries` times. ERR_OK: send it again; else it is refused for good. */
enum err account_take_challenge(struct ua_account *a, const struct msg *m, unsigned tries);
struct slice account_server(const struct ua_account *a);      /* empty: none */
struct slice account_identity(const struct ua_account *a);    /* value of From without tag */
struct ua_account *account_for(struct ua *ua, const struct msg *request); /* whose end does it mean? NULL */

#endif
