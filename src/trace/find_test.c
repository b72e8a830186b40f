/* find_test.c - each finding is found, and nobody is accused of what is lawful: transactions, dialogs, routes, wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

/* --- transactions ------------------------------------------------------------------------------------------------------- */

static void a_call_that_goes_well_accuses_nobody(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_accuses_nobody(&k);
}

static void nobody_answers_an_invite(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1|P>B INVITE 1");
    kit_again(&k, 2, 500000);
    kit_again(&k, 2, 1500000);
    kit_accuses(&k, "RFC 3261", "B never answered the INVITE of the exchange, though it was sent 3 times");
}

static void a_phone_that_rings_for_long_is_not_accused(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1");
    kit_accuses_nobody(&k);
}

static void a_bye_is_not_answered(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P BYE 1|P>A BYE 1");
    kit_accuses(&k, "RFC 3261", "A never answered the BYE of the exchange");
}

static void the_end_of_a_capture_is_nobodys_fault(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P BYE 1|P>A BYE 1");
    k.end_us = k.m[k.n - 1].time_us + 1000;
    kit_accuses_nobody(&k);
}

static void retransmissions_are_folded_and_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    for (size_t i = 0; i < 12; i++)
        kit_again(&k, i, 500000);
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->stories[0].n_rows, 12);
    assert_int_equal(k.t->stories[0].rows[0].resent, 1);
    kit_close(&k);
}

static void a_packet_captured_twice_is_no_retransmission(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_again(&k, 0, 40);
    kit_build(&k);
    assert_int_equal(k.t->stories[0].n_rows, 8);
    assert_int_equal(k.t->stories[0].rows[0].resent, 0);
    kit_close(&k);
}

static void a_refusal_without_ack(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|P>A 486 INVITE 1");
    kit_again(&k, 4, 500000);
    kit_accuses(&k, "RFC 3261", "A did not acknowledge the 486 to the INVITE");
}

static void busy_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|P>A 486 INVITE 1|A>P ACK 1");
    kit_accuses_nobody(&k);
}

static void a_second_different_final_response(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P BYE 1|P>A BYE 1|A>P 200 BYE 1|A>P 481 BYE 1|P>B 200 BYE 1");
    kit_accuses(&k, "RFC 3261", "A answered the BYE twice, with different results (200, then 481)");
}

static void two_phones_of_a_fork_may_both_answer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|P>C INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|C>P 200 INVITE 1|P>A 200 INVITE 1|"
                 "A>P ACK 1|P>B ACK 1");
    kit_build(&k);
    assert_null(kit_find(&k, "RFC 3261", "twice"));
    kit_close(&k);
}

static void loops(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 483 INVITE 1|A>P ACK 1");
    kit_accuses(&k, "RFC 3261", "too many hops");
    kit_open(&k, "A>P INVITE 1|P>A 482 INVITE 1|A>P ACK 1");
    kit_accuses(&k, "RFC 5393", "loop");
}

static void a_cancel_with_another_branch(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|A>P CANCEL 1|P>A 481 CANCEL 1");
    kit_edit(&k, 4, "z9hG4bK1000", "z9hG4bK9999");
    kit_edit(&k, 5, "z9hG4bK1000", "z9hG4bK9999");
    kit_accuses(&k, "RFC 3261", "CANCEL has another branch");
}

static void a_cancel_may_cross_the_answer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|B>P 200 INVITE 1|A>P CANCEL 1|P>A 200 CANCEL 1|"
                 "P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1|A>P BYE 1|P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1");
    kit_accuses_nobody(&k);
}

static void a_cancelled_call_is_lawful_and_one_without_487_is_not(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|A>P CANCEL 1|P>A 200 CANCEL 1|P>B CANCEL 1|"
                 "B>P 200 CANCEL 1|B>P 487 INVITE 1|P>B ACK 1|P>A 487 INVITE 1|A>P ACK 1");
    kit_accuses_nobody(&k);
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|A>P CANCEL 1|P>A 200 CANCEL 1|P>B CANCEL 1|"
                 "B>P 200 CANCEL 1");
    kit_accuses(&k, "RFC 3261", "487 is missing");
}

static void a_forward_by_302_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 302 INVITE 1|P>B ACK 1|P>A 302 INVITE 1|A>P ACK 1" KIT_UP2);
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].links[0].kind, TRACE_LINK_REDIRECT);
    kit_close(&k);
}

/* --- authentication -------------------------------------------------------------------------------------------------------- */

