/* basic_test.c - set-up, busy, no answer, cancel: the guide's flows 01 to 03 and RFC 3665 §3, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

/* Ring, answer, acknowledge: from INVITE to a call in progress. */
/* The guide's flow 01; RFC 3665 §3.1 through one proxy.
 *   alice             strowger             bob
 *     |---- INVITE ----->|---- INVITE ----->|
 *     |<--- 180 ---------|<--- 180 ---------|
 *     |<--- 200 ---------|<--- 200 ---------|
 *     |---- ACK -------->|---- ACK -------->|
 *     |---- BYE -------->|---- BYE -------->|
 *     |<--- 200 ---------|<--- 200 ---------|   (100 Trying not drawn) */
static void set_up_and_disconnect(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(alice, "100");
    m = peer_expect(bob, "INVITE");
    assert_true(slice_eq(m->uri, slice_z(peer_contact(bob))));
    assert_int_equal(msg_element_count(m, HDR_VIA), 2);
    assert_int_equal(msg_element_count(m, HDR_RECORD_ROUTE), 1);
    assert_true(slice_eq(msg_value(m, HDR_MAX_FORWARDS), S("69")));
    peer_send(bob, "180");
    m = peer_expect(alice, "180");
    assert_int_equal(msg_element_count(m, HDR_VIA), 1);
    peer_send(bob, "200");
    peer_expect(alice, "200 INVITE");
    peer_send(alice, "ACK");
    m = peer_expect(bob, "ACK");
    assert_false(msg_has(m, HDR_ROUTE));
    kit_wait_ms(k, 20000);
    peer_send(alice, "BYE");
    peer_expect(bob, "BYE");
    peer_send(bob, "200");
    peer_expect(alice, "200 BYE");
    kit_end(k);
}

/* The other side hangs up: the route set works both ways. */
static void callee_hangs_up(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    set_up(alice, bob, "INVITE bob");
    hang_up(bob, alice);
    kit_end(k);
}

/* The guide's flow 02.
 *   alice             strowger             bob
 *     |---- INVITE ----->|---- INVITE ----->|
 *     |                  |<--- 486 ---------|
 *     |                  |---- ACK -------->|
 *     |<--- 486 ---------|                  |
 *     |---- ACK -------->|                  |  */
static void busy(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "486");
    peer_expect(bob, "ACK");
    peer_expect(alice, "486");
    peer_send(alice, "ACK");
    kit_end(k);
}

/* The guide's flow 03; RFC 3665 §3.8: nobody answers, alice gives up.
 *   alice             strowger             bob
 *     |---- INVITE ----->|---- INVITE ----->|
 *     |<--- 180 ---------|<--- 180 ---------|
 *     |---- CANCEL ----->|---- CANCEL ----->|
 *     |<--- 200 ---------|<--- 200 ---------|
 *     |<--- 487 ---------|<--- 487 ---------|
 *     |---- ACK -------->|---- ACK -------->|  */
static void caller_gives_up(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    kit_wait_ms(k, 20000);
    peer_send(alice, "CANCEL");
    peer_expect(alice, "200 CANCEL");
    peer_expect(bob, "CANCEL");
    peer_send(bob, "200 CANCEL");
    peer_send(bob, "487 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(alice, "487 INVITE");
    peer_send(alice, "ACK");
    kit_end(k);
}

/* RFC 3665 §3.10: the phone is gone; timer B ends the branch, the caller gets 408. */
static void phone_is_silent(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_expect_in(alice, "408", 31000, 40000);
    peer_send(alice, "ACK");
    assert_int_equal(peer_repeats(bob), 6); /* RFC 3261 §17.1.1.2: 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s */
    kit_end(k);
}

/* Nobody of that number; and a number without a phone. */
static void unknown_and_unregistered(void **state)
{
    struct kit_options o = {.digest = true};
    struct kit        *k = kit_begin(&o);
    struct peer       *alice = peer_registered(k, "alice");

    (void)state;
    kit_add_user(k, "carol");
    peer_send(alice, "INVITE nobody");
    peer_expect(alice, "404");
    peer_send(alice, "ACK");
    peer_send(alice, "INVITE carol");
    peer_expect(alice, "480");
    peer_send(alice, "ACK");
    kit_end(k);
}

/* RFC 3261 §13.3.1.4: bob repeats his 200 until the ACK gets through; the proxy passes each on (RFC 6026 §7.1). */
static void repeated_200_is_passed_on(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    peer_expect(alice, "200 INVITE");
    kit_wait_ms(k, 500);
    peer_send(bob, "200");
    kit_wait_ms(k, 1000);
    peer_send(bob, "200");
    kit_wait_ms(k, 100);
    assert_int_equal(peer_repeats(alice), 2);
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    hang_up(bob, alice);
    kit_end(k);
}

/* Hold and resume: re-INVITEs inside the dialog, the guide's flow 04 on the wire. */
static void hold_and_resume(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    set_up(alice, bob, "INVITE bob");
    for (int i = 0; i < 2; i++) {
        peer_send(alice, "INVITE");
        assert_true(msg_to_tag(peer_expect(bob, "INVITE")).n > 0);
        answer(bob, alice);
    }
    hang_up(alice, bob);
    kit_end(k);
}

/* OPTIONS to the exchange itself; an unknown method to a phone goes through. */
static void options_and_unknown_methods(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(alice, "OPTIONS sip:" KIT_DOMAIN);
    assert_true(msg_has(peer_expect(alice, "200"), HDR_ALLOW));
    peer_send(alice, "NEWMETHOD bob");
    peer_expect(bob, "NEWMETHOD");
    peer_send(bob, "501");
    peer_expect(alice, "501");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(set_up_and_disconnect),     cmocka_unit_test(callee_hangs_up),
        cmocka_unit_test(busy),                      cmocka_unit_test(caller_gives_up),
        cmocka_unit_test(phone_is_silent),           cmocka_unit_test(unknown_and_unregistered),
        cmocka_unit_test(repeated_200_is_passed_on), cmocka_unit_test(hold_and_resume),
        cmocka_unit_test(options_and_unknown_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
