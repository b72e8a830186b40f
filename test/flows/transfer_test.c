/* transfer_test.c - call transfer without consultation: the guide's flow 06, and what may go wrong with it (PROTOCOL §5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

/*        A                P                B                C
 *  F9    |                |<--- REFER -----|                |
 *  F10   |                |---- 202 ------>|                |   P's own, before
 *  F11   |<--- REFER -----|                |                |   the REFER goes on
 *  F12   |---- 202 ------>|                |                |
 *  F13   |                |<--- BYE -------|                |
 *  F14   |<--- BYE -------|                |                |
 *  F15   |---- 200 ------>|---- 200 ------>| F16            |
 *  F17   |---- INVITE --->|---- INVITE -------------------->| F18, and so on to F24 */
static void blind_transfer_F1_to_F24(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;

    (void)state;
    peer_send(t.b, REFER_TO_C);
    m = peer_expect(t.b, "202 REFER");
    assert_true(slice_find_slice(msg_value(m, HDR_CONTACT), slice_z(peer_contact(t.a))) != SIZE_MAX);
    m = peer_expect(t.a, "REFER");
    assert_true(slice_find_slice(msg_value(m, HDR_REFER_TO), S("1003")) != SIZE_MAX);
    peer_send(t.a, "202");
    hang_up(t.b, t.a);
    set_up(t.a, t.c, "INVITE 1003");
    /* A tells B itself (RFC 3515), also after the BYE: P passes it and stays silent (PROTOCOL 5.5) */
    peer_take_call(t.a, 2);
    peer_send(t.a, NOTIFY_DONE);
    peer_expect(t.b, "NOTIFY");
    peer_send(t.b, "481");
    peer_expect(t.a, "481");
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* ... by the dialog's first REFER (PROTOCOL 5.3), as if A said it. */
static void expect_word_of_a(struct three *t, unsigned status)
{
    const struct msg *m = expect_told(t->b, status);
    struct event      ev;

    assert_int_equal(msg_event(m, &ev), ERR_OK);
    assert_true(slice_eq(ev.package, S("refer")));
    assert_int_equal(ev.id.n, 0);
    assert_true(slice_find_slice(msg_value(m, HDR_CONTACT), slice_z(peer_contact(t->a))) != SIZE_MAX);
    peer_send(t->b, "200");
}

/* PROTOCOL 5.4: B hangs up on the exchange's 202, which A has not even seen the REFER of: the BYE waits, F14 comes after F12. */
static void bye_waits_for_the_transferees_answer_5_4(void **state)
{
    struct three t = three_talking();

    (void)state;
    peer_send(t.b, REFER_TO_C);
    peer_expect(t.b, "202 REFER");
    peer_send(t.b, "BYE");
    peer_expect(t.a, "REFER");
    peer_expect_nothing(t.a, 300);
    peer_send(t.a, "202");
    put_out(t.a);
    peer_expect(t.b, "200 BYE");
    set_up_at_once(t.a, t.c, "INVITE 1003");
    hang_up(t.a, t.c);
    expect_word_of_a(&t, 200); /* A says nothing itself */
    kit_end(t.k);
}

/* The transferee refuses: the transferor is told by NOTIFY, and the call goes on with its CSeq shifted (PROTOCOL 4.2). */
static void refusal_comes_back_as_notify_5_3(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;
    struct cseq       cseq;

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "480");
    expect_word_of_a(&t, 480);
    peer_send(t.a, "INFO"); /* its CSeq, one above the INVITE's, comes one higher still: the NOTIFY took that one */
    m = peer_expect(t.b, "INFO");
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 3);
    peer_send(t.b, "200 INFO");
    m = peer_expect(t.a, "200 INFO");
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 2);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* The transferee answers nothing at all any more: not the REFER, not what the exchange tries in its stead (6.3). */
static void silence_comes_back_as_notify_408(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_expect_in(t.a, "INVITE", 3900, 4100);
    peer_expect(t.a, "BYE");
    peer_expect(t.a, "INVITE");
    assert_true(slice_starts(peer_expect(t.b, "NOTIFY")->body, S("SIP/2.0 408")));
    peer_send(t.b, "200");
    put_out(t.b);
    kit_end(t.k);
}

/* PROTOCOL 5.5: it says 202 and then does nothing. */
static void accepted_but_not_done_is_told_5_5(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "202");
    kit_wait_ms(t.k, 31000);
    peer_expect_nothing(t.b, 0);
    expect_word_of_a(&t, 408);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* PROTOCOL 5.5: it calls the target but says nothing: the exchange tells that call's final status. */
static void outcome_is_told_for_a_silent_transferee_5_5(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "202");
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    refuse(t.c, t.a, "486");
    expect_word_of_a(&t, 486);
    peer_take_call(t.b, 2);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* PROTOCOL 5.5: B asks once more while the outcome of the first call is not told yet. The new call is that of the new REFER. */
