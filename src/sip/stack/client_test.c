/* client_test.c - client transactions on a fake wire in virtual time: RFC 3261 §17.1, §9.1, RFC 6026 §7.2. */
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
static struct flow  to_far;

#define ROWS(method)                                                                                              \
    "Max-Forwards: 69\r\nRoute: <sip:192.0.2.9;lr>\r\nFrom: <sip:u@192.0.2.1>;tag=u\r\nTo: <sip:b@example.com>\r\n"  \
    "Call-ID: c1\r\nCSeq: 5 " method "\r\nProxy-Authorization: Digest x=\"y\"\r\nContent-Length: 3\r\n\r\nxyz"
#define REQUEST(method) S(method " sip:b@192.0.2.9 SIP/2.0\r\n" ROWS(method))

static void act_flow(struct stage *g, struct shard *sh)
{
    struct addr to = stage_addr("192.0.2.9:5060");

    g->result = flow_to(shard_transport(sh), TRANSPORT_UDP, &to, &to_far);
}

/* A stage, and a request sent on the flow to the far machine. */
static struct stage *begin(struct slice request)
{
    struct stage *g = &g_stage;

    g_stage = (struct stage){0};
    stage_open(g);
    stage_do(g, act_flow);
    assert_int_equal(g->result, ERR_OK);
    g->send = (struct stack_send){.octets = request, .flow = &to_far};
    stage_request_now(g);
    return g;
}

static void s8_1_1_7_our_via_is_on_top_and_the_rest_as_it_came(void **state)
{
    struct stage *g = begin(REQUEST("OPTIONS"));
    struct slice  r = stage_expect(g, "OPTIONS sip:b@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK");

    (void)state;
    assert_true(stage_has(r, ";rport\r\nMax-Forwards: 69\r\nRoute: "));
    assert_true(slice_ends(r, S("\r\n\r\nxyz")));
    assert_int_equal(stage_branch(r).n, 7 + STACK_TOKEN_OCTETS);
    stage_send(g, stage_answer(r, 200, "t"));
    stage_run_ms(g, 5000);
    stage_close(g);
}

static void fig5_nobody_answers_repeats_by_a_until_b(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));

    (void)state;
    stage_run_ms(g, 31999);
    stage_expect_times(g, "INVITE ", "0 500 1500 3500 7500 15500 31500");
    stage_expect_notes(g, "");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_run_ms(g, 64000);
    stage_expect_nothing(g);
    stage_close(g);
}

static void fig5_a_provisional_response_ends_the_repeating(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    stage_run_ms(g, 600);
    assert_true(slice_eq(invite, stage_expect(g, "INVITE "))); /* octet for octet */
    stage_send(g, stage_answer(invite, 100, ""));
    stage_send(g, stage_answer(invite, 180, "t"));
    stage_run_ms(g, 170000);
    stage_expect_nothing(g);
    stage_send(g, stage_answer(invite, 200, "t"));
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "response 100\nresponse 180\nresponse 200\nclient ended\n");
    stage_close(g);
}

static void rfc6026_every_2xx_reaches_the_user_until_m(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    stage_send(g, stage_answer(invite, 200, "t1"));
    stage_send(g, stage_answer(invite, 200, "t1"));
    stage_send(g, stage_answer(invite, 200, "t2"));
    stage_send(g, stage_answer(invite, 180, "t3"));
    stage_send(g, stage_answer(invite, 486, "t3"));
    stage_run_ms(g, 31999);
    stage_expect_notes(g, "response 200\nresponse 200\nresponse 200\n");
    stage_expect_nothing(g);
    stage_run_ms(g, 1);
    stage_expect_notes(g, "client ended\n");
    stage_send(g, stage_answer(invite, 200, "t2"));
    stage_expect_notes(g, "stray 200\n");
    stage_close(g);
}

