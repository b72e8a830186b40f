/* stack_priv.h - what the files of sip/stack share. Private to the room.
 *
 *   struct stack                          one per process (or per simulated node)
 *     shard[STACK_SHARDS]                 transactions by key; a timer wheel; a queue. Touched by its holder alone
 *     worker[n_workers]                   a transport, a net, scratch memory. Touched by its own thread alone
 *
 * What two threads touch at once is _Atomic, and nothing else is: steering (work, queue, queued), the shard's next
 * deadline, the worker's next wake-up, counters. */
#ifndef SIP_STACK_PRIV_H
#define SIP_STACK_PRIV_H

#include <assert.h>
#include <stdatomic.h>

#include "base/ahead.h"
#include "base/keyring.h"
#include "base/list.h"
#include "base/span.h"
#include "sip/stack/stack.h"
#include "sip/tsx/tsx.h"
#include "sys/spin.h"

enum {
    SCRATCH_BLOCK_OCTETS = 32 * 1024, /* of a worker: what nearly every callback does with */
    FIRST_SLOTS = 16,             /* of a shard; they grow                 */
    FLOW_LISTS_BITS = 5,          /* lists of what sends on a flow: looked through only when one is lost */
    FLOW_LISTS = 1 << FLOW_LISTS_BITS,
    BRANCH_COOKIE_OCTETS = 7,     /* z9hG4bK (RFC 3261 §8.1.1.7)           */
    VIA_ROW_OCTETS = 512,         /* ours: names are at most 255 octets    */
    SLIM_MS = 1000,               /* of an INVITE that rings for longer no more is kept than is needed */
    LIFE_LATE_MS = 32,            /* so late may one of many transactions end, or be given up */
    TIMER_C_MS = 3 * 60 * 1000 + 1000 /* more than three minutes (§16.6 step 11) */
};

struct stack;
struct worker;

/* ---- shards' memory (pool.c) ---- */

enum { POOL_CLASSES = 121, POOL_LIST = 32 }; /* sizes of pieces that are kept; so many pieces are passed on together */

/* A worker's: what the shards that it holds take, and what is freed in them. Zeroed: it has nothing yet. */
struct pool {
    struct pool_class {
        struct piece *free;
        uint32_t      n;    /* of free: POOL_LIST at most     */
        struct piece *full; /* POOL_LIST of them, or NULL     */
    } class[POOL_CLASSES];
    struct chunk *chunks;
    size_t        octets;   /* of all chunks */
    char         *at, *end; /* of a block: not cut yet */
};
void pool_close(struct pool *p, const struct stack *st); /* after all workers' last use of any piece */

/* All workers': full lists of those that free more than they take. */
struct depot {
    struct spin             lock; /* to be looked at without, whether there is any */
    _Atomic(struct piece *) lists[POOL_CLASSES];
};

/* What a shard hands out, and how much of it. */
struct shard_heap {
    struct mem       mem;    /* its ctx is the shard */
    _Atomic uint64_t octets; /* that are in use, as they were asked for */
};
void shard_heap_open(struct shard *sh);

/* ---- work for a shard (steer.c) ----
 *
 * A job begins an allocation of `octets` octets. It is in one place at a time: a shard's queue, or a worker's list of
 * what must wait until that worker holds nothing. */
struct job {
    struct job *next;
    size_t      octets;
    void (*work)(struct job *j, struct shard *sh); /* with the shard held; the queue frees j afterwards */
    unsigned    shard;
};

/* ---- transactions ---- */

/* Both sides' beginning. Most are waiting for their end, in thousands, and have left the processor's caches: so they are found,
 * and their timers kept in order, without another one being touched but for neighbours in time.
 * Invariants: the shard's `keys` has it once the machine is not IDLE any more; timer[c] runs iff running[c] < TSX_TIMERS, but for
 * timer[TSX_TIMER_AGAIN] of an INVITE that rings, which is for server_slim() and client_slim(); slot id.slot names it and no other
 * does. */
struct txn {
    struct flow       flow;        /* where it sends to. What is below its end touches                      */
    struct tsx_key    key;
    struct shard     *sh;
    struct tsx_id     id;
    struct tsx        machine;
    struct span_timer timer[TSX_TIMER_CLASSES];
    uint8_t           running[TSX_TIMER_CLASSES]; /* enum tsx_timer */
    bool              is_server;
    bool              broken_told; /* a failed send waits in the queue to be told                           */
    struct slice      last;        /* what is sent again: response (but see struct kept), request, ACK. Owned */
};

