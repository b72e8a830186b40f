/* net.h - the world as one table of functions: time, wake-ups, UDP, TCP, TLS, names. Has never heard of SIP.
 *
 * One `struct net` is one worker's loop and everything in it. net_real_open() gives the real one (epoll, sockets, c-ares);
 * net/fake gives the same table in virtual time. All functions are called on that worker's thread, and all callbacks come
 * on it; the one exception is net_post(). Callbacks come only from net_run(), never from inside a call made here: so a
 * datagram that does not leave, and a connection that fails, are told later.
 *
 * What one callback is called for is a piece of work: a datagram, what was read of a connection at once, a timer, a post. Both clocks are read
 * when it is taken up, and net_now_us() and net_wall_us() say that moment until the next piece is: what comes of it has one time,
 * however long it takes, and a timer set in it counts from there. So who measures how long something takes asks sys/clock.
 *
 * Ownership: objects (udp, tcp, timers) belong to the net; close functions take NULL. After a close no callback comes for
 * it any more. Slices given to callbacks are valid only during the callback. */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/addr.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

#define NET_MAX_DATAGRAM 65535
#define NET_MAX_QUEUED_OCTETS (1u << 20) /* per connection, waiting to be sent; more: ERR_FULL */
#define NET_MAX_NAME_RESULTS 32
#define NET_TLS_HANDSHAKE_MS 5000 /* from the connection to the end of the handshake */
#define NET_TLS_MAX_NAME 255       /* octets of a peer's name */

struct net;
struct net_udp;
struct net_tcp;
struct net_listener;

/* ---- one-shot timers: part of the caller's object, zeroed before first use ---- */
struct net_timer {
    void (*fire)(void *arg);
    void *arg;
    void *impl[6]; /* net's own */
};

/* ---- UDP ---- */
struct net_udp_on {
    /* One datagram. `from` is its sender, `to` the address of ours that it came to: what an answer should leave from. On a
     * socket for any address its IP is any where the system cannot tell. */
    void (*octets)(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets);
    /* A datagram of ours, sent earlier from `from`, did not reach `to` (ICMP). */
    void (*error)(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e);
    /* One that net_udp_send() has taken did not leave. ERR_AGAIN: the system's queue was full (it is lost, as on a wire);
     * ERR_LIMIT: too large for the way there; ERR_IO: no way to `to`, or not allowed. `mark` is what it was sent with. May be
     * NULL. */
    void (*unsent)(void *arg, struct net_udp *u, const struct addr *to, struct slice octets, uint64_t mark, enum err e);
};

struct net_udp_options {
    struct addr local;      /* port 0: any */
    bool        reuse_port; /* several workers on one address (SO_REUSEPORT) */
    int         receive_octets; /* SO_RCVBUF; 0 = system's default */
};

/* ---- TCP ---- */
struct net_tcp_on {
    /* Connected (own connects only); of one that speaks TLS: the handshake is done, whoever connected. */
    void (*open)(void *arg, struct net_tcp *t);
    /* Octets that have arrived. Returns nothing; whoever needs more keeps what it has. */
    void (*octets)(void *arg, struct net_tcp *t, struct slice octets);
    void (*drained)(void *arg, struct net_tcp *t);                     /* the queue to send is empty again */
    /* The end: closed by peer (ERR_CLOSED), refused, reset, or what came is not TLS (ERR_IO), not connected in time
     * (ERR_TIMEOUT), a certificate, its or ours, was not taken (ERR_DENIED). The handle is still valid and must be closed by
     * the user. */
    void (*closed)(void *arg, struct net_tcp *t, enum err why);
    /* The peer will say nothing more, but may still be told something (RFC 9293 §3.6). `closed` comes when this side has
     * finished too. NULL: the peer's end is the end, and `closed` comes in its place. */
    void (*ended)(void *arg, struct net_tcp *t);
};

