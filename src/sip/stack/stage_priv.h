/* stage_priv.h - what the tests of this room play on: an exchange of one to four workers whose user writes down what it is
 * told, a far machine with a bare socket that writes down what reaches it, virtual time between them. For x_test.c only,
 * after cmocka.h, net/fake/fake.h, sys/heap.h and sys/random.h. */
#ifndef SIP_STACK_STAGE_PRIV_H
#define SIP_STACK_STAGE_PRIV_H

#include <string.h>

#include "sip/stack/stack_priv.h"

enum { STAGE_HEARD = 256, STAGE_OCTETS = 2048, STAGE_NOTES = 8192, STAGE_WORKERS = 4 };

struct stage_heard {
    uint64_t at_ms; /* since stage_open() or stage_mark() */
    size_t   n;
    char     octets[STAGE_OCTETS];
};

struct stage {
    struct heap_counted below, ours; /* the world's memory; the stack's */
    struct mem         *mem;         /* what the stack gets             */
    struct random       rng;
    struct fake        *w;
    struct fake_node   *node, *far;
    struct stack       *st;
    struct record      *record;      /* the first worker's; NULL: none */
    unsigned            n_workers;
    unsigned            chosen;      /* the worker that the next datagram reaches */
    struct net_udp     *udp;         /* the far machine's                        */
    bool                deaf;        /* the far machine writes nothing down      */
    struct stage_heard  heard[STAGE_HEARD];
    size_t              n_heard, looked;
    uint64_t            mark_ms;

    /* The user. */
    void (*on_request)(struct stage *g, struct shard *sh, const struct stack_in *in); /* NULL: only noted */
    void (*on_response)(struct stage *g, struct shard *sh, struct tsx_id t, const struct msg *m);
    void (*act)(struct stage *g, struct shard *sh); /* what stage_do() runs */
    struct tsx_id       server, client; /* the last ones                */
    struct stack_send   send;
    struct tsx_times    times;
    bool                uas_only, keeps_memory;
    enum err            result;
    char                notes[STAGE_NOTES]; /* "request INVITE\nresponse 200\n..." */
    size_t              n_notes;
};

static inline struct addr stage_addr(const char *text)
{
    struct addr a;

    assert_int_equal(addr_parse(slice_z(text), &a), ERR_OK);
    return a;
}

/* ---- notes ---- */

static inline void stage_note(struct stage *g, struct slice what, struct slice detail)
{
    struct buf b;

    buf_init(&b, g->notes + g->n_notes, sizeof g->notes - g->n_notes);
    buf_puts(&b, what, S(" "), detail, S("\n"));
    assert_int_equal(buf_err(&b), ERR_OK);
    g->n_notes += b.n;
}

static inline void stage_note_number(struct stage *g, struct slice what, unsigned n)
{
    char       text[16];
    struct buf b = BUF_ON(text);

    buf_putu(&b, n);
    stage_note(g, what, buf_slice(&b));
}

/* All that was noted since the last time. */
static inline void stage_expect_notes(struct stage *g, const char *want)
{
    struct slice got = {g->notes, g->n_notes};

    if (!slice_eq(got, slice_z(want)))
        fail_msg("noted:\n%.*swanted:\n%s", SARG(got), want);
    g->n_notes = 0;
}

/* ---- the user of the stack ---- */

static inline void stage_on_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    struct stage *g = ctx;

    stage_note(g, S("request"), in->m->method);
    if (!tsx_is_none(in->tsx) && in->m->method_id != METHOD_CANCEL)
        g->server = in->tsx;
    if (g->on_request)
        g->on_request(g, sh, in);
}

static inline void stage_on_stray(void *ctx, struct shard *sh, const struct msg *m, const struct flow *from)
{
    (void)sh;
    (void)from;
    stage_note_number(ctx, S("stray"), m->status);
}