/* The request of a server transaction, while it is not answered. */
struct asked {
    const struct stack_in *in; /* parsed, in the scratch of `epoch`; NULL: not parsed */
    uint64_t               epoch;
    struct tsx_id          invite, merged;
    struct flow            from;
    uint32_t               raw_n;
    char                   raw[]; /* the message */
};

/* A response of our own that only a repeated request can ask for again is made again, out of that request: t.last has no more of it
 * than the To tag, the reason and the rows, one after the other. */
struct kept {
    uint16_t code;    /* 0: t.last is the whole response, if anything */
    uint16_t tag_n, reason_n;
    bool     likened; /* it is what liken() made of the response, likened to the request */
};

struct server {
    struct txn                    t;
    struct tsx_key                merged;    /* the index knows it by that too, iff may_merge */
    struct tsx_tags               tags;
    bool                          rfc2543, may_merge, wants_reports; /* reports: RFC 7339 */
    uint16_t                      answered;  /* by the code that is to be told; 0: none, or told */
    struct kept                   kept;
    struct asked                 *asked;     /* NULL: answered */
    const struct stack_server_on *on;
    void                         *arg;
};

/* What a client transaction needs only as long as it may have to try another hop. */
struct attempt {
    size_t                octets; /* of this allocation */
    void (*rows)(void *arg, struct transport *tp, const struct flow *to, struct buf *b);
    void                 *rows_arg;
    struct transport_hop *hops;   /* owned; NULL until the name is resolved */
    size_t                n_hops, next;
    bool                  offers_reports;
    size_t                suffix_n, name_n;
    char                  text[]; /* the suffix; the host of the URI that hops come from */
};

struct client {
    struct txn                    t;
    struct list_node              by_flow; /* while something may be sent again */
    uint32_t                      added_at, added_n; /* our rows within t.last, while that is the request. Where: of one with an attempt */
    bool                          linked;  /* in the table by key */
    struct attempt               *attempt; /* NULL: a given flow, or no further hop is tried */
    struct slice                  cancel_rows; /* while a CANCEL waits for a provisional response. Owned */
    const struct stack_client_on *on;
    void                         *arg;
};

/* What an event brings along while its actions are carried out. */
struct answer;
struct event_facts {
    struct slice           octets; /* server: the response that the user gives     */
    const struct answer   *answer; /* server: what that was made of; NULL: the user's own octets */
    const struct stack_in *in;     /* server: what is told upwards, or has come again */
    const struct msg      *m;      /* client: the response that came               */
    const struct flow     *from;
    enum err               why;    /* TSX_TRANSPORT_ERROR                          */
};

/* ---- shards ---- */

struct slot {
    struct txn *t;    /* NULL: free                            */
    uint32_t    gen;  /* raised when it is given up            */
    uint32_t    next; /* of the free list, slot number; 0: end */
};

struct shard {
    _Atomic uint64_t      work;   /* 0: free. Else held; raised by everybody who queues */
    _Atomic(struct job *) queue;  /* newest first                                       */
    _Atomic uint32_t      queued;
    _Atomic uint64_t     *next_ms; /* first deadline, as of the last letting go; UINT64_MAX: none. Of its home worker's */

    /* What is below is its holder's; first what every message touches. */
    struct stack  *st;
    struct worker *holder;
    struct worker *last;   /* who has held it last, and the moment of what was done then, where there are others */
    uint64_t       last_us;
    unsigned       index;
    uint8_t        home;
    bool           opened; /* the user's shard_open() was done */
    uint64_t       epoch;  /* raised with each reset of the scratch */
    struct shard_heap heap;
    struct keyring keys;   /* slot numbers of transactions by their keys: servers', merged ones, clients' */
    struct slot   *slots;  /* [n_slots], number 1 is slots[0] */
    uint32_t       n_slots, free_slot;
    void          *data;
    _Atomic uint64_t n_servers, n_clients; /* now; read for counts */
    struct spans   again, life; /* transactions' timers, by class */
    struct list    flows[FLOW_LISTS];
    struct wheel   wheel;
};

/* ---- workers ---- */

struct counters {
    _Atomic uint64_t in, out, bad, dropped, queued, paused, retransmitted_in, retransmitted_out, refused_503;
    _Atomic uint64_t turned_away, unanswered, let_in;
    _Atomic uint64_t shedding_since_ms, calls_per_s; /* wall clock; 0: it does not */
};

