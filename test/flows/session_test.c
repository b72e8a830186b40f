/* session_test.c - session timers that the exchange asks for in calls between phones (RFC 4028 §8; PROTOCOL 8): who refreshes,
 * what the exchange does where nobody can, and what becomes of calls that are not refreshed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

#define LONG_AGO 62000 /* the sweep finds what is due within a minute */

static struct two begin(uint32_t min_s)
{
    return two_begin(&(struct kit_options){.session_s = 1800, .session_min_s = min_s});
}

static bool says(const struct msg *m, enum hdr_id id, const char *value)
{
    return slice_eq(msg_value(m, id), slice_z(value));
}

/* bob answers with `answer`; alice's 200. */
static const struct msg *talks(struct two *t, const char *invite, const char *answer, const char *asked)
{
    const struct msg *m;

    peer_send(t->alice, invite);
    m = peer_expect(t->bob, "INVITE");
    assert_true(says(m, HDR_SESSION_EXPIRES, asked));
    peer_send(t->bob, answer);
    m = peer_expect(t->alice, "200 INVITE");
    peer_send(t->alice, "ACK");
    peer_expect(t->bob, "ACK");
    return m;
}

static void both_hear_bye(struct two *t)
{
    const struct msg *m = peer_expect_in(t->alice, "BYE", 0, LONG_AGO);

    assert_true(says(m, HDR_REASON, "SIP;cause=408;text=\"session not refreshed\""));
    peer_send(t->alice, "200 BYE");
    peer_expect(t->bob, "BYE");
    peer_send(t->bob, "200 BYE");
    assert_string_equal(kit_cdr(t->k, 0), "alice bob 200 exchange session not refreshed");
    assert_string_equal(kit_calls(t->k), "");
}

/*  alice              strowger               bob
 *    |--- INVITE --------->|--- INVITE SE: 1800 ->|   Supported: timer
 *    |<-- 200 SE: 1800;uac |<-- 200 --------------|   bob knows nothing of it: alice is told to
 *    |        900 s        |                      |
 *    |--- INVITE SE:1800 ->|--- INVITE ---------->|
 *    |       1800 s        |                      |
 *    |<-- BYE -------------|--- BYE ------------->|   she has not again */
static void the_caller_refreshes_until_it_does_not(void **state)
{
    struct two        t = begin(0);
    const struct msg *m;

    (void)state;
    m = talks(&t, "INVITE bob\nSupported: timer", "200", "1800");
    assert_true(says(m, HDR_SESSION_EXPIRES, "1800;refresher=uac"));
    assert_true(msg_has_token(m, HDR_REQUIRE, S("timer")));
    kit_wait_ms(t.k, 1000000);
    peer_send(t.alice, "INVITE\nSupported: timer\nSession-Expires: 1800;refresher=uac");
    m = peer_expect(t.bob, "INVITE");
    assert_true(says(m, HDR_SESSION_EXPIRES, "1800;refresher=uac"));
    peer_send(t.bob, "200");
    m = peer_expect(t.alice, "200 INVITE");
    assert_true(says(m, HDR_SESSION_EXPIRES, "1800;refresher=uac"));
    peer_send(t.alice, "ACK");
    peer_expect(t.bob, "ACK");
    kit_wait_ms(t.k, 1790000);
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    both_hear_bye(&t);
    kit_end(t.k);
}

/* Who answered does, by UPDATE; what the two agree on is theirs. It is known after kill -9. */
static void the_callee_refreshes_and_a_restart_forgets_nothing(void **state)
{
    struct two        t = begin(0);
    const struct msg *m;

    (void)state;
    m = talks(&t, "INVITE bob\nSupported: timer\nSession-Expires: 600", "200\nSupported: timer\nRequire: timer\nSession-Expires: 600;refresher=uas", "600");
    assert_true(says(m, HDR_SESSION_EXPIRES, "600;refresher=uas"));
    kit_wait_ms(t.k, 300000);
    peer_send(t.bob, "UPDATE\nSupported: timer\nSession-Expires: 600;refresher=uac");
    peer_expect(t.alice, "UPDATE");
    peer_send(t.alice, "200\nSession-Expires: 600;refresher=uac");
    peer_expect(t.bob, "200 UPDATE");
    kit_wait_ms(t.k, 400000);
    kit_kill(t.k);
    kit_restart(t.k);
    kit_wait_ms(t.k, 190000);
    assert_string_equal(kit_calls(t.k), "alice bob talking");
    both_hear_bye(&t);
    kit_end(t.k);
}

