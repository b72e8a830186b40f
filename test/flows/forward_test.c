/* forward_test.c - calls that the exchange forwards, as users have set: RFC 5359 §2.7-2.9, History-Info (RFC 7044), Diversion
 * (RFC 5806), loops; and who is not to be disturbed. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

struct house {
    struct kit  *k;
    struct peer *alice, *bob, *carol;
};

static struct house begin(void)
{
    struct kit_options o = {.digest = true};
    struct house       h = {.k = kit_begin(&o)};

    kit_add_user(h.k, "dan");
    h.alice = peer_registered(h.k, "alice");
    h.bob = peer_registered(h.k, "bob");
    h.carol = peer_registered(h.k, "carol");
    return h;
}

static bool has(const struct msg *m, enum hdr_id id, const char *text)
{
    return slice_find_slice(msg_value(m, id), slice_z(text)) != SIZE_MAX;
}

static void assert_history(const struct msg *m, const char *want)
{
    if (!slice_eq(msg_value(m, HDR_HISTORY_INFO), slice_z(want)))
        fail_msg("History-Info: %.*s\nwanted:       %s", SARG(msg_value(m, HDR_HISTORY_INFO)), want);
}

static void assert_diversion(const struct msg *m, const char *want)
{
    if (!slice_eq(msg_value(m, HDR_DIVERSION), slice_z(want)))
        fail_msg("Diversion: %.*s\nwanted:    %s", SARG(msg_value(m, HDR_DIVERSION)), want);
}

static void talk_and_end(struct peer *a, struct peer *b)
{
    peer_send(b, "180");
    peer_expect(a, "180");
    answer(b, a);
    hang_up(a, b);
}

/*   alice          strowger          bob        carol
 *     |-- INVITE ---->|               |            |
 *     |<-- 181 -------|               |            |    bob: forward.always=carol
 *     |               |-- INVITE ----------------->|
 *     |<-- 180, 200 --|<-- 180, 200 ---------------|  */
static void always(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "forward.always", "carol");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.alice, "181");
    m = peer_expect(h.carol, "INVITE");
    assert_true(has(m, HDR_TO, "bob@" KIT_DOMAIN));
    assert_history(m, "<sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1, <sip:carol@example.com;cause=302>;index=1.1;mp=1");
    assert_diversion(m, "<sip:bob@example.com>;reason=unconditional;counter=1;privacy=off");
    talk_and_end(h.alice, h.carol);
    assert_string_equal(kit_cdr(h.k, 0), "alice carol 200 caller bye");
    kit_end(h.k);
}

/*   alice          strowger          bob        carol
 *     |-- INVITE ---->|-- INVITE ---->|            |
 *     |               |<-- 486 -------|            |    bob: forward.busy=carol
 *     |<-- 181 -------|-- INVITE ----------------->|
 *     |<-- 180, 200 --|<-- 180, 200 ---------------|  */
static void busy(void **state)
{
    static const char *const no[] = {"486", "600", "603"};

    (void)state;
    for (size_t i = 0; i < sizeof no / sizeof no[0]; i++) {
        struct house      h = begin();
        const struct msg *m;

        kit_set_user(h.k, "bob", "forward.busy", "carol");
        peer_send(h.alice, "INVITE bob");
        peer_expect(h.bob, "INVITE");
        decline(h.bob, no[i]);
        peer_expect(h.alice, "181");
        m = peer_expect(h.carol, "INVITE");
        assert_true(has(m, HDR_HISTORY_INFO, "cause%3D486>;index=1,"));
        assert_true(has(m, HDR_DIVERSION, "reason=user-busy"));
        talk_and_end(h.alice, h.carol);
        kit_end(h.k);
    }
}

/*   alice          strowger          bob        carol
 *     |-- INVITE ---->|-- INVITE ---->|            |
 *     |<-- 180 -------|<-- 180 -------|            |    bob: forward.noanswer=carol, after 12 s
 *     |               |-- CANCEL ---->|            |
 *     |<-- 181 -------|-- INVITE ----------------->|  */
