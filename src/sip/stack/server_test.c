/* server_test.c - server transactions on a fake wire in virtual time: RFC 3261 §17.2, RFC 6026 §7.1, RFC 4320. */
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

static struct stage *begin(void)
{
    g_stage = (struct stage){0};
    stage_open(&g_stage);
    return &g_stage;
}

static void watch(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    assert_int_equal(stack_watch_server(sh, in->tsx, &stage_server_on, g), ERR_OK);
}

/* What the user answers to everything, and watches. */
static unsigned answer_code;
static void answer(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    if (tsx_is_none(in->tsx))
        return;
    watch(g, sh, in);
    g->result = stack_reply_code(sh, in->tsx, answer_code);
    assert_int_equal(g->result, ERR_OK);
}

static void answer_with(struct stage *g, unsigned code)
{
    answer_code = code;
    g->on_request = answer;
}

static void act_reply(struct stage *g, struct shard *sh)
{
    g->result = stack_reply_code(sh, g->server, answer_code);
}

static enum err reply_later(struct stage *g, unsigned code)
{
    answer_code = code;
    stage_do(g, act_reply);
    return g->result;
}

#define INVITE stage_request((struct stage_said){.method = "INVITE"})
#define BYE stage_request((struct stage_said){.method = "BYE", .to_tag = "t", .cseq = 2})
#define ACK stage_request((struct stage_said){.method = "ACK", .to_tag = "t"})

static void s17_2_1_invite_gets_100_after_200_ms(void **state)
{
    struct stage *g = begin();
    struct slice  r;

    (void)state;
    stage_send(g, INVITE);
    stage_expect_notes(g, "request INVITE\n");
    stage_run_ms(g, 199);
    stage_expect_nothing(g);
    stage_run_ms(g, 1);
    r = stage_expect(g, "SIP/2.0 100 Trying\r\n");
    assert_int_equal(stage_heard_at(g), 200);
    assert_true(stage_has(r, "To: <sip:b@192.0.2.1>\r\n")); /* no tag in a 100 (§8.2.6.2) */
    stage_send(g, INVITE);
    stage_expect(g, "SIP/2.0 100 ");
    stage_expect_notes(g, "");
    assert_int_equal(reply_later(g, 200), ERR_OK);
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_close(g);
}

static void note_answered(void *arg, struct shard *sh, struct tsx_id t, unsigned code)
{
    (void)sh;
    (void)t;
    stage_note_number(arg, S("answered"), code);
}

static const struct stack_server_on answered_on = {.answered = note_answered, .ended = stage_on_server_ended};

static void watch_answered(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    if (!tsx_is_none(in->tsx))
        assert_int_equal(stack_watch_server(sh, in->tsx, &answered_on, g), ERR_OK);
}

/* Who watches is told of the first final answer, once: a repeated 2xx is none. */
static void a_final_answer_is_told_once(void **state)
{
    struct stage *g = begin();

    (void)state;
    g->on_request = watch_answered;
    stage_send(g, INVITE);
    assert_int_equal(reply_later(g, 180), ERR_OK);
    stage_expect_notes(g, "request INVITE\n");
    stage_expect(g, "SIP/2.0 180 ");
    assert_int_equal(reply_later(g, 200), ERR_OK);
    stage_expect(g, "SIP/2.0 200 ");
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "answered 200\nserver ended\n");
    stage_send(g, BYE);
    assert_int_equal(reply_later(g, 481), ERR_OK);
    stage_expect(g, "SIP/2.0 481 ");
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "request BYE\nanswered 481\nserver ended\n");
    stage_close(g);
}

