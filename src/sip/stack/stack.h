/* stack.h - shards, steering, transactions: SIP between the flows below and the users above (RFC 3261 §17, RFC 6026,
 * RFC 4320; DESIGN §6; PROTOCOL §3).
 *
 * A `struct stack` has STACK_SHARDS shards and one transport per worker. Everything of a call lives in the shard that its
 * Call-ID picks. Whoever holds a shard is its only thread; a function that takes a `struct shard *` may be called only
 * while it is held: that is inside a callback of this door. Nobody holds two. Outside a shard use stack_run/stack_post.
 *
 * Before all of it stands the gate (config.sheds): while a worker has more to do than it can, new work is answered 503 there, or
 * not at all (sip/overload; doc/overload.md). What belongs to a dialog or transaction passes.
 *
 * Up: one table for new requests (struct stack_user), set once. A client transaction carries its own user's table.
 * Down: stack_request, stack_respond, stack_send. */
#ifndef SIP_STACK_H
#define SIP_STACK_H

#include "base/digester.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/wheel.h"
#include "record/record.h"
#include "sip/msg/msg.h"
#include "sip/overload/overload.h"
#include "sip/transport/transport.h"
#include "sys/log.h"

enum {
    STACK_LARGE_OCTETS = 2 * 1024 * 1024,
    STACK_SHARDS = 64,
    STACK_MAX_WORKERS = 64,
    STACK_MAX_QUEUED = 4096,        /* messages waiting for a held shard; then datagrams are dropped and counted, and a stream
                                       is not read any more until there is room (PROTOCOL 3.3) */
    STACK_MAX_BRANCH_OCTETS = 128,
    STACK_MAX_TSX = 200000,         /* per shard; above: 503 to new requests                                     */
    STACK_MAX_ROWS_OCTETS = 2048,   /* what stack_send.rows may write                                            */
    STACK_ADDED_OCTETS = 400,       /* our Via and rows, as assumed when the size picks the transport (PROTOCOL 2.5) */
    STACK_TICK_MS = 10,             /* how late a deadline may be that another worker set in a shard of one's own */
    STACK_SCRATCH_OCTETS = 4 * MSG_MAX_OCTETS /* per worker: all that one callback may take from shard_scratch()   */
};

struct stack;
struct shard;

/* A transaction of one shard. A stale id finds nothing. Zeroed: none. */
struct tsx_id {
    uint32_t slot; /* from 1 */
    uint32_t gen;
};
#define TSX_NONE ((struct tsx_id){0, 0})
static inline bool tsx_is_none(struct tsx_id t) { return t.slot == 0; }
static inline bool tsx_eq(struct tsx_id a, struct tsx_id b) { return a.slot == b.slot && a.gen == b.gen; }

/* ---- new requests, upwards ---- */

struct stack_in {
    const struct msg *m;      /* sane by msg_check(); lives until the callback returns                      */
    struct flow       from;
    struct tsx_id     tsx;    /* its server transaction; none for an ACK                                    */
    struct tsx_id     invite; /* CANCEL: the INVITE server transaction that it cancels, or none; it may have its
                                 final response already (then 200 to the CANCEL and no more: RFC 3261 §9.2) */
    struct tsx_id     merged; /* another server transaction of the same Call-ID, From tag and CSeq, To without tag: the
                                 same request by another way. A UAS answers 482 (RFC 3261 §8.2.2.2); a proxy goes on,
                                 since a spiral is lawful (RFC 5393). None: there is no such                */
    struct slice      via;    /* the top Via as it must be sent on: with received and rport (RFC 3581 §4)   */
};

