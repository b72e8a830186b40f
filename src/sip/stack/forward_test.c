/* forward_test.c - what a forwarded call costs in memory: a proxy of the smallest kind between two ends of the far machine.
 *
 *   far (a)                ours               far (b)
 *     |---- INVITE -------->|---- INVITE ------->|
 *     |<--- 180 ------------|<--- 180 -----------|
 *     |<--- 200 ------------|<--- 200 -----------|
 *     |---- ACK ----------->|---- ACK ---------->|
 *     |---- BYE ----------->|---- BYE ---------->|
 *     |<--- 200 ------------|<--- 200 -----------| */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

/* Octets of shard_mem that the stack may hold. What its users hold for a call comes beside it. */
enum {
    RINGING_OCTETS = 2200,  /* for a call that rings: both transactions, of an INVITE as phones send it */
    LINGER_OCTETS = 600,    /* for a finished transaction, on the average of a call's */
    CALL_TRANSACTIONS = 4,
    CALLS = 60,
    CALLS_PER_S = 5,
    SEEN_S = 40,            /* longer than anything lingers */
    STEADY_S = 40
};

/* The memory of the stack, and how often it was asked for some. */
struct asked_for {
    struct mem  mem;
    struct mem *below;
    unsigned    times;
};

static struct stage     g_stage;
static bool             by_uri; /* the proxy names the next hop, and no flow */
static struct asked_for asked_for;

static void *asked_alloc(void *ctx, size_t n)
{
    struct asked_for *a = ctx;

    a->times++;
    return mem_alloc(a->below, n);
}

static void asked_free(void *ctx, void *p, size_t n)
{
    mem_free(((struct asked_for *)ctx)->below, p, n);
}

/* ---- the proxy ---- */

static void buf_in_scratch(struct shard *sh, struct buf *b, size_t n)
{
    char *p = arena_alloc(shard_scratch(sh), n);

    assert_non_null(p);
    buf_init(b, p, n);
}

/* The request as it goes on: our Via is put above the one that it came with. */
static struct slice forwarded(struct shard *sh, const struct stack_in *in)
{
    const struct msg     *m = in->m;
    const struct msg_row *via = msg_row(m, HDR_VIA);
    struct buf            b;

    buf_in_scratch(sh, &b, m->raw.n + 128);
    buf_puts(&b, m->method, S(" sip:b@192.0.2.9 SIP/2.0\r\nVia: "), in->via, S("\r\n"));
    buf_put(&b, slice_between(m->head.p, via->line.p));
    buf_put(&b, slice_between(via->line.p + via->line.n, m->raw.p + m->raw.n));
    assert_int_equal(buf_err(&b), ERR_OK);
    return buf_slice(&b);
}

/* The transaction that an answer belongs to: as a number, since nothing of ours is to be allocated. */
static void *as_arg(struct tsx_id t)
{
    return (void *)((uintptr_t)t.slot << 32 | t.gen);
}

static struct tsx_id of_arg(void *arg)
{
    return (struct tsx_id){(uint32_t)((uintptr_t)arg >> 32), (uint32_t)(uintptr_t)arg};
}

static void pass_on(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    const struct msg_row *via = msg_row(m, HDR_VIA);
    struct buf            b;

    (void)t;
    (void)from;
    buf_in_scratch(sh, &b, m->raw.n);
    buf_put(&b, slice_between(m->raw.p, via->line.p));
    buf_put(&b, slice_between(via->line.p + via->line.n, m->raw.p + m->raw.n));
    assert_int_equal(stack_respond(sh, of_arg(arg), buf_slice(&b)), ERR_OK);
}

static void nothing_failed(void *arg, struct shard *sh, struct tsx_id t, enum err why)
{
    (void)arg;
    (void)sh;
    (void)t;
    (void)why;
    fail();
}

static const struct stack_client_on passing_on = {.response = pass_on, .failed = nothing_failed};

static void forward(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    struct stack_send s = {.octets = forwarded(sh, in), .flow = &in->from, .on = &passing_on, .arg = as_arg(in->tsx)};
    struct uri        far = {.scheme = URI_SIP, .host = S("192.0.2.9")};
    struct tsx_id     out;

    g->n_notes = 0;
    if (by_uri) {
        s.flow = NULL;
        s.next_hop = &far;
    }
    if (in->m->method_id == METHOD_ACK) {
        assert_int_equal(stack_send(sh, &s), ERR_OK);
        return;
    }
    if (in->m->method_id == METHOD_INVITE)
        assert_int_equal(stack_reply_code(sh, in->tsx, 100), ERR_OK);
    assert_int_equal(stack_request(sh, &s, &out), ERR_OK);
}

/* ---- the far ends ---- */

#define ROWS                                                                                                                    \
    "User-Agent: A Telephone 5.2.1\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, UPDATE, PRACK\r\n"              \
    "Supported: replaces, timer, 100rel\r\n"
#define SDP                                                                                                                     \
    "v=0\r\no=- 2890844526 2890844526 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"                              \
    "m=audio 49170 RTP/AVP 9 8 0 101\r\na=rtpmap:9 G722/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"              \
    "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"

