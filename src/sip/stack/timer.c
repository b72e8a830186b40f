/* timer.c - the shards' deadlines and the workers that wake up for them (DESIGN §6).
 *
 * Room      sip/stack.
 * In        timers_run(), timers_publish() when a shard is let go; the home worker's net timer.
 * Out       what the wheel fires, with the shard held.
 *
 * Each shard has a home worker. When a shard is let go its first deadline is written down (next_ms). The home worker sets
 * its net timer to the first deadline of all its shards; `wakes_ms` says for when. A worker that let go of somebody
 * else's shard looks there, and rings for a home worker that would sleep more than STACK_TICK_MS too long. One that was
 * rung for wakes up every STACK_TICK_MS for a while, since more of that is likely: so under load there is a ring a second,
 * and at rest nobody wakes. Both write down first and look then, in one order of all (seq_cst): so one of the two sees
 * what the other did. */
#include "sip/stack/stack_priv.h"

enum { ALERT_MS = 1000 }; /* how long a worker that was rung for looks every STACK_TICK_MS */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Of its transactions, and of its user's timers. */
static uint64_t next_deadline(const struct shard *sh)
{
    return earlier(wheel_next_ms(&sh->wheel), earlier(spans_next_ms(&sh->again), spans_next_ms(&sh->life)));
}

void timers_run(struct shard *sh)
{
    uint64_t now = shard_now_ms(sh);

    /* Instant by instant, so that what is fired at each has the scratch to itself. */
    for (uint64_t next; (next = next_deadline(sh)) <= now;) {
        wheel_advance(&sh->wheel, next);
        spans_fire(&sh->again, next);
        spans_fire(&sh->life, next);
        shard_scratch_reset(sh);
    }
    wheel_advance(&sh->wheel, now); /* nothing is due any more: its clock goes on */
}

static uint64_t first_deadline(const struct worker *w)
{
    uint64_t first = UINT64_MAX;

    for (unsigned i = w->index, n = 0; i < STACK_SHARDS; i += w->st->config.n_workers, n++) {
        uint64_t at = atomic_load(&w->deadlines[n]);

        if (at < first)
            first = at;
    }
    return first;
}

/* When to wake up, deadlines being what they are. */
static uint64_t wake_time(const struct worker *w, uint64_t first, uint64_t now)
{
    if (first == UINT64_MAX)
        return UINT64_MAX;
    if (first <= now) /* its shard is held: whoever holds it fires it, or we do, a moment later */
        return now + STACK_TICK_MS;
    if (now < w->alert_until_ms && first > now + STACK_TICK_MS)
        return now + STACK_TICK_MS;
    return first;
}

static void arm(struct worker *w)
{
    uint64_t now = net_now_ms(w->net);
    uint64_t first = first_deadline(w), at;

    for (;;) {
        uint64_t seen;

        at = wake_time(w, first, now);
        atomic_store(&w->wakes_ms, at);
        seen = first_deadline(w);
        if (seen >= first)
            break;
        first = seen;
    }
    if (at == UINT64_MAX)
        net_timer_cancel(w->net, &w->tick);
    else
        net_timer_set(w->net, &w->tick, at * 1000);
}

/* To wake up sooner than it was meant to: nothing else has changed. */
static void arm_sooner(struct worker *w, uint64_t at)
{
    atomic_store(&w->wakes_ms, at);
    net_timer_set(w->net, &w->tick, at * 1000);
}

static void on_tick(void *arg)
{
    struct worker *w = arg;
    uint64_t       now = net_now_ms(w->net);

    for (unsigned i = w->index, n = 0; i < STACK_SHARDS; i += w->st->config.n_workers, n++)
        if (atomic_load(&w->deadlines[n]) <= now && steer_take(w, &w->st->shards[i]))
            steer_let_go(w);
    arm(w);
    steer_settle(w);
}

static void on_bell(void *arg)
{
    struct bell   *bell = arg;
    struct worker *w = bell->w;

    if (!bell_came(bell))
        return;
    w->alert_until_ms = net_now_ms(w->net) + ALERT_MS;
    arm(w);
}

/* Somebody else's shard: is its home worker awake in time? Who lowers wakes_ms rings; so a sleeper is rung for once. */
static void wake_home(struct worker *home, uint64_t at)
{
    uint64_t wakes = atomic_load(&home->wakes_ms);

    while (wakes > at && wakes - at > STACK_TICK_MS)
        if (atomic_compare_exchange_weak(&home->wakes_ms, &wakes, at)) {
            bell_post(home, on_bell, home->bell);
            return;
        }
}

void timers_publish(struct shard *sh)
{
    struct worker *home = &sh->st->workers[sh->home];
    uint64_t       next = next_deadline(sh);

    if (next == atomic_load_explicit(sh->next_ms, memory_order_relaxed))
        return;
    atomic_store(sh->next_ms, next);
    if (next == UINT64_MAX)
        return;
    if (home != sh->holder)
        wake_home(home, next);
    else if (next < atomic_load(&home->wakes_ms))
        arm_sooner(home, next);
}

void timers_open(struct worker *w)
{
    w->tick = (struct net_timer){.fire = on_tick, .arg = w};
    atomic_store(&w->wakes_ms, UINT64_MAX);
    for (unsigned n = 0; n < STACK_SHARDS; n++)
        atomic_store(&w->deadlines[n], UINT64_MAX);
}

void timers_close(struct worker *w)
{
    struct bell *bell = w->bell;

    if (w->net) {
        net_timer_cancel(w->net, &w->tick);
        net_timer_cancel(w->net, &w->resume);
    }
    if (!bell)
        return;
    bell->w = NULL;
    w->bell = NULL;
    if (atomic_load(&bell->posts) == 0)
        mem_free(bell->mem, bell, sizeof *bell);
}

/* ---- posts that outlive the worker ---- */

void bell_post(struct worker *w, void (*fn)(void *arg), void *arg)
{
    atomic_fetch_add(&w->bell->posts, 1);
    net_post(w->net, fn, arg);
}

bool bell_came(struct bell *b)
{
    bool lives = b->w != NULL;

    if (atomic_fetch_sub(&b->posts, 1) == 1 && !lives)
        mem_free(b->mem, b, sizeof *b);
    return lives;
}