static void s17_1_1_3_ack_of_a_refusal(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE "), ack;

    (void)state;
    stage_send(g, stage_answer(invite, 486, "t9"));
    ack = stage_expect(g, "ACK sip:b@192.0.2.9 SIP/2.0\r\nVia: ");
    assert_true(slice_eq(stage_branch(ack), stage_branch(invite)));
    assert_true(stage_has(ack, "\r\nRoute: <sip:192.0.2.9;lr>\r\n"));
    assert_true(stage_has(ack, "\r\nFrom: <sip:u@192.0.2.1>;tag=u\r\n"));
    assert_true(stage_has(ack, "\r\nTo: <sip:b@example.com>;tag=t9\r\n"));
    assert_true(stage_has(ack, "\r\nCSeq: 5 ACK\r\n"));
    assert_true(stage_has(ack, "\r\nProxy-Authorization: Digest x=\"y\"\r\n"));
    assert_true(stage_has(ack, "\r\nContent-Length: 0\r\n\r\n"));
    stage_expect_notes(g, "response 486\n");
    stage_run_ms(g, 31000);
    stage_send(g, stage_answer(invite, 486, "t9")); /* our ACK was lost */
    assert_true(slice_eq(ack, stage_expect(g, "ACK ")));
    stage_expect_notes(g, "");
    stage_run_ms(g, 999);
    stage_expect_notes(g, "");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "client ended\n");
    stage_expect_nothing(g);
    stage_close(g);
}

static void fig6_nobody_answers_repeats_by_e_until_f(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));

    (void)state;
    stage_run_ms(g, 31999);
    stage_expect_times(g, "BYE ", "0 500 1500 3500 7500 11500 15500 19500 23500 27500 31500");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_close(g);
}

static void fig6_after_a_provisional_response_e_is_t2(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));

    (void)state;
    stage_run_ms(g, 100);
    stage_send(g, stage_answer(stage_octets(&g->heard[0]), 100, ""));
    stage_run_ms(g, 9900);
    stage_expect_times(g, "BYE ", "0 500 4500 8500");
    stage_send(g, stage_answer(stage_octets(&g->heard[0]), 200, "t"));
    stage_send(g, stage_answer(stage_octets(&g->heard[0]), 200, "t")); /* absorbed until K */
    stage_run_ms(g, 4999);
    stage_expect_notes(g, "response 100\nresponse 200\n");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "client ended\n");
    stage_expect_nothing(g);
    stage_close(g);
}

/* ---- CANCEL ---- */

static struct slice cancel_rows;
static void act_cancel(struct stage *g, struct shard *sh)
{
    g->result = stack_cancel(sh, g->client, cancel_rows);
}

static enum err cancel(struct stage *g)
{
    stage_do(g, act_cancel);
    return g->result;
}

static void s9_1_cancel_goes_after_a_provisional_response(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE "), r;

    (void)state;
    stage_send(g, stage_answer(invite, 180, "t"));
    cancel_rows = S("Reason: SIP;cause=200\r\n");
    assert_int_equal(cancel(g), ERR_OK);
    r = stage_expect(g, "CANCEL sip:b@192.0.2.9 SIP/2.0\r\nVia: ");
    assert_true(slice_eq(stage_branch(r), stage_branch(invite)));
    assert_true(stage_has(r, "\r\nRoute: <sip:192.0.2.9;lr>\r\n"));
    assert_true(stage_has(r, "\r\nTo: <sip:b@example.com>\r\n"));
    assert_true(stage_has(r, "\r\nCSeq: 5 CANCEL\r\n"));
    assert_true(stage_has(r, "\r\nReason: SIP;cause=200\r\n"));
    assert_int_equal(cancel(g), ERR_OK); /* once is enough */
    stage_send(g, stage_answer(r, 200, "t"));
    stage_send(g, stage_answer(invite, 487, "t"));
    stage_expect(g, "ACK ");
    assert_int_equal(cancel(g), ERR_NOTFOUND);
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_expect_notes(g, "response 180\nresponse 487\nclient ended\n");
    stage_close(g);
}

