/* listen.c - connections that others open.
 *
 * Room      net.
 * In        the table; listen_on_ready(), from the loop.
 * Out       on->accepted, on->error.
 * Touches   its socket; the spare descriptor when there are no others. */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/oserr.h"

struct net_listener {
    struct watch                  watch; /* first */
    const struct net_listener_on *on;
    void                         *arg;
    uint64_t                      silent_until_us;
};

static void tell(struct net_listener *l, enum err e)
{
    uint64_t now = l->watch.r->now_us;

    if (!l->on->error || now < l->silent_until_us)
        return;
    l->silent_until_us = now + REAL_LISTENER_ERROR_US;
    l->on->error(l->arg, l, e);
}

/* No descriptor is left: with the spare one the connection is taken and closed, so that its peer knows and the loop does
 * not spin on it. */
static void turn_away(struct net_listener *l)
{
    struct real *r = l->watch.r;
    int          fd;

    if (r->spare >= 0)
        close(r->spare);
    fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        close(fd);
    r->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void take(struct net_listener *l, int fd)
{
    struct net_tcp *t;
    enum err        e = tcp_accept(l->watch.r, fd, &t);

    if (e) {
        tell(l, e);
        return;
    }
    l->on->accepted(l->arg, l, t);
    if (!tcp_is_attached(t)) /* still there if closed: objects go at the end of the turn */
        tcp_close(t);
}

/* False when nobody waits any more. */
static bool accept_one(struct net_listener *l)
{
    int fd = accept4(l->watch.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    real_take_up(l->watch.r);
    if (fd >= 0) {
        take(l, fd);
        return true;
    }
    switch (errno) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        turn_away(l);
        tell(l, ERR_LIMIT);
        return true;
    case ENOMEM:
    case ENOBUFS:
        tell(l, ERR_NOMEM);
        return false;
    default: /* that one has gone again: ECONNABORTED and what accept(2) lists */
        return true;
    }
}

static void listen_on_ready(struct watch *w, uint32_t events)
{
    (void)events;
    for (int i = 0; i < REAL_ACCEPTS && !watch_is_closed(w) && accept_one((struct net_listener *)w); i++)
        continue;
}

enum err listen_open(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on, void *arg,
                     struct net_listener **out)
{
    struct real         *r = real_of(n);
    struct net_listener *l;
    int                  fd;
    enum err             e = sock_bound(SOCK_STREAM, local, reuse_port, &fd);

    if (e)
        return e;
    if (listen(fd, SOMAXCONN)) {
        e = oserr(errno);
        close(fd);
        return e;
    }
    if (!(l = mem_zalloc(r->mem, sizeof *l))) {
        close(fd);
        return ERR_NOMEM;
    }
    l->on = on;
    l->arg = arg;
    l->watch.ready = listen_on_ready;
    l->watch.octets = sizeof *l;
    if ((e = watch_open(r, &l->watch, fd, EPOLLIN))) {
        close(fd);
        mem_free(r->mem, l, sizeof *l);
        return e;
    }
    *out = l;
    return ERR_OK;
}

void listen_local(struct net_listener *l, struct addr *out)
{
    sock_local(l->watch.fd, out);
}

void listen_close(struct net_listener *l)
{
    watch_close(&l->watch);
}
