/* replaces_test.c - attended transfers: the call that is named is found, put right, added, or left out (RFC 3891; PROTOCOL 7.1, 7.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

static void refer_with(struct three *t, const char *call_id, const char *to, const char *from)
{
    char text[800];
    int  n = snprintf(text, sizeof text, "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN "?Replaces=%s", call_id);

    if (to)
        n += snprintf(text + n, sizeof text - (size_t)n, "%%3Bto-tag%%3D%s%%3Bfrom-tag%%3D%s", to, from);
    snprintf(text + n, sizeof text - (size_t)n, "&Subject=call>");
    peer_take_call(t->b, 2);
    peer_send(t->b, text);
    peer_expect(t->b, "202 REFER");
}

/* What A is told to name. */
static void expect_refer(struct three *t, const struct named *n)
{
    const struct msg *m = peer_expect(t->a, "REFER");
    struct name_addr  na;
    struct uri        u;
    struct slice      escaped;
    char              text[600], want[400];
    struct buf        b = BUF_ON(text);

    assert_int_equal(msg_name_addr(m, HDR_REFER_TO, &na), ERR_OK);
    assert_int_equal(uri_parse(na.uri, &u, NULL), ERR_OK);
    assert_int_equal(uri_header(&u, S("Subject"), &escaped), ERR_OK);
    if (!n) {
        assert_int_equal(uri_header(&u, S("Replaces"), &escaped), ERR_NOTFOUND);
        return;
    }
    assert_int_equal(uri_header(&u, S("Replaces"), &escaped), ERR_OK);
    uri_put_unescaped(&b, escaped);
    snprintf(want, sizeof want, "%s;to-tag=%s;from-tag=%s", n->call_id, n->to, n->from);
    assert_true(slice_eq(buf_slice(&b), slice_z(want)));
}

static void end_all(struct three *t)
{
    peer_send(t->a, NOTIFY_DONE);
    peer_expect(t->b, "NOTIFY");
    peer_send(t->b, "200 NOTIFY");
    peer_expect(t->a, "200 NOTIFY");
    hang_up(t->b, t->a);
}

/* Tags swapped, and tags missing: exactly one call of B's fits, and A is told that one. */
static void what_is_written_wrongly_is_put_right_7_1(void **state)
{
    (void)state;
    for (int how = 0; how < 3; how++) {
        struct three t = three_talking();
        struct named n;

        n = consult(&t, "200");
        if (how == 0)
            refer_with(&t, n.call_id, n.from, n.to);
        else if (how == 1)
            refer_with(&t, n.call_id, NULL, NULL);
        else
            refer_with(&t, "nobody-knows-it", n.to, n.from); /* then by whom it is with */
        expect_refer(&t, &n);
        peer_send(t.a, "480");
        expect_notify(t.b, 480);
        hang_up(t.b, t.a);
        peer_take_call(t.b, 3);
        hang_up(t.b, t.c);
        kit_end(t.k);
    }
}

/* Two calls fit: nobody guesses. */
static void what_may_mean_two_calls_is_left_as_it_is(void **state)
{
    struct three      t = three_talking();
    const struct msg *m;

    (void)state;
    consult(&t, "200");
    consult(&t, "200");
    refer_with(&t, "nobody-knows-it", "1", "2");
    m = peer_expect(t.a, "REFER");
    assert_true(slice_find_slice(msg_value(m, HDR_REFER_TO), S("Replaces=nobody-knows-it%3Bto-tag%3D1%3Bfrom-tag%3D2")) != SIZE_MAX);
    peer_send(t.a, "480");
    expect_notify(t.b, 480);
    hang_up(t.b, t.a);
    peer_take_call(t.b, 3);
    peer_take_call(t.c, 2);
    hang_up(t.b, t.c);
    peer_take_call(t.b, 4);
    peer_take_call(t.c, 3);
    hang_up(t.b, t.c);
    kit_end(t.k);
}

