/* trunk_out_test.c - calls out through trunks: dial rules, who is shown, challenges, fail-over, who may not. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "flows/trunks.h"

/*   alice            strowger           berlin
 *     |-- INVITE 0301 --->|-- INVITE +49301 ->|      the number by the rule; From and identity are the trunk's
 *     |<----- 200 --------|<------ 200 -------|      alice sees her own From
 *     |------ ACK ------->|------- ACK ------>| */
static void a_dial_rule_leads_out(void **state)
{
    struct house      h = begin();
    const struct msg *m;
    char              uri[80];

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0*/1/+49 main-number=+4930555");
    peer_send(h.alice, "INVITE 0301\nP-Asserted-Identity: <sip:boss@example.com>\nAlert-Info: <http://127.0.0.1>\n"
                       "Call-Info: <http://127.0.0.1>;answer-after=0");
    m = peer_expect(h.berlin, "INVITE");
    snprintf(uri, sizeof uri, "sip:+49301@%s", peer_host(h.berlin));
    assert_slice(m->uri, uri);
    snprintf(uri, sizeof uri, "sip:+4930555@%s", peer_host(h.berlin));
    assert_from(m, uri);
    snprintf(uri, sizeof uri, "<sip:+4930555@%s>", peer_host(h.berlin));
    assert_slice(msg_value(m, HDR_P_ASSERTED_IDENTITY), uri);
    assert_false(msg_has(m, HDR_ALERT_INFO) || msg_has(m, HDR_CALL_INFO));
    assert_false(msg_has(m, HDR_PROXY_AUTHORIZATION) || msg_has(m, HDR_AUTHORIZATION));
    peer_send(h.berlin, "180");
    assert_from(peer_expect(h.alice, "180"), "sip:alice@example.com");
    answer(h.berlin, h.alice);
    assert_string_equal(kit_calls(h.k), "alice +49301@berlin talking");
    peer_send(h.alice, "INFO");
    m = peer_expect(h.berlin, "INFO");
    snprintf(uri, sizeof uri, "sip:+4930555@%s", peer_host(h.berlin));
    assert_from(m, uri); /* as berlin knows her */
    assert_false(msg_has(m, HDR_PROXY_AUTHORIZATION) || msg_has(m, HDR_AUTHORIZATION));
    peer_send(h.berlin, "200");
    assert_from(peer_expect(h.alice, "200 INFO"), "sip:alice@example.com");
    pass(h.berlin, h.alice, "INFO", "200");
    hang_up(h.berlin, h.alice);
    assert_string_equal(kit_cdr(h.k, 0), "alice +49301@berlin 200 callee bye");
    end(&h);
}

/* A user's own number where the trunk's rules make one of it; of who does not want to be known nothing is said. */
static void who_calls_is_shown_as_the_trunk_is_set(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* main-number=+4930555 caller-id=1xxx/0/+4930555 domain=we.example");
    change(h.k, directory_trunk_set, "berlin", "caller-id=*/0/x-");
    peer_send(h.alice, "INVITE 01");
    m = peer_expect(h.berlin, "INVITE");
    assert_from(m, "sip:x-alice@we.example");
    refuse(h.berlin, h.alice, "486");
    peer_send(h.alice, "INVITE *6701"); /* the code for an anonymous call */
    m = peer_expect(h.berlin, "INVITE");
    assert_from(m, "sip:anonymous@anonymous.invalid");
    assert_false(msg_has(m, HDR_P_ASSERTED_IDENTITY));
    assert_slice(msg_value(m, HDR_PRIVACY), "id");
    refuse(h.berlin, h.alice, "486");
    change(h.k, directory_trunk_set, "berlin", "trusted=on"); /* RFC 3325: then it is told, and keeps it to itself */
    peer_send(h.alice, "INVITE *6701");
    m = peer_expect(h.berlin, "INVITE");
    assert_from(m, "sip:anonymous@anonymous.invalid");
    assert_slice(msg_value(m, HDR_P_ASSERTED_IDENTITY), "<sip:x-alice@we.example>");
    assert_slice(msg_value(m, HDR_PRIVACY), "id");
    refuse(h.berlin, h.alice, "486");
    assert_string_equal(kit_cdr(h.k, 0), "alice 01@berlin 486 callee Busy Here");
    end(&h);
}

