/* execute_test.c - the transferee cannot or will not: the exchange executes the transfer itself (PROTOCOL 5.4, 5.6, §6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

/*    A                P                B                C
 *    |                |<--- REFER -----|                |
 *    |<--- REFER -----|---- 202 ------>|                |
 *    |---- 603 ------>|                |                |   405, 420, 481, 501 likewise
 *    |<--- INVITE ----|                |                |   without offer
 *    |---- 200 ------>|                |                |   its offer
 *    |<--- ACK -------|                |                |   the answer: the exchange's tone
 *    |                |---- INVITE -------------------->|   A's offer
 *    |                |<--- 180 ------------------------|
 *    |                |<--- 200 ------------------------|
 *    |                |---- ACK ----------------------->|
 *    |<--- INVITE ----|                |                |   C's answer as offer
 *    |---- 200 ------>|                |                |
 *    |<--- ACK -------|---- NOTIFY --->|                |   200
 *    |                |<--- BYE -------|                |   and BYE from either end clears both */
static void refusal_is_executed(const char *answer, bool a_ends)
{
    struct three t = three_talking();

    execute(&t, answer);
    if (a_ends)
        hang_up(t.a, t.c);
    else
        hang_up(t.c, t.a);
    kit_end(t.k);
}

static void each_refusal_6(void **state)
{
    static const char *const answers[] = {"405 REFER", "420 REFER", "481 REFER", "501 REFER", "603 REFER"};

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        refusal_is_executed(answers[i], i % 2);
}


/* A says nothing at all: after 4 s the exchange acts; B's BYE, 300 ms after its 202, was held until then (5.4). */
static void silence_is_executed_after_4_s_5_4(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    kit_wait_ms(t.k, 300);
    peer_send(t.b, "BYE");
    peer_expect_nothing(t.b, 3500);
    peer_expect_in(t.b, "200 BYE", 0, 400);
    expect_to_be_asked(&t);
    ring_and_answer(&t, 40000);
    expect_notify(t.b, 200);
    assert_string_equal(kit_cdr(t.k, 0), "1001 1002 200 callee transfer");
    hang_up(t.a, t.c);
    kit_wait_ms(t.k, 50);
    assert_string_equal(kit_cdr(t.k, 0), "1001 1003 200 caller bye");
    kit_end(t.k);
}

