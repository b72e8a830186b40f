/* gate_test.c - a worker that has more to do than it can: who passes, what the others hear, and what they do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage g_stage;

static uint64_t cost_us = 5000;
static uint64_t cost(void *ctx)
{
    (void)ctx;
    return cost_us;
}

static void answer(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    if (!tsx_is_none(in->tsx))
        stack_reply_code(sh, in->tsx, in->m->method_id == METHOD_INVITE ? 486 : 200);
}

static struct stage *begin(void)
{
    g_stage = (struct stage){.n_workers = 1};
    stage_open(&g_stage);
    cost_us = 5000;
    fake_set_slow(g_stage.node, cost, NULL, 1000);
    g_stage.on_request = answer;
    return &g_stage;
}

/* An INVITE of a branch of its own. */
static struct slice call(unsigned n)
{
    static char text[STAGE_OCTETS];
    char        branch[16];
    struct buf  b = BUF_ON(branch);
    struct slice one;

    buf_putu(&b, n);
    buf_putc(&b, '\0');
    one = stage_request((struct stage_said){.method = "INVITE", .branch = branch, .from_tag = branch});
    memcpy(text, one.p, one.n);
    return (struct slice){text, one.n};
}

static void send(struct stage *g, struct slice octets)
{
    struct addr to = stage_addr("192.0.2.1:5060");

    assert_int_equal(net_udp_send(fake_net(g->far, 0), g->udp, &to, octets), ERR_OK);
}

/* 400 calls a second come, and 200 messages can be looked at: until it is too much. */
static unsigned too_much(struct stage *g)
{
    struct stack_counts c = {0};
    unsigned            n = 1000;

    g->deaf = true;
    while (!c.shedding) {
        send(g, call(n));
        send(g, call(n + 1));
        n += 2;
        stage_run_ms(g, 5);
        stack_counts(g->st, &c);
        assert_true(n < 2000);
    }
    stage_run_ms(g, 40); /* what it may let in is let in */
    while (g->st->workers[0].gate.control.allowance > 0) {
        send(g, call(n++));
        stage_run_ms(g, 5);
    }
    cost_us = 100;
    stage_run_ms(g, 100); /* and the queue is empty */
    g->deaf = false;
    g->n_heard = g->looked = g->n_notes = 0;
    return n;
}

static uint64_t away(struct stage *g)
{
    struct stack_counts c;

    stack_counts(g->st, &c);
    return c.turned_away + c.unanswered;
}

static void end(struct stage *g)
{
    g->deaf = true;
    cost_us = 0;
    stage_run_ms(g, 90000);
    stage_close(g);
}

/* The stage notes what the user of the stack is told. */
static bool reaches_the_user(struct stage *g, struct slice octets)
{
    g->n_notes = 0;
    send(g, octets);
    stage_run_ms(g, 6);
    return g->n_notes > 0;
}

static void a_new_call_is_refused_with_a_time_to_come_again(void **state)
{
    struct stage *g = begin();
    unsigned      n = too_much(g);
    struct slice  refusal;

    (void)state;
    g->st->workers[0].gate.control.answers = 100 * 1000000;
    g->st->workers[0].gate.control.allowance = -100 * 1000000;
    assert_false(reaches_the_user(g, call(n)));
    refusal = stage_expect(g, "SIP/2.0 503 ");
    assert_true(stage_has(refusal, "\r\nRetry-After: "));
    assert_true(stage_has(refusal, ";rport=5060;branch=z9hG4bK"));
    assert_true(stage_has(refusal, ";received=192.0.2.9"));
    assert_true(stage_has(refusal, "\r\nTo: <sip:b@192.0.2.1>;tag=busy-"));
    assert_true(stage_has(refusal, "\r\nCall-ID: c1\r\n"));
    assert_true(stage_has(refusal, "\r\nCSeq: 1 INVITE\r\n"));
    stage_expect_nothing(g);
    g->st->workers[0].gate.control.allowance = 30 * 1000000; /* a repetition crosses it: there is room, but it has its answer */
    assert_false(reaches_the_user(g, call(n)));
    stage_expect(g, "SIP/2.0 503 ");
    end(g);
}

