/* restart_test.c - kill -9 of the exchange while a call is being set up: the INVITE's transaction is gone, its answers still
 * find the caller by the signed route that they bring (PROTOCOL 4.1). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kit/kit.h"

static void kill_and_restart(struct kit *k)
{
    kit_kill(k);
    kit_restart(k);
}

static void hang_up(struct peer *from, struct peer *to)
{
    peer_send(from, "BYE");
    peer_expect(to, "BYE");
    peer_send(to, "200");
    peer_expect(from, "200 BYE");
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
    peer_send(bob, "486 INVITE"); /* brings no route, so it is dropped too: the caller's own patience ends the call */
    peer_expect_nothing(alice, 500);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_outlive_a_restart_4_1),
        cmocka_unit_test(a_repeated_200_gets_its_ack_after_a_restart),
        cmocka_unit_test(a_stray_answer_without_our_cookie_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
