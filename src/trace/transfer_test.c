/* transfer_test.c - stories of transfers, and what went wrong in them; Replaces. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

#define TRANSFER KIT_UP KIT_REFER

static void a_transfer_is_one_story_with_its_title(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY KIT_BYE KIT_UP2);
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].n_calls, 2);
    assert_true(slice_eq(k.t->stories[0].title, S("1001 calls 1002, who transfers it to 1003")));
    assert_int_equal(k.t->stories[0].links[0].kind, TRACE_LINK_REFER);
    kit_close(&k);
}

static void a_refused_transfer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 603 REFER 1");
    kit_accuses(&k, "RFC 3515", "A refused the transfer that B asked for: 603");
}

static void an_unanswered_transfer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1");
    kit_again(&k, 10, 500000);
    kit_accuses(&k, "RFC 3515", "A never answered the REFER: the transfer that B asked for did not happen");
}

static void no_notify_after_the_202(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_UP2);
    kit_accuses(&k, "RFC 3515", "accepted the REFER, and no NOTIFY told B what became of it");
}

static void who_hangs_up_at_once_needs_no_notify(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_BYE KIT_UP2);
    kit_accuses_nobody(&k);
}

static void a_declined_subscription_needs_no_notify(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_UP2);
    kit_row(&k, 9, "Refer-Sub: false");
    kit_accuses_nobody(&k);
}

static void who_hangs_up_only_after_the_new_call_is_up_was_owed_one(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_UP2 KIT_BYE);
    kit_accuses(&k, "RFC 3515", "no NOTIFY told B what became of it");
}

static void a_refer_that_is_passed_over_is_seen_at_once(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1" KIT_BYE);
    k.end_us = k.m[k.n - 1].time_us;
    kit_accuses(&k, "RFC 3515", "A never answered the REFER");
}

static void a_call_that_is_transferred_back_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY KIT_BYE KIT_UP2 "|C>P REFER 2|P>C 202* REFER 2|P>A REFER 2|A>P 202 REFER 2|"
                                                     "A>P NOTIFY 2|P>C NOTIFY 2|C>P 200 NOTIFY 2|P>A 200 NOTIFY 2");
    for (size_t i = 28; i <= 30; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:1003@", "Refer-To: <sip:1002@");
    k.end_us = k.m[k.n - 1].time_us + 100000;
    kit_accuses_nobody(&k);
}

static void a_200_to_a_refer_and_a_481_behind_a_bye_are_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 200 REFER 1" KIT_BYE
                        "|A>P NOTIFY 1|P>B NOTIFY 1|B>P 481 NOTIFY 1|P>A 481 NOTIFY 1" KIT_UP2);
    kit_accuses_nobody(&k);
}

static void a_481_to_a_notify_before_the_bye_is_not(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER "|A>P NOTIFY 1|P>B NOTIFY 1|B>P 481 NOTIFY 1|P>A 481 NOTIFY 1" KIT_UP2);
    kit_accuses(&k, "RFC 3515", "does not want to hear how it goes: 481");
}

static void a_transfer_to_somebody_busy_failed(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY "|A>P INVITE 2|P>C INVITE 2|C>P 486 INVITE 2|P>C ACK 2|P>A 486 INVITE 2|A>P ACK 2");
    kit_accuses(&k, "RFC 3515", "The transfer failed: 1003 answered 486");
}

static void a_transfer_whose_notify_tells_of_failure(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY);
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "\r\n\r\nSIP/2.0 200 OK", "\r\n\r\nSIP/2.0 503 Oh");
    for (size_t i = 8; i < 11; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:1002@", "Refer-To: <sip:1009@");
    kit_accuses(&k, "RFC 3515", "The transfer failed: 1009 answered 503");
}

/* One phone reports 500 when the BYE comes early, although the transfer goes on. */
static void protocol_5_5_the_verdict_comes_from_the_invite(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY KIT_UP2);
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "\r\n\r\nSIP/2.0 200 OK", "\r\n\r\nSIP/2.0 500 Oh");
    kit_accuses_nobody(&k);
}

static void a_transfer_that_nobody_carries_out(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_BYE);
    kit_accuses(&k, "RFC 3515", "The transfer was accepted, and nobody called");
}