static inline void stage_on_flow_lost(void *ctx, struct stack *st, uint8_t worker, const struct flow *flow)
{
    (void)st;
    (void)flow;
    stage_note_number(ctx, S("flow lost, worker"), worker);
}

static inline void stage_on_acked(void *arg, struct shard *sh, struct tsx_id t)
{
    (void)sh;
    (void)t;
    stage_note(arg, S("server"), S("acked"));
}

static inline void stage_on_server_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    (void)sh;
    (void)t;
    stage_note(arg, S("server failed:"), slice_z(err_text(why)));
}

static inline void stage_on_server_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    assert_null(txn_slot_find(sh, t));
    stage_note(arg, S("server"), S("ended"));
}

static const struct stack_server_on stage_server_on = {.acked = stage_on_acked, .failed = stage_on_server_failed, .ended = stage_on_server_ended};

static inline void stage_on_response(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m,
                                     const struct flow *from)
{
    struct stage *g = arg;

    assert_false(flow_is_none(from));
    assert_true(tsx_eq(t, g->client));
    stage_note_number(g, S("response"), m->status);
    if (g->on_response)
        g->on_response(g, sh, t, m);
}

static inline void stage_on_client_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    (void)sh;
    (void)t;
    stage_note(arg, S("client failed:"), slice_z(err_text(why)));
}

static inline void stage_on_client_ended(void *arg, struct shard *sh, struct tsx_id t)
{
    assert_null(txn_slot_find(sh, t));
    stage_note(arg, S("client"), S("ended"));
}

static const struct stack_client_on stage_client_on = {stage_on_response, stage_on_client_failed, stage_on_client_ended};

static const struct stack_user stage_user = {
    .request = stage_on_request,
    .stray = stage_on_stray,
    .flow_lost = stage_on_flow_lost,
};

/* ---- the world ---- */

static inline void stage_on_octets(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to,
                                   struct slice octets)
{
    struct stage       *g = arg;
    struct stage_heard *h = &g->heard[g->n_heard];

    (void)u;
    (void)from;
    (void)to;
    if (g->deaf)
        return;
    assert_true(g->n_heard++ < STAGE_HEARD);
    assert_true(octets.n <= STAGE_OCTETS);
    h->at_ms = fake_now_us(g->w) / 1000 - g->mark_ms;
    h->n = octets.n;
    memcpy(h->octets, octets.p, octets.n);
}

static inline void stage_on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

static const struct net_udp_on stage_udp_on = {.octets = stage_on_octets, .error = stage_on_error};

static inline unsigned stage_choose(void *ctx, const struct addr *from, const struct addr *to, struct slice octets,
                                    unsigned n)
{
    struct stage *g = ctx;

    (void)from;
    (void)to;
    (void)octets;
    return g->chosen % n;
}

static inline enum err stage_listen(struct stage *g, unsigned worker, enum transport_kind kind)
{
    struct transport_listen l = {.kind = kind, .local = stage_addr("192.0.2.1:5060")};
    uint8_t                 index;

    return transport_listen(stack_transport(g->st, (uint8_t)worker), &l, &index);
}

/* The stack alone; may fail when memory does. */
static inline enum err stage_open_stack(struct stage *g)
{
    struct stack_config c = {
        .mem = g->mem,
        .n_workers = (uint8_t)g->n_workers,
        .key = {1, 2},
        .rng = &g->rng.rng,
        .user = &stage_user,
        .ctx = g,
        .uas_only = g->uas_only,
        .keeps_memory = g->keeps_memory,
        .sheds = true,
    };
    enum err e = stack_open(&c, &g->st);

    for (unsigned i = 0; !e && i < g->n_workers; i++)
        if (!(e = stack_add_worker(g->st, (uint8_t)i, fake_net(g->node, i), i ? NULL : g->record)) &&
            !(e = stage_listen(g, i, TRANSPORT_UDP)))
            e = stage_listen(g, i, TRANSPORT_TCP);
    return e;
}

