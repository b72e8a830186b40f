/* pickup_test.c - calls that ring elsewhere are picked up: by code, of one's group, by a lamp's key (RFC 5359 §2.16); calls
 * that go on are taken over (RFC 3891). In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

struct house {
    struct kit  *k;
    struct peer *alice, *bob, *carol;
    unsigned     first; /* alice's call to bob, as she counts */
};

static struct house begin(void)
{
    struct kit_options o = {.digest = true, .workers = 4, .spread = true}; /* each call in a shard of its own */
    struct house       h = {.k = kit_begin(&o)};

    h.alice = peer_registered(h.k, "alice");
    h.bob = peer_registered(h.k, "bob");
    h.carol = peer_registered(h.k, "carol");
    return h;
}

/* Alice calls bob, who rings. The INVITE as he got it. */
static const struct msg *rings(struct house *h)
{
    const struct msg *m;

    peer_send(h->alice, "INVITE bob");
    h->first = peer_call_number(h->alice);
    m = peer_expect(h->bob, "INVITE");
    peer_send(h->bob, "180");
    peer_expect(h->alice, "180");
    return m;
}

/* Does this Replaces name the call of `invite`, as its caller sees it? */
static void assert_replaces(const struct msg *m, const struct msg *invite, bool early)
{
    struct dialog_ref ref;

    assert_int_equal(msg_dialog_ref(m, HDR_REPLACES, &ref), ERR_OK);
    assert_int_equal(msg_element_count(m, HDR_REPLACES), 1);
    assert_true(slice_eq(ref.call_id, msg_call_id(invite)));
    assert_true(slice_eq(ref.to_tag, msg_from_tag(invite))); /* RFC 3891 §3: the receiver's own */
    assert_true(ref.from_tag.n > 0);
    assert_int_equal(ref.early_only, early);
    if (early)
        assert_true(msg_has_token(m, HDR_REQUIRE, S("replaces")));
}

/* Alice's phone takes the new call, and gives up the first, which ends so. */
static void taken_from(struct house *h, const char *end)
{
    unsigned          second = peer_call_number(h->alice);
    const struct msg *m;

    peer_send(h->alice, "200 INVITE");
    peer_expect(h->carol, "200 INVITE");
    peer_send(h->carol, "ACK");
    peer_expect(h->alice, "ACK");
    peer_take_call(h->alice, h->first);
    peer_send(h->alice, "CANCEL");
    peer_expect(h->alice, "200 CANCEL");
    m = peer_expect(h->bob, "CANCEL");
    /* he has not missed it */
    assert_true(slice_eq(msg_value(m, HDR_REASON), S("SIP;cause=200;text=\"Call completed elsewhere\"")));
    peer_send(h->bob, "200 CANCEL");
    peer_send(h->bob, "487 INVITE");
    peer_expect(h->bob, "ACK");
    peer_expect(h->alice, end);
    peer_send(h->alice, "ACK");
    peer_take_call(h->alice, second);
    peer_send(h->alice, "BYE");
    peer_expect(h->carol, "BYE");
    peer_send(h->carol, "200");
    peer_expect(h->alice, "200 BYE");
}

static void taken(struct house *h)
{
    taken_from(h, "487 INVITE");
}

/*   alice        strowger         bob        carol
 *     |-- INVITE ---->|-- INVITE --->|          |
 *     |<-- 180 -------|<-- 180 ------|          |
 *     |               |<------- INVITE *8bob ---|
 *     |<- INVITE -----|              |          |   Replaces: the call above; early-only
 *     |-- 200 ------->|------------ 200 ------->|
 *     |-- CANCEL ---->|-- CANCEL --->|          |   Reason: completed elsewhere  */
static void by_code(void **state)
{
    struct house      h = begin();
    const struct msg *invite = rings(&h), *m;

    (void)state;
    peer_send(h.carol, "INVITE *8bob");
    m = peer_expect(h.alice, "INVITE");
    assert_true(slice_starts(m->uri, S("sip:alice@10."))); /* to the one phone that called */
    assert_replaces(m, invite, true);
    taken(&h);
    assert_string_equal(kit_cdr(h.k, 0), "carol alice 200 callee bye");
    kit_end(h.k);
}

/* The lamp's key: INVITE with Replaces from our dialog-info, to the watched number or to the caller, tags in either order. */
static void rfc5359_2_16_by_a_lamps_key(void **state)
{
    static const struct {
        const char *to;
        bool        swapped;
    } ways[] = {{"alice", false}, {"alice", true}, {"bob", false}, {"bob", true}};

    (void)state;
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct house      h = begin();
        const struct msg *invite = rings(&h), *m;
        struct slice      caller = msg_from_tag(invite), callee;
        char              what[512];

        peer_send(h.bob, "183");
        callee = msg_to_tag(peer_expect(h.alice, "183"));
        snprintf(what, sizeof what, "INVITE %s\nRequire: replaces\nReplaces: %.*s;to-tag=%.*s;from-tag=%.*s", ways[i].to,
                 SARG(msg_call_id(invite)), SARG(ways[i].swapped ? callee : caller), SARG(ways[i].swapped ? caller : callee));
        peer_send(h.carol, what);
        m = peer_expect(h.alice, "INVITE");
        assert_replaces(m, invite, true);
        taken(&h);
        kit_end(h.k);
    }
}

