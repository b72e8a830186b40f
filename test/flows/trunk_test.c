/* trunk_test.c - calls in by trunks, registrations, watching them, toll fraud, emergency numbers. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flows/trunks.h"

/* ---- in ---- */

/*   berlin            strowger            bob
 *     |- INVITE +49555 -->|---- INVITE ------>|     no challenge: the address is the trunk's
 *     |<----- 200 --------|<------ 200 -------|     the DID is bob's by the trunk's rule */
static void a_did_leads_in(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* did=+49555=bob");
    kit_set_user(h.k, "bob", "ring.external", "<http://127.0.0.1/outside>");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: \"Eve\" <sip:+49171@berlin.example>\n"
                        "P-Asserted-Identity: <sip:+49172@berlin.example>\nAlert-Info: <http://127.0.0.1>;info=alert-autoanswer\n"
                        "Call-Info: <http://127.0.0.1>;answer-after=0\nRemote-Party-ID: <sip:boss@example.com>");
    m = peer_expect(h.bob, "INVITE");
    assert_from(m, "sip:+49171@berlin.example");
    assert_false(msg_has(m, HDR_P_ASSERTED_IDENTITY) || msg_has(m, HDR_CALL_INFO) || msg_has(m, HDR_REMOTE_PARTY_ID));
    assert_slice(msg_value(m, HDR_ALERT_INFO), "<http://127.0.0.1/outside>");
    assert_int_equal(msg_count(m, HDR_ALERT_INFO), 1);
    peer_send(h.bob, "180");
    peer_expect(h.berlin, "180");
    answer(h.bob, h.berlin);
    assert_string_equal(kit_calls(h.k), "+49171@berlin bob talking");
    pass(h.bob, h.berlin, "INFO", "200");
    pass(h.berlin, h.bob, "INFO", "200");
    hang_up(h.bob, h.berlin);
    assert_string_equal(kit_cdr(h.k, 0), "+49171@berlin bob 200 callee bye");
    end(&h);
}

/* Who is trusted is believed who calls (RFC 3325), unless that one does not want to be known to phones. */
static void a_trusted_trunk_is_believed(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "did=+49555=bob trusted=on");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE "\nP-Asserted-Identity: <sip:+49172@berlin.example>");
    m = peer_expect(h.bob, "INVITE");
    assert_slice(msg_value(m, HDR_P_ASSERTED_IDENTITY), "<sip:+49172@berlin.example>");
    refuse(h.bob, h.berlin, "486");
    assert_string_equal(kit_cdr(h.k, 0), "+49172@berlin bob 486 callee Busy Here");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE "\nP-Asserted-Identity: <sip:+49172@berlin.example>\nPrivacy: id");
    assert_false(msg_has(peer_expect(h.bob, "INVITE"), HDR_P_ASSERTED_IDENTITY));
    refuse(h.bob, h.berlin, "486");
    end(&h);
}