/* Its Allow has no REFER: it is not even asked (5.4). */
static void without_refer_in_allow_it_is_executed_at_once_5_4(void **state)
{
    struct three t = three_begin(NULL);

    (void)state;
    set_up_at_once(t.a, t.b, "INVITE 1002\nAllow: INVITE,ACK, BYE,XREFER\nAllow: REFERENCE, CANCEL");
    peer_send(t.b, REFER_TO_C);
    peer_expect(t.b, "202 REFER");
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* The modes of a user (DESIGN §5). */
static void a_users_mode_counts(void **state)
{
    struct three t = three_begin(&(struct kit_options){.digest = true});

    (void)state;
    kit_set_user(t.k, "1002", "transfer", "execute");
    set_up_at_once(t.a, t.b, "INVITE 1002");
    peer_send(t.b, REFER_TO_C);
    peer_expect(t.b, "202 REFER");
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(t.a, t.c);
    kit_set_user(t.k, "1002", "transfer", "relay");
    set_up_at_once(t.a, t.b, "INVITE 1002");
    peer_send(t.b, REFER_TO_C);
    peer_expect(t.a, "REFER");
    peer_expect_nothing(t.b, 100);
    peer_send(t.a, "603");
    peer_expect(t.b, "603 REFER");
    hang_up(t.a, t.b);
    kit_end(t.k);
}

/* B, the caller this time, had put A on hold: C is called with sendrecv all the same, and A is taken off hold by C's SDP. */
static void a_held_transferee_is_given_to_the_target_6_5(void **state)
{
    static const char hold[] = "INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 9 2 IN IP4 10.0.0.12\r\ns=-\r\nc=IN IP4 10.0.0.12\r\n"
                               "t=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=sendonly\r\n";
    static const char held[] = "200 INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 5 2 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\n"
                               "t=0 0\r\nm=audio 4000 RTP/AVP 0 8\r\na=recvonly\r\n";
    struct three t = three_talking();
    struct said  s;

    (void)state;
    peer_send(t.b, hold);
    peer_expect(t.a, "INVITE");
    peer_send(t.a, held);
    peer_expect(t.b, "200 INVITE");
    peer_send(t.b, "ACK");
    peer_expect(t.a, "ACK");
    ask_to_refer(&t);
    peer_send(t.a, "603 REFER");
    assert_int_equal(peer_expect(t.a, "INVITE")->body.n, 0);
    peer_send(t.a, held);
    s = said(peer_expect(t.a, "ACK")); /* RFC 3264 §8: B's identity, its version one more */
    assert_string_equal(s.origin, "- 9 10.0.0.12");
    assert_int_equal(s.version, 3);
    s = said(peer_expect(t.c, "INVITE"));
    assert_int_equal(s.dir, SDP_SENDRECV);
    assert_string_equal(s.host, "10.0.0.11");
    peer_send(t.c, "200 INVITE");
    s = said(peer_expect(t.a, "INVITE"));
    assert_string_equal(s.origin, "- 9 10.0.0.12");
    assert_int_equal(s.version, 4);
    assert_int_equal(s.dir, SDP_SENDRECV);
    peer_send(t.a, "200 INVITE");
    peer_expect(t.a, "ACK");
    peer_expect(t.c, "ACK");
    expect_notify(t.b, 200);
    leave(t.b);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* A's answer is not what C was given: C is told by a re-INVITE (6.2 step 3). */
static void another_answer_goes_to_the_target_6_2(void **state)
{
    struct three t = three_talking();
    struct said  s;

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    agree(t.c);
    peer_expect(t.a, "INVITE");
    peer_send(t.a, "200 INVITE\nContent-Type: application/sdp\n\nv=0\r\no=- 1 9 IN IP4 10.0.0.11\r\ns=-\r\nc=IN IP4 10.0.0.11\r\nt=0 0\r\n"
                   "m=audio 4444 RTP/AVP 0 8\r\n");
    peer_expect(t.a, "ACK");
    s = said(peer_expect(t.c, "INVITE"));
    assert_int_equal(s.port, 4444);
    peer_send(t.c, "200 INVITE");
    peer_expect(t.c, "ACK");
    expect_notify(t.b, 200);
    leave(t.b);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* 6.4: C refuses, B is still there: it is told, and has its call back. */
static void a_refused_transferor_has_its_call_back_6_4(void **state)
{
    struct three t = three_talking();
    struct said  s;

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_expect(t.c, "INVITE");
    decline(t.c, "486");
    expect_notify(t.b, 486);
    assert_int_equal(peer_expect(t.b, "INVITE")->body.n, 0);
    peer_send(t.b, "200 INVITE");
    s = said(peer_expect(t.a, "INVITE"));
    assert_string_equal(s.host, "10.0.0.12");
    peer_send(t.a, "200 INVITE");
    peer_expect(t.a, "ACK");
    s = said(peer_expect(t.b, "ACK"));
    assert_string_equal(s.host, "10.0.0.11");
    kit_wait_ms(t.k, 10000);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* 6.4: C refuses, B has gone: A rings B again; B takes the call. */
static void a_transferor_that_has_gone_is_rung_again_6_4(void **state)
{
    struct three t = three_talking();

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_expect(t.c, "INVITE");
    leave(t.b);
    decline(t.c, "486");
    expect_notify(t.b, 486);
    peer_expect(t.b, "INVITE");
    peer_send(t.b, "180 INVITE");
    kit_wait_ms(t.k, 5000);
    peer_send(t.b, "200 INVITE");
    peer_expect(t.b, "ACK");
    agree(t.a);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* ... or does not: A is released, and told why. */
static void a_recall_that_nobody_takes_releases_the_transferee_6_4(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_expect(t.c, "INVITE");
    leave(t.b);
    decline(t.c, "486");
    expect_notify(t.b, 486);
    peer_expect(t.b, "INVITE");
    peer_send(t.b, "180 INVITE");
    peer_expect_in(t.b, "CANCEL", 29000, 31000);
    peer_send(t.b, "200 CANCEL");
    decline(t.b, "487 INVITE");
    m = peer_expect(t.a, "BYE");
    assert_true(slice_find_slice(msg_value(m, HDR_REASON), S("cause=486")) != SIZE_MAX);
    peer_send(t.a, "200 BYE");
    kit_end(t.k);
}

/* 6.3: A does not know the dialog at all: it is called anew by its number. */
static void a_transferee_that_lost_the_call_is_called_anew_6_3(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "481 REFER");
    peer_expect(t.a, "INVITE");
    decline(t.a, "481 INVITE");
    peer_expect(t.a, "BYE");
    peer_send(t.a, "481 BYE");
    m = peer_expect(t.a, "INVITE");
    assert_int_equal(msg_to_tag(m).n, 0);
    assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("1002")) != SIZE_MAX);
    peer_send(t.a, "180");
    peer_send(t.a, "200 INVITE");
    assert_true(peer_expect(t.a, "ACK")->body.n > 0);
    finish_transfer(&t);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* 5.6: A's 2xx comes late, but before C is called: A does it. */
static void a_late_yes_before_the_target_is_called_counts_5_6(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_expect_in(t.a, "INVITE", 3900, 4100);
    peer_send(t.a, "202 REFER");
    kit_wait_ms(t.k, 10);
    peer_send(t.a, "200 INVITE");
    peer_expect(t.a, "ACK");
    set_up_at_once(t.a, t.c, "INVITE 1003");
    peer_take_call(t.a, 2);
    peer_send(t.a, NOTIFY_DONE);
    peer_expect(t.a, "200 NOTIFY");
    expect_notify(t.b, 200);
    leave(t.b);
    put_out(t.a);
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* 5.6: too late: its NOTIFYs are absorbed, its own call to the target refused. */
static void a_later_yes_does_not_5_6(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    expect_to_be_asked(&t);
    peer_expect(t.c, "INVITE");
    peer_send(t.a, "202 REFER");
    peer_send(t.a, NOTIFY_TRYING);
    peer_expect(t.a, "200 NOTIFY");
    peer_send(t.a, "INVITE 1003");
    refused(t.a, "403");
    peer_take_call(t.a, 2);
    peer_send(t.c, "200 INVITE");
    peer_expect(t.c, "ACK");
    agree(t.a);
    expect_notify(t.b, 200);
    leave(t.b);
    hang_up(t.c, t.a);
    kit_end(t.k);
}

/* B stays although it has been told 200: it is hung up. Its re-INVITE meanwhile: 491 (6.1). */
static void a_transferor_that_stays_is_hung_up_6_1(void **state)
{
    struct three t = three_talking();

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_send(t.b, "INVITE");
    refused(t.b, "491 INVITE");
    ring_and_answer(&t, 0);
    expect_notify(t.b, 200);
    peer_expect_in(t.b, "BYE", 3500, 4500);
    peer_send(t.b, "200 BYE");
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* A hangs up while C rings: C is not rung any more. */
static void a_transferee_that_hangs_up_ends_it_all(void **state)
{
    struct three t = three_talking();

    (void)state;
    refuse_to_refer(&t, "603 REFER");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    kit_wait_ms(t.k, 1000);
    leave(t.a);
    cancelled(t.c);
    expect_notify(t.b, 487);
    put_out(t.b);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_6),
        cmocka_unit_test(silence_is_executed_after_4_s_5_4),
        cmocka_unit_test(without_refer_in_allow_it_is_executed_at_once_5_4),
        cmocka_unit_test(a_users_mode_counts),
        cmocka_unit_test(a_held_transferee_is_given_to_the_target_6_5),
        cmocka_unit_test(another_answer_goes_to_the_target_6_2),
        cmocka_unit_test(a_refused_transferor_has_its_call_back_6_4),
        cmocka_unit_test(a_transferor_that_has_gone_is_rung_again_6_4),
        cmocka_unit_test(a_recall_that_nobody_takes_releases_the_transferee_6_4),
        cmocka_unit_test(a_transferee_that_lost_the_call_is_called_anew_6_3),
        cmocka_unit_test(a_late_yes_before_the_target_is_called_counts_5_6),
        cmocka_unit_test(a_later_yes_does_not_5_6),
        cmocka_unit_test(a_transferor_that_stays_is_hung_up_6_1),
        cmocka_unit_test(a_transferee_that_hangs_up_ends_it_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
