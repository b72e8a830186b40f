/* voice_refer_test.c - a REFER to an extension, outside of any call: whom it names is called by the exchange, to wait at a parking
 * place (RFC 5359 §2.15) or to be in a conference (RFC 4579 §5.5). In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

#define CAN "\nSupported: replaces"

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

static void notified(struct peer *p, const char *state, const char *frag)
{
    const struct msg *m = peer_expect(p, "NOTIFY");

    assert_true(has(msg_value(m, HDR_SUBSCRIPTION_STATE), state));
    assert_true(slice_eq(msg_value(m, HDR_EVENT), S("refer")));
    if (!has(m->body, frag))
        fail_msg("the NOTIFY says %.*s, not %s", SARG(m->body), frag);
    peer_send(p, "200 NOTIFY");
}

static void assert_names(const struct msg *m, struct slice call_id, struct slice to_tag, struct slice from_tag)
{
    struct dialog_ref ref;

    assert_int_equal(msg_dialog_ref(m, HDR_REPLACES, &ref), ERR_OK);
    assert_true(slice_eq(ref.call_id, call_id) && slice_eq(ref.to_tag, to_tag) && slice_eq(ref.from_tag, from_tag));
    assert_true(msg_has_token(m, HDR_REQUIRE, S("replaces")));
}

static struct slice attribute(struct slice body, const char *name)
{
    char         start[40];
    struct slice rest;

    snprintf(start, sizeof start, " %s=\"", name);
    assert_true(has(body, start));
    rest = slice_from(body, slice_find_slice(body, slice_z(start)) + strlen(start));
    return slice_to(rest, slice_find(rest, '"'));
}

/*  alice             bob           park server (701)         carol
 *    |-- INVITE ----->|                  |                     |   F1-F4
 *    |                |-- REFER -------->|                     |   F5: Refer-To alice, with Replaces of their call
 *    |                |<- 202, NOTIFY ---|                     |   F6-F8
 *    |<------------------ INVITE --------|                     |   F9: Replaces, Require, Referred-By
 *    |--- 200 -------------------------->|                     |   F10, F11
 *    |-- BYE -------->|<- NOTIFY --------|                     |   F12-F15
 *    |                |                  |<- SUBSCRIBE --------|   F16, F17: once
 *    |                |                  |-- NOTIFY ---------->|   F18, F19: alice waits
 *    |<------------------------------------------- INVITE -----|   F20: Replaces of that dialog
 *    |--- 200 ------------------------------------------------>|   F21, F22
 *    |--- BYE -------------------------->|                     |   F23, F24 */
