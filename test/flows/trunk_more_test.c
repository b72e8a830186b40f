/* trunk_more_test.c - calls through trunks that live on: transfers, restarts, connections that go; redirections. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flows/trunks.h"
#include "kit/transfer.h"

/* ---- transfers ---- */

/*   berlin             P               bob              alice
 *     |--- INVITE ---->|--- INVITE ---->|
 *     |                |<--- REFER -----|                |     to alice
 *     |                |---- 202 ------>|                |     berlin is no phone of ours: it is not asked (PROTOCOL 5.1)
 *     |<-- INVITE -----|                                 |     the exchange executes it
 *     |                |---- INVITE -------------------->| */
static void a_call_from_a_trunk_is_transferred_by_the_exchange_5_1(void **state)
{
    struct house h = begin();
    struct three t = {h.k, h.berlin, h.bob, h.alice};

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "did=+49555=bob");
    set_up_at_once(h.berlin, h.bob, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    peer_send(h.bob, "REFER\nRefer-To: <sip:alice@" KIT_DOMAIN ">");
    peer_expect(h.bob, "202 REFER");
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(h.berlin, h.alice);
    end(&h);
}

/* Bob sends berlin's call on to an outside number: it goes out as bob's, by paris, whose challenge is answered on the way. */
static void a_call_from_a_trunk_is_transferred_to_an_outside_number(void **state)
{
    struct house h = begin();
    struct three t = {h.k, h.berlin, h.bob, h.paris};

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "did=+49555=bob");
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/");
    set_up_at_once(h.berlin, h.bob, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    peer_send(h.bob, "REFER\nRefer-To: <sip:0177@" KIT_DOMAIN ">");
    peer_expect(h.bob, "202 REFER");
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(h.paris, h.berlin);
    end(&h);
}

/* The exchange itself is asked who it is, when it takes a call's place: berlin is the one that called, or that was called. */
static void a_challenge_to_a_transfer_is_answered(void **state)
{
    struct house      h = begin();
    struct three      t = {h.k, h.berlin, h.bob, h.alice};
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "did=+49555=bob user=we password=geheim");
    set_up_at_once(h.berlin, h.bob, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    peer_send(h.bob, "REFER\nRefer-To: <sip:alice@" KIT_DOMAIN ">");
    peer_expect(h.bob, "202 REFER");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "407 INVITE\nProxy-Authenticate: " CHALLENGE);
    peer_expect(h.berlin, "ACK");
    m = peer_expect(h.berlin, "INVITE");
    assert_true(slice_find_slice(msg_value(m, HDR_PROXY_AUTHORIZATION), S("username=\"we\"")) != SIZE_MAX);
    be_asked(&t, m);
    finish_transfer(&t);
    hang_up(h.berlin, h.alice);
    end(&h);
}

/* A provider has many machines: another one, which `address` lists, ends the call, and knows nothing of our Route. */
static void another_machine_of_a_trunk_may_speak_in_its_calls(void **state)
{
    struct house h = begin();
    struct peer *eve = peer_add(h.k, "eve");
    const struct msg *invite, *ok;
    char         text[2][1000];

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* address=10.0.0.14");
    peer_send(h.alice, "INVITE 01");
    invite = peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "200");
    ok = peer_expect(h.alice, "200");
    peer_send(h.alice, "ACK");
    peer_expect(h.berlin, "ACK");
    for (int i = 0; i < 2; i++) { /* eve first: a stranger; then paris, who is berlin's */
        struct peer *from = i ? h.paris : eve;

        snprintf(text[i], sizeof text[i], "BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bKx%d\r\nMax-Forwards: 70\r\n"
                 "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: 77 BYE\r\nContent-Length: 0\r\n\r\n",
                 peer_contact(h.alice), peer_host(from), i, SARG(msg_value(ok, HDR_TO)), SARG(msg_value(invite, HDR_FROM)), SARG(msg_call_id(ok)));
        peer_send_raw(from, slice_z(text[i]));
        if (i == 0)
            peer_expect(from, "407 BYE");
    }
    peer_expect(h.alice, "BYE");
    peer_send(h.alice, "200");
    peer_expect(h.paris, "200 BYE");
    end(&h);
}

