/* fake.h - the table of net.h in virtual time: a world of nodes with addresses, wires between them, a table of names.
 *
 * Everything happens on the caller's one thread, inside fake_step() and fake_run_until(). The clock starts at
 * FAKE_START_US and moves only from event to event; events of one instant come in the order in which they were made. All
 * chance comes from the seed: the same seed and the same calls give the same run, octet for octet.
 *
 * A node is a machine: addresses of its own, and one or more workers, each a struct net. Sockets, timers and posts are as
 * net.h says. Memory that the world cannot get ends the program: it belongs to tests and simulations, so give it a mem that
 * does not fail.
 *
 * Datagrams arrive after the link's delay, unless lost, cut off or too large; one to a port where nobody listens brings
 * on->error(ERR_CLOSED) to its sender (ICMP), one to an address that no node has, nothing.
 * Streams keep their order; loss is delay there (tried again after FAKE_RETRY_US, twice that, ...), and a stream that gets
 * nothing through for FAKE_STREAM_DEAD_US ends with ERR_TIMEOUT. A connect to a node without that listener is refused
 * (ERR_IO), one to no node or across a cut gets no answer.
 * Streams that speak TLS carry their octets in the clear, as who looks on wants them: no certificate is read or checked, and the
 * handshake takes no time. Where one end speaks it and the other does not, both end as soon as one says something.
 * Inside one node nothing is delayed, lost or cut. */
#ifndef NET_FAKE_FAKE_H
#define NET_FAKE_FAKE_H

#include "net/net.h"

#define FAKE_START_US 1000000u          /* what net_now_us() says at first */
#define FAKE_MAX_ADDRESSES 8            /* of one node */
#define FAKE_MAX_WORKERS 64             /* of one node */
#define FAKE_WINDOW_OCTETS (64u * 1024) /* of a stream under way or not read yet; the rest waits at its sender */
#define FAKE_RETRY_US 200000u
#define FAKE_RETRY_MAX_US 6400000u
#define FAKE_STREAM_DEAD_US 30000000u
#define FAKE_NAMES_TIMEOUT_US 5000000u  /* how long a question takes that gets no answer */
#define FAKE_MAX_AT_ONCE 1000000u       /* events of one instant; more is a loop, and ends the program */

struct fake;
struct fake_node;

struct fake_config {
    struct mem *mem;
    uint64_t    seed;
    uint64_t    wall_us;        /* net_wall_us() at the start; 0: 2025-01-01 00:00:00 UTC */
    uint32_t    post_jitter_us; /* net_post() comes 0 to so many later, by chance, in order for each net */
};

enum err fake_open(const struct fake_config *config, struct fake **out);
void     fake_close(struct fake *w); /* with all nodes and what is open in them; no callbacks. Takes NULL */

/* ---- nodes ---- */

/* `addresses`: texts without port, divided by spaces: "192.0.2.1 2001:db8::1". ERR_SYNTAX, ERR_EXISTS, ERR_LIMIT. */
enum err fake_add_node(struct fake *w, const char *addresses, unsigned n_workers, struct fake_node **out);
struct net *fake_net(struct fake_node *n, unsigned worker);

/* The machine dies (kill -9, power): from now on nothing leaves or reaches it, no timer fires, no post is run, no peer is
 * told. Its objects may still be closed (and must, or fake_up() frees them), and other calls do nothing or fail with
 * ERR_CLOSED. Not from inside one of its own callbacks. */
void fake_down(struct fake_node *n);
/* A machine that has work to do: each datagram that is handed over keeps its worker busy for as long as cost() says, asked right
 * after; what arrives meanwhile waits, up to `room` datagrams for each worker, and more are lost. All else (streams, timers,
 * posts) comes on time all the same. NULL: again a machine that takes no time. */
typedef uint64_t fake_cost_us(void *ctx);
void fake_set_slow(struct fake_node *n, fake_cost_us *cost, void *ctx, unsigned room);
/* What this machine says to a datagram that is to leave, as a firewall of its own or a full queue would: all but ERR_OK brings
 * on->unsent(). NULL: all leave for which it has an address (else ERR_IO). */
typedef enum err fake_bars(void *ctx, const struct addr *to);
void fake_set_bars(struct fake_node *n, fake_bars *bars, void *ctx);
/* It is there again, with nothing open. Old streams to it are reset as soon as their peer sends. */
void fake_up(struct fake_node *n);
/* Its wall clock is set forwards or back. */
void fake_wall_jump(struct fake_node *n, int64_t us);