#define CHALLENGED "A>P INVITE 1|P>A 407 INVITE 1|A>P ACK 1"

static void a_challenge_not_taken_up(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, CHALLENGED);
    kit_accuses(&k, "RFC 3261", "A was asked who it is, and did not try again");
}

static void a_challenge_that_is_taken_up_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, CHALLENGED "|" KIT_UP KIT_BYE);
    kit_accuses_nobody(&k);
}

static void a_wrong_password(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, CHALLENGED "|A>P INVITE 1|P>A 407 INVITE 1|A>P ACK 1");
    kit_accuses(&k, "RFC 3261", "does not accept the credentials of A (1001 in example.com)");
}

static void a_stale_nonce_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, CHALLENGED "|A>P INVITE 1|P>A 407 INVITE 1|A>P ACK 1|A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|"
                            "P>A 486 INVITE 1|A>P ACK 1");
    kit_edit(&k, 4, "algorithm=MD5", "stale=true");
    kit_accuses_nobody(&k);
}

static void a_callee_whose_registration_was_refused(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "B>P REGISTER 2|P>B 403 REGISTER 2|A>P INVITE 1|P>B INVITE 1|B>P 480 INVITE 1|P>B ACK 1|P>A 480 INVITE 1|A>P ACK 1");
    kit_accuses(&k, "RFC 3261", "its last REGISTER was refused with 403");
}

/* --- dialogs ------------------------------------------------------------------------------------------------------------------ */

static void a_wrong_to_tag(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P BYE 1|P>A 481 BYE 1");
    kit_edit(&k, 8, ";tag=tag2-1", ";tag=nonsense");
    kit_edit(&k, 9, ";tag=tag2-1", ";tag=nonsense");
    kit_accuses(&k, "RFC 3261", "A's BYE has a wrong To tag (nonsense)");
}

static void a_bye_without_to_tag(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P BYE 1|P>A 481 BYE 1");
    kit_edit(&k, 8, ";tag=tag2-1", "");
    kit_accuses(&k, "RFC 3261", "A's BYE has no To tag");
}

static void a_response_with_another_from_tag(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    kit_edit(&k, 10, "From: <sip:1002@example.com>;tag=tag2-1", "From: <sip:1002@example.com>;tag=other");
    kit_accuses(&k, "RFC 3261", "A changed the From tag in its answer to the BYE");
}

static void a_cseq_that_goes_backward(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD "|A>P BYE 1|P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1");
    for (size_t i = 14; i < 18; i++)
        kit_edit(&k, i, "CSeq: 3 BYE", "CSeq: 1 BYE");
    kit_accuses(&k, "RFC 3261", "A's BYE has CSeq 1, and its INVITE before had 2");
}

static void no_ack_at_all(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1");
    kit_again(&k, 2, 500000);
    kit_again(&k, 3, 500000);
    kit_accuses(&k, "RFC 3261", "A did not acknowledge the answer of B, which came 2 times");
}

static void an_ack_that_goes_in_and_not_out(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_drop(&k, 7);
    kit_again(&k, 4, 500000);
    kit_accuses(&k, "RFC 3261", "The exchange got the ACK and did not pass it on to B, which repeats its 200");
}

static void an_ack_that_asks_for_somebody_else(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    kit_drop(&k, 7);
    kit_again(&k, 4, 500000);
    kit_edit(&k, 6, "ACK sip:1002@192.0.2.12", "ACK sip:9999@192.0.2.99");
    kit_accuses(&k, "RFC 3261", "The ACK asks for sip:9999@192.0.2.99:5060, and the Contact of the answer was sip:1002@192.0.2.12");
}

static void an_answer_that_is_kept_back(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|B>P 200 INVITE 1");
    kit_again(&k, 4, 500000);
    kit_accuses(&k, "RFC 3261", "The exchange did not pass the answer of B on to A");
}

static void an_ack_that_goes_straight_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>B ACK 1|A>B BYE 1|B>A 200 BYE 1");
    kit_accuses_nobody(&k);
}

static void a_refused_hold(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P INVITE!~ 1|P>B INVITE! 1|B>P 488 INVITE 1|P>B ACK 1|P>A 488 INVITE 1|A>P ACK 1");
    kit_accuses(&k, "RFC 3261", "B refuses to be put on hold: 488");
}

static void glare_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P INVITE!~ 1|P>B INVITE! 1|B>P 491 INVITE 1|P>B ACK 1|P>A 491 INVITE 1|A>P ACK 1");
    kit_accuses_nobody(&k);
}

