/* dialog_test.c - what goes through inside dialogs, and beside them: re-INVITE, glare, new targets, BYEs that cross, INFO,
 * MESSAGE, subscriptions, big messages, old peers (RFC 3261 §12, §14, §15; RFC 6665; PROTOCOL §2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

static struct two talk(void)
{
    struct two t = two_begin(NULL);

    set_up_at_once(t.alice, t.bob, "INVITE bob");
    return t;
}

/* ---- re-INVITE: §14 ---- */

/* Both at once: 491 passes both ways; then each again, after its own time. */
static void glare(void **state)
{
    struct two t = talk();

    (void)state;
    peer_send(t.alice, "INVITE");
    peer_send(t.bob, "INVITE");
    peer_expect(t.bob, "INVITE");
    peer_expect(t.alice, "INVITE");
    peer_send(t.bob, "491 INVITE");
    peer_send(t.alice, "491 INVITE");
    peer_expect(t.alice, "491 INVITE");
    peer_expect(t.bob, "491 INVITE");
    peer_send(t.alice, "ACK");
    peer_send(t.bob, "ACK");
    peer_expect(t.bob, "ACK");
    peer_expect(t.alice, "ACK");
    kit_wait_ms(t.k, 1500);
    set_up_at_once(t.bob, t.alice, "INVITE");
    hang_up(t.alice, t.bob);
    kit_end(t.k);
}

static void a_re_invite_is_cancelled(void **state)
{
    struct two t = talk();

    (void)state;
    peer_send(t.alice, "INVITE");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_send(t.alice, "CANCEL");
    peer_expect(t.alice, "200 CANCEL");
    peer_expect(t.bob, "CANCEL");
    peer_send(t.bob, "200 CANCEL");
    refuse(t.bob, t.alice, "487 INVITE");
    assert_string_equal(kit_calls(t.k), "alice bob talking"); /* the call itself goes on (§14.1) */
    hang_up(t.bob, t.alice);
    kit_end(t.k);
}

static void re_invite(struct peer *from, struct peer *to, const char *answer)
{
    char final[32];

    peer_send(from, "INVITE");
    peer_expect(to, "INVITE");
    snprintf(final, sizeof final, "%s INVITE", answer);
    peer_send(to, final);
    peer_expect(from, final);
    if (answer[0] != '2')
        peer_expect(to, "ACK");
    peer_send(from, "ACK");
    if (answer[0] == '2')
        peer_expect(to, "ACK");
}

/* §12.2.1.2: bob is somewhere else now: BYE goes there. One that was refused has moved nobody; an UPDATE moves as well. */
static void a_new_target(void **state)
{
    struct two        t = talk();
    const struct msg *m;

    (void)state;
    peer_set_contact(t.bob, "sip:bob-at-the-door@10.0.0.12:5060");
    re_invite(t.bob, t.alice, "200");
    peer_send(t.alice, "INFO");
    m = peer_expect(t.bob, "INFO");
    assert_true(slice_eq(m->uri, S("sip:bob-at-the-door@10.0.0.12:5060")));
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 INFO");
    peer_set_contact(t.bob, "sip:bob-refused@10.0.0.12:5060");
    re_invite(t.bob, t.alice, "488");
    peer_send(t.alice, "INFO"); /* the kit's alice has learned it all the same: it is not of this dialog */
    peer_expect(t.alice, "403 INFO");
    peer_set_contact(t.bob, "sip:bob-updated@10.0.0.12:5060");
    pass(t.bob, t.alice, "UPDATE", "200");
    peer_send(t.alice, "BYE");
    m = peer_expect(t.bob, "BYE");
    assert_true(slice_eq(m->uri, S("sip:bob-updated@10.0.0.12:5060")));
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 BYE");
    kit_end(t.k);
}