/* A number of a trunk's that is nobody's; a number of ours that none of its rules allows; what is no call. */
static void a_trunk_reaches_what_its_rules_say_and_no_more(void **state)
{
    struct house h = begin();
    struct peer *elsewhere = peer_add(h.k, "eve");

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* did=+49555=bob,+49556=nobody");
    peer_send(h.berlin, "INVITE sip:+49557@" KIT_EXCHANGE);
    refused(h.berlin, "404");
    peer_send(h.berlin, "INVITE sip:bob@" KIT_EXCHANGE);
    refused(h.berlin, "404");
    peer_send(h.berlin, "INVITE sip:+49556@" KIT_EXCHANGE);
    refused(h.berlin, "404");
    peer_send(h.berlin, "SUBSCRIBE sip:+49555@" KIT_EXCHANGE "\nEvent: dialog");
    peer_expect(h.berlin, "403");
    peer_send(h.berlin, "REGISTER sip:" KIT_EXCHANGE);
    peer_expect(h.berlin, "401");
    peer_send(h.berlin, "OPTIONS sip:+49555@" KIT_EXCHANGE);
    peer_expect(h.berlin, "200");
    peer_send(h.berlin, "MESSAGE sip:+49555@" KIT_EXCHANGE);
    peer_expect(h.bob, "MESSAGE");
    peer_send(h.bob, "200");
    peer_expect(h.berlin, "200");
    peer_send(elsewhere, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    refused(elsewhere, "407");
    end(&h);
}

/* A phone behind the address of a trunk is a phone. */
static void a_phone_may_live_where_a_trunk_does(void **state)
{
    struct house h = begin();

    (void)state;
    kit_add_user(h.k, "paris");
    peer_set_login(h.paris, "paris", "secret-of-the-test");
    peer_register(h.paris);
    add_trunk(h.k, h.paris, "paris", "did=*=bob");
    set_up(h.paris, h.alice, "INVITE alice");
    assert_string_equal(kit_calls(h.k), "paris alice talking");
    hang_up(h.paris, h.alice);
    peer_send(h.paris, "INVITE alice\nFrom: <sip:+331@paris.example>");
    peer_expect(h.bob, "INVITE");
    refuse(h.bob, h.paris, "486");
    end(&h);
}

/* Where anybody may be any number, a number is still dialled out. */
static void an_open_house_has_trunks_too(void **state)
{
    struct house h = {.k = kit_begin(NULL)};

    (void)state;
    h.alice = peer_registered(h.k, "alice");
    h.berlin = peer_add(h.k, "berlin");
    add_trunk(h.k, h.berlin, "berlin", "dial=0* did=*=alice");
    set_up(h.alice, h.berlin, "INVITE 01");
    hang_up(h.alice, h.berlin);
    set_up(h.berlin, h.alice, "INVITE sip:1@" KIT_EXCHANGE);
    hang_up(h.berlin, h.alice);
    end(&h);
}

/* Ring group, and the exchange's own conference. */
static void a_did_may_be_a_group_or_an_extension(void **state)
{
    struct house           h = begin();
    struct directory_pair  members = {S("group.members"), S("alice,bob")};
    struct directory_act   act = {.number = S("600"), .pairs = &members, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault;

    (void)state;
    assert_int_equal(directory_add(kit_exchange(h.k)->directory, &act, NULL, &fault), ERR_OK);
    add_trunk(h.k, h.berlin, "berlin", "did=+496=600,+498=801");
    peer_send(h.berlin, "INVITE sip:+496@" KIT_EXCHANGE);
    peer_expect(h.alice, "INVITE");
    peer_send(h.alice, "180");
    peer_expect(h.berlin, "180");
    peer_expect(h.bob, "INVITE");
    peer_send(h.bob, "200");
    peer_expect(h.berlin, "200");
    peer_send(h.berlin, "ACK");
    peer_expect(h.bob, "ACK");
    cancelled(h.alice);
    hang_up(h.berlin, h.bob);
    dial(h.berlin, "INVITE sip:+498@" KIT_EXCHANGE);
    leave(h.berlin);
    end(&h);
}

/* Toll fraud: a stranger who comes in by one trunk does not get out by another, nor by the same; also where a rule in makes an
 * outside number of what it calls. */
static void a_trunk_does_not_lead_to_a_trunk(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* did=0*,1*/0/0");
    add_trunk(h.k, h.paris, "paris", "dial=0*");
    peer_send(h.berlin, "INVITE sip:001900@" KIT_EXCHANGE);
    refused(h.berlin, "403");
    peer_send(h.berlin, "INVITE sip:1900@" KIT_EXCHANGE);
    refused(h.berlin, "403");
    peer_send(h.berlin, "INVITE sip:112@" KIT_EXCHANGE);
    refused(h.berlin, "403");
    peer_send(h.berlin, "INVITE sip:1900@elsewhere.example");
    refused(h.berlin, "403");
    peer_expect_nothing(h.paris, 100);
    assert_string_equal(kit_cdr(h.k, 0), "berlin@berlin 01900 403 exchange Forbidden");
    end(&h);
}

/*   berlin            strowger             paris
 *     |- INVITE +49555 -->|                   |     bob forwards every call to 0177
 *     |<----- 181 --------|-- INVITE 177 ---->|     now it is bob's call
 *     |<----- 200 --------|<------ 200 -------| */
static void a_call_is_forwarded_out(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "did=+49555=bob");
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/ main-number=33");
    kit_set_user(h.k, "bob", "forward.always", "0177");
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE "\nFrom: <sip:+49171@berlin.example>");
    peer_expect(h.berlin, "181");
    m = peer_expect(h.paris, "INVITE");
    assert_from(m, "sip:33@10.0.0.14");
    assert_true(slice_find_slice(msg_value(m, HDR_DIVERSION), S("<sip:bob@" KIT_EXCHANGE ">;reason=unconditional")) != SIZE_MAX);
    assert_true(msg_has(m, HDR_HISTORY_INFO));
    answer(h.paris, h.berlin);
    assert_string_equal(kit_calls(h.k), "+49171@berlin 177@paris talking");
    hang_up(h.berlin, h.paris);
    assert_string_equal(kit_cdr(h.k, 0), "+49171@berlin 177@paris 200 caller bye");
    kit_set_user(h.k, "bob", "barred", "0*"); /* what bob may not call he may not send others to */
    peer_send(h.berlin, "INVITE sip:+49555@" KIT_EXCHANGE);
    refused(h.berlin, "403");
    end(&h);
}

