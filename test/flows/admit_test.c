/* admit_test.c - who may send what: digest, ownership, the cookie, in-dialog requests (PROTOCOL §1, §2; RFC 3261 §16.6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

/* A call with passwords: the INVITE is challenged with 407, nothing after it in that dialog is. */
static void digest_call_1_2(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    set_up(alice, bob, "INVITE bob");
    hang_up(bob, alice);
    kit_end(k);
}

/* PROTOCOL 1.1: MD5 alone is offered by default. */
static void one_md5_challenge_by_default_1_1(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *dave = peer_add(k, "dave");
    const struct msg  *m;

    (void)state; /* dave is no user: he gets the same challenge as anybody, and so the kit's answer fails */
    peer_send(dave, "REGISTER dave");
    m = peer_expect(dave, "401");
    assert_int_equal(msg_count(m, HDR_WWW_AUTHENTICATE), 1);
    assert_true(slice_find_slice(msg_value(m, HDR_WWW_AUTHENTICATE), S("MD5")) != SIZE_MAX);
    kit_end(k);
}

/* Without any credentials a stranger's call does not reach a phone. */
static void a_stranger_is_challenged(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *bob = peer_registered(k, "bob"), *eve = peer_add(k, "eve");

    (void)state;
    peer_send(eve, "INVITE bob");
    peer_expect(eve, "407");
    peer_send(eve, "ACK");
    peer_expect_nothing(bob, 1000);
    kit_end(k);
}

/* PROTOCOL 2.2: a valid cookie with a foreign Request-URI is refused: no open relay. */
static void cookie_does_not_admit_elsewhere_2_2(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *mallory = peer_add(k, "mallory");
    const struct msg *m;
    struct slice      route, tag;
    char              text[2048];

    (void)state;
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    m = peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    route = msg_value(m, HDR_RECORD_ROUTE);
    tag = msg_to_tag(m);
    snprintf(text, sizeof text,
             "INFO sip:victim@10.0.0.13:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-evil\r\n"
             "Route: %.*s\r\nMax-Forwards: 70\r\nFrom: <sip:alice@" KIT_DOMAIN ">;tag=%.*s\r\n"
             "To: <sip:bob@" KIT_DOMAIN ">;tag=%.*s\r\nCall-ID: %.*s\r\nCSeq: 9 INFO\r\nContent-Length: 0\r\n\r\n",
             SARG(route), SARG(msg_from_tag(m)), SARG(tag), SARG(msg_call_id(m)));
    peer_send_raw(alice, slice_z(text));
    peer_expect(alice, "403");
    peer_expect_nothing(mallory, 500);
    hang_up(alice, bob);
    kit_end(k);
}

/* PROTOCOL 2.1: a cookie that was made up, or is for another dialog, admits nobody; without a dialog that is 407. */
static void a_made_up_cookie_is_refused_2_1(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *bob = peer_registered(k, "bob"), *eve = peer_add(k, "eve");
    char               text[2048];

    (void)state;
    snprintf(text, sizeof text,
             "BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.12:5060;branch=z9hG4bK-evil\r\n"
             "Route: <sip:6553f100.AQ.AQ.AAAAAAAAAAAAAAAA@" KIT_EXCHANGE ":5060;lr>\r\nMax-Forwards: 70\r\n"
             "From: <sip:eve@elsewhere.example>;tag=1\r\nTo: <sip:bob@" KIT_DOMAIN ">;tag=2\r\nCall-ID: made-up\r\n"
             "CSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
             peer_contact(bob));
    peer_send_raw(eve, slice_z(text));
    peer_expect(eve, "407");
    peer_expect_nothing(bob, 500);
    kit_end(k);
}

/* RFC 3261 §16.12.1.2: a strict router has put our Record-Route URI into the Request-URI and the target behind. */
static void strict_routing_2_1(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    struct name_addr  rr;
    char              text[2048];

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    m = peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    assert_int_equal(msg_name_addr(m, HDR_RECORD_ROUTE, &rr), ERR_OK);
    snprintf(text, sizeof text,
             "INFO %.*s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-strict\r\n"
             "Route: <%s>\r\nMax-Forwards: 70\r\nFrom: <sip:alice@" KIT_DOMAIN ">;tag=%.*s\r\n"
             "To: <sip:bob@" KIT_DOMAIN ">;tag=%.*s\r\nCall-ID: %.*s\r\nCSeq: 9 INFO\r\nContent-Length: 0\r\n\r\n",
             SARG(rr.uri), peer_contact(bob), SARG(msg_from_tag(m)), SARG(msg_to_tag(m)), SARG(msg_call_id(m)));
    peer_send_raw(alice, slice_z(text));
    m = peer_expect(bob, "INFO");
    assert_true(slice_eq(m->uri, slice_z(peer_contact(bob))));
    assert_false(msg_has(m, HDR_ROUTE));
    peer_send(bob, "200");
    peer_expect(alice, "200 INFO");
    hang_up(bob, alice);
    kit_end(k);
}