struct net_listener_on {
    /* A new connection: set its handlers with net_tcp_attach() or close it, before returning. */
    void (*accepted)(void *arg, struct net_listener *l, struct net_tcp *t);
    void (*error)(void *arg, struct net_listener *l, enum err e); /* out of descriptors and the like; told once a second */
};

/* ---- TLS 1.2 and newer (RFC 5246, RFC 8446) ---- */

/* Our certificate, and whose certificates we take: for all connections of one net that are to share it. */
struct net_tls;

/* Texts in PEM; read at net_tls_open() and net_tls_renew(), not kept. */
struct net_tls_config {
    struct slice chain, key; /* our certificate with those that vouch for it, and its key; both empty: we have none, so that
                                nobody can connect to us */
    struct slice trust;      /* who vouches for peers that we connect to; empty: whom the system trusts */
    bool         unchecked;  /* those peers' certificates are not looked at */
    /* A connection came to nothing in its handshake: why, in words for people. May be NULL. */
    void (*failed)(void *arg, const struct addr *remote, struct slice why);
    void *arg;
};

/* What of a configuration will not do. */
enum net_tls_part { NET_TLS_CHAIN, NET_TLS_KEY, NET_TLS_PAIR /* the key is not the certificate's */, NET_TLS_TRUST };

/* ---- names (RFC 3263 needs all four) ---- */
enum net_query { NET_A, NET_AAAA, NET_SRV, NET_NAPTR };

struct net_record {
    enum net_query type;
    uint32_t       ttl_s;
    struct addr    addr;             /* A, AAAA */
    struct slice   target;           /* SRV target; NAPTR replacement */
    uint16_t       port, priority, weight; /* SRV; NAPTR: priority = order, weight = preference */
    struct slice   flags, service;   /* NAPTR */
};

/* e: ERR_OK with n >= 1 records, ERR_NOTFOUND (no such name or type), ERR_TIMEOUT, ERR_IO. */
typedef void net_resolved(void *arg, enum err e, const struct net_record *r, size_t n);

/* A question: part of the caller's object, as a timer is, and zeroed before first use. */
struct net_question {
    net_resolved *done;
    void         *arg;
    void         *impl; /* net's own; NULL: nothing is asked */
};

/* The table. `n` is its first argument, as everywhere. Use the net_*() functions below it. */
struct net_ops {
    uint64_t (*now_us)(struct net *n);
    uint64_t (*wall_us)(struct net *n);
    void (*take_up)(struct net *n, uint64_t after_us);
    uint64_t (*waited_us)(struct net *n);
    void (*timer_set)(struct net *n, struct net_timer *t, uint64_t at_us);
    void (*timer_cancel)(struct net *n, struct net_timer *t);
    enum err (*udp_open)(struct net *n, const struct net_udp_options *o, const struct net_udp_on *on, void *arg,
                         struct net_udp **out);
    enum err (*udp_send)(struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets, uint64_t mark);
    void (*udp_flush)(struct net *n);
    void (*udp_local)(struct net_udp *u, struct addr *out);
    void (*udp_close)(struct net_udp *u);
    enum err (*tcp_listen)(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on,
                           void *arg, struct net_listener **out);
    void (*listener_local)(struct net_listener *l, struct addr *out);
    void (*listener_close)(struct net_listener *l);
    enum err (*tcp_connect)(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                            const struct net_tcp_on *on, void *arg, struct net_tcp **out);
    void (*tcp_attach)(struct net_tcp *t, const struct net_tcp_on *on, void *arg);
    enum err (*tcp_send)(struct net_tcp *t, struct slice octets);
    void (*tcp_finish)(struct net_tcp *t);
    void (*tcp_pause)(struct net_tcp *t, bool paused);
    void (*tcp_ends)(struct net_tcp *t, struct addr *local, struct addr *remote);
    void (*tcp_close)(struct net_tcp *t);
    enum err (*tls_open)(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out);
    enum err (*tls_renew)(struct net_tls *tls, const struct net_tls_config *c, enum net_tls_part *wrong);
    void (*tls_close)(struct net_tls *tls);
    enum err (*tcp_secure)(struct net_tcp *t, struct net_tls *tls, struct slice name);
    enum err (*source_for)(struct net *n, const struct addr *to, struct addr *out);
    enum err (*resolve)(struct net *n, struct net_question *q, enum net_query type, struct slice name);
    void (*resolve_cancel)(struct net *n, struct net_question *q);
    void (*post)(struct net *n, void (*fn)(void *arg), void *arg);
    enum err (*watch_fd)(struct net *n, int fd, void (*readable)(void *arg), void *arg);
    void (*unwatch_fd)(struct net *n, int fd);
};

