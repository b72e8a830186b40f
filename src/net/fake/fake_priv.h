/* fake_priv.h - what the files of net/fake share.
 *
 * Time      events.c: a heap of events, each part of what it belongs to.
 * World     world.c: nodes, addresses, who is told. wires.c: links, cuts, chance.
 * Net       table.c: clock, timers, posts of one net. udp.c, tcp.c (an end), wire.c (what is under way), listen.c, names.c. */
#ifndef FAKE_PRIV_H
#define FAKE_PRIV_H

#include "base/hash.h"
#include "base/list.h"
#include "base/map.h"
#include "net/fake/fake.h"
#include "sys/random.h"

/* ---- events ---- */

struct event {
    uint64_t at_us, order;
    size_t   place; /* in the heap, from 1; 0: not waiting */
    void (*run)(struct fake *w, struct event *e);
};
#define EVENT_OF(e, type, member) ((type *)list_of_((const struct list_node *)(e), offsetof(type, member)))

void fake_event_set(struct fake *w, struct event *e, uint64_t at_us); /* also moves it */
void fake_event_cancel(struct fake *w, struct event *e);

/* ---- the world ---- */

struct between {
    struct list_node node;
    struct addr      a, b;
    struct fake_link link;
};

struct cut {
    struct list_node node;
    struct addr     *a, *b;
    size_t           n_a, n_b;
};

struct fake {
    struct mem      *mem;
    struct random    random;
    struct hash_key  key;
    uint64_t         now_us, wall_us;
    uint32_t         post_jitter_us;
    struct event   **heap;
    size_t           n_events, cap_events;
    uint64_t         order;     /* of the last event that was set */
    uint64_t         at_once;   /* events since the clock last moved */
    struct list      nodes;
    struct map       homes;     /* struct home by IP */
    struct fake_link link;
    struct list      links, cuts;
    struct map       names;     /* struct name */
    uint32_t         names_us;
    bool             names_answer;
    fake_choose     *choose;
    void            *choose_ctx;
    fake_hold_us    *hold;
    void            *hold_ctx;
    void (*seen)(void *ctx, const struct fake_seen *s);
    void    *seen_ctx;
    uint64_t datagrams, streams, sockets; /* numbers given out */
};

struct home {
    struct map_node   node;
    struct addr       ip;
    struct fake_node *at;
};

struct worker {
    struct net        net; /* first: a struct net * is one of these */
    struct fake_node *node;
    uint64_t          last_post_us;
    struct list       waiting;   /* datagrams that have arrived and are not handed over yet: of a slow node */
    unsigned          n_waiting;
    struct event      serve;     /* the next of them is                              */
    uint64_t          busy_us;   /* until then it is at the last one                 */
    uint64_t          waited_us; /* how long the one has waited that is told now     */
};

struct fake_node {
    struct list_node node;
    struct fake     *w;
    struct home      home[FAKE_MAX_ADDRESSES];
    size_t           n_homes;
    struct worker   *workers;
    unsigned         n_workers;
    bool             up;
    uint32_t         boot; /* objects of an earlier one are dead */
    int64_t          wall_jump_us;
    fake_cost_us    *cost;
    void            *cost_ctx;
    unsigned         room;
    fake_bars       *bars;
    void            *bars_ctx;
    uint16_t         next_port;
    struct list      udp, tcp, listeners, questions;
    unsigned         timers, posts;
};

void *fake_alloc(struct fake *w, size_t n); /* zeroed; ends the program rather than fail */
void  fake_free(struct fake *w, void *p, size_t n);

struct fake_node *fake_node_at(struct fake *w, const struct addr *ip);
static inline struct worker *worker_of(struct net *n) { return (struct worker *)n; }
static inline bool node_runs(const struct fake_node *n, uint32_t boot) { return n->up && n->boot == boot; }

void fake_tell(struct fake *w, const struct fake_seen *s); /* at_us is filled in */

/* ---- binding: what udp.c and listen.c have in common ---- */

struct bound {
    struct list_node  node; /* in node->udp or node->listeners */
    struct worker    *worker;
    struct addr       local;
    bool              reuse_port;
    uint32_t          boot;
    uint64_t          number;
};

/* Fill in *b and put it into the list. ERR_CLOSED, ERR_INVALID, ERR_BUSY. */
enum err fake_bound_open(struct bound *b, struct list *in, struct worker *wk, const struct addr *local, bool reuse_port);
/* Who gets what arrives at `to`; NULL: nobody. */
struct bound *fake_bound_find(struct fake *w, struct list *in, const struct addr *from, const struct addr *to,
                         struct slice octets);
/* The address that something to `to` leaves from; keeps local's port. ERR_INVALID. */
enum err fake_source_address(const struct fake_node *n, const struct addr *local, const struct addr *to, struct addr *out);

/* ---- wires ---- */

const struct fake_link *fake_link_between(struct fake *w, const struct addr *a, const struct addr *b);
bool fake_is_cut(struct fake *w, const struct addr *a, const struct addr *b);
bool fake_same_node(struct fake *w, const struct addr *a, const struct addr *b);
bool fake_chance(struct fake *w, uint32_t ppm);
uint64_t fake_delay_of(struct fake *w, const struct fake_link *l);
void fake_wires_close(struct fake *w);

