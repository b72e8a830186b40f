/* tcp.c - connections, in the clear or sealed (tls.c).
 *
 * Room      net.
 * In        the table; tcp_on_ready(), from the loop; two timers.
 * Out       on->open, octets, drained, ended, closed.
 * Touches   its socket, its queue; r->datagrams, into which it reads.
 *
 * TCP_IS_SECURING: connected, and the handshake of TLS is not done yet. TCP_HAS_ENDED: `closed` has been told, or will be by the
 * timer `end`; the descriptor is closed, the object stays until its user closes it. */
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/oserr.h"

enum tcp_state { TCP_IS_CONNECTING, TCP_IS_SECURING, TCP_IS_OPEN, TCP_HAS_ENDED };

struct net_tcp {
    struct watch             watch; /* first */
    const struct net_tcp_on *on;    /* NULL: not attached */
    void                    *arg;
    enum tcp_state           state;
    bool                     paused;
    bool                     deaf;     /* the peer has ended, and its user knows */
    bool                     finished; /* by its user; the system is told when the queue is empty */
    bool                     done;     /* closed by its user */
    enum err                 why;
    struct addr              local, remote;
    struct net_timer         end; /* connecting, securing: it takes too long; ended: to be told */
    struct tls              *tls; /* NULL: in the clear */
    char                    *queue;
    size_t                   from, n_queue, cap_queue; /* octets queue[from .. from + n_queue) wait */
};

static uint32_t wanted(const struct net_tcp *t)
{
    uint32_t events = t->paused || t->deaf || t->state == TCP_IS_CONNECTING ? 0 : EPOLLIN;

    return events | (t->n_queue || t->state == TCP_IS_CONNECTING ? EPOLLOUT : 0u);
}

static void tell_end(void *arg)
{
    struct net_tcp *t = arg;

    if (t->on && t->on->closed)
        t->on->closed(t->arg, t, t->why);
}

/* The connection is over; its user is told now, or (inside a call of the user's) at the next turn. */
static void stop(struct net_tcp *t, enum err why)
{
    t->state = TCP_HAS_ENDED;
    t->why = why;
    t->n_queue = 0;
    real_timer_cancel(&t->watch.r->net, &t->end);
    watch_end(&t->watch);
}

static void end_now(struct net_tcp *t, enum err why)
{
    if (t->state == TCP_IS_SECURING)
        tls_tell_failed(t->tls, &t->remote, why);
    stop(t, why);
    tell_end(t);
}

static void end_later(struct net_tcp *t, enum err why)
{
    stop(t, why);
    t->end.fire = tell_end;
    real_timer_set(&t->watch.r->net, &t->end, 0);
}

static void too_late(void *arg)
{
    end_now(arg, ERR_TIMEOUT);
}

static enum err why_of(int errnum)
{
    return errnum == 0 ? ERR_CLOSED : errnum == ETIMEDOUT ? ERR_TIMEOUT : ERR_IO;
}

static int pending_error(int fd)
{
    int       errnum = 0;
    socklen_t n = sizeof errnum;

    getsockopt(fd, SOL_SOCKET, SO_ERROR, &errnum, &n);
    return errnum;
}

/* After the last octet of the queue. Where the peer has ended too, the loop is told EPOLLHUP by it. */
static void finish_if_sent(struct net_tcp *t)
{
    if (t->finished && t->n_queue == 0 && t->state == TCP_IS_OPEN)
        shutdown(t->watch.fd, SHUT_WR);
}