static void s17_2_1_no_100_when_the_user_was_quicker(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_with(g, 180);
    stage_send(g, INVITE);
    stage_expect(g, "SIP/2.0 180 Ringing\r\n");
    stage_run_ms(g, 3000);
    stage_expect_nothing(g);
    stage_send(g, INVITE); /* repeated: the last provisional response */
    stage_expect(g, "SIP/2.0 180 Ringing\r\n");
    assert_int_equal(reply_later(g, 183), ERR_OK);
    stage_expect(g, "SIP/2.0 183 ");
    stage_send(g, INVITE);
    stage_expect(g, "SIP/2.0 183 ");
    assert_int_equal(reply_later(g, 486), ERR_OK);
    stage_expect(g, "SIP/2.0 486 ");
    stage_send(g, ACK);
    stage_run_ms(g, 5000);
    stage_expect_notes(g, "request INVITE\nserver acked\nserver ended\n");
    stage_close(g);
}

static void fig7_300_699_repeats_by_g_until_h(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_with(g, 486);
    stage_send(g, INVITE);
    stage_run_ms(g, 31999);
    stage_expect_times(g, "SIP/2.0 486 Busy Here\r\n", "0 500 1500 3500 7500 11500 15500 19500 23500 27500 31500");
    stage_expect_notes(g, "request INVITE\n");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "server failed: timed out\nserver ended\n");
    stage_close(g);
}

static void fig7_lost_ack_is_repeated_and_ends_it(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_with(g, 603);
    stage_send(g, INVITE);
    stage_run_ms(g, 600);
    stage_expect_times(g, "SIP/2.0 603 Decline\r\n", "0 500");
    stage_send(g, INVITE); /* and a repeated INVITE gets it again too */
    stage_expect(g, "SIP/2.0 603 ");
    stage_send(g, ACK);
    stage_expect_notes(g, "request INVITE\nserver acked\n");
    stage_run_ms(g, 4000);
    stage_send(g, ACK); /* absorbed until timer I */
    stage_send(g, INVITE);
    stage_run_ms(g, 999);
    stage_expect_nothing(g);
    stage_expect_notes(g, "");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "server ended\n");
    stage_close(g);
}

static void rfc6026_accepted_absorbs_invites_passes_acks_and_2xx(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_with(g, 200);
    stage_send(g, INVITE);
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    stage_send(g, INVITE);
    stage_expect_nothing(g); /* the user repeats it, not we */
    assert_int_equal(reply_later(g, 200), ERR_INVALID); /* made from the request, which is gone */
    stage_send(g, ACK);
    stage_expect_notes(g, "request INVITE\nrequest ACK\n");
    stage_run_ms(g, 31999);
    stage_expect_notes(g, "");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "server ended\n");
    assert_int_equal(reply_later(g, 486), ERR_NOTFOUND);
    stage_close(g);
}

static struct slice respond_octets;
static void act_respond(struct stage *g, struct shard *sh)
{
    g->result = stack_respond(sh, g->server, respond_octets);
}

static enum err respond_later(struct stage *g, struct slice octets)
{
    respond_octets = octets;
    stage_do(g, act_respond);
    return g->result;
}

