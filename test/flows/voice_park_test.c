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

/* The 200 that comes, acknowledged. */
static void agree_by(struct peer *p)
{
    peer_expect(p, "200 INVITE");
    peer_send(p, "ACK");
}

/* In the call that alice has at hand, and that is bob's n-th. */
static void leave_each(struct peer *alice, struct peer *bob, unsigned n)
{
    peer_take_call(bob, n);
    hang_up(alice, bob);
}

#define CAN "\nSupported: replaces"

/* Carol's INVITE comes to alice, who hangs up on the exchange when she has taken it; they talk straight. */
static void taken_straight(struct kit *k, struct peer *alice, struct peer *carol, unsigned parked)
{
    unsigned second = peer_call_number(alice);

    peer_send(alice, "200 INVITE");
    peer_expect(carol, "200 INVITE");
    peer_send(carol, "ACK");
    peer_expect(alice, "ACK");
    peer_take_call(alice, parked);
    leave(alice);
    assert_string_equal(kit_calls(k), "carol alice talking");
    peer_take_call(alice, second);
    pass(carol, alice, "INFO\nContent-Type: application/dtmf-relay\n\nSignal=5\r\n", "200"); /* as any call */
    hang_up(alice, carol);
    assert_string_equal(kit_cdr(k, 0), "carol alice 200 callee bye");
}

static void assert_names(const struct msg *m, const struct msg *parked)
{
    struct dialog_ref ref;

    assert_int_equal(msg_dialog_ref(m, HDR_REPLACES, &ref), ERR_OK);
    assert_int_equal(msg_element_count(m, HDR_REPLACES), 1);
    assert_true(slice_eq(ref.call_id, msg_call_id(parked)));
    assert_true(slice_eq(ref.to_tag, msg_from_tag(parked))); /* RFC 3891 §3: the receiver's own */
    assert_true(slice_eq(ref.from_tag, msg_to_tag(parked)));
    assert_false(ref.early_only);
}

/*  alice            strowger             carol
 *    |== waits at 701 ===|                |   her phone knows Replaces
 *    |                   |<- INVITE 701 --|
 *    |<-- INVITE --------|                |   Replaces: her call to 701
 *    |--- 200 ---------->|--- 200 ------->|
 *    |--- BYE ---------->|                |   to 701, which is free again
 *    |================ they talk ========|   straight: sound and digits go between the two */
static void rfc5359_2_15_fetched_straight(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer      *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");
    const struct msg *parked, *m;

    (void)state;
    parked = dial(alice, "INVITE 701" CAN);
    kit_wait_ms(k, 1000);
    peer_send(carol, "INVITE 701");
    m = peer_expect(alice, "INVITE");
    assert_names(m, parked);
    assert_true(msg_has_token(m, HDR_REQUIRE, S("replaces")));
    taken_straight(k, alice, carol, 2);
    dial(carol, "INVITE 701"); /* it is free: she waits there herself */
    leave(carol);
    kit_end(k);
}

/* A lamp's key: INVITE with Replaces made of the dialog-info of 701, to 701 or to who waits, tags in either order. */
static void rfc5359_2_15_fetched_by_a_lamps_key(void **state)
{
    static const struct {
        const char *to;
        bool        swapped;
    } ways[] = {{"alice", false}, {"alice", true}, {"701", false}, {"701", true}};

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct kit       *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
        struct peer      *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");
        const struct msg *parked;
        struct slice      hers, ours;
        char              what[512];

        parked = dial(alice, "INVITE 701" CAN);
        kit_wait_ms(k, 1000);
        hers = msg_from_tag(parked), ours = msg_to_tag(parked);
        snprintf(what, sizeof what, "INVITE %s\nRequire: replaces\nReplaces: %.*s;to-tag=%.*s;from-tag=%.*s", ways[i].to,
                 SARG(msg_call_id(parked)), SARG(ways[i].swapped ? ours : hers), SARG(ways[i].swapped ? hers : ours));
        peer_send(carol, what);
        assert_names(peer_expect(alice, "INVITE"), parked);
        taken_straight(k, alice, carol, 2);
        kit_end(k);
    }
}

/* Her phone says that it can, and then does not: the exchange connects the two. It hangs up meanwhile: there is nobody. */
static void a_phone_that_does_not_take_it(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 701" CAN);
    kit_wait_ms(k, 1000);
    peer_send(carol, "INVITE 701");
    peer_expect(alice, "INVITE");
    decline(alice, "488");
    agree_by(carol);
    assert_string_equal(kit_calls(k), "alice 701 talking, carol 701 talking");
    leave(carol);
    peer_take_call(alice, 2);
    put_out(alice);
    dial(alice, "INVITE 701" CAN);
    kit_wait_ms(k, 1000);
    peer_send(carol, "INVITE 701");
    peer_expect(alice, "INVITE");
    peer_take_call(alice, 4);
    leave(alice);
    peer_take_call(alice, 5);
    decline(alice, "481");
    refused(carol, "481");
    kit_end(k);
}

