/* link_test.c - which calls are one story: transfers by phones that moved, REFERs that are used once, what began unseen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

#define TRANSFER KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2

enum { FIRST_OF_NEW_CALL = 20 };

/* --- transfers ----------------------------------------------------------------------------------------------------------- */

/* From message i on everything that A sends and gets goes by another address, over TCP. */
static void move_a(struct kit *k, size_t i)
{
    struct addr old = k->m[0].from, now = kit_addr("198.51.100.9:40000");

    for (; i < k->n; i++) {
        bool from = addr_eq(&k->m[i].from, &old), to = addr_eq(&k->m[i].to, &old);

        if (!from && !to)
            continue;
        *(from ? &k->m[i].from : &k->m[i].to) = now;
        k->m[i].transport = TRACE_TCP;
    }
}

static void expect_one_transfer(struct kit *k, size_t parties)
{
    const struct trace_story *st = &k->t->stories[0];

    if (k->t->n_stories != 1 || st->n_links != 1 || st->links[0].kind != TRACE_LINK_REFER || st->n_parties != parties)
        kit_print(k);
    assert_int_equal(k->t->n_stories, 1);
    assert_int_equal(st->n_links, 1);
    assert_int_equal(st->links[0].kind, TRACE_LINK_REFER);
    assert_int_equal(st->n_parties, parties);
    assert_true(slice_eq(st->title, S("1001 calls 1002, who transfers it to 1003")));
}

static void a_transferee_that_moved_is_known_by_its_number(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER);
    move_a(&k, FIRST_OF_NEW_CALL);
    kit_build(&k);
    expect_one_transfer(&k, 4); /* A has one column, not two */
    kit_expect_clean(&k);
    kit_close(&k);
}

static void a_transferee_that_moved_and_is_anonymous_is_known_by_referred_by(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER);
    move_a(&k, FIRST_OF_NEW_CALL);
    for (size_t i = FIRST_OF_NEW_CALL; i < k.n; i++)
        kit_edit(&k, i, "From: <sip:1001@", "From: <sip:anon@");
    for (size_t i = FIRST_OF_NEW_CALL; i < FIRST_OF_NEW_CALL + 2; i++)
        kit_row(&k, i, "Referred-By: <sip:1002@example.com>");
    kit_build(&k);
    expect_one_transfer(&k, 5); /* nobody can say that it is A */
    kit_close(&k);
}

static void another_phone_that_calls_the_target_was_not_transferred(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE "|D>P INVITE 2|P>C INVITE 2|C>P 486 INVITE 2|P>C ACK 2|P>D 486 INVITE 2|D>P ACK 2");
    for (size_t i = 8; i < 11; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:1004@", "Refer-To: <sip:1003@");
    kit_edit(&k, 20, "INVITE sip:1004@", "INVITE sip:1003@");
    kit_edit(&k, 21, "INVITE sip:1004@", "INVITE sip:1003@");
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 2);
    kit_close(&k);
}

static void a_refused_transferee_that_calls_the_target_does_so_by_itself(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 603 REFER 1" KIT_BYE KIT_UP2);
    move_a(&k, 16);
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 2);
    kit_close(&k);
}

/* A minute later A calls C again, of itself. */
static void a_refer_makes_one_call(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER "|A>P BYE 2|P>C BYE 2|C>P 200 BYE 2|P>A 200 BYE 2|A>P INVITE 3|P>C INVITE 3|C>P 486 INVITE 3|P>C ACK 3|"
                          "P>A 486 INVITE 3|A>P ACK 3");
    kit_wait(&k, 32, 60000000);
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 2);
    assert_int_equal(k.t->stories[0].n_calls, 2);
    kit_close(&k);
}

static void a_transferee_may_try_again_with_referred_by(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER "|A>P INVITE 3|P>A 500 INVITE 3|A>P ACK 3" KIT_NOTIFY KIT_BYE KIT_UP2);
    kit_edit(&k, 12, "INVITE sip:1002@", "INVITE sip:1003@");
    kit_edit(&k, 12, "To: <sip:1002@", "To: <sip:1003@");
    for (size_t i = 23; i < 25; i++)
        kit_row(&k, i, "Referred-By: <sip:1002@example.com>");
    for (size_t i = 8; i < 11; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:100", "Refer-To: <sip:1003@example.com>\r\nX-Old: <sip:100");
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].n_calls, 3);
    kit_close(&k);
}

/* The exchange has called C for A, which had kept silent for long; then A calls C, too. */
static void a_late_transferee_belongs_to_the_story(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|P>C INVITE 2|C>P 200 INVITE 2|P>C ACK 2|A>P 202 REFER 1|A>P INVITE 3|"
                        "P>A 403 INVITE 3|A>P ACK 3");
    kit_edit(&k, 15, "INVITE sip:1002@", "INVITE sip:1003@");
    kit_edit(&k, 15, "To: <sip:1002@", "To: <sip:1003@");
    for (size_t i = 8; i < 11; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:100", "Refer-To: <sip:1003@example.com>\r\nX-Old: <sip:100");
    kit_build(&k);
    if (k.t->n_stories != 1)
        kit_print(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].n_calls, 3);
    kit_close(&k);
}

