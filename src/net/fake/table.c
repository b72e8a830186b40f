/* table.c - one net of a node: its table, clocks, timers and posts.
 *
 * Room      net/fake.
 * Touches   the world's events. A timer lives in the caller's struct net_timer. */
#include <assert.h>

#include "net/fake/fake_priv.h"

struct __attribute__((may_alias)) timer {
    struct event   event;
    struct worker *worker;
};
static_assert(sizeof(struct timer) <= sizeof((struct net_timer){0}.impl), "net_timer.impl is too small");

struct post {
    struct event   event;
    struct worker *worker;
    uint32_t       boot;
    void (*fn)(void *arg);
    void *arg;
};

static uint64_t now_us(struct net *n)
{
    return worker_of(n)->node->w->now_us;
}

static uint64_t wall_us(struct net *n)
{
    struct fake_node *node = worker_of(n)->node;

    return node->w->wall_us + (node->w->now_us - FAKE_START_US) + (uint64_t)node->wall_jump_us;
}

static void take_up(struct net *n, uint64_t after_us)
{
    (void)n;
    (void)after_us;
}

static uint64_t waited_us(struct net *n)
{
    return worker_of(n)->waited_us;
}

static void run_timer(struct fake *w, struct event *e)
{
    struct timer     *m = EVENT_OF(e, struct timer, event);
    struct net_timer *t = EVENT_OF(e, struct net_timer, impl);

    (void)w;
    m->worker->node->timers--;
    t->fire(t->arg);
}

static void timer_cancel(struct net *n, struct net_timer *t)
{
    struct timer *m = (struct timer *)t->impl;

    if (!m->event.place)
        return;
    worker_of(n)->node->timers--;
    fake_event_cancel(worker_of(n)->node->w, &m->event);
}

static void timer_set(struct net *n, struct net_timer *t, uint64_t at_us)
{
    struct timer *m = (struct timer *)t->impl;

    timer_cancel(n, t);
    if (!worker_of(n)->node->up)
        return;
    m->worker = worker_of(n);
    m->event.run = run_timer;
    m->worker->node->timers++;
    fake_event_set(m->worker->node->w, &m->event, at_us);
}

void fake_timers_drop(struct fake *w, struct fake_node *n)
{
    for (size_t i = w->n_events; i > 0; i--) {
        struct event *e = i <= w->n_events ? w->heap[i - 1] : NULL;

        if (!e || e->run != run_timer || EVENT_OF(e, struct timer, event)->worker->node != n)
            continue;
        n->timers--;
        fake_event_cancel(w, e);
        i = w->n_events + 1; /* the heap has moved: look at all of it again */
    }
}

static void run_post(struct fake *w, struct event *e)
{
    struct post *p = EVENT_OF(e, struct post, event);
    struct post  copy = *p;

    p->worker->node->posts--;
    fake_free(w, p, sizeof *p);
    if (node_runs(copy.worker->node, copy.boot))
        copy.fn(copy.arg);
}

static void post(struct net *n, void (*fn)(void *arg), void *arg)
{
    struct worker *wk = worker_of(n);
    struct fake   *w = wk->node->w;
    struct post   *p = fake_alloc(w, sizeof *p);
    uint64_t       at = w->now_us;

    if (w->post_jitter_us)
        at += rng_below(&w->random.rng, (uint64_t)w->post_jitter_us + 1);
    if (at < wk->last_post_us)
        at = wk->last_post_us;
    wk->last_post_us = at;
    wk->node->posts++;
    *p = (struct post){.event = {.run = run_post}, .worker = wk, .boot = wk->node->boot, .fn = fn, .arg = arg};
    fake_event_set(w, &p->event, at);
}

static enum err source_for(struct net *n, const struct addr *to, struct addr *out)
{
    struct addr none = {0};

    return fake_source_address(worker_of(n)->node, &none, to, out);
}

/* Nothing waits here. */
static void udp_flush(struct net *n)
{
    (void)n;
}

static enum err watch_fd(struct net *n, int fd, void (*readable)(void *arg), void *arg)
{
    (void)n;
    (void)fd;
    (void)readable;
    (void)arg;
    return ERR_UNSUPPORTED;
}

static void unwatch_fd(struct net *n, int fd)
{
    (void)n;
    (void)fd;
}

void fake_table_fill(struct net *n)
{
    static const struct net_ops ops = {
        .now_us = now_us,
        .wall_us = wall_us,
        .take_up = take_up,
        .waited_us = waited_us,
        .timer_set = timer_set,
        .timer_cancel = timer_cancel,
        .udp_open = fake_udp_open,
        .udp_send = fake_udp_send,
        .udp_flush = udp_flush,
        .udp_local = fake_udp_local,
        .udp_close = fake_udp_close,
        .tcp_listen = fake_listen_open,
        .listener_local = fake_listen_local,
        .listener_close = fake_listen_close,
        .tcp_connect = fake_tcp_connect,
        .tcp_attach = fake_tcp_attach,
        .tcp_send = fake_tcp_send,
        .tcp_finish = fake_tcp_finish,
        .tcp_pause = fake_tcp_pause,
        .tcp_ends = fake_tcp_ends,
        .tcp_close = fake_tcp_close,
        .tls_open = fake_tls_open,
        .tls_renew = fake_tls_renew,
        .tls_close = fake_tls_close,
        .tcp_secure = fake_tcp_secure,
        .source_for = source_for,
        .resolve = fake_names_ask,
        .resolve_cancel = fake_names_cancel,
        .post = post,
        .watch_fd = watch_fd,
        .unwatch_fd = unwatch_fd,
    };

    n->ops = &ops;
}