/* PROTOCOL 2.3: a phone that lost its route: the dialog is known, and it comes from where that side is. */
static void a_lost_route_is_forgiven_2_3(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    char              text[2048];

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    m = peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    snprintf(text, sizeof text,
             "BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-lost\r\nMax-Forwards: 70\r\n"
             "From: <sip:alice@" KIT_DOMAIN ">;tag=%.*s\r\nTo: <sip:bob@" KIT_DOMAIN ">;tag=%.*s\r\nCall-ID: %.*s\r\n"
             "CSeq: 9 BYE\r\nContent-Length: 0\r\n\r\n",
             peer_contact(bob), SARG(msg_from_tag(m)), SARG(msg_to_tag(m)), SARG(msg_call_id(m)));
    peer_send_raw(alice, slice_z(text));
    peer_expect(bob, "BYE");
    peer_send(bob, "200");
    peer_expect(alice, "200 BYE");
    kit_end(k);
}

/* PROTOCOL 2.4: an ACK that belongs to nothing is dropped. */
static void an_unmatched_ack_is_dropped_2_4(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char         text[1024];

    (void)state;
    snprintf(text, sizeof text,
             "ACK %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-ack\r\nMax-Forwards: 70\r\n"
             "From: <sip:alice@" KIT_DOMAIN ">;tag=1\r\nTo: <sip:bob@" KIT_DOMAIN ">;tag=2\r\nCall-ID: nothing\r\n"
             "CSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n",
             peer_contact(bob));
    peer_send_raw(alice, slice_z(text));
    peer_expect_nothing(bob, 1000);
    peer_expect_nothing(alice, 10);
    kit_end(k);
}

/* Who may send, but of a dialog that nobody knows: there is no such call. */
static void an_unknown_dialog_is_481(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char         text[1024];

    (void)state;
    snprintf(text, sizeof text,
             "BYE sip:bob@192.168.7.7 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.11:5060;branch=z9hG4bK-none\r\nMax-Forwards: 70\r\n"
             "From: <sip:alice@" KIT_DOMAIN ">;tag=1\r\nTo: <sip:bob@" KIT_DOMAIN ">;tag=2\r\nCall-ID: nothing\r\n"
             "CSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n");
    peer_send_raw(alice, slice_z(text));
    peer_expect(alice, "481");
    peer_expect_nothing(bob, 100);
    kit_end(k);
}

/* A call outlives a restart of the exchange: the route set is in the phones, the record in the mapped file (PROTOCOL 4.1).
 * The exchange had spoken in it before (4.3): the CSeq goes on rising. */
static void a_call_outlives_a_restart_4_3(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    struct cseq       notify, bye;

    (void)state;
    set_up(alice, bob, "INVITE bob");
    peer_send(bob, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(bob, "202 REFER");
    peer_expect(alice, "REFER");
    peer_send(alice, "480");
    m = peer_expect(bob, "NOTIFY");
    assert_int_equal(msg_cseq(m, &notify), ERR_OK);
    peer_send(bob, "200");
    kit_wait_ms(k, 40000);
    kit_kill(k);
    kit_restart(k);
    peer_send(alice, "BYE");
    m = peer_expect(bob, "BYE");
    assert_int_equal(msg_cseq(m, &bye), ERR_OK);
    assert_true(bye.number > notify.number);
    peer_send(bob, "200");
    peer_expect(alice, "200 BYE");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digest_call_1_2),
        cmocka_unit_test(one_md5_challenge_by_default_1_1),
        cmocka_unit_test(a_stranger_is_challenged),
        cmocka_unit_test(cookie_does_not_admit_elsewhere_2_2),
        cmocka_unit_test(a_made_up_cookie_is_refused_2_1),
        cmocka_unit_test(strict_routing_2_1),
        cmocka_unit_test(a_lost_route_is_forgiven_2_3),
        cmocka_unit_test(an_unmatched_ack_is_dropped_2_4),
        cmocka_unit_test(an_unknown_dialog_is_481),
        cmocka_unit_test(a_call_outlives_a_restart_4_3),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