static void no_answer(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "forward.noanswer", "sip:carol@" KIT_DOMAIN);
    kit_set_user(h.k, "bob", "forward.noanswer_s", "12");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    peer_send(h.bob, "180");
    peer_expect(h.alice, "180");
    peer_expect_in(h.bob, "CANCEL", 11900, 12100);
    peer_expect(h.alice, "181");
    assert_diversion(peer_expect(h.carol, "INVITE"), "<sip:bob@example.com>;reason=no-answer;counter=1;privacy=off");
    peer_send(h.bob, "200 CANCEL");
    peer_send(h.bob, "487 INVITE"); /* what those say who are not asked any more is not for alice */
    peer_expect(h.bob, "ACK");
    peer_expect_nothing(h.alice, 100);
    talk_and_end(h.alice, h.carol);
    kit_end(h.k);
}

/* Bob lifts in the moment in which he is given up: his 200 crosses the CANCEL, and it is he who talks. */
static void no_answer_crossed_by_a_200(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "forward.noanswer", "carol");
    kit_set_user(h.k, "bob", "forward.noanswer_s", "5");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    peer_send(h.bob, "180");
    peer_expect(h.alice, "180");
    peer_expect(h.carol, "INVITE");
    peer_expect(h.alice, "181");
    peer_send(h.bob, "200 INVITE");
    peer_expect(h.bob, "CANCEL");
    peer_send(h.bob, "200 CANCEL");
    peer_expect(h.alice, "200 INVITE");
    peer_send(h.carol, "180");
    cancelled(h.carol);
    peer_send(h.alice, "ACK");
    peer_expect(h.bob, "ACK");
    hang_up(h.bob, h.alice);
    assert_string_equal(kit_cdr(h.k, 0), "alice bob 200 callee bye");
    kit_end(h.k);
}

/* Dan has no phone; his calls go to carol. */
static void unregistered(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "dan", "forward.unregistered", "carol");
    peer_send(h.alice, "INVITE dan");
    peer_expect(h.alice, "181");
    m = peer_expect(h.carol, "INVITE");
    assert_true(has(m, HDR_HISTORY_INFO, "sip:dan@example.com?Reason=SIP%3Bcause%3D404>"));
    assert_true(has(m, HDR_DIVERSION, "reason=unavailable"));
    talk_and_end(h.alice, h.carol);
    kit_end(h.k);
}

/* bob -> dan (who has no phone) -> carol: two hops, both told, the latest diversion on top. */
static void two_hops_are_told(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "forward.busy", "dan");
    kit_set_user(h.k, "dan", "forward.unregistered", "carol");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "486");
    peer_expect(h.alice, "181");
    m = peer_expect(h.carol, "INVITE");
    assert_history(m, "<sip:bob@example.com?Reason=SIP%3Bcause%3D486>;index=1, "
                      "<sip:dan@example.com;cause=486?Reason=SIP%3Bcause%3D404>;index=1.1;mp=1, "
                      "<sip:carol@example.com;cause=404>;index=1.1.1;mp=1.1");
    assert_diversion(m, "<sip:dan@example.com>;reason=unavailable;counter=1;privacy=off, "
                        "<sip:bob@example.com>;reason=user-busy;counter=1;privacy=off");
    talk_and_end(h.alice, h.carol);
    kit_end(h.k);
}

/* What another server has told stays; ours stands behind it and in front of it. */
static void what_came_before_stays(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "forward.always", "carol");
    peer_send(h.alice, "INVITE bob\nHistory-Info: <sip:x@elsewhere.example>;index=1, <sip:bob@example.com>;index=1.1\n"
                       "Diversion: <sip:x@elsewhere.example>;reason=away");
    peer_expect(h.alice, "181");
    m = peer_expect(h.carol, "INVITE");
    assert_int_equal(msg_element_count(m, HDR_HISTORY_INFO), 3);
    assert_true(slice_find_slice(m->raw, S("History-Info: <sip:carol@example.com;cause=302>;index=1.1.1;mp=1.1\r\n")) != SIZE_MAX);
    assert_int_equal(msg_element_count(m, HDR_DIVERSION), 2);
    assert_true(slice_starts(msg_value(m, HDR_DIVERSION), S("<sip:bob@example.com>;reason=unconditional")));
    talk_and_end(h.alice, h.carol);
    kit_end(h.k);
}