/* A worker's gate (gate.c). Zeroed: nothing has happened yet. */
struct gate {
    struct overload control;
    bool            looks;         /* at messages: not calm, or somebody may owe us an ACK         */
    bool            shown;         /* the message that it has just let through is to be refused after all */
    uint64_t        acks_until_us; /* until then ACKs of our 503s may come                         */
    uint64_t        told_us;       /* when it was last said how many were turned away              */
    uint64_t        told_away, told_unanswered; /* so many by then                                 */
    uint64_t        seen_us;       /* when one was last turned away that the record was shown      */
    struct gate_memory *memory;    /* NULL: never needed yet, or there was none                    */
};

/* What net_post() carries: outlives the worker, until the last post has come. */
struct bell {
    struct mem      *mem;
    struct worker   *w; /* NULL: closed */
    _Atomic uint32_t posts;
};

struct worker {
    struct stack     *st;
    struct net       *net; /* NULL: not added yet */
    struct transport *tp;
    struct record    *record;
    struct bell      *bell;
    uint8_t           index;
    struct gate       gate;
    struct shard     *holding;
    bool              working_off; /* what was put off is being worked off */
    struct job       *later, **later_end;
    struct arena      scratch;
    struct pool       pool;
    struct net_timer  tick;
    struct net_timer  resume;       /* while a stream of this worker waits for room in a shard's queue */
    uint64_t          alert_until_ms; /* until then it looks every STACK_TICK_MS */
    _Atomic uint64_t  wakes_ms; /* when the tick fires; UINT64_MAX: it sleeps */
    _Atomic uint64_t  deadlines[STACK_SHARDS]; /* of the shards whose home it is, in their order: next to each other to be looked through */
    struct list       lookups;  /* under way */
    struct lookup    *spare_lookup;
    struct counters   count;
};

struct stack {
    struct stack_config config;
    struct tsx_times    times;
    struct stack_times  all_times;
    struct transport   *transports[STACK_MAX_WORKERS];
    struct worker      *workers; /* [n_workers] */
    _Atomic uint32_t    full;    /* shards whose queue has STACK_MAX_QUEUED or more */
    struct shard       *shards;  /* [STACK_SHARDS] */
    struct depot        depot;
};

/* One more; only the owner writes, so a plain load and store do. */
static inline void count(_Atomic uint64_t *c)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + 1, memory_order_relaxed);
}
static inline void uncount(_Atomic uint64_t *c)
{
    atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) - 1, memory_order_relaxed);
}

/* ---- shard.c: one shard, its memory and its table of slots ---- */
enum err shard_open(struct stack *st, struct shard *sh, unsigned index);
void     shard_close(struct shard *sh); /* after shard_end_all() and the user's shard_close */
void     shard_scratch_reset(struct shard *sh);
struct mem *shard_heap(struct shard *sh);
enum err shard_dup(struct shard *sh, struct slice s, struct slice *out); /* exact; to be freed by shard_free() */
void     shard_free(struct shard *sh, struct slice *s);                  /* and *s is empty then */
/* Each side has as many entries in the index at most, and room for them from the beginning to the end. */
enum { SERVER_KEYS = 2, CLIENT_KEYS = 1 };
enum err txn_slot_take(struct shard *sh, struct txn *t);                 /* sets t->id. ERR_NOMEM, ERR_FULL */
void     txn_slot_give(struct shard *sh, struct txn *t);
void     txn_slot_move(struct shard *sh, struct txn *from, struct txn *to); /* they trade their ids */
struct txn *txn_slot_find(struct shard *sh, struct tsx_id id);

/* ---- txn.c: what both sides do ---- */
void txn_init(struct txn *t, struct shard *sh, enum tsx_kind kind, bool reliable);
void txn_set_timer(struct txn *t, const struct tsx_action *a);
void txn_slim_later(struct txn *t); /* unless a timer of the class `again` runs */
void txn_stop_timers(struct txn *t);
void txn_timers_open(struct shard *sh);
void txn_keep(struct txn *t, struct slice octets); /* as what is sent again; without memory nothing is */
enum err txn_send(struct txn *t, struct slice octets); /* an error that is final is told later: txn_broken() */
void txn_broken(struct txn *t, enum err why);
void txn_unsent(struct worker *w, unsigned shard, uint64_t mark, enum err why); /* the same for what a txn_send() has taken */
void txn_send_again(struct txn *t, struct slice octets); /* counted as repeated */
void txn_resend(struct txn *t);                          /* what was kept for it */
void shard_end_all(struct shard *sh); /* all transactions, without callbacks */

