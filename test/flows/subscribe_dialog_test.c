/* subscribe_dialog_test.c - lamps: whose calls are shown to whom, how soon, and how a call is named in them (RFC 4235). */
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

static void assert_has_not(const struct msg *m, const char *text)
{
    if (has(m, text))
        fail_msg("\"%s\" not expected in:\n%.*s", text, SARG(m->body));
}

/* The value of an attribute, by its first occurrence. */
static struct slice attribute(const struct msg *m, const char *name)
{
    char         start[40];
    struct slice rest;
    size_t       at;

    snprintf(start, sizeof start, " %s=\"", name);
    rest = slice_from(m->body, slice_find_slice(m->body, S("?>"))); /* behind the XML declaration, which has a version too */
    at = slice_find_slice(rest, slice_z(start));
    if (at == SIZE_MAX)
        fail_msg("no %s in:\n%.*s", name, SARG(m->body));
    rest = slice_from(rest, at + strlen(start));
    return slice_to(rest, slice_find(rest, '"'));
}

static void assert_attribute(const struct msg *m, const char *name, struct slice want)
{
    struct slice is = attribute(m, name);

    if (!slice_eq(is, want))
        fail_msg("%s is %.*s, %.*s expected", name, SARG(is), SARG(want));
}

static const struct msg *notified(struct peer *p)
{
    const struct msg *m = peer_expect_in(p, "NOTIFY", 0, 100); /* lit within 100 ms */

    peer_send(p, "200 NOTIFY");
    return m;
}

static const struct msg *subscribe(struct peer *p, const char *number)
{
    char what[200];

    snprintf(what, sizeof what, "SUBSCRIBE %s\nExpires: 600" LAMP, number);
    peer_send(p, what);
    peer_expect(p, "200 SUBSCRIBE");
    return notified(p);
}

static void hang_up(struct peer *from, struct peer *to)
{
    peer_send(from, "BYE");
    peer_expect(to, "BYE");
    peer_send(to, "200");
    peer_expect(from, "200 BYE");
}

/*   watcher           strowger              alice               bob
 *     |-- SUBSCRIBE bob ->|                   |                  |
 *     |<- 200, NOTIFY ----|   full, nothing   |                  |
 *     |                   |<--- INVITE -------|                  |
 *     |                   |---------------- INVITE ------------->|
 *     |                   |<--------------- 180 -----------------|
 *     |<- NOTIFY ---------|   partial: early, from alice, with the call's ids
 *     |                   |<--------------- 200 -----------------|
 *     |<- NOTIFY ---------|   partial: confirmed
 *     |                   |<--------------- BYE -----------------|
 *     |<- NOTIFY ---------|   partial: terminated */
static void the_lamp_of_a_called_phone(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m = subscribe(watcher, "bob"), *invite, *ringing;
    struct slice      id;

    (void)state;
    assert_attribute(m, "state", S("full"));
    assert_attribute(m, "entity", S("sip:bob@" KIT_DOMAIN));
    assert_attribute(m, "version", S("0"));
    assert_has_not(m, "<dialog ");
    peer_send(alice, "INVITE bob");
    invite = peer_expect(bob, "INVITE");
    peer_expect_nothing(watcher, 300); /* it does not ring yet */
    peer_send(bob, "180");
    ringing = peer_expect(alice, "180");
    m = notified(watcher);
    assert_attribute(m, "state", S("partial"));
    assert_has(m, "<state>early</state>");
    assert_attribute(m, "call-id", msg_call_id(invite));
    assert_attribute(m, "local-tag", msg_to_tag(ringing));
    assert_attribute(m, "remote-tag", msg_from_tag(invite));
    assert_attribute(m, "direction", S("recipient"));
    assert_has(m, "<remote><identity>sip:alice@" KIT_DOMAIN "</identity><target uri=\"sip:alice@" KIT_DOMAIN "\"/></remote>");
    assert_has(m, "<local><identity>sip:bob@" KIT_DOMAIN "</identity>");
    id = attribute(m, "id");
    peer_send(bob, "200");
    peer_expect(alice, "200 INVITE");
    m = notified(watcher);
    assert_has(m, "<state>confirmed</state>");
    assert_attribute(m, "id", id);
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    hang_up(bob, alice);
    m = notified(watcher);
    assert_attribute(m, "state", S("partial"));
    assert_attribute(m, "id", id);
    assert_has(m, "<state>terminated</state>");
    kit_end(k);
}