struct net {
    const struct net_ops *ops;
};

/* The moment in which this piece of work was taken up (above), in microseconds since some instant; never backwards. Before the first one,
 * that of net_real_open() or of net_take_up(). */
static inline uint64_t net_now_us(struct net *n) { return n->ops->now_us(n); }
static inline uint64_t net_now_ms(struct net *n) { return n->ops->now_us(n) / 1000; }
/* The same moment in microseconds since 1970-01-01 UTC; for people and files, never for decisions. */
static inline uint64_t net_wall_us(struct net *n) { return n->ops->wall_us(n); }
/* What the caller does from here on is another piece of work: one that it had put off, or has taken over from another worker. Its moment is
 * later than `after_us`, which that worker's net has said; 0: no matter. Virtual time stands still. */
static inline void net_take_up(struct net *n, uint64_t after_us) { n->ops->take_up(n, after_us); }

/* Inside a callback for octets: how long they had been there before they were taken up. Of a datagram the system knows when it
 * came; of a stream nobody does, so it is as long as the loop's last turn took. 0: not at all, or not known. */
static inline uint64_t net_waited_us(struct net *n) { return n->ops->waited_us(n); }

/* Fire t once at `at_us` (never before it). Set again: moves it. */
static inline void net_timer_set(struct net *n, struct net_timer *t, uint64_t at_us) { n->ops->timer_set(n, t, at_us); }
static inline void net_timer_cancel(struct net *n, struct net_timer *t) { n->ops->timer_cancel(n, t); }

/* ERR_BUSY: port taken; ERR_DENIED; ERR_INVALID: not an address of this machine; ERR_NOMEM, ERR_IO, ERR_LIMIT
 * (descriptors). */
static inline enum err net_udp_open(struct net *n, const struct net_udp_options *o, const struct net_udp_on *on, void *arg,
                                    struct net_udp **out)
{
    return n->ops->udp_open(n, o, on, arg, out);
}

/* A copy is taken, and leaves before the loop sleeps or reads again, together with what else is sent until then (see unsent), in
 * the order of the calls. ERR_LIMIT: too large; ERR_INVALID: no address to send to. */
enum err net_udp_send(struct net *n, struct net_udp *u, const struct addr *to, struct slice octets);
/* The same from that IP address of ours, where the socket is for any (its port is the socket's; a socket for one address
 * sends from that). Where nothing can leave for `to` from there any more, the system picks another. `mark` is told where it
 * does not leave. */
enum err net_udp_send_from(struct net *n, struct net_udp *u, const struct addr *from, const struct addr *to,
                           struct slice octets, uint64_t mark);
/* All that has been sent leaves now: before another thread may send what has to come after it. */
static inline void net_udp_flush(struct net *n) { n->ops->udp_flush(n); }
void net_udp_local(struct net *n, struct net_udp *u, struct addr *out);
void net_udp_close(struct net *n, struct net_udp *u);

enum err net_tcp_listen(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on,
                        void *arg, struct net_listener **out);
void net_listener_local(struct net *n, struct net_listener *l, struct addr *out);
void net_listener_close(struct net *n, struct net_listener *l);