/* CANCEL, ACK and what comes between, of an INVITE that has rung for so long. Same seed, same tokens. */
static void end_after_ringing(uint64_t ms, struct buf *cancel_then_ack)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE "), r;

    stage_send(g, stage_answer(invite, 180, "t"));
    stage_run_ms(g, ms);
    stage_expect_nothing(g);
    cancel_rows = S("Reason: SIP;cause=200\r\n");
    assert_int_equal(cancel(g), ERR_OK);
    buf_put(cancel_then_ack, r = stage_expect(g, "CANCEL "));
    stage_send(g, stage_answer(r, 200, "t"));
    stage_send(g, stage_answer(invite, 487, "t"));
    buf_put(cancel_then_ack, stage_expect(g, "ACK "));
    assert_int_equal(buf_err(cancel_then_ack), ERR_OK);
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void what_is_made_of_an_invite_that_rings_long_is_the_same(void **state)
{
    char       now_text[2048], later_text[2048];
    struct buf now = BUF_ON(now_text), later = BUF_ON(later_text);

    (void)state;
    end_after_ringing(0, &now);
    end_after_ringing(5 * SLIM_MS, &later);
    assert_true(slice_eq(buf_slice(&now), buf_slice(&later)));
    assert_true(stage_has(buf_slice(&now), "\r\nProxy-Authorization: Digest x=\"y\"\r\n"));
}

static void s9_1_cancel_waits_for_a_provisional_response(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE "), r;

    (void)state;
    cancel_rows = S("Reason: Q.850;cause=16\r\n");
    assert_int_equal(cancel(g), ERR_OK);
    stage_run_ms(g, 400);
    stage_expect_nothing(g);
    stage_send(g, stage_answer(invite, 100, ""));
    r = stage_expect(g, "CANCEL ");
    assert_true(stage_has(r, "cause=16"));
    stage_run_ms(g, 500);
    assert_true(slice_eq(r, stage_expect(g, "CANCEL "))); /* a transaction of its own */
    stage_send(g, stage_answer(r, 200, "t"));
    stage_run_ms(g, 31499);
    stage_expect_notes(g, "response 100\n");
    stage_run_ms(g, 1); /* §9.1: no final response in 64*T1 */
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_expect_nothing(g);
    stage_close(g);
}

static void s9_1_cancel_is_not_sent_after_a_final_response(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    cancel_rows = SLICE_NONE;
    assert_int_equal(cancel(g), ERR_OK);
    stage_send(g, stage_answer(invite, 200, "t"));
    assert_int_equal(cancel(g), ERR_NOTFOUND);
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_expect_notes(g, "response 200\nclient ended\n");
    stage_close(g);
}

static void s9_1_only_invite_can_be_cancelled(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));

    (void)state;
    cancel_rows = SLICE_NONE;
    assert_int_equal(cancel(g), ERR_NOTFOUND);
    stage_send(g, stage_answer(stage_expect(g, "BYE "), 200, "t"));
    stage_run_ms(g, 5000);
    stage_close(g);
}

/* ---- other ends ---- */

static void act_forget(struct stage *g, struct shard *sh)
{
    stack_forget(sh, g->client);
    stack_forget(sh, (struct tsx_id){77, 1});
}

static void a_forgotten_transaction_ends_by_itself(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    stage_do(g, act_forget);
    stage_send(g, stage_answer(invite, 180, "t"));
    stage_send(g, stage_answer(invite, 503, "t"));
    stage_expect(g, "ACK ");
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "");
    stage_close(g);
}

static void a_word(void *arg, struct shard *sh, struct tsx_id t, const struct msg *m, const struct flow *from)
{
    (void)sh;
    (void)t;
    (void)m;
    (void)from;
    ++*(int *)arg;
}

static const struct stack_client_on other_on = {.response = a_word};
static int                          words;

static void act_watch(struct stage *g, struct shard *sh)
{
    assert_int_equal(stack_watch_client(sh, g->client, &other_on, &words), ERR_OK);
    assert_int_equal(stack_watch_client(sh, (struct tsx_id){77, 1}, &other_on, &words), ERR_NOTFOUND);
}

static void another_may_hear_of_what_comes_behind_a_2xx(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE ");

    (void)state;
    words = 0;
    stage_send(g, stage_answer(invite, 200, "t"));
    stage_do(g, act_watch);
    stage_send(g, stage_answer(invite, 200, "t"));
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "response 200\n");
    assert_int_equal(words, 1);
    stage_close(g);
}

static void s18_4_icmp_fails_the_requests_in_flight(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));

    (void)state;
    net_udp_close(fake_net(g->far, 0), g->udp);
    stage_run_ms(g, 500);
    stage_expect_notes(g, "client failed: closed\nclient ended\n");
    stage_close(g);
}

