/* stage_priv.h - what the tests of this room play on: a machine of ours with one or two workers, a far one with bare
 * sockets, virtual time between them. For x_test.c only, which include net/fake/fake.h above it: only a test may. */
#ifndef SIP_TRANSPORT_STAGE_PRIV_H
#define SIP_TRANSPORT_STAGE_PRIV_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sip/transport/transport_priv.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { STAGE_WORKERS = 2, STAGE_HEARD = 64, STAGE_OCTETS = 4096, STAGE_WIRE_OCTETS = 64 * 1024 };

struct stage_heard {
    struct transport *tp;
    struct flow       from;
    size_t            n;
    char              octets[STAGE_OCTETS]; /* the first of them */
};

struct stage_lost {
    struct transport *tp;
    struct flow       flow;
    enum err          why;
};

struct stage {
    struct heap_counted below, ours; /* the world's memory; the transports' */
    struct mem         *mem;         /* what the transports get             */
    struct random       rng;
    struct fake        *w;
    struct fake_node   *node, *far;
    struct net         *far_net;
    struct record      *record;      /* worker 0's; may be set before stage_open() */
    unsigned            n_workers;
    struct transport   *tp[STAGE_WORKERS];
    struct net_tls     *tls[STAGE_WORKERS], *far_tls; /* NULL: nobody has asked for it; the far side speaks it while it is there */
    struct stage_heard  heard[STAGE_HEARD];
    size_t              n_heard;
    struct stage_lost   lost[STAGE_HEARD];
    size_t              n_lost;
    unsigned            chosen; /* the worker that the next connection goes to */
    size_t              takes;  /* so many messages of streams are taken altogether; 0: all */
};

/* A bare socket of the far machine. */
struct stage_wire {
    struct stage   *g;
    struct net_udp *udp;
    struct net_tcp *tcp;
    struct addr     from;   /* of the last datagram */
    struct addr     remote; /* of the connection that was accepted */
    bool            open, closed;
    char            in[STAGE_WIRE_OCTETS];
    size_t          n;
    unsigned        pieces;
};

static inline struct addr stage_addr(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(slice_z(text), &a), ERR_OK);
    return a;
}

static inline void stage_on_message(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    struct stage       *g = arg;
    struct stage_heard *h = &g->heard[g->n_heard++];

    assert_true(g->n_heard < STAGE_HEARD);
    h->tp = tp;
    h->from = *from;
    h->n = octets.n;
    memcpy(h->octets, octets.p, octets.n < STAGE_OCTETS ? octets.n : STAGE_OCTETS);
}

static inline void stage_on_lost(void *arg, struct transport *tp, const struct flow *flow, enum err why)
{
    struct stage *g = arg;

    assert_true(g->n_lost < STAGE_HEARD);
    g->lost[g->n_lost++] = (struct stage_lost){tp, *flow, why};
}

static inline struct slice stage_heard_text(const struct stage *g, size_t i)
{
    assert_true(i < g->n_heard);
    return (struct slice){g->heard[i].octets, g->heard[i].n};
}

static inline unsigned stage_choose(void *ctx, const struct addr *from, const struct addr *to, struct slice octets, unsigned n)
{
    struct stage *g = ctx;

    (void)from;
    (void)to;
    (void)octets;
    return g->chosen % n;
}

static inline bool stage_on_takes(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    const struct stage *g = arg;

    (void)tp;
    (void)from;
    (void)octets;
    return !g->takes || g->n_heard < g->takes;
}

static const struct transport_on stage_on = {.message = stage_on_message, .lost = stage_on_lost, .takes = stage_on_takes};

/* One worker's transport. */
static inline enum err stage_open_worker(struct stage *g, uint8_t worker)
{
    struct transport_config c = {.mem = g->mem,
                                 .net = fake_net(g->node, worker),
                                 .rng = &g->rng.rng,
                                 .record = worker ? NULL : g->record,
                                 .worker = worker,
                                 .n_workers = (uint8_t)g->n_workers,
                                 .all = g->tp,
                                 .on = &stage_on,
                                 .arg = g};
    struct transport *tp;

    return transport_open(&c, &tp);
}