/* Neither knows of timers: the exchange asks both, in the place of the other.
 *  alice              strowger               bob
 *    |        900 s        |                      |
 *    |<-- OPTIONS ---------|--- UPDATE ---------->|   what its Allow has
 *    |--- 200 ------------>|<-- 501 --------------|   whatever it says: it is there
 *    |--- INVITE 2 ------->|--- INVITE 3 -------->|   its CSeq is shifted past ours
 *    |        900 s, after kill -9                |
 *    |<-- OPTIONS ---------|--- UPDATE ---------->|
 *    |--- 200 ------------>|<-- 481 --------------|
 *    |<-- BYE -------------|--- BYE ------------->| */
static void where_neither_can_the_exchange_asks(void **state)
{
    struct two        t = begin(0);
    const struct msg *m;
    struct cseq       cseq;

    (void)state;
    m = talks(&t, "INVITE bob\nAllow: INVITE, ACK, BYE", "200\nAllow: INVITE, ACK,BYE\nAllow: UPDATEX ,UPDATE", "1800");
    assert_false(msg_has(m, HDR_SESSION_EXPIRES));
    kit_wait_ms(t.k, 890000);
    m = peer_expect_in(t.bob, "UPDATE", 0, LONG_AGO);
    assert_int_equal(m->body.n, 0);
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 2);
    assert_true(msg_has(m, HDR_CONTACT));
    peer_send(t.bob, "501 UPDATE");
    peer_expect(t.alice, "OPTIONS");
    peer_send(t.alice, "200 OPTIONS");
    kit_wait_ms(t.k, 1000);
    set_up_at_once(t.alice, t.bob, "INVITE");
    kit_kill(t.k);
    kit_restart(t.k);
    kit_wait_ms(t.k, 890000);
    m = peer_expect_in(t.bob, "UPDATE", 0, LONG_AGO);
    assert_int_equal(msg_cseq(m, &cseq), ERR_OK);
    assert_int_equal(cseq.number, 4);
    peer_send(t.bob, "481 UPDATE");
    peer_expect(t.alice, "OPTIONS");
    peer_send(t.alice, "200 OPTIONS");
    both_hear_bye(&t);
    kit_end(t.k);
}

/* No answer is one, too. */
static void who_is_silent_has_gone(void **state)
{
    struct two t = begin(0);

    (void)state;
    talks(&t, "INVITE bob\nAllow: INVITE, ACK, BYE", "200", "1800");
    kit_wait_ms(t.k, 890000);
    peer_expect_in(t.alice, "OPTIONS", 0, LONG_AGO);
    peer_send(t.alice, "200 OPTIONS");
    peer_expect(t.bob, "OPTIONS");
    both_hear_bye(&t);
    kit_end(t.k);
}

/* A request of theirs that has no answer yet is not spoken past (PROTOCOL 4.2). A call that ends is not asked about. */
static void nobody_is_asked_while_they_speak(void **state)
{
    struct two t = begin(0);

    (void)state;
    talks(&t, "INVITE bob", "200", "1800");
    kit_wait_ms(t.k, 890000);
    peer_send(t.alice, "INVITE");
    peer_expect(t.bob, "INVITE");
    peer_send(t.bob, "180");
    peer_expect(t.alice, "180");
    peer_expect_nothing(t.bob, LONG_AGO);
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 INVITE");
    peer_send(t.alice, "ACK");
    peer_expect(t.bob, "ACK");
    peer_expect_nothing(t.bob, 800000); /* it was as good as a refresh */
    hang_up(t.alice, t.bob);
    peer_expect_nothing(t.bob, 200000);
    kit_end(t.k);
}