static void a_refer_without_target(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 400 REFER 1");
    kit_edit(&k, 8, "Refer-To: <sip:1002@example.com>\r\n", "");
    kit_accuses(&k, "RFC 3515", "B's REFER has no Refer-To");
}

static void a_transfer_to_oneself(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY KIT_UP2);
    kit_edit(&k, 8, "Refer-To: <sip:1003@", "Refer-To: <sip:1001@");
    kit_edit(&k, 10, "Refer-To: <sip:1003@", "Refer-To: <sip:1001@");
    kit_accuses(&k, "RFC 3515", "B transfers the other side to itself");
}

static void a_transfer_in_a_circle(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY KIT_BYE KIT_UP2 "|C>P REFER 2|P>C 202* REFER 2|P>A REFER 2|A>P 202 REFER 2|"
                                                     "A>P NOTIFY 2|P>C NOTIFY 2|C>P 200 NOTIFY 2|P>A 200 NOTIFY 2");
    kit_accuses(&k, "RFC 3515", "it goes in a circle");
}

/* --- Replaces -------------------------------------------------------------------------------------------------------------------- */

/* A calls B and C, and connects them: REFER with Replaces in message 22 and 24. */
#define ATTENDED                                                                                                                 \
    KIT_UP KIT_HOLD KIT_UP2 "|A>P REFER 1|P>A 202* REFER 1|P>B REFER 1|B>P 202 REFER 1" TAKE_OVER "|A>P BYE 1|P>B BYE 1|"          \
                            "B>P 200 BYE 1|P>A 200 BYE 1"
#define TAKE_OVER                                                                                                                \
    "|B>P INVITE 3|P>C INVITE 3|C>P 200 INVITE 3|P>B 200 INVITE 3|B>P ACK 3|P>C ACK 3|C>P BYE 2|P>A BYE 2|A>P 200 BYE 2|"          \
    "P>C 200 BYE 2"

static void open_attended(struct kit *k, const char *refer_replaces, const char *replaces)
{
    kit_open(k, ATTENDED);
    for (size_t i = 22; i <= 24; i += 2) {
        char to[256];

        snprintf(to, sizeof to, "Refer-To: <sip:1003@example.com?Replaces=%s>\r\n", refer_replaces);
        kit_edit(k, i, "Refer-To: <sip:1003@example.com>\r\n", to);
    }
    for (size_t i = 26; i <= 27; i++)
        if (replaces)
            kit_row(k, i, replaces);
}

static void an_attended_transfer_is_one_story_and_lawful(void **state)
{
    struct kit k;

    (void)state;
    open_attended(&k, "call2@192.0.2.10%3Bto-tag%3Dtag3-2%3Bfrom-tag%3Dtag0-2",
                  "Replaces: call2@192.0.2.10;to-tag=tag3-2;from-tag=tag0-2");
    kit_row(&k, 23, "Refer-Sub: false");
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].n_calls, 3);
    assert_int_equal(slice_cmp(k.t->stories[0].title, S("1001 calls 1002 and 1003, and connects them")), 0);
    kit_close(&k);
}

static void a_replaced_call_that_is_not_ended(void **state)
{
    struct kit k;

    (void)state;
    open_attended(&k, "call2@192.0.2.10%3Bto-tag%3Dtag3-2%3Bfrom-tag%3Dtag0-2",
                  "Replaces: call2@192.0.2.10;to-tag=tag3-2;from-tag=tag0-2");
    for (size_t i = 0; i < 4; i++)
        kit_drop(&k, 32);
    kit_accuses(&k, "RFC 3891", "C took the new call and did not hang up the one that it replaces");
}

static void swapped_tags_in_the_refer_to(void **state)
{
    struct kit k;

    (void)state;
    open_attended(&k, "call2@192.0.2.10%3Bto-tag%3Dtag0-2%3Bfrom-tag%3Dtag3-2",
                  "Replaces: call2@192.0.2.10;to-tag=tag0-2;from-tag=tag3-2");
    kit_build(&k);
    kit_expect(&k, "RFC 3891", "A's Refer-To has a Replaces that has its tags swapped");
    kit_expect(&k, "RFC 3891", "B's INVITE has a Replaces that has its tags swapped");
    kit_close(&k);
}

