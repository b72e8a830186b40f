/* route_test.c - where requests go: names, fail-over to the next hop, size (RFC 3263 §4.3; PROTOCOL 2.5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/fake/fake.h"
#include "sys/heap.h"
#include "sys/random.h"

#include "sip/stack/stage_priv.h"

static struct stage    g_stage;
static struct uri      next_hop;
static struct net_udp *second; /* 192.0.2.9:5062 */

#define ROWS(method)                                                                                    \
    "Max-Forwards: 69\r\nFrom: <sip:u@192.0.2.1>;tag=u\r\nTo: <sip:b@example.com>\r\nCall-ID: c1\r\n"       \
    "CSeq: 5 " method "\r\nContent-Length: 0\r\n\r\n"
#define REQUEST(method) S(method " sip:b@example.com SIP/2.0\r\n" ROWS(method))

static struct stage *begin(struct slice request, struct slice uri)
{
    struct stage *g = &g_stage;

    g_stage = (struct stage){0};
    stage_open(g);
    assert_int_equal(uri_parse(uri, &next_hop, NULL), ERR_OK);
    g->send = (struct stack_send){.octets = request, .next_hop = &next_hop};
    return g;
}

/* example.com is `first`, then 192.0.2.9. */
static void two_servers(struct stage *g, const char *first, uint16_t port)
{
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("one.example.com"), port, 1, 0);
    fake_add_srv(g->w, S("_sip._udp.example.com"), S("two.example.com"), 5060, 2, 0);
    fake_add_address(g->w, S("one.example.com"), slice_z(first));
    fake_add_address(g->w, S("two.example.com"), S("192.0.2.9"));
}

static void open_second(struct stage *g)
{
    struct net_udp_options o = {.local = stage_addr("192.0.2.9:5062")};

    assert_int_equal(net_udp_open(fake_net(g->far, 0), &o, &stage_udp_on, g, &second), ERR_OK);
}

static void send_from_second(struct stage *g, struct slice octets)
{
    struct addr to = stage_addr("192.0.2.1:5060");

    assert_int_equal(net_udp_send(fake_net(g->far, 0), second, &to, octets), ERR_OK);
    stage_run_ms(g, 0);
}

static void a_numeric_host_is_sent_to_at_once(void **state)
{
    struct stage *g = begin(REQUEST("BYE"), S("sip:192.0.2.9"));

    (void)state;
    stage_request_now(g);
    stage_send(g, stage_answer(stage_expect(g, "BYE "), 200, "t"));
    stage_run_ms(g, 5000);
    stage_expect_notes(g, "response 200\nclient ended\n");
    stage_close(g);
}

static void a_name_is_looked_up_and_sent_to(void **state)
{
    struct stage *g = begin(REQUEST("BYE"), S("sip:two.example.com:5060"));

    (void)state;
    fake_add_address(g->w, S("two.example.com"), S("192.0.2.9"));
    stage_request_now(g);
    stage_expect_nothing(g);
    stage_run_ms(g, 10);
    stage_send(g, stage_answer(stage_expect(g, "BYE "), 200, "t"));
    stage_run_ms(g, 5000);
    stage_expect_notes(g, "response 200\nclient ended\n");
    stage_close(g);
}

static void rfc3263_4_3_a_dead_host_is_followed_by_the_next(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));

    (void)state;
    two_servers(g, "192.0.2.10", 5060); /* where nobody listens: ICMP */
    stage_request_now(g);
    stage_run_ms(g, 10);
    stage_send(g, stage_answer(stage_expect(g, "INVITE "), 200, "t"));
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_expect_notes(g, "response 200\nclient ended\n");
    stage_close(g);
}

static void rfc3263_4_3_a_silent_host_is_followed_after_timer_b(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));
    struct addr   silent = stage_addr("192.0.2.10");

    (void)state;
    two_servers(g, "192.0.2.10", 5060);
    fake_cut(g->w, &silent, 1, NULL, 0);
    stage_request_now(g);
    stage_run_ms(g, 31990);
    stage_expect_nothing(g);
    stage_run_ms(g, 20);
    stage_expect(g, "INVITE ");
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_close(g);
}

