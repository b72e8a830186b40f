/* real.c - the real world: one loop over epoll.
 *
 * Room      net.
 * In        net_real_...(); posts from any thread.
 * Out       fire of timers, what was posted; the rest by the files of its parts.
 * Touches   *r.
 *
 * A turn: wait; descriptors; timers; posts; names; then send what has been said in it, and free what was closed in it. Timers are
 * kept in milliseconds, rounded up. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/clock.h"
#include "sys/oserr.h"

/* A struct net_timer's own octets. */
struct __attribute__((may_alias)) timer {
    struct wheel_timer wheel;
    struct real       *r;
};
static_assert(sizeof(struct timer) <= sizeof((struct net_timer){0}.impl), "net_timer.impl is too small");

static uint64_t now_us(struct net *n)
{
    return real_of(n)->now_us;
}

static uint64_t wall_us(struct net *n)
{
    return real_of(n)->wall_us;
}

void real_take_up(struct real *r)
{
    r->now_us = clock_mono_us();
    r->wall_us = clock_wall_us();
    if (!r->began_us)
        r->began_us = r->now_us;
}

/* All workers read one clock, so `after_us` has gone by in a microsecond. */
static void take_up(struct net *n, uint64_t after_us)
{
    do
        real_take_up(real_of(n));
    while (real_of(n)->now_us <= after_us);
}

static void fire(void *arg)
{
    struct net_timer *t = arg;

    real_take_up(((struct timer *)t->impl)->r);
    t->fire(t->arg);
}

static uint64_t waited_us(struct net *n)
{
    return real_of(n)->waited_us;
}

void real_timer_set(struct net *n, struct net_timer *t, uint64_t at_us)
{
    struct timer *m = (struct timer *)t->impl;

    m->wheel.fire = fire;
    m->wheel.arg = t;
    m->r = real_of(n);
    wheel_start(real_of(n)->wheel, &m->wheel, at_us / 1000 + (at_us % 1000 != 0));
}

void real_timer_cancel(struct net *n, struct net_timer *t)
{
    wheel_stop(real_of(n)->wheel, &((struct timer *)t->impl)->wheel);
}

/* ---- posts ---- */

static void ring(struct real *r)
{
    uint64_t one = 1;
    ssize_t  n = write(r->bell->fd, &one, sizeof one);

    (void)n; /* fails only when it rings already */
}

static void post(struct net *n, void (*fn)(void *arg), void *arg)
{
    struct real *r = real_of(n);

    if (mailbox_put(&r->mailbox, fn, arg, NULL)) {
        fputs("strowger: no memory for a message between threads\n", stderr);
        abort(); /* to drop it would leave somebody waiting for ever */
    }
    if (atomic_exchange(&r->asleep, false))
        ring(r);
}

static void on_bell(struct watch *w, uint32_t events)
{
    uint64_t rung;
    ssize_t  n = read(w->fd, &rung, sizeof rung);

    (void)events;
    (void)n;
}

/* ---- descriptors of others ---- */

struct foreign {
    struct watch watch; /* first */
    void (*readable)(void *arg);
    void *arg;
};

static void on_foreign(struct watch *w, uint32_t events)
{
    struct foreign *f = (struct foreign *)w;

    (void)events;
    real_take_up(w->r);
    f->readable(f->arg);
}

static enum err watch_fd(struct net *n, int fd, void (*readable)(void *arg), void *arg)
{
    struct real    *r = real_of(n);
    struct foreign *f = mem_zalloc(r->mem, sizeof *f);
    enum err        e;

    if (!f)
        return ERR_NOMEM;
    f->watch.theirs = true;
    f->watch.ready = on_foreign;
    f->watch.octets = sizeof *f;
    f->readable = readable;
    f->arg = arg;
    if ((e = watch_open(r, &f->watch, fd, EPOLLIN)))
        mem_free(r->mem, f, sizeof *f);
    return e;
}

static void unwatch_fd(struct net *n, int fd)
{
    struct real *r = real_of(n);

    for (struct list_node *i = list_first(&r->watches); i; i = list_next(&r->watches, i)) {
        struct watch *w = LIST_OF(i, struct watch, node);

        if (w->fd == fd && w->ready == on_foreign) {
            watch_close(w);
            return;
        }
    }
}

/* Files: they are readable in each turn. */
static void ready_always(struct real *r)
{
    for (struct list_node *i = list_first(&r->watches), *next; i && r->n_always; i = next) {
        struct watch *w = LIST_OF(i, struct watch, node);

        next = list_next(&r->watches, i);
        if (w->always && !watch_is_closed(w)) {
            w->ready(w, EPOLLIN);
            return; /* one a turn: the call may have changed the list */
        }
    }
}

static enum err source_for(struct net *n, const struct addr *to, struct addr *out)
{
    return sock_source_for(real_of(n), to, out);
}

static const struct net_ops ops = {
    .now_us = now_us,
    .wall_us = wall_us,
    .take_up = take_up,
    .waited_us = waited_us,
    .timer_set = real_timer_set,
    .timer_cancel = real_timer_cancel,
    .udp_open = udp_open,
    .udp_send = udp_send,
    .udp_flush = udp_flush,
    .udp_local = udp_local,
    .udp_close = udp_close,
    .tcp_listen = listen_open,
    .listener_local = listen_local,
    .listener_close = listen_close,
    .tcp_connect = tcp_connect,
    .tcp_attach = tcp_attach,
    .tcp_send = tcp_send,
    .tcp_finish = tcp_finish,
    .tcp_pause = tcp_pause,
    .tcp_ends = tcp_ends,
    .tcp_close = tcp_close,
    .tls_open = tls_open,
    .tls_renew = tls_renew,
    .tls_close = tls_close,
    .tcp_secure = tcp_secure,
    .source_for = source_for,
    .resolve = names_ask,
    .resolve_cancel = names_cancel,
    .post = post,
    .watch_fd = watch_fd,
    .unwatch_fd = unwatch_fd,
};