/* Nobody else's phone is reached by a dialog of bob's, though it is one of ours (PROTOCOL 2.2). */
static void another_users_phone_is_no_target_2_2(void **state)
{
    struct two   t = two_begin(NULL);
    struct peer *carol = peer_registered(t.k, "carol");

    (void)state;
    set_up_at_once(t.alice, t.bob, "INVITE bob");
    peer_set_contact(t.bob, peer_contact(carol));
    re_invite(t.bob, t.alice, "488"); /* the kit's alice believes it */
    peer_send(t.alice, "INFO");
    peer_expect(t.alice, "403 INFO");
    peer_expect_nothing(carol, 100);
    peer_set_contact(t.bob, "sip:bob@10.0.0.12:5060");
    re_invite(t.bob, t.alice, "200");
    hang_up(t.alice, t.bob);
    kit_end(t.k);
}

/* RFC 5627 §6.1: a caller whose Contact is its GRUU: what is sent there comes to the phone by its own address. */
static void a_gruu_as_the_contact_of_a_dialog(void **state)
{
    static const char urn[] = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    struct two        t = two_begin(NULL);
    const struct msg *m;
    char              row[256];

    (void)state;
    snprintf(row, sizeof row, "REGISTER alice\nContact: <%s>;+sip.instance=\"<%s>\"", peer_contact(t.alice), urn);
    peer_send(t.alice, row);
    peer_expect(t.alice, "200");
    snprintf(row, sizeof row, "INVITE bob\nContact: <sip:alice@" KIT_DOMAIN ";gr=%s>", urn);
    peer_send(t.alice, row);
    peer_expect(t.bob, "INVITE");
    answer(t.bob, t.alice);
    peer_send(t.bob, "BYE");
    m = peer_expect(t.alice, "BYE");
    assert_true(slice_eq(m->uri, slice_z(peer_contact(t.alice))));
    peer_send(t.alice, "200");
    peer_expect(t.bob, "200 BYE");
    kit_end(t.k);
}

/* ---- BYE: §15 ---- */

static void byes_that_cross(void **state)
{
    struct two t = talk();

    (void)state;
    peer_send(t.alice, "BYE");
    peer_send(t.bob, "BYE");
    peer_expect(t.bob, "BYE");
    peer_expect(t.alice, "BYE");
    peer_send(t.alice, "200 BYE");
    peer_send(t.bob, "481 BYE");
    peer_expect(t.bob, "200 BYE");
    peer_expect(t.alice, "481 BYE");
    assert_string_equal(kit_calls(t.k), "");
    assert_string_equal(kit_cdr(t.k, 1), ""); /* one call, one CDR */
    kit_end(t.k);
}

/* After the end of the call its cookie still leads to the phone, which says what it thinks of it (PROTOCOL 2.1). */
static void a_bye_after_the_end(void **state)
{
    struct two t = talk();

    (void)state;
    hang_up(t.alice, t.bob);
    kit_wait_ms(t.k, 40000);
    peer_send(t.bob, "BYE");
    peer_expect(t.alice, "BYE");
    peer_send(t.alice, "481");
    peer_expect(t.bob, "481");
    kit_end(t.k);
}

/* Before its ACK, over a lost 200: RFC 3261 §15 lets the caller hang up then. */
static void a_bye_in_an_early_dialog(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_send(t.alice, "BYE");
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200 BYE");
    peer_send(t.bob, "487 INVITE");
    peer_expect(t.bob, "ACK");
    peer_expect(t.alice, "200 BYE");
    peer_expect(t.alice, "487 INVITE");
    peer_send(t.alice, "ACK");
    assert_string_equal(kit_calls(t.k), "");
    kit_end(t.k);
}

/* ---- whatever else passes ---- */