/*   alice             strowger            berlin
 *     |----- INVITE ----->|-- INVITE 1 ------>|
 *     |                   |<----- 407 --------|    whose challenge the exchange answers itself
 *     |                   |-- INVITE 2 ------>|    one CSeq higher
 *     |<----- 183 --------|<----- 183 --------|
 *     |---- PRACK 2 ----->|--- PRACK 3 ------>|    RAck moves as CSeq does
 *     |<----- 200 --------|<----- 200 --------|
 *     |------ ACK 1 ----->|---- ACK 2 ------->|
 *     |---- INFO 3 ------>|---- INFO 4 ------>|    and again within the dialog
 *     |                   |<----- 401 --------|
 *     |                   |---- INFO 5 ------>|
 *     |------ BYE 4 ----->|----- BYE 6 ------>| */
static void a_challenge_is_answered_by_the_exchange(void **state)
{
    struct house      h = begin();
    const struct msg *m;

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* user=we password=geheim");
    peer_send(h.alice, "INVITE 01\nSupported: 100rel");
    m = peer_expect(h.berlin, "INVITE");
    assert_int_equal(cseq_of(m), peer_invite_cseq(h.alice));
    peer_send(h.berlin, "407\nProxy-Authenticate: " CHALLENGE);
    peer_expect(h.berlin, "ACK");
    m = peer_expect(h.berlin, "INVITE");
    assert_int_equal(cseq_of(m), peer_invite_cseq(h.alice) + 1);
    assert_true(slice_find_slice(msg_value(m, HDR_PROXY_AUTHORIZATION), S("username=\"we\"")) != SIZE_MAX);
    assert_true(slice_find_slice(msg_value(m, HDR_PROXY_AUTHORIZATION), S("realm=\"berlin\"")) != SIZE_MAX);
    assert_int_equal(msg_count(m, HDR_PROXY_AUTHORIZATION), 1);
    peer_send(h.berlin, "183\nRequire: 100rel\nRSeq: 7");
    m = peer_expect(h.alice, "183");
    assert_int_equal(cseq_of(m), peer_invite_cseq(h.alice));
    {
        char what[80];

        snprintf(what, sizeof what, "PRACK\nRAck: 7 %u INVITE", peer_invite_cseq(h.alice));
        peer_send(h.alice, what);
        m = peer_expect(h.berlin, "PRACK");
        snprintf(what, sizeof what, "7 %u INVITE", peer_invite_cseq(h.alice) + 1);
        assert_slice(msg_value(m, HDR_RACK), what);
        peer_send(h.berlin, "200 PRACK");
        peer_expect(h.alice, "200 PRACK");
    }
    peer_send(h.berlin, "200 INVITE");
    peer_expect(h.alice, "200 INVITE");
    peer_send(h.alice, "ACK");
    m = peer_expect(h.berlin, "ACK");
    assert_int_equal(cseq_of(m), peer_invite_cseq(h.alice) + 1);
    peer_send(h.alice, "INFO");
    m = peer_expect(h.berlin, "INFO");
    peer_send(h.berlin, "401 INFO\nWWW-Authenticate: " CHALLENGE);
    assert_int_equal(cseq_of(peer_expect(h.berlin, "INFO")), cseq_of(m) + 1);
    peer_send(h.berlin, "200 INFO");
    assert_int_equal(cseq_of(peer_expect(h.alice, "200 INFO")) + 2, cseq_of(m) + 1);
    peer_send(h.alice, "BYE");
    assert_int_equal(cseq_of(peer_expect(h.berlin, "BYE")), cseq_of(m) + 2);
    peer_send(h.berlin, "200 BYE");
    peer_expect(h.alice, "200 BYE");
    end(&h);
}

/* A trunk that does not take our password, or asks and we have none, has failed: the caller never sees its challenge. */
static void a_challenge_that_cannot_be_answered_is_no_challenge_to_the_caller(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* user=we password=wrong");
    peer_send(h.alice, "INVITE 01");
    for (int i = 0; i < 2; i++) {
        peer_expect(h.berlin, "INVITE");
        peer_send(h.berlin, "407\nProxy-Authenticate: " CHALLENGE);
        peer_expect(h.berlin, "ACK");
    }
    peer_expect(h.alice, "500");
    peer_send(h.alice, "ACK");
    change(h.k, directory_trunk_set, "berlin", "password=");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "401\nWWW-Authenticate: " CHALLENGE);
    peer_expect(h.berlin, "ACK");
    peer_expect(h.alice, "500");
    peer_send(h.alice, "ACK");
    end(&h);
}