/* The n-th call's request, as phones write them. */
static void far_request(struct stage *g, const char *method, unsigned n)
{
    bool         invite = slice_eq(slice_z(method), S("INVITE"));
    struct slice body = invite ? S(SDP) : SLICE_NONE;
    char         text[STAGE_OCTETS];
    struct buf   b = BUF_ON(text);

    buf_puts(&b, slice_z(method), S(" sip:1002@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:5060;rport;branch=z9hG4bKPj3f0a7e5c"));
    buf_puts(&b, slice_z(method), S("-"));
    buf_putu(&b, n);
    buf_put(&b, S("\r\nMax-Forwards: 70\r\nFrom: \"Alice\" <sip:1001@192.0.2.1>;tag=88a6f0c1d3\r\nTo: <sip:1002@192.0.2.1>"));
    buf_put(&b, invite ? SLICE_NONE : S(";tag=t27b1c0a9"));
    buf_put(&b, S("\r\nCall-ID: 5b1c2e44-8f0e-4f1b-9a50-0123456789ab\r\nCSeq: "));
    buf_putu(&b, 2 * n + (slice_eq(slice_z(method), S("BYE")) ? 2 : 1));
    buf_puts(&b, S(" "), slice_z(method), S("\r\nContact: <sip:1001@192.0.2.9:5060;transport=udp>\r\n" ROWS));
    msg_put_end(&b, invite ? S("application/sdp") : SLICE_NONE, body);
    assert_int_equal(buf_err(&b), ERR_OK);
    g->looked = g->n_heard = 0;
    stage_send(g, buf_slice(&b));
}

/* What b heard of it. */
static struct slice far_heard(const struct stage *g, const char *method)
{
    for (size_t i = 0; i < g->n_heard; i++)
        if (slice_starts(stage_octets(&g->heard[i]), slice_z(method)))
            return stage_octets(&g->heard[i]);
    fail_msg("no %s was forwarded", method);
    return SLICE_NONE;
}

static void far_ring(struct stage *g, unsigned n)
{
    far_request(g, "INVITE", n);
    stage_send(g, stage_answer(far_heard(g, "INVITE"), 180, "t27b1c0a9"));
}

static void far_call(struct stage *g, unsigned n)
{
    struct slice invite;

    far_ring(g, n);
    invite = far_heard(g, "INVITE");
    stage_send(g, stage_answer(invite, 200, "t27b1c0a9"));
    far_request(g, "ACK", n);
    far_heard(g, "ACK");
    far_request(g, "BYE", n);
    stage_send(g, stage_answer(far_heard(g, "BYE"), 200, "t27b1c0a9"));
}

/* ---- what it costs ---- */

static void open_stage(struct stage *g, bool keeps_memory)
{
    *g = (struct stage){.on_request = forward, .keeps_memory = keeps_memory};
    stage_open_world(g);
    asked_for = (struct asked_for){.mem = {asked_alloc, asked_free, &asked_for}, .below = &g->ours.mem};
    g->mem = &asked_for.mem;
    assert_int_equal(stage_open_stack(g), ERR_OK);
}

static uint64_t octets_held(struct stage *g)
{
    struct stack_counts c;

    stack_counts(g->st, &c);
    return c.octets;
}

static void run_calls(struct stage *g, unsigned seconds, unsigned *n)
{
    for (unsigned i = 0; i < seconds * CALLS_PER_S; i++) {
        far_call(g, (*n)++);
        stage_run_ms(g, 1000 / CALLS_PER_S);
    }
}

static void steady_state(bool uri)
{
    struct stage *g = &g_stage;
    unsigned      n = 0, before;

    by_uri = uri;
    open_stage(g, true);
    run_calls(g, SEEN_S, &n);
    before = asked_for.times;
    run_calls(g, STEADY_S, &n);
    assert_int_equal(asked_for.times, before);
    stage_run_ms(g, 40000);
    stage_close(g);
}

static void in_the_steady_state_nothing_is_allocated(void **state)
{
    (void)state;
    steady_state(false);
}

static void nor_where_the_next_hop_is_named_by_its_number(void **state)
{
    (void)state;
    steady_state(true);
    by_uri = false;
}

static void a_call_that_rings_is_small(void **state)
{
    struct stage *g = &g_stage;
    uint64_t      before;

    (void)state;
    open_stage(g, false);
    before = octets_held(g);
    for (unsigned i = 0; i < CALLS; i++)
        far_ring(g, i);
    stage_run_ms(g, 2 * SLIM_MS);
    assert_in_range((octets_held(g) - before) / CALLS, 1, RINGING_OCTETS); /* with its part of the tables */
    stack_close(g->st);
    fake_close(g->w);
    assert_int_equal(atomic_load(&g->ours.octets), 0);
}

static void what_lingers_of_a_call_is_small(void **state)
{
    struct stage       *g = &g_stage;
    struct stack_counts c;
    uint64_t            before;

    (void)state;
    open_stage(g, false);
    before = octets_held(g);
    for (unsigned i = 0; i < CALLS; i++)
        far_call(g, i);
    stack_counts(g->st, &c);
    assert_int_equal(c.server_tsx + c.client_tsx, CALL_TRANSACTIONS * CALLS);
    assert_in_range((octets_held(g) - before) / CALLS / CALL_TRANSACTIONS, 1, LINGER_OCTETS); /* likewise */
    stage_run_ms(g, 40000);
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_the_steady_state_nothing_is_allocated),
        cmocka_unit_test(nor_where_the_next_hop_is_named_by_its_number),
        cmocka_unit_test(a_call_that_rings_is_small),
        cmocka_unit_test(what_lingers_of_a_call_is_small),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