static void any_method_passes_both_ways(void **state)
{
    static const char *const methods[] = {"INFO", "MESSAGE", "OPTIONS", "UPDATE", "NOTIFY", "PUBLISH", "NEWMETHOD"};
    struct two t = talk();
    char       what[256];

    (void)state;
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        for (int way = 0; way < 2; way++) {
            struct peer *from = way ? t.bob : t.alice, *to = way ? t.alice : t.bob;
            const struct msg *m;

            snprintf(what, sizeof what, "%s\nX-Way: %d\nContent-Type: text/plain\n\nhello", methods[i], way);
            peer_send(from, what);
            m = peer_expect(to, methods[i]);
            assert_true(slice_eq(m->body, S("hello")));
            assert_int_equal(msg_element_count(m, HDR_VIA), 2);
            assert_false(msg_has(m, HDR_RECORD_ROUTE));
            peer_send(to, "200");
            snprintf(what, sizeof what, "200 %s", i == 6 ? "" : methods[i]);
            peer_expect(from, i == 6 ? "200" : what);
        }
    hang_up(t.alice, t.bob);
    kit_end(t.k);
}

/* RFC 6665:
 *   alice           strowger            bob
 *     |-- SUBSCRIBE -->|-- SUBSCRIBE --->|
 *     |<-- NOTIFY -----|<-- NOTIFY ------|   before the 200 even
 *     |<-- 200 --------|<-- 200 ---------|
 *     |-- SUBSCRIBE -->|-- SUBSCRIBE --->|   again, in the dialog
 *     |<-- NOTIFY -----|<-- NOTIFY ------|   terminated */
static void a_subscription(void **state)
{
    struct two        t = two_begin(NULL);
    const struct msg *m;

    (void)state;
    peer_send(t.alice, "SUBSCRIBE bob\nEvent: call-info\nExpires: 600");
    m = peer_expect(t.bob, "SUBSCRIBE");
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 1);
    peer_send(t.bob, "NOTIFY\nEvent: call-info\nSubscription-State: active;expires=600");
    peer_expect(t.alice, "NOTIFY");
    peer_send(t.alice, "200 NOTIFY");
    peer_expect(t.bob, "200 NOTIFY");
    peer_send(t.bob, "200 SUBSCRIBE\nExpires: 600");
    peer_expect(t.alice, "200 SUBSCRIBE");
    kit_wait_ms(t.k, 300000);
    peer_send(t.alice, "SUBSCRIBE\nEvent: call-info\nExpires: 0");
    m = peer_expect(t.bob, "SUBSCRIBE");
    assert_true(msg_to_tag(m).n > 0);
    peer_send(t.bob, "200 SUBSCRIBE\nExpires: 0");
    peer_expect(t.alice, "200 SUBSCRIBE");
    peer_send(t.bob, "NOTIFY\nEvent: call-info\nSubscription-State: terminated;reason=timeout");
    peer_expect(t.alice, "NOTIFY");
    peer_send(t.alice, "200");
    peer_expect(t.bob, "200 NOTIFY");
    assert_string_equal(kit_calls(t.k), ""); /* it was no call */
    kit_end(t.k);
}

/* A REFER outside any dialog goes end to end (PROTOCOL 5.1). */
static void a_refer_outside_a_dialog(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "REFER bob\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(t.bob, "REFER");
    peer_expect_nothing(t.alice, 100);
    peer_send(t.bob, "202");
    peer_expect(t.alice, "202");
    peer_send(t.bob, "NOTIFY\nEvent: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: message/sipfrag"
                     "\n\nSIP/2.0 200 OK");
    peer_expect(t.alice, "NOTIFY");
    peer_send(t.alice, "200");
    peer_expect(t.bob, "200 NOTIFY");
    kit_end(t.k);
}

/* PROTOCOL 2.5: to a phone's own flow, whatever the size. */
static void a_big_message_takes_the_phones_flow(void **state)
{
    struct two        t = two_begin(NULL);
    static char       what[16000];
    const struct msg *m;
    int               n = snprintf(what, sizeof what, "MESSAGE bob\nContent-Type: text/plain\n\n");

    (void)state;
    memset(what + n, 'x', 12000);
    peer_send(t.alice, what);
    m = peer_expect(t.bob, "MESSAGE");
    assert_int_equal(m->body.n, 12000);
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200");
    kit_end(t.k);
}