struct stack_user {
    /* A request that no transaction absorbed: also ACK of a 2xx (tsx none), CANCEL (to be answered like any request),
     * and requests inside dialogs. The user must answer each but ACK in the end: with stack_respond or stack_reply. A
     * non-INVITE that is not answered in 64*T1 ends without an answer (RFC 4320 §4.2), an INVITE never does by itself.
     * The stack sends 100 for an INVITE after 200 ms (RFC 3261 §17.2.1), for others when RFC 4320 §4.1 wants it. */
    void (*request)(void *ctx, struct shard *sh, const struct stack_in *in);
    /* A response that matches no client transaction. NULL: dropped (RFC 6026 §8.9). */
    void (*stray)(void *ctx, struct shard *sh, const struct msg *m, const struct flow *from);
    /* A message of the call with that stack_call_hash() has come. What is kept for it may have left the processor's caches: then it can be
     * fetched here, while the message is matched; `again`: when what was asked for first may be there. Nothing else; must not wait.
     * NULL: nothing is. */
    void (*expect)(void *ctx, uint64_t call_hash, bool again);
    /* How much does a new request outside dialogs matter, when not all can be let in? Asked only then, about what was only
     * glanced at, and before its shard is held; scratch is the worker's. NULL: all are alike. */
    enum overload_rank (*rank)(void *ctx, struct arena *scratch, const struct overload_glance *g, const struct flow *from);
    /* A flow has ended (streams), on the worker that owned it; no shard is held. May be NULL. */
    void (*flow_lost)(void *ctx, struct stack *st, uint8_t worker, const struct flow *flow);
    /* Each shard's own state of the user, made at stack_open and ended at stack_close; may be NULL. There is no worker
     * then: no time, no timers, no transport, no scratch; shard_mem(), shard_index() and shard_rng() are there. */
    enum err (*shard_open)(void *ctx, struct shard *sh, void **data);
    void (*shard_close)(void *ctx, struct shard *sh, void *data);
};

struct stack_times { /* RFC 3261 table 4; 0: the default */
    uint32_t t1_ms, t2_ms, t4_ms, timer_c_ms;
};

struct stack_config {
    struct mem              *mem;       /* must be safe for all workers' threads at once */
    struct mem              *large;     /* likewise: gives STACK_LARGE_OCTETS, where keeps_memory; NULL: mem does */
    uint8_t                  n_workers;
    struct hash_key          key;       /* random; picks shards and hashes tables        */
    struct rng              *rng;       /* safe for all workers                          */
    const struct digester   *digester;
    const struct stack_user *user;
    void                    *ctx;
    struct stack_times       times;
    struct slice             server_name; /* Server: in answers of the stack's own; empty: none */
    bool                     sheds;       /* with too much to do, new work is turned away at the gate       */
    bool                     uas_only;  /* the user never forwards (a phone): merged requests are answered 482 below */
    /* A datagram that came back (ICMP) counts as lost on the wire: it is repeated, and reaches a peer that has restarted in
     * the meantime. Else, and wherever there is another hop to try, its transaction fails at once (RFC 3261 §18.4). */
    bool                     patient;
    /* What was freed in shards is kept for their next use, and `mem` is asked for chunks only: once they have seen their load,
     * nothing is allocated any more. False: each piece is one of `mem`'s, so that a test can count them, and fail each. */
    bool                     keeps_memory;
    struct log              *log;       /* bad messages, requests refused; NULL: none are told. Must outlive the stack */
};

enum err stack_open(const struct stack_config *config, struct stack **out); /* ERR_NOMEM, or the user's */
/* Make worker `index`'s transport (its `on` and `arg` are the stack's). Once per worker, before any of them runs. The
 * nets of one stack count their time from the same instant. */
enum err stack_add_worker(struct stack *st, uint8_t index, struct net *net, struct record *record);
struct transport *stack_transport(struct stack *st, uint8_t worker);
/* Ends all transactions without callbacks; then the users' shard_close; then the transports. No worker may run any more.
 * What a user left in shard_mem is told as a log event "stack.leak". Takes NULL. */
void stack_close(struct stack *st);

/* ---- responses, downwards ---- */

/* Send a whole response (Via and all), made with msg_put_reply or by editing a branch's response. Provisional and final
 * as the server machines want it: to a non-INVITE a 1xx but 100, an early 100 by UDP, and a 408 are taken and not sent
 * (RFC 4320). After a 2xx to INVITE further 2xx go out too, repeated or of other branches, for 64*T1 (RFC 6026).
 * ERR_NOTFOUND: the transaction has ended; ERR_INVALID: it has had its final response; ERR_SYNTAX: no response;
 * ERR_NOMEM: nothing was sent. A send that fails comes as failed(). */
enum err stack_respond(struct shard *sh, struct tsx_id server, struct slice response);

/* A response without body, made from the transaction's request. `rows` (may be empty) are whole header rows with CRLF. */
struct stack_reply {
    unsigned     code;
    struct slice reason;  /* empty: the usual one */
    struct slice to_tag;  /* empty: one made by the stack, stable for the transaction (none in a 100) */
    struct slice rows;
    struct slice head;    /* of stack_reply_head(); empty: it is written now */
};
enum err stack_reply(struct shard *sh, struct tsx_id server, const struct stack_reply *reply);
enum err stack_reply_code(struct shard *sh, struct tsx_id server, unsigned code); /* the simplest case */