static void tags_of_no_dialog(void **state)
{
    struct kit k;

    (void)state;
    open_attended(&k, "call2@192.0.2.10%3Bto-tag%3Dfoo%3Bfrom-tag%3Dbar", "Replaces: call2@192.0.2.10;to-tag=foo;from-tag=bar");
    kit_accuses(&k, "RFC 3891", "names the right call and the wrong tags");
}

static void a_replaces_without_tags(void **state)
{
    struct kit k;

    (void)state;
    open_attended(&k, "call2@192.0.2.10", "Replaces: call2@192.0.2.10;to-tag=tag3-2;from-tag=tag0-2");
    kit_accuses(&k, "RFC 3891", "cannot be read");
}

static void a_phone_that_drops_the_replaces(void **state)
{
    struct kit k;

    (void)state;
    open_attended(&k, "call2@192.0.2.10%3Bto-tag%3Dtag3-2%3Bfrom-tag%3Dtag0-2", NULL);
    kit_accuses(&k, "RFC 3261", "B left the Replaces out of its INVITE");
}

/* A transfers B to C, who still rings, so the exchange has the call made anew. REFER with Replaces in message 18, passed on in
 * message 20 without it; or carried out by the exchange, which got it with. */
#define STILL_RINGS KIT_UP KIT_HOLD "|A>P INVITE 2|P>C INVITE 2|C>P 180 INVITE 2|P>A 180 INVITE 2|A>P REFER 1"
#define GIVEN_UP "|A>P CANCEL 2|P>A 200 CANCEL 2|P>C CANCEL 2|C>P 200 CANCEL 2|C>P 487 INVITE 2|P>C ACK 2|P>A 487 INVITE 2|A>P ACK 2"
#define NAMES_RINGING "Refer-To: <sip:1003@example.com?Replaces=call2@192.0.2.10%3Bto-tag%3Dtag3-2%3Bfrom-tag%3Dtag0-2>\r\n"

static void a_replaces_that_the_exchange_took_off(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, STILL_RINGS "|P>A 202* REFER 1|P>B REFER 1|B>P 202 REFER 1|B>P INVITE 3|P>C INVITE 3|C>P 200 INVITE 3|"
                             "P>B 200 INVITE 3|B>P ACK 3|P>C ACK 3|B>P NOTIFY 1|P>A NOTIFY 1|A>P 200 NOTIFY 1|P>B 200 NOTIFY 1" GIVEN_UP);
    kit_edit(&k, 18, "Refer-To: <sip:1003@example.com>\r\n", NAMES_RINGING);
    kit_accuses_nobody(&k);
    kit_open(&k, STILL_RINGS "|P>A 202* REFER 1|P>C INVITE 3|C>P 200 INVITE 3|P>C ACK 3|P>A NOTIFY 1|A>P 200 NOTIFY 1" GIVEN_UP);
    kit_edit(&k, 18, "Refer-To: <sip:1003@example.com>\r\n", NAMES_RINGING);
    kit_accuses_nobody(&k);
}

/* --- stories ---------------------------------------------------------------------------------------------------------------------- */

static void unrelated_calls_stay_apart(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE KIT_UP2);
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 2);
    kit_close(&k);
    kit_open(&k, KIT_UP "|C>P INVITE 2|P>D INVITE 2|D>P 486 INVITE 2|P>D ACK 2|P>C 486 INVITE 2|C>P ACK 2" KIT_BYE);
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 2);
    kit_expect_clean(&k);
    kit_close(&k);
}

static void a_call_that_waits_is_told_with_the_one_that_is_held(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|C>P INVITE 2|P>A INVITE 2|A>P 180 INVITE 2|P>C 180 INVITE 2" KIT_HOLD
                        "|A>P 200 INVITE 2|P>C 200 INVITE 2|C>P ACK 2|P>A ACK 2");
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].links[0].kind, TRACE_LINK_HELD);
    kit_close(&k);
}

