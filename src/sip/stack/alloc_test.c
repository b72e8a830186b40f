/* alloc_test.c - memory fails once at each place: nothing is lost, nothing hangs; and what lingers is small. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

enum { MAX_ALLOCATIONS = 2000, LINGER_OCTETS = 600, LINGERING = 500 };

static struct stage        g_stage;
static struct heap_failing failing;
static struct uri          next_hop;

/* ---- each fails once ---- */

static void answer(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    if (tsx_is_none(in->tsx))
        return;
    stack_watch_server(sh, in->tsx, &stage_server_on, g);
    stack_reply_code(sh, in->tsx, in->m->method_id == METHOD_INVITE ? 180 : 200);
}

static void act_486(struct stage *g, struct shard *sh)
{
    stack_request_of(sh, g->server);
    stack_reply_code(sh, g->server, 486);
}

static void act_cancel(struct stage *g, struct shard *sh)
{
    stack_cancel(sh, g->client, S("Reason: SIP;cause=200\r\n"));
}

static void act_ack(struct stage *g, struct shard *sh)
{
    struct stack_send s = g->send;

    s.octets = S("ACK sip:b@example.com SIP/2.0\r\nCSeq: 5 ACK\r\n\r\n");
    s.rows = NULL;
    stack_send(sh, &s);
}

static void try_do(struct stage *g, void (*act)(struct stage *g, struct shard *sh))
{
    g->act = act;
    stack_run(g->st, 0, stack_shard_of(g->st, S("c1")), stage_run_act, g); /* may have no memory for it */
    stage_run_ms(g, 10);
}

static void put_rows(void *arg, struct transport *tp, const struct flow *to, struct buf *b)
{
    (void)arg;
    (void)tp;
    (void)to;
    buf_put(b, S("X-Row: 1\r\n"));
}

static void as_server(struct stage *g)
{
    g->on_request = answer;
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS"}));
    stage_send(g, S("OPTIONS sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\nCall-ID: c1\r\n\r\n"));
    stage_send(g, stage_request((struct stage_said){.method = "INVITE", .branch = "2"}));
    stage_run_ms(g, 300);
    try_do(g, act_486);
    stage_send(g, stage_request((struct stage_said){.method = "INVITE", .branch = "2"}));
    try_do(g, act_486); /* an INVITE must be answered in the end: once more, if there was no memory for it */
    try_do(g, act_486);
    stage_send(g, stage_request((struct stage_said){.method = "ACK", .branch = "2", .to_tag = "t"}));
}

/* The far machine refuses with 503 at one address; at the other it answers 180, and at last 487. */
static void as_client(struct stage *g)
{
    struct slice r;

    g->send = (struct stack_send){
        .octets = S("INVITE sip:b@example.com SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: c1\r\n"
                    "CSeq: 5 INVITE\r\n\r\n"),
        .next_hop = &next_hop,
        .branch_suffix = S(".x"),
        .rows = put_rows,
    };
    g->looked = g->n_heard;
    try_do(g, stage_act_request);
    if (g->looked == g->n_heard)
        return;
    r = stage_octets(&g->heard[g->looked]);
    stage_send(g, stage_answer(r, 503, "t"));
    r = stage_octets(&g->heard[g->n_heard - 1]);
    if (!slice_starts(r, S("INVITE")))
        r = stage_octets(&g->heard[g->looked + 1 < g->n_heard ? g->looked + 1 : g->looked]);
    stage_send(g, stage_answer(r, 180, "t"));
    try_do(g, act_cancel);
    stage_send(g, stage_answer(r, 487, "t"));
    try_do(g, act_ack);
}

static void scenario(struct stage *g)
{
    struct net_udp_options o = {.local = stage_addr("192.0.2.10:5060")};
    struct net_udp        *second;

    fake_add_srv(g->w, S("_sip._udp.example.com"), S("one.example.com"), 5060, 1, 0);
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("two.example.com"), 5060, 2, 0);
    fake_add_address(g->w, S("one.example.com"), S("192.0.2.9"));
    fake_add_address(g->w, S("two.example.com"), S("192.0.2.10"));
    assert_int_equal(net_udp_open(fake_net(g->far, 0), &o, &stage_udp_on, g, &second), ERR_OK);
    as_server(g);
    as_client(g);
    stage_run_ms(g, 200000);
}

