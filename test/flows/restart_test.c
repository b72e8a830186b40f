/* restart_test.c - kill -9 of the exchange while an INVITE is on its way: its transaction is gone, its answers still find who
 * sent it, by the signed route that they bring or by the call's record (PROTOCOL 4.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kit/talk.h"

static void kill_and_restart(struct kit *k)
{
    kit_kill(k);
    kit_restart(k);
}

/*   alice          strowger           bob
 *     |--- INVITE --->|--- INVITE ----->|
 *     |          (kill, restart)        |
 *     |<--- 180 ------|<--- 180 --------|
 *     |          (kill, restart)        |
 *     |<--- 200 ------|<--- 200 --------|
 *     |---- ACK ----->|---- ACK ------->|   and the CDR is that of an answered call */
static void answers_outlive_a_restart_4_1(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    kill_and_restart(k);
    peer_send(bob, "180");
    peer_expect(alice, "180");
    kill_and_restart(k);
    peer_send(bob, "200 INVITE");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    assert_string_equal(kit_calls(k), "alice bob talking");
    hang_up(bob, alice);
    assert_string_equal(kit_cdr(k, 0), "alice bob 200 callee bye");
    kit_end(k);
}

/* The ACK was lost with the exchange: the 200 comes again, and gets it. */
static void a_repeated_200_gets_its_ack_after_a_restart(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    peer_expect(alice, "200 INVITE");
    kit_kill(k);
    peer_send(alice, "ACK"); /* to nobody */
    kit_wait_ms(k, 400);
    kit_restart(k);
    peer_send(bob, "200 INVITE\nWarning: 399 bob \"again\""); /* not a repeat by the octet, so that the kit shows it */
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    hang_up(alice, bob);
    assert_string_equal(kit_cdr(k, 0), "alice bob 200 caller bye");
    kit_end(k);
}

/* What nobody has asked for goes nowhere (RFC 6026 §8.9): no cookie, or one for another call, or from somebody else. */
static void a_stray_answer_without_our_cookie_is_dropped(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *mallory = peer_registered(k, "mallory");
    const struct msg *invite;
    struct slice      route;
    char              text[2048];

    (void)state;
    peer_send(alice, "INVITE bob");
    invite = peer_expect(bob, "INVITE");
    route = msg_value(invite, HDR_RECORD_ROUTE);
    kill_and_restart(k);
    for (int n = 0; n < 3; n++) {
        snprintf(text, sizeof text,
                 "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-%d\r\nVia: SIP/2.0/UDP "
                 "10.0.0.11:5060;branch=z9hG4bK-a\r\n%s%.*s%sFrom: <sip:alice@" KIT_DOMAIN ">;tag=%.*s\r\n"
                 "To: <sip:bob@" KIT_DOMAIN ">;tag=2\r\nCall-ID: %s%.*s\r\nCSeq: 1 INVITE\r\nContact: <sip:x@10.0.0.13>\r\n"
                 "Content-Length: 0\r\n\r\n",
                 n, n ? "Record-Route: " : "", n ? (int)route.n : 0, route.p, n ? "\r\n" : "", SARG(msg_from_tag(invite)),
                 n == 1 ? "another-" : "", SARG(msg_call_id(invite)));
        peer_send_raw(mallory, slice_z(text));
        peer_expect_nothing(alice, 500);
    }
    kit_end(k);
}

/*   alice          strowger           bob
 *     |--- INVITE --->|--- INVITE ----->|
 *     |          (kill, restart)        |
 *     |<--- 486 ------|<--- 486 --------|   brings no route: the call's record knows alice
 *     |<--- 486 ------|<--- 486 --------|   again, since nobody has acknowledged it
 *     |---- ACK ----->|---- ACK ------->|
 *     |               |<--- 486 --------|   the ACK was lost
 *     |               |---- ACK ------->|   */
