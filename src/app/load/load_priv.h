/* load_priv.h - what the files of app/load share.
 *
 * One thread, one net, one stack. A `struct load` is the run; its phones are numbers at addresses of this machine. Work is
 * begun by pace.c at the rate that was asked for, whatever has become of what was begun before. A call has two ends here, a
 * caller and a callee, in the shard that its Call-ID picks; they know of each other only what comes over the wire. */
#ifndef APP_LOAD_PRIV_H
#define APP_LOAD_PRIV_H

#include "app/load/histogram.h"
#include "app/load/options.h"
#include "base/map.h"
#include "net/net.h"
#include "sip/auth/auth.h"
#include "sip/dialog/dialog.h"
#include "sip/stack/stack.h"
#include "sys/digest.h"
#include "sys/random.h"

enum {
    LOAD_HEAD_OCTETS = 3072,  /* room for what we write, without what a request brings along */
    LOAD_ARENA_OCTETS = 1536, /* of a dialog, at first                                       */
    LOAD_MAX_CAUSES = 64,     /* different ways to fail that are told apart                  */
    LOAD_CAUSE_OCTETS = 64,
    LOAD_MAX_TRIES = 3,       /* of one request with credentials                             */
    LOAD_NONCE_OCTETS = 128,
    LOAD_REALM_OCTETS = 64,
    LOAD_NUMBER_OCTETS = 16,
    LOAD_MAX_BEHIND = 1000    /* pieces of work that one wake-up begins; then others have their turn */
};

/* What a phone knows of the server's challenges: it uses the nonce as long as it is good (RFC 2617 §3.3). */
struct load_login {
    char     nonce[LOAD_NONCE_OCTETS];
    uint8_t  n_nonce; /* 0: it has not been challenged yet */
    uint8_t  alg;     /* enum auth_alg */
    bool     qop;
    bool     proxy;   /* the answer goes into Proxy-Authorization */
    uint32_t nc;
};

struct load_phone {
    struct load      *load;
    uint32_t          index;
    uint32_t          cseq;    /* of its last REGISTER */
    uint8_t           tries;   /* of that one          */
    bool              busy;    /* a REGISTER is under way, and it is */
    bool              counted; /* ... a piece of work, or ...        */
    bool              returns; /* ... the first by another connection: nothing that the run waits for */
    bool              registered;
    uint64_t          begun_us;
    struct load_login login;
};

/* A phone's connection; the flow stays when it has ended, and what is sent by it fails. */
struct load_connection {
    struct load_phone *phone;
    struct flow        flow;
    struct map_node    node;    /* in by_flow, while listed: it has not ended */
    bool               listed;
    uint32_t           wait_ms; /* before the next or last try; 0: the last one was good */
    bool               waits;
    struct net_timer   again;
};

/* ---- figures.c: what is told at the end ---- */

enum load_latency {
    LATENCY_REGISTER, /* REGISTER to its 200, the challenge between them included */
    LATENCY_RINGING,  /* INVITE to 180, likewise */
    LATENCY_ANSWER,   /* INVITE to 200; the time that it rings is taken off */
    LATENCY_BYE,      /* BYE to its 200 */
    LATENCY_REFER,    /* REFER to its 202 */
    LATENCY_WITHIN,   /* INFO to its 200 */
    LATENCY_SUBSCRIBE, /* SUBSCRIBE to its 200, and ... */
    LATENCY_NOTIFY,   /* ... until the first NOTIFY has come too */
    LATENCY_N
};

struct load_cause {
    char     text[LOAD_CAUSE_OCTETS]; /* NUL-terminated */
    uint64_t n;
};
struct load_figures {
    uint64_t          offered, done, failed;
    uint64_t          connections_lost;
    struct histogram  latency[LATENCY_N]; /* µs */
    struct load_cause cause[LOAD_MAX_CAUSES];
    size_t            n_causes;
};

/* What the machine has spent when: at the beginning and at the end of the time measured. Of the server the whole is exact, and
 * its parts are what the kernel saw in its ticks. */
struct load_meter {
    uint64_t wall_us, own_us, waited_us, server_us, server_user_ticks, server_system_ticks;
};

/* ---- the run ---- */

enum load_phase {
    PHASE_REGISTER, /* every phone registers, some at a time       */
    PHASE_HOLD,     /* WITHIN: the calls are set up, likewise      */
    PHASE_WORK,     /* the rate that was asked for; what is begun now is measured */
    PHASE_DRAIN,    /* nothing is begun any more                   */
    PHASE_OVER
};

struct end;