/* A's first NOTIFY, as most phones send it: before the call to the target (RFC 3515 §2.4.4). */
static void tell_trying(struct three *t)
{
    peer_send(t->a, NOTIFY_TRYING);
    peer_expect(t->b, "NOTIFY");
    peer_send(t->b, "200 NOTIFY");
    peer_expect(t->a, "200 NOTIFY");
}

/* A says that the transfer has failed, as baresip does when its call with the transferor ends, and then calls all the same. */
static void tell_failed(struct three *t)
{
    tell_trying(t);
    peer_send(t->a, "NOTIFY\nEvent: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: message/sipfrag\n\n"
                    "SIP/2.0 500 Connection Lost\r\n");
    peer_expect(t->b, "NOTIFY");
    peer_send(t->b, "200 NOTIFY");
    peer_expect(t->a, "200 NOTIFY");
}

/* How A writes the Replaces of its REFER into its INVITE. */
enum writes {
    WRITES_IT,
    DROPS_IT,
    IN_ITS_URI /* baresip: as a header field of the Request-URI */
};

/* C has two phones. The call that A names is on one of them: that one alone is called. A leaves the Replaces out: it is added.
 * `tells` may be NULL: what A says before it calls. */
static void steered_and_added(enum writes writes, void (*tells)(struct three *t))
{
    struct three      t = three_talking();
    struct peer      *desk = t.c, *cell = peer_registered(t.k, "1003");
    struct named      n;
    const struct msg *m;
    char              text[400], value[300];

    peer_send(t.b, "INVITE 1003");
    peer_expect(desk, "INVITE");
    peer_send(desk, "180");
    peer_expect(t.b, "180");
    peer_expect(cell, "INVITE");
    peer_send(cell, "200");
    n = name_of(peer_expect(t.b, "200 INVITE"));
    peer_send(t.b, "ACK");
    peer_expect(cell, "ACK");
    cancelled(desk);
    refer_with(&t, n.call_id, n.to, n.from);
    expect_refer(&t, &n);
    peer_send(t.a, "202 REFER");
    if (tells)
        tells(&t);
    snprintf(value, sizeof value, "%s;to-tag=%s;from-tag=%s", n.call_id, n.to, n.from);
    if (writes == WRITES_IT)
        snprintf(text, sizeof text, "INVITE 1003\nReplaces: %s", value);
    else
        snprintf(text, sizeof text, "INVITE sip:1003@" KIT_EXCHANGE "%s", writes == DROPS_IT ? "" : "?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3");
    peer_send(t.a, text);
    m = peer_expect(cell, "INVITE");
    assert_true(slice_eq(msg_value(m, HDR_REPLACES), slice_z(value)));
    assert_true(slice_find(m->start, '?') == SIZE_MAX);
    peer_expect_nothing(desk, 100);
    answer(cell, t.a);
    peer_take_call(cell, 2);
    hang_up(cell, t.b);
    peer_take_call(t.a, 2);
    peer_take_call(t.b, 2);
    end_all(&t);
    peer_take_call(t.a, 3);
    peer_take_call(cell, 3);
    hang_up(t.a, cell);
    kit_end(t.k);
}

static void the_call_goes_to_the_phone_that_it_names_7_1(void **state)
{
    (void)state;
    steered_and_added(WRITES_IT, NULL);
}

static void replaces_that_a_phone_drops_is_added_7_1(void **state)
{
    (void)state;
    steered_and_added(DROPS_IT, NULL);
    steered_and_added(DROPS_IT, tell_trying);
    steered_and_added(IN_ITS_URI, NULL);
    steered_and_added(IN_ITS_URI, tell_failed);
}

/* B calls C, who rings; B names that call, and A hears nothing of it. */
static void refer_to_what_only_rings(struct three *t)
{
    struct named n;

    peer_send(t->b, "INVITE 1003");
    peer_expect(t->c, "INVITE");
    peer_send(t->c, "180");
    n = name_of(peer_expect(t->b, "180"));
    refer_with(t, n.call_id, n.to, n.from);
    expect_refer(t, NULL);
}