static void a_refusal_outlives_a_restart_4_1(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    const struct via *acked;
    struct via        sent;
    unsigned          repeats;

    (void)state;
    peer_send(alice, "INVITE bob");
    sent = *msg_via(peer_expect(bob, "INVITE"));
    kill_and_restart(k);
    peer_send(bob, "486 INVITE");
    peer_expect(alice, "486 INVITE");
    peer_expect_nothing(bob, 300);
    assert_string_equal(kit_calls(k), "alice bob calling");
    peer_send(bob, "486 INVITE");
    kit_wait_ms(k, 100);
    assert_int_equal(peer_repeats(alice), 1);
    peer_send(alice, "ACK");
    m = peer_expect(bob, "ACK");
    assert_int_equal(msg_element_count(m, HDR_VIA), 1);
    assert_non_null(acked = msg_via(m));
    assert_true(slice_eq(acked->branch, sent.branch) && slice_eq(acked->host, sent.host) && acked->port == sent.port);
    assert_string_equal(kit_calls(k), "");
    assert_string_equal(kit_cdr(k, 0), "alice bob 486 callee Busy Here");
    repeats = peer_repeats(bob);
    peer_send(bob, "486 INVITE");
    kit_wait_ms(k, 100);
    assert_int_equal(peer_repeats(bob), repeats + 1);
    assert_int_equal(peer_repeats(alice), 1);
    kit_end(k);
}

/* The caller is not there any more: the phone need not repeat its refusal for ever. */
static void a_refusal_that_nobody_hears_is_acknowledged(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    kill_and_restart(k);
    peer_send(bob, "603 INVITE");
    peer_expect(alice, "603 INVITE");
    peer_expect_in(bob, "ACK", 3900, 4100);
    assert_string_equal(kit_cdr(k, 0), "alice bob 603 callee Decline");
    kit_end(k);
}

/*   alice          strowger         bob, bob's other phone
 *     |--- INVITE --->|--- INVITE --->|--->|
 *     |          (kill, restart)      |    |
 *     |               |<--- 486 ------|    |   this one does not want it: which does not say that
 *     |               |---- ACK ----->|    |   the other will not
 *     |<--- 200 ------|<--- 200 -----------|   */
static void one_of_two_phones_refuses_after_a_restart(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *other = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_expect(other, "INVITE");
    kill_and_restart(k);
    peer_send(bob, "486 INVITE");
    peer_expect(bob, "ACK");
    peer_expect_nothing(alice, 500);
    peer_send(other, "200 INVITE");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(other, "ACK");
    hang_up(alice, other);
    kit_end(k);
}

