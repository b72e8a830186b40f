/* pickup_brought_test.c - a call that rings is picked up though its caller's phone knows no Replaces: it is brought to the phone of
 * who picks up (server/proxy/bring.c). In virtual time. */
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

/* Alice, whose phone knows no Replaces, calls bob, who rings. */
static void bob_rings(struct house *h)
{
    peer_send(h->alice, "INVITE bob\nSupported: timer");
    peer_expect(h->bob, "INVITE");
    peer_send(h->bob, "180");
    peer_expect(h->alice, "180");
}

/* Carol dials the code and is called with what rings. Her own call, as she counts. */
static unsigned carol_dials(struct house *h)
{
    unsigned carols;

    peer_send(h->carol, "INVITE *8bob\nSupported: replaces");
    peer_expect(h->carol, "180 INVITE");
    carols = peer_call_number(h->carol);
    peer_expect(h->carol, "INVITE");
    return carols;
}

/* Alice's phone says no to Replaces. */
static void cannot(struct house *h)
{
    peer_expect(h->alice, "INVITE");
    peer_send(h->alice, "420 INVITE\nUnsupported: replaces");
    peer_expect(h->alice, "ACK");
}

/* Bob has not missed alice's call. */
static void bob_stops(struct house *h)
{
    const struct msg *m = peer_expect(h->bob, "CANCEL");

    assert_true(slice_eq(msg_value(m, HDR_REASON), S("SIP;cause=200;text=\"Call completed elsewhere\"")));
    peer_send(h->bob, "200 CANCEL");
    peer_send(h->bob, "487 INVITE");
    peer_expect(h->bob, "ACK");
}

/* Alice has carol at the phone, in the call that she began. */
static void they_talk(struct house *h, unsigned carols)
{
    assert_string_equal(kit_calls(h->k), "alice carol talking");
    peer_take_call(h->carol, carols);
    peer_send(h->carol, "BYE");
    peer_expect(h->alice, "BYE");
    peer_send(h->alice, "200");
    peer_expect(h->carol, "200 BYE");
    kit_end(h->k);
}

/*   alice        strowger         bob        carol
 *     |-- INVITE ---->|-- INVITE --->|          |   her Supported has no replaces, or she will answer 420
 *     |<-- 180 -------|<-- 180 ------|          |
 *     |               |<------- INVITE *8bob ---|
 *     |               |------------ 180 ------->|
 *     |               |------------ INVITE ---->|   alice's, with Replaces of carol's own call
 *     |<-- 180 -------|<----------- 180 --------|
 *     |<-- 200 -------|<----------- 200 --------|
 *     |               |-- CANCEL --->|          |   Reason: completed elsewhere
 *     |               |<----------- CANCEL -----|   as RFC 3891 wants of her phone
 *     |               |------------ 487 ------->| */
static void rfc3891_3_a_caller_without_replaces(void **state)
{
    (void)state;
    for (int says = 0; says < 2; says++) {
        struct house      h = begin();
        const struct msg *m;
        struct dialog_ref ref;
        struct slice      tag;
        unsigned          carols;

        peer_send(h.alice, says ? "INVITE bob\nSupported: timer" : "INVITE bob");
        h.first = peer_call_number(h.alice);
        peer_expect(h.bob, "INVITE");
        peer_send(h.bob, "180");
        peer_expect(h.alice, "180");
        kit_set_user(h.k, "alice", "forward.always", "bob"); /* it is for that one call and phone: no forward counts */
        kit_set_user(h.k, "alice", "forward.busy", "bob");
        peer_send(h.carol, "INVITE *8bob\nSupported: replaces");
        if (!says)
            cannot(&h);
        peer_take_call(h.alice, h.first);
        tag = msg_to_tag(peer_expect(h.carol, "180 INVITE"));
        carols = peer_call_number(h.carol);
        m = peer_expect(h.carol, "INVITE");
        assert_int_equal(msg_dialog_ref(m, HDR_REPLACES, &ref), ERR_OK);
        assert_true(slice_eq(ref.from_tag, tag) && ref.early_only);
        assert_true(msg_has_token(m, HDR_REQUIRE, S("replaces")));
        assert_true(slice_find_slice(msg_value(m, HDR_FROM), S("alice")) != SIZE_MAX);
        assert_false(msg_has(m, HDR_ALERT_INFO));
        peer_send(h.carol, "180");
        peer_expect(h.alice, "180");
        peer_send(h.carol, "200");
        peer_expect(h.alice, "200 INVITE");
        bob_stops(&h);
        peer_send(h.alice, "ACK");
        peer_expect(h.carol, "ACK");
        peer_take_call(h.carol, carols);
        peer_send(h.carol, "CANCEL");
        peer_expect(h.carol, "200 CANCEL");
        peer_expect(h.carol, "487 INVITE");
        peer_send(h.carol, "ACK");
        they_talk(&h, carols + 1);
    }
}