static void its_ack_reaches_nobody(void **state)
{
    struct stage *g = begin();
    unsigned      n = too_much(g);
    char          branch[16], tag[64];
    struct buf    b = BUF_ON(branch);
    struct slice  refusal, to;

    (void)state;
    g->st->workers[0].gate.control.answers = 100 * 1000000;
    g->st->workers[0].gate.control.allowance = -100 * 1000000;
    buf_putu(&b, n);
    buf_putc(&b, '\0');
    send(g, call(n));
    stage_run_ms(g, 5);
    refusal = stage_expect(g, "SIP/2.0 503 ");
    to = slice_from(refusal, slice_find_slice(refusal, S(";tag=busy-")) + 5);
    to = slice_to(to, slice_find(to, '\r'));
    memcpy(tag, to.p, to.n);
    tag[to.n] = '\0';
    assert_false(reaches_the_user(g, stage_request((struct stage_said){.method = "ACK", .branch = branch, .to_tag = tag})));
    assert_true(reaches_the_user(g, stage_request((struct stage_said){.method = "ACK", .branch = "other", .to_tag = tag})));
    assert_true(reaches_the_user(g, stage_request((struct stage_said){.method = "ACK", .branch = branch, .to_tag = "another"})));
    stage_expect_nothing(g);
    end(g);
}

static void what_is_in_progress_passes(void **state)
{
    static const struct stage_said said[] = {
        {.method = "BYE", .branch = "p1", .to_tag = "t"},    {.method = "INVITE", .branch = "p2", .to_tag = "t"},
        {.method = "ACK", .branch = "p3", .to_tag = "t"},    {.method = "CANCEL", .branch = "p4"},
        {.method = "PRACK", .branch = "p5", .to_tag = "t"},  {.method = "UPDATE", .branch = "p6", .to_tag = "t"},
        {.method = "NOTIFY", .branch = "p7", .to_tag = "t"},
    };
    struct stage *g = begin();

    (void)state;
    too_much(g);
    g->st->workers[0].gate.control.allowance = -100 * 1000000;
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        if (!reaches_the_user(g, stage_request(said[i])))
            fail_msg("%s does not pass", said[i].method);
    }
    send(g, S("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
              "Call-ID: c1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"));
    g->n_notes = 0;
    stage_run_ms(g, 5);
    stage_expect_notes(g, "stray 200\n");
    end(g);
}

/* What was let in is let in when it comes again; what has been asked for a password is let in before what is new. */
static void what_is_begun_passes_before_what_is_new(void **state)
{
    struct stage *g = begin();
    unsigned      n = too_much(g);
    uint64_t      before;

    (void)state;
    g->st->workers[0].gate.control.allowance = 4 * 1000000;
    assert_true(reaches_the_user(g, call(n)));
    g->st->workers[0].gate.control.allowance = -5 * 1000000;
    before = away(g);
    send(g, call(n));
    stage_run_ms(g, 5);
    assert_int_equal(away(g), before);
    send(g, stage_request((struct stage_said){.method = "OPTIONS", .branch = "q1"}));
    stage_run_ms(g, 5);
    assert_int_equal(away(g), before + 1);
    assert_true(reaches_the_user(
        g, stage_request((struct stage_said){.method = "REGISTER", .branch = "q2", .rows = "Authorization: Digest a=b\r\n"})));
    end(g);
}

static enum overload_rank all_urgent(void *ctx, struct arena *scratch, const struct overload_glance *seen, const struct flow *from)
{
    (void)ctx;
    (void)scratch;
    (void)from;
    return slice_eq(seen->uri, S("sip:b@192.0.2.1")) ? OVERLOAD_URGENT : OVERLOAD_NEW;
}

static void a_call_for_help_passes(void **state)
{
    struct stage     *g = begin();
    unsigned          n = too_much(g);
    struct stack_user user = stage_user;

    (void)state;
    user.rank = all_urgent;
    g->st->config.user = &user;
    g->st->workers[0].gate.control.allowance = -1000 * 1000000LL;
    assert_true(reaches_the_user(g, call(n)));
    end(g);
}

