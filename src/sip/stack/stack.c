/* stack.c - the stack opens and closes; a message's first stop in its shard: parsed, and sane?
 *
 * Room      sip/stack.
 * In        the door's stack_open() ... stack_close(); transports' messages and lost flows; stack_on_message() from steer.c.
 * Out       stack_on_request(), stack_on_response() (match.c).
 * Touches   the holder's scratch: all that is parsed is gone when the message has been worked on. */
#include "sip/stack/stack_priv.h"

#include <assert.h>
#include <string.h>

#include "base/scan.h"

/* ---- one message ---- */

static void on_bad(struct shard *sh, const struct msg *m, const struct flow *from, const struct msg_fault *fault)
{
    char            text[128];
    struct buf      b = BUF_ON(text);
    struct log_line l;

    count(&sh->holder->count.bad);
    msg_put_fault(&b, fault);
    log_begin(&l, sh->st->config.log, LOG_INFO, LOG_EVENT("msg.bad"), msg_call_id(m));
    log_text(&l, "why", buf_slice(&b));
    log_addr(&l, "from", &from->remote);
    log_end(&l);
    if (m->is_request && m->method_id != METHOD_ACK) /* an ACK is never answered, a response never (§8.1.1, §18.3) */
        refuse_request(sh, m, from, fault);
}

enum err stack_parse(struct worker *w, struct slice octets, struct msg **out)
{
    enum err e = msg_parse(&w->scratch, octets, out);

    if (e)
        count(e == ERR_NOMEM ? &w->count.dropped : &w->count.bad);
    return e;
}

void stack_on_message(struct shard *sh, const struct flow *from, const struct msg *m, const struct sought *sought)
{
    struct msg_fault fault = {0};

    match_expect(sh, m, sought);
    if (msg_check(m, &fault))
        on_bad(sh, m, from, &fault);
    else if (sought->e)
        count(&sh->holder->count.dropped);
    else if (m->is_request)
        stack_on_request(sh, m, from, &sought->request);
    else
        stack_on_response(sh, m, from, sought->response);
}

void stack_on_octets(struct shard *sh, const struct flow *from, struct slice octets)
{
    struct sought sought;
    struct msg   *m;

    if (stack_parse(sh->holder, octets, &m))
        return;
    match_seek(sh->st, m, &sought);
    stack_on_message(sh, from, m, &sought);
}

/* ---- what the transports tell ---- */

static void on_message(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    struct worker *w = arg;

    (void)tp; /* the worker's own */
    if (w->gate.shown)
        gate_on_shown(w, from, octets);
    else
        steer_on_octets(w, from, octets);
}

static bool on_takes(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    (void)tp;
    (void)from;
    return steer_takes(arg, octets);
}

static bool on_admits(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    (void)tp;
    return gate_admits(arg, from, octets);
}

struct lost_job {
    struct job  job;
    struct flow flow;
    enum err    why;
};

static void work_on_lost(struct job *j, struct shard *sh)
{
    struct lost_job *lj = (struct lost_job *)j;

    client_lost(sh, &lj->flow, lj->why);
}

/* Requests in flight on that flow are anywhere: each shard that has client transactions looks for its own. Without memory
 * for it they end by their timers. */
static void on_lost(void *arg, struct transport *tp, const struct flow *flow, enum err why)
{
    struct worker             *w = arg;
    struct stack              *st = w->st;
    const struct stack_config *config = &st->config;

    (void)tp;
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        struct lost_job *lj;

        if (!atomic_load_explicit(&st->shards[i].n_clients, memory_order_relaxed))
            continue;
        if (!(lj = mem_alloc(config->mem, sizeof *lj)))
            break;
        *lj = (struct lost_job){.job = {.octets = sizeof *lj, .work = work_on_lost, .shard = i}, .flow = *flow, .why = why};
        steer_job(w, &lj->job);
    }
    steer_settle(w);
    if (config->user->flow_lost && transport_is_reliable((enum transport_kind)flow->kind))
        config->user->flow_lost(config->ctx, st, w->index, flow);
}

static struct slice why_unsent(enum err why)
{
    if (why == ERR_AGAIN)
        return S("the system's queue was full, so it counts as lost on the way");
    return why == ERR_LIMIT ? S("it is too large for a datagram") : S("there is no way there from here, or it is not allowed");
}

