/* transfer_end_test.c - where transfers lead, and how they end: refused, failed, given up, sent on, in a circle, elsewhere (RFC
 * 5589; mode relay, where nothing else is said). Each has its sentence in the ladder, with the RFC's section where it failed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

/* C refuses, and B, who has kept its call, hears with which status. */
static void rfc5589_failed(void **state)
{
    static const struct {
        const char *answer;
        unsigned    code;
        const char *sentence;
    } ways[] = {{"486", 486, "The transfer failed: 1003 answered 486 Busy Here. (RFC 3515 section 2.4.5)"},
                {"603", 603, "The transfer failed: 1003 answered 603 Decline. (RFC 3515 section 2.4.5)"},
                {"404", 404, "The transfer failed: 1003 answered 404 Not Found. (RFC 3515 section 2.4.5)"}};

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct three t = three_talking_in(DIALOG_MODE_RELAY);

        asked(&t, REFER_TO_C);
        peer_send(t.a, "INVITE 1003");
        peer_expect(t.c, "INVITE");
        refuse(t.c, t.a, ways[i].answer);
        told(&t, ways[i].code);
        kit_says(t.k, ways[i].sentence);
        hang_up(t.b, t.a);
        kit_end(t.k);
    }
}

/* A does not want to be transferred. */
static void rfc5589_refused_by_the_transferee(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);

    (void)state;
    peer_send(t.b, REFER_TO_C);
    peer_expect(t.a, "REFER");
    peer_send(t.a, "603 REFER");
    peer_expect(t.b, "603 REFER");
    kit_says(t.k, "A refused the transfer that B asked for: 603 Decline. (RFC 3515 section 2.4.2)");
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* A gives up while C rings. */
static void rfc5589_abandoned(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);

    (void)state;
    asked(&t, REFER_TO_C);
    hang_up(t.b, t.a);
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    peer_expect(t.a, "180");
    peer_send(t.a, "CANCEL");
    peer_expect(t.a, "200 CANCEL");
    cancelled(t.c);
    refused(t.a, "487");
    kit_says(t.k, "A gives up");
    kit_says(t.k, "The transfer failed: 1003 answered 487 Request Terminated. (RFC 3515 section 2.4.5)");
    kit_end(t.k);
}

/* A phone that goes on writing the Referred-By of an old transfer, or of one that never was: it passes, and changes nothing:
 * who calls is who has signed in, and nobody is told of a transfer. */
static void rfc3892_a_stale_referred_by_is_passed_and_not_believed(void **state)
{
    static const enum dialog_mode modes[] = {DIALOG_MODE_RELAY, DIALOG_MODE_ACCEPT};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct three      t = three_begin(&(struct kit_options){.transfer = modes[i], .story = true});
        const struct msg *m;
        struct name_addr  na;

        peer_send(t.a, "INVITE 1003\nReferred-By: <sip:1002@" KIT_DOMAIN ">");
        m = peer_expect(t.c, "INVITE");
        assert_true(slice_eq(slice_trim(msg_value(m, HDR_REFERRED_BY)), S("<sip:1002@" KIT_DOMAIN ">")));
        assert_int_equal(msg_name_addr(m, HDR_FROM, &na), ERR_OK);
        assert_true(slice_eq(na.uri, S("sip:1001@" KIT_DOMAIN)));
        assert_false(msg_has(m, HDR_HISTORY_INFO));
        assert_false(msg_has(m, HDR_DIVERSION));
        answer(t.c, t.a);
        hang_up(t.a, t.c);
        peer_expect_nothing(t.b, 40000);
        assert_string_equal(kit_cdr(t.k, 0), "1001 1003 200 caller bye");
        kit_end(t.k);
    }
}

