/* steer.c - which shard, and who works in it: take it, or leave the work for whoever holds it (DESIGN §6; PROTOCOL §3).
 *
 * Room      sip/stack.
 * In        steer_on_octets() from the transport; steer_job() from run.c, route.c, timer.c.
 * Out       stack_on_message(), stack_on_octets() and jobs' work, with the shard held.
 *
 * `work` of a shard is 0 while nobody holds it. Who changes 0 into something else holds it. Who finds it taken first puts
 * a job into the queue and then raises `work`; if that raised it from 0, the holder had just let go, and one holds it
 * oneself. The holder reads `work`, works off the queue, and lets go by changing the number that it read into 0: that
 * fails if anybody has raised it since, and then there is more in the queue. So no job is left lying, nobody waits, and
 * nobody is woken. What comes in directly goes behind what is in the queue: messages of one flow keep their order.
 *
 * A message is parsed once, before it is known whose it is: into the worker's scratch, which the shard then takes over. One
 * that has to wait is kept as octets.
 *
 * Of what a shard is told, times never go back, whoever works in it: who takes it over with a piece of work that was taken up before the last
 * one of another worker takes it up anew (net_take_up()), and so does who takes a job out of the queue.
 *
 * A worker holds one shard at most. What it is asked to run in another one meanwhile is put off until it has let go. */
#include "sip/stack/stack_priv.h"

#include <assert.h>
#include <string.h>

/* A message that waits. */
struct message_job {
    struct job  job;
    struct flow from;
    uint64_t    since_us;
    size_t      n;
    char        octets[];
};

static void job_free(struct stack *st, struct job *j)
{
    mem_free(st->config.mem, j, j->octets);
}

/* ---- taking ---- */

static void hold(struct worker *w, struct shard *sh)
{
    assert(!w->holding);
    w->holding = sh;
    sh->holder = w;
    if (sh->last && sh->last != w && net_now_us(w->net) <= sh->last_us)
        net_take_up(w->net, sh->last_us);
}

/* From here on nothing of the shard may be touched, unless the exchange that follows fails. */
static void leave_hold(struct worker *w, struct shard *sh)
{
    if (w->st->config.n_workers > 1) {
        sh->last = w;
        sh->last_us = net_now_us(w->net);
        net_udp_flush(w->net); /* the next one may be another, and what it sends comes after */
    }
    w->holding = NULL;
    sh->holder = NULL;
}

static bool take(struct shard *sh)
{
    uint64_t nobody = 0;

    return atomic_compare_exchange_strong_explicit(&sh->work, &nobody, 1, memory_order_acquire, memory_order_relaxed);
}

bool steer_take(struct worker *w, struct shard *sh)
{
    if (!take(sh))
        return false;
    hold(w, sh);
    shard_scratch_reset(sh);
    return true;
}

/* ---- the queue ---- */

static void enqueue(struct shard *sh, struct job *j)
{
    struct job *first = atomic_load_explicit(&sh->queue, memory_order_relaxed);

    if (atomic_fetch_add_explicit(&sh->queued, 1, memory_order_relaxed) == STACK_MAX_QUEUED - 1)
        atomic_fetch_add_explicit(&sh->st->full, 1, memory_order_relaxed);
    do
        j->next = first;
    while (!atomic_compare_exchange_weak_explicit(&sh->queue, &first, j, memory_order_release, memory_order_relaxed));
}

/* All that is in the queue, oldest first. */
static struct job *dequeue_all(struct shard *sh)
{
    struct job *newest, *oldest = NULL;

