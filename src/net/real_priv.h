/* real_priv.h - what the files of the real net share.
 *
 * real.c the loop, timers, posts; watch.c descriptors in it; sock.c addresses and options; udp.c, outlet.c (datagrams in and
 * out), tcp.c, listen.c; tls.c what OpenSSL does for one connection, tls_keys.c certificates for many; names.c questions to
 * c-ares, answer.c what came back. */
#ifndef REAL_PRIV_H
#define REAL_PRIV_H

#include <ares.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/wheel.h"
#include "net/net.h"
#include "sys/mailbox.h"

enum {
    REAL_EVENTS = 64,          /* taken from epoll at once                                          */
    REAL_DATAGRAMS = 16,       /* taken from a socket by one system call                            */
    REAL_DATAGRAM_STEP = NET_MAX_DATAGRAM + 1 + 17 * 64, /* between two: a power of two would give all of them the same few lines
                                                            of the processor's cache            */
    REAL_DATAGRAMS_OCTETS = REAL_DATAGRAMS * REAL_DATAGRAM_STEP,
    REAL_OUTLET = 64,          /* datagrams that wait to be sent together, and their octets         */
    REAL_OUTLET_OCTETS = NET_MAX_DATAGRAM + 1,
    REAL_UDP_ROUNDS = 8,       /* such calls for one socket in one turn; then the others are heard  */
    REAL_TCP_ROUNDS = 4,       /* reads of one connection in one turn                               */
    REAL_ACCEPTS = 32,         /* of one listener in one turn                                       */
    REAL_ERRORS = 16,          /* ICMP errors of one socket in one turn                             */
    REAL_LISTENER_ERROR_US = 1000000,
    REAL_TLS_PLAIN_OCTETS = NET_MAX_DATAGRAM + 17 * 1024, /* of one read, and of a record begun before it */
    REAL_TCP_SILENT_MS = 30000 /* sent and not acknowledged for so long: the connection is dead     */
};

struct real;
struct inlet;
struct outlet;

/* A descriptor in the loop. It is the first member of what it belongs to, and is freed with it: after the turn in which it
 * was closed, since events for it may still wait in that turn. */
struct watch {
    struct list_node node; /* in r->watches or r->graves */
    struct real     *r;
    int              fd;   /* -1: closed */
    bool             theirs;   /* the descriptor is not ours to close */
    bool             always;   /* a file, which epoll does not take: it can always be read */
    uint32_t         events;   /* asked for */
    size_t           octets;   /* of the whole object */
    void (*ready)(struct watch *w, uint32_t events);
    void (*bury)(struct watch *w); /* free what the object holds beside itself; may be NULL */
};

struct net_udp {
    struct watch             watch; /* first */
    struct addr              local;
    bool                     any; /* bound to 0.0.0.0 or ::, so the system is asked and told which address it is */
    const struct net_udp_on *on;
    void                    *arg;
};

struct real {
    struct net     net; /* first: a struct net * is one of these */
    struct mem    *mem;
    int            epoll;
    int            spare;  /* a descriptor that can be given up when there are no more */
    int            probe4, probe6; /* sockets that source addresses are asked with; -1: not yet */
    struct watch  *bell;   /* an eventfd */
    atomic_bool    asleep; /* whoever posts must ring */
    atomic_bool    stop;
    struct mailbox mailbox;
    struct wheel  *wheel;
    uint64_t       now_us, wall_us; /* when the piece of work was taken up           */
    uint64_t       began_us;  /* when the first one of this turn was; 0: not yet     */
    uint64_t       turn_us;   /* how long the last turn took, its sleep apart        */
    uint64_t       waited_us; /* what is being told now; between datagrams: turn_us  */
    struct list    watches, graves;
    size_t         n_always;
    char          *datagrams; /* REAL_DATAGRAMS blocks, REAL_DATAGRAM_STEP apart; a stream reads into them too */
    struct inlet  *inlet;     /* what datagrams are read with, into those */
    struct outlet *outlet;    /* datagrams that wait to be sent */
    bool           gathers;   /* they wait for each other: several that were read together are being worked on */
    struct list    unsent;    /* those that did not leave, and whose sender is not told yet */
    ares_channel   ares;
    bool           ares_open;
    struct net_timer ares_timer;
    struct list    questions, answers;
};

static inline struct real *real_of(struct net *n) { return (struct real *)n; }

/* ---- watch.c ---- */

/* Put the descriptor of a zeroed object into the loop (ready, bury, octets are set). ERR_NOMEM, ERR_LIMIT, ERR_IO. */
enum err watch_open(struct real *r, struct watch *w, int fd, uint32_t events);
void     watch_change(struct watch *w, uint32_t events);
void     watch_end(struct watch *w);   /* no more events, but the object stays */
void     watch_close(struct watch *w); /* the end of the object too */
void     watch_free_closed(struct real *r);
static inline bool watch_is_closed(const struct watch *w) { return w->fd < 0; }

/* ---- sock.c ---- */

socklen_t sock_from_addr(const struct addr *a, struct sockaddr_storage *out); /* 0: no IP address */
void      sock_to_addr(const struct sockaddr_storage *s, struct addr *out);
/* A bound socket that does not block. `type` is SOCK_DGRAM or SOCK_STREAM. */
enum err sock_bound(int type, const struct addr *local, bool reuse_port, int *out);
void     sock_set(int fd, int level, int option, int value);
void     sock_local(int fd, struct addr *out);
enum err sock_source_for(struct real *r, const struct addr *to, struct addr *out);

