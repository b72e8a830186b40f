/* voice_park_test.c - a call is parked at a number of the exchange, and fetched, or comes back (what RFC 5359 §2.15 is for). */
#include "flows/phones.h"
#include "kit/talk.h"

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

/*  alice            strowger             carol
 *    |-- INVITE 701 ---->|                |   as bob's REFER told her
 *    |<-- 200 -----------|                |   music
 *    |                   |<- INVITE 701 --|
 *    |                   |--- 200 ------->|   they talk
 *    |                   |<-- BYE --------|
 *    |<-- BYE -----------|                | */
static void rfc5359_2_15_parked_and_fetched_by_number(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol"), *dora = peer_registered(k, "dora");

    (void)state;
    dial(alice, "INVITE 701\nReferred-By: <sip:bob@" KIT_DOMAIN ">");
    kit_wait_ms(k, 1000);
    dial(carol, "INVITE 701");
    peer_send(dora, "INVITE 701"); /* two are two */
    refused(dora, "486");
    leave(carol);
    put_out(alice);
    dial(dora, "INVITE 701"); /* and it is free again */
    leave(dora);
    kit_end(k);
}

static void who_waits_may_hang_up(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 709");
    leave(alice);
    dial(alice, "INVITE 709");
    dial(carol, "INVITE 709");
    leave(alice);
    put_out(carol);
    kit_end(k);
}

/*  alice            strowger             bob
 *    |== waits at 702 ===|                |   for 120 s
 *    |                   |--- INVITE ---->|   From "Parked: alice" <sip:702@...>
 *    |                   |<-- 200 --------|
 *    |                   |--- ACK ------->|   they talk */
static void nobody_comes_and_who_parked_it_is_called(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    dial(alice, "INVITE 702\nReferred-By: <sip:bob@" KIT_DOMAIN ">");
    kit_wait_ms(k, 100000);
    m = peer_expect_in(bob, "INVITE", 19000, 21000);
    assert_true(has(msg_value(m, HDR_FROM), "\"Parked: alice\" <sip:702@" KIT_DOMAIN ">"));
    peer_send(bob, "180");
    peer_send(bob, "200");
    peer_expect(bob, "ACK");
    kit_wait_ms(k, 300000); /* and once is enough */
    leave(alice);
    put_out(bob);
    kit_end(k);
}

/* He is busy, then does not answer: she goes on waiting, and carol fetches her. */
static void a_recall_that_fails_is_tried_again(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 702\nReferred-By: <sip:bob@" KIT_DOMAIN ">");
    kit_wait_ms(k, 119000);
    peer_expect(bob, "INVITE");
    decline(bob, "486");
    kit_wait_ms(k, 118000);
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    kit_wait_ms(k, 118000);
    cancelled(bob);
    dial(carol, "INVITE 702");
    leave(carol);
    put_out(alice);
    kit_end(k);
}

/* The waiting one hears music, and then the other one. */
static void it_is_heard(void **state)
{
    struct kit          *k = kit_begin(&(struct kit_options){.digest = true});
    struct phone_config  c = {.server = S(KIT_EXCHANGE), .domain = S(KIT_DOMAIN), .password = S("secret-of-the-test")};
    struct band         *w;
    struct ring         *a, *b;

    (void)state;
    kit_add_user(k, "a");
    kit_add_user(k, "b");
    w = band_open(kit_world(k));
    c.tone_hz = 1000;
    a = ring_add(w, "a", &c);
    ring_expect(a, "registered");
    c.tone_hz = 1500;
    b = ring_add(w, "b", &c);
    ring_expect(b, "registered");
    ring_do(a, "call 703");
    ring_expect(a, "hears \"hz\":440");
    ring_do(b, "call 703");
    ring_expect(b, "hears \"hz\":1000");
    ring_expect(a, "hears \"hz\":1500");
    ring_do(b, "hangup");
    ring_expect(a, "ended");
    band_leave(w);
    mem_free(&w->plain, w, sizeof *w);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5359_2_15_parked_and_fetched_by_number),
        cmocka_unit_test(who_waits_may_hang_up),
        cmocka_unit_test(nobody_comes_and_who_parked_it_is_called),
        cmocka_unit_test(a_recall_that_fails_is_tried_again),
        cmocka_unit_test(it_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