struct load {
    struct load_options o;
    struct mem          mem;
    struct random       random;
    struct digester     digester;
    struct hash_key     key;
    struct net         *net;
    struct stack       *stack;
    struct transport   *transport;
    struct net_tls     *tls;        /* NULL: TLS is not spoken */
    struct slice        peer;       /* whom a certificate must be for; empty: the server's address */
    struct flow         flow[LOAD_MAX_ADDRESSES]; /* datagrams to the server, from each address */
    struct load_connection *connections; /* one for each phone; NULL where there are datagrams */
    struct map          by_flow;
    char                domain_room[ADDR_MAX_TEXT];
    struct slice        domain;
    char                realm_room[LOAD_REALM_OCTETS];
    struct slice        realm;      /* of the server's challenges; empty: there was none yet */
    struct load_phone  *phones;
    uint32_t            next_phone, n_registered;
    uint64_t            not_before_us; /* while they register: the server has asked for patience */
    struct end        **held;       /* WITHIN: callers whose calls are up */
    size_t              n_held, next_held;
    struct load_figures figures;
    size_t              out;        /* pieces of work that have begun and not ended */
    enum load_phase     phase;
    uint64_t            phase_us;   /* when it began */
    uint64_t            begun;      /* how many have begun in it */
    uint64_t            latest_us;  /* how late one of them was at worst */
    struct net_timer    pace, second;
    struct load_meter   start, from, work_end, to; /* of all, of WORK, the end of WORK, and when all had ended */
    uint64_t            told_offered, told_done; /* by the last line of progress */
    int                 signals;
    bool                told_tls;   /* why there is no TLS with the server */
    const char         *broken;     /* why the run cannot go on; NULL: it can */
};

void load_stop(struct load *l, const char *broken); /* NULL: it is over */

/* ---- pace.c: when what begins ---- */

void pace_begin(struct load *l);
/* In the midst of it: what was measured until now is told, and nothing has failed for not being over. */
void pace_stop(struct load *l);
/* A phone has registered, or while all are still to: it was asked to come again later. */
void pace_registered(struct load *l, struct load_phone *p);
bool pace_later(struct load *l, const struct msg *refusal);
/* What was begun has ended; `cause` NULL: well. measured: it was a piece of work. */
void pace_ended(struct load *l, bool measured, const char *cause);

/* ---- phones.c ---- */

enum err load_phones_open(struct load *l);
void     load_phones_close(struct load *l);
void     load_phone_put_number(struct buf *b, const struct load_phone *p);
void     load_phone_put_uri(struct buf *b, const struct load_phone *p); /* sip:number@domain */
void     load_phone_put_contact(struct buf *b, const struct load_phone *p);
/* The phone that has this number; NULL: none of ours. */
struct load_phone  *load_phone_of(struct load *l, struct slice number);
const struct flow  *load_phone_flow(const struct load_phone *p); /* set once it has registered */
struct load_phone  *load_phone_next(struct load *l); /* in turn */
/* Begins a REGISTER, unless one is under way: then false. */
enum load_phone_why { LOAD_PHONE_PREPARES, LOAD_PHONE_WORKS, LOAD_PHONE_RETURNS };
bool     load_phone_register(struct load_phone *p, enum load_phone_why why);

/* ---- connection.c: over datagrams all this does nothing ---- */

enum err load_connections_open(struct load *l); /* after the phones */
void     load_connections_close(struct load *l);
/* There is one, or it is opened; the errors of flow_open(). */
enum err load_connection_need(struct load_phone *p);
/* A REGISTER was answered well; or one by a new connection was not, and a later one is to try. */
void     load_connection_good(struct load_phone *p);
void     load_connection_wait(struct load_phone *p);
void     load_connection_lost(struct load *l, const struct flow *flow);

/* ---- login.c ---- */

struct load_ask {
    enum method  method;
    struct slice uri;
};
/* A row of credentials, when the phone has a nonce to answer. */
void     load_login_put(struct load_phone *p, struct buf *b, const struct load_ask *ask);
/* A 401 or 407: what it asks is noted. ERR_NOTFOUND: nothing in it that we can answer; ERR_LIMIT. */
enum err load_login_challenged(struct load_phone *p, struct shard *sh, const struct msg *m);

/* ---- text.c ---- */

extern const struct slice load_sdp;

struct buf load_scratch(struct shard *sh, size_t octets);
void       load_put_common(struct buf *b);
extern const struct slice load_transferred; /* Subject of a transferred call: so its callee knows what it is */
struct load_reply {
    unsigned                 code;
    struct slice             tag;     /* of To; empty: the stack's */
    const struct load_phone *contact; /* NULL: none, and no Record-Route */
    bool                     body;    /* load_sdp */
    struct buf              *kept;    /* the octets that went out are in here; NULL: in scratch memory */
};
enum err load_answer(struct shard *sh, struct tsx_id tsx, const struct load_reply *r);

