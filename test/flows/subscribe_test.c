/* subscribe_test.c - subscriptions begun, refreshed, ended, refused, lost, and found again (RFC 6665), with lamps
 * (`dialog`) as the package. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

#define LAMP "\nEvent: dialog\nAccept: application/dialog-info+xml"

static bool has(const struct msg *m, const char *text)
{
    return slice_find_slice(m->body, slice_z(text)) != SIZE_MAX;
}

static void assert_has(const struct msg *m, const char *text)
{
    if (!has(m, text))
        fail_msg("\"%s\" expected in:\n%.*s", text, SARG(m->body));
}

static void assert_state(const struct msg *m, const char *want)
{
    struct slice is = msg_value(m, HDR_SUBSCRIPTION_STATE);

    if (!slice_starts(is, slice_z(want)))
        fail_msg("Subscription-State is %.*s, %s expected", SARG(is), want);
}

static uint32_t cseq_of(const struct msg *m)
{
    struct cseq c = {0};

    assert_int_equal(msg_cseq(m, &c), ERR_OK);
    return c.number;
}

/* A lamp for `number`, its first NOTIFY answered. */
static const struct msg *subscribe(struct peer *p, const char *number)
{
    char              what[200];
    const struct msg *m;

    snprintf(what, sizeof what, "SUBSCRIBE %s\nExpires: 600" LAMP, number);
    peer_send(p, what);
    peer_expect(p, "200 SUBSCRIBE");
    m = peer_expect(p, "NOTIFY");
    peer_send(p, "200 NOTIFY");
    return m;
}

static void call_and_cancel(struct peer *from, struct peer *to, const char *number)
{
    char what[100];

    snprintf(what, sizeof what, "INVITE %s", number);
    peer_send(from, what);
    peer_expect(to, "INVITE");
    peer_send(to, "180");
    peer_expect(from, "180");
    peer_send(from, "CANCEL");
    peer_expect(from, "200 CANCEL");
    peer_expect(to, "CANCEL");
    peer_send(to, "200 CANCEL");
    peer_send(to, "487 INVITE");
    peer_expect(to, "ACK");
    peer_expect(from, "487 INVITE");
    peer_send(from, "ACK");
}

/*   alice                     strowger
 *     |-- SUBSCRIBE (600) ------->|
 *     |<- 200, NOTIFY active -----|   full state
 *     |-- SUBSCRIBE, within ----->|
 *     |<- 200, NOTIFY active -----|   at once, in full
 *     |-- SUBSCRIBE (0) --------->|
 *     |<- 200, NOTIFY terminated -|   reason=timeout; and no more (the 200s to NOTIFY not drawn) */
