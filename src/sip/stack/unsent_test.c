/* unsent_test.c - datagrams that this machine does not let out: who has sent them hears of it, and the record does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "record/record.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage   g_stage;
static struct uri     next_hop;
static struct record *rec;
static enum err       bar_says;
static struct addr    barred; /* none: all are */

static enum err bar(void *ctx, const struct addr *to)
{
    (void)ctx;
    return barred.family == ADDR_NONE || addr_eq(&barred, to) ? bar_says : ERR_OK;
}

#define ROWS(method)                                                                                    \
    "Max-Forwards: 69\r\nFrom: <sip:u@192.0.2.1>;tag=u\r\nTo: <sip:b@example.com>\r\nCall-ID: c1\r\n"       \
    "CSeq: 5 " method "\r\nContent-Length: 0\r\n\r\n"
#define REQUEST(method) S(method " sip:b@example.com SIP/2.0\r\n" ROWS(method))

static struct stage *begin(struct slice request, struct slice uri)
{
    static struct heap_counted heap;
    struct record_config       c = {.octets = RECORD_MIN_OCTETS, .mem = &heap.mem};
    struct stage              *g = &g_stage;

    heap_counted_init(&heap, NULL, 0);
    g_stage = (struct stage){0};
    assert_int_equal(record_open(&c, &rec), ERR_OK);
    g->record = rec;
    stage_open(g);
    assert_int_equal(uri_parse(uri, &next_hop, NULL), ERR_OK);
    g->send = (struct stack_send){.octets = request, .next_hop = &next_hop};
    bar_says = ERR_IO;
    barred = (struct addr){0};
    fake_set_bars(g->node, bar, NULL);
    return g;
}

static void end(struct stage *g)
{
    stage_close(g);
    record_close(rec);
}

/* The next thing in the record is what was sent, the one after it says that it did not leave, and why. */
static void expect_recorded(const char *begins, const char *why)
{
    struct record_entry e;

    assert_int_equal(record_peek(rec, &e), ERR_OK);
    assert_true(e.out && slice_starts(e.octets, slice_z(begins)));
    record_next(rec);
    assert_int_equal(record_peek(rec, &e), ERR_OK);
    assert_int_equal(e.kind, RECORD_REASON);
    assert_true(slice_eq(e.call_id, S("c1")));
    assert_true(slice_eq(e.octets, slice_z(why)));
    record_next(rec);
}

static void rfc3261_18_4_a_request_that_does_not_leave_fails_at_once(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:192.0.2.9"));

    (void)state;
    stage_request_now(g);
    stage_run_ms(g, 0);
    stage_expect_nothing(g);
    stage_expect_notes(g, "client failed: input/output error\nclient ended\n");
    expect_recorded("INVITE ", "what was sent to 192.0.2.9:5060 did not leave: there is no way there from here, or it is not allowed");
    end(g);
}

/* example.com is 192.0.2.10, where nothing goes, then 192.0.2.9. */
static void two_servers(struct stage *g)
{
    barred = stage_addr("192.0.2.10:5060");
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("one.example.com"), 5060, 1, 0);
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("two.example.com"), 5060, 2, 0);
    fake_add_address(g->w, S("one.example.com"), S("192.0.2.10"));
    fake_add_address(g->w, S("two.example.com"), S("192.0.2.9"));
}

static void rfc3263_4_3_it_goes_to_the_next_hop(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));

    (void)state;
    two_servers(g);
    stage_request_now(g);
    stage_run_ms(g, 10);
    stage_send(g, stage_answer(stage_expect(g, "INVITE "), 200, "t"));
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_expect_notes(g, "response 200\nclient ended\n");
    end(g);
}

static void act_send(struct stage *g, struct shard *sh)
{
    g->result = stack_send(sh, &g->send);
}

/* The ACK of a 2xx is nobody's transaction. The 2xx comes again, and then it takes the other way. */
static void an_ack_takes_the_next_hop_when_it_is_sent_again(void **state)
{
    struct stage *g = begin(REQUEST("ACK"), S("sip:example.com"));

    (void)state;
    two_servers(g);
    stage_do(g, act_send);
    stage_run_ms(g, 10);
    stage_expect_nothing(g);
    stage_do(g, act_send);
    stage_run_ms(g, 10);
    stage_expect(g, "ACK ");
    end(g);
}

static void a_full_queue_is_a_wire_that_loses(void **state)
{
    struct stage *g = begin(REQUEST("BYE"), S("sip:192.0.2.9"));

    (void)state;
    bar_says = ERR_AGAIN;
    stage_request_now(g);
    stage_run_ms(g, 0);
    stage_expect_nothing(g);
    stage_expect_notes(g, "");
    expect_recorded("BYE ", "what was sent to 192.0.2.9:5060 did not leave: the system's queue was full, so it counts as lost on the way");
    bar_says = ERR_OK;
    stage_run_ms(g, 500);
    stage_send(g, stage_answer(stage_expect(g, "BYE "), 200, "t"));
    stage_run_ms(g, 5000);
    stage_expect_notes(g, "response 200\nclient ended\n");
    end(g);
}

static void act_ring(struct stage *g, struct shard *sh)
{
    assert_int_equal(stack_watch_server(sh, g->server, &stage_server_on, g), ERR_OK);
    assert_int_equal(stack_reply_code(sh, g->server, 180), ERR_OK);
}

static void ring(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    g->server = in->tsx;
    act_ring(g, sh);
}

/* RFC 6026 §7.1: the user is told, and the transaction stays. */
static void an_answer_that_does_not_leave_is_told(void **state)
{
    struct stage *g = begin(SLICE_NONE, S("sip:192.0.2.9"));
    struct slice  invite = stage_request((struct stage_said){.method = "INVITE"});

    (void)state;
    g->on_request = ring;
    stage_send(g, invite);
    stage_run_ms(g, 0);
    stage_expect_nothing(g);
    stage_expect_notes(g, "request INVITE\nserver failed: input/output error\n");
    bar_says = ERR_OK;
    stage_send(g, invite); /* it comes again, and so does the answer */
    stage_expect(g, "SIP/2.0 180 ");
    stack_close(g->st);
    fake_close(g->w);
    record_close(rec);
}

static void act_request_and_no_more_memory(struct stage *g, struct shard *sh)
{
    stage_act_request(g, sh);
    g->ours.limit = 1; /* there is more in use already */
}

/* Without memory to tell it its timers do. */
static void who_cannot_be_told_waits_for_the_timers(void **state)
{
    struct stage *g = begin(REQUEST("BYE"), S("sip:192.0.2.9"));

    (void)state;
    stage_do(g, act_request_and_no_more_memory);
    stage_expect_notes(g, "");
    g->ours.limit = 0;
    stage_run_ms(g, 500);
    stage_expect_notes(g, "client failed: input/output error\nclient ended\n");
    end(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3261_18_4_a_request_that_does_not_leave_fails_at_once),
        cmocka_unit_test(rfc3263_4_3_it_goes_to_the_next_hop),
        cmocka_unit_test(an_ack_takes_the_next_hop_when_it_is_sent_again),
        cmocka_unit_test(a_full_queue_is_a_wire_that_loses),
        cmocka_unit_test(an_answer_that_does_not_leave_is_told),
        cmocka_unit_test(who_cannot_be_told_waits_for_the_timers),
    };

    return cmocka_run_group_tests_name("sip/stack/unsent", tests, NULL, NULL);
}
