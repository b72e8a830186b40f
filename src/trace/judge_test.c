/* judge_test.c - rules of the judge beside the order of steps: what is lawful and still met, what is not met though all
 * steps are there, what is said. That each missing and each swapped step is named is tested over all flows in app/flow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "sys/heap.h"
#include "trace/kit_test.h"

#define SETUP                                                                                                                    \
    "A>P INVITE 1|P>B INVITE 1|B>P 100 INVITE 1|P>A 100 INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1|B>P 200 INVITE 1|"              \
    "P>A 200 INVITE 1|A>P ACK 1|P>B ACK 1" KIT_BYE
#define TRANSFER KIT_UP KIT_REFER KIT_BYE KIT_UP2

/* Judge the capture of `k` against `flow`. */
static void judge(struct kit *k, const char *flow, struct trace_judgement *out)
{
    static struct kit other;

    kit_open(&other, flow);
    for (size_t i = 0; i < other.f.n_parties; i++)
        assert_int_equal(arena_dup(&k->a, other.f.parties[i], &other.f.parties[i]), ERR_OK);
    for (size_t i = 0; i < other.f.n_steps; i++) {
        char       text[8];
        struct buf b = BUF_ON(text);

        buf_putc(&b, 'F');
        buf_putu(&b, i + 1);
        assert_int_equal(arena_dup(&k->a, buf_slice(&b), &other.f.steps[i].f), ERR_OK);
    }
    kit_build(k);
    assert_int_equal(trace_judge(&k->a, k->t, TRACE_NONE, &other.f, out), ERR_OK);
    kit_close(&other);
}

static void met(struct kit *k, const char *flow, const char *note)
{
    struct trace_judgement j;
    bool                   noted = !note;

    judge(k, flow, &j);
    if (!j.met)
        fail_msg("%.*s", SARG(j.text));
    for (size_t i = 0; i < j.n_notes; i++)
        noted = noted || slice_find_slice(j.notes[i], slice_z(note)) != SIZE_MAX;
    if (!noted)
        fail_msg("not noted: %s", note);
    kit_close(k);
}

static void not_met(struct kit *k, const char *flow, const char *text)
{
    struct trace_judgement j;

    judge(k, flow, &j);
    assert_false(j.met);
    if (slice_find_slice(j.text, slice_z(text)) == SIZE_MAX)
        fail_msg("not \"%s\" but: %.*s", text, SARG(j.text));
    kit_close(k);
}

/* --- lawful (PROTOCOL 9.) -------------------------------------------------------------------------------------------------- */

static void protocol_9_other_messages_may_stand_between(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD KIT_REFER KIT_NOTIFY KIT_BYE KIT_UP2 "|A>P BYE 2|P>C BYE 2|C>P 200 BYE 2|P>A 200 BYE 2");
    met(&k, TRANSFER, NULL);
}

static void protocol_9_challenges_may_stand_between(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>A 407 INVITE 1|A>P ACK 1|" SETUP);
    met(&k, SETUP, NULL);
}

static void protocol_9_retransmissions_do_not_count(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, SETUP);
    for (size_t i = 0; i < 14; i++)
        kit_again(&k, i, 600000);
    met(&k, SETUP, NULL);
}

static void protocol_9_a_phone_need_not_send_100(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, SETUP);
    kit_drop(&k, 2);
    met(&k, SETUP, "F3 (100 to INVITE, B to P) did not come");
}

static void the_exchange_has_to_send_100(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, SETUP);
    kit_drop(&k, 3);
    not_met(&k, SETUP, "F4 (100 to INVITE, P to A) is missing");
}

static void protocol_9_a_refer_may_be_answered_with_200_by_a_phone(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 200 REFER 1" KIT_BYE KIT_UP2);
    met(&k, TRANSFER, "came as 200, which says the same");
}

static void protocol_9_the_call_id_may_be_kept_after_a_302(void **state)
{
    static const char forward[] =
        "A>P INVITE 1|P>B INVITE 1|B>P 302 INVITE 1|P>B ACK 1|P>A 302 INVITE 1|A>P ACK 1" KIT_UP2;
    struct kit k;

    (void)state;
    kit_open(&k, forward);
    for (size_t i = 6; i < k.n; i++) {
        kit_edit(&k, i, "Call-ID: call2@", "Call-ID: call1@");
        kit_edit(&k, i, "CSeq: 1 ", "CSeq: 2 ");
        kit_edit(&k, i, "tag=tag0-2", "tag=tag0-1");
    }
    met(&k, forward, "keeps the Call-ID");
}

static void protocol_9_the_new_call_may_begin_before_the_old_one_ends(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER);
    for (size_t i = 12; i < 16; i++) /* the BYE comes while C rings */
        k.m[i].time_us += 5 * KIT_SPACING_US;
    met(&k, TRANSFER, NULL);
}

/* --- not met ------------------------------------------------------------------------------------------------------------------ */

static void protocol_9_a_relayed_202_does_not_meet_a_transfer(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>A REFER 1|A>P 202 REFER 1|P>B 202 REFER 1" KIT_BYE KIT_UP2);
    not_met(&k, TRANSFER, "F10 (202 to REFER, P to B, call 1) came at 550 ms, packet 12, but after F11");
}

static void both_202s_do_not_meet_it_either(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|B>P REFER 1|P>B 202* REFER 1|P>A REFER 1|A>P 202 REFER 1|P>B 202 REFER 1" KIT_BYE KIT_UP2);
    kit_row(&k, 12, "Server: another");
    not_met(&k, TRANSFER, "is a second final response");
}