static void rfc6665_4_1a_begun_refreshed_ended(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;
    uint32_t          first, expires = 0;

    (void)state;
    peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 600" LAMP);
    m = peer_expect(alice, "200 SUBSCRIBE");
    assert_int_equal(msg_expires(m, &expires), ERR_OK);
    assert_int_equal(expires, 600);
    assert_true(msg_has(m, HDR_CONTACT));
    m = peer_expect(alice, "NOTIFY");
    assert_state(m, "active;expires=600");
    assert_true(slice_eq(msg_value(m, HDR_EVENT), S("dialog")));
    assert_has(m, "state=\"full\"");
    assert_has(m, "version=\"0\"");
    first = cseq_of(m);
    peer_send(alice, "200 NOTIFY");

    peer_send(alice, "SUBSCRIBE\nExpires: 300" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    m = peer_expect(alice, "NOTIFY");
    assert_state(m, "active;expires=300");
    assert_has(m, "state=\"full\"");
    assert_has(m, "version=\"1\"");
    assert_int_equal(cseq_of(m), first + 1);
    peer_send(alice, "200 NOTIFY");

    peer_send(alice, "SUBSCRIBE\nExpires: 0" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    m = peer_expect(alice, "NOTIFY");
    assert_state(m, "terminated;reason=timeout");
    peer_send(alice, "200 NOTIFY");
    peer_expect_nothing(alice, 1000000);
    kit_end(k);
}

static void rfc6665_4_2_refused(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer      *alice, *eve = peer_add(k, "eve");
    const struct msg *m;
    uint32_t          least = 0;

    (void)state;
    alice = peer_registered(k, "alice");
    peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE alice\nEvent: nosuch\nExpires: 600");
    m = peer_expect(alice, "489 SUBSCRIBE");
    assert_true(msg_has_token(m, HDR_ALLOW_EVENTS, S("dialog")));
    peer_send(alice, "SUBSCRIBE alice\nExpires: 600"); /* without Event */
    peer_expect(alice, "489 SUBSCRIBE");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 1" LAMP);
    m = peer_expect(alice, "423 SUBSCRIBE");
    assert_int_equal(msg_min_expires(m, &least), ERR_OK);
    assert_int_equal(least, 30);
    peer_send(alice, "SUBSCRIBE nobody" LAMP);
    peer_expect(alice, "404 SUBSCRIBE");
    peer_send(alice, "SUBSCRIBE bob\nEvent: dialog\nAccept: text/plain");
    peer_expect(alice, "406 SUBSCRIBE");
    peer_send(alice, "SUBSCRIBE bob\nRequire: teleport" LAMP);
    m = peer_expect(alice, "420 SUBSCRIBE");
    assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("teleport")));
    peer_set_login(eve, "alice", NULL);
    peer_send(eve, "SUBSCRIBE bob" LAMP); /* without credentials: 401, never 407 (PROTOCOL 1.2) */
    peer_expect(eve, "401 SUBSCRIBE");
    kit_end(k);
}

static void rfc6665_4_2_a_dialog_that_is_gone_is_481(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    peer_registered(k, "bob");
    subscribe(alice, "bob");
    peer_send(alice, "SUBSCRIBE\nExpires: 0" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    kit_wait_ms(k, 40000);
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP);
    peer_expect(alice, "481 SUBSCRIBE");
    kit_end(k);
}

/*   alice                     strowger
 *     |-- SUBSCRIBE ------------->|
 *     |<- 200, NOTIFY active -----|
 *     |-- 481 ------------------->|   alice has forgotten; bob is called: nobody is told */
static void rfc6665_4_2n_a_refused_notify_ends_it(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    peer_send(alice, "SUBSCRIBE bob\nExpires: 600" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "481 NOTIFY");
    call_and_cancel(carol, bob, "bob");
    peer_expect_nothing(alice, 5000);
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP);
    peer_expect(alice, "481 SUBSCRIBE");
    kit_end(k);
}

static void a_notify_that_nobody_answers_ends_it(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 600" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    kit_wait_ms(k, 33000); /* repeated 10 times, then given up */
    assert_true(peer_repeats(alice) >= 9);
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP);
    peer_expect(alice, "481 SUBSCRIBE");
    kit_end(k);
}

static void retry_after_is_waited_for(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 600" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "503 NOTIFY\nRetry-After: 20");
    m = peer_expect_in(alice, "NOTIFY", 19900, 20200);
    assert_has(m, "state=\"full\"");
    peer_send(alice, "200 NOTIFY");
    kit_end(k);
}

static void it_expires(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    subscribe(alice, "bob");
    m = peer_expect_in(alice, "NOTIFY", 599000, 600100);
    assert_state(m, "terminated;reason=timeout");
    peer_send(alice, "200 NOTIFY");
    call_and_cancel(carol, bob, "bob");
    kit_end(k);
}

/* RFC 6665 §4.4.3: one look. */
static void a_fetch_is_told_once(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 0" LAMP);
    peer_expect(alice, "200 SUBSCRIBE");
    m = peer_expect(alice, "NOTIFY");
    assert_state(m, "terminated;reason=timeout");
    assert_has(m, "state=\"full\"");
    peer_send(alice, "200 NOTIFY");
    kit_end(k);
}

