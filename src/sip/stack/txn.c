/* txn.c - what server and client transactions have in common: timers, what is sent again, sending.
 *
 * Room      sip/stack.
 * In        actions of the machines that are carried out alike on both sides.
 * Touches   one transaction of the held shard.
 * Not here  who is told what (server.c, client.c). */
#include "sip/stack/stack_priv.h"

static void fire(struct txn *t, enum tsx_timer_class class)
{
    struct tsx_event ev = {.kind = TSX_TIMER, .timer = (enum tsx_timer)t->running[class]};

    if (t->running[class] == TSX_TIMERS) { /* none of the machine's */
        if (t->is_server)
            server_slim((struct server *)t);
        else
            client_slim((struct client *)t);
        return;
    }
    t->running[class] = TSX_TIMERS;
    if (t->is_server)
        server_event((struct server *)t, &ev, &(struct event_facts){0});
    else
        client_event((struct client *)t, &ev, &(struct event_facts){0});
}

static void fire_again(struct span_timer *timer)
{
    fire((struct txn *)((char *)timer - offsetof(struct txn, timer[TSX_TIMER_AGAIN])), TSX_TIMER_AGAIN);
}

static void fire_life(struct span_timer *timer)
{
    fire((struct txn *)((char *)timer - offsetof(struct txn, timer[TSX_TIMER_LIFE])), TSX_TIMER_LIFE);
}

static const struct txn *txn_of(const struct span_timer *life)
{
    return (const struct txn *)(const void *)((const char *)life - offsetof(struct txn, timer[TSX_TIMER_LIFE]));
}

/* The end of a transaction that has lingered finds nothing of it in the caches. Where it is in the table stands in itself. */
static void fetch(const struct span_timer *life, const struct span_timer *later)
{
    const struct txn *t = txn_of(life);

    keyring_expect(&t->sh->keys, t->key.a);
    ahead_fetch(&t->sh->slots[t->id.slot - 1], 1);
    if (later)
        ahead_fetch(&txn_of(later)->key, sizeof(struct server) - offsetof(struct txn, key));
}

void txn_timers_open(struct shard *sh)
{
    spans_init(&sh->again, fire_again, 1);
    spans_init(&sh->life, fire_life, LIFE_LATE_MS);
    spans_look_ahead(&sh->life, fetch);
}

static struct spans *spans_of(struct shard *sh, enum tsx_timer_class class)
{
    return class == TSX_TIMER_AGAIN ? &sh->again : &sh->life;
}

void txn_init(struct txn *t, struct shard *sh, enum tsx_kind kind, bool reliable)
{
    t->sh = sh;
    t->is_server = kind == TSX_INVITE_SERVER || kind == TSX_NON_INVITE_SERVER;
    tsx_init(&t->machine, kind, reliable);
    for (int c = 0; c < TSX_TIMER_CLASSES; c++)
        t->running[c] = TSX_TIMERS;
}

void txn_set_timer(struct txn *t, const struct tsx_action *a)
{
    enum tsx_timer_class class = tsx_timer_class(a->timer);

    t->running[class] = (uint8_t)a->timer;
    span_start(spans_of(t->sh, class), &t->timer[class], shard_now_ms(t->sh), a->ms);
}

void txn_slim_later(struct txn *t)
{
    if (!span_running(&t->timer[TSX_TIMER_AGAIN]))
        span_start(&t->sh->again, &t->timer[TSX_TIMER_AGAIN], shard_now_ms(t->sh), SLIM_MS);
}

void txn_stop_timers(struct txn *t)
{
    for (enum tsx_timer_class c = 0; c < TSX_TIMER_CLASSES; c++) {
        span_stop(spans_of(t->sh, c), &t->timer[c]);
        t->running[c] = TSX_TIMERS;
    }
}

void txn_keep(struct txn *t, struct slice octets)
{
    struct slice was = t->last;

    if (shard_dup(t->sh, octets, &t->last))
        t->last = SLICE_NONE; /* no memory: it is not repeated, and the peer's own repetition must do */
    shard_free(t->sh, &was);
}

/* ---- sending ---- */

struct broken_job {
    struct job    job;
    struct tsx_id id;
    enum err      why;
};

static void work_on_broken(struct job *j, struct shard *sh)
{
    struct broken_job *bj = (struct broken_job *)j;
    struct txn        *t = txn_slot_find(sh, bj->id);
    struct tsx_event   ev = {.kind = TSX_TRANSPORT_ERROR};

    if (!t)
        return;
    t->broken_told = false;
    if (t->is_server)
        server_event((struct server *)t, &ev, &(struct event_facts){.why = bj->why});
    else if (t->machine.state == TSX_IDLE)
        client_give_up((struct client *)t, bj->why);
    else
        client_event((struct client *)t, &ev, &(struct event_facts){.why = bj->why});
}

/* Callbacks never come from inside a call of the user's: so it is told when the present work is done. Without memory for
 * that the transaction's timers end it. */
void txn_broken(struct txn *t, enum err why)
{
    struct mem        *mem = t->sh->st->config.mem;
    struct broken_job *bj;

    if (t->broken_told || !(bj = mem_alloc(mem, sizeof *bj)))
        return;
    *bj = (struct broken_job){.job = {.octets = sizeof *bj, .work = work_on_broken}, .id = t->id, .why = why};
    t->broken_told = true;
    steer_push(t->sh, &bj->job);
}

static uint64_t mark_of(struct tsx_id id)
{
    return (uint64_t)id.slot << 32 | id.gen;
}

/* No shard is held. */
void txn_unsent(struct worker *w, unsigned shard, uint64_t mark, enum err why)
{
    struct broken_job *bj = mem_alloc(w->st->config.mem, sizeof *bj);

    if (!bj)
        return;
    *bj = (struct broken_job){.job = {.octets = sizeof *bj, .work = work_on_broken, .shard = shard},
                              .id = {.slot = (uint32_t)(mark >> 32), .gen = (uint32_t)mark},
                              .why = why};
    steer_job(w, &bj->job);
    steer_settle(w);
}

enum err txn_send(struct txn *t, struct slice octets)
{
    enum err e = flow_send_marked(shard_transport(t->sh), &t->flow, octets, mark_of(t->id));

    if (!e)
        count(&t->sh->holder->count.out);
    return e;
}

void txn_send_again(struct txn *t, struct slice octets)
{
    enum err e;

    count(&t->sh->holder->count.retransmitted_out);
    if ((e = txn_send(t, octets)))
        txn_broken(t, e);
}

void txn_resend(struct txn *t)
{
    if (t->last.n)
        txn_send_again(t, t->last);
}

/* ---- the end of all ---- */

void shard_end_all(struct shard *sh)
{
    for (uint32_t i = 0; i < sh->n_slots; i++) {
        struct txn *t = sh->slots[i].t;

        if (t && t->is_server)
            server_free((struct server *)t);
        else if (t)
            client_free((struct client *)t);
    }
}