/* ---- the parts of the table ---- */

void fake_table_fill(struct net *n);
/* Timers of that node, or of all for NULL, are cancelled. */
void fake_timers_drop(struct fake *w, struct fake_node *n);

enum err fake_udp_open(struct net *n, const struct net_udp_options *o, const struct net_udp_on *on, void *arg,
                  struct net_udp **out);
enum err fake_udp_send(struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets, uint64_t mark);
void     fake_udp_local(struct net_udp *u, struct addr *out);
void     fake_udp_close(struct net_udp *u);
void     fake_udp_forget(struct worker *wk); /* what waits for it is lost */
void     fake_udp_drop(struct fake_node *n); /* closes those of earlier boots, or all when the node is down */

enum err fake_listen_open(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on, void *arg,
                     struct net_listener **out);
void     fake_listen_local(struct net_listener *l, struct addr *out);
void     fake_listen_close(struct net_listener *l);
void     fake_listen_drop(struct fake_node *n);

enum err fake_names_ask(struct net *n, struct net_question *asked, enum net_query type, struct slice name);
void     fake_names_cancel(struct net *n, struct net_question *asked);
void     fake_names_drop(struct fake_node *n); /* what is asked there: nobody is told */
void     fake_names_close(struct fake *w);

/* ---- streams: two ends and the wire between them ---- */

struct wire;

enum tcp_state { TCP_CONNECTING, TCP_OPEN, TCP_ENDED };

struct net_tcp {
    struct list_node         node; /* in node->tcp */
    struct worker           *worker;
    uint32_t                 boot;
    struct wire             *wire; /* NULL: it has ended */
    unsigned                 side; /* 0: who connected; 1: who accepted */
    struct addr              local, remote;
    const struct net_tcp_on *on; /* NULL: accepted, and not attached yet */
    void                    *arg;
    enum tcp_state           state;
    bool                     paused;
    bool                     deaf;     /* the peer has ended, and its user knows */
    bool                     finished; /* by its user */
    bool                     fin_sent;
    bool                     behind;   /* something had to wait: drained will be told */
    struct event             timeout, flush, resume, secured;
    char                    *queue;
    size_t                   n_queue, cap_queue;
};

enum err fake_tcp_connect(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                     const struct net_tcp_on *on, void *arg, struct net_tcp **out);
void     fake_tcp_attach(struct net_tcp *t, const struct net_tcp_on *on, void *arg);
enum err fake_tcp_send(struct net_tcp *t, struct slice octets);
void     fake_tcp_finish(struct net_tcp *t);
void     fake_tcp_pause(struct net_tcp *t, bool paused);
void     fake_tcp_ends(struct net_tcp *t, struct addr *local, struct addr *remote);
void     fake_tcp_close(struct net_tcp *t);
enum err fake_tcp_secure(struct net_tcp *t, struct net_tls *tls, struct slice name);
enum err fake_tls_open(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out);
enum err fake_tls_renew(struct net_tls *tls, const struct net_tls_config *c, enum net_tls_part *wrong);
void     fake_tls_close(struct net_tls *tls);
void     fake_tcp_drop(struct fake_node *n);   /* frees those of earlier boots, or all when the node is down */
void     fake_tcp_detach(struct fake_node *n); /* the machine died: nobody is told */

/* The accepting end, open and not attached. */
struct net_tcp *fake_tcp_accept(struct worker *wk, struct wire *wire, const struct addr *local, const struct addr *remote);
/* Called by the wire; the last thing it does with t. */
void fake_tcp_on_open(struct net_tcp *t);
void fake_tcp_on_octets(struct net_tcp *t, struct slice octets);
void fake_tcp_on_fin(struct net_tcp *t);
void fake_tcp_on_end(struct net_tcp *t, enum err why);
void fake_tcp_on_room(struct net_tcp *t); /* no callback from inside it */

enum piece_kind { PIECE_SYN, PIECE_SYNACK, PIECE_OCTETS, PIECE_FIN, PIECE_RST };

/* What is under way from side s to the other. */
struct way {
    struct list pieces; /* in order */
    size_t      octets; /* of content in them */
    uint64_t    last_us, offset;
};

struct wire {
    struct fake    *w;
    uint64_t        number;
    struct net_tcp *end[2]; /* NULL: not there yet, or gone */
    struct addr     addr[2];
    struct way      way[2];
    bool            reset[2]; /* that side has said RST: it says no more */
    bool            secured[2]; /* that side speaks TLS */
    unsigned        holds;    /* by functions that still use it */
};

struct wire *fake_wire_open(struct net_tcp *connecting);
void fake_wire_send(struct wire *x, unsigned side, enum piece_kind kind, struct slice octets);
void fake_wire_deliver(struct wire *x, unsigned side); /* what has arrived from that side and is not held back */
void fake_wire_leave(struct wire *x, unsigned side);   /* that end is gone; may free the wire */
size_t fake_wire_room(const struct wire *x, unsigned side);
/* A SYN has arrived. */
void fake_listen_on_syn(struct wire *x);

#endif