/* It stands in the record as sent, so what became of it has to, too. */
static void record_unsent(const struct worker *w, const struct addr *to, const struct msg *m, enum err why)
{
    char       text[200];
    struct buf b = BUF_ON(text);

    if (!w->record)
        return;
    buf_put(&b, S("what was sent to "));
    addr_put(&b, to);
    buf_puts(&b, S(" did not leave: "), why_unsent(why));
    transport_say(w->tp, S("unsent"), msg_call_id(m), buf_slice(&b));
}

/* A queue that was full is a wire that loses: what is repeated there is repeated here. */
static void on_unsent(void *arg, struct transport *tp, const struct addr *to, struct slice octets, uint64_t mark, enum err why)
{
    struct worker *w = arg;
    struct msg    *m;

    (void)tp; /* the worker's own */
    arena_reset(&w->scratch);
    if (msg_parse(&w->scratch, octets, &m))
        return;
    record_unsent(w, to, m, why);
    if (mark && why != ERR_AGAIN)
        txn_unsent(w, (unsigned)(stack_call_hash(w->st, m) % STACK_SHARDS), mark, why);
}

static const struct transport_on transport_on = {
    .message = on_message, .lost = on_lost, .unsent = on_unsent, .takes = on_takes, .admits = on_admits};

/* ---- open and close ---- */

static void set_times(struct stack *st)
{
    struct stack_times *t = &st->all_times;

    *t = st->config.times;
    t->t1_ms = t->t1_ms ? t->t1_ms : TSX_T1_MS;
    t->t2_ms = t->t2_ms ? t->t2_ms : TSX_T2_MS;
    t->t4_ms = t->t4_ms ? t->t4_ms : TSX_T4_MS;
    t->timer_c_ms = t->timer_c_ms ? t->timer_c_ms : TIMER_C_MS;
    st->times = (struct tsx_times){t->t1_ms, t->t2_ms, t->t4_ms};
}

static void init_workers(struct stack *st)
{
    for (unsigned i = 0; i < st->config.n_workers; i++) {
        struct worker *w = &st->workers[i];

        w->st = st;
        w->index = (uint8_t)i;
        w->later_end = &w->later;
        list_init(&w->lookups);
        arena_init(&w->scratch, st->config.mem, SCRATCH_BLOCK_OCTETS, STACK_SCRATCH_OCTETS);
        timers_open(w);
    }
}

enum err stack_open(const struct stack_config *config, struct stack **out)
{
    struct mem   *mem = config->mem;
    struct stack *st = mem_zalloc(mem, sizeof *st);
    enum err      e = ERR_NOMEM;

    assert(config->n_workers >= 1 && config->n_workers <= STACK_MAX_WORKERS);
    if (!st)
        goto fail;
    st->config = *config;
    set_times(st);
    if (!(st->workers = mem_zalloc(mem, config->n_workers * sizeof *st->workers)))
        goto fail;
    init_workers(st);
    if (!(st->shards = mem_zalloc(mem, STACK_SHARDS * sizeof *st->shards)))
        goto fail;
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        if ((e = shard_open(st, &st->shards[i], i)))
            goto fail;
    *out = st;
    return ERR_OK;
fail:
    stack_close(st);
    return e;
}

enum err stack_add_worker(struct stack *st, uint8_t index, struct net *net, struct record *record)
{
    struct worker          *w = &st->workers[index];
    struct transport_config config = {
        .mem = st->config.mem,
        .net = net,
        .rng = st->config.rng,
        .record = record,
        .worker = index,
        .n_workers = st->config.n_workers,
        .all = st->transports,
        .on = &transport_on,
        .arg = w,
    };
    enum err e;

    assert(index < st->config.n_workers && !w->net);
    if (!(w->bell = mem_zalloc(st->config.mem, sizeof *w->bell)))
        return ERR_NOMEM;
    w->bell->mem = st->config.mem;
    w->bell->w = w;
    if ((e = transport_open(&config, &w->tp))) {
        timers_close(w);
        return e;
    }
    w->net = net;
    w->record = record;
    return ERR_OK;
}

struct transport *stack_transport(struct stack *st, uint8_t worker)
{
    return st->workers[worker].tp;
}