/* C, who has got the call, sends it on to D. */
static void rfc5589_a_transferred_call_is_transferred_again(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);
    struct peer *d = peer_registered(t.k, "1004");

    (void)state;
    asked(&t, REFER_TO_C);
    set_up(t.a, t.c, "INVITE 1003");
    told(&t, 200);
    hang_up(t.b, t.a);
    peer_take_call(t.a, 3);
    peer_send(t.c, "REFER\nRefer-To: <sip:1004@" KIT_DOMAIN ">\nReferred-By: <sip:1003@" KIT_DOMAIN ">");
    peer_expect(t.a, "REFER");
    peer_send(t.a, "202 REFER");
    peer_expect(t.c, "202 REFER");
    tell(t.a, t.c, NOTIFY_TRYING);
    set_up(t.a, d, "INVITE 1004");
    peer_take_call(t.a, 3);
    tell(t.a, t.c, NOTIFY_DONE);
    hang_up(t.c, t.a);
    kit_says(t.k, "B sent A on to C; A and C talked");
    kit_says(t.k, "C sent A on to D; A and D are still connected. Nothing is wrong.");
    peer_take_call(t.a, 4);
    hang_up(t.a, d);
    kit_end(t.k);
}

/* Both send the other away at once: each transfer is one of its own. */
static void rfc5589_both_transfer_at_once(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);
    struct peer *d = peer_registered(t.k, "1004");

    (void)state;
    peer_send(t.b, REFER_TO_C);
    peer_send(t.a, "REFER\nRefer-To: <sip:1004@" KIT_DOMAIN ">");
    peer_expect(t.a, "REFER");
    peer_expect(t.b, "REFER");
    peer_send(t.a, "202 REFER");
    peer_send(t.b, "202 REFER");
    peer_expect(t.b, "202 REFER");
    peer_expect(t.a, "202 REFER");
    tell(t.a, t.b, NOTIFY_TRYING);
    tell(t.b, t.a, NOTIFY_TRYING);
    set_up(t.a, t.c, "INVITE 1003");
    peer_send(t.b, "INVITE 1004");
    peer_expect(d, "INVITE");
    refuse(d, t.b, "486");
    told(&t, 200);
    tell(t.b, t.a, "NOTIFY\nEvent: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: message/sipfrag\n\n"
                   "SIP/2.0 486 Busy Here\r\n");
    hang_up(t.b, t.a);
    kit_says(t.k, "B sent A on to C; A and C are still connected");
    kit_says(t.k, "The transfer failed: 1004 answered 486 Busy Here. (RFC 3515 section 2.4.5)");
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* Into a room of the exchange's own. */
static void rfc5589_transfer_into_a_conference(void **state)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);

    (void)state;
    asked(&t, "REFER\nRefer-To: <sip:801@" KIT_DOMAIN ">");
    dial(t.a, "INVITE 801");
    told(&t, 200);
    hang_up(t.b, t.a);
    kit_says(t.k, "801 is answered by the exchange itself: conference");
    kit_says(t.k, "B sent A on to the exchange; A and the exchange are still connected. Nothing is wrong.");
    peer_take_call(t.a, 3);
    leave(t.a);
    kit_end(t.k);
}

/* To a number that nobody has, and to one elsewhere, where none of ours may call: A hears so, and tells it. */
static void goes_nowhere(const char *uri, unsigned code, const char *sentence)
{
    struct three t = three_talking_in(DIALOG_MODE_RELAY);
    char         text[200], status[4];

    snprintf(text, sizeof text, "REFER\nRefer-To: <%s>", uri);
    asked(&t, text);
    snprintf(text, sizeof text, "INVITE %s", uri);
    snprintf(status, sizeof status, "%u", code);
    peer_send(t.a, text);
    refused(t.a, status);
    told(&t, code);
    kit_says(t.k, sentence);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

static void rfc5589_transfer_to_an_unknown_number(void **state)
{
    (void)state;
    goes_nowhere("sip:4711@" KIT_DOMAIN, 480, "The transfer failed: 4711 answered 480 Temporarily Unavailable. (RFC 3515 section 2.4.5)");
}

static void rfc5589_transfer_to_an_outside_number_that_is_barred(void **state)
{
    (void)state;
    goes_nowhere("sip:4711@elsewhere.example.net", 403, "The transfer failed: 4711 answered 403 Forbidden. (RFC 3515 section 2.4.5)");
}

static void rfc5589_transfer_to_an_outside_number(void **state)
{
    struct three t = three_begin(&(struct kit_options){.transfer = DIALOG_MODE_RELAY, .story = true, .may_relay = true});
    struct peer *outside = peer_add(t.k, "dora");
    char         text[200];

    (void)state;
    set_up(t.a, t.b, "INVITE 1002");
    snprintf(text, sizeof text, "REFER\nRefer-To: <%s>", peer_contact(outside));
    asked(&t, text);
    snprintf(text, sizeof text, "INVITE %s", peer_contact(outside));
    set_up(t.a, outside, text);
    told(&t, 200);
    hang_up(t.b, t.a);
    kit_says(t.k, BLIND);
    peer_take_call(t.a, 3);
    hang_up(t.a, outside);
    kit_end(t.k);
}

/* B sends A to A's own number, where there is no other phone. */
static void rfc5589_a_transfer_to_oneself_is_refused(void **state)
{
    static const enum dialog_mode modes[] = {DIALOG_MODE_RELAY, DIALOG_MODE_ACCEPT, DIALOG_MODE_EXECUTE};

    (void)state;
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        struct three t = three_talking_in(modes[i]);

        peer_send(t.b, "REFER\nRefer-To: <sip:1001@" KIT_DOMAIN ">");
        peer_expect(t.b, "482 REFER");
        peer_expect_nothing(t.a, 1000);
        kit_says(t.k, "the REFER sends the transferee to its own number, where there is no other phone: it is refused with 482");
        hang_up(t.b, t.a);
        kit_end(t.k);
    }
}