static void rfc6026_further_2xx_go_out_and_no_other_final(void **state)
{
    struct stage *g = begin();
    char          text[STAGE_OCTETS];
    struct buf    invite = BUF_ON(text);

    (void)state;
    buf_put(&invite, INVITE);
    stage_send(g, buf_slice(&invite));
    assert_int_equal(respond_later(g, stage_answer(buf_slice(&invite), 180, "t1")), ERR_OK);
    assert_int_equal(respond_later(g, stage_answer(buf_slice(&invite), 200, "t1")), ERR_OK);
    assert_int_equal(respond_later(g, stage_answer(buf_slice(&invite), 200, "t2")), ERR_OK);
    assert_int_equal(respond_later(g, stage_answer(buf_slice(&invite), 180, "t1")), ERR_INVALID);
    assert_int_equal(respond_later(g, stage_answer(buf_slice(&invite), 486, "t3")), ERR_INVALID);
    assert_int_equal(respond_later(g, S("no response")), ERR_SYNTAX);
    assert_int_equal(respond_later(g, S("SIP/2.0 2000 x\r\n\r\n")), ERR_SYNTAX);
    stage_expect(g, "SIP/2.0 180 ");
    assert_true(stage_has(stage_expect(g, "SIP/2.0 200 "), ";tag=t1\r\n"));
    assert_true(stage_has(stage_expect(g, "SIP/2.0 200 "), ";tag=t2\r\n"));
    stage_expect_nothing(g);
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void fig8_absorbs_until_answered_and_repeats_until_j(void **state)
{
    struct stage *g = begin();

    (void)state;
    g->on_request = watch;
    stage_send(g, BYE);
    stage_send(g, BYE);
    stage_expect_nothing(g);
    assert_int_equal(reply_later(g, 200), ERR_OK);
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    stage_send(g, BYE);
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    assert_int_equal(reply_later(g, 500), ERR_INVALID);
    stage_run_ms(g, 31999);
    stage_expect_notes(g, "request BYE\n");
    stage_send(g, BYE);
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    stage_run_ms(g, 1);
    stage_expect_notes(g, "server ended\n");
    stage_close(g);
}

static void rfc4320_non_invite_gets_100_late_only(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_with(g, 100); /* taken, and not sent */
    stage_send(g, BYE);
    stage_run_ms(g, 3499);
    stage_expect_nothing(g);
    stage_run_ms(g, 1);
    stage_expect_times(g, "SIP/2.0 100 ", "3500");
    assert_int_equal(reply_later(g, 183), ERR_OK);
    stage_expect_nothing(g);
    assert_int_equal(reply_later(g, 200), ERR_OK);
    stage_expect(g, "SIP/2.0 200 ");
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void rfc4320_non_invite_never_gets_408(void **state)
{
    struct stage *g = begin();

    (void)state;
    answer_with(g, 408);
    stage_send(g, BYE);
    stage_send(g, BYE);
    stage_run_ms(g, 32000);
    stage_expect_nothing(g);
    stage_expect_notes(g, "request BYE\nserver ended\n");
    stage_close(g);
}

static void rfc4320_non_invite_that_nobody_answers_expires(void **state)
{
    struct stage *g = begin();

    (void)state;
    g->on_request = watch;
    stage_send(g, BYE);
    stage_run_ms(g, 32000);
    stage_expect_times(g, "SIP/2.0 100 ", "3500");
    stage_expect_notes(g, "request BYE\nserver ended\n");
    assert_int_equal(reply_later(g, 200), ERR_NOTFOUND);
    stage_close(g);
}

#define VIA_2543 "SIP/2.0/UDP 192.0.2.9:5060"

static void s17_2_3_rfc2543_branch_is_matched_whole(void **state)
{
    struct stage     *g = begin();
    struct stage_said invite = {.method = "INVITE", .via = VIA_2543};
    struct stage_said ack = {.method = "ACK", .via = VIA_2543, .to_tag = "wrong"};
    struct slice      r;
    char              tag[64];
    struct buf        b = BUF_ON(tag);

    (void)state;
    answer_with(g, 486);
    stage_send(g, stage_request(invite));
    r = stage_expect(g, "SIP/2.0 486 ");
    stage_send(g, stage_request(invite));
    stage_expect(g, "SIP/2.0 486 ");
    stage_expect_notes(g, "request INVITE\n");
    stage_send(g, stage_request(ack)); /* another tag: not its ACK */
    stage_expect_notes(g, "request ACK\n");
    r = slice_from(r, slice_find_slice(r, S("To: ")));
    r = slice_from(r, slice_find_slice(r, S(";tag=")) + 5);
    buf_put(&b, slice_to(r, slice_find(r, '\r')));
    buf_putc(&b, '\0');
    ack.to_tag = tag;
    stage_send(g, stage_request(ack));
    stage_expect_notes(g, "server acked\n");
    stage_run_ms(g, 5000);
    stage_expect_notes(g, "server ended\n");
    stage_close(g);
}

/* CANCEL finds its INVITE by branch; both are the user's to answer (§9.2). */
static struct tsx_id cancelled;
static void on_cancel(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    if (in->m->method_id != METHOD_CANCEL)
        return;
    cancelled = in->invite;
    assert_int_equal(stack_reply_code(sh, in->tsx, tsx_is_none(in->invite) ? 481 : 200), ERR_OK);
    if (!tsx_is_none(in->invite))
        assert_int_equal(stack_reply_code(sh, in->invite, 487), ERR_OK);
}

static void s9_2_cancel_names_its_invite(void **state)
{
    struct stage *g = begin();
    struct slice  bye_t;

    (void)state;
    g->on_request = on_cancel;
    stage_send(g, INVITE);
    stage_send(g, stage_request((struct stage_said){.method = "CANCEL"}));
    assert_true(tsx_eq(cancelled, g->server));
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    bye_t = stage_expect(g, "SIP/2.0 487 ");
    assert_true(stage_has(bye_t, "CSeq: 1 INVITE\r\n"));
    stage_send(g, stage_request((struct stage_said){.method = "CANCEL"})); /* again: absorbed */
    stage_expect(g, "SIP/2.0 200 OK\r\n");
    stage_send(g, stage_request((struct stage_said){.method = "CANCEL", .branch = "2"}));
    stage_expect(g, "SIP/2.0 481 ");
    assert_true(tsx_is_none(cancelled));
    stage_send(g, ACK);
    stage_run_ms(g, 32000);
    stage_expect_notes(g, "request INVITE\nrequest CANCEL\nrequest CANCEL\n");
    stage_close(g);
}

static struct tsx_id merged_with;
static void note_merged(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    (void)g;
    merged_with = in->merged;
    assert_int_equal(stack_reply_code(sh, in->tsx, 404), ERR_OK);
}

static void s8_2_2_2_merged_request_is_named(void **state)
{
    struct stage *g = begin();
    struct tsx_id first;

    (void)state;
    g->on_request = note_merged;
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS"}));
    first = g->server;
    assert_true(tsx_is_none(merged_with));
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS", .branch = "2"}));
    assert_true(tsx_eq(merged_with, first));
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS", .branch = "3", .cseq = 2})); /* PROTOCOL 7.5 */
    assert_true(tsx_is_none(merged_with));
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS", .branch = "4", .to_tag = "t"}));
    assert_true(tsx_is_none(merged_with));
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void s8_2_2_2_a_uas_alone_refuses_merged_requests(void **state)
{
    struct stage *g = &g_stage;

    (void)state;
    g_stage = (struct stage){.uas_only = true};
    stage_open(g);
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS"}));
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS", .branch = "2"}));
    stage_expect(g, "SIP/2.0 482 ");
    stage_expect_notes(g, "request OPTIONS\n");
    assert_int_equal(reply_later(g, 200), ERR_OK);
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void check_via(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    assert_true(stage_has(in->via, ";received=192.0.2.9"));
    assert_true(stage_has(in->via, ";rport=5060"));
    answer(g, sh, in);
}

static void rfc3581_via_is_passed_and_answered_with_received_and_rport(void **state)
{
    struct stage *g = begin();
    struct slice  r;

    (void)state;
    answer_code = 200;
    g->on_request = check_via;
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS",
                                                    .via = "SIP/2.0/UDP 10.0.0.1:9999;rport;branch=z9hG4bK1"}));
    r = stage_expect(g, "SIP/2.0 200 "); /* to where it came from, not to 10.0.0.1 */
    assert_true(stage_has(r, "rport=5060"));
    assert_true(stage_has(r, "received=192.0.2.9"));
    stage_run_ms(g, 32000);
    stage_close(g);
}

/* The request may be read again in a later callback, until it is answered. */
static const struct stack_in *seen_in;
static void act_read(struct stage *g, struct shard *sh)
{
    const struct stack_in *in = stack_request_of(sh, g->server);

    seen_in = in;
    if (!in)
        return;
    assert_ptr_equal(in, stack_request_of(sh, g->server));
    assert_int_equal(in->m->method_id, METHOD_INVITE);
    assert_true(slice_eq(msg_call_id(in->m), S("c1")));
    assert_true(stage_has(in->via, "rport=5060"));
    assert_true(tsx_eq(in->tsx, g->server));
    assert_int_equal(stack_reply_code(sh, g->server, 500), ERR_OK);
    assert_true(slice_eq(msg_call_id(in->m), S("c1"))); /* what was read outlives the answer */
    assert_null(stack_request_of(sh, g->server));
}

static void request_can_be_read_until_it_is_answered(void **state)
{
    struct stage *g = begin();

    (void)state;
    stage_send(g, INVITE);
    stage_run_ms(g, 10);
    stage_do(g, act_read);
    assert_non_null(seen_in);
    stage_do(g, act_read);
    assert_null(seen_in);
    stage_run_ms(g, 32000);
    stage_close(g);
}

static void reply_rows(struct stage *g, struct shard *sh, const struct stack_in *in)
{
    struct stack_reply r = {.code = 405, .reason = S("No"), .to_tag = S("mine"), .rows = S("Allow: BYE\r\n")};

    (void)g;
    assert_int_equal(stack_reply(sh, in->tsx, &r), ERR_OK);
}

static void a_reply_has_the_rows_it_is_given_and_a_stable_tag(void **state)
{
    struct stage *g = begin();
    struct slice  a, b;

    (void)state;
    g->on_request = reply_rows;
    stage_send(g, stage_request((struct stage_said){.method = "OPTIONS"}));
    a = stage_expect(g, "SIP/2.0 405 No\r\n");
    assert_true(stage_has(a, "\r\nAllow: BYE\r\n"));
    assert_true(stage_has(a, "To: <sip:b@192.0.2.1>;tag=mine\r\n"));
    answer_with(g, 180);
    stage_send(g, stage_request((struct stage_said){.method = "INVITE", .branch = "9", .cseq = 9}));
    a = stage_expect(g, "SIP/2.0 180 ");
    assert_int_equal(reply_later(g, 486), ERR_OK);
    b = stage_expect(g, "SIP/2.0 486 ");
    a = slice_from(a, slice_find_slice(a, S("To: ")));
    b = slice_from(b, slice_find_slice(b, S("To: ")));
    assert_true(slice_eq(slice_to(a, slice_find(a, '\r')), slice_to(b, slice_find(b, '\r'))));
    stage_run_ms(g, 32000);
    stage_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(s17_2_1_invite_gets_100_after_200_ms),
        cmocka_unit_test(a_final_answer_is_told_once),
        cmocka_unit_test(s17_2_1_no_100_when_the_user_was_quicker),
        cmocka_unit_test(fig7_300_699_repeats_by_g_until_h),
        cmocka_unit_test(fig7_lost_ack_is_repeated_and_ends_it),
        cmocka_unit_test(rfc6026_accepted_absorbs_invites_passes_acks_and_2xx),
        cmocka_unit_test(rfc6026_further_2xx_go_out_and_no_other_final),
        cmocka_unit_test(fig8_absorbs_until_answered_and_repeats_until_j),
        cmocka_unit_test(rfc4320_non_invite_gets_100_late_only),
        cmocka_unit_test(rfc4320_non_invite_never_gets_408),
        cmocka_unit_test(rfc4320_non_invite_that_nobody_answers_expires),
        cmocka_unit_test(s17_2_3_rfc2543_branch_is_matched_whole),
        cmocka_unit_test(s9_2_cancel_names_its_invite),
        cmocka_unit_test(s8_2_2_2_merged_request_is_named),
        cmocka_unit_test(s8_2_2_2_a_uas_alone_refuses_merged_requests),
        cmocka_unit_test(rfc3581_via_is_passed_and_answered_with_received_and_rport),
        cmocka_unit_test(request_can_be_read_until_it_is_answered),
        cmocka_unit_test(a_reply_has_the_rows_it_is_given_and_a_stable_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
