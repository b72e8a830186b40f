/* transfer_relay_test.c - RFC 5589 in mode relay: the REFER goes end to end, and the phones tell each other how it went. Each
 * transfer, and each way in which one ends, has its sentence in the ladder.
 *
 *   A                P                B                C
 *   |======== talk ==|================|                |
 *   |<--- REFER -----|<--- REFER -----|                |
 *   |---- 202 ------>|---- 202 ------>|                |
 *   |---- NOTIFY --->|---- NOTIFY --->|                |     100 Trying
 *   |---- INVITE --->|---- INVITE -------------------->|
 *   |---- NOTIFY --->|---- NOTIFY --->|                |     how it went
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

static void rfc5589_blind(void **state)
{
    struct three      t = three_talking_in(DIALOG_MODE_RELAY);
    const struct msg *m;

    (void)state;
    m = asked(&t, REFER_TO_C);
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_REFER_TO)), S("<sip:1003@" KIT_DOMAIN ">")));
    set_up(t.a, t.c, "INVITE 1003\nReferred-By: <sip:1002@" KIT_DOMAIN ">");
    kit_says(t.k, "this REFER goes end to end (mode relay)");
    went_well(&t, BLIND);
}

/* B's Refer-To for C's end of the call that B has with C; tags as given. */
static const struct msg *asked_with(struct three *t, const char *call_id, const char *to, const char *from)
{
    char text[800];
    int  n = snprintf(text, sizeof text, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN "?Replaces=%s", call_id);

    if (to)
        n += snprintf(text + n, sizeof text - (size_t)n, "%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s", to, from);
    snprintf(text + n, sizeof text - (size_t)n, ">");
    peer_take_call(t->b, 2);
    return asked(t, text);
}

static void refers_to(const struct msg *refer, const struct named *n)
{
    char             want[400], got[600];
    struct buf       b = BUF_ON(got);
    struct name_addr na;
    struct uri       u;
    struct slice     escaped;

    assert_int_equal(msg_name_addr(refer, HDR_REFER_TO, &na), ERR_OK);
    assert_int_equal(uri_parse(na.uri, &u, NULL), ERR_OK);
    assert_int_equal(uri_header(&u, S("Replaces"), &escaped), ERR_OK);
    uri_put_unescaped(&b, escaped);
    snprintf(want, sizeof want, "%s;to-tag=%s;from-tag=%s", n->call_id, n->to, n->from);
    assert_true(slice_eq(buf_slice(&b), slice_z(want)));
}

/* A calls C with Replaces, or without (a phone that drops it); C's call with B ends in favour of that. */
static void takes_over(struct three *t, const struct named *n, bool drops)
{
    char              text[500], want[400];
    const struct msg *m;

    snprintf(want, sizeof want, "%s;to-tag=%s;from-tag=%s", n->call_id, n->to, n->from);
    snprintf(text, sizeof text, "INVITE 1003%s%s", drops ? "" : "\nRequire: replaces\nReplaces: ", drops ? "" : want);
    peer_send(t->a, text);
    m = peer_expect(t->c, "INVITE");
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_REPLACES)), slice_z(want)));
    answer(t->c, t->a);
    peer_take_call(t->c, 2);
    peer_take_call(t->b, 3);
    hang_up(t->c, t->b);
}

static void attended(bool drops)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);
    struct named n = consult(&t, "200");

    refers_to(asked_with(&t, n.call_id, n.to, n.from), &n);
    takes_over(&t, &n, drops);
    if (drops)
        kit_says(t.k, "the transferee has dropped the Replaces that the REFER asked for: it is added");
    went_well(&t, drops ? "(RFC 3261 section 19.1.5)" : ATTENDED);
}

static void rfc5589_attended(void **state)
{
    (void)state;
    attended(false);
}

static void rfc5589_attended_and_the_phone_drops_replaces(void **state)
{
    (void)state;
    attended(true);
}

/* Tags swapped, left out, or of another call: exactly one call of B's fits, and A is told that one. */
static void rfc5589_replaces_written_wrongly_is_put_right(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct three t = three_talking_in(DIALOG_MODE_RELAY);
        struct named n = consult(&t, "200");

        refers_to(how == 0   ? asked_with(&t, n.call_id, n.from, n.to)
                  : how == 1 ? asked_with(&t, n.call_id, NULL, NULL)
                             : asked_with(&t, "nobody-knows-it", n.to, n.from),
                  &n);
        takes_over(&t, &n, false);
        kit_says(t.k, "the Replaces in Refer-To names no call as it is written: exactly one call of the transferor's fits, and it is put "
                        "right (RFC 3891 section 3)");
        went_well(&t, "(RFC 3891 section 3)");
    }
}