static void close_shards(struct stack *st)
{
    const struct stack_user *user = st->config.user;

    for (unsigned i = 0; i < STACK_SHARDS; i++)
        if (st->shards[i].st)
            shard_end_all(&st->shards[i]);
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        struct shard *sh = &st->shards[i];

        if (!sh->st)
            continue;
        if (user->shard_close && sh->opened)
            user->shard_close(st->config.ctx, sh, sh->data);
        shard_close(sh);
    }
}

void stack_close(struct stack *st)
{
    struct mem *mem;

    if (!st)
        return;
    mem = st->config.mem;
    if (st->shards) {
        close_shards(st);
        steer_free_all(st);
        mem_free(mem, st->shards, STACK_SHARDS * sizeof *st->shards);
    }
    for (unsigned i = 0; st->workers && i < st->config.n_workers; i++) {
        gate_close(&st->workers[i]);
        timers_close(&st->workers[i]);
        route_close(&st->workers[i]);
        transport_close(st->workers[i].tp);
        arena_close(&st->workers[i].scratch);
        pool_close(&st->workers[i].pool, st);
    }
    if (st->workers)
        mem_free(mem, st->workers, st->config.n_workers * sizeof *st->workers);
    mem_free(mem, st, sizeof *st);
}

/* ---- small things of the door ---- */

uint64_t stack_call_hash(const struct stack *st, const struct msg *m)
{
    return msg_call_hash(m, &st->config.key);
}

unsigned stack_shard_of(const struct stack *st, struct slice call_id)
{
    return (unsigned)(hash_name(&st->config.key, call_id) % STACK_SHARDS);
}

static uint64_t look(const _Atomic uint64_t *c)
{
    return atomic_load_explicit((_Atomic uint64_t *)(size_t)c, memory_order_relaxed);
}

static void count_shedding(const struct counters *c, struct stack_counts *sum)
{
    uint64_t since_ms = look(&c->shedding_since_ms);

    if (!since_ms)
        return;
    if (!sum->shedding++ || since_ms < sum->shedding_since_ms)
        sum->shedding_since_ms = since_ms;
    sum->calls_per_s += look(&c->calls_per_s);
}

void stack_counts(struct stack *st, struct stack_counts *out)
{
    struct stack_counts sum = {0};

    for (unsigned i = 0; i < st->config.n_workers; i++) {
        const struct counters *c = &st->workers[i].count;

        sum.in += look(&c->in);
        sum.out += look(&c->out);
        sum.bad += look(&c->bad);
        sum.dropped += look(&c->dropped);
        sum.queued += look(&c->queued);
        sum.paused += look(&c->paused);
        sum.retransmitted_in += look(&c->retransmitted_in);
        sum.retransmitted_out += look(&c->retransmitted_out);
        sum.refused_503 += look(&c->refused_503);
        sum.turned_away += look(&c->turned_away);
        sum.unanswered += look(&c->unanswered);
        sum.let_in += look(&c->let_in);
        count_shedding(c, &sum);
    }
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        sum.server_tsx += look(&st->shards[i].n_servers);
        sum.client_tsx += look(&st->shards[i].n_clients);
        sum.octets += look(&st->shards[i].heap.octets);
    }
    *out = sum;
}

/* 1 in each octet of v (all below 64) that is `least` or more. */
static uint64_t each_from(uint64_t v, unsigned least)
{
    return (v + (0x80 - least) * SCAN_EACH) >> 7 & SCAN_EACH;
}

/* Six bits of each of eight random octets as one of A-Z, a-z, 0-9, and of 0 and 1 once more. */
static uint64_t letters(uint64_t random)
{
    uint64_t v = random & 0x3f * SCAN_EACH;

    return v + 'A' * SCAN_EACH + each_from(v, 26) * ('a' - 'A' - 26) - each_from(v, 52) * ('a' + 26 - '0') - each_from(v, 62) * 10;
}

/* Two characters are twice as likely as others: 95 bits in all. */
void stack_put_token(struct rng *rng, struct buf *b)
{
    uint64_t octets[STACK_TOKEN_OCTETS / 8];

    rng_fill(rng, octets, sizeof octets);
    for (size_t i = 0; i < sizeof octets / sizeof octets[0]; i++)
        octets[i] = letters(octets[i]);
    buf_put(b, (struct slice){(const char *)octets, sizeof octets});
}