/* ---- open and close ---- */

static enum err open_bell(struct real *r)
{
    struct watch *w = mem_zalloc(r->mem, sizeof *w);
    int           fd;
    enum err      e;

    if (!w)
        return ERR_NOMEM;
    w->ready = on_bell;
    w->octets = sizeof *w;
    if ((fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) < 0) {
        e = oserr(errno);
        mem_free(r->mem, w, sizeof *w);
        return e;
    }
    if ((e = watch_open(r, w, fd, EPOLLIN))) {
        close(fd);
        mem_free(r->mem, w, sizeof *w);
        return e;
    }
    r->bell = w;
    return ERR_OK;
}

static enum err open_parts(struct real *r)
{
    enum err e;

    if ((r->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        return oserr(errno);
    if ((r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return oserr(errno);
    if (!(r->wheel = mem_alloc(r->mem, sizeof *r->wheel)))
        return ERR_NOMEM;
    if (!(r->datagrams = mem_alloc(r->mem, REAL_DATAGRAMS_OCTETS)))
        return ERR_NOMEM;
    if ((e = inlet_open(r)) || (e = outlet_open(r)))
        return e;
    if ((e = mailbox_open(&r->mailbox, r->mem)))
        return e;
    wheel_init(r->wheel, r->now_us / 1000);
    return open_bell(r);
}

enum err net_real_open(struct mem *mem, struct net **out)
{
    struct real *r = mem_zalloc(mem, sizeof *r);
    enum err     e;

    if (!r)
        return ERR_NOMEM;
    r->net.ops = &ops;
    r->mem = mem;
    r->epoll = r->spare = r->probe4 = r->probe6 = -1;
    real_take_up(r);
    list_init(&r->watches);
    list_init(&r->graves);
    list_init(&r->unsent);
    list_init(&r->questions);
    list_init(&r->answers);
    if ((e = open_parts(r))) {
        net_real_close(&r->net);
        return e;
    }
    *out = &r->net;
    return ERR_OK;
}

static void close_fd(int fd)
{
    if (fd >= 0)
        close(fd);
}

void net_real_close(struct net *n)
{
    struct real *r = n ? real_of(n) : NULL;

    if (!r)
        return;
    names_close(r);
    outlet_close(r);
    for (struct list_node *i; (i = list_first(&r->watches));)
        watch_close(LIST_OF(i, struct watch, node));
    watch_free_closed(r);
    mailbox_close(&r->mailbox);
    close_fd(r->probe4);
    close_fd(r->probe6);
    close_fd(r->spare);
    close_fd(r->epoll);
    inlet_close(r);
    mem_free(r->mem, r->datagrams, REAL_DATAGRAMS_OCTETS);
    mem_free(r->mem, r->wheel, sizeof *r->wheel);
    mem_free(r->mem, r, sizeof *r);
}

/* ---- the loop ---- */

static int wait_ms(const struct real *r, uint64_t now)
{
    uint64_t next = wheel_next_ms(r->wheel), us;

    if (r->n_always || !list_empty(&r->answers) || !list_empty(&r->unsent))
        return 0;
    if (next == UINT64_MAX)
        return -1;
    us = next * 1000 > now ? next * 1000 - now : 0;
    return us / 1000 >= INT_MAX ? INT_MAX : (int)((us + 999) / 1000);
}

/* Said before it is looked whether there is a post, so that one that comes in between rings. */
static int fall_asleep(struct real *r)
{
    uint64_t now = clock_mono_us();
    int      ms = wait_ms(r, now);

    r->waited_us = r->turn_us = now - r->began_us;
    atomic_store(&r->asleep, true);
    return mailbox_waiting(&r->mailbox) || atomic_load(&r->stop) ? 0 : ms;
}

static void on_post(void *arg)
{
    real_take_up(arg);
}

/* What a commit has made safe comes back as many posts: their answers go to the system together, too. */
static void run_posts(struct real *r)
{
    r->gathers = mailbox_several(&r->mailbox);
    mailbox_run(&r->mailbox, on_post, r);
    r->gathers = false;
    outlet_send(r);
}

static void turn(struct real *r)
{
    struct epoll_event e[REAL_EVENTS];
    int                n = epoll_wait(r->epoll, e, REAL_EVENTS, fall_asleep(r));

    atomic_store(&r->asleep, false);
    r->began_us = 0;
    for (int i = 0; i < n; i++) {
        struct watch *w = e[i].data.ptr;

        if (!watch_is_closed(w))
            w->ready(w, e[i].events);
    }
    ready_always(r);
    if (!r->began_us)
        real_take_up(r); /* nothing has come: what is due is so by now */
    wheel_advance(r->wheel, r->now_us / 1000);
    run_posts(r);
    names_tell(r);
    outlet_tell(r);
    outlet_send(r);
    watch_free_closed(r);
}

void net_real_run(struct net *n)
{
    struct real *r = real_of(n);

    r->began_us = 0;
    real_take_up(r);
    outlet_send(r); /* what has been said before */
    while (!atomic_exchange(&r->stop, false))
        turn(r);
}

void net_real_stop(struct net *n)
{
    atomic_store(&real_of(n)->stop, true);
    ring(real_of(n));
}