static void rfc5359_2_15_as_it_is_drawn(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.workers = 4, .spread = true});
    struct peer      *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    const struct msg *invite, *m;
    struct slice      bobs;
    unsigned          with_bob, parked, with_alice, refer, with_carol;
    char              what[600];

    (void)state;
    peer_send(alice, "INVITE bob" CAN);
    with_bob = peer_call_number(alice);
    invite = peer_expect(bob, "INVITE");
    with_alice = peer_call_number(bob);
    peer_send(bob, "180");
    peer_expect(alice, "180");
    peer_send(bob, "200 INVITE");
    bobs = msg_to_tag(peer_expect(alice, "200"));
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    snprintf(what, sizeof what, "REFER 701\nRefer-To: <%s?Replaces=%.*s%%3Bto-tag%%3D%.*s%%3Bfrom-tag%%3D%.*s>\nReferred-By: <sip:bob@" KIT_DOMAIN ">",
             peer_contact(alice), SARG(msg_call_id(invite)), SARG(msg_from_tag(invite)), SARG(bobs));
    peer_send(bob, what);
    peer_expect(bob, "202 REFER");
    refer = peer_call_number(bob);
    notified(bob, "active", "SIP/2.0 100");
    m = peer_expect(alice, "INVITE");
    parked = peer_call_number(alice);
    assert_names(m, msg_call_id(invite), msg_from_tag(invite), bobs);
    assert_true(has(msg_value(m, HDR_REFERRED_BY), "sip:bob@" KIT_DOMAIN));
    peer_send(alice, "200 INVITE" CAN);
    peer_expect(alice, "ACK");
    peer_take_call(alice, with_bob);
    peer_send(alice, "BYE");
    peer_take_call(bob, with_alice);
    peer_expect(bob, "BYE");
    peer_send(bob, "200 BYE");
    peer_expect(alice, "200 BYE");
    peer_take_call(bob, refer);
    notified(bob, "terminated", "SIP/2.0 200");
    peer_send(carol, "SUBSCRIBE 701\nEvent: dialog\nExpires: 0");
    peer_expect(carol, "200 SUBSCRIBE");
    m = peer_expect(carol, "NOTIFY");
    assert_true(has(msg_value(m, HDR_SUBSCRIPTION_STATE), "terminated"));
    assert_true(has(m->body, "<state>confirmed</state>") && has(m->body, "sip:alice@" KIT_DOMAIN));
    peer_send(carol, "200 NOTIFY");
    snprintf(what, sizeof what, "INVITE alice\nRequire: replaces\nReplaces: %.*s;to-tag=%.*s;from-tag=%.*s", SARG(attribute(m->body, "call-id")),
             SARG(attribute(m->body, "remote-tag")), SARG(attribute(m->body, "local-tag")));
    peer_send(carol, what);
    m = peer_expect(alice, "INVITE");
    with_carol = peer_call_number(alice);
    assert_true(msg_has(m, HDR_REPLACES));
    answer(alice, carol);
    peer_take_call(alice, parked);
    leave(alice);
    peer_take_call(alice, with_carol);
    assert_string_equal(kit_calls(k), "carol alice talking");
    hang_up(alice, carol);
    kit_end(k);
}

/* Nobody fetches her: bob, who has asked for it, is called. */
static void who_asked_is_called_back(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    peer_send(bob, "REFER 702\nRefer-To: <sip:alice@" KIT_DOMAIN ">");
    peer_expect(bob, "202 REFER");
    notified(bob, "active", "SIP/2.0 100");
    peer_expect(alice, "INVITE");
    peer_send(alice, "180");
    peer_send(alice, "200");
    peer_expect(alice, "ACK");
    notified(bob, "terminated", "SIP/2.0 200");
    kit_wait_ms(k, 110000);
    peer_expect_in(bob, "INVITE", 5000, 15000);
    decline(bob, "486");
    leave(alice);
    kit_end(k);
}

/*  alice            strowger            carol
 *    |-- REFER 801 ----->|                |   without a call to it
 *    |<-- 202, NOTIFY ---|--- INVITE ---->|   from the conference, which is there for it
 *    |<-- NOTIFY 200 ----|<-- 200 --------| */