static inline void stage_open_world(struct stage *g)
{
    struct fake_config     config = {.seed = 7};
    struct net_udp_options o = {.local = stage_addr("192.0.2.9:5060")};

    heap_counted_init(&g->below, NULL, 0);
    heap_counted_init(&g->ours, NULL, 0);
    g->mem = &g->ours.mem;
    g->n_workers = g->n_workers ? g->n_workers : 1;
    random_seed(&g->rng, 7);
    config.mem = &g->below.mem;
    assert_int_equal(fake_open(&config, &g->w), ERR_OK);
    fake_set_link(g->w, &(struct fake_link){0});
    fake_set_chooser(g->w, stage_choose, g);
    assert_int_equal(fake_add_node(g->w, "192.0.2.1", g->n_workers, &g->node), ERR_OK);
    assert_int_equal(fake_add_node(g->w, "192.0.2.9 192.0.2.10", 1, &g->far), ERR_OK);
    assert_int_equal(net_udp_open(fake_net(g->far, 0), &o, &stage_udp_on, g, &g->udp), ERR_OK);
    g->mark_ms = fake_now_us(g->w) / 1000;
}

static inline void stage_open(struct stage *g)
{
    stage_open_world(g);
    assert_int_equal(stage_open_stack(g), ERR_OK);
}

static inline void stage_run_ms(struct stage *g, uint64_t ms)
{
    fake_run_until(g->w, fake_now_us(g->w) + ms * 1000);
}

/* No transaction, no deadline, no octet is left. */
static inline void stage_close(struct stage *g)
{
    struct stack_counts c;

    stack_counts(g->st, &c);
    assert_int_equal(c.server_tsx + c.client_tsx, 0);
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        assert_int_equal(g->st->shards[i].wheel.n, 0);
        assert_int_equal(g->st->shards[i].again.running + g->st->shards[i].life.running, 0);
    }
    stack_close(g->st);
    g->st = NULL;
    fake_close(g->w);
    assert_int_equal(atomic_load(&g->ours.octets), 0);
    assert_int_equal(atomic_load(&g->below.octets), 0);
}

static inline void stage_mark(struct stage *g)
{
    g->mark_ms = fake_now_us(g->w) / 1000;
}

/* ---- the far machine ---- */

static inline void stage_send(struct stage *g, struct slice octets)
{
    struct addr to = stage_addr("192.0.2.1:5060");

    assert_int_equal(net_udp_send(fake_net(g->far, 0), g->udp, &to, octets), ERR_OK);
    stage_run_ms(g, 0);
}

static inline struct slice stage_octets(const struct stage_heard *h)
{
    return (struct slice){h->octets, h->n};
}

/* The next message that the far machine heard; it begins with `start`. */
static inline struct slice stage_expect(struct stage *g, const char *start)
{
    struct slice octets;

    if (g->looked == g->n_heard)
        fail_msg("nothing heard, wanted %s", start);
    octets = stage_octets(&g->heard[g->looked++]);
    if (!slice_starts(octets, slice_z(start)))
        fail_msg("heard %.*s, wanted %s", SARG(octets), start);
    return octets;
}

static inline uint64_t stage_heard_at(const struct stage *g)
{
    return g->heard[g->looked - 1].at_ms;
}

static inline void stage_expect_nothing(struct stage *g)
{
    if (g->looked != g->n_heard)
        fail_msg("heard %.*s, wanted nothing", SARG(stage_octets(&g->heard[g->looked])));
}

/* Times at which messages that begin with `start` were heard, and nothing else was: "0 500 1500". */
static inline void stage_expect_times(struct stage *g, const char *start, const char *want)
{
    char       text[512];
    struct buf b = BUF_ON(text);

    while (g->looked < g->n_heard) {
        stage_expect(g, start);
        if (b.n)
            buf_putc(&b, ' ');
        buf_putu(&b, stage_heard_at(g));
    }
    if (!slice_eq(buf_slice(&b), slice_z(want)))
        fail_msg("%s at %.*s, wanted %s", start, SARG(buf_slice(&b)), want);
}