static void protocol_7_5_a_foreign_phone_may_keep_the_call_id_after_a_302(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 302 INVITE 1|P>B ACK 1|P>A 302 INVITE 1|A>P ACK 1" KIT_UP2);
    for (size_t i = 6; i < k.n; i++) {
        kit_edit(&k, i, "Call-ID: call2@", "Call-ID: call1@");
        kit_edit(&k, i, "CSeq: 1 ", "CSeq: 2 ");
        kit_edit(&k, i, "tag=tag0-2", "tag=tag0-1");
    }
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].n_calls, 2);
    assert_true(k.t->stories[0].calls[1].kept_call_id);
    kit_close(&k);
}

static void registrations_alone_are_no_story(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P REGISTER 1|P>A 401 REGISTER 1|A>P REGISTER 1|P>A 200 REGISTER 1");
    kit_build(&k);
    assert_int_equal(k.t->n_stories, 0);
    assert_int_equal(k.t->n_messages, 4);
    kit_close(&k);
}

static void a_back_to_back_user_agent_is_the_exchange(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>X INVITE 1|X>B INVITE 2|B>X 180 INVITE 2|X>A 180 INVITE 1|B>X 200 INVITE 2|X>B ACK 2|X>A 200 INVITE 1|A>X ACK 1");
    for (size_t i = 1; i < 6; i++)
        if (i != 3)
            kit_edit(&k, i, "From: <sip:1002@", "From: <sip:1001@"); /* it calls in the name of A */
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].links[0].kind, TRACE_LINK_BRIDGED);
    assert_true(k.t->stories[0].parties[1].is_exchange);
    assert_memory_equal(k.t->stories[0].parties[1].name, "P", 1);
    assert_memory_equal(k.t->stories[0].parties[2].name, "B", 1);
    kit_close(&k);
}

static void an_exchange_that_adds_no_via_is_known_all_the_same(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER KIT_NOTIFY KIT_BYE KIT_UP2);
    for (size_t i = 0; i < k.n; i++) {
        size_t       first = slice_find_slice(k.m[i].octets, S("\r\nVia: "));
        struct slice rest = slice_from(k.m[i].octets, first + 2);
        size_t       second = slice_find_slice(rest, S("\r\nVia: ")), end;
        char         row[128];

        if (second == SIZE_MAX)
            continue;
        rest = slice_from(rest, second + 2);
        end = slice_find(rest, '\n');
        snprintf(row, sizeof row, "%.*s", (int)end + 1, rest.p);
        kit_edit(&k, i, row, "");
    }
    kit_build(&k);
    kit_expect_clean(&k);
    assert_true(slice_eq(k.t->stories[0].title, S("1001 calls 1002, who transfers it to 1003")));
    assert_true(k.t->stories[0].parties[1].is_exchange);
    kit_close(&k);
}

static void a_capture_of_one_side_is_enough(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    for (size_t i = k.n; i-- > 0;)
        if (!addr_eq(&k.m[i].from, &k.m[0].from) && !addr_eq(&k.m[i].to, &k.m[0].from))
            kit_drop(&k, i);
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->stories[0].n_parties, 2);
    assert_true(k.t->stories[0].parties[1].is_exchange); /* it passes the BYE on */
    kit_close(&k);
}

static void a_reason_stands_beside_what_it_explains(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    k.reason = (struct trace_reason){k.m[1].time_us - 10, S("call1@192.0.2.10"), S("1002 is registered at 192.0.2.12"), TRACE_REASON_WHY, 0};
    kit_build(&k);
    assert_true(slice_eq(k.t->stories[0].rows[1].reason, S("1002 is registered at 192.0.2.12")));
    assert_int_equal(k.t->stories[0].rows[0].reason.n, 0);
    kit_close(&k);
}

/* All that comes of one message has its time: what was sent before that was said is not explained by it. */
static void a_reason_of_one_time_stands_beside_what_follows_it(void **state)
{
    for (size_t next = 1; next <= 3; next++) {
        struct kit k;

        (void)state;
        kit_open(&k, "A>P INVITE 1|P>A 100 INVITE 1|P>B INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1");
        for (size_t i = 1; i < 3; i++)
            k.m[i].time_us = k.m[0].time_us;
        k.reason = (struct trace_reason){k.m[0].time_us, S("call1@192.0.2.10"), S("1002 is at home"), TRACE_REASON_WHY, next};
        kit_build(&k);
        for (size_t i = 0; i < k.t->stories[0].n_rows; i++)
            assert_int_equal(k.t->stories[0].rows[i].reason.n > 0, i == (next < 3 ? next : 4));
        kit_close(&k);
    }
}