/* RFC 7044 §10.1, RFC 5806 §7: who forwarded it is nobody's business, when the request says so. */
static void privacy_is_honoured(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "forward.always", "carol");
    peer_send(h.alice, "INVITE bob\nPrivacy: id;history");
    peer_expect(h.alice, "181");
    m = peer_expect(h.carol, "INVITE");
    assert_history(m, "<sip:anonymous@anonymous.invalid?Reason=SIP%3Bcause%3D302>;index=1, "
                      "<sip:carol@example.com;cause=302>;index=1.1;mp=1");
    assert_diversion(m, "<sip:anonymous@anonymous.invalid>;reason=unconditional;counter=1;privacy=full");
    talk_and_end(h.alice, h.carol);
    kit_end(h.k);
}

/* bob -> carol -> bob, and bob -> himself. */
static void circles_end_with_482(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "forward.always", "carol");
    kit_set_user(h.k, "carol", "forward.always", "bob");
    peer_send(h.alice, "INVITE bob");
    refused(h.alice, "482");
    assert_string_equal(kit_cdr(h.k, 0), "alice carol 482 exchange Loop Detected");
    kit_set_user(h.k, "bob", "forward.always", "bob");
    peer_send(h.alice, "INVITE bob");
    refused(h.alice, "482");
    kit_end(h.k);
}

/* The circle leads through another exchange, and what that one tells says so: bob has forwarded this call already. Where it
 * tells only how often it was forwarded, that is enough. */
static void circles_through_another_exchange_end_with_482(void **state)
{
    static const char *const told[] = {
        "Diversion: <sip:x@elsewhere.example>;reason=unconditional, <sip:bob@example.com>;reason=user-busy",
        "History-Info: <sip:bob@example.com?Reason=SIP%3Bcause%3D486>;index=1, <sip:x@elsewhere.example;cause=486>;index=1.1",
        "Diversion: <sip:x@elsewhere.example>;reason=away;counter=5",
        "Diversion: <sip:x@elsewhere.example>;reason=away;counter=99999999999999999999",
    };

    (void)state;
    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        struct house h = begin();
        char         what[512];

        kit_set_user(h.k, "bob", "forward.busy", "carol");
        snprintf(what, sizeof what, "INVITE bob\n%s", told[i]);
        peer_send(h.alice, what);
        peer_expect(h.bob, "INVITE"); /* it may ring there: only going on from there would be the circle */
        decline(h.bob, "486");
        refused(h.alice, "482");
        kit_end(h.k);
    }
}

/* u1 -> u2 -> ... -> u7: the sixth forward is one too many. */
static void a_long_chain_ends_with_482(void **state)
{
    struct house h = begin();
    char         from[8], to[8];

    (void)state;
    for (int i = 1; i <= 6; i++) {
        snprintf(from, sizeof from, "u%d", i);
        snprintf(to, sizeof to, "u%d", i + 1);
        kit_add_user(h.k, from);
        kit_set_user(h.k, from, "forward.always", to);
    }
    peer_send(h.alice, "INVITE u1");
    refused(h.alice, "482");
    kit_end(h.k);
}

/* What the target of a forward says is what the caller hears, not what bob said before. */
static void the_last_word_counts(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "forward.busy", "carol");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "603");
    peer_expect(h.alice, "181");
    peer_expect(h.carol, "INVITE");
    refuse(h.carol, h.alice, "480");
    kit_end(h.k);
}

/* Alice gives up while carol rings in bob's place. */
static void given_up_after_a_forward(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "forward.busy", "carol");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "486");
    peer_expect(h.alice, "181");
    peer_expect(h.carol, "INVITE");
    peer_send(h.carol, "180");
    peer_expect(h.alice, "180");
    peer_send(h.alice, "CANCEL");
    peer_expect(h.alice, "200 CANCEL");
    cancelled(h.carol);
    refused(h.alice, "487 INVITE");
    assert_string_equal(kit_cdr(h.k, 0), "alice carol 487 caller cancel");
    kit_end(h.k);
}