/* ---- end.c: what both ends of a call have ---- */

struct end {
    struct map_node    node;       /* in its shard's map, by Call-ID and role */
    struct load       *load;
    struct shard      *sh;
    struct load_phone *phone, *peer;
    bool               is_callee;
    bool               confirmed;  /* caller: the 2xx has come; callee: the ACK has */
    bool               leaving;    /* its BYE is under way, or has come */
    bool               measured;   /* begun in PHASE_WORK: it is a piece of work */
    bool               held;       /* it stays up: for WITHIN */
    bool               asking;     /* an INFO is under way */
    bool               ringing;    /* a 180 has come */
    bool               second;     /* the call to whom the first one was transferred */
    bool               watcher;    /* no call, but a subscription */
    const char        *wrong;      /* the first thing that was; NULL: nothing so far */
    struct arena       arena;
    struct slice       call_id;    /* in the arena */
    char               tag[STACK_TOKEN_OCTETS]; /* ours */
    struct dialog      dialog;     /* once has_dialog */
    bool               has_dialog;
    uint32_t           cseq;       /* of the INVITE */
    uint8_t            tries;      /* of the request that is under way */
    uint64_t           asked_us;   /* when that request was sent first */
    struct wheel_timer timer;
    struct load_phone *target;     /* transferred: whom it calls next */
    struct tsx_id      tsx;        /* of the INVITE, as client or as server */
    struct tsx_id      within;     /* of our last request in the dialog ...      */
    struct tsx_id      info;       /* ... and of our last INFO, which may cross it */
    /* callee */
    char              *kept;       /* its 200, repeated until the ACK comes */
    size_t             n_kept;
    uint32_t           wait_ms, waited_ms;
};

struct ends { /* a shard's */
    struct map map;
};

struct end *load_end_new(struct load *l, struct shard *sh, struct slice call_id, bool is_callee); /* NULL: no memory */
struct end *load_end_find(struct load *l, struct shard *sh, struct slice call_id, bool is_callee);
void        load_end_free(struct end *e); /* stops its timer */
void        load_end_timer(struct end *e, void (*fire)(void *end), uint64_t in_ms); /* instead of what it waited for before */
/* The request that makes the dialog, to the peer's address of record; and one within it. ERR_NOMEM and the stack's. */
struct end_request {
    enum method                   method;
    struct slice                  rows; /* whole ones */
    const struct stack_client_on *on;
};
enum err load_end_begin(struct end *e, const struct end_request *r);
enum err load_end_request(struct end *e, const struct end_request *r);
/* A 401 or 407 to it: sent again with credentials. False: not challenged, or often enough. */
bool     load_end_again(struct end *e, const struct msg *m, const struct end_request *r);
/* BYE, and when it is answered the end of this end. Its failure is the call's. */
void     load_end_bye(struct end *e);
/* It is over. `cause` NULL: well, unless something was wrong before. Frees it; a caller's piece of work has ended. */
void     load_end_over(struct end *e, const char *cause);
uint64_t load_end_now_us(const struct end *e);

/* ---- caller.c, callee.c ---- */

/* Begin a call. False: no memory. */
struct call_plan {
    struct load_phone *from, *to;
    bool               measured, held, second, watcher; /* as in struct end */
};
bool caller_begin(struct load *l, const struct call_plan *plan);
void caller_refer(struct end *e, const struct stack_in *in); /* the callee wants it elsewhere */
void caller_bye(struct end *e, const struct stack_in *in);
void caller_info(void *end, struct shard *sh);    /* one INFO, a piece of work */
void caller_hang_up(void *end, struct shard *sh);

void callee_invite(struct load *l, struct shard *sh, const struct stack_in *in);
void callee_ack(struct end *e);
void callee_bye(struct end *e, const struct stack_in *in);

/* ---- watcher.c ---- */

enum err watcher_subscribe(struct end *e);
void     watcher_notify(struct end *e, const struct stack_in *in);

/* ---- figures.c ---- */

/* `cause` with what it was: "INVITE 503". */
void     figures_cause(struct load_figures *f, const char *cause);
void     figures_measure(struct load *l, struct load_meter *out);
void     figures_progress(struct load *l);
/* To standard output. True: nothing failed, and the generator was not the limit. */
bool     figures_tell(struct load *l);

#endif