/* Who may not call 701 may not fetch there. */
static void who_is_barred(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");

    (void)state;
    kit_set_user(k, "carol", "barred", "70*");
    dial(alice, "INVITE 701" CAN);
    kit_wait_ms(k, 1000);
    peer_send(carol, "INVITE 701");
    refused(carol, "403");
    leave(alice);
    kit_end(k);
}

/*  alice            strowger             bob
 *    |<========= talk ==================>|
 *    |                   |<- REFER 702 ---|
 *    |<-- REFER ---------|                |
 *    |--- INVITE 702 --->|                |   without Referred-By: the exchange knows whose transfer it is
 *    |== waits at 702 ===|                |   for 120 s
 *    |                   |--- INVITE ---->| */
static void who_transferred_is_called_back(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    set_up(alice, bob, "INVITE bob");
    peer_send(bob, "REFER\nRefer-To: <sip:702@" KIT_DOMAIN ">");
    peer_expect(bob, "202 REFER");
    peer_expect(alice, "REFER");
    peer_send(alice, "202 REFER");
    dial(alice, "INVITE 702");
    peer_take_call(alice, 2);
    peer_send(bob, "BYE");
    peer_expect(alice, "BYE");
    peer_send(alice, "200 BYE");
    peer_expect(bob, "200 BYE");
    peer_expect(bob, "NOTIFY"); /* how it went */
    peer_send(bob, "200 NOTIFY");
    kit_wait_ms(k, 100000);
    m = peer_expect_in(bob, "INVITE", 10000, 21000);
    assert_true(has(msg_value(m, HDR_FROM), "\"Parked: alice\" <sip:702@" KIT_DOMAIN ">"));
    peer_send(bob, "200");
    peer_expect(bob, "ACK");
    leave(bob);
    peer_take_call(alice, 3);
    put_out(alice);
    kit_end(k);
}

static void told(struct peer *p, const char *text, const char *from)
{
    const struct msg *m = peer_expect(p, "MESSAGE");

    if (!slice_eq(m->body, slice_z(text)) || !has(msg_value(m, HDR_FROM), from))
        fail_msg("\"%.*s\" from %.*s", SARG(m->body), SARG(msg_value(m, HDR_FROM)));
    peer_send(p, "200 MESSAGE");
}

/*  alice            strowger             bob
 *    |<========= talk ==================>|
 *    |                   |<- REFER *68 ---|
 *    |<-- REFER ---------|                |
 *    |--- INVITE *68 --->|                |
 *    |<-- 200 -----------|                |   Contact 702: 701 is taken
 *    |                   |--- MESSAGE --->|   "alice waits at 702"
 *    |                   |                |   carol calls 702: as any */
static void transferred_to_the_first_free_place(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *dora = peer_registered(k, "dora");
    struct peer      *carol = peer_registered(k, "carol");
    const struct msg *m;
    unsigned          first, second;

    (void)state;
    dial(dora, "INVITE 701");
    set_up(alice, bob, "INVITE bob");
    first = peer_call_number(alice);
    peer_send(bob, "REFER\nRefer-To: <sip:*68@" KIT_DOMAIN ">");
    peer_expect(bob, "202 REFER");
    peer_expect(alice, "REFER");
    peer_send(alice, "202 REFER");
    m = dial(alice, "INVITE *68");
    second = peer_call_number(alice);
    assert_true(has(msg_value(m, HDR_CONTACT), "<sip:702@"));
    told(bob, "alice waits at 702", "<sip:702@" KIT_DOMAIN ">");
    peer_take_call(alice, first);
    peer_take_call(bob, peer_call_number(bob) - 1);
    peer_send(bob, "BYE");
    peer_expect(alice, "BYE");
    peer_send(alice, "200 BYE");
    peer_expect(bob, "200 BYE");
    peer_expect(bob, "NOTIFY");
    peer_send(bob, "200 NOTIFY");
    dial(carol, "INVITE 702");
    leave(carol);
    peer_take_call(alice, second);
    put_out(alice);
    assert_string_equal(kit_cdr(k, 1), "alice 702 200 exchange bye");
    leave(dora);
    kit_end(k);
}

/* Bob, who talks with alice, calls *68. */
static const struct msg *parks(struct peer *bob, struct peer *alice)
{
    peer_send(bob, "INVITE *68");
    return peer_expect(alice, "INVITE");
}