static void rfc3263_4_3_a_503_is_followed_by_the_next_with_a_new_branch(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));
    struct slice  one, two, ack;

    (void)state;
    two_servers(g, "192.0.2.9", 5062);
    open_second(g);
    stage_request_now(g);
    stage_run_ms(g, 10);
    one = stage_expect(g, "INVITE ");
    send_from_second(g, stage_answer(one, 503, "t"));
    two = stage_expect(g, "INVITE ");
    ack = stage_expect(g, "ACK ");
    assert_true(slice_eq(stage_branch(ack), stage_branch(one)));
    assert_false(slice_eq(stage_branch(two), stage_branch(one)));
    send_from_second(g, stage_answer(one, 503, "t")); /* our ACK was lost: it is sent again */
    assert_true(slice_eq(ack, stage_expect(g, "ACK ")));
    stage_expect_notes(g, "");
    stage_send(g, stage_answer(two, 180, "t2")); /* to the user it is the same transaction: the stage checks its id */
    stage_send(g, stage_answer(two, 503, "t2")); /* the last hop: the user's */
    stage_expect(g, "ACK ");
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "response 180\nresponse 503\nclient ended\n");
    stage_close(g);
}

static void act_cancel(struct stage *g, struct shard *sh)
{
    g->result = stack_cancel(sh, g->client, SLICE_NONE);
}

static void act_forget(struct stage *g, struct shard *sh)
{
    stack_forget(sh, g->client);
}

static void a_cancelled_invite_tries_no_further_hop(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));
    struct slice  one;

    (void)state;
    two_servers(g, "192.0.2.9", 5062);
    open_second(g);
    stage_request_now(g);
    stage_run_ms(g, 10);
    one = stage_expect(g, "INVITE ");
    send_from_second(g, stage_answer(one, 180, "t"));
    stage_do(g, act_cancel);
    assert_int_equal(g->result, ERR_OK);
    send_from_second(g, stage_answer(stage_expect(g, "CANCEL "), 200, "t"));
    send_from_second(g, stage_answer(one, 503, "t"));
    stage_expect(g, "ACK ");
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_expect_notes(g, "response 180\nresponse 503\nclient ended\n");
    stage_close(g);
}

static void act_flow(struct stage *g, struct shard *sh)
{
    struct flow f;

    g->result = stack_client_flow(sh, g->client, &f);
}

static void unknown_and_unanswered_names_fail(void **state)
{
    struct stage *g = begin(REQUEST("BYE"), S("sip:nowhere.example.com"));

    (void)state;
    stage_request_now(g);
    stage_do(g, act_flow);
    assert_int_equal(g->result, ERR_AGAIN);
    stage_run_ms(g, 100);
    stage_expect_notes(g, "client failed: not found\nclient ended\n");
    fake_set_names(g->w, 0, false);
    stage_request_now(g);
    stage_run_ms(g, 31000);
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_expect_nothing(g);
    stage_close(g);
}

static void s9_1_cancelled_while_its_name_is_looked_up(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));

    (void)state;
    two_servers(g, "192.0.2.9", 5060);
    stage_request_now(g);
    stage_do(g, act_cancel);
    assert_int_equal(g->result, ERR_OK);
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_run_ms(g, 100);
    stage_expect_nothing(g);
    stage_close(g);
}

static void forgotten_while_its_name_is_looked_up(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));

    (void)state;
    two_servers(g, "192.0.2.9", 5060);
    stage_request_now(g);
    stage_do(g, act_forget);
    stage_run_ms(g, 100);
    stage_expect_nothing(g);
    stage_expect_notes(g, "");
    stage_close(g);
}

/* Closing in the middle of a look-up, with its answer still to come, leaves nothing behind. */
static void closed_while_a_name_is_looked_up(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));

    (void)state;
    two_servers(g, "192.0.2.9", 5060);
    stage_request_now(g);
    stack_close(g->st);
    stage_run_ms(g, 100);
    fake_close(g->w);
    assert_int_equal(atomic_load(&g->ours.octets), 0);
}

/* ---- rows and size ---- */