static inline bool stage_has(struct slice octets, const char *text)
{
    return slice_find_slice(octets, slice_z(text)) != SIZE_MAX;
}

/* ---- messages ---- */

struct stage_said {
    const char *method, *branch, *to_tag, *from_tag, *via, *rows;
    unsigned    cseq;
};

/* A request of the far machine's; what is not said is as usual. One text at a time. */
static inline struct slice stage_request(struct stage_said s)
{
    static char text[STAGE_OCTETS];
    struct buf  b = BUF_ON(text);

    buf_puts(&b, slice_z(s.method), S(" sip:b@192.0.2.1 SIP/2.0\r\nVia: "));
    if (s.via)
        buf_put(&b, slice_z(s.via));
    else
        buf_puts(&b, S("SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bK"), slice_z(s.branch ? s.branch : "1"));
    buf_puts(&b, S("\r\nMax-Forwards: 70\r\nFrom: <sip:a@192.0.2.9>;tag="), slice_z(s.from_tag ? s.from_tag : "f"),
             S("\r\nTo: <sip:b@192.0.2.1>"));
    if (s.to_tag)
        buf_puts(&b, S(";tag="), slice_z(s.to_tag));
    buf_put(&b, S("\r\nCall-ID: c1\r\nCSeq: "));
    buf_putu(&b, s.cseq ? s.cseq : 1);
    buf_puts(&b, S(" "), slice_z(s.method), S("\r\n"), slice_z(s.rows ? s.rows : ""), S("Content-Length: 0\r\n\r\n"));
    assert_int_equal(buf_err(&b), ERR_OK);
    return buf_slice(&b);
}

/* A response to a request that the far machine heard. */
static inline struct slice stage_answer(struct slice request, unsigned code, const char *to_tag)
{
    static char      text[STAGE_OCTETS], block[32768];
    struct arena     a;
    struct buf       b = BUF_ON(text);
    struct msg      *m;
    struct msg_reply r = {.code = code, .to_tag = slice_z(to_tag)};

    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(msg_parse(&a, request, &m), ERR_OK);
    r.request = m;
    assert_int_equal(msg_put_refusal(&b, &r), ERR_OK);
    return buf_slice(&b);
}

/* The branch of a message's top Via; a copy that lives until the fourth call after. */
static inline struct slice stage_branch(struct slice octets)
{
    static char  text[4][STACK_MAX_BRANCH_OCTETS];
    static int   turn;
    static char  block[32768];
    struct arena a;
    struct msg  *m;
    struct slice branch;

    turn = (turn + 1) % 4;
    arena_init_fixed(&a, block, sizeof block);
    assert_int_equal(msg_parse(&a, octets, &m), ERR_OK);
    assert_non_null(msg_via(m));
    branch = msg_via(m)->branch;
    assert_true(branch.n <= STACK_MAX_BRANCH_OCTETS);
    memcpy(text[turn], branch.p, branch.n);
    return (struct slice){text[turn], branch.n};
}

/* ---- the user acts ---- */

static inline void stage_run_act(void *arg, struct shard *sh)
{
    struct stage *g = arg;

    g->act(g, sh);
}

/* Have `act` run in the call's shard. */
static inline void stage_do(struct stage *g, void (*act)(struct stage *g, struct shard *sh))
{
    g->act = act;
    assert_int_equal(stack_run(g->st, 0, stack_shard_of(g->st, S("c1")), stage_run_act, g), ERR_OK);
    stage_run_ms(g, 0);
}

static inline void stage_act_request(struct stage *g, struct shard *sh)
{
    g->send.on = &stage_client_on;
    g->send.arg = g;
    g->result = stack_request(sh, &g->send, &g->client);
}

/* The user sends what g->send says. */
static inline void stage_request_now(struct stage *g)
{
    stage_do(g, stage_act_request);
    assert_int_equal(g->result, ERR_OK);
}

#endif