/* For a success that is to be given later, when the request would have to be parsed again: all that the response takes from it and from
 * *reply (code, reason, to_tag; no rows yet), in scratch memory. Whoever keeps a copy gives it to stack_reply() with the same *reply. */
enum err stack_reply_head(struct shard *sh, struct tsx_id server, const struct stack_reply *reply, struct slice *head);

/* The request of a server transaction, parsed, and whence it came: until the callback that one is in returns, or a final
 * response is given. NULL when the transaction is gone or answered, or there is no memory to parse it again. */
const struct stack_in *stack_request_of(struct shard *sh, struct tsx_id server);

/* What becomes of a server transaction; optional. Set again: replaces. */
struct stack_server_on {
    void (*acked)(void *arg, struct shard *sh, struct tsx_id t);               /* ACK of a 3xx-6xx to INVITE        */
    /* No ACK in 64*T1 (ERR_TIMEOUT); a response could not be sent (the transaction stays: RFC 6026 §7.1). */
    void (*failed)(void *arg, struct shard *sh, struct tsx_id t, enum err why);
    void (*ended)(void *arg, struct shard *sh, struct tsx_id t);               /* the last call; arg may go          */
    void (*answered)(void *arg, struct shard *sh, struct tsx_id t, unsigned code); /* its first final response has gone */
};
enum err stack_watch_server(struct shard *sh, struct tsx_id server, const struct stack_server_on *on, void *arg);

/* ---- requests, downwards ---- */

struct stack_client_on {
    /* Each provisional, the final response, and each repeated 2xx to INVITE (RFC 6026 §7.2). `m` lives for the call.
     * ACKs of 3xx-6xx are sent below; ACKs of 2xx are the user's (stack_send). */
    void (*response)(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from);
    /* No answer: ERR_TIMEOUT (timers B, F), ERR_CLOSED / ERR_IO (transport), ERR_NOTFOUND (no address). After the last
     * hop of RFC 3263 only. */
    void (*failed)(void *arg, struct shard *sh, struct tsx_id t, enum err why);
    void (*ended)(void *arg, struct shard *sh, struct tsx_id t); /* the last call; may be NULL */
};

struct stack_send {
    /* The request, whole but for our Via: start line, rows (other Vias too), body. Copied. Or the edits of another message that make
     * it: then it is written once, with our Via in it, if there is a flow. The stack uses their top. */
    struct slice     octets;
    struct msg_edit *edit; /* NULL: octets */
    /* Where to: a flow, else a URI that is resolved by RFC 3263 (with fail-over to further hops, each a new branch). */
    const struct flow *flow;
    const struct uri  *next_hop;
    /* Rows to stand right under our Via, that depend on the flow chosen (Record-Route, Contact), at most
     * STACK_MAX_ROWS_OCTETS; may be NULL. Called from inside stack_request or later, once for each hop that is tried: so
     * rows_arg must live until ended(), or until stack_forget(). Not for stack_send(). */
    void (*rows)(void *arg, struct transport *tp, const struct flow *to, struct buf *b);
    void *rows_arg;
    /* Added to the branch that the stack makes (loop detection, RFC 3261 §16.6 step 8); may be empty. Copied. With ours it
     * must not be over STACK_MAX_BRANCH_OCTETS. */
    struct slice branch_suffix;
    /* The whole branch instead of one that the stack makes: for a request that may have been sent before a restart, and must
     * then be a repeat of that one to whoever has it. Only with `flow`; may be empty. Copied. ERR_LIMIT as above. */
    struct slice branch;
    bool offers_reports; /* our Via says that we take reports of how busy the peer is (RFC 7339): they come in the Via of its answers */
    const struct stack_client_on *on; /* NULL: nobody wants to know (its answers are absorbed) */
    void                         *arg;
};

/* A request with its transaction (any method but ACK). *out is written before any callback; callbacks never come from
 * inside this call. ERR_NOMEM, ERR_FULL (too many transactions), ERR_LIMIT (too large), ERR_SYNTAX. Whatever happens
 * to it later comes as failed(). */
enum err stack_request(struct shard *sh, const struct stack_send *s, struct tsx_id *out);