static void a_hold_is_lawful_and_an_answer_that_sends_is_not(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD);
    kit_accuses_nobody(&k);
    kit_open(&k, KIT_UP KIT_HOLD);
    kit_edit(&k, 10, "a=recvonly", "a=sendrecv");
    kit_edit(&k, 11, "a=recvonly", "a=sendrecv");
    kit_accuses(&k, "RFC 3264", "a=sendrecv");
}

static void a_bye_that_is_not_known_and_two_that_cross(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P BYE 1|P>B BYE 1|B>P 481 BYE 1|P>A 481 BYE 1");
    kit_accuses(&k, "RFC 3261", "B knows nothing of the call");
    kit_open(&k, KIT_UP "|A>P BYE 1|B>P BYE 1|P>B BYE 1|P>A BYE 1|B>P 481 BYE 1|P>A 481 BYE 1|A>P 481 BYE 1|P>B 481 BYE 1");
    kit_accuses_nobody(&k);
}

/* --- routes ----------------------------------------------------------------------------------------------------------------------- */

static void a_bye_without_the_route(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P BYE 1|P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1");
    kit_edit(&k, 8, "Route: <sip:192.0.2.2:5060;lr>\r\n", "");
    kit_accuses(&k, "RFC 3261", "A's BYE does not follow the route set of the call");
}

static void an_outbound_proxy_in_front_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P BYE 1|P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1");
    kit_edit(&k, 8, "Route: <sip:192.0.2.2:5060;lr>\r\n",
             "Route: <sip:outbound.example.com;lr>, <sip:192.0.2.2:5060;lr>\r\n");
    kit_accuses_nobody(&k);
}

static void a_request_to_another_target(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P BYE 1|P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1");
    kit_edit(&k, 8, "BYE sip:1002@192.0.2.12", "BYE sip:1002@198.51.100.7");
    kit_accuses(&k, "RFC 3261", "A's BYE asks for sip:1002@198.51.100.7:5060, and the other side's Contact is");
}

static void a_target_that_moved_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD "|A>P BYE 1|P>B BYE 1|B>P 200 BYE 1|P>A 200 BYE 1");
    kit_edit(&k, 10, "Contact: <sip:1002@192.0.2.12:5060>", "Contact: <sip:1002@192.0.2.77:5060>");
    kit_edit(&k, 11, "Contact: <sip:1002@192.0.2.12:5060>", "Contact: <sip:1002@192.0.2.77:5060>");
    for (size_t i = 12; i < 16; i++) {
        if (i == 12 || i == 13)
            kit_edit(&k, i, "ACK sip:1002@192.0.2.12", "ACK sip:1002@192.0.2.77");
        else
            kit_edit(&k, i, "BYE sip:1002@192.0.2.12", "BYE sip:1002@192.0.2.77");
    }
    kit_accuses_nobody(&k);
}

/* --- timers, wire, gaps ---------------------------------------------------------------------------------------------------------------- */

static void a_session_timer_that_ran_out(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    for (size_t i = 4; i < 6; i++)
        kit_row(&k, i, "Session-Expires: 90;refresher=uac");
    kit_wait(&k, 8, 61000000);
    kit_accuses(&k, "RFC 4028", "The session timer of 90 s ran out: A had to renew the session and did not, so B hung up");
}

static void a_session_that_is_renewed_or_ends_early_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    for (size_t i = 4; i < 6; i++)
        kit_row(&k, i, "Session-Expires: 90;refresher=uac");
    kit_wait(&k, 8, 30000000);
    kit_accuses_nobody(&k);
    kit_open(&k, KIT_UP "|A>P UPDATE 1|P>B UPDATE 1|B>P 200 UPDATE 1|P>A 200 UPDATE 1" KIT_BYE);
    for (size_t i = 4; i < 12; i++)
        if (i < 6 || i > 9)
            kit_row(&k, i, "Session-Expires: 90;refresher=uac");
    kit_wait(&k, 8, 45000000);
    kit_wait(&k, 12, 45000000);
    kit_accuses_nobody(&k);
}

static void no_content_length_on_a_stream(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    for (size_t i = 0; i < k.n; i++)
        k.m[i].transport = TRACE_TCP;
    kit_edit(&k, 8, "Content-Length: 0\r\n", "");
    kit_accuses(&k, "RFC 3261", "B leaves out Content-Length on a stream");
    kit_open(&k, KIT_UP KIT_BYE);
    kit_edit(&k, 8, "Content-Length: 0\r\n", ""); /* over UDP it may be left out */
    kit_accuses_nobody(&k);
}