/* One step of two machines that send A to each other: A, who talks with one, is sent to the other. */
static void sent_round(struct three *t, struct peer *from, struct peer *to, const char *number, bool told_by_exchange)
{
    char text[100];

    snprintf(text, sizeof text, "REFER\nRefer-To: <sip:%s@" KIT_DOMAIN ">", number);
    peer_send(from, text);
    peer_expect(t->a, "REFER");
    peer_send(t->a, "202 REFER");
    peer_expect(from, "202 REFER");
    hang_up(from, t->a);
    snprintf(text, sizeof text, "INVITE %s", number);
    set_up_at_once(t->a, to, text);
    if (!told_by_exchange)
        return;
    kit_wait_ms(t->k, 5000); /* where it accepts, and A says nothing, it tells how it went: to who has gone */
    peer_expect(from, "NOTIFY");
    peer_send(from, "481 NOTIFY");
}

/* B sends A to C, C sends A to B, and so on: after ten times the exchange says no, and A still has somebody to talk to. */
static void refer_loop(enum dialog_mode mode)
{
    struct three t = three_talking_in(mode);
    struct peer *ends[] = {t.b, t.c};

    for (unsigned i = 0; i < 10; i++)
        sent_round(&t, ends[i % 2], ends[(i + 1) % 2], i % 2 ? "1002" : "1003", mode == DIALOG_MODE_ACCEPT);
    peer_send(t.b, REFER_TO_C);
    peer_expect(t.b, "482 REFER");
    kit_says(t.k, "this call has been transferred ten times already: the REFER is refused with 482, since it goes in a circle");
    hang_up(t.b, t.a);
    kit_end(t.k);
}

static void rfc5589_a_refer_loop_is_refused(void **state)
{
    (void)state;
    refer_loop(DIALOG_MODE_RELAY);
    refer_loop(DIALOG_MODE_ACCEPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5589_failed),
        cmocka_unit_test(rfc5589_refused_by_the_transferee),
        cmocka_unit_test(rfc5589_abandoned),
        cmocka_unit_test(rfc3892_a_stale_referred_by_is_passed_and_not_believed),
        cmocka_unit_test(rfc5589_a_transferred_call_is_transferred_again),
        cmocka_unit_test(rfc5589_both_transfer_at_once),
        cmocka_unit_test(rfc5589_transfer_into_a_conference),
        cmocka_unit_test(rfc5589_transfer_to_an_unknown_number),
        cmocka_unit_test(rfc5589_transfer_to_an_outside_number_that_is_barred),
        cmocka_unit_test(rfc5589_transfer_to_an_outside_number),
        cmocka_unit_test(rfc5589_a_transfer_to_oneself_is_refused),
        cmocka_unit_test(rfc5589_a_refer_loop_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