static void stray_responses_belong_to_nobody(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));
    struct slice  bye = stage_expect(g, "BYE ");

    (void)state;
    stage_send(g, S("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKnone\r\nFrom: <sip:a@b>;tag=1\r\n"
                    "To: <sip:a@b>;tag=2\r\nCall-ID: c1\r\nCSeq: 5 BYE\r\nContent-Length: 0\r\n\r\n"));
    stage_expect_notes(g, "stray 200\n");
    stage_send(g, stage_answer(bye, 200, "t"));
    stage_run_ms(g, 5000);
    stage_send(g, stage_answer(bye, 200, "t"));
    stage_expect_notes(g, "response 200\nclient ended\nstray 200\n");
    stage_close(g);
}

static void act_flow_of(struct stage *g, struct shard *sh)
{
    struct flow f;

    g->result = stack_client_flow(sh, g->client, &f);
    if (!g->result)
        assert_true(flow_eq(&f, &to_far));
}

static void the_flow_of_a_client_transaction_is_known(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));

    (void)state;
    stage_do(g, act_flow_of);
    assert_int_equal(g->result, ERR_OK);
    stage_run_ms(g, 32000);
    stage_do(g, act_flow_of);
    assert_int_equal(g->result, ERR_NOTFOUND);
    stage_close(g);
}

static void act_bad(struct stage *g, struct shard *sh)
{
    struct stack_send bad = {.octets = S("ACK sip:b@192.0.2.9 SIP/2.0\r\n\r\n"), .flow = &to_far};
    struct tsx_id     t;
    char              suffix[STACK_MAX_BRANCH_OCTETS];

    assert_int_equal(stack_request(sh, &bad, &t), ERR_SYNTAX); /* has no transaction */
    bad.octets = S("BYE");
    assert_int_equal(stack_request(sh, &bad, &t), ERR_SYNTAX);
    assert_int_equal(stack_send(sh, &bad), ERR_SYNTAX);
    memset(suffix, 'x', sizeof suffix);
    bad.octets = REQUEST("BYE");
    bad.branch_suffix = (struct slice){suffix, sizeof suffix};
    assert_int_equal(stack_request(sh, &bad, &t), ERR_LIMIT);
    bad.branch_suffix = SLICE_NONE;
    bad.octets.n = MSG_MAX_OCTETS + 1;
    g->result = stack_request(sh, &bad, &t);
}

static void requests_that_cannot_be_sent_are_refused_at_once(void **state)
{
    struct stage *g = begin(REQUEST("BYE"));

    (void)state;
    stage_do(g, act_bad);
    assert_int_equal(g->result, ERR_LIMIT);
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "client failed: timed out\nclient ended\n");
    stage_close(g);
}

static void act_ack(struct stage *g, struct shard *sh)
{
    g->result = stack_send(sh, &g->send);
}

static void s13_2_2_4_ack_of_a_2xx_has_a_branch_of_its_own(void **state)
{
    struct stage *g = begin(REQUEST("INVITE"));
    struct slice  invite = stage_expect(g, "INVITE "), a, b;

    (void)state;
    stage_send(g, stage_answer(invite, 200, "t"));
    g->send.octets = REQUEST("ACK");
    g->send.branch_suffix = S(".loop");
    stage_do(g, act_ack);
    assert_int_equal(g->result, ERR_OK);
    stage_do(g, act_ack);
    a = stage_expect(g, "ACK sip:b@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK");
    b = stage_expect(g, "ACK ");
    assert_true(slice_ends(stage_branch(a), S(".loop")));
    assert_false(slice_eq(stage_branch(a), stage_branch(invite)));
    assert_false(slice_eq(stage_branch(a), stage_branch(b)));
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_close(g);
}

/* ---- another message with edits, instead of octets ---- */

static struct uri to_far_uri;
static bool       by_name; /* the next hop is named, and no flow */