static void lost_fragments(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1");
    k.gap = (struct trace_gap){TRACE_GAP_FRAGMENT, k.m[1].time_us + 1000, k.m[1].from, kit_addr("192.0.2.12:5060"), 9, 700,
                               slice_to(k.m[0].octets, 300)};
    kit_accuses(&k, "RFC 3261", "not all of its IP fragments came (700 octets are missing)");
}

static void a_lost_invite_stands_in_the_ladder(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1");
    k.gap = (struct trace_gap){TRACE_GAP_FRAGMENT, k.m[0].time_us, k.m[0].from, k.m[0].to, 9, 100,
                               slice_to(k.m[0].octets, k.m[0].octets.n - 100)};
    k.n = 0;
    k.n_sounds = 0;
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 1);
    kit_expect(&k, "RFC 3261", "is lost: not all of its IP fragments came (100 octets are missing)");
    kit_close(&k);
}

static void a_story_with_a_gap_accuses_nobody(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P BYE 1|P>A BYE 1");
    k.gap = (struct trace_gap){.kind = TRACE_GAP_DROPPED, .time_us = k.m[3].time_us, .missing = 5};
    kit_build(&k);
    assert_false(k.t->stories[0].verdict.known);
    assert_false(k.t->stories[0].verdict.ok);
    for (size_t i = 0; i < k.t->stories[0].n_findings; i++)
        assert_int_equal(k.t->stories[0].findings[i].severity, TRACE_NOTE);
    assert_non_null(kit_find(&k, "", "5 messages of that time could not be recorded"));
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_that_goes_well_accuses_nobody),
        cmocka_unit_test(nobody_answers_an_invite),
        cmocka_unit_test(a_phone_that_rings_for_long_is_not_accused),
        cmocka_unit_test(a_bye_is_not_answered),
        cmocka_unit_test(the_end_of_a_capture_is_nobodys_fault),
        cmocka_unit_test(retransmissions_are_folded_and_lawful),
        cmocka_unit_test(a_packet_captured_twice_is_no_retransmission),
        cmocka_unit_test(a_refusal_without_ack),
        cmocka_unit_test(busy_is_lawful),
        cmocka_unit_test(a_second_different_final_response),
        cmocka_unit_test(two_phones_of_a_fork_may_both_answer),
        cmocka_unit_test(loops),
        cmocka_unit_test(a_cancel_with_another_branch),
        cmocka_unit_test(a_cancel_may_cross_the_answer),
        cmocka_unit_test(a_cancelled_call_is_lawful_and_one_without_487_is_not),
        cmocka_unit_test(a_forward_by_302_is_lawful),
        cmocka_unit_test(a_challenge_not_taken_up),
        cmocka_unit_test(a_challenge_that_is_taken_up_is_lawful),
        cmocka_unit_test(a_wrong_password),
        cmocka_unit_test(a_stale_nonce_is_lawful),
        cmocka_unit_test(a_callee_whose_registration_was_refused),
        cmocka_unit_test(a_wrong_to_tag),
        cmocka_unit_test(a_bye_without_to_tag),
        cmocka_unit_test(a_response_with_another_from_tag),
        cmocka_unit_test(a_cseq_that_goes_backward),
        cmocka_unit_test(no_ack_at_all),
        cmocka_unit_test(an_ack_that_goes_in_and_not_out),
        cmocka_unit_test(an_ack_that_asks_for_somebody_else),
        cmocka_unit_test(an_answer_that_is_kept_back),
        cmocka_unit_test(an_ack_that_goes_straight_is_lawful),
        cmocka_unit_test(a_refused_hold),
        cmocka_unit_test(glare_is_lawful),
        cmocka_unit_test(a_hold_is_lawful_and_an_answer_that_sends_is_not),
        cmocka_unit_test(a_bye_that_is_not_known_and_two_that_cross),
        cmocka_unit_test(a_bye_without_the_route),
        cmocka_unit_test(an_outbound_proxy_in_front_is_lawful),
        cmocka_unit_test(a_request_to_another_target),
        cmocka_unit_test(a_target_that_moved_is_lawful),
        cmocka_unit_test(a_session_timer_that_ran_out),
        cmocka_unit_test(a_session_that_is_renewed_or_ends_early_is_lawful),
        cmocka_unit_test(no_content_length_on_a_stream),
        cmocka_unit_test(lost_fragments),
        cmocka_unit_test(a_lost_invite_stands_in_the_ladder),
        cmocka_unit_test(a_story_with_a_gap_accuses_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