static void rfc4579_5_5_asked_into_a_conference(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol");
    const struct msg *m;

    (void)state;
    peer_send(alice, "REFER 801\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(alice, "202 REFER");
    notified(alice, "active", "SIP/2.0 100");
    m = peer_expect(carol, "INVITE");
    assert_true(has(msg_value(m, HDR_FROM), "sip:801@" KIT_DOMAIN) && has(msg_value(m, HDR_CONTACT), "isfocus"));
    peer_send(carol, "200");
    peer_expect(carol, "ACK");
    notified(alice, "terminated", "SIP/2.0 200");
    assert_string_equal(kit_calls(k), "801 carol talking");
    peer_send(alice, "REFER 801\nRefer-To: <sip:carol@" KIT_DOMAIN ";method=BYE>");
    peer_expect(alice, "403 REFER"); /* that is for members */
    leave(carol);
    kit_end(k);
}

static void it_does_not_come_about(void **state)
{
    static const struct {
        const char *refer, *answer;
    } bad[] = {{"REFER 701", "400 REFER"},
               {"REFER 701\nRefer-To: <mailto:x@y>", "400 REFER"},
               {"REFER 701\nRefer-To: <sip:nobody@" KIT_DOMAIN ">", "480 REFER"},
               {"REFER 701\nRefer-To: <sip:carol@elsewhere.example>", "403 REFER"},
               {"REFER *65\nRefer-To: <sip:carol@" KIT_DOMAIN ">", "403 REFER"}};
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *carol = peer_registered(k, "carol"), *dora = peer_registered(k, "dora");

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        peer_send(alice, bad[i].refer);
        peer_expect(alice, bad[i].answer);
    }
    peer_send(alice, "REFER 701\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(alice, "202 REFER");
    notified(alice, "active", "SIP/2.0 100");
    peer_expect(carol, "INVITE");
    decline(carol, "603");
    notified(alice, "terminated", "SIP/2.0 603");
    dial(dora, "INVITE 701");
    peer_send(alice, "REFER 701\nRefer-To: <sip:carol@" KIT_DOMAIN ">");
    peer_expect(alice, "486 REFER"); /* somebody waits there */
    leave(dora);
    kit_end(k);
}

enum { MAX_CALLS = 16 };

/* A phone that does what it should: which of its calls are up. */
struct phone_up {
    struct peer *peer;
    bool         up[MAX_CALLS];
};

static void act(struct phone_up *p, const struct msg *m)
{
    bool *up = &p->up[peer_call_number(p->peer) % MAX_CALLS];
    char  what[64];

    if (!m->is_request) {
        if (m->status >= 200 && msg_method(m) == METHOD_INVITE) {
            *up = m->status < 300;
            peer_send(p->peer, "ACK");
        } else if (m->status == 200 && msg_method(m) == METHOD_BYE)
            *up = false;
        return;
    }
    if (m->method_id == METHOD_ACK)
        return;
    if (m->method_id == METHOD_INVITE || m->method_id == METHOD_BYE)
        *up = m->method_id == METHOD_INVITE;
    snprintf(what, sizeof what, "200 %.*s%s", SARG(m->method), m->method_id == METHOD_INVITE ? CAN : "");
    peer_send(p->peer, what);
}

static void leave_all(struct phone_up *p)
{
    for (unsigned i = 1; i < MAX_CALLS; i++)
        if (p->up[i]) {
            peer_take_call(p->peer, i);
            peer_send(p->peer, "BYE");
        }
}

/* Each allocation fails once while she is asked to wait, and is fetched: nothing is left over. */
static void every_allocation_may_fail(void **state)
{
    bool failed = true;

    (void)state;
    for (unsigned nth = 1; failed; nth++) {
        struct kit     *k = kit_begin(NULL);
        struct phone_up p[] = {{.peer = peer_registered(k, "alice")}, {.peer = peer_registered(k, "bob")}, {.peer = peer_registered(k, "carol")}};

        kit_fail_allocation(k, nth);
        peer_send(p[1].peer, "REFER *68\nRefer-To: <sip:alice@" KIT_DOMAIN ">");
        for (unsigned step = 0; step < 300; step++) {
            kit_wait_ms(k, 1000);
            for (unsigned i = 0; i < 3; i++)
                for (const struct msg *m; (m = peer_next(p[i].peer));)
                    act(&p[i], m);
            if (step == 10)
                peer_send(p[2].peer, "INVITE 701");
            for (unsigned i = 0; (step == 40 || step == 50 || step == 280) && i < 3; i++)
                leave_all(&p[i]);
        }
        failed = kit_allocation_failed(k);
        kit_fail_allocation(k, 0);
        kit_end(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc5359_2_15_as_it_is_drawn),
        cmocka_unit_test(who_asked_is_called_back),
        cmocka_unit_test(rfc4579_5_5_asked_into_a_conference),
        cmocka_unit_test(it_does_not_come_about),
        cmocka_unit_test(every_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