/* Busy, then out; alice is called from inside. */
static void a_busy_user_forwards_out(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/");
    kit_set_user(h.k, "bob", "forward.busy", "0177");
    peer_send(h.alice, "INVITE bob");
    peer_expect(h.bob, "INVITE");
    decline(h.bob, "486");
    peer_expect(h.alice, "181");
    peer_expect(h.paris, "INVITE");
    answer(h.paris, h.alice);
    assert_string_equal(kit_calls(h.k), "alice 177@paris talking");
    hang_up(h.paris, h.alice);
    end(&h);
}

/* ---- registered ---- */

static void expect_register(struct house *h, const char *status)
{
    const struct msg *m = peer_expect(h->berlin, "REGISTER");
    struct name_addr  na;

    assert_int_equal(msg_to(m, &na), ERR_OK);
    assert_slice(na.uri, "sip:we@10.0.0.13");
    peer_send(h->berlin, status);
}

/*   strowger            berlin
 *     |---- REGISTER ---->|
 *     |<----- 401 --------|
 *     |---- REGISTER ---->|     with the trunk's credentials
 *     |<----- 200 --------|
 *     |<- INVITE we@... --|     to the Contact that was registered: whom it is for stands in To */
static void a_trunk_is_registered_with(void **state)
{
    struct house      h = begin();
    const struct msg *m;
    char              what[300];

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "register=on user=we password=geheim did=+49555=bob,we=alice");
    peer_expect_in(h.berlin, "REGISTER", 0, 1100);
    peer_send(h.berlin, "401\nWWW-Authenticate: " CHALLENGE);
    m = peer_expect(h.berlin, "REGISTER");
    assert_true(slice_find_slice(msg_value(m, HDR_AUTHORIZATION), S("username=\"we\"")) != SIZE_MAX);
    peer_send(h.berlin, "200\n-Contact\nExpires: 300");
    kit_wait_ms(h.k, 10);
    peer_send(h.berlin, "INVITE sip:we@" KIT_EXCHANGE "\nTo: <sip:+49555@10.0.0.13>");
    peer_expect(h.bob, "INVITE");
    refuse(h.bob, h.berlin, "486");
    snprintf(what, sizeof what, "INVITE sip:we@" KIT_EXCHANGE "\nTo: <sip:we@10.0.0.13>");
    peer_send(h.berlin, what);
    peer_expect(h.alice, "INVITE");
    refuse(h.alice, h.berlin, "486");
    peer_expect_in(h.berlin, "REGISTER", 200000, 300000); /* in good time */
    peer_send(h.berlin, "200\n-Contact\nExpires: 300");
    change(h.k, directory_trunk_remove, "berlin", "");
    m = peer_expect_in(h.berlin, "REGISTER", 0, 2100);
    assert_slice(msg_value(m, HDR_EXPIRES), "0");
    peer_send(h.berlin, "200");
    kit_wait_ms(h.k, 3000);
    assert_int_equal(trunk_pending(core_trunks(kit_exchange(h.k)->core)), 0);
    peer_send(h.berlin, "INVITE sip:we@" KIT_EXCHANGE "\nTo: <sip:+49555@10.0.0.13>");
    refused(h.berlin, "407");
    end(&h);
}

/* One that does not register us is tried again, later and later; calls go by another meanwhile. One that is set anew is
 * registered with anew. */
static void a_trunk_that_does_not_register_us_is_down(void **state)
{
    struct house h = begin();
    char         state_text[80];
    struct buf   b = BUF_ON(state_text);

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "register=on user=we password=geheim dial=0* preference=1");
    add_trunk(h.k, h.paris, "paris", "dial=0* preference=2");
    expect_register(&h, "403");
    kit_wait_ms(h.k, 10);
    trunk_put_state(core_trunks(kit_exchange(h.k)->core), S("berlin"), &b);
    assert_slice(buf_slice(&b), "not registered (403)");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.paris, "INVITE");
    refuse(h.paris, h.alice, "486");
    peer_expect_in(h.berlin, "REGISTER", 14000, 32000);
    peer_send(h.berlin, "200\n-Contact\nExpires: 300");
    kit_wait_ms(h.k, 10);
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    refuse(h.berlin, h.alice, "486");
    change(h.k, directory_trunk_set, "berlin", "user=us");
    assert_slice(msg_value(peer_expect_in(h.berlin, "REGISTER", 0, 2100), HDR_EXPIRES), "0");
    peer_send(h.berlin, "200");
    peer_expect_in(h.berlin, "REGISTER", 0, 3100);
    peer_send(h.berlin, "200\n-Contact\nExpires: 300");
    kit_wait_ms(h.k, 10);
    change(h.k, directory_trunk_remove, "berlin", "");
    peer_expect_in(h.berlin, "REGISTER", 0, 2100);
    peer_send(h.berlin, "200");
    end(&h);
}