/* CANCEL an INVITE client transaction (RFC 3261 §9.1): sent once a provisional response is there, never after a final
 * one; the INVITE is given up by failed(ERR_TIMEOUT) when no final response comes in 64*T1. `rows`: Reason, may be empty.
 * ERR_NOTFOUND: it has ended or has its final response. */
enum err stack_cancel(struct shard *sh, struct tsx_id invite, struct slice rows);

/* Nobody is interested any more: no further callback for this client transaction, ended() neither; it ends by itself. One
 * whose name is still being looked up is not sent any more, and no further hop is tried. */
void stack_forget(struct shard *sh, struct tsx_id client);

/* From now on it is this one who hears of a client transaction, which has had its final response. ERR_NOTFOUND: it has ended. */
enum err stack_watch_client(struct shard *sh, struct tsx_id client, const struct stack_client_on *on, void *arg);

/* Without a transaction: the ACK of a 2xx. `on`, `arg` and `rows` are not used. Same errors, and those of flow_send(). */
enum err stack_send(struct shard *sh, const struct stack_send *s);

/* Which flow and branch a client transaction uses now. ERR_NOTFOUND; ERR_AGAIN: names are still being looked up. */
enum err stack_client_flow(struct shard *sh, struct tsx_id client, struct flow *out);

/* ---- the shard ---- */

unsigned          shard_index(const struct shard *sh);
struct stack     *shard_stack(struct shard *sh);
void             *shard_data(struct shard *sh);      /* the user's own, from shard_open   */
struct transport *shard_transport(struct shard *sh); /* of the worker that holds it now   */
struct net       *shard_net(struct shard *sh);
uint8_t           shard_worker(const struct shard *sh);
uint64_t          shard_now_ms(struct shard *sh);    /* monotonic                          */
struct mem       *shard_mem(struct shard *sh);       /* counted: what is left at the end is a leak */
struct arena     *shard_scratch(struct shard *sh);   /* the worker's: for the length of one callback                 */
struct rng       *shard_rng(struct shard *sh);
const struct stack_times *shard_times(const struct shard *sh);

/* Why the user has done something in that call, or is about to (transport_say()). */
void shard_say(struct shard *sh, struct slice code, struct slice call_id, struct slice text);

/* A timer of the user's in this shard; fires with the shard held (arg must lead to what is needed: shard included). Stop
 * it before its memory goes. */
void shard_timer_start(struct shard *sh, struct wheel_timer *t, uint64_t in_ms);
void shard_timer_stop(struct shard *sh, struct wheel_timer *t);

/* ---- from outside a shard ---- */

unsigned stack_shard_of(const struct stack *st, struct slice call_id);
/* hash_name() of a message's Call-ID with config.key, by which its shard was picked: known already, so tables of calls are best
 * found by it (msg_call_hash()). */
uint64_t stack_call_hash(const struct stack *st, const struct msg *m);

/* On a worker's thread: run fn with that shard held, now if it is free, else when its holder lets it go (at the latest).
 * Also from inside another shard (or the same): then always later. ERR_NOMEM. What waits when the stack is closed is not
 * run: arg is then its owner's to free. */
enum err stack_run(struct stack *st, uint8_t worker, unsigned shard, void (*fn)(void *arg, struct shard *sh), void *arg);
/* From any thread: the same, by way of the shard's home worker. */
enum err stack_post(struct stack *st, unsigned shard, void (*fn)(void *arg, struct shard *sh), void *arg);
uint8_t stack_home_worker(const struct stack *st, unsigned shard);

struct stack_counts {
    uint64_t in, out, bad, dropped, queued, paused, retransmitted_in, retransmitted_out, refused_503;
    uint64_t turned_away, unanswered; /* at the gate: with a 503; in silence. Neither is in `in`        */
    uint64_t let_in;                  /* at the gate, while others were turned away                     */
    uint64_t shedding;                /* workers that turn new work away, now ...                       */
    uint64_t shedding_since_ms;       /* ... the first of them since then, wall clock; 0: none          */
    uint64_t calls_per_s;             /* ... which let so many calls in                                 */
    uint64_t server_tsx, client_tsx; /* now */
    uint64_t octets;                 /* of the shards' memory, now */
};
void stack_counts(struct stack *st, struct stack_counts *out); /* a sum of what the workers counted; not exact while they run */

/* A fresh random token of letters and digits, for tags, Call-IDs and branches. */
enum { STACK_TOKEN_OCTETS = 16 };
void stack_put_token(struct rng *rng, struct buf *b);

#endif