/* C still rings: what rings cannot be replaced at C (RFC 3891 §3). A calls C like anyone, and B's own call to C ends then. */
static void rfc5589_semi_attended(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);
    struct named n;

    (void)state;
    peer_send(t.b, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    n = name_of(peer_expect(t.b, "180"));
    assert_int_equal(slice_find_slice(msg_value(asked_with(&t, n.call_id, n.to, n.from), HDR_REFER_TO), S("Replaces")), SIZE_MAX);
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    peer_expect(t.a, "180");
    peer_expect(t.c, "CANCEL");
    peer_send(t.c, "200 CANCEL");
    peer_take_call(t.c, 2);
    decline(t.c, "487 INVITE");
    peer_take_call(t.b, 3);
    refused(t.b, "487");
    peer_take_call(t.c, 3);
    answer(t.c, t.a);
    kit_says(t.k, "the call that is to be replaced only rings");
    told(&t, 200);
    hang_up(t.b, t.a);
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* RFC 3891 §3: A has a call to C that rings, and B takes that over: at A, who makes it. */
static void rfc3891_replaces_of_an_early_dialog(void **state)
{
    struct three      t = three_begin(&(struct kit_options){.transfer = DIALOG_MODE_RELAY, .story = true});
    struct named      n;
    const struct msg *m;
    char              text[500];

    (void)state;
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    n = name_of(peer_expect(t.a, "180"));
    snprintf(text, sizeof text, "INVITE 1001\nRequire: replaces\nReplaces: %s;to-tag=%s;from-tag=%s;early-only", n.call_id, n.from, n.to);
    peer_send(t.b, text);
    m = peer_expect(t.a, "INVITE");
    assert_true(msg_has_token(m, HDR_REQUIRE, S("replaces")));
    answer(t.a, t.b);
    peer_take_call(t.a, 2);
    peer_send(t.a, "CANCEL");
    peer_expect(t.a, "200 CANCEL");
    cancelled(t.c);
    refused(t.a, "487");
    peer_take_call(t.a, 3);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* B keeps the call until it knows: C refuses, and the two talk on (RFC 5589 §6.2). */
static void rfc5589_protected_transferor(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);

    (void)state;
    peer_send(t.b, "INVITE"); /* A is held meanwhile */
    answer((peer_expect(t.a, "INVITE"), t.a), t.b);
    asked(&t, REFER_TO_C);
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    refuse(t.c, t.a, "486");
    told(&t, 486);
    peer_send(t.b, "INVITE");
    answer((peer_expect(t.a, "INVITE"), t.a), t.b);
    kit_says(t.k, "The transfer failed: 1003 answered 486 Busy Here. (RFC 3515 section 2.4.5)");
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* B hangs up as soon as A has said that it will (§6.1): what comes of it A tells to nobody's harm. */
static void gone_at_once(uint64_t after_ms, const char *heard)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);

    peer_send(t.b, REFER_TO_C);
    peer_expect(t.a, "REFER");
    peer_send(t.a, "202 REFER");
    peer_expect(t.b, "202 REFER");
    kit_wait_ms(t.k, after_ms);
    hang_up(t.b, t.a);
    set_up(t.a, t.c, "INVITE 1003");
    peer_take_call(t.a, 2);
    pass(t.a, t.b, NOTIFY_DONE, heard);
    kit_says(t.k, "B sent A on to C; A and C are still connected.");
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

static void rfc5589_unprotected_transferor(void **state)
{
    (void)state;
    gone_at_once(0, "200 NOTIFY");
}

static void rfc5589_transferor_gone_300_ms_after_the_202(void **state)
{
    (void)state;
    gone_at_once(300, "200 NOTIFY");
}

/* RFC 3892: as B wrote it, on both ways. */
static void rfc3892_referred_by(void **state)
{
    struct three      t = three_talking_in(DIALOG_MODE_RELAY);
    const struct msg *m;
    struct slice      by = S("\"The desk\" <sip:1002@" KIT_DOMAIN ">;cid=\"20398823.2UWQFN309shb3@referrer.example\"");

    (void)state;
    m = asked(&t, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN
                  ">\nReferred-By: \"The desk\" <sip:1002@" KIT_DOMAIN ">;cid=\"20398823.2UWQFN309shb3@referrer.example\"");
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_REFERRED_BY)), by));
    peer_send(t.a, "INVITE 1003\nReferred-By: \"The desk\" <sip:1002@" KIT_DOMAIN ">;cid=\"20398823.2UWQFN309shb3@referrer.example\"");
    m = peer_expect(t.c, "INVITE");
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_REFERRED_BY)), by));
    answer(t.c, t.a);
    went_well(&t, BLIND);
}