/* §8.1: too short is refused where that is understood, too long is made shorter, but never under the caller's Min-SE. */
static void intervals_are_kept_within_bounds(void **state)
{
    struct two        t = begin(300);
    const struct msg *m;

    (void)state;
    peer_send(t.alice, "INVITE bob\nSupported: timer\nSession-Expires: 299");
    m = peer_expect(t.alice, "422");
    assert_true(says(m, HDR_MIN_SE, "300"));
    peer_send(t.alice, "ACK");
    talks(&t, "INVITE bob\nSession-Expires: 299", "200", "299");
    hang_up(t.alice, t.bob);
    talks(&t, "INVITE bob\nSupported: timer\nSession-Expires: 7200;refresher=uas;x=y", "200\nSession-Expires: 1800;refresher=uas", "1800;refresher=uas;x=y");
    peer_send(t.alice, "INVITE\nSupported: timer\nSession-Expires: 90");
    peer_expect(t.alice, "422");
    peer_send(t.alice, "ACK");
    hang_up(t.alice, t.bob);
    talks(&t, "INVITE bob\nSupported: timer\nMin-SE: 3600\nSession-Expires: 7200", "200\nSession-Expires: 3600;refresher=uac", "3600");
    hang_up(t.alice, t.bob);
    peer_send(t.alice, "MESSAGE bob\nSession-Expires: 10\nSupported: timer"); /* nothing of the kind */
    m = peer_expect(t.bob, "MESSAGE");
    assert_true(says(m, HDR_SESSION_EXPIRES, "10"));
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 MESSAGE");
    kit_end(t.k);
}

/* Without the setting nothing is written, and nobody is asked. */
static void off_it_is_the_phones_business(void **state)
{
    struct two        t = two_begin(NULL);
    const struct msg *m;

    (void)state;
    peer_send(t.alice, "INVITE bob\nSupported: timer\nSession-Expires: 1");
    m = peer_expect(t.bob, "INVITE");
    assert_true(says(m, HDR_SESSION_EXPIRES, "1"));
    peer_send(t.bob, "422\nMin-SE: 90");
    peer_expect(t.bob, "ACK");
    peer_expect(t.alice, "422");
    peer_send(t.alice, "ACK");
    m = talks(&t, "INVITE bob\nSupported: timer", "200", "");
    assert_false(msg_has(m, HDR_SESSION_EXPIRES));
    peer_expect_nothing(t.alice, 4000000);
    hang_up(t.bob, t.alice);
    kit_end(t.k);
}

/* Each allocation fails once while both are asked: the call stays, and nothing is left over. */
static void every_allocation_may_fail(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned nth = 1; failed; nth++) {
        struct two        t = begin(0);
        const struct msg *m;

        peer_set_reliable(t.alice);
        peer_set_reliable(t.bob);
        talks(&t, "INVITE bob", "200", "1800");
        kit_wait_ms(t.k, 890000);
        kit_fail_allocation(t.k, nth);
        for (int s = 0; s < 200; s++) {
            kit_wait_ms(t.k, 1000);
            while ((m = peer_next(t.alice)))
                peer_send(t.alice, m->is_request ? "200" : "ACK");
            while ((m = peer_next(t.bob)))
                peer_send(t.bob, m->is_request ? "200" : "ACK");
        }
        failed = kit_allocation_failed(t.k);
        kit_fail_allocation(t.k, 0);
        assert_string_equal(kit_calls(t.k), "alice bob talking");
        hang_up(t.alice, t.bob);
        kit_end(t.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_caller_refreshes_until_it_does_not),
        cmocka_unit_test(the_callee_refreshes_and_a_restart_forgets_nothing),
        cmocka_unit_test(where_neither_can_the_exchange_asks),
        cmocka_unit_test(who_is_silent_has_gone),
        cmocka_unit_test(nobody_is_asked_while_they_speak),
        cmocka_unit_test(intervals_are_kept_within_bounds),
        cmocka_unit_test(off_it_is_the_phones_business),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