static unsigned rows_asked;
static void put_rows(void *arg, struct transport *tp, const struct flow *to, struct buf *b)
{
    assert_ptr_equal(arg, &g_stage);
    rows_asked++;
    buf_puts(b, S("Record-Route: <sip:"), S("192.0.2.1;transport="), transport_param_name((enum transport_kind)to->kind),
             S(";lr>\r\n"));
    assert_non_null(tp);
}

static void rows_and_suffix_are_written_for_each_hop(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"), S("sip:example.com"));
    struct slice  r;

    (void)state;
    rows_asked = 0;
    two_servers(g, "192.0.2.10", 5060);
    g->send.rows = put_rows;
    g->send.rows_arg = g;
    g->send.branch_suffix = S(".4711");
    stage_request_now(g);
    stage_run_ms(g, 10);
    assert_int_equal(rows_asked, 2);
    r = stage_expect(g, "INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK");
    assert_true(slice_ends(stage_branch(r), S(".4711")));
    assert_true(stage_has(r, ";rport\r\nRecord-Route: <sip:192.0.2.1;transport=udp;lr>\r\nMax-Forwards: 69\r\n"));
    assert_int_equal(slice_find_slice(slice_from(r, slice_find_slice(r, S("Record-Route")) + 5), S("Record-Route")),
                     SIZE_MAX);
    stage_send(g, stage_answer(r, 200, "t"));
    stage_run_ms(g, 32000);
    stage_close(g);
}

#define PAD50 "pad=pad-pad-pad-pad-pad-pad-pad-pad-pad-pad-pad-pa"
#define PAD500 PAD50 PAD50 PAD50 PAD50 PAD50 PAD50 PAD50 PAD50 PAD50 PAD50

static void protocol_2_5_a_large_request_goes_by_tcp_and_falls_back_to_udp(void **state)
{
    struct stage *g = begin(S("BYE sip:b@example.com SIP/2.0\r\nX-Pad: " PAD500 PAD500 "\r\n" ROWS("BYE")),
                            S("sip:192.0.2.9"));

    (void)state;
    stage_request_now(g); /* nobody listens on TCP there: refused */
    stage_run_ms(g, 10);
    stage_send(g, stage_answer(stage_expect(g, "BYE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP "), 200, "t"));
    stage_run_ms(g, 5000);
    g->n_notes = 0; /* "flow lost" of the connection that was never open is told as well */
    stage_expect_nothing(g);
    stage_close(g);
}

static void act_send(struct stage *g, struct shard *sh)
{
    g->result = stack_send(sh, &g->send);
}

static void an_ack_finds_its_way_by_name(void **state)
{
    struct stage *g = begin(REQUEST("ACK"), S("sip:example.com"));

    (void)state;
    two_servers(g, "192.0.2.9", 5060);
    stage_do(g, act_send);
    assert_int_equal(g->result, ERR_OK);
    stage_run_ms(g, 10);
    stage_expect(g, "ACK ");
    assert_int_equal(uri_parse(S("sip:192.0.2.9"), &next_hop, NULL), ERR_OK);
    stage_do(g, act_send);
    stage_expect(g, "ACK ");
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_numeric_host_is_sent_to_at_once),
        cmocka_unit_test(a_name_is_looked_up_and_sent_to),
        cmocka_unit_test(rfc3263_4_3_a_dead_host_is_followed_by_the_next),
        cmocka_unit_test(rfc3263_4_3_a_silent_host_is_followed_after_timer_b),
        cmocka_unit_test(rfc3263_4_3_a_503_is_followed_by_the_next_with_a_new_branch),
        cmocka_unit_test(a_cancelled_invite_tries_no_further_hop),
        cmocka_unit_test(unknown_and_unanswered_names_fail),
        cmocka_unit_test(s9_1_cancelled_while_its_name_is_looked_up),
        cmocka_unit_test(forgotten_while_its_name_is_looked_up),
        cmocka_unit_test(closed_while_a_name_is_looked_up),
        cmocka_unit_test(rows_and_suffix_are_written_for_each_hop),
        cmocka_unit_test(protocol_2_5_a_large_request_goes_by_tcp_and_falls_back_to_udp),
        cmocka_unit_test(an_ack_finds_its_way_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
