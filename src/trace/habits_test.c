/* habits_test.c - what people would complain of, and habits that cost calls: ringing, holds, forwards, addresses,
 * subscriptions, REFERs. Each is found, and what is lawful beside it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

enum { SECOND_US = 1000000 };

/* There is a note with that text, and nobody is accused. */
static void notes(struct kit *k, const char *rfc, const char *text)
{
    const struct trace_finding *f;

    kit_build(k);
    f = kit_find(k, rfc, text);
    if (!f || f->severity != TRACE_NOTE) {
        kit_print(k);
        fail_msg("no note of %s: \"%s\"", rfc, text);
    }
    kit_expect_clean(k);
    kit_close(k);
}

static void is_silent_about(struct kit *k, const char *rfc, const char *text)
{
    kit_build(k);
    if (kit_find(k, rfc, text))
        kit_print(k);
    assert_null(kit_find(k, rfc, text));
    kit_close(k);
}

/* --- ringing ------------------------------------------------------------------------------------------------------------- */

#define RINGS "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1"

static void ringback_for_ever(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, RINGS);
    k.end_us = k.m[3].time_us + 200 * SECOND_US;
    kit_accuses(&k, "RFC 3261", "A has heard ringback for 200 s, and nothing ended it");
    kit_open(&k, RINGS);
    k.end_us = k.m[3].time_us + 170 * SECOND_US; /* timer C may still come */
    kit_accuses_nobody(&k);
    kit_open(&k, RINGS "|A>P CANCEL 1|P>A 200 CANCEL 1|P>B CANCEL 1|B>P 200 CANCEL 1|B>P 487 INVITE 1|P>B ACK 1|P>A 487 INVITE 1|A>P ACK 1");
    k.end_us = k.m[3].time_us + 300 * SECOND_US;
    kit_accuses_nobody(&k);
}

static void a_phone_of_a_fork_that_is_left_ringing(void **state)
{
    static const char forked[] = "A>P INVITE 1|P>B INVITE 1|P>C INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|C>P 180 INVITE 1|"
                                 "P>A 180 INVITE 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1";
    struct kit k;

    (void)state;
    kit_open(&k, forked);
    kit_accuses(&k, "RFC 3261", "C still rings, though the call has had its end: the exchange did not send it a CANCEL");
    kit_open(&k, forked);
    k.end_us = k.m[k.n - 1].time_us + 10 * SECOND_US;
    is_silent_about(&k, "RFC 3261", "still rings");
}

/* --- hold ------------------------------------------------------------------------------------------------------------------ */

#define RESUME "|A>P INVITE! 1|P>B INVITE! 1|B>P 200 INVITE 1|P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1"

static void a_hold_that_is_never_taken_back(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD KIT_BYE);
    kit_wait(&k, 14, 40 * SECOND_US);
    notes(&k, "RFC 3264", "A put B on hold and never took it back: it waited for 40.3 s, until B hung up.");
    kit_open(&k, KIT_UP KIT_HOLD);
    k.end_us = k.m[k.n - 1].time_us + 90 * SECOND_US;
    notes(&k, "RFC 3264", "it has waited for 90.2 s.");
}

static void a_hold_that_is_taken_back_or_made_for_a_transfer_is_none(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD RESUME KIT_BYE);
    kit_wait(&k, 20, 40 * SECOND_US);
    is_silent_about(&k, "RFC 3264", "on hold");
    kit_open(&k, KIT_UP KIT_HOLD KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2);
    kit_wait(&k, 22, 40 * SECOND_US);
    is_silent_about(&k, "RFC 3264", "on hold");
    kit_open(&k, KIT_UP KIT_HOLD KIT_BYE); /* two seconds */
    kit_wait(&k, 14, 2 * SECOND_US);
    is_silent_about(&k, "RFC 3264", "on hold");
}

/* --- forwards ---------------------------------------------------------------------------------------------------------------- */

#define FORWARD(n, from) "A>P INVITE " n "|P>" from " INVITE " n "|" from ">P 302 INVITE " n "|P>" from " ACK " n "|P>A 302 INVITE " n "|A>P ACK " n

static void forwards_in_a_circle(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, FORWARD("1", "B") "|" FORWARD("2", "C") "|A>P INVITE 3|P>B INVITE 3|B>P 486 INVITE 3|P>B ACK 3|P>A 486 INVITE 3|A>P ACK 3");
    kit_accuses(&k, "RFC 3261", "1003 sends the call back to 1002, where it came from: the forwards go in a circle");
}

static void a_chain_of_forwards_is_lawful(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, FORWARD("1", "B") "|" FORWARD("2", "C") "|A>P INVITE 3|P>D INVITE 3|D>P 486 INVITE 3|P>D ACK 3|P>A 486 INVITE 3|A>P ACK 3");
    kit_build(&k);
    kit_expect_clean(&k);
    assert_int_equal(k.t->n_stories, 1);
    assert_int_equal(k.t->stories[0].n_calls, 3);
    kit_close(&k);
}

/* --- descriptions ------------------------------------------------------------------------------------------------------------ */