/* RFC 4538: asked for beside the call, which is named: it reaches the phone that has that call, and what it says comes back. */
static void rfc4538_target_dialog(void **state)
{
    struct three      t = three_begin(&(struct kit_options){.transfer = DIALOG_MODE_RELAY, .story = true});
    const struct msg *m, *ok;
    char              text[600], want[300];

    (void)state;
    peer_send(t.a, "INVITE 1002");
    peer_expect(t.b, "INVITE");
    peer_send(t.b, "200");
    ok = peer_expect(t.a, "200 INVITE");
    peer_send(t.a, "ACK");
    peer_expect(t.b, "ACK");
    snprintf(want, sizeof want, "%.*s;local-tag=%.*s;remote-tag=%.*s", SARG(msg_call_id(ok)), SARG(msg_from_tag(ok)), SARG(msg_to_tag(ok)));
    snprintf(text, sizeof text, "REFER 1001\nRequire: tdialog\nTarget-Dialog: %s\nRefer-To: <sip:1003@" KIT_DOMAIN ">", want);
    peer_send(t.b, text);
    m = peer_expect(t.a, "REFER");
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_TARGET_DIALOG)), slice_z(want)));
    assert_true(msg_has_token(m, HDR_REQUIRE, S("tdialog")));
    peer_send(t.a, "202 REFER");
    peer_expect(t.b, "202 REFER");
    set_up(t.a, t.c, "INVITE 1003");
    peer_take_call(t.a, 3);
    tell(t.a, t.b, NOTIFY_DONE);
    peer_take_call(t.b, 2);
    peer_take_call(t.a, 2);
    hang_up(t.b, t.a);
    peer_take_call(t.a, 4);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* RFC 4488: no NOTIFY is wanted, and none comes; both say so, and both are heard. */
static void rfc4488_refer_sub_false(void **state)
{
    struct three      t = three_talking_in(DIALOG_MODE_RELAY);
    const struct msg *m;

    (void)state;
    peer_send(t.b, REFER_TO_C "\nRefer-Sub: false\nSupported: norefersub");
    m = peer_expect(t.a, "REFER");
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_REFER_SUB)), S("false")));
    peer_send(t.a, "200 REFER\nRefer-Sub: false");
    m = peer_expect(t.b, "200 REFER");
    assert_true(slice_eq(slice_trim(msg_value(m, HDR_REFER_SUB)), S("false")));
    set_up(t.a, t.c, "INVITE 1003");
    peer_expect_nothing(t.b, 40000);
    peer_take_call(t.b, 2);
    peer_take_call(t.a, 2);
    hang_up(t.b, t.a);
    kit_says(t.k, "B sent A on to C; A and C are still connected. Nothing is wrong.");
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}



int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5589_blind),
        cmocka_unit_test(rfc5589_attended),
        cmocka_unit_test(rfc5589_attended_and_the_phone_drops_replaces),
        cmocka_unit_test(rfc5589_replaces_written_wrongly_is_put_right),
        cmocka_unit_test(rfc5589_semi_attended),
        cmocka_unit_test(rfc3891_replaces_of_an_early_dialog),
        cmocka_unit_test(rfc5589_protected_transferor),
        cmocka_unit_test(rfc5589_unprotected_transferor),
        cmocka_unit_test(rfc5589_transferor_gone_300_ms_after_the_202),
        cmocka_unit_test(rfc3892_referred_by),
        cmocka_unit_test(rfc4538_target_dialog),
        cmocka_unit_test(rfc4488_refer_sub_false),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