static void no_more_is_granted_than_an_hour(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");
    uint32_t     expires = 0;

    (void)state;
    peer_registered(k, "bob");
    peer_send(alice, "SUBSCRIBE bob\nExpires: 100000" LAMP);
    assert_int_equal(msg_expires(peer_expect(alice, "200 SUBSCRIBE"), &expires), ERR_OK);
    assert_int_equal(expires, 3600);
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    kit_end(k);
}

/* What the exchange does not serve itself is the phone's: BLA, call-info, talk, whatever two phones have between them. */
static void other_packages_go_to_the_phone(void **state)
{
    static const char *const events[] = {"call-info", "line-seize", "refer", "talk"};
    struct kit              *k = kit_begin(NULL);
    struct peer             *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        char              what[100];
        const struct msg *m;

        snprintf(what, sizeof what, "SUBSCRIBE bob\nEvent: %s\nExpires: 60", events[i]);
        peer_send(alice, what);
        m = peer_expect(bob, "SUBSCRIBE");
        assert_true(slice_eq(msg_value(m, HDR_EVENT), slice_z(events[i])));
        peer_send(bob, "489");
        peer_expect(alice, "489 SUBSCRIBE");
    }
    peer_send(alice, "SUBSCRIBE bob\nEvent: call-info\nExpires: 60");
    peer_expect(bob, "SUBSCRIBE");
    peer_send(bob, "200\nExpires: 60");
    peer_expect(alice, "200 SUBSCRIBE");
    peer_send(bob, "NOTIFY\nEvent: call-info\nSubscription-State: active;expires=60");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    peer_expect(bob, "200 NOTIFY");
    kit_end(k);
}

/* For so long each NOTIFY is answered when it comes. Returns the one with the highest CSeq; `last` where none is higher. */
static const struct msg *answer_notifies(struct kit *k, struct peer *p, unsigned ms, const struct msg *last)
{
    for (unsigned at = 0; at < ms; at += 50) {
        const struct msg *m;

        kit_wait_ms(k, 50);
        while ((m = peer_next(p))) {
            if (!m->is_request)
                continue;
            peer_send(p, "200 NOTIFY");
            last = !last || cseq_of(m) > cseq_of(last) ? m : last;
        }
    }
    return last;
}

/* Lost datagrams are repeated; the lamp is right in the end. */
static void on_a_bad_wire_the_last_state_arrives(void **state)
{
    static const struct fake_link bad = {.delay_us = 5000, .jitter_us = 20000, .loss_ppm = 200000, .duplicate_ppm = 100000,
                                         .reorder_ppm = 100000, .reorder_us = 300000};
    unsigned                      begun = 0;

    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct kit       *k = kit_begin(&(struct kit_options){.seed = seed, .link = bad});
        struct peer      *alice = peer_add(k, "alice");
        const struct msg *last;

        peer_set_reliable(alice);
        peer_send(alice, "SUBSCRIBE bob\nExpires: 60" LAMP);
        last = answer_notifies(k, alice, 55000, NULL);
        assert_non_null(last);
        begun += slice_starts(msg_value(last, HDR_SUBSCRIPTION_STATE), S("active"));
        last = answer_notifies(k, alice, 45000, last);
        assert_state(last, "terminated;reason=timeout");
        kit_end(k);
    }
    assert_int_equal(begun, 20);
}

/*   alice               strowger                bob, carol
 *     |-- SUBSCRIBE bob -->|
 *     |<- 200, NOTIFY -----|
 *     |              (kill -9; bob's call begins and stays; restart)
 *     |<- NOTIFY ----------|   full, CSeq and version higher, the lamp as it is now
 *     |-- SUBSCRIBE ------>|   within the dialog
 *     |<- 200, NOTIFY -----| */