/* ---- watched ---- */

/* Silence: berlin is down, and calls go by paris; an answer, whatever it is: it is up again. */
static void a_trunk_is_watched_by_options(void **state)
{
    struct house h = begin();
    struct slice uri;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* preference=1");
    add_trunk(h.k, h.paris, "paris", "dial=0* preference=2");
    change(h.k, directory_trunk_set, "berlin", "qualify_s=60");
    uri = peer_expect_in(h.berlin, "OPTIONS", 0, 2100)->uri;
    assert_slice(uri, "sip:10.0.0.13");
    kit_wait_ms(h.k, TRUNK_WAIT_MS + 1000); /* it says nothing */
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.paris, "INVITE");
    refuse(h.paris, h.alice, "486");
    peer_expect_in(h.berlin, "OPTIONS", 30000, 61000);
    peer_send(h.berlin, "404");
    kit_wait_ms(h.k, 100);
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    refuse(h.berlin, h.alice, "486");
    peer_expect_in(h.berlin, "OPTIONS", 30000, 61000);
    peer_send(h.berlin, "503"); /* says itself that it cannot */
    kit_wait_ms(h.k, 100);
    assert_true(trunk_is_down(core_trunks(kit_exchange(h.k)->core), S("berlin")));
    end(&h);
}

/* ---- emergency ---- */

/*   eve              strowger            berlin
 *     |--- INVITE 112 --->|--- INVITE 112 --->|     she is no user, has no password, and is not asked for one */
static void an_emergency_call_is_never_refused(void **state)
{
    struct house h = begin();
    struct peer *eve = peer_add(h.k, "eve");

    (void)state;
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/ preference=1");
    add_trunk(h.k, h.berlin, "berlin", "emergency=on preference=9");
    set_up(eve, h.berlin, "INVITE 112");
    assert_string_equal(kit_calls(h.k), " 112@berlin talking");
    hang_up(eve, h.berlin);
    kit_set_user(h.k, "alice", "barred", "*"); /* whatever she may not call */
    set_up(h.alice, h.berlin, "INVITE 112");
    hang_up(h.berlin, h.alice);
    peer_set_login(h.alice, "alice", "wrong"); /* nor does her password matter */
    set_up(h.alice, h.berlin, "INVITE tel:112;phone-context=+49");
    hang_up(h.alice, h.berlin);
    peer_send(eve, "INVITE urn:service:sos.fire"); /* RFC 5031 */
    assert_slice(peer_expect(h.berlin, "INVITE")->uri, "sip:112@10.0.0.13");
    refuse(h.berlin, eve, "486");
    peer_send(h.alice, "INVITE 911"); /* when that trunk fails any other has to do */
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "503");
    peer_expect(h.berlin, "ACK");
    assert_slice(peer_expect(h.paris, "INVITE")->uri, "sip:911@10.0.0.14");
    refuse(h.paris, h.alice, "486");
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_did_leads_in),
        cmocka_unit_test(a_trusted_trunk_is_believed),
        cmocka_unit_test(a_trunk_reaches_what_its_rules_say_and_no_more),
        cmocka_unit_test(a_phone_may_live_where_a_trunk_does),
        cmocka_unit_test(an_open_house_has_trunks_too),
        cmocka_unit_test(a_did_may_be_a_group_or_an_extension),
        cmocka_unit_test(a_trunk_does_not_lead_to_a_trunk),
        cmocka_unit_test(a_call_is_forwarded_out),
        cmocka_unit_test(a_busy_user_forwards_out),
        cmocka_unit_test(a_trunk_is_registered_with),
        cmocka_unit_test(a_trunk_that_does_not_register_us_is_down),
        cmocka_unit_test(a_trunk_is_watched_by_options),
        cmocka_unit_test(an_emergency_call_is_never_refused),
    };
    return cmocka_run_group_tests_name("flows/trunk", tests, NULL, NULL);
}