/* Ours is 192.0.2.1, 192.0.2.2, 2001:db8::1 and 127.0.0.1, the far one 192.0.2.9 and 2001:db8::9. */
static inline void stage_open_world(struct stage *g, unsigned n_workers)
{
    struct fake_config c = {.seed = 7};

    memset(g, 0, sizeof *g);
    heap_counted_init(&g->below, NULL, 0);
    heap_counted_init(&g->ours, NULL, 0);
    g->mem = &g->ours.mem;
    random_seed(&g->rng, 42);
    g->n_workers = n_workers;
    c.mem = &g->below.mem;
    assert_int_equal(fake_open(&c, &g->w), ERR_OK);
    assert_int_equal(fake_add_node(g->w, "192.0.2.1 192.0.2.2 2001:db8::1 127.0.0.1", n_workers, &g->node), ERR_OK);
    assert_int_equal(fake_add_node(g->w, "192.0.2.9 2001:db8::9", 1, &g->far), ERR_OK);
    g->far_net = fake_net(g->far, 0);
    fake_set_chooser(g->w, stage_choose, g);
}

static inline void stage_open(struct stage *g, unsigned n_workers)
{
    stage_open_world(g, n_workers);
    for (unsigned i = 0; i < n_workers; i++)
        assert_int_equal(stage_open_worker(g, (uint8_t)i), ERR_OK);
}

static inline struct net_tls *stage_keys(struct net *n)
{
    enum net_tls_part wrong;
    struct net_tls   *tls;

    assert_int_equal(net_tls_open(n, &(struct net_tls_config){.unchecked = true}, &wrong, &tls), ERR_OK);
    return tls;
}

/* On every worker. */
static inline uint8_t stage_listen(struct stage *g, enum transport_kind kind, const char *local, const char *advertised)
{
    struct transport_listen l = {.kind = kind, .local = stage_addr(local), .advertised = slice_z(advertised)};
    uint8_t                 index = 99;

    for (unsigned i = 0; i < g->n_workers; i++) {
        if (kind == TRANSPORT_TLS && !g->tls[i])
            g->tls[i] = stage_keys(fake_net(g->node, i));
        l.tls = kind == TRANSPORT_TLS ? g->tls[i] : NULL;
        assert_int_equal(transport_listen(g->tp[i], &l, &index), ERR_OK);
    }
    return index;
}

static inline void stage_close_transports(struct stage *g)
{
    for (unsigned i = 0; i < g->n_workers; i++) {
        transport_close(g->tp[i]);
        net_tls_close(fake_net(g->node, i), g->tls[i]);
    }
    net_tls_close(g->far_net, g->far_tls);
}

/* Nothing of ours may be left: no octet, no socket, no timer. */
static inline void stage_close(struct stage *g)
{
    struct fake_counts n;

    stage_close_transports(g);
    fake_node_counts(g->node, &n);
    assert_int_equal(n.udp + n.tcp + n.listeners + n.timers, 0);
    assert_int_equal(g->ours.octets, 0);
    fake_close(g->w);
    assert_int_equal(g->below.octets, 0);
}

static inline void stage_run_ms(struct stage *g, uint64_t ms)
{
    fake_run_until(g->w, fake_now_us(g->w) + ms * 1000);
}

/* --- the far side ------------------------------------------------------------------------------------------------- */

static inline void stage_wire_keep(struct stage_wire *x, struct slice octets)
{
    assert_true(x->n + octets.n <= sizeof x->in);
    memcpy(x->in + x->n, octets.p, octets.n);
    x->n += octets.n;
    x->pieces++;
}

static inline void stage_wire_on_datagram(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to,
                                          struct slice octets)
{
    struct stage_wire *x = arg;

    (void)u;
    (void)to;
    x->from = *from;
    stage_wire_keep(x, octets);
}

static inline void stage_wire_on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to,
                                       enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

static inline void stage_wire_on_open(void *arg, struct net_tcp *t)
{
    (void)t;
    ((struct stage_wire *)arg)->open = true;
}

static inline void stage_wire_on_octets(void *arg, struct net_tcp *t, struct slice octets)
{
    (void)t;
    stage_wire_keep(arg, octets);
}

static inline void stage_wire_on_drained(void *arg, struct net_tcp *t)
{
    (void)arg;
    (void)t;
}

/* It stays able to send: only what ends it for good needs stage_far_close(). */
static inline void stage_wire_on_ended(void *arg, struct net_tcp *t)
{
    (void)t;
    ((struct stage_wire *)arg)->closed = true;
}