/*    A                P                B                C
 *    |                |<--- INVITE ----|                |
 *    |                |---- INVITE -------------------->|
 *    |                |<--- 180 ------------------------|   C rings, B does not wait
 *    |                |<--- REFER -----|                |   Replaces: what only rings
 *    |<--- REFER -----|---- 202 ------>|                |   without it
 *    |---- 202 ------>|                |                |
 *    |---- INVITE --->|---- INVITE -------------------->|
 *    |                |---- CANCEL -------------------->|   B's
 *    |                |---- 487 ------>|                |   */
static void left_out(bool tells)
{
    struct three t = three_talking();

    refer_to_what_only_rings(&t);
    peer_send(t.a, "202 REFER");
    if (tells)
        tell_trying(&t);
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
    peer_take_call(t.a, 2);
    peer_take_call(t.b, 2);
    end_all(&t);
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

static void a_call_that_only_rings_is_left_out_7_2(void **state)
{
    (void)state;
    left_out(false);
    left_out(true);
}

/* The same where A refuses the REFER: the exchange calls C, and ends B's call to it. */
static void a_call_that_only_rings_is_left_out_when_executed_7_2(void **state)
{
    struct three t = three_talking();

    (void)state;
    refer_to_what_only_rings(&t);
    peer_send(t.a, "603 REFER");
    cancelled(t.c);
    peer_take_call(t.b, 3);
    refused(t.b, "487");
    peer_take_call(t.b, 2);
    expect_to_be_asked(&t);
    finish_transfer(&t);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* A, who was asked, with C, in the call that B has with it; B leaves both. */
static void expect_to_be_joined(struct three *t)
{
    struct said s;

    peer_take_call(t->c, 1);
    s = said(peer_expect(t->c, "INVITE")); /* in its call, by whom it knows there */
    assert_string_equal(s.host, "10.0.0.11");
    assert_true(s.version > 1);
    peer_send(t->c, "200 INVITE");
    peer_expect(t->c, "ACK");
    agree(t->a);
    peer_expect(t->b, "BYE");
    assert_int_equal(peer_call_number(t->b), 3);
    peer_send(t->b, "200 BYE");
    expect_notify(t->b, 200);
    leave(t->b);
}

/* C's phone shows that it cannot do Replaces: A is not asked, the exchange joins A with C's call as it is (7.3). B, who is out of
 * both, has BYE in the one and sends it in the other. */
static void a_target_that_cannot_do_replaces_is_joined_7_3(void **state)
{
    struct three t = three_talking();
    struct named n;

    (void)state;
    n = consult(&t, "200\nSupported: timer");
    refer_with(&t, n.call_id, n.to, n.from);
    expect_to_be_asked(&t);
    expect_to_be_joined(&t);
    kit_wait_ms(t.k, 100);
    offer_anew(t.c, t.a);
    kit_wait_ms(t.k, 1000);
    kit_kill(t.k);
    kit_restart(t.k);
    hang_up(t.c, t.a);
    kit_end(t.k);
}

/* C's phone shows nothing, or more than it can: it is called with Require: replaces, answers 420, and is joined then.
 *
 *      A                  P                  B                  C
 *      |                  |<--- REFER -------|                  |
 *      |<---- REFER ------|                  |                  |
 *      |----- 603 ------->|                  |                  |
 *      |<---- INVITE -----|---- INVITE (Replaces) ------------->|
 *      |                  |<--------------------- 420 ----------|
 *      |                  |---- INVITE, in its call with B ---->|                                              */
static void a_target_that_answers_420_to_replaces_is_joined_7_3(void **state)
{
    struct three      t = three_talking();
    struct named      n;
    const struct msg *m;

    (void)state;
    n = consult(&t, "200");
    refer_with(&t, n.call_id, n.to, n.from);
    expect_refer(&t, &n);
    peer_send(t.a, "603 REFER");
    expect_to_be_asked(&t);
    m = peer_expect(t.c, "INVITE");
    assert_true(msg_has(m, HDR_REPLACES) && msg_has_token(m, HDR_REQUIRE, S("replaces")));
    decline(t.c, "420 INVITE\nUnsupported: replaces");
    expect_to_be_joined(&t);
    hang_up(t.c, t.a);
    kit_end(t.k);
}

/* The same, and then A transfers C to D: that is a call to D, and nothing is left of the call that was joined.
 *
 *      A                  P                  C                  D
 *      |====== talks, by way of the exchange, in C's call with B
 *      |---- REFER D ---->|                  |                  |
 *      |                  |--- INVITE ------>|                  |
 *      |                  |------------------|---- INVITE ----->|                                               */
static void who_was_joined_can_be_transferred_again(void **state)
{
    struct three t = three_talking();
    struct peer *d = peer_registered(t.k, "1004");
    struct named n;

    (void)state;
    n = consult(&t, "200\nSupported: timer");
    refer_with(&t, n.call_id, n.to, n.from);
    expect_to_be_asked(&t);
    expect_to_be_joined(&t);
    send_on_to_d(t.a);
    expect_to_move(t.c, d);
    expect_notify(t.a, 200);
    leave(t.a);
    hang_up(t.c, d);
    kit_end(t.k);
}

/* Both ends send the other away at once: each transfer is one of its own. */
static void both_transfer_at_once(void **state)
{
    struct three t = three_talking();
    struct peer *d = peer_registered(t.k, "1004");

    (void)state;
    peer_send(t.b, REFER_TO_C);
    peer_send(t.a, "REFER\nRefer-To: <sip:1004@" KIT_DOMAIN ">");
    peer_expect(t.b, "202 REFER");
    peer_expect(t.a, "202 REFER");
    peer_expect(t.a, "REFER");
    peer_expect(t.b, "REFER");
    peer_send(t.a, "202 REFER");
    peer_send(t.b, "202 REFER");
    hang_up(t.b, t.a);
    set_up_at_once(t.a, t.c, "INVITE 1003");
    peer_send(t.b, "INVITE 1004");
    peer_expect(d, "INVITE");
    refuse(d, t.b, "486");
    expect_notify(t.b, 200);
    expect_notify(t.a, 486);
    peer_take_call(t.a, 3);
    hang_up(t.a, t.c);
    kit_end(t.k);
}

/* Nobody has that number: A hears so (480 in an open house), and where it says nothing B is told so. */
static void a_transfer_to_nobody_is_told(void **state)
{
    struct three t = three_talking();

    (void)state;
    peer_send(t.b, "REFER\nRefer-To: <sip:4711@" KIT_DOMAIN ">");
    peer_expect(t.b, "202 REFER");
    peer_expect(t.a, "REFER");
    peer_send(t.a, "202 REFER");
    peer_send(t.a, "INVITE 4711");
    refused(t.a, "480");
    expect_notify(t.b, 480);
    peer_take_call(t.a, 2);
    peer_send(t.b, "REFER\nRefer-To: <sip:4711@" KIT_DOMAIN ">");
    peer_expect(t.b, "202 REFER");
    peer_expect(t.a, "REFER");
    peer_send(t.a, "603 REFER");
    expect_to_be_asked(&t);
    expect_notify(t.b, 480);
    assert_int_equal(peer_expect(t.b, "INVITE")->body.n, 0); /* and has its call back */
    peer_send(t.b, "200 INVITE");
    agree(t.a);
    peer_expect(t.b, "ACK");
    hang_up(t.b, t.a);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_wrongly_is_put_right_7_1),
        cmocka_unit_test(what_may_mean_two_calls_is_left_as_it_is),
        cmocka_unit_test(the_call_goes_to_the_phone_that_it_names_7_1),
        cmocka_unit_test(replaces_that_a_phone_drops_is_added_7_1),
        cmocka_unit_test(a_call_that_only_rings_is_left_out_7_2),
        cmocka_unit_test(a_call_that_only_rings_is_left_out_when_executed_7_2),
        cmocka_unit_test(a_target_that_cannot_do_replaces_is_joined_7_3),
        cmocka_unit_test(a_target_that_answers_420_to_replaces_is_joined_7_3),
        cmocka_unit_test(who_was_joined_can_be_transferred_again),
        cmocka_unit_test(both_transfer_at_once),
        cmocka_unit_test(a_transfer_to_nobody_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