/* A call's answers over a repeated INVITE: absorbed (§17.2.1), once answered too (RFC 6026 §7.1). */
static void a_repeated_invite_is_absorbed(void **state)
{
    struct two t = two_begin(NULL);

    (void)state;
    peer_send(t.alice, "INVITE bob");
    peer_expect(t.bob, "INVITE");
    peer_send_raw(t.alice, peer_sent(t.alice));
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 INVITE");
    peer_send_raw(t.alice, peer_sent(t.alice));
    peer_expect_nothing(t.bob, 100);
    assert_int_equal(peer_repeats(t.bob), 0);
    peer_send(t.alice, "ACK");
    peer_expect(t.bob, "ACK");
    hang_up(t.alice, t.bob);
    peer_send_raw(t.alice, peer_sent(t.alice));
    kit_wait_ms(t.k, 10);
    assert_int_equal(peer_repeats(t.alice), 2); /* the 100 or 180 again for the INVITE, and the 200 of the BYE */
    kit_end(t.k);
}

/* ---- RFC 2543: no branch, no tags ---- */

static void send_old(struct peer *p, const char *method, const char *to_tag)
{
    char text[1024];
    int  n = snprintf(text, sizeof text,
                      "%s sip:bob@" KIT_DOMAIN " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060\r\n"
                      "From: sip:alice@" KIT_DOMAIN "\r\nTo: sip:bob@" KIT_DOMAIN "%s\r\nCall-ID: old-1\r\nCSeq: 1 %s\r\n"
                      "Contact: sip:alice@10.0.0.11:5060\r\nContent-Length: 0\r\n\r\n",
                      method, to_tag, !strcmp(method, "BYE") ? "BYE" : method);

    assert_true(n > 0 && (size_t)n < sizeof text);
    peer_send_raw(p, slice_z(text));
}

/* §17.2.3: such a request is known by its URI, tags, Call-ID, CSeq and Via. */
static void a_peer_of_rfc_2543(void **state)
{
    struct two        t = two_begin(NULL);
    const struct msg *m;
    char              tag[256];

    (void)state;
    send_old(t.alice, "INVITE", "");
    m = peer_expect(t.bob, "INVITE");
    assert_true(slice_eq(msg_value(m, HDR_MAX_FORWARDS), S("70")));
    send_old(t.alice, "INVITE", ""); /* again: absorbed */
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_send(t.bob, "486");
    peer_expect(t.bob, "ACK");
    m = peer_expect(t.alice, "486");
    snprintf(tag, sizeof tag, ";tag=%.*s", SARG(msg_to_tag(m)));
    send_old(t.alice, "ACK", tag);
    kit_wait_ms(t.k, 5000);
    assert_int_equal(peer_repeats(t.alice), 1); /* the 100 for the second INVITE; not the 486: its ACK was matched */
    peer_expect_nothing(t.bob, 0);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(glare),
        cmocka_unit_test(a_re_invite_is_cancelled),
        cmocka_unit_test(a_new_target),
        cmocka_unit_test(another_users_phone_is_no_target_2_2),
        cmocka_unit_test(a_gruu_as_the_contact_of_a_dialog),
        cmocka_unit_test(byes_that_cross),
        cmocka_unit_test(a_bye_after_the_end),
        cmocka_unit_test(a_bye_in_an_early_dialog),
        cmocka_unit_test(any_method_passes_both_ways),
        cmocka_unit_test(a_subscription),
        cmocka_unit_test(a_refer_outside_a_dialog),
        cmocka_unit_test(a_big_message_takes_the_phones_flow),
        cmocka_unit_test(a_repeated_invite_is_absorbed),
        cmocka_unit_test(a_peer_of_rfc_2543),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