/* To another domain: only where users may call those. */
static void to_another_domain(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "forward.always", "sip:x@elsewhere.example");
    peer_send(h.alice, "INVITE bob");
    refused(h.alice, "403");
    kit_end(h.k);
}

static void not_to_be_disturbed(void **state)
{
    struct house h = begin();

    (void)state;
    kit_set_user(h.k, "bob", "dnd", "on");
    peer_send(h.alice, "INVITE bob");
    refused(h.alice, "480");
    peer_send(h.alice, "MESSAGE bob"); /* it disturbs nobody */
    peer_expect(h.bob, "MESSAGE");
    peer_send(h.bob, "200");
    peer_expect(h.alice, "200 MESSAGE");
    kit_set_user(h.k, "bob", "forward.busy", "carol");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.alice, "181");
    assert_true(has(peer_expect(h.carol, "INVITE"), HDR_DIVERSION, "reason=do-not-disturb"));
    talk_and_end(h.alice, h.carol);
    kit_set_user(h.k, "bob", "dnd", "off");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    talk_and_end(h.alice, h.bob);
    kit_end(h.k);
}

/* A phone's 302 that the exchange follows is told as well. */
static void a_followed_302_is_told(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    kit_set_user(h.k, "bob", "redirect", "follow");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    peer_send(h.bob, "302\nContact: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(h.bob, "ACK");
    m = peer_expect(h.carol, "INVITE");
    assert_history(m, "<sip:bob@example.com?Reason=SIP%3Bcause%3D302>;index=1, <sip:carol@example.com;cause=302>;index=1.1;mp=1");
    assert_diversion(m, "<sip:bob@example.com>;reason=deflection;counter=1;privacy=off");
    talk_and_end(h.alice, h.carol);
    kit_end(h.k);
}

/* ---- without memory ---- */

/* Bob refuses, carol lifts; alice hangs up. As far as it gets. */
static void play(struct house *h, unsigned *final)
{
    for (unsigned at = 0; at < 80000; at += 20) {
        const struct msg *m;

        kit_wait_ms(h->k, 20);
        while ((m = peer_next(h->bob)))
            if (m->is_request && m->method_id == METHOD_INVITE)
                peer_send(h->bob, "486");
        while ((m = peer_next(h->carol)))
            if (m->is_request && m->method_id != METHOD_ACK)
                peer_send(h->carol, "200");
        while ((m = peer_next(h->alice)))
            if (!m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE) {
                *final = m->status;
                peer_send(h->alice, "ACK");
                if (m->status < 300)
                    peer_send(h->alice, "BYE");
            }
    }
}

static void each_allocation_fails_once(void **state)
{
    uint64_t nth = 0;
    bool     failed = true;

    (void)state;
    while (failed) {
        struct house h = begin();
        unsigned     final = 0;

        peer_set_reliable(h.alice);
        peer_set_reliable(h.bob);
        peer_set_reliable(h.carol);
        kit_set_user(h.k, "bob", "forward.busy", "carol");
        kit_fail_allocation(h.k, ++nth);
        peer_send(h.alice, "INVITE bob");
        play(&h, &final);
        failed = kit_allocation_failed(h.k);
        kit_fail_allocation(h.k, 0);
        if (final < 200)
            kit_fail(h.k, "no final answer", "");
        if (!failed)
            assert_int_equal(final, 200);
        kit_end(h.k);
    }
    assert_true(nth > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(always),
        cmocka_unit_test(busy),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(no_answer_crossed_by_a_200),
        cmocka_unit_test(unregistered),
        cmocka_unit_test(two_hops_are_told),
        cmocka_unit_test(what_came_before_stays),
        cmocka_unit_test(privacy_is_honoured),
        cmocka_unit_test(circles_end_with_482),
        cmocka_unit_test(circles_through_another_exchange_end_with_482),
        cmocka_unit_test(a_long_chain_ends_with_482),
        cmocka_unit_test(the_last_word_counts),
        cmocka_unit_test(given_up_after_a_forward),
        cmocka_unit_test(to_another_domain),
        cmocka_unit_test(not_to_be_disturbed),
        cmocka_unit_test(a_followed_302_is_told),
        cmocka_unit_test(each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