/* ---- the parts of the table ---- */

/* Whatever socket they come by. ERR_NOMEM. */
enum err inlet_open(struct real *r);
void     inlet_close(struct real *r);
enum err udp_open(struct net *n, const struct net_udp_options *o, const struct net_udp_on *on, void *arg,
                  struct net_udp **out);
void     udp_local(struct net_udp *u, struct addr *out);
void     udp_close(struct net_udp *u);

enum err outlet_open(struct real *r); /* ERR_NOMEM */
void     outlet_close(struct real *r);
enum err udp_send(struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets, uint64_t mark);
void     udp_flush(struct net *n);
void     outlet_send(struct real *r);        /* all that wait */
void     outlet_tell(struct real *r);        /* who has sent what did not leave */
void     outlet_forget(struct net_udp *u);   /* ... is not told of these any more */

enum err listen_open(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on, void *arg,
                     struct net_listener **out);
void     listen_local(struct net_listener *l, struct addr *out);
void     listen_close(struct net_listener *l);

enum err tcp_connect(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                     const struct net_tcp_on *on, void *arg, struct net_tcp **out);
enum err tcp_accept(struct real *r, int fd, struct net_tcp **out); /* takes the descriptor, also on failure */
bool     tcp_is_attached(const struct net_tcp *t);
void     tcp_attach(struct net_tcp *t, const struct net_tcp_on *on, void *arg);
enum err tcp_send(struct net_tcp *t, struct slice octets);
void     tcp_finish(struct net_tcp *t);
void     tcp_pause(struct net_tcp *t, bool paused);
void     tcp_ends(struct net_tcp *t, struct addr *local, struct addr *remote);
void     tcp_close(struct net_tcp *t);
enum err tcp_secure(struct net_tcp *t, struct net_tls *tls, struct slice name);

enum err tls_open(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out);
enum err tls_renew(struct net_tls *keys, const struct net_tls_config *c, enum net_tls_part *wrong);
void     tls_close(struct net_tls *keys);

enum err names_ask(struct net *n, struct net_question *asked, enum net_query type, struct slice name);
void     names_cancel(struct net *n, struct net_question *asked);
void     names_tell(struct real *r); /* calls `done` of what is answered */
void     names_close(struct real *r);
/* Ask there ("127.0.0.1:53") instead of where the system says. For tests. */
enum err names_use(struct net *n, const char *servers);

/* ---- tls_keys.c ---- */

struct net_tls {
    struct real  *r;
    pthread_mutex_t lock; /* of ctx */
    SSL_CTX      *ctx;
    BIO_METHOD   *bio;    /* tls.c's: between OpenSSL and the connection */
    bool          unchecked;
    void (*failed)(void *arg, const struct addr *remote, struct slice why);
    void         *arg;
    char          plain[REAL_TLS_PLAIN_OCTETS]; /* what has been opened of one read */
};

SSL *tls_keys_begin(struct net_tls *keys); /* what a new connection begins with. NULL: no memory */

/* ---- tls.c: between the octets of one connection and those of its user ---- */

struct tls;
/* Sealed octets to be sent; inside tls_begin(), _hear(), _say(), _finish(). */
typedef enum err tls_put(void *arg, struct slice sealed);

struct tls_heard {
    bool         opened; /* the handshake has just been done */
    bool         said;   /* ... and what had waited for it was said */
    bool         ended;  /* the peer says nothing more       */
    struct slice octets; /* until the next call for any connection that shares the keys */
};

/* accepted: the peer begins. The name is copied. */
enum err tls_new(struct net_tls *keys, bool accepted, struct slice name, struct tls **out);
void     tls_free(struct tls *s); /* takes NULL */
void     tls_puts(struct tls *s, tls_put *put, void *arg);
enum err tls_begin(struct tls *s); /* say hello */
/* What has arrived. ERR_DENIED, ERR_IO: it cannot go on; *out is filled in all the same, since something may have come before. */
enum err tls_hear(struct tls *s, struct slice sealed, struct tls_heard *out);
/* All of it, or, before the handshake is done, later. ERR_NOMEM, ERR_FULL: nothing of it was taken; any other: it cannot go on. */
enum err tls_say(struct tls *s, struct slice octets);
void     tls_finish(struct tls *s); /* close_notify; nothing before the handshake is done */
bool     tls_is_open(const struct tls *s);
/* The handshake has come to nothing: tell who wants to know. */
void     tls_tell_failed(const struct tls *s, const struct addr *remote, enum err why);
BIO_METHOD *tls_bio(void); /* NULL: no memory */

/* ---- answer.c: what c-ares has found, as records in an arena ---- */

struct answer {
    enum err          e;
    struct net_record r[NET_MAX_NAME_RESULTS];
    size_t            n;
};
void answer_from_addresses(struct answer *out, const struct ares_addrinfo *found);
/* The octets of a DNS answer to a question for NET_SRV or NET_NAPTR. */
void answer_from_octets(struct answer *out, enum net_query type, const unsigned char *octets, int n, struct arena *a);
enum err answer_err(int ares_status);

/* A piece of work begins: before each callback. */
void real_take_up(struct real *r);
void real_timer_set(struct net *n, struct net_timer *t, uint64_t at_us);
void real_timer_cancel(struct net *n, struct net_timer *t);

#endif