/* ---- server.c ---- */
/* By m->key, or for an ACK's or CANCEL's INVITE by m->invite. What belongs together comes by one transport (§9.1,
 * §17.1.1.3, §18.1.1): who sends the same octets by another one wants an answer there. */
struct server *server_find(struct shard *sh, const struct tsx_key *key, const struct tsx_match *m,
                           const struct stack_in *in);
struct server *server_find_merged(struct shard *sh, const struct tsx_match *m);
enum err server_begin(struct shard *sh, struct stack_in *in, const struct tsx_match *m); /* in: of the scratch; gets its id */
void server_event(struct server *s, const struct tsx_event *ev, const struct event_facts *facts);
void server_free(struct server *s); /* unlinks and frees; tells nobody */
void server_slim(struct server *s); /* it rings: what was answered is kept as what the request does not say */

/* ---- refuse.c: answers without a transaction (RFC 3261 §8.2.7), and the stack's own responses ---- */
struct answer {
    const struct msg *request;
    unsigned          code;
    struct slice      reason, to_tag, rows;
    struct slice      via; /* stack_in.via of the request, where there is one */
};
struct slice refuse_tag(struct shard *sh, const struct tsx_key *key, struct buf *b);
enum err refuse_write(struct shard *sh, const struct answer *a, const struct addr *source, struct slice *out); /* in scratch */
/* The same in two steps: what it takes from its request, and that with its rows. */
enum err refuse_head(struct shard *sh, const struct answer *a, const struct addr *source, struct slice *out);
enum err refuse_join(struct shard *sh, const struct answer *a, struct slice head, struct slice *out);
void refuse_request(struct shard *sh, const struct msg *m, const struct flow *from, const struct msg_fault *fault);
enum err refuse_send(struct shard *sh, const struct msg *m, const struct flow *from, struct slice response);

/* ---- request.c: our rows in the user's request ---- */
struct added { /* what a hop adds to the user's request, beside the Via */
    struct slice suffix; /* of the branch */
    struct slice branch; /* instead of one made here; empty: none */
    void (*rows)(void *arg, struct transport *tp, const struct flow *to, struct buf *b);
    void *rows_arg;
    bool  offers_reports; /* in the Via */
};
struct request_text {
    struct slice     start;  /* with CRLF */
    struct slice     rest;
    struct slice     method;
    struct msg_edit *edit;   /* what makes it, instead of start and rest; NULL: they are it */
};
struct added_text {
    struct slice rows, branch; /* the Via, and the user's rows below it; of the Via */
};
enum err request_cut(struct slice octets, struct request_text *out); /* ERR_SYNTAX, ERR_LIMIT */
enum err request_take(struct arena *scratch, const struct stack_send *s, struct request_text *out); /* and ERR_NOMEM */
enum err added_write(struct worker *w, const struct flow *to, const struct added *added, struct added_text *out); /* scratch */
enum err request_measure(const struct request_text *text, struct slice rows, size_t *n); /* ERR_LIMIT */
void request_put(const struct request_text *text, struct slice rows, char *to);          /* as it was measured */

/* ---- client.c ---- */
enum err client_open(struct shard *sh, enum tsx_kind kind, struct client **out);
/* The request, without what a hop adds, with our rows for that flow. `text` may stand in c->t.last, which is replaced. */
enum err client_begin(struct client *c, const struct request_text *text, const struct flow *to, const struct added *added);
void client_start(struct client *c, const struct flow *to, struct tsx_key key); /* t.last is whole */
void client_event(struct client *c, const struct tsx_event *ev, const struct event_facts *facts);
void client_on_response(struct client *c, const struct msg *m, const struct flow *from);
void client_slim(struct client *c); /* of the INVITE no more is kept than an ACK and a CANCEL need */
void client_unlink(struct client *c); /* neither an answer nor a lost flow finds it */
void client_trade_ids(struct client *a, struct client *b);
void client_free(struct client *c);                  /* tells nobody */
void client_give_up(struct client *c, enum err why); /* one that was never sent: tell, and end */
void client_lost(struct shard *sh, const struct flow *flow, enum err why);