static void a_302_makes_one_call(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 302 INVITE 1|P>B ACK 1|P>A 302 INVITE 1|A>P ACK 1" KIT_UP2
                 "|A>P BYE 2|P>C BYE 2|C>P 200 BYE 2|P>A 200 BYE 2|A>P INVITE 3|P>C INVITE 3|C>P 486 INVITE 3|P>C ACK 3|"
                 "P>A 486 INVITE 3|A>P ACK 3");
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 2);
    assert_int_equal(k.t->stories[0].n_calls, 2);
    kit_close(&k);
}

/* --- parts of calls ------------------------------------------------------------------------------------------------------ */

#define REFUSED "A>P INVITE 1|P>B INVITE 1|B>P 480 INVITE 1|P>B ACK 1|P>A 480 INVITE 1|A>P ACK 1"

/* Of that flow only message i was captured. */
static void expect_alone(const char *flow, size_t i, const char *title, const char *verdict)
{
    struct kit k;

    kit_open(&k, flow);
    k.m[0] = k.m[i];
    k.n = 1;
    k.end_us = k.m[0].time_us + 1000;
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 1);
    if (!slice_eq(k.t->stories[0].title, slice_z(title)) || !slice_eq(k.t->stories[0].verdict.text, slice_z(verdict))) {
        kit_print(&k);
        fail_msg("message %zu of %s", i, flow);
    }
    assert_int_equal(k.t->stories[0].n_findings, 0);
    kit_close(&k);
}

static void a_lone_refusal_is_no_call_that_is_up(void **state)
{
    (void)state;
    expect_alone(REFUSED, 2, "1001 calls 1002, who cannot be reached",
                 "Somebody called A, who could not be reached. Nothing is wrong.");
    expect_alone(REFUSED, 4, "1001 calls 1002, who cannot be reached",
                 "B called A, who could not be reached. Nothing is wrong.");
}

static void a_lone_answer_is_told_as_what_it_is(void **state)
{
    (void)state;
    expect_alone(KIT_UP, 2, "1001 calls 1002",
                 "Of a call from somebody to A only a part was captured: how it ended is not in it. Nothing is wrong.");
    expect_alone(KIT_UP, 3, "1001 calls 1002",
                 "Of a call from B to A only a part was captured: how it ended is not in it. Nothing is wrong.");
    expect_alone(KIT_UP, 5, "1001 and 1002 are in a call", "B and A are still connected. Nothing is wrong.");
    expect_alone(KIT_UP KIT_REFER, 11, "1001 and 1002 are in a call", "A and somebody are still connected. Nothing is wrong.");
    expect_alone(KIT_UP KIT_BYE, 10, "1001 and 1002 are in a call", "A and somebody were connected. Nothing is wrong.");
    expect_alone(KIT_UP KIT_BYE, 11, "1002 and 1001 are in a call", "B and A were connected. Nothing is wrong.");
}

static void a_lone_ack_says_nothing_of_what_it_confirms(void **state)
{
    (void)state;
    expect_alone(REFUSED, 5, "1001 calls 1002",
                 "Of a call from A to B only a part was captured: how it ended is not in it. Nothing is wrong.");
}

static void a_call_that_was_up_before_the_capture_is_up(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    for (size_t i = 0; i < 8; i++)
        kit_drop(&k, 0);
    kit_build(&k);
    kit_expect_clean(&k);
    assert_true(slice_eq(k.t->stories[0].title, S("1002 and 1001 are in a call")));
    assert_true(k.t->stories[0].calls[0].up_before);
    kit_close(&k);
}

/* --- the exchange that records itself ------------------------------------------------------------------------------------ */

/* The exchange answers by UDP what came to it, and over TCP to another phone: without any Via of its own to be seen. */
static void the_exchange_that_recorded_itself_is_one_party(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 404 INVITE 1|A>P ACK 1|A>P INVITE 2|P>A 100 INVITE 2|P>B INVITE 2|B>P 486 INVITE 2|P>B ACK 2|"
                 "P>A 486 INVITE 2|A>P ACK 2");
    for (size_t i = 0; i < k.n; i++) {
        bool from = addr_eq(&k.m[i].from, &k.m[0].to);

        k.m[i].exchange = from ? TRACE_KNOWN_SENDER : TRACE_KNOWN_RECEIVER;
        if (i >= 5 && i <= 7)
            *(from ? &k.m[i].from : &k.m[i].to) = kit_addr("192.0.2.2:39000");
    }
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 2);
    assert_true(slice_eq(k.t->stories[0].title, S("1001 calls 1002, whom nobody knows")));
    assert_true(k.t->stories[0].parties[1].is_exchange);
    assert_int_equal(k.t->stories[1].n_parties, 3);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transferee_that_moved_is_known_by_its_number),
        cmocka_unit_test(a_transferee_that_moved_and_is_anonymous_is_known_by_referred_by),
        cmocka_unit_test(another_phone_that_calls_the_target_was_not_transferred),
        cmocka_unit_test(a_refused_transferee_that_calls_the_target_does_so_by_itself),
        cmocka_unit_test(a_refer_makes_one_call),
        cmocka_unit_test(a_transferee_may_try_again_with_referred_by),
        cmocka_unit_test(a_late_transferee_belongs_to_the_story),
        cmocka_unit_test(a_302_makes_one_call),
        cmocka_unit_test(a_lone_refusal_is_no_call_that_is_up),
        cmocka_unit_test(a_lone_answer_is_told_as_what_it_is),
        cmocka_unit_test(a_lone_ack_says_nothing_of_what_it_confirms),
        cmocka_unit_test(a_call_that_was_up_before_the_capture_is_up),
        cmocka_unit_test(the_exchange_that_recorded_itself_is_one_party),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