    if (!atomic_load_explicit(&sh->queue, memory_order_relaxed))
        return NULL;
    newest = atomic_exchange_explicit(&sh->queue, NULL, memory_order_acquire);
    while (newest) {
        struct job *next = newest->next;

        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

/* True: there was something. What is done after it is another piece of work. */
static bool drain(struct shard *sh)
{
    bool any = false;

    for (struct job *j = dequeue_all(sh), *next; j; j = next) {
        next = j->next;
        if (atomic_fetch_sub_explicit(&sh->queued, 1, memory_order_relaxed) == STACK_MAX_QUEUED)
            atomic_fetch_sub_explicit(&sh->st->full, 1, memory_order_relaxed);
        net_take_up(sh->holder->net, 0);
        j->work(j, sh);
        job_free(sh->st, j);
        shard_scratch_reset(sh);
        any = true;
    }
    return any;
}

void steer_push(struct shard *sh, struct job *j)
{
    enqueue(sh, j);
    atomic_fetch_add_explicit(&sh->work, 1, memory_order_relaxed); /* it is ours: only so that letting go fails */
}

void steer_let_go(struct worker *w)
{
    struct shard *sh = w->holding;
    uint64_t      seen;

    do {
        seen = atomic_load_explicit(&sh->work, memory_order_acquire);
        (void)drain(sh);
        timers_run(sh);
        timers_publish(sh);
        leave_hold(w, sh);
        if (atomic_compare_exchange_strong_explicit(&sh->work, &seen, 0, memory_order_acq_rel, memory_order_relaxed))
            return;
        hold(w, sh);
        shard_scratch_reset(sh);
    } while (true);
}

/* Leave j to whoever holds the shard. Nobody any more: then it is us. */
static void leave(struct worker *w, struct shard *sh, struct job *j)
{
    enqueue(sh, j);
    if (atomic_fetch_add_explicit(&sh->work, 1, memory_order_acq_rel) != 0)
        return;
    hold(w, sh);
    shard_scratch_reset(sh);
    steer_let_go(w);
}

static void run_or_leave(struct worker *w, struct job *j)
{
    struct shard *sh = &w->st->shards[j->shard];

    if (!steer_take(w, sh)) {
        leave(w, sh, j);
        return;
    }
    if (drain(sh))
        net_take_up(w->net, 0);
    j->work(j, sh);
    job_free(w->st, j);
    shard_scratch_reset(sh);
    steer_let_go(w);
}

void steer_job(struct worker *w, struct job *j)
{
    if (!w->holding) {
        run_or_leave(w, j);
        return;
    }
    j->next = NULL;
    *w->later_end = j;
    w->later_end = &j->next;
}

void steer_settle(struct worker *w)
{
    if (w->holding || w->working_off)
        return;
    w->working_off = true;
    for (struct job *j; (j = w->later);) {
        if (!(w->later = j->next))
            w->later_end = &w->later;
        run_or_leave(w, j);
    }
    w->working_off = false;
}

/* ---- messages ---- */

static void work_on_message(struct job *j, struct shard *sh)
{
    struct message_job *mj = (struct message_job *)j;

    gate_hears(sh->holder, mj->since_us);
    stack_on_octets(sh, &mj->from, (struct slice){mj->octets, mj->n});
}

static bool is_full(const struct shard *sh)
{
    return atomic_load_explicit(&sh->queued, memory_order_relaxed) >= STACK_MAX_QUEUED;
}

/* What comes by a stream was acknowledged to its sender below us, so it is never dropped for want of room: steer_takes() has
 * seen some, a moment ago. Each other worker may have taken that since: so many may be over, and no more. */
static bool may_queue(const struct shard *sh, const struct flow *from)
{
    return transport_is_reliable((enum transport_kind)from->kind) || !is_full(sh);
}

static void queue_message(struct worker *w, struct shard *sh, const struct flow *from, struct slice octets)
{
    size_t              n = sizeof(struct message_job) + octets.n;
    struct message_job *mj;

    if (!may_queue(sh, from) || !(mj = mem_alloc(w->st->config.mem, n))) {
        count(&w->count.dropped);
        return;
    }
    *mj = (struct message_job){.job = {.octets = n, .work = work_on_message}, .from = *from, .since_us = net_now_us(w->net),
                                .n = octets.n};
    memcpy(mj->octets, octets.p, octets.n);
    count(&w->count.queued);
    leave(w, sh, &mj->job);
}

static void on_resume(void *arg)
{
    struct worker *w = arg;

    transport_resume(w->tp);
}

/* Nobody rings when a shard has drained: a stream that waits is rare, and can wait another STACK_TICK_MS. One without a
 * Call-ID, or with two, waits for none: it gets a 400 or nothing. */
bool steer_takes(struct worker *w, struct slice octets)
{
    struct slice call_id;

    if (atomic_load_explicit(&w->st->full, memory_order_relaxed) == 0 || msg_find_call_id(octets, &call_id) ||
        !is_full(&w->st->shards[stack_shard_of(w->st, call_id)]))
        return true;
    count(&w->count.paused);
    w->resume.fire = on_resume;
    w->resume.arg = w;
    net_timer_set(w->net, &w->resume, (net_now_ms(w->net) + STACK_TICK_MS) * 1000);
    return false;
}

/* A message that has been read, and by what it is looked up. */
struct arrived {
    const struct flow *from;
    struct slice       octets;
    struct msg        *m;
    struct sought      sought;
};

/* The shard is ours, and what was parsed stands in the scratch. What waits in the queue came first, and takes the scratch. */
static void work_on_arrived(struct shard *sh, const struct arrived *a)
{
    sh->epoch++;
    if (!atomic_load_explicit(&sh->queue, memory_order_relaxed)) {
        stack_on_message(sh, a->from, a->m, &a->sought);
        return;
    }
    shard_scratch_reset(sh);
    if (drain(sh))
        net_take_up(sh->holder->net, 0);
    stack_on_octets(sh, a->from, a->octets);
}

/* Shard, and what the user has of the call, come into the caches while it is found out by what the message is looked up. */
static void fetch(const struct stack *st, const struct shard *sh, uint64_t call)
{
    const struct stack_config *config = &st->config;

    ahead_fetch(sh, offsetof(struct shard, again));
    if (config->user->expect)
        config->user->expect(config->ctx, call, false);
}

void steer_on_octets(struct worker *w, const struct flow *from, struct slice octets)
{
    struct arrived a = {.from = from, .octets = octets};
    struct shard  *sh;
    uint64_t       call;

    assert(!w->holding);
    count(&w->count.in);
    arena_reset(&w->scratch);
    if (stack_parse(w, octets, &a.m))
        return;
    call = stack_call_hash(w->st, a.m);
    sh = &w->st->shards[call % STACK_SHARDS];
    fetch(w->st, sh, call);
    match_seek(w->st, a.m, &a.sought);
    if (take(sh)) {
        hold(w, sh);
        work_on_arrived(sh, &a);
        shard_scratch_reset(sh);
        steer_let_go(w);
    } else {
        queue_message(w, sh, from, octets);
    }
    steer_settle(w);
}

/* ---- the end ---- */

static void free_list(struct stack *st, struct job *j)
{
    while (j) {
        struct job *next = j->next;

        job_free(st, j);
        j = next;
    }
}

void steer_free_all(struct stack *st)
{
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        free_list(st, dequeue_all(&st->shards[i]));
    for (unsigned i = 0; i < st->config.n_workers; i++)
        free_list(st, st->workers[i].later);
}