/* Send what waits. False: the connection has broken; the loop will hear of it by reading. */
static bool flush(struct net_tcp *t)
{
    while (t->n_queue) {
        ssize_t n = send(t->watch.fd, t->queue + t->from, t->n_queue, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        t->from += (size_t)n;
        t->n_queue -= (size_t)n;
    }
    t->from = 0;
    finish_if_sent(t);
    return true;
}

static void on_writable(struct net_tcp *t)
{
    bool waited = t->n_queue > 0;

    real_take_up(t->watch.r);
    if (!flush(t)) {
        end_now(t, ERR_IO);
        return;
    }
    watch_change(&t->watch, wanted(t));
    if (waited && t->n_queue == 0 && t->state == TCP_IS_OPEN && t->on && t->on->drained)
        t->on->drained(t->arg, t);
}

static void opened(struct net_tcp *t)
{
    t->state = TCP_IS_OPEN;
    real_timer_cancel(&t->watch.r->net, &t->end);
    if (t->tls && t->finished)
        tls_finish(t->tls);
    finish_if_sent(t);
    watch_change(&t->watch, wanted(t));
    if (t->on && t->on->open)
        t->on->open(t->arg, t);
}

static void secure(struct net_tcp *t)
{
    t->state = TCP_IS_SECURING;
    t->end.fire = too_late;
    real_timer_set(&t->watch.r->net, &t->end, t->watch.r->now_us + NET_TLS_HANDSHAKE_MS * 1000u);
}

static void on_connected(struct net_tcp *t)
{
    int      errnum = pending_error(t->watch.fd);
    enum err e;

    real_take_up(t->watch.r);
    if (errnum) {
        end_now(t, why_of(errnum));
        return;
    }
    sock_local(t->watch.fd, &t->local);
    if (!t->tls) {
        opened(t);
        return;
    }
    secure(t);
    if ((e = tls_begin(t->tls)))
        end_now(t, e);
    else
        watch_change(&t->watch, wanted(t));
}

static void on_peer_ended(struct net_tcp *t)
{
    if (!t->on || !t->on->ended || t->state != TCP_IS_OPEN || (t->finished && t->n_queue == 0)) {
        end_now(t, ERR_CLOSED);
        return;
    }
    t->deaf = true;
    watch_change(&t->watch, wanted(t));
    if (!t->finished)
        t->on->ended(t->arg, t);
}

static void tell_octets(struct net_tcp *t, struct slice octets)
{
    if (octets.n && t->on && t->on->octets)
        t->on->octets(t->arg, t, octets);
}

/* Sealed ones: they may open the connection, say something, and end it, all at once. */
static void hear(struct net_tcp *t, struct slice sealed)
{
    struct tls_heard heard;
    enum err         e = tls_hear(t->tls, sealed, &heard);

    if (heard.opened && t->state == TCP_IS_SECURING)
        opened(t);
    if (!watch_is_closed(&t->watch))
        tell_octets(t, heard.octets);
    if (watch_is_closed(&t->watch))
        return;
    if (e)
        end_now(t, e);
    else if (heard.ended && !t->deaf)
        on_peer_ended(t);
    else if (heard.said && t->n_queue == 0 && t->on && t->on->drained)
        t->on->drained(t->arg, t);
}

/* False: there is nothing more to read, or nobody to read it. */
static bool read_some(struct net_tcp *t)
{
    struct real *r = t->watch.r;
    ssize_t      n = recv(t->watch.fd, r->datagrams, NET_MAX_DATAGRAM, MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    real_take_up(r);
    if (n < 0)
        end_now(t, why_of(errno));
    else if (n == 0)
        on_peer_ended(t);
    if (n <= 0)
        return false;
    if (t->tls)
        hear(t, (struct slice){r->datagrams, (size_t)n});
    else
        tell_octets(t, (struct slice){r->datagrams, (size_t)n});
    return n == NET_MAX_DATAGRAM;
}

static void tcp_on_ready(struct watch *w, uint32_t events)
{
    struct net_tcp *t = (struct net_tcp *)w;

    if (t->state == TCP_IS_CONNECTING) {
        on_connected(t);
        return;
    }
    if ((t->paused || t->deaf) && (events & (EPOLLERR | EPOLLHUP))) { /* else the loop would spin on it */
        real_take_up(w->r);
        end_now(t, why_of(pending_error(w->fd)));
        return;
    }
    for (int i = 0; i < REAL_TCP_ROUNDS && (events & (EPOLLIN | EPOLLERR | EPOLLHUP)); i++)
        if (watch_is_closed(w) || t->paused || t->deaf || !read_some(t))
            break;
    if ((events & EPOLLOUT) && !watch_is_closed(w))
        on_writable(t);
}

static void tcp_bury(struct watch *w)
{
    struct net_tcp *t = (struct net_tcp *)w;

    tls_free(t->tls);
    mem_free(w->r->mem, t->queue, t->cap_queue);
}

/* Takes fd, also on failure. */
static enum err tcp_new(struct real *r, int fd, enum tcp_state state, struct net_tcp **out)
{
    struct net_tcp *t = mem_zalloc(r->mem, sizeof *t);
    enum err        e = ERR_NOMEM;

    if (!t)
        goto fail;
    sock_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    sock_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, REAL_TCP_SILENT_MS);
    t->state = state;
    t->end.arg = t;
    t->watch.ready = tcp_on_ready;
    t->watch.bury = tcp_bury;
    t->watch.octets = sizeof *t;
    if ((e = watch_open(r, &t->watch, fd, wanted(t))))
        goto fail;
    *out = t;
    return ERR_OK;
fail:
    mem_free(r->mem, t, sizeof *t);
    close(fd);
    return e;
}

static enum err socket_for(const struct addr *local, const struct addr *to, int *out)
{
    struct sockaddr_storage s;
    struct addr             from = {.family = to->family};

    if (local && local->family != ADDR_NONE)
        from = *local;
    if (sock_from_addr(to, &s) == 0 || from.family != to->family)
        return ERR_INVALID;
    return sock_bound(SOCK_STREAM, &from, false, out);
}

/* size: the table's own parameters */
enum err tcp_connect(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                     const struct net_tcp_on *on, void *arg, struct net_tcp **out)
{
    struct real            *r = real_of(n);
    struct sockaddr_storage s;
    socklen_t               octets = sock_from_addr(to, &s);
    struct net_tcp         *t;
    int                     fd;
    bool                    refused;
    enum err                e = socket_for(local, to, &fd);

    if (e)
        return e;
    refused = connect(fd, (struct sockaddr *)&s, octets) && errno != EINPROGRESS;
    if ((e = tcp_new(r, fd, TCP_IS_CONNECTING, &t)))
        return e;
    t->on = on;
    t->arg = arg;
    t->remote = *to;
    sock_local(fd, &t->local);
    if (refused) {
        end_later(t, ERR_IO);
    } else {
        t->end.fire = too_late;
        real_timer_set(n, &t->end, r->now_us + (uint64_t)timeout_ms * 1000);
    }
    *out = t;
    return ERR_OK;
}

enum err tcp_accept(struct real *r, int fd, struct net_tcp **out)
{
    struct sockaddr_storage s = {0};
    socklen_t               n = sizeof s;
    enum err                e = tcp_new(r, fd, TCP_IS_OPEN, out);

    if (e)
        return e;
    getpeername(fd, (struct sockaddr *)&s, &n);
    sock_to_addr(&s, &(*out)->remote);
    sock_local(fd, &(*out)->local);
    return ERR_OK;
}

bool tcp_is_attached(const struct net_tcp *t)
{
    return t->on || t->done;
}

void tcp_attach(struct net_tcp *t, const struct net_tcp_on *on, void *arg)
{
    t->on = on;
    t->arg = arg;
}

/* Room for n more octets behind those that wait. */
static enum err make_room(struct net_tcp *t, size_t n)
{
    struct mem *mem = t->watch.r->mem;
    size_t      cap = 2 * (t->n_queue + n);
    char       *bigger;

    if (t->cap_queue - t->from - t->n_queue >= n)
        return ERR_OK;
    if (t->cap_queue - t->n_queue >= n) {
        memmove(t->queue, t->queue + t->from, t->n_queue);
        t->from = 0;
        return ERR_OK;
    }
    if (!(bigger = mem_alloc(mem, cap)))
        return ERR_NOMEM;
    if (t->n_queue)
        memcpy(bigger, t->queue + t->from, t->n_queue);
    mem_free(mem, t->queue, t->cap_queue);
    t->queue = bigger;
    t->cap_queue = cap;
    t->from = 0;
    return ERR_OK;
}

/* What the system does not take waits. */
static enum err put(void *arg, struct slice octets)
{
    struct net_tcp *t = arg;
    ssize_t         n = 0;

    if (t->state == TCP_HAS_ENDED)
        return ERR_CLOSED;
    if (t->n_queue && make_room(t, octets.n))
        return ERR_NOMEM;
    if (t->state != TCP_IS_CONNECTING && t->n_queue == 0)
        n = send(t->watch.fd, octets.p, octets.n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        end_later(t, why_of(errno));
        return ERR_CLOSED;
    }
    octets = slice_from(octets, n > 0 ? (size_t)n : 0);
    if (octets.n == 0)
        return ERR_OK;
    if (make_room(t, octets.n)) {
        if (n > 0) /* a part has left, and the rest never will: the stream is of no use any more */
            end_later(t, ERR_IO);
        return ERR_NOMEM;
    }
    memcpy(t->queue + t->from + t->n_queue, octets.p, octets.n);
    t->n_queue += octets.n;
    watch_change(&t->watch, wanted(t));
    return ERR_OK;
}

enum err tcp_send(struct net_tcp *t, struct slice octets)
{
    enum err e;

    if (t->state == TCP_HAS_ENDED || t->finished)
        return ERR_CLOSED;
    if (t->n_queue > NET_MAX_QUEUED_OCTETS || octets.n > NET_MAX_QUEUED_OCTETS - t->n_queue)
        return ERR_FULL;
    if (!t->tls)
        return put(t, octets);
    if ((e = tls_say(t->tls, octets)) && tls_is_open(t->tls) && t->state != TCP_HAS_ENDED)
        end_later(t, e); /* a record may have left in part */
    return e;
}

enum err tcp_secure(struct net_tcp *t, struct net_tls *tls, struct slice name)
{
    bool     accepted = t->state == TCP_IS_OPEN;
    enum err e;

    if ((e = tls_new(tls, accepted, name, &t->tls)))
        return e;
    tls_puts(t->tls, put, t);
    if (accepted)
        secure(t);
    return ERR_OK;
}

void tcp_finish(struct net_tcp *t)
{
    if (t->state == TCP_HAS_ENDED || t->finished)
        return;
    t->finished = true;
    if (t->tls && t->state == TCP_IS_OPEN)
        tls_finish(t->tls);
    finish_if_sent(t);
}

void tcp_pause(struct net_tcp *t, bool paused)
{
    t->paused = paused;
    if (t->state != TCP_HAS_ENDED)
        watch_change(&t->watch, wanted(t));
}

void tcp_ends(struct net_tcp *t, struct addr *local, struct addr *remote)
{
    if (local)
        *local = t->local;
    if (remote)
        *remote = t->remote;
}

void tcp_close(struct net_tcp *t)
{
    if (t->tls && t->state == TCP_IS_OPEN)
        tls_finish(t->tls);
    if (t->state == TCP_IS_OPEN)
        flush(t);
    stop(t, ERR_CLOSED);
    tls_free(t->tls);
    t->tls = NULL;
    t->done = true;
    watch_close(&t->watch);
}