/* The caller gives up while the trunk asks, and after it has been told. */
static void a_call_is_given_up_about_a_challenge(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* user=we password=geheim");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "180");
    peer_expect(h.alice, "180");
    peer_send(h.alice, "CANCEL");
    peer_expect(h.alice, "200 CANCEL");
    peer_expect(h.berlin, "CANCEL");
    peer_send(h.berlin, "200 CANCEL");
    peer_send(h.berlin, "407 INVITE\nProxy-Authenticate: " CHALLENGE); /* and not 487 */
    peer_expect(h.berlin, "ACK");
    peer_expect(h.alice, "487");
    peer_send(h.alice, "ACK");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "407\nProxy-Authenticate: " CHALLENGE);
    peer_expect(h.berlin, "ACK");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "180");
    peer_expect(h.alice, "180");
    peer_send(h.alice, "CANCEL");
    peer_expect(h.alice, "200 CANCEL");
    cancelled(h.berlin);
    peer_expect(h.alice, "487");
    peer_send(h.alice, "ACK");
    end(&h);
}

/* 503, then silence: each time the next trunk has the call. What another answer says is the caller's. */
static void the_next_trunk_is_tried_when_one_fails(void **state)
{
    struct house h = begin();

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0* preference=1");
    add_trunk(h.k, h.paris, "paris", "dial=0*/1/ preference=2");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "503");
    peer_expect(h.berlin, "ACK");
    peer_expect(h.paris, "INVITE");
    answer(h.paris, h.alice);
    assert_string_equal(kit_calls(h.k), "alice 1@paris talking");
    hang_up(h.alice, h.paris);
    assert_string_equal(kit_cdr(h.k, 0), "alice 1@paris 200 caller bye");
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE"); /* and says nothing, not even 100 */
    peer_expect_in(h.paris, "INVITE", 4900, 5100);
    peer_send(h.paris, "486");
    peer_expect(h.paris, "ACK");
    peer_expect_in(h.alice, "486", 0, 100); /* who says nothing is not waited for */
    peer_send(h.alice, "ACK");
    kit_wait_ms(h.k, 30000);
    peer_send(h.alice, "INVITE 01");
    peer_expect(h.berlin, "INVITE");
    peer_send(h.berlin, "180");
    peer_expect(h.alice, "180");
    kit_wait_ms(h.k, 30000); /* it may ring for long */
    refuse(h.berlin, h.alice, "486");
    peer_expect_nothing(h.paris, 100);
    end(&h);
}

/* No rule fits, or no trunk may be had. */
static void who_may_not_go_out(void **state)
{
    struct house h = begin();
    struct peer *eve = peer_add(h.k, "eve");

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=0*");
    peer_send(h.alice, "INVITE 1");
    refused(h.alice, "404");
    kit_set_user(h.k, "alice", "barred", "0*");
    peer_send(h.alice, "INVITE 01");
    refused(h.alice, "403");
    peer_send(eve, "INVITE 01");
    refused(eve, "407");
    end(&h);
}

/* tel URIs are routed by the same rules, without what only makes them easier to read (RFC 3966 §5.1.1). */
static void a_tel_uri_goes_out_by_the_same_rules(void **state)
{
    static const char *const dialled[] = {"tel:+49-30-(1)", "tel:30-1;phone-context=+49", "sip:+49-30.1@example.com;user=phone"};
    struct house             h = begin();
    const struct msg        *m;
    char                     uri[80];

    (void)state;
    add_trunk(h.k, h.berlin, "berlin", "dial=+49*/3/0");
    snprintf(uri, sizeof uri, "sip:0301@%s", peer_host(h.berlin));
    for (size_t i = 0; i < sizeof dialled / sizeof *dialled; i++) {
        char what[100];

        snprintf(what, sizeof what, "INVITE %s", dialled[i]);
        peer_send(h.alice, what);
        m = peer_expect(h.berlin, "INVITE");
        assert_slice(m->uri, uri);
        refuse(h.berlin, h.alice, "486");
    }
    end(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dial_rule_leads_out),
        cmocka_unit_test(who_calls_is_shown_as_the_trunk_is_set),
        cmocka_unit_test(a_challenge_is_answered_by_the_exchange),
        cmocka_unit_test(a_challenge_that_cannot_be_answered_is_no_challenge_to_the_caller),
        cmocka_unit_test(a_call_is_given_up_about_a_challenge),
        cmocka_unit_test(the_next_trunk_is_tried_when_one_fails),
        cmocka_unit_test(who_may_not_go_out),
        cmocka_unit_test(a_tel_uri_goes_out_by_the_same_rules),
    };
    return cmocka_run_group_tests_name("flows/trunk_out", tests, NULL, NULL);
}