/* Who calls is shown too, from the first moment; nothing but the state moves, so nothing is told twice. */
static void the_lamp_of_a_calling_phone(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;

    (void)state;
    subscribe(watcher, "alice");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    m = notified(watcher);
    assert_has(m, "<state>trying</state>");
    assert_attribute(m, "direction", S("initiator"));
    peer_send(bob, "180");
    peer_expect(alice, "180");
    assert_has(notified(watcher), "<state>early</state>");
    peer_send(bob, "180\nWarning: 399 bob \"still\"");
    peer_expect(alice, "180");
    peer_expect_nothing(watcher, 300);
    peer_send(bob, "486 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(alice, "486 INVITE");
    peer_send(alice, "ACK");
    assert_has(notified(watcher), "<state>terminated</state>");
    kit_end(k);
}

/* Two calls of one number: a partial NOTIFY has only the one that moved, a refresh has both. */
static void two_calls_of_one_number(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"),
                     *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    subscribe(watcher, "bob");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    notified(watcher);
    peer_send(carol, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(carol, "180");
    m = notified(watcher);
    assert_has(m, "sip:carol@");
    assert_has_not(m, "sip:alice@");
    peer_send(watcher, "SUBSCRIBE\nExpires: 600" LAMP);
    peer_expect(watcher, "200 SUBSCRIBE");
    m = notified(watcher);
    assert_attribute(m, "state", S("full"));
    assert_has(m, "sip:carol@");
    assert_has(m, "sip:alice@");
    peer_send(bob, "486 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(carol, "486 INVITE");
    peer_send(carol, "ACK");
    m = notified(watcher);
    assert_has(m, "<state>terminated</state>");
    peer_take_call(bob, 2);
    peer_send(bob, "486 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(alice, "486 INVITE");
    peer_send(alice, "ACK");
    notified(watcher);
    kit_end(k);
}

/* rfc4235-6.2: two phones of one number watch it; the caller's INVITE goes to both.
 *   phone 1, phone 2    strowger           caller
 *     |-- SUBSCRIBE ------>|                 |
 *     |<- 200, NOTIFY -----|<---- INVITE ----|
 *     |<- INVITE (both) ---|                 |
 *     |-- 180 (both) ----->|---- 180 ------->|
 *     |<- NOTIFY early ----|                 |   to both
 *     |-- 200 (phone 1) -->|---- 200 ------->|
 *     |<- CANCEL (2) ------|                 |
 *     |<- NOTIFY confirmed |                 |   to both: the lamp is on */
static void rfc4235_6_2_a_shared_number(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *one = peer_registered(k, "shared"), *two = peer_registered(k, "shared"), *caller = peer_registered(k, "caller");
    const struct msg *m, *answer;

    (void)state;
    assert_attribute(subscribe(one, "shared"), "state", S("full"));
    assert_attribute(subscribe(two, "shared"), "state", S("full"));
    peer_send(caller, "INVITE shared");
    peer_expect(one, "INVITE");
    peer_expect(two, "INVITE");
    peer_send(one, "180");
    peer_expect(caller, "180");
    assert_has(notified(one), "<state>early</state>");
    assert_has(notified(two), "<state>early</state>");
    peer_take_call(two, 3); /* after REGISTER and its subscription */
    peer_send(two, "180");
    peer_expect(caller, "180");
    m = notified(one); /* the other phone rings too: a dialog of its own */
    assert_has(m, "<state>early</state>");
    assert_has_not(m, "terminated");
    notified(two);
    peer_take_call(one, 3);
    peer_send(one, "200");
    answer = peer_expect(caller, "200 INVITE");
    peer_expect(two, "CANCEL");
    m = notified(two);
    assert_has(m, "<state>confirmed</state>");
    assert_attribute(m, "local-tag", msg_to_tag(answer));
    notified(one);
    peer_take_call(two, 3);
    peer_send(two, "200 CANCEL");
    peer_send(two, "487 INVITE");
    peer_expect(two, "ACK");
    assert_has(notified(one), "<state>terminated</state>");
    notified(two);
    peer_follow(caller, answer);
    peer_send(caller, "ACK");
    peer_expect(one, "ACK");
    peer_send(caller, "BYE");
    peer_expect(one, "BYE");
    peer_send(one, "200");
    peer_expect(caller, "200 BYE");
    notified(one);
    notified(two);
    kit_end(k);
}

/* Picked up by what the lamp says (RFC 3891): the ids in the NOTIFY are those by which the caller's phone knows its call.
 *   watcher                strowger              alice                bob
 *     |                        |<----- INVITE ------|                  |
 *     |<- NOTIFY (early) ------|----------------- INVITE ------------->|
 *     |-- INVITE alice ------->|------ INVITE ----->|                  |     Replaces: call-id;to-tag;from-tag
 *     |<------ 200 ------------|<------ 200 --------|                  |
 *     |                        |<----- CANCEL ------|                  |
 *     |                        |----------------- CANCEL ------------->| */
static void a_ringing_call_is_picked_up_by_what_the_lamp_says(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m, *invite;
    struct dialog_ref ref;
    char              what[400];
    struct slice      call_id, local, remote;

    (void)state;
    subscribe(watcher, "bob");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    m = notified(watcher);
    call_id = attribute(m, "call-id"), local = attribute(m, "local-tag"), remote = attribute(m, "remote-tag");
    snprintf(what, sizeof what, "INVITE alice\nReplaces: %.*s;to-tag=%.*s;from-tag=%.*s", SARG(call_id), SARG(remote), SARG(local));
    peer_send(watcher, what);
    invite = peer_expect(alice, "INVITE");
    assert_int_equal(msg_dialog_ref(invite, HDR_REPLACES, &ref), ERR_OK);
    assert_true(slice_eq(ref.to_tag, remote) && slice_eq(ref.from_tag, local) && slice_eq(ref.call_id, call_id));
    peer_send(alice, "200");
    peer_expect(watcher, "200 INVITE");
    peer_send(watcher, "ACK");
    peer_expect(alice, "ACK");
    peer_take_call(alice, 2); /* its call to bob, after the REGISTER */
    peer_send(alice, "CANCEL");
    peer_expect(alice, "200 CANCEL");
    peer_expect(bob, "CANCEL");
    peer_send(bob, "200 CANCEL");
    peer_send(bob, "487 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(alice, "487 INVITE");
    peer_send(alice, "ACK");
    assert_has(notified(watcher), "<state>terminated</state>");
    peer_take_call(watcher, 3);
    hang_up(watcher, alice);
    kit_end(k);
}

/*   watcher               strowger        alice      bob                 carol
 *     |-- SUBSCRIBE bob, carol ->|            |         |                   |     bob forwards to carol when nobody answers
 *     |                          |<- INVITE --|         |                   |
 *     |<- NOTIFY: bob, early ----|<---------- 180 ------|                   |
 *     |                          |        (20 s)        |                   |
 *     |<- NOTIFY: carol, early --|<------------------- 180 -----------------|
 *     |<- NOTIFY: bob, ended ----|            |         |                   | */
static void a_call_that_is_forwarded_moves_to_the_other_lamp(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"),
                     *carol = peer_registered(k, "carol");
    const struct msg *one, *two;

    (void)state;
    kit_set_user(k, "bob", "forward.noanswer", "carol");
    subscribe(watcher, "bob");
    subscribe(watcher, "carol");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    one = notified(watcher);
    assert_attribute(one, "entity", S("sip:bob@" KIT_DOMAIN));
    assert_has(one, "<state>early</state>");
    peer_expect(bob, "CANCEL");
    peer_send(bob, "200 CANCEL");
    peer_send(bob, "487 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(alice, "181");
    peer_expect(carol, "INVITE");
    peer_send(carol, "180");
    peer_expect(alice, "180");
    one = notified(watcher);
    two = notified(watcher);
    assert_has(slice_eq(attribute(one, "entity"), S("sip:bob@" KIT_DOMAIN)) ? one : two, "<state>terminated</state>");
    assert_has(slice_eq(attribute(one, "entity"), S("sip:bob@" KIT_DOMAIN)) ? two : one, "<state>early</state>");
    peer_send(carol, "486 INVITE");
    peer_expect(carol, "ACK");
    peer_expect(alice, "486 INVITE");
    peer_send(alice, "ACK");
    one = notified(watcher);
    assert_attribute(one, "entity", S("sip:carol@" KIT_DOMAIN));
    assert_has(one, "<state>terminated</state>");
    kit_end(k);
}

static void who_may_not_be_watched(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer      *boss = peer_registered(k, "boss"), *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    subscribe(alice, "boss");
    kit_set_user(k, "boss", "watchable", "off");
    m = peer_expect(alice, "NOTIFY");
    assert_true(slice_eq(msg_value(m, HDR_SUBSCRIPTION_STATE), S("terminated;reason=rejected")));
    assert_int_equal(m->body.n, 0);
    peer_send(alice, "200 NOTIFY");
    peer_send(alice, "SUBSCRIBE boss" LAMP);
    peer_expect(alice, "403 SUBSCRIBE");
    subscribe(boss, "boss"); /* itself it may */
    kit_end(k);
}

/* A lamp that flickers: eight at once, then four a second, and the last word is right. */
static void notifies_are_bounded_and_tell_the_newest(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");
    const struct msg *m;
    unsigned          n = 0;
    bool              lit = false;

    (void)state;
    subscribe(watcher, "bob");
    for (int i = 0; i < 40; i++) {
        peer_send(alice, "INVITE bob");
        peer_expect(bob, "INVITE");
        peer_send(bob, "180");
        peer_expect(alice, "180");
        peer_send(bob, "486 INVITE");
        peer_expect(bob, "ACK");
        peer_expect(alice, "486 INVITE");
        peer_send(alice, "ACK");
        while ((m = peer_next(watcher))) {
            n++;
            peer_send(watcher, "200 NOTIFY");
        }
    }
    for (int i = 0; i < 100; i++) {
        kit_wait_ms(k, 50);
        while ((m = peer_next(watcher))) {
            lit = has(m, "<state>early</state>");
            n++;
            peer_send(watcher, "200 NOTIFY");
        }
    }
    assert_false(lit);
    assert_true(n >= 8 && n <= 12);
    kit_end(k);
}

enum { PHONES = 10, LAMPS = 100 };

static void all_hear(struct peer **phone, const char *state)
{
    for (int i = 0; i < PHONES; i++)
        for (int n = 0; n < LAMPS; n++) { /* no time passes here but on the wire: all within 100 ms */
            assert_has(peer_expect_in(phone[i], "NOTIFY", 0, 100), state);
            peer_send(phone[i], "200 NOTIFY");
        }
}

/* A thousand lamps of one number, in all shards, on four workers: each hears of each change, and soon. */
static void a_thousand_lamps_of_one_number(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *phone[PHONES];
    char         name[20];
    uint64_t     begun;

    (void)state;
    for (int i = 0; i < PHONES; i++) {
        snprintf(name, sizeof name, "phone%d", i);
        phone[i] = peer_add(k, name);
        for (int n = 0; n < LAMPS; n++)
            subscribe(phone[i], "bob");
    }
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    begun = fake_now_us(kit_world(k));
    all_hear(phone, "<state>early</state>");
    assert_true(fake_now_us(kit_world(k)) - begun < 100000);
    peer_expect(alice, "180");
    peer_send(bob, "486 INVITE");
    peer_expect(bob, "ACK");
    peer_expect(alice, "486 INVITE");
    peer_send(alice, "ACK");
    all_hear(phone, "<state>terminated</state>");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lamp_of_a_called_phone),
        cmocka_unit_test(the_lamp_of_a_calling_phone),
        cmocka_unit_test(two_calls_of_one_number),
        cmocka_unit_test(rfc4235_6_2_a_shared_number),
        cmocka_unit_test(a_ringing_call_is_picked_up_by_what_the_lamp_says),
        cmocka_unit_test(a_call_that_is_forwarded_moves_to_the_other_lamp),
        cmocka_unit_test(who_may_not_be_watched),
        cmocka_unit_test(notifies_are_bounded_and_tell_the_newest),
        cmocka_unit_test(a_thousand_lamps_of_one_number),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