/*  alice            strowger             bob
 *    |<========= talk ==================>|
 *    |                   |<- INVITE *68 --|
 *    |<-- INVITE --------|                |   from 701, with Replaces of their call
 *    |--- 200 ---------->|                |
 *    |--- BYE ---------->|--- BYE ------->|   as RFC 3891 wants
 *    |                   |--- 200 ------->|   beeps
 *    |                   |--- MESSAGE --->|   "alice waits at 701"
 *    |                   |--- BYE ------->| */
static void rfc5359_2_15_parked_with_replaces(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *invite, *m;
    struct dialog_ref ref;
    struct slice      bobs;
    unsigned          with_bob, parked, with_alice, star;

    (void)state;
    peer_send(alice, "INVITE bob" CAN);
    invite = peer_expect(bob, "INVITE");
    with_alice = peer_call_number(bob);
    peer_send(bob, "200");
    bobs = msg_to_tag(peer_expect(alice, "200"));
    with_bob = peer_call_number(alice);
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    m = parks(bob, alice);
    star = peer_call_number(bob);
    parked = peer_call_number(alice);
    assert_int_equal(msg_dialog_ref(m, HDR_REPLACES, &ref), ERR_OK);
    assert_true(slice_eq(ref.call_id, msg_call_id(invite)) && slice_eq(ref.to_tag, msg_from_tag(invite)) && slice_eq(ref.from_tag, bobs));
    assert_true(msg_has_token(m, HDR_REQUIRE, S("replaces")));
    assert_true(has(msg_value(m, HDR_FROM), "<sip:701@" KIT_DOMAIN ">"));
    assert_true(has(msg_value(m, HDR_REFERRED_BY), "<sip:bob@" KIT_DOMAIN ">"));
    peer_send(alice, "200 INVITE\nSupported: replaces");
    peer_expect(alice, "ACK");
    agree_by(bob);
    told(bob, "alice waits at 701", "<sip:701@" KIT_DOMAIN ">");
    peer_take_call(alice, with_bob);
    peer_send(alice, "BYE");
    peer_take_call(bob, with_alice);
    peer_expect(bob, "BYE");
    peer_send(bob, "200 BYE");
    peer_expect(alice, "200 BYE");
    peer_take_call(bob, star);
    peer_expect_in(bob, "BYE", 1000, 2500);
    peer_send(bob, "200 BYE");
    assert_string_equal(kit_calls(k), "701 alice talking");
    peer_send(carol, "INVITE 701"); /* and she is fetched straight, too */
    m = peer_expect(alice, "INVITE");
    assert_true(msg_has(m, HDR_REPLACES));
    taken_straight(k, alice, carol, parked);
    kit_end(k);
}

/* There is no call; its phone cannot be asked; it does not want. */
static void nothing_is_parked(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(bob, "INVITE *68");
    refused(bob, "480");
    set_up(alice, bob, "INVITE bob\nSupported: timer");
    peer_send(bob, "INVITE *68");
    refused(bob, "488");
    peer_take_call(alice, 2);
    leave_each(alice, bob, 3);
    set_up(alice, bob, "INVITE bob" CAN);
    parks(bob, alice);
    decline(alice, "486");
    refused(bob, "486");
    peer_take_call(alice, 3);
    leave_each(alice, bob, 5);
    assert_string_equal(kit_calls(k), "");
    kit_end(k);
}

/* All nine are taken. */
static void there_is_no_place(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    char         what[32];

    (void)state;
    for (int i = 1; i <= 9; i++) {
        snprintf(what, sizeof what, "INVITE 70%d", i);
        dial(alice, what);
    }
    peer_send(bob, "INVITE *68\nReferred-By: <sip:alice@" KIT_DOMAIN ">");
    refused(bob, "486");
    for (unsigned i = 2; i <= 10; i++) {
        peer_take_call(alice, i);
        leave(alice);
    }
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
    kit_wait_ms(k, 150000); /* and once is enough */
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
    kit_wait_ms(k, 50000);
    agree(alice); /* is she there still? */
    kit_wait_ms(k, 58000);
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
        cmocka_unit_test(rfc5359_2_15_fetched_straight),
        cmocka_unit_test(rfc5359_2_15_fetched_by_a_lamps_key),
        cmocka_unit_test(a_phone_that_does_not_take_it),
        cmocka_unit_test(who_is_barred),
        cmocka_unit_test(who_transferred_is_called_back),
        cmocka_unit_test(transferred_to_the_first_free_place),
        cmocka_unit_test(rfc5359_2_15_parked_with_replaces),
        cmocka_unit_test(nothing_is_parked),
        cmocka_unit_test(there_is_no_place),
        cmocka_unit_test(who_waits_may_hang_up),
        cmocka_unit_test(nobody_comes_and_who_parked_it_is_called),
        cmocka_unit_test(a_recall_that_fails_is_tried_again),
        cmocka_unit_test(it_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