/* Somebody who knows the call's ids, but is not the one who was called. */
static void a_refusal_from_elsewhere_is_dropped(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *mallory = peer_registered(k, "mallory");
    const struct msg *invite;
    char              text[2048];

    (void)state;
    peer_send(alice, "INVITE bob");
    invite = peer_expect(bob, "INVITE");
    kill_and_restart(k);
    snprintf(text, sizeof text,
             "SIP/2.0 603 Decline\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-1\r\nVia: SIP/2.0/UDP "
             "10.0.0.11:5060;branch=z9hG4bK-a\r\nFrom: <sip:alice@" KIT_DOMAIN ">;tag=%.*s\r\nTo: <sip:bob@" KIT_DOMAIN
             ">;tag=2\r\nCall-ID: %.*s\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n",
             SARG(msg_from_tag(invite)), SARG(msg_call_id(invite)));
    peer_send_raw(mallory, slice_z(text));
    peer_expect_nothing(alice, 500);
    peer_expect_nothing(mallory, 0);
    peer_send(bob, "480 INVITE");
    peer_expect(alice, "480 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    kit_end(k);
}

/* Either side of a call has sent a re-INVITE; its 200 and its refusal come after the restart. What has its ACK is done:
 * the call goes on. */
static void an_answer_to_a_reinvite_outlives_a_restart_4_1(void **state)
{
    (void)state;
    for (int turned = 0; turned < 2; turned++) {
        struct kit  *k = kit_begin(NULL);
        struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
        struct peer *from = turned ? bob : alice, *to = turned ? alice : bob;

        set_up_at_once(alice, bob, "INVITE bob");
        peer_send(from, "INVITE");
        peer_expect(to, "INVITE");
        kill_and_restart(k);
        answer(to, from);
        peer_send(from, "INVITE");
        peer_expect(to, "INVITE");
        kill_and_restart(k);
        peer_send(to, "488 INVITE");
        peer_expect(from, "488 INVITE");
        peer_send(from, "ACK");
        peer_expect(to, "ACK"); /* and that is all: the caller's own would be a second one */
        peer_expect_nothing(to, 500);
        assert_string_equal(kit_calls(k), "alice bob talking");
        hang_up(to, from);
        kit_end(k);
    }
}

/* The exchange has spoken in the dialog: the CSeq of the answer is turned back too (PROTOCOL 4.2). */
static void a_shifted_answer_outlives_a_restart_4_2(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    struct cseq  there, back;

    (void)state;
    set_up_at_once(alice, bob, "INVITE bob");
    peer_send(bob, "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(bob, "202 REFER");
    peer_expect(alice, "REFER");
    peer_send(alice, "480");
    peer_expect(bob, "NOTIFY");
    peer_send(bob, "200 NOTIFY");
    peer_send(alice, "INVITE");
    assert_int_equal(msg_cseq(peer_expect(bob, "INVITE"), &there), ERR_OK);
    kill_and_restart(k);
    peer_send(bob, "491 INVITE");
    assert_int_equal(msg_cseq(peer_expect(alice, "491 INVITE"), &back), ERR_OK);
    assert_int_equal(there.number, back.number + 1);
    peer_send(alice, "ACK");
    assert_int_equal(msg_cseq(peer_expect(bob, "ACK"), &back), ERR_OK);
    assert_int_equal(there.number, back.number);
    hang_up(alice, bob);
    kit_end(k);
}

/* Alice's connection went with the restart: the refusal waits for her return, as long as it is repeated. */
static void a_refusal_finds_a_caller_who_is_back_4_4(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_add_tcp(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_register(alice);
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    kill_and_restart(k);
    peer_disconnect(alice);
    peer_send(bob, "486 INVITE");
    peer_expect_nothing(bob, 5000);
    peer_connect(alice);
    peer_register(alice);
    peer_take_call(alice, 2);
    peer_send(bob, "486 INVITE");
    peer_expect(alice, "486 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    kit_end(k);
}

/*   alice          strowger           bob
 *     |--- INVITE --->|--- INVITE ----->|
 *     |<--- 180 ------|<--- 180 --------|
 *     |          (kill, restart)        |
 *     |--- CANCEL --->|                 |   the branch that it would need has gone with the process
 *     |<--- 200 ------|---- BYE ------->|   but an early dialog can be ended by BYE (RFC 3261 section 15)
 *     |               |<--- 200 --------|
 *     |<--- 487 ------|<--- 487 --------|
 *     |---- ACK ----->|---- ACK ------->| */
static void a_caller_gives_up_after_a_restart(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    kill_and_restart(k);
    peer_send(alice, "CANCEL");
    peer_expect(alice, "200 CANCEL");
    peer_expect(bob, "BYE");
    peer_send(bob, "200 BYE");
    peer_send(bob, "487 INVITE");
    peer_expect(alice, "487 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    assert_string_equal(kit_calls(k), "");
    kit_end(k);
}

/* He had called anonymously: what the exchange says in his place tells no more of him than he did. */
static void who_is_hidden_gives_up_after_a_restart(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE *67bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    kill_and_restart(k);
    peer_send(alice, "CANCEL\nReason: SIP;cause=600");
    peer_expect(alice, "200 CANCEL");
    m = peer_expect(bob, "BYE");
    assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("alice")) == SIZE_MAX);
    assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("anonymous.invalid")) != SIZE_MAX);
    assert_true(slice_eq(msg_value(m, HDR_REASON), S("SIP;cause=600")));
    peer_send(bob, "200 BYE");
    peer_send(bob, "487 INVITE");
    peer_expect(alice, "487 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    kit_end(k);
}

/* Nobody else can do that, nor can it be done before the phone has given its tag. */
static void who_may_not_give_up_after_a_restart(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *mallory = peer_registered(k, "mallory");
    const struct msg *m;
    struct cseq       cseq;
    char              cancel[2048];

    (void)state;
    peer_send(alice, "INVITE bob");
    m = peer_expect(bob, "INVITE");
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    kill_and_restart(k);
    peer_send(alice, "CANCEL");
    peer_expect(alice, "481 CANCEL");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    snprintf(cancel, sizeof cancel,
             "CANCEL sip:bob@" KIT_DOMAIN " SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.13:5060;branch=z9hG4bK-m\r\nMax-Forwards: 70\r\n"
             "From: %.*s\r\nTo: %.*s\r\nCall-ID: %.*s\r\nCSeq: %u CANCEL\r\nContent-Length: 0\r\n\r\n",
             SARG(msg_value(m, HDR_FROM)), SARG(msg_value(m, HDR_TO)), SARG(msg_call_id(m)), cseq.number);
    peer_send_raw(mallory, slice_z(cancel));
    peer_expect(mallory, "481 CANCEL");
    peer_expect_nothing(bob, 1000);
    peer_send(bob, "486 INVITE");
    peer_expect(alice, "486 INVITE");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    kit_end(k);
}

/* The exchange has sent the call on from bob to carol, and is killed: what bob says to its CANCEL is not the call's answer.
 *
 *   alice            strowger            bob              carol
 *     |--- INVITE bob -->|---- INVITE ----->|                |
 *     |<-- 180 ----------|<--- 180 ---------|                |
 *     |                  |---- CANCEL ----->|                |
 *     |<-- 181 ----------|---- INVITE ---------------------->|
 *     |                 kill                |                |
 *     |                  |<--- 487 ---------|                |
 *     |                  |---- ACK -------->|                |
 *     |<-- 200 ----------|<--- 200 --------------------------|           */
static void who_was_asked_before_does_not_answer_for_who_is_asked_now(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    kit_set_user(k, "bob", "forward.noanswer", "carol");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    peer_expect(bob, "CANCEL");
    peer_expect(alice, "181");
    peer_expect(carol, "INVITE");
    kill_and_restart(k);
    peer_send(bob, "487 INVITE");
    peer_expect(bob, "ACK");
    peer_expect_nothing(alice, 1000);
    peer_send(carol, "200");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    peer_expect(carol, "ACK");
    peer_send(alice, "BYE");
    peer_expect(carol, "BYE");
    peer_send(carol, "200");
    peer_expect(alice, "200 BYE");
    kit_wait_ms(k, 100);
    assert_string_equal(kit_cdr(k, 0), "alice carol 200 caller bye");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_outlive_a_restart_4_1),
        cmocka_unit_test(a_repeated_200_gets_its_ack_after_a_restart),
        cmocka_unit_test(a_stray_answer_without_our_cookie_is_dropped),
        cmocka_unit_test(a_refusal_outlives_a_restart_4_1),
        cmocka_unit_test(a_refusal_that_nobody_hears_is_acknowledged),
        cmocka_unit_test(one_of_two_phones_refuses_after_a_restart),
        cmocka_unit_test(a_refusal_from_elsewhere_is_dropped),
        cmocka_unit_test(an_answer_to_a_reinvite_outlives_a_restart_4_1),
        cmocka_unit_test(a_shifted_answer_outlives_a_restart_4_2),
        cmocka_unit_test(a_refusal_finds_a_caller_who_is_back_4_4),
        cmocka_unit_test(a_caller_gives_up_after_a_restart),
        cmocka_unit_test(who_is_hidden_gives_up_after_a_restart),
        cmocka_unit_test(who_may_not_give_up_after_a_restart),
        cmocka_unit_test(who_was_asked_before_does_not_answer_for_who_is_asked_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