/* It came with a Route in front of its Via. What is put there, too, goes behind our own. */
static void act_forward(struct stage *g, struct shard *sh)
{
    static const struct slice came = S("INVITE sip:us@192.0.2.1 SIP/2.0\r\nRoute: <sip:192.0.2.9;lr>\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n"
                                       "From: <sip:u@192.0.2.1>;tag=u\r\nTo: <sip:b@example.com>\r\nCall-ID: c1\r\nCSeq: 5 INVITE\r\n\r\nxyz");
    struct msg     *m;
    struct msg_edit e;

    assert_int_equal(msg_parse(shard_scratch(sh), came, &m), ERR_OK);
    assert_int_equal(uri_parse(S("sip:192.0.2.9"), &to_far_uri, NULL), ERR_OK);
    msg_edit_begin(&e, m);
    msg_edit_uri(&e, S("sip:b@192.0.2.9"));
    msg_edit_push(&e, HDR_ROUTE, S("<sip:first;lr>"));
    msg_edit_append(&e, HDR_MAX_FORWARDS, S("69"));
    g->send = (struct stack_send){.edit = &e, .next_hop = &to_far_uri, .on = g->send.on, .arg = g};
    if (!by_name)
        g->send.flow = &to_far;
    for (int i = 0; i < 2; i++) { /* the same edits may go out more than once, each time with a Via of its own */
        assert_int_equal(stack_send(sh, &g->send), ERR_OK);
        assert_int_equal(stack_request(sh, &g->send, &g->client), ERR_OK);
    }
}

static void expect_forwarded(struct stage *g)
{
    static const struct slice rest = S(";rport\r\nRoute: <sip:first;lr>\r\nRoute: <sip:192.0.2.9;lr>\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n"
                                       "From: <sip:u@192.0.2.1>;tag=u\r\nTo: <sip:b@example.com>\r\nCall-ID: c1\r\nCSeq: 5 INVITE\r\nMax-Forwards: 69\r\n\r\nxyz");
    struct slice              last = SLICE_NONE;

    for (int i = 0; i < 4; i++) {
        struct slice r = stage_expect(g, "INVITE sip:b@192.0.2.9 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK");

        assert_true(slice_ends(r, rest));
        assert_false(slice_eq(stage_branch(r), last));
        last = stage_branch(r);
    }
    stage_expect_nothing(g);
}

static void edits_of_a_message_are_written_with_our_via(void **state)
{
    struct stage *g = begin(REQUEST("OPTIONS"));

    (void)state;
    stage_expect(g, "OPTIONS ");
    for (int i = 0; i < 2; i++) {
        by_name = i;
        stage_do(g, act_forward);
        expect_forwarded(g);
    }
    by_name = false;
    g->send = (struct stack_send){.flow = NULL};
    stage_run_ms(g, 64000);
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s8_1_1_7_our_via_is_on_top_and_the_rest_as_it_came),
        cmocka_unit_test(fig5_nobody_answers_repeats_by_a_until_b),
        cmocka_unit_test(fig5_a_provisional_response_ends_the_repeating),
        cmocka_unit_test(rfc6026_every_2xx_reaches_the_user_until_m),
        cmocka_unit_test(s17_1_1_3_ack_of_a_refusal),
        cmocka_unit_test(fig6_nobody_answers_repeats_by_e_until_f),
        cmocka_unit_test(fig6_after_a_provisional_response_e_is_t2),
        cmocka_unit_test(s9_1_cancel_goes_after_a_provisional_response),
        cmocka_unit_test(what_is_made_of_an_invite_that_rings_long_is_the_same),
        cmocka_unit_test(s9_1_cancel_waits_for_a_provisional_response),
        cmocka_unit_test(s9_1_cancel_is_not_sent_after_a_final_response),
        cmocka_unit_test(s9_1_only_invite_can_be_cancelled),
        cmocka_unit_test(a_forgotten_transaction_ends_by_itself),
        cmocka_unit_test(another_may_hear_of_what_comes_behind_a_2xx),
        cmocka_unit_test(s18_4_icmp_fails_the_requests_in_flight),
        cmocka_unit_test(stray_responses_belong_to_nobody),
        cmocka_unit_test(the_flow_of_a_client_transaction_is_known),
        cmocka_unit_test(requests_that_cannot_be_sent_are_refused_at_once),
        cmocka_unit_test(s13_2_2_4_ack_of_a_2xx_has_a_branch_of_its_own),
        cmocka_unit_test(edits_of_a_message_are_written_with_our_via),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