/* Carol's phone does not give its own call up by itself: it is told. */
static void who_picks_up_and_does_not_let_go(void **state)
{
    struct house h = begin();
    unsigned     carols;

    (void)state;
    bob_rings(&h);
    carols = carol_dials(&h);
    peer_send(h.carol, "200");
    peer_expect(h.alice, "200 INVITE");
    bob_stops(&h);
    peer_send(h.alice, "ACK");
    peer_expect(h.carol, "ACK");
    peer_take_call(h.carol, carols);
    peer_expect(h.carol, "487 INVITE");
    peer_send(h.carol, "ACK");
    they_talk(&h, carols + 1);
}

/* Neither phone knows Replaces: carol's own call is refused, and alice's rings at her, to be answered at once. */
static void neither_has_replaces(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    bob_rings(&h);
    peer_send(h.carol, "INVITE *8bob");
    peer_expect(h.carol, "480");
    peer_send(h.carol, "ACK");
    m = peer_expect(h.carol, "INVITE");
    assert_false(msg_has(m, HDR_REPLACES));
    assert_true(slice_find_slice(msg_value(m, HDR_ALERT_INFO), S("alert-autoanswer")) != SIZE_MAX);
    assert_true(slice_find_slice(msg_value(m, HDR_CALL_INFO), S("answer-after=0")) != SIZE_MAX);
    peer_send(h.carol, "200");
    peer_expect(h.alice, "200 INVITE");
    bob_stops(&h);
    peer_send(h.alice, "ACK");
    peer_expect(h.carol, "ACK");
    they_talk(&h, peer_call_number(h.carol));
}

/* Carol thinks better of it: bob rings on, and answers. */
static void who_picks_up_gives_up(void **state)
{
    struct house h = begin();
    unsigned     carols;

    (void)state;
    bob_rings(&h);
    carols = carol_dials(&h);
    peer_send(h.carol, "180");
    peer_expect(h.alice, "180");
    peer_take_call(h.carol, carols);
    peer_send(h.carol, "CANCEL");
    peer_expect(h.carol, "200 CANCEL");
    peer_expect(h.carol, "487 INVITE");
    peer_send(h.carol, "ACK");
    peer_expect(h.carol, "CANCEL");
    peer_send(h.carol, "200 CANCEL");
    peer_send(h.carol, "487 INVITE");
    peer_expect(h.carol, "ACK");
    peer_send(h.bob, "200");
    peer_expect(h.alice, "200 INVITE");
    peer_send(h.alice, "ACK");
    peer_expect(h.bob, "ACK");
    peer_send(h.alice, "BYE");
    peer_expect(h.bob, "BYE");
    peer_send(h.bob, "200");
    peer_expect(h.alice, "200 BYE");
    assert_string_equal(kit_cdr(h.k, 1), "alice bob 200 caller bye");
    kit_end(h.k);
}