static bool fail_at(unsigned nth)
{
    struct stage *g = &g_stage;

    g_stage = (struct stage){0};
    stage_open_world(g);
    heap_failing_init(&failing, &g->ours.mem, nth);
    g->mem = &failing.mem;
    if (stage_open_stack(g) == ERR_OK)
        scenario(g);
    if (g->st) {
        stage_close(g);
    } else {
        fake_close(g->w);
        assert_int_equal(atomic_load(&g->ours.octets), 0);
    }
    return atomic_load(&failing.failed);
}

static void each_allocation_fails_once(void **state)
{
    unsigned n = 1;

    (void)state;
    assert_int_equal(uri_parse(S("sip:example.com"), &next_hop, NULL), ERR_OK);
    while (fail_at(n)) {
        n++;
        assert_true(n < MAX_ALLOCATIONS);
    }
    /* The last run had all its memory. */
    stage_expect_notes(&g_stage, "request OPTIONS\nrequest INVITE\nserver acked\nresponse 180\nresponse 487\n"
                                 "server ended\nserver ended\nclient ended\n");
}

/* ---- what lingers ---- */

static void reply_200(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    assert_int_equal(stack_reply_code(sh, in->tsx, 200), ERR_OK);
}

static uint64_t octets(struct stage *g)
{
    struct stack_counts c;

    stack_counts(g->st, &c);
    return c.octets;
}

static void a_finished_server_transaction_is_small(void **state)
{
    struct stage       *g = &g_stage;
    struct stack_counts c;
    uint64_t            before;
    char                branch[32];

    (void)state;
    g_stage = (struct stage){.on_request = reply_200, .deaf = true};
    stage_open(g);
    before = octets(g);
    for (unsigned i = 0; i < LINGERING; i++) {
        struct buf b = BUF_ON(branch);

        buf_put(&b, S("776asdhds"));
        buf_putu(&b, 1000 + i);
        buf_putc(&b, '\0');
        stage_send(g, stage_request((struct stage_said){.method = "BYE", .to_tag = "t456", .branch = branch}));
        g->n_notes = 0;
    }
    stack_counts(g->st, &c);
    assert_int_equal(c.server_tsx, LINGERING);
    assert_true((octets(g) - before) / LINGERING <= LINGER_OCTETS);
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void act_many(struct stage *g, struct shard *sh)
{
    struct addr to = stage_addr("192.0.2.9:5060");
    struct flow flow;

    assert_int_equal(flow_to(shard_transport(sh), TRANSPORT_UDP, &to, &flow), ERR_OK);
    for (unsigned i = 0; i < 100; i++) {
        struct stack_send s = {.octets = g->send.octets, .flow = &flow};

        assert_int_equal(stack_request(sh, &s, &g->client), ERR_OK);
    }
}

static void a_refused_client_transaction_is_small(void **state)
{
    struct stage *g = &g_stage;
    uint64_t      before;

    (void)state;
    g_stage = (struct stage){0};
    stage_open(g);
    before = octets(g);
    g->send.octets = S("INVITE sip:b@example.com SIP/2.0\r\nMax-Forwards: 70\r\nFrom: <sip:1001@example.com>;tag=83hf83\r\n"
                       "To: <sip:1002@example.com>\r\nCall-ID: c1\r\nCSeq: 5 INVITE\r\nX-Long: and some more of it\r\n\r\n");
    stage_do(g, act_many);
    assert_int_equal(g->n_heard, 100);
    for (unsigned i = 0; i < 100; i++)
        stage_send(g, stage_answer(stage_octets(&g->heard[i]), 486, "a73kszlfl"));
    assert_int_equal(g->n_heard, 200);
    assert_true((octets(g) - before) / 100 <= LINGER_OCTETS);
    stage_run_ms(g, 32000);
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),
        cmocka_unit_test(a_finished_server_transaction_is_small),
        cmocka_unit_test(a_refused_client_transaction_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