/* Bob has asked at an outside number, and brings alice together with it: to berlin that would be another call, so the exchange
 * joins it with the one that is there, whatever berlin says it can do. */
static void an_attended_transfer_to_an_outside_number_is_joined_7_3(void **state)
{
    struct house      h = begin();
    struct three      t = {h.k, h.alice, h.bob, h.berlin};
    struct named      n;
    char              text[400];
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* main-number=+4930");
    set_up_at_once(h.alice, h.bob, "INVITE bob");
    peer_send(h.bob, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "200\nSupported: replaces");
    n = name_of(peer_expect(h.bob, "200 INVITE"));
    peer_send(h.bob, "ACK");
    peer_expect(h.berlin, "ACK");
    snprintf(text, sizeof text, "REFER\nRefer-To: <sip:01@" KIT_DOMAIN "?Replaces=%s%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s>", n.call_id, n.to, n.from);
    peer_take_call(h.bob, 2);
    peer_send(h.bob, text);
    peer_expect(h.bob, "202 REFER");
    expect_to_be_asked(&t);
    m = peer_expect(h.berlin, "INVITE"); /* in its call */
    assert_from(m, "sip:+4930@10.0.0.13");
    assert_false(msg_has(m, HDR_REPLACES));
    peer_send(h.berlin, "200 INVITE");
    peer_expect(h.berlin, "ACK");
    agree(h.alice);
    peer_expect(h.bob, "BYE");
    peer_send(h.bob, "200 BYE");
    expect_notify(h.bob, 200);
    leave(h.bob);
    hang_up(h.berlin, h.alice);
    end(&h);
}

/* Who is outside may transfer nobody. */
static void a_trunk_transfers_nobody_5_1(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0*");
    set_up_at_once(h.alice, h.berlin, "INVITE 01");
    peer_send(h.berlin, "REFER\nRefer-To: <sip:0900@" KIT_DOMAIN ">");
    peer_expect(h.berlin, "403 REFER");
    hang_up(h.alice, h.berlin);
    end(&h);
}

/* Alice has called out, and sends berlin on to bob; her number for it is a tel URI. */
static void a_call_that_went_out_is_transferred_back(void **state)
{
    struct house h = begin();
    struct three t = {h.k, h.berlin, h.alice, h.bob};

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* user=we password=geheim");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "407\nProxy-Authenticate: " CHALLENGE);
    peer_expect(h.berlin, "ACK");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "200");
    peer_expect(h.alice, "200 INVITE");
    peer_send(h.alice, "ACK");
    peer_expect(h.berlin, "ACK");
    peer_send(h.alice, "REFER\nRefer-To: <sip:bob@" KIT_DOMAIN ">");
    peer_expect(h.alice, "202 REFER");
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(h.berlin, h.bob);
    end(&h);
}

/* ---- a phone sends a call on ---- */

/* Bob's phone answers a trunk's call with 302: the exchange follows, since who is outside cannot: to another user, to an outside
 * number (which bob may call), and where that leads nowhere the trunk learns it. */
static void a_302_to_a_trunk_is_followed_here(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "did=+49555=bob");
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "302\nContact: <sip:alice@" KIT_DOMAIN ">");
    peer_expect(h.alice, "INVITE");
    refuse(h.alice, h.berlin, "486");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "302\nContact: <sip:0177@" KIT_DOMAIN ">");
    m = peer_expect(h.paris, "INVITE");
    assert_slice(m->uri, "sip:177@10.0.0.14");
    assert_true(slice_find_slice(msg_value(m, HDR_DIVERSION), S("reason=deflection")) != SIZE_MAX);
    answer(h.paris, h.berlin);
    assert_string_equal(kit_calls(h.k), "+49171@berlin 177@paris talking");
    hang_up(h.paris, h.berlin);
    kit_set_user(h.k, "bob", "barred", "0*");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE);
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "302\nContact: <sip:0177@" KIT_DOMAIN ">");
    refused(h.berlin, "480");
    end(&h);
}

/* A user whose redirections are followed, called from inside; and one whose are not: its caller's phone goes by itself. */
static void a_302_leads_out(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/");
    kit_set_user(h.k, "bob", "redirect", "follow");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "302\nContact: <tel:0177>");
    peer_expect(h.paris, "INVITE");
    refuse(h.paris, h.alice, "486");
    assert_string_equal(kit_cdr(h.k, 0), "alice 177@paris 486 callee Busy Here");
    kit_set_user(h.k, "bob", "redirect", "pass");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "302\nContact: <sip:0177@" KIT_DOMAIN ">");
    refused(h.alice, "302");
    end(&h);
}