/* ---- derive.c: CANCEL and ACK made from the request (§9.1, §17.1.1.3), in scratch ---- */
enum err derive_ack(struct client *c, const struct msg *response, struct slice *out);
enum err derive_cancel(struct client *c, struct slice *out);
enum err derive_slim(struct client *c, struct slice *out); /* an INVITE of which both are made as of the whole */

/* ---- liken.c: a text as what it shares with another one, and back; in scratch. ERR_NOMEM, or one of them is too long ---- */
enum err liken(struct arena *scratch, struct slice text, struct slice like, struct slice *out);
enum err unliken(struct arena *scratch, struct slice likened, struct slice like, struct slice *out);

/* ---- route.c: where to, and the next hop ---- */
enum err route_begin(struct client *c, const struct stack_send *s, const struct request_text *text);
bool     route_next(struct client *c, enum err why); /* true: another hop is being tried          */
void     route_split(struct client *c);              /* the same after a 503; c lingers by itself */
void     attempt_free(struct client *c);
void     route_close(struct worker *w);

/* ---- gate.c: is there time for it? Before the record, the shards and all else ---- */
bool gate_admits(struct worker *w, const struct flow *from, struct slice octets);
/* A message that another worker has read waited since then for a shard that w holds. */
void gate_hears(struct worker *w, uint64_t since_us);
void gate_close(struct worker *w);
/* The record has seen it: refuse it, and let it see that too. Instead of working on it, if gate.shown. */
void gate_on_shown(struct worker *w, const struct flow *from, struct slice octets);

/* ---- turn_away.c: a 503 without a transaction ---- */
uint64_t gate_branch(const struct worker *w, const struct overload_glance *seen); /* what a message and what comes of it share */
bool gate_acks_a_503(const struct worker *w, const struct overload_glance *seen); /* one of gate_refuse() */
void gate_refuse(struct worker *w, const struct flow *from, struct slice octets, bool recorded);
/* A response as it goes to who takes reports of how busy we are (RFC 7339); in scratch. */
struct slice gate_report(struct worker *w, struct slice response);

/* ---- steer.c: taking, queueing, letting go ---- */
void steer_on_octets(struct worker *w, const struct flow *from, struct slice octets);
/* Is there room for that message of a stream? Else the worker looks again in STACK_TICK_MS. */
bool steer_takes(struct worker *w, struct slice octets);
bool steer_take(struct worker *w, struct shard *sh);    /* true: held */
void steer_let_go(struct worker *w);                    /* what is queued and due first */
void steer_job(struct worker *w, struct job *j);        /* now, queued, or when w holds nothing */
void steer_push(struct shard *sh, struct job *j);       /* while holding sh: before it is let go */
void steer_settle(struct worker *w);                    /* the end of each way in: what was put off */
void steer_free_all(struct stack *st);

/* ---- timer.c: shards' deadlines and home workers ---- */
void timers_open(struct worker *w);
void timers_run(struct shard *sh);     /* fire what is due                       */
void timers_publish(struct shard *sh); /* at letting go: let the home worker know */
void timers_close(struct worker *w);
void bell_post(struct worker *w, void (*fn)(void *arg), void *arg);
bool bell_came(struct bell *b);        /* false: the worker is gone              */

/* ---- stack.c, match.c ---- */
/* By what a message is looked up: found out before its shard is held. The tables are far away: where it is to be looked is fetched while the
 * message is checked. */
struct sought {
    enum err         e; /* not to be looked up at all */
    struct tsx_match request;
    struct tsx_key   response;
};
enum err stack_parse(struct worker *w, struct slice octets, struct msg **out); /* into its scratch; an error is counted */
void stack_on_message(struct shard *sh, const struct flow *from, const struct msg *m, const struct sought *sought);
void stack_on_octets(struct shard *sh, const struct flow *from, struct slice octets); /* both: of one that had to wait */
/* The top Via as it is sent on, with received and rport (RFC 3581 §4); in scratch, or within m. */
enum err match_via(struct shard *sh, const struct msg *m, const struct addr *source, struct slice *out);
/* Where an answer goes (§18.2.2). */
void match_way_back(struct transport *tp, const struct msg *m, const struct flow *from, struct flow *out);
void match_seek(const struct stack *st, const struct msg *m, struct sought *out);
void match_expect(const struct shard *sh, const struct msg *m, const struct sought *s);
void stack_on_request(struct shard *sh, const struct msg *m, const struct flow *from, const struct tsx_match *match);
void stack_on_response(struct shard *sh, const struct msg *m, const struct flow *from, struct tsx_key key);

#endif