static void an_address_that_nobody_can_reach_is_hinted_at(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    for (size_t i = 0; i < 2; i++)
        kit_edit(&k, i, "c=IN IP4 192.0.2.10", "c=IN IP4 10.11.12.1");
    notes(&k, "RFC 8866", "A's SDP wants the sound at 10.11.12.1, a private address, and it speaks from 192.0.2.10");
    kit_open(&k, KIT_UP);
    for (size_t i = 4; i < 6; i++)
        kit_edit(&k, i, "c=IN IP4 192.0.2.12", "c=IN IP4 0.0.0.0   ");
    kit_build(&k);
    assert_non_null(kit_find(&k, "RFC 3264", "B's SDP wants the sound at 0.0.0.0: that is nowhere"));
    kit_close(&k);
    kit_open(&k, KIT_UP); /* where sound was captured, that says more */
    for (size_t i = 0; i < 2; i++)
        kit_edit(&k, i, "c=IN IP4 192.0.2.10", "c=IN IP4 10.11.12.1");
    kit_sound(&k, "192.0.2.99:40000", "192.0.2.98:40000", 400);
    is_silent_about(&k, "RFC 8866", "a private address, and it speaks");
}

static void an_answer_without_a_codec_of_the_offer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    for (size_t i = 4; i < 6; i++)
        kit_edit(&k, i, "RTP/AVP 8 0", "RTP/AVP 3 4");
    kit_accuses(&k, "RFC 3264", "B's SDP is no answer to the offer");
}

/* --- subscriptions ------------------------------------------------------------------------------------------------------------ */

static void a_notify_after_the_last_one(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_NOTIFY KIT_UP2);
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "active;expires=60", "terminated;reason=noresource");
    kit_accuses(&k, "RFC 6665", "The exchange tells B more, after it had said that the subscription (refer) is over");
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_NOTIFY KIT_UP2);
    kit_accuses_nobody(&k);
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_REFER KIT_NOTIFY KIT_UP2); /* another REFER, another subscription */
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "active;expires=60", "terminated;reason=noresource");
    is_silent_about(&k, "RFC 6665", "is over");
}

static void a_subscription_that_lapses(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_UP2);
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "terminated;reason=noresource", "active;expires=30");
    kit_accuses(&k, "RFC 3515", "The subscription (refer) of B lapsed after 30 s: nobody told it how the transfer ended");
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_UP2);
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "terminated;reason=noresource", "active;expires=300");
    kit_accuses_nobody(&k);
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2); /* the call, and all in it, is over */
    for (size_t i = 12; i < 14; i++)
        kit_edit(&k, i, "terminated;reason=noresource", "active;expires=30");
    kit_accuses_nobody(&k);
}

/* --- REFERs --------------------------------------------------------------------------------------------------------------------- */

static void a_bye_before_the_refer_is_answered(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1" KIT_BYE);
    kit_accuses(&k, "RFC 5589", "B hung up before its REFER was answered: with the call, the transfer went");
    kit_open(&k, KIT_UP "|B>P REFER 1|B>P BYE 1|P>B 202* REFER 1|P>A REFER 1|A>P 202 REFER 1|P>A BYE 1|A>P 200 BYE 1|P>B 200 BYE 1" KIT_UP2);
    notes(&k, "RFC 5589", "This time it went well");
    kit_open(&k, KIT_UP KIT_REFER KIT_BYE KIT_UP2);
    is_silent_about(&k, "RFC 5589", "hung up before");
}

static void a_refer_to_that_names_a_phones_own_address(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2);
    for (size_t i = 8; i < 11; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:1003@example.com>", "Refer-To: <sip:1003@192.0.2.13:5060>");
    notes(&k, "RFC 5589", "B's Refer-To names the address of a phone (192.0.2.13) and not its number: unless the exchange puts");
    kit_open(&k, KIT_UP KIT_REFER KIT_NOTIFY KIT_BYE "|A>C INVITE 2|C>A 200 INVITE 2|A>C ACK 2");
    for (size_t i = 8; i < 11; i += 2)
        kit_edit(&k, i, "Refer-To: <sip:1003@example.com>", "Refer-To: <sip:1003@192.0.2.13:5060>");
    kit_accuses(&k, "RFC 5589", "the new call goes past the exchange");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ringback_for_ever),
        cmocka_unit_test(a_phone_of_a_fork_that_is_left_ringing),
        cmocka_unit_test(a_hold_that_is_never_taken_back),
        cmocka_unit_test(a_hold_that_is_taken_back_or_made_for_a_transfer_is_none),
        cmocka_unit_test(forwards_in_a_circle),
        cmocka_unit_test(a_chain_of_forwards_is_lawful),
        cmocka_unit_test(an_address_that_nobody_can_reach_is_hinted_at),
        cmocka_unit_test(an_answer_without_a_codec_of_the_offer),
        cmocka_unit_test(a_notify_after_the_last_one),
        cmocka_unit_test(a_subscription_that_lapses),
        cmocka_unit_test(a_bye_before_the_refer_is_answered),
        cmocka_unit_test(a_refer_to_that_names_a_phones_own_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