static void asked_twice_each_call_has_its_own_outcome_5_5(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;
    struct event      ev;

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "202");
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    refuse(t.c, t.a, "486");
    peer_take_call(t.a, 1);
    ask_to_refer(&t);
    peer_send(t.a, "202");
    set_up(t.a, t.c, "INVITE 1003");
    expect_word_of_a(&t, 486);
    m = peer_expect_in(t.b, "NOTIFY", 0, 5000);
    assert_true(slice_starts(m->body, S("SIP/2.0 200")));
    assert_int_equal(msg_event(m, &ev), ERR_OK);
    assert_true(ev.id.n > 0);
    peer_send(t.b, "200");
    peer_take_call(t.a, 1);
    hang_up(t.b, t.a);
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* PROTOCOL 5.6: once the exchange has spoken, the transferee's own late NOTIFY is answered and absorbed. */
static void late_notify_is_absorbed_5_6(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "202");
    kit_wait_ms(t.k, 31900);
    expect_word_of_a(&t, 408);
    peer_send(t.a, NOTIFY_TRYING);
    peer_expect(t.a, "200 NOTIFY");
    peer_expect_nothing(t.b, 500);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* PROTOCOL 5.1: no, two or bad Refer-To: 400, and nothing else happens. */
static void bad_refer_to_is_refused_5_1(void **state)
{
    static const char *const bad[] = {
        "REFER",
        "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">\nRefer-To: <sip:1001@" KIT_DOMAIN ">",
        "REFER\nRefer-To: <sip:@@>",
        "REFER\nRefer-To: <http://" KIT_DOMAIN "/>",
    };
    struct three t = three_talking();

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        peer_send(t.b, bad[i]);
        peer_expect(t.b, "400 REFER");
        peer_expect_nothing(t.a, 100);
    }
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* PROTOCOL 5.1: what accept does not cover goes end to end: the 202 is the transferee's. */
static void target_dialog_is_relayed_5_1(void **state)
{
    struct three t = three_talking();

    (void)state;
    peer_send(t.b, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">\nTarget-Dialog: x;local-tag=1;remote-tag=2\nRequire: tdialog");
    peer_expect(t.a, "REFER");
    peer_expect_nothing(t.b, 100);
    peer_send(t.a, "202");
    peer_expect(t.b, "202 REFER");
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* RFC 4488: the transferor wants no NOTIFY. The exchange's plain 202 promises one, so that is not passed on (PROTOCOL 5.2), and
 * it is told all the same. */
static void rfc4488_refer_sub_false_is_taken_off(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;

    (void)state;
    peer_send(t.b, REFER_TO_C "\nRefer-Sub: false\nSupported: norefersub");
    m = peer_expect(t.b, "202 REFER");
    assert_false(msg_has(m, HDR_REFER_SUB));
    m = peer_expect(t.a, "REFER");
    assert_false(msg_has(m, HDR_REFER_SUB));
    peer_send(t.a, "480");
    expect_word_of_a(&t, 480);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* PROTOCOL 7.4: a Refer-To that names the phone itself becomes the number, or the new call would pass the exchange by. */
static void refer_to_a_contact_becomes_the_number_7_4(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;

    (void)state;
    peer_send(t.b, "REFER\nRefer-To: <sip:1003@10.0.0.13:5060>");
    peer_expect(t.b, "202 REFER");
    m = peer_expect(t.a, "REFER");
    assert_memory_equal(msg_value(m, HDR_REFER_TO).p, "<sip:1003@" KIT_DOMAIN ">\r\n", 24);
    peer_send(t.a, "480");
    expect_word_of_a(&t, 480);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* While a re-INVITE of the transferee is under way the exchange holds its tongue; then it speaks (PROTOCOL 4.2). */
static void the_exchange_waits_its_turn_4_2(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "INVITE");
    peer_expect(t.b, "INVITE");
    peer_send(t.b, "180");
    peer_expect(t.a, "180");
    peer_send(t.a, "480 REFER");
    peer_expect_nothing(t.b, 5000);
    answer(t.b, t.a);
    expect_word_of_a(&t, 480);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* From and To are repeated octet for octet, however long they are. */
static void long_names_are_no_reason_to_be_silent(void **state)
{
    struct three t = {.k = kit_begin(NULL)};
    static char  invite[4000];
    int          n;

    (void)state;
    t.a = peer_registered(t.k, "1001");
    t.b = peer_registered(t.k, "1002");
    n = snprintf(invite, sizeof invite, "INVITE 1002\nFrom: \"");
    memset(invite + n, 'A', 3000);
    snprintf(invite + n + 3000, sizeof invite - (size_t)n - 3000, "\" <sip:1001@" KIT_DOMAIN ">;x=y");
    peer_send(t.a, invite);
    peer_expect(t.b, "INVITE");
    answer(t.b, t.a);
    ask_to_refer(&t);
    peer_send(t.a, "480");
    expect_word_of_a(&t, 480);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blind_transfer_F1_to_F24),
        cmocka_unit_test(bye_waits_for_the_transferees_answer_5_4),
        cmocka_unit_test(refusal_comes_back_as_notify_5_3),
        cmocka_unit_test(silence_comes_back_as_notify_408),
        cmocka_unit_test(accepted_but_not_done_is_told_5_5),
        cmocka_unit_test(outcome_is_told_for_a_silent_transferee_5_5),
        cmocka_unit_test(asked_twice_each_call_has_its_own_outcome_5_5),
        cmocka_unit_test(late_notify_is_absorbed_5_6),
        cmocka_unit_test(bad_refer_to_is_refused_5_1),
        cmocka_unit_test(target_dialog_is_relayed_5_1),
        cmocka_unit_test(rfc4488_refer_sub_false_is_taken_off),
        cmocka_unit_test(refer_to_a_contact_becomes_the_number_7_4),
        cmocka_unit_test(the_exchange_waits_its_turn_4_2),
        cmocka_unit_test(long_names_are_no_reason_to_be_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