static void an_unanswered_request_is_named(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, TRANSFER "|A>P INFO 2|P>C INFO 2");
    not_met(&k, TRANSFER, "INFO never got a final response");
}

static void a_dialog_that_is_left_over_is_named(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    not_met(&k, "A>P INVITE 1|P>B INVITE 1|B>P 180 INVITE 1|P>A 180 INVITE 1", "dialog is left over");
}

static void a_refusal_without_its_ack_is_named(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|P>A 486 INVITE 1");
    not_met(&k, "A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|P>A 486 INVITE 1",
            "F5 (486 to INVITE, P to A): 486 to INVITE was not acknowledged on its hop");
}

static void a_hold_must_be_one(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD);
    met(&k, KIT_UP KIT_HOLD, NULL);
    kit_open(&k, KIT_UP KIT_HOLD);
    for (size_t i = 8; i < 12; i++)
        kit_edit(&k, i, i < 10 ? "a=sendonly" : "a=recvonly", "a=sendrecv");
    not_met(&k, KIT_UP KIT_HOLD, "its SDP is no hold: it says a=sendrecv");
}

static void a_hold_in_the_old_style_is_one(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_HOLD);
    for (size_t i = 8; i < 10; i++) {
        kit_edit(&k, i, "a=sendonly", "a=sendrecv");
        kit_edit(&k, i, "c=IN IP4 192.0.2.10", "c=IN IP4 0.0.0.0");
        kit_edit(&k, i, "s=-", "s=old");
        kit_edit(&k, i, "s=old", "s=old\n");
    }
    met(&k, KIT_UP KIT_HOLD, NULL);
}

static void a_reinvite_is_no_new_call_and_the_other_way_round(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_UP2);
    not_met(&k, KIT_UP KIT_HOLD, "F9 (INVITE, A to P) is missing");
    kit_open(&k, KIT_UP KIT_HOLD);
    not_met(&k, KIT_UP KIT_UP2, "F9 (INVITE, A to P, call 2) is missing");
}

static void what_came_instead_is_told(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, "A>P INVITE 1|P>B INVITE 1|B>P 486 INVITE 1|P>B ACK 1|P>A 486 INVITE 1|A>P ACK 1");
    not_met(&k, KIT_UP, "F3 (180 to INVITE, B to P) is missing; instead came 486 to INVITE at 100 ms, packet 3");
}

/* --- forms ------------------------------------------------------------------------------------------------------------------------ */

static void a_flow_between_phones_may_go_through_the_exchange(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP KIT_BYE);
    met(&k, "A>B INVITE 0|B>A 180 INVITE 0|B>A 200 INVITE 0|A>B ACK 0|B>A BYE 0|A>B 200 BYE 0", NULL);
}

static void registrations_can_be_judged(void **state)
{
    static const char flow[] = "B>P REGISTER 1|P>B 401 REGISTER 1|B>P REGISTER 1|P>B 200 REGISTER 1";
    struct kit        k;

    (void)state;
    kit_open(&k, flow);
    met(&k, flow, NULL);
    kit_open(&k, flow);
    kit_drop(&k, 1);
    not_met(&k, flow, "F2 (401 to REGISTER, P to B) is missing");
}

static void of_two_calls_the_one_that_went_well_counts(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP "|A>P INFO 1|P>B INFO 1" KIT_BYE
                        "|A>P INVITE 2|P>B INVITE 2|B>P 180 INVITE 2|P>A 180 INVITE 2|B>P 200 INVITE 2|P>A 200 INVITE 2|A>P ACK 2|"
                        "P>B ACK 2|B>P BYE 2|P>A BYE 2|A>P 200 BYE 2|P>B 200 BYE 2");
    met(&k, KIT_UP KIT_BYE, NULL);
}

static void an_empty_capture_meets_nothing(void **state)
{
    struct kit k;

    (void)state;
    kit_open(&k, KIT_UP);
    k.n = 0;
    not_met(&k, KIT_UP, "There is no message");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_9_other_messages_may_stand_between),
        cmocka_unit_test(protocol_9_challenges_may_stand_between),
        cmocka_unit_test(protocol_9_retransmissions_do_not_count),
        cmocka_unit_test(protocol_9_a_phone_need_not_send_100),
        cmocka_unit_test(the_exchange_has_to_send_100),
        cmocka_unit_test(protocol_9_a_refer_may_be_answered_with_200_by_a_phone),
        cmocka_unit_test(protocol_9_the_call_id_may_be_kept_after_a_302),
        cmocka_unit_test(protocol_9_the_new_call_may_begin_before_the_old_one_ends),
        cmocka_unit_test(protocol_9_a_relayed_202_does_not_meet_a_transfer),
        cmocka_unit_test(both_202s_do_not_meet_it_either),
        cmocka_unit_test(an_unanswered_request_is_named),
        cmocka_unit_test(a_dialog_that_is_left_over_is_named),
        cmocka_unit_test(a_refusal_without_its_ack_is_named),
        cmocka_unit_test(a_hold_must_be_one),
        cmocka_unit_test(a_hold_in_the_old_style_is_one),
        cmocka_unit_test(a_reinvite_is_no_new_call_and_the_other_way_round),
        cmocka_unit_test(what_came_instead_is_told),
        cmocka_unit_test(a_flow_between_phones_may_go_through_the_exchange),
        cmocka_unit_test(registrations_can_be_judged),
        cmocka_unit_test(of_two_calls_the_one_that_went_well_counts),
        cmocka_unit_test(an_empty_capture_meets_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