static void add_group(struct house *h, const char *number, const char *members)
{
    struct directory_pair  pair = {S("group.members"), slice_z(members)};
    struct directory_act   act = {.number = slice_z(number), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault;

    assert_int_equal(directory_add(kit_exchange(h->k)->directory, &act, NULL, &fault), ERR_OK);
}

/* *8 alone: what rings at a colleague's. Who is in no group with bob has nothing to pick up. */
static void of_ones_group(void **state)
{
    struct house      h = begin();
    struct peer      *eve = peer_registered(h.k, "eve");
    const struct msg *invite = rings(&h), *m;

    (void)state;
    add_group(&h, "600", "bob,carol");
    add_group(&h, "601", "eve,dan");
    peer_send(eve, "INVITE *8");
    peer_expect(eve, "480");
    peer_send(eve, "ACK");
    peer_send(h.carol, "INVITE *8");
    m = peer_expect(h.alice, "INVITE");
    assert_replaces(m, invite, true);
    taken(&h);
    kit_end(h.k);
}

/* A group rings at bob and carol; dan picks up at carol's, whichever of them rang first; the ringing of both ends. */
static void what_rings_at_a_member_of_a_group(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct house      h = begin();
        struct peer      *dan = peer_registered(h.k, "dan"), *one = first ? h.carol : h.bob, *two = first ? h.bob : h.carol;
        const struct msg *m;

        add_group(&h, "600", "bob,carol");
        peer_send(h.alice, "INVITE 600");
        h.first = peer_call_number(h.alice);
        peer_expect(h.bob, "INVITE");
        peer_expect(h.carol, "INVITE");
        peer_send(one, "180");
        peer_expect(h.alice, "180");
        peer_send(two, "180");
        peer_expect(h.alice, "180");
        assert_string_equal(kit_calls(h.k), first ? "alice carol ringing, alice bob ringing" : "alice bob ringing, alice carol ringing");
        peer_send(dan, "INVITE *8carol");
        m = peer_expect(h.alice, "INVITE");
        assert_true(msg_has(m, HDR_REPLACES));
        peer_send(h.alice, "486 INVITE"); /* and yet she does not want */
        peer_expect(h.alice, "ACK");
        peer_expect(dan, "486");
        peer_send(dan, "ACK");
        peer_send(one, "486"); /* the one whose dialog the call's record had refuses: the other one's has it then */
        peer_expect(one, "ACK");
        kit_wait_ms(h.k, 10);
        assert_string_equal(kit_calls(h.k), first ? "alice bob ringing" : "alice carol ringing");
        peer_send(two, "200");
        peer_take_call(h.alice, h.first);
        peer_expect(h.alice, "200 INVITE");
        peer_send(h.alice, "ACK");
        peer_expect(two, "ACK");
        peer_send(h.alice, "BYE");
        peer_expect(two, "BYE");
        peer_send(two, "200");
        peer_expect(h.alice, "200 BYE");
        assert_string_equal(kit_cdr(h.k, 1), first ? "alice bob 200 caller bye" : "alice carol 200 caller bye");
        assert_string_equal(kit_calls(h.k), "");
        kit_end(h.k);
    }
}

/* Nothing rings there; it rings, but without a dialog yet; one's own call; a call that talks. */
static void nothing_to_pick_up(void **state)
{
    struct house h = begin();

    (void)state;
    peer_send(h.carol, "INVITE *8bob");
    peer_expect(h.carol, "480");
    peer_send(h.carol, "ACK");
    peer_send(h.carol, "INVITE *8nobody");
    peer_expect(h.carol, "480");
    peer_send(h.carol, "ACK");
    peer_send(h.alice, "INVITE bob");
    h.first = peer_call_number(h.alice);
    peer_expect(h.bob, "INVITE");
    peer_send(h.carol, "INVITE *8bob");
    peer_expect(h.carol, "480");
    peer_send(h.carol, "ACK");
    peer_send(h.bob, "180");
    peer_expect(h.alice, "180");
    peer_send(h.alice, "INVITE *8bob");
    peer_expect(h.alice, "480");
    peer_send(h.alice, "ACK");
    peer_take_call(h.alice, h.first);
    peer_send(h.bob, "200");
    peer_expect(h.alice, "200 INVITE");
    peer_send(h.alice, "ACK");
    peer_expect(h.bob, "ACK");
    peer_send(h.carol, "INVITE *8bob");
    peer_expect(h.carol, "480");
    peer_send(h.carol, "ACK");
    peer_send(h.bob, "BYE");
    peer_expect(h.alice, "BYE");
    peer_send(h.alice, "200");
    peer_expect(h.bob, "200 BYE");
    kit_end(h.k);
}