/* Without an allowance for answers there is none; by a stream there is. */
static void beyond_that_it_is_silent(void **state)
{
    struct stage       *g = begin();
    unsigned            n = too_much(g);
    struct stack_counts c;
    uint64_t            before;

    (void)state;
    stack_counts(g->st, &c);
    before = c.unanswered;
    g->st->workers[0].gate.control.answers = g->st->workers[0].gate.control.allowance = -1000 * 1000000LL;
    send(g, call(n));
    stage_run_ms(g, 5);
    stage_expect_nothing(g);
    stack_counts(g->st, &c);
    assert_int_equal(c.unanswered, before + 1);
    g->st->workers[0].gate.control.answers = g->st->workers[0].gate.control.allowance = 30 * 1000000;
    send(g, call(n)); /* it comes again when there would be room: it is told, and its place is another's */
    stage_run_ms(g, 5);
    stage_expect(g, "SIP/2.0 503 ");
    assert_true(reaches_the_user(g, call(n + 1)));
    end(g);
}

/* RFC 7339 §5: who offers it is told how much to hold back, in each response; nobody else is. */
static void rfc7339_who_takes_reports_gets_them(void **state)
{
    struct stage *g = begin();
    struct slice  heard;
    unsigned      n;

    (void)state;
    cost_us = 0;
    send(g, stage_request((struct stage_said){.method = "OPTIONS", .via = "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKoc1" OVERLOAD_OFFER}));
    stage_run_ms(g, 5);
    heard = stage_expect(g, "SIP/2.0 200 ");
    assert_true(stage_has(heard, ";branch=z9hG4bKoc1;oc=0;oc-algo=\"loss\";oc-validity=0;oc-seq="));
    cost_us = 5000;
    n = too_much(g);
    g->st->workers[0].gate.control.answers = 1000 * 1000000LL;
    g->st->workers[0].gate.control.allowance = -1000 * 1000000LL;
    send(g, stage_request((struct stage_said){.method = "INVITE", .via = "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKoc2" OVERLOAD_OFFER}));
    stage_run_ms(g, 5);
    heard = stage_expect(g, "SIP/2.0 503 ");
    assert_true(stage_has(heard, ";branch=z9hG4bKoc2;oc="));
    assert_false(stage_has(heard, ";oc=0"));
    assert_true(stage_has(heard, ";oc-algo=\"loss\";oc-validity=500;oc-seq="));
    send(g, call(n));
    stage_run_ms(g, 5);
    assert_false(stage_has(stage_expect(g, "SIP/2.0 503 "), ";oc"));
    end(g);
}

/* The record gets the messages of one shard in eight, and knows how many it has not. One that is refused is shown now and then, with
 * the reason. */
static void the_record_is_spared(void **state)
{
    struct record_config c = {.octets = RECORD_MIN_OCTETS};
    struct stage        *g = &g_stage;
    struct heap_counted  heap;
    struct record_entry  e;
    unsigned             n, kept = 0, seen = 0;
    char                 text[STAGE_OCTETS];

    (void)state;
    heap_counted_init(&heap, NULL, 0);
    c.mem = &heap.mem;
    g_stage = (struct stage){.n_workers = 1};
    assert_int_equal(record_open(&c, &g->record), ERR_OK);
    stage_open(g);
    cost_us = 5000;
    fake_set_slow(g->node, cost, NULL, 1000);
    g->on_request = answer;
    n = too_much(g);
    while (record_peek(g->record, &e) == ERR_OK)
        record_next(g->record);
    for (unsigned i = 0; i < 64; i++) {
        struct slice one = stage_request((struct stage_said){.method = "BYE", .branch = "r", .to_tag = "t"});
        size_t       at = slice_find_slice(one, S("Call-ID: c1")) + strlen("Call-ID: ");
        char         id[2] = {(char)('A' + i % 26), (char)('a' + i / 26)};

        memcpy(text, one.p, one.n);
        memcpy(text + at, id, sizeof id);
        kept += stack_shard_of(g->st, (struct slice){id, sizeof id}) % 8 == 0;
        send(g, (struct slice){text, one.n});
        stage_run_ms(g, 1);
    }
    for (; record_peek(g->record, &e) == ERR_OK; record_next(g->record))
        seen += e.kind == RECORD_MESSAGE && !e.out;
    assert_true(kept > 0 && kept < 32);
    assert_int_equal(seen, kept);
    g->st->workers[0].gate.control.answers = 1000 * 1000000LL;
    g->st->workers[0].gate.control.allowance = -1000 * 1000000LL;
    send(g, call(n));
    stage_run_ms(g, 5);
    assert_int_equal(record_peek(g->record, &e), ERR_OK);
    assert_true(e.missed > 0 && !e.out && slice_starts(e.octets, S("INVITE ")));
    record_next(g->record);
    assert_int_equal(record_peek(g->record, &e), ERR_OK);
    assert_int_equal(e.kind, RECORD_REASON);
    record_next(g->record);
    assert_int_equal(record_peek(g->record, &e), ERR_OK);
    assert_true(e.out && slice_starts(e.octets, S("SIP/2.0 503 ")));
    end(g);
    record_close(g->record);
    assert_int_equal(heap.octets, 0);
}