/* ---- restarts ---- */

/* The shift that a challenge has made outlives kill -9: the BYE of alice is one that berlin takes. */
static void a_shifted_call_outlives_a_restart_4_3(void **state)
{
    struct house h = begin();
    uint32_t     invite;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* user=we password=geheim main-number=+4930");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "407\nProxy-Authenticate: " CHALLENGE);
    peer_expect(h.berlin, "ACK");
    invite = cseq_of(peer_expect(h.berlin, "INVITE"));
    peer_send(h.berlin, "200");
    peer_expect(h.alice, "200 INVITE");
    peer_send(h.alice, "ACK");
    peer_expect(h.berlin, "ACK");
    kit_kill(h.k);
    kit_restart(h.k);
    assert_string_equal(kit_calls(h.k), "alice 01@berlin talking");
    peer_send(h.berlin, "INFO");
    peer_expect(h.alice, "INFO");
    peer_send(h.alice, "200 INFO");
    peer_expect(h.berlin, "200 INFO");
    peer_send(h.alice, "BYE");
    {
        const struct msg *m = peer_expect(h.berlin, "BYE");

        assert_true(cseq_of(m) > invite);
        assert_from(m, "sip:+4930@10.0.0.13");
    }
    peer_send(h.berlin, "200 BYE");
    peer_expect(h.alice, "200 BYE");
    assert_string_equal(kit_cdr(h.k, 0), "alice 01@berlin 200 caller bye");
    end(&h);
}

/* An administrator ends a call through a trunk: both hear it. */
static void a_call_through_a_trunk_is_ended_by_an_administrator(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* main-number=+4930");
    set_up_at_once(h.alice, h.berlin, "INVITE 01");
    assert_int_equal(kit_hang_up(h.k, 0), ERR_OK);
    assert_from(peer_expect(h.berlin, "BYE"), "sip:+4930@10.0.0.13");
    peer_send(h.berlin, "200");
    peer_expect(h.alice, "BYE");
    peer_send(h.alice, "200");
    end(&h);
}

/* Workers that share the calls. */
static void four_workers_see_one_trunk(void **state)
{
    struct house h = begin_with((struct kit_options){.workers = 4, .spread = true});

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* did=*=bob user=we password=geheim");
    for (int i = 0; i < 8; i++) {
        peer_send(h.alice, "INVITE 01");
        peer_expect(h.berlin, "INVITE");
        peer_send(h.berlin, "407\nProxy-Authenticate: " CHALLENGE);
        peer_expect(h.berlin, "ACK");
        peer_expect(h.berlin, "INVITE");
        answer(h.berlin, h.alice);
        pass(h.alice, h.berlin, "INFO", "200");
        hang_up(h.alice, h.berlin);
        set_up(h.berlin, h.bob, "INVITE sip:1@" KIT_EXCHANGE);
        hang_up(h.bob, h.berlin);
    }
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_from_a_trunk_is_transferred_by_the_exchange_5_1),
        cmocka_unit_test(a_call_from_a_trunk_is_transferred_to_an_outside_number),
        cmocka_unit_test(an_attended_transfer_to_an_outside_number_is_joined_7_3),
        cmocka_unit_test(a_challenge_to_a_transfer_is_answered),
        cmocka_unit_test(another_machine_of_a_trunk_may_speak_in_its_calls),
        cmocka_unit_test(a_trunk_transfers_nobody_5_1),
        cmocka_unit_test(a_call_that_went_out_is_transferred_back),
        cmocka_unit_test(a_302_to_a_trunk_is_followed_here),
        cmocka_unit_test(a_302_leads_out),
        cmocka_unit_test(a_shifted_call_outlives_a_restart_4_3),
        cmocka_unit_test(a_call_through_a_trunk_is_ended_by_an_administrator),
        cmocka_unit_test(four_workers_see_one_trunk),
    };
    return cmocka_run_group_tests_name("flows/trunk_more", tests, NULL, NULL);
}