/* What the exchange says is not cut where octets from the wire would be: the RFC's section stands at its end. */
static void a_long_reason_is_told_whole(void **state)
{
    struct slice why = S("the REFER sends the transferee to its own number, where there is no other phone: it is refused with 482, since "
                         "the call could only come round (RFC 3515 section 2.4.2)");
    struct kit   k;

    (void)state;
    kit_open(&k, KIT_UP);
    k.reason = (struct trace_reason){k.m[1].time_us - 10, S("call1@192.0.2.10"), why, TRACE_REASON_WHY, 0};
    kit_build(&k);
    assert_true(slice_eq(k.t->stories[0].rows[1].reason, why));
    kit_close(&k);
}

static void a_translator_of_addresses_is_seen_through(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    for (size_t i = 0, n = k.n; i < n; i++) { /* each packet of A again, a millisecond later, behind the translator */
        bool from = addr_eq(&k.m[i].from, &k.m[0].from), to = addr_eq(&k.m[i].to, &k.m[0].from);

        if (!from && !to)
            continue;
        kit_again(&k, i, 1000);
        *(from ? &k.m[k.n - 1].from : &k.m[k.n - 1].to) = kit_addr("198.51.100.9:40000");
    }
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->stories[0].n_parties, 3);
    assert_int_equal(k.t->stories[0].n_rows, 8);
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_is_one_story_with_its_title),
        cmocka_unit_test(a_refused_transfer),
        cmocka_unit_test(an_unanswered_transfer),
        cmocka_unit_test(no_notify_after_the_202),
        cmocka_unit_test(who_hangs_up_at_once_needs_no_notify),
        cmocka_unit_test(a_declined_subscription_needs_no_notify),
        cmocka_unit_test(who_hangs_up_only_after_the_new_call_is_up_was_owed_one),
        cmocka_unit_test(a_refer_that_is_passed_over_is_seen_at_once),
        cmocka_unit_test(a_call_that_is_transferred_back_is_lawful),
        cmocka_unit_test(a_200_to_a_refer_and_a_481_behind_a_bye_are_lawful),
        cmocka_unit_test(a_481_to_a_notify_before_the_bye_is_not),
        cmocka_unit_test(a_transfer_to_somebody_busy_failed),
        cmocka_unit_test(a_transfer_whose_notify_tells_of_failure),
        cmocka_unit_test(protocol_5_5_the_verdict_comes_from_the_invite),
        cmocka_unit_test(a_transfer_that_nobody_carries_out),
        cmocka_unit_test(a_refer_without_target),
        cmocka_unit_test(a_transfer_to_oneself),
        cmocka_unit_test(a_transfer_in_a_circle),
        cmocka_unit_test(an_attended_transfer_is_one_story_and_lawful),
        cmocka_unit_test(a_replaced_call_that_is_not_ended),
        cmocka_unit_test(swapped_tags_in_the_refer_to),
        cmocka_unit_test(tags_of_no_dialog),
        cmocka_unit_test(a_replaces_without_tags),
        cmocka_unit_test(a_phone_that_drops_the_replaces),
        cmocka_unit_test(a_replaces_that_the_exchange_took_off),
        cmocka_unit_test(unrelated_calls_stay_apart),
        cmocka_unit_test(a_call_that_waits_is_told_with_the_one_that_is_held),
        cmocka_unit_test(protocol_7_5_a_foreign_phone_may_keep_the_call_id_after_a_302),
        cmocka_unit_test(registrations_alone_are_no_story),
        cmocka_unit_test(a_back_to_back_user_agent_is_the_exchange),
        cmocka_unit_test(an_exchange_that_adds_no_via_is_known_all_the_same),
        cmocka_unit_test(a_capture_of_one_side_is_enough),
        cmocka_unit_test(a_reason_stands_beside_what_it_explains),
        cmocka_unit_test(a_reason_of_one_time_stands_beside_what_follows_it),
        cmocka_unit_test(a_long_reason_is_told_whole),
        cmocka_unit_test(a_translator_of_addresses_is_seen_through),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
