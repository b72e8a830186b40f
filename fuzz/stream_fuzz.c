/* stream_fuzz.c - octets of a stream, whole and in pieces: the same messages, pongs, refusal and end, however they are cut.
 *
 * In        the first octet seeds the cuts; the rest is what a peer sends on one connection, before it ends.
 * The world is a net with one connection, whose octets are handed over by hand. Every piece is a block of exactly its size,
 * so that AddressSanitizer sees the first octet read past it. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sip/transport/transport.h"
#include "sys/heap.h"
#include "sys/random.h"

enum { PIECE_MAX = 64 };

/* What a run did, told by digest. */
struct outcome {
    uint64_t messages, octets, sent, lost;
    uint64_t sum;
};

struct world {
    struct net                    net;
    const struct net_listener_on *on_listener;
    void                         *listener_arg;
    const struct net_tcp_on      *on;
    void                         *arg;
    bool                          closed, finished;
    struct outcome                outcome;
};

static struct world the_world;

static void add(struct outcome *o, struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        o->sum = (o->sum ^ (unsigned char)s.p[i]) * 1099511628211u;
    o->sum = (o->sum ^ s.n) * 1099511628211u;
}

static uint64_t now_us(struct net *n)
{
    (void)n;
    return 1000000;
}

static void timer_set(struct net *n, struct net_timer *t, uint64_t at_us)
{
    (void)n;
    (void)t;
    (void)at_us;
}

static void timer_cancel(struct net *n, struct net_timer *t)
{
    (void)n;
    (void)t;
}

/* size: the table's own parameters */
static enum err tcp_listen(struct net *n, const struct addr *local, bool reuse, const struct net_listener_on *on, void *arg,
                           struct net_listener **out)
{
    (void)local;
    (void)reuse;
    the_world.on_listener = on;
    the_world.listener_arg = arg;
    *out = (struct net_listener *)n;
    return ERR_OK;
}

static void listener_local(struct net_listener *l, struct addr *out)
{
    (void)l;
    *out = (struct addr){.family = ADDR_IP4, .port = 5060, .ip = {192, 0, 2, 1}};
}

static void listener_close(struct net_listener *l)
{
    (void)l;
}

static void tcp_attach(struct net_tcp *t, const struct net_tcp_on *on, void *arg)
{
    (void)t;
    the_world.on = on;
    the_world.arg = arg;
}

static enum err tcp_send(struct net_tcp *t, struct slice octets)
{
    (void)t;
    assert(!the_world.closed && !the_world.finished);
    the_world.outcome.sent += octets.n;
    return ERR_OK;
}

static void tcp_finish(struct net_tcp *t)
{
    (void)t;
    the_world.finished = true;
}

static void tcp_ends(struct net_tcp *t, struct addr *local, struct addr *remote)
{
    (void)t;
    *local = (struct addr){.family = ADDR_IP4, .port = 5060, .ip = {192, 0, 2, 1}};
    *remote = (struct addr){.family = ADDR_IP4, .port = 7000, .ip = {192, 0, 2, 9}};
}

static void tcp_close(struct net_tcp *t)
{
    (void)t;
    the_world.closed = true;
}

static const struct net_ops ops = {
    .now_us = now_us,
    .wall_us = now_us,
    .timer_set = timer_set,
    .timer_cancel = timer_cancel,
    .tcp_listen = tcp_listen,
    .listener_local = listener_local,
    .listener_close = listener_close,
    .tcp_attach = tcp_attach,
    .tcp_send = tcp_send,
    .tcp_finish = tcp_finish,
    .tcp_ends = tcp_ends,
    .tcp_close = tcp_close,
};

static void on_message(void *arg, struct transport *tp, const struct flow *from, struct slice octets)
{
    struct heap_counted *heap = arg;
    struct arena         a;
    struct msg          *m;

    (void)tp;
    (void)from;
    arena_init(&a, &heap->mem, 16384, 0);
    the_world.outcome.messages++;
    the_world.outcome.octets += octets.n;
    add(&the_world.outcome, octets);
    if (msg_parse(&a, octets, &m) == ERR_OK)
        assert(m->raw.n <= octets.n);
    arena_close(&a);
}

static void on_lost(void *arg, struct transport *tp, const struct flow *flow, enum err why)
{
    (void)arg;
    (void)tp;
    (void)flow;
    (void)why;
    the_world.outcome.lost++;
}

static const struct transport_on on = {.message = on_message, .lost = on_lost};

static void feed(const char *p, size_t n)
{
    char *block = malloc(n);

    if (!block || the_world.closed)
        goto out;
    memcpy(block, p, n);
    the_world.on->octets(the_world.arg, (struct net_tcp *)&the_world, (struct slice){block, n});
out:
    free(block);
}

/* seed 0: in one piece. */
static struct outcome play(const char *p, size_t n, uint64_t seed)
{
    struct heap_counted     heap;
    struct random           rng;
    struct transport       *tp;
    struct transport_config c = {.mem = &heap.mem, .net = &the_world.net, .rng = &rng.rng, .n_workers = 1, .on = &on};
    struct transport_listen l = {.kind = TRANSPORT_TCP, .local = {.family = ADDR_IP4, .ip = {192, 0, 2, 1}}};
    uint8_t                 index;

    heap_counted_init(&heap, NULL, 0);
    random_seed(&rng, seed);
    the_world = (struct world){.net = {&ops}};
    c.arg = &heap;
    if (transport_open(&c, &tp) || transport_listen(tp, &l, &index))
        abort();
    the_world.on_listener->accepted(the_world.listener_arg, NULL, (struct net_tcp *)&the_world);
    while (n) {
        size_t piece = seed ? (size_t)rng_below(&rng.rng, PIECE_MAX) + 1 : n;

        if (seed % 4 == 1)
            piece = 1;
        piece = piece < n ? piece : n;
        feed(p, piece);
        p += piece;
        n -= piece;
    }
    if (!the_world.closed && !the_world.finished)
        the_world.on->ended(the_world.arg, (struct net_tcp *)&the_world);
    transport_close(tp);
    assert(heap.octets == 0);
    return the_world.outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole, cut;

    if (!size)
        return 0;
    whole = play((const char *)data + 1, size - 1, 0);
    cut = play((const char *)data + 1, size - 1, (uint64_t)data[0] + 1);
    assert(whole.messages == cut.messages && whole.octets == cut.octets && whole.sum == cut.sum);
    assert(whole.sent == cut.sent && whole.lost == cut.lost);
    return 0;
}