static struct peer *second_phone(struct house *h)
{
    struct peer *p = peer_add(h->k, "bob");

    peer_register(p);
    return p;
}

/* PROTOCOL 7.1: Replaces of a call that goes on leads to the one phone that has it, though that user has another one. */
static void p7_1_replaces_goes_to_the_one_contact(void **state)
{
    struct house      h = begin();
    struct peer      *bob2 = second_phone(&h);
    const struct msg *invite, *m;
    struct slice      bobs;
    unsigned          talking, second;
    char              what[512];

    (void)state;
    peer_send(h.alice, "INVITE bob");
    invite = peer_expect(h.bob, "INVITE");
    talking = peer_call_number(h.bob);
    peer_expect(bob2, "INVITE");
    peer_send(bob2, "180");
    peer_expect(h.alice, "180");
    peer_send(h.bob, "200");
    bobs = msg_to_tag(peer_expect(h.alice, "200 INVITE"));
    peer_expect(bob2, "CANCEL");
    peer_send(bob2, "200 CANCEL");
    peer_send(bob2, "487 INVITE");
    peer_expect(bob2, "ACK");
    peer_send(h.alice, "ACK");
    peer_expect(h.bob, "ACK");
    kit_set_user(h.k, "bob", "dnd", "on");
    snprintf(what, sizeof what, "INVITE bob\nReplaces: %.*s;to-tag=%.*s;from-tag=%.*s", SARG(msg_call_id(invite)), SARG(bobs),
             SARG(msg_from_tag(invite)));
    peer_send(h.carol, what);
    m = peer_expect(h.bob, "INVITE");
    assert_true(slice_find_slice(msg_value(m, HDR_REPLACES), bobs) != SIZE_MAX);
    peer_send(h.bob, "200 INVITE");
    peer_expect(h.carol, "200 INVITE");
    peer_send(h.carol, "ACK");
    peer_expect(h.bob, "ACK");
    second = peer_call_number(h.bob);
    peer_take_call(h.bob, talking);
    peer_send(h.bob, "BYE");
    peer_expect(h.alice, "BYE");
    peer_send(h.alice, "200");
    peer_expect(h.bob, "200 BYE");
    peer_take_call(h.bob, second);
    peer_send(h.bob, "BYE");
    peer_expect(h.carol, "BYE");
    peer_send(h.carol, "200");
    peer_expect(h.bob, "200 BYE");
    peer_expect_nothing(bob2, 100);
    kit_end(h.k);
}

/* Bob has two phones that ring, and one refuses: what is picked up is the call that still rings at the other. */
static void one_of_two_phones_has_refused(void **state)
{
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct house      h = begin();
        struct peer      *bob2 = second_phone(&h), *stays = first ? h.bob : bob2, *goes = first ? bob2 : h.bob;
        const struct msg *m;
        struct slice      tag;
        struct dialog_ref ref;

        peer_send(h.alice, "INVITE bob");
        h.first = peer_call_number(h.alice);
        peer_expect(h.bob, "INVITE");
        peer_expect(bob2, "INVITE");
        peer_send(h.bob, "180");
        m = peer_expect(h.alice, "180");
        tag = msg_to_tag(m);
        peer_send(bob2, "180");
        m = peer_expect(h.alice, "180");
        tag = first ? tag : msg_to_tag(m);
        assert_string_equal(kit_calls(h.k), "alice bob ringing, alice bob ringing");
        peer_send(goes, "486");
        peer_expect(goes, "ACK");
        kit_wait_ms(h.k, 10);
        assert_string_equal(kit_calls(h.k), "alice bob ringing");
        peer_send(h.carol, "INVITE *8bob");
        m = peer_expect(h.alice, "INVITE");
        assert_int_equal(msg_dialog_ref(m, HDR_REPLACES, &ref), ERR_OK);
        assert_true(slice_eq(ref.from_tag, tag));
        h.bob = stays;
        taken_from(&h, "486 INVITE"); /* the best that was said */
        kit_end(h.k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_code),
        cmocka_unit_test(rfc5359_2_16_by_a_lamps_key),
        cmocka_unit_test(of_ones_group),
        cmocka_unit_test(what_rings_at_a_member_of_a_group),
        cmocka_unit_test(nothing_to_pick_up),
        cmocka_unit_test(p7_1_replaces_goes_to_the_one_contact),
        cmocka_unit_test(one_of_two_phones_has_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