/* Bob answers first, or alice gives up: carol hears that there is nothing to pick up any more. */
static void it_is_over_before_it_is_brought(void **state)
{
    (void)state;
    for (int answers = 0; answers < 2; answers++) {
        struct house h = begin();
        unsigned     carols;

        peer_send(h.alice, "INVITE bob\nSupported: timer");
        peer_expect(h.bob, "INVITE");
        peer_send(h.bob, "180");
        peer_expect(h.alice, "180");
        peer_send(h.carol, "INVITE *8bob\nSupported: replaces");
        peer_expect(h.carol, "180 INVITE");
        carols = peer_call_number(h.carol);
        peer_expect(h.carol, "INVITE");
        peer_send(h.carol, "180");
        peer_expect(h.alice, "180");
        if (answers)
            peer_send(h.bob, "200");
        else {
            peer_send(h.alice, "CANCEL");
            peer_expect(h.alice, "200 CANCEL");
            peer_expect(h.bob, "CANCEL");
            peer_send(h.bob, "200 CANCEL");
            peer_send(h.bob, "487 INVITE");
            peer_expect(h.bob, "ACK");
        }
        peer_expect(h.carol, "CANCEL");
        peer_send(h.carol, "200 CANCEL");
        peer_send(h.carol, "487 INVITE");
        peer_expect(h.carol, "ACK");
        peer_expect(h.alice, answers ? "200 INVITE" : "487 INVITE");
        peer_send(h.alice, "ACK");
        peer_take_call(h.carol, carols);
        peer_expect(h.carol, "480 INVITE");
        peer_send(h.carol, "ACK");
        if (answers) {
            peer_expect(h.bob, "ACK");
            peer_send(h.alice, "BYE");
            peer_expect(h.bob, "BYE");
            peer_send(h.bob, "200");
            peer_expect(h.alice, "200 BYE");
        }
        kit_end(h.k);
    }
}

/* Phones that do what they should with whatever comes. */
static void act(struct peer *p, const struct msg *m, const char *to_invite, bool *up)
{
    if (!m->is_request) {
        if (m->status >= 200 && msg_method(m) == METHOD_INVITE) {
            *up = m->status < 300;
            peer_send(p, "ACK");
        }
        return;
    }
    switch (m->method_id) {
    case METHOD_ACK: break;
    case METHOD_INVITE: peer_send(p, to_invite); break;
    case METHOD_CANCEL:
        peer_send(p, "200 CANCEL");
        peer_send(p, "487 INVITE");
        break;
    default: peer_send(p, "200"); break;
    }
}

/* Each allocation fails once while a call is brought: nothing is left over, and bob or carol has the call. */
static void every_allocation_may_fail(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned nth = 1; failed; nth++) {
        struct kit  *k = kit_begin(NULL);
        struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
        bool         up = false, ended = false, picked = false, gone = false;

        kit_fail_allocation(k, nth);
        peer_send(alice, "INVITE bob\nSupported: timer");
        for (unsigned step = 0; step < 400; step++) {
            const struct msg *m;

            kit_wait_ms(k, 1000);
            while ((m = peer_next(alice))) {
                ended = ended || (!m->is_request && m->status >= 300 && msg_method(m) == METHOD_INVITE);
                act(alice, m, "420 INVITE", &up);
            }
            while ((m = peer_next(bob)))
                act(bob, m, "180 INVITE", &gone);
            while ((m = peer_next(carol))) {
                picked = picked || (!m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE);
                act(carol, m, "200 INVITE", &gone);
            }
            if (step == 2)
                peer_send(carol, "INVITE *8bob\nSupported: replaces");
            if (step == 20 && !picked) { /* as her phone should when it has been given the call; or she thinks better of it */
                peer_take_call(carol, 2);
                peer_send(carol, "CANCEL");
            }
            if (step == 40 && !ended)
                peer_send(alice, up ? "BYE" : "CANCEL");
        }
        failed = kit_allocation_failed(k);
        kit_fail_allocation(k, 0);
        kit_end(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3891_3_a_caller_without_replaces),
        cmocka_unit_test(who_picks_up_and_does_not_let_go),
        cmocka_unit_test(neither_has_replaces),
        cmocka_unit_test(who_picks_up_gives_up),
        cmocka_unit_test(it_is_over_before_it_is_brought),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