struct fake_counts {
    unsigned udp, tcp, listeners, timers, questions, posts;
};
void fake_node_counts(const struct fake_node *n, struct fake_counts *out); /* what is open or waiting in it now */

/* Which worker gets what arrives at an address that several have opened with reuse_port: 0 to n - 1, in order of opening.
 * `octets` is empty for a connection. NULL: by a keyed hash of the sender, as Linux does. */
typedef unsigned fake_choose(void *ctx, const struct addr *from, const struct addr *to, struct slice octets, unsigned n);
void fake_set_chooser(struct fake *w, fake_choose *choose, void *ctx);

/* ---- wires ---- */

struct fake_link {
    uint32_t delay_us, jitter_us;         /* each datagram or piece: delay, and 0 to jitter more (so jitter reorders) */
    uint32_t loss_ppm, duplicate_ppm;     /* of a million datagrams */
    uint32_t reorder_ppm, reorder_us;     /* so many are held for so long */
    uint32_t mtu_octets;                  /* of a datagram's content; larger ones are lost; 0: none is too large */
    uint32_t segment_octets;              /* streams arrive in pieces of 1 to so many octets; 0: as they were sent */
};

void fake_set_link(struct fake *w, const struct fake_link *link);  /* for all; at first all zero but 1 ms of delay */
/* Between two addresses (ports do not count), both ways, instead of the world's; NULL: the world's again. */
void fake_set_link_between(struct fake *w, const struct addr *a, const struct addr *b, const struct fake_link *link);

/* Nothing passes between any of `a` and any of `b`, either way; n_b 0: any other address. Cuts add up. */
void fake_cut(struct fake *w, const struct addr *a, size_t n_a, const struct addr *b, size_t n_b);
void fake_heal(struct fake *w); /* all cuts */

/* Asked for each datagram before chance is: < 0 loses it, FAKE_TWICE: it arrives two times, else it is held for so many
 * microseconds more. */
#define FAKE_TWICE INT64_MAX
typedef int64_t fake_hold_us(void *ctx, const struct addr *from, const struct addr *to, struct slice octets);
void fake_set_filter(struct fake *w, fake_hold_us *hold, void *ctx);

/* ---- names ---- */

/* One more record for that name; copied. `name` and `target` without the last dot. */
void fake_add_record(struct fake *w, struct slice name, const struct net_record *r);
void fake_add_address(struct fake *w, struct slice name, struct slice ip); /* A or AAAA; TTL 60; ip must be one */
void fake_add_srv(struct fake *w, struct slice name, struct slice target, uint16_t port, uint16_t priority, uint16_t weight);
void fake_remove_name(struct fake *w, struct slice name);
/* How long an answer takes, and whether any comes (false: ERR_TIMEOUT). At first 1 ms, true. */
void fake_set_names(struct fake *w, uint32_t delay_us, bool answering);

/* ---- what happens is seen ---- */

enum fake_fate {
    FAKE_SENT,       /* it leaves; one of the others follows for each datagram */
    FAKE_LOST,       /* by chance, filter, cut, size, or a node that is down */
    FAKE_DELIVERED,  /* the receiver is told right after */
    FAKE_DUPLICATED, /* the same for the second copy */
    FAKE_UNWANTED    /* nobody listens there */
};

struct fake_seen {
    enum fake_fate fate;
    uint64_t       at_us;
    uint64_t       number;  /* of the datagram; of the stream */
    bool           stream;
    uint64_t       offset;  /* streams: of these octets, in their direction */
    struct addr    from, to;
    struct slice   octets;
};
void fake_observe(struct fake *w, void (*seen)(void *ctx, const struct fake_seen *s), void *ctx);

/* ---- time ---- */

uint64_t fake_now_us(const struct fake *w);
uint64_t fake_next_us(const struct fake *w);          /* of the next event; UINT64_MAX: there is none */
bool     fake_step(struct fake *w);                   /* one event; false: there is none */
void     fake_run_until(struct fake *w, uint64_t us); /* all events up to and with `us`; then it is `us` */
/* The same, but stops early, with the clock where it is, when no event is left: then true. */
bool     fake_idle_until(struct fake *w, uint64_t us);
/* The same, but stops early after the event that made done(ctx) true: then true. */
bool     fake_run_until_done(struct fake *w, uint64_t us, bool (*done)(void *ctx), void *ctx);

#endif