static void a_restart_is_not_noticed(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *m = subscribe(alice, "bob");
    uint32_t          seen = cseq_of(m);

    (void)state;
    peer_send(carol, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(carol, "180");
    m = peer_expect(alice, "NOTIFY");
    assert_has(m, "<state>early</state>");
    peer_send(alice, "200 NOTIFY");
    seen = cseq_of(m);
    kit_kill(k);
    kit_restart(k);
    peer_send(bob, "200 INVITE");
    peer_expect(carol, "200 INVITE");
    peer_send(carol, "ACK");
    peer_expect(bob, "ACK");
    do { /* what was on its way when it was killed may come too */
        m = peer_expect(alice, "NOTIFY");
        assert_true(cseq_of(m) > seen);
        seen = cseq_of(m);
        peer_send(alice, "200 NOTIFY");
    } while (!has(m, "<state>confirmed</state>") || !has(m, "state=\"full\""));
    assert_state(m, "active");
    kit_kill(k);
    kit_restart(k);
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP); /* before it has even been woken */
    peer_expect(alice, "200 SUBSCRIBE");
    m = peer_expect(alice, "NOTIFY");
    assert_true(cseq_of(m) > seen);
    assert_has(m, "<state>confirmed</state>");
    peer_send(alice, "200 NOTIFY");
    peer_take_call(bob, 2); /* its first was the REGISTER */
    peer_send(bob, "BYE");
    peer_expect(carol, "BYE");
    peer_send(carol, "200");
    peer_expect(bob, "200 BYE");
    m = peer_expect(alice, "NOTIFY");
    assert_has(m, "<state>terminated</state>");
    assert_has(m, "state=\"partial\"");
    peer_send(alice, "200 NOTIFY");
    kit_end(k);
}

static void what_has_expired_meanwhile_is_not_woken(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    peer_registered(k, "bob");
    subscribe(alice, "bob");
    kit_kill(k);
    kit_wait_ms(k, 601000);
    kit_restart(k);
    peer_expect_nothing(alice, 5000);
    peer_send(alice, "SUBSCRIBE\nExpires: 600" LAMP);
    peer_expect(alice, "481 SUBSCRIBE");
    kit_end(k);
}

/* A subscriber over TCP whose connection has gone: the lamp waits for it. */
static void a_connection_that_is_gone_is_waited_for(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_add_tcp(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    peer_register(alice);
    subscribe(alice, "bob");
    peer_disconnect(alice);
    kit_wait_ms(k, 1000);
    peer_send(carol, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(carol, "180");
    kit_wait_ms(k, 10000);
    peer_connect(alice);
    peer_register(alice);
    m = peer_expect(alice, "NOTIFY");
    assert_has(m, "<state>early</state>");
    peer_send(alice, "200 NOTIFY");
    peer_send(bob, "486 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(carol, "486 INVITE");
    peer_send(carol, "ACK");
    peer_expect(alice, "NOTIFY");
    peer_send(alice, "200 NOTIFY");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc6665_4_1a_begun_refreshed_ended),
        cmocka_unit_test(rfc6665_4_2_refused),
        cmocka_unit_test(rfc6665_4_2_a_dialog_that_is_gone_is_481),
        cmocka_unit_test(rfc6665_4_2n_a_refused_notify_ends_it),
        cmocka_unit_test(a_notify_that_nobody_answers_ends_it),
        cmocka_unit_test(retry_after_is_waited_for),
        cmocka_unit_test(it_expires),
        cmocka_unit_test(a_fetch_is_told_once),
        cmocka_unit_test(no_more_is_granted_than_an_hour),
        cmocka_unit_test(other_packages_go_to_the_phone),
        cmocka_unit_test(on_a_bad_wire_the_last_state_arrives),
        cmocka_unit_test(a_restart_is_not_noticed),
        cmocka_unit_test(what_has_expired_meanwhile_is_not_woken),
        cmocka_unit_test(a_connection_that_is_gone_is_waited_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