/* The other worker holds its shard: that one hears of it, when it has been long. */
static void a_message_that_waits_for_a_shard_waits(void **state)
{
    struct stage   *g = &g_stage;
    struct overload *control;
    struct worker  *other;
    struct shard   *sh;

    (void)state;
    g_stage = (struct stage){.n_workers = 2, .on_request = answer};
    stage_open(g);
    other = &g->st->workers[1];
    control = &other->gate.control;
    sh = &g->st->shards[stack_shard_of(g->st, S("c1"))];
    for (unsigned ms = 2; ms <= 20; ms += 18) {
        assert_true(steer_take(other, sh));
        send(g, call(ms));
        stage_run_ms(g, ms);
        steer_let_go(other);
        steer_settle(other);
        assert_int_equal(control->state, ms == 20 ? OVERLOAD_WATCHING : OVERLOAD_CALM);
    }
    assert_in_range(control->longest_us, 18000, 20000);
    assert_int_equal(g->st->workers[0].gate.control.state, OVERLOAD_CALM);
    end(g);
}

static void when_it_is_over_all_pass_again(void **state)
{
    struct stage       *g = begin();
    unsigned            n = too_much(g);
    struct stack_counts c;

    (void)state;
    stack_counts(g->st, &c);
    assert_int_equal(c.shedding, 1);
    assert_true(c.shedding_since_ms > 0 && c.shedding_since_ms <= net_wall_us(fake_net(g->node, 0)) / 1000);
    assert_true(c.calls_per_s > 0 && c.let_in > 0);
    g->deaf = true;
    g->st->workers[0].gate.control.answers = g->st->workers[0].gate.control.allowance = -1000 * 1000000LL;
    send(g, call(n++));
    for (unsigned i = 0; i < 400; i++) { /* four seconds with something to look at, and nothing new */
        send(g, stage_request((struct stage_said){.method = "BYE", .branch = "o1", .to_tag = "t"}));
        stage_run_ms(g, 10);
    }
    stack_counts(g->st, &c);
    assert_int_equal(c.shedding, 0);
    assert_int_equal(c.shedding_since_ms, 0);
    assert_int_equal(c.calls_per_s, 0);
    g->n_notes = 0;
    for (unsigned i = 0; i < 10; i++)
        send(g, call(n + i));
    stage_run_ms(g, 5);
    assert_int_equal(g->n_notes, 10 * strlen("request INVITE\n"));
    assert_false(reaches_the_user(g, call(n - 1))); /* but for what was turned away: its sender is told */
    end(g);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_new_call_is_refused_with_a_time_to_come_again), T(its_ack_reaches_nobody), T(what_is_in_progress_passes),
        T(what_is_begun_passes_before_what_is_new), T(a_call_for_help_passes), T(beyond_that_it_is_silent),
        T(rfc7339_who_takes_reports_gets_them), T(the_record_is_spared), T(a_message_that_waits_for_a_shard_waits),
        T(when_it_is_over_all_pass_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