/* Connect from `local` (NULL or family ADDR_NONE: the system picks). Told by on->open or on->closed. */
enum err net_tcp_connect(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                         const struct net_tcp_on *on, void *arg, struct net_tcp **out);
void net_tcp_attach(struct net *n, struct net_tcp *t, const struct net_tcp_on *on, void *arg);
/* All of it, in order; what the system does not take at once is queued (ERR_FULL: nothing of it was taken). */
enum err net_tcp_send(struct net *n, struct net_tcp *t, struct slice octets);
/* Say nothing more: what is queued still goes, net_tcp_send() is ERR_CLOSED from now on, the peer may go on. When both have
 * finished `closed` comes with ERR_CLOSED. */
void net_tcp_finish(struct net *n, struct net_tcp *t);
void net_tcp_pause(struct net *n, struct net_tcp *t, bool paused); /* stop reading: the peer is slowed down */
void net_tcp_ends(struct net *n, struct net_tcp *t, struct addr *local, struct addr *remote);
void net_tcp_close(struct net *n, struct net_tcp *t);             /* what is queued is tried once, then dropped */

/* ERR_SYNTAX, ERR_INVALID: *wrong is not PEM of what it should be, or nothing TLS can use; ERR_NOMEM. */
enum err net_tls_open(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out);
/* The same for a program that only connects: c->trust is what stands in that file (NULL: whom the system trusts). Also file_read()'s
 * errors; ERR_SYNTAX: no certificate stands there. */
enum err net_tls_open_client(struct net *n, struct mem *mem, const char *trust_file, const struct net_tls_config *c,
                             struct net_tls **out);
/* Certificate, key and whom to trust as c says, for connections that begin from now on; the others keep what they have. Any thread.
 * On an error, as of net_tls_open(), nothing has changed. */
enum err net_tls_renew(struct net *n, struct net_tls *tls, const struct net_tls_config *c, enum net_tls_part *wrong);
void net_tls_close(struct net *n, struct net_tls *tls); /* after the last connection that has it */

/* This connection speaks TLS: right after net_tcp_connect(), or before `accepted` returns. What is sent before `open` waits for
 * it. `name`, of one that we make: the domain or IP address that the peer's certificate must be for (RFC 5922 §7); at most
 * NET_TLS_MAX_NAME octets. Its end is told to the peer (close_notify), and so is ours by it: `ended`. ERR_NOMEM, ERR_LIMIT: the
 * connection is of no use. */
enum err net_tcp_secure(struct net *n, struct net_tcp *t, struct net_tls *tls, struct slice name);

/* The local address (port 0) that a datagram to `to` would leave from. */
enum err net_source_for(struct net *n, const struct addr *to, struct addr *out);

/* Ask for records of a name; q->done and q->arg are set. ERR_NOMEM, or ERR_OK and `done` comes exactly once, later, unless
 * q is cancelled before. From then on q may be asked again, also inside `done`. */
enum err net_resolve(struct net *n, struct net_question *q, enum net_query type, struct slice name);
/* `done` does not come any more. Nothing happens where nothing is asked. */
void net_resolve_cancel(struct net *n, struct net_question *q);

/* From any thread: have fn(arg) called by net_run() soon, in order per poster. Never blocks. */
static inline void net_post(struct net *n, void (*fn)(void *arg), void *arg) { n->ops->post(n, fn, arg); }

/* Tell when a descriptor of the caller's (stdin, a pipe) can be read. ERR_UNSUPPORTED on the fake. */
enum err net_watch_fd(struct net *n, int fd, void (*readable)(void *arg), void *arg);
void net_unwatch_fd(struct net *n, int fd);

/* ---- the real world ---- */
enum err net_real_open(struct mem *mem, struct net **out); /* ERR_NOMEM, ERR_IO, ERR_LIMIT */
void net_real_run(struct net *n);                          /* until net_real_stop() */
void net_real_stop(struct net *n);                         /* from any thread or a signal handler */
void net_real_close(struct net *n);                        /* closes what is still open */

#endif