static inline void stage_wire_on_closed(void *arg, struct net_tcp *t, enum err why)
{
    (void)t;
    (void)why;
    ((struct stage_wire *)arg)->closed = true;
}

static const struct net_udp_on stage_wire_udp = {.octets = stage_wire_on_datagram, .error = stage_wire_on_error};
static const struct net_tcp_on stage_wire_tcp = {.open = stage_wire_on_open,
                                                 .octets = stage_wire_on_octets,
                                                 .drained = stage_wire_on_drained,
                                                 .closed = stage_wire_on_closed,
                                                 .ended = stage_wire_on_ended};

static inline void stage_far_udp(struct stage *g, struct stage_wire *x, const char *local)
{
    struct net_udp_options o = {.local = stage_addr(local)};

    memset(x, 0, sizeof *x);
    x->g = g;
    assert_int_equal(net_udp_open(g->far_net, &o, &stage_wire_udp, x, &x->udp), ERR_OK);
}

static inline void stage_far_connect(struct stage *g, struct stage_wire *x, const char *to)
{
    struct addr a = stage_addr(to);

    memset(x, 0, sizeof *x);
    x->g = g;
    assert_int_equal(net_tcp_connect(g->far_net, NULL, &a, 1000, &stage_wire_tcp, x, &x->tcp), ERR_OK);
    if (g->far_tls)
        assert_int_equal(net_tcp_secure(g->far_net, x->tcp, g->far_tls, S("192.0.2.1")), ERR_OK);
    stage_run_ms(g, 10);
    assert_true(x->open);
}

static inline void stage_far_accepted(void *arg, struct net_listener *l, struct net_tcp *t)
{
    struct stage_wire *x = arg;

    (void)l;
    assert_false(x->open); /* one connection is all that it takes */
    x->tcp = t;
    x->open = true;
    net_tcp_ends(x->g->far_net, t, NULL, &x->remote);
    net_tcp_attach(x->g->far_net, t, &stage_wire_tcp, x);
    if (x->g->far_tls)
        assert_int_equal(net_tcp_secure(x->g->far_net, t, x->g->far_tls, SLICE_NONE), ERR_OK);
}

static inline void stage_far_listen_error(void *arg, struct net_listener *l, enum err e)
{
    (void)arg;
    (void)l;
    (void)e;
}

static const struct net_listener_on stage_far_listener = {.accepted = stage_far_accepted, .error = stage_far_listen_error};

static inline void stage_far_listen(struct stage *g, struct stage_wire *x, const char *local)
{
    struct addr          a = stage_addr(local);
    struct net_listener *l;

    memset(x, 0, sizeof *x);
    x->g = g;
    assert_int_equal(net_tcp_listen(g->far_net, &a, false, &stage_far_listener, x, &l), ERR_OK);
}

static inline void stage_far_send(struct stage_wire *x, struct slice octets)
{
    assert_int_equal(net_tcp_send(x->g->far_net, x->tcp, octets), ERR_OK);
}

static inline void stage_far_send_to(struct stage_wire *x, const char *to, struct slice octets)
{
    struct addr a = stage_addr(to);

    assert_int_equal(net_udp_send(x->g->far_net, x->udp, &a, octets), ERR_OK);
}

static inline void stage_far_finish(struct stage_wire *x)
{
    net_tcp_finish(x->g->far_net, x->tcp);
}

static inline void stage_far_close(struct stage_wire *x)
{
    net_tcp_close(x->g->far_net, x->tcp);
    x->tcp = NULL;
}

/* Gone with octets unread, so that its machine resets the connection, which is that flow. */
static inline void stage_far_reset(struct stage *g, struct stage_wire *x, const struct flow *f)
{
    net_tcp_pause(g->far_net, x->tcp, true);
    assert_int_equal(flow_send(g->tp[f->worker], f, S("x")), ERR_OK);
    stage_run_ms(g, 10);
    stage_far_close(x);
    stage_run_ms(g, 20);
}

static inline struct slice stage_wire_text(const struct stage_wire *x)
{
    return (struct slice){x->in, x->n};
}

static inline void stage_assert_text(struct slice got, struct slice want)
{
    assert_int_equal(got.n, want.n);
    if (want.n)
        assert_memory_equal(got.p, want.p, want.n);
}

#endif
