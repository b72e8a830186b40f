/* voice_record_test.c - a call to an extension of the exchange is a call as any: it has a record, which lamps show and an
 * administrator ends, and a CDR. In virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

static bool has(struct slice text, const char *what)
{
    return slice_find_slice(text, slice_z(what)) != SIZE_MAX;
}

/*  alice            strowger
 *    |-- INVITE 801 ---->|
 *    |<-- 200 -----------|   there is a call from alice to 801
 *    |-- BYE ----------->|   and a CDR */
static void a_call_to_an_extension_has_a_record_and_a_cdr(void **state)
{
    static const struct {
        const char *invite, *call, *cdr;
    } rows[] = {{"INVITE 801", "alice 801 talking", "alice 801 200 caller bye"},
                {"INVITE *65", "alice *65 talking", "alice *65 200 caller bye"},
                {"INVITE 705", "alice 705 talking", "alice 705 200 caller bye"}};
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dial(alice, rows[i].invite);
        assert_string_equal(kit_calls(k), rows[i].call);
        kit_wait_ms(k, 1000);
        leave(alice);
        assert_string_equal(kit_calls(k), "");
        assert_string_equal(kit_cdr(k, 0), rows[i].cdr);
    }
    kit_end(k);
}

/* A code that changes a setting beeps, and hangs up: that is the exchange's doing. *67 is for who is called by it. */
static void codes_have_theirs(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    dial(alice, "INVITE *78");
    assert_string_equal(kit_calls(k), "alice *78 talking");
    put_out(alice);
    assert_string_equal(kit_cdr(k, 0), "alice *78 200 exchange bye");
    dial(alice, "INVITE *67801");
    assert_string_equal(kit_calls(k), "alice 801 talking");
    leave(alice);
    assert_string_equal(kit_cdr(k, 0), "alice 801 200 caller bye");
    kit_end(k);
}

/* Who hides in From is known by his account: the code is his. */
static void a_code_knows_who_dials_by_the_account(void **state)
{
    struct kit                  *k = kit_begin(&(struct kit_options){.digest = true});
    const struct directory_view *v;
    struct peer                 *alice = peer_registered(k, "alice");

    (void)state;
    dial(alice, "INVITE *78\nFrom: <sip:anonymous@anonymous.invalid>\nPrivacy: id");
    put_out(alice);
    v = directory_take(kit_exchange(k)->directory);
    assert_true(slice_eq(directory_setting(directory_user(v, S("alice")), S("dnd")), S("on")));
    directory_give(v);
    kit_end(k);
}

/* Refused: a third one at a parking place, and who is sent on by the factory. */
static void a_refused_one_has_a_cdr(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 701");
    dial(bob, "INVITE 701");
    peer_send(carol, "INVITE 701");
    refused(carol, "486");
    assert_string_equal(kit_cdr(k, 0), "carol 701 486 exchange Busy Here");
    leave(bob);
    put_out(alice);
    peer_send(carol, "INVITE *88");
    refused(carol, "302");
    assert_string_equal(kit_cdr(k, 0), "carol *88 302 exchange Moved Temporarily");
    assert_string_equal(kit_calls(k), "");
    kit_end(k);
}

/*  alice            strowger             bob
 *    |-- INVITE bob ---->|                |   who forwards to 801 when he does not answer
 *    |                   |--- INVITE ---->|
 *    |                   |--- CANCEL ---->|
 *    |<-- 181, 200 ------|                |   one call, and one CDR: to where it has come */
static void a_call_that_is_forwarded_to_one(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob");

    (void)state;
    kit_set_user(k, "bob", "forward.always", "801");
    peer_send(alice, "INVITE bob");
    peer_expect(alice, "181");
    peer_expect(alice, "200");
    peer_send(alice, "ACK");
    assert_string_equal(kit_calls(k), "alice 801 talking");
    leave(alice);
    assert_string_equal(kit_cdr(k, 0), "alice 801 200 caller bye");
    kit_set_user(k, "bob", "forward.always", "");
    kit_set_user(k, "bob", "forward.noanswer", "*65");
    kit_set_user(k, "bob", "forward.noanswer_s", "10");
    peer_send(alice, "INVITE bob");
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    peer_expect(alice, "180");
    kit_wait_ms(k, 9000);
    cancelled(bob);
    peer_expect(alice, "181");
    peer_expect(alice, "200");
    peer_send(alice, "ACK");
    assert_string_equal(kit_calls(k), "alice *65 talking");
    leave(alice);
    assert_string_equal(kit_cdr(k, 0), "alice *65 200 caller bye");
    kit_end(k);
}

/*  alice            strowger
 *    |== in 801 =========|
 *    |<-- BYE -----------|   Reason: ... "ended by an administrator" */
static void an_administrator_ends_it(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    dial(alice, "INVITE 801");
    kit_wait_ms(k, 100); /* her ACK is here */
    assert_int_equal(kit_hang_up(k, 0), ERR_OK);
    m = peer_expect(alice, "BYE");
    assert_true(has(msg_value(m, HDR_REASON), "ended by an administrator"));
    peer_send(alice, "200");
    assert_string_equal(kit_calls(k), "");
    assert_string_equal(kit_cdr(k, 0), "alice 801 200 admin ended by an administrator");
    kit_end(k);
}

static const struct msg *lamp(struct peer *p, const char *number)
{
    char              what[200];
    const struct msg *m;

    snprintf(what, sizeof what, "SUBSCRIBE %s\nExpires: 3600\nEvent: dialog\nAccept: application/dialog-info+xml", number);
    peer_send(p, what);
    peer_expect(p, "200 SUBSCRIBE");
    m = peer_expect(p, "NOTIFY");
    peer_send(p, "200 NOTIFY");
    return m;
}

static void lit(struct peer *p, const char *state, const char *who)
{
    const struct msg *m = peer_expect_in(p, "NOTIFY", 0, 100);

    if (!has(m->body, state) || !has(m->body, who))
        fail_msg("\"%s\" and \"%s\" expected in:\n%.*s", state, who, SARG(m->body));
    peer_send(p, "200 NOTIFY");
}

/*  watcher          strowger            alice
 *    |-- SUBSCRIBE ----->|                |   the lamp of 702, or of alice
 *    |<-- NOTIFY --------|                |   nothing
 *    |                   |<- INVITE 702 --|
 *    |                   |--- 200 ------->|
 *    |<-- NOTIFY --------|                |   confirmed, with alice: somebody waits at 702, and who
 *    |                   |<- BYE ---------|
 *    |<-- NOTIFY --------|                |   terminated */
static void rfc4235_the_lamp_of_a_parking_place(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice"), *other = peer_registered(k, "other");
    struct peer *late;

    (void)state;
    assert_false(has(lamp(watcher, "702")->body, "<dialog "));
    assert_false(has(lamp(other, "alice")->body, "<dialog "));
    dial(alice, "INVITE 702");
    lit(watcher, "confirmed", "sip:alice@" KIT_DOMAIN);
    lit(other, "confirmed", "sip:702@" KIT_DOMAIN);
    late = peer_registered(k, "late");
    assert_true(has(lamp(late, "702")->body, "sip:alice@" KIT_DOMAIN));
    leave(alice);
    lit(watcher, "terminated", "");
    lit(other, "terminated", "");
    lit(late, "terminated", "");
    kit_end(k);
}

/* A phone with one subscription for all its lamps (RFC 4662) has those of parking places, too. */
static void a_parking_place_in_a_list_of_lamps(void **state)
{
    struct kit       *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer      *watcher = peer_registered(k, "watcher"), *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    kit_set_user(k, "watcher", "blf-list", "watcher,702,710");
    peer_send(watcher, "SUBSCRIBE blf-watcher\nExpires: 600\nEvent: dialog\nSupported: eventlist\nAccept: application/dialog-info+xml, "
                       "application/rlmi+xml, multipart/related");
    peer_expect(watcher, "200 SUBSCRIBE");
    m = peer_expect(watcher, "NOTIFY");
    peer_send(watcher, "200 NOTIFY");
    assert_true(has(m->body, "entity=\"sip:702@" KIT_DOMAIN "\""));
    assert_false(has(m->body, "entity=\"sip:710@"));
    dial(alice, "INVITE 702");
    m = peer_expect_in(watcher, "NOTIFY", 0, 100);
    peer_send(watcher, "200 NOTIFY");
    assert_true(has(m->body, "entity=\"sip:702@" KIT_DOMAIN "\"") && has(m->body, "<state>confirmed</state>"));
    leave(alice);
    lit(watcher, "state=\"full\"", "sip:702@"); /* of a member always all is told: nothing now */
    kit_end(k);
}

/* 710 is nobody's. */
static void only_numbers_that_lead_somewhere_have_lamps(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer *watcher = peer_registered(k, "watcher");

    (void)state;
    peer_send(watcher, "SUBSCRIBE 710\nExpires: 600\nEvent: dialog");
    peer_expect(watcher, "404 SUBSCRIBE");
    kit_end(k);
}

/*  alice            strowger             bob
 *    |== waits at 702 ===|                |   for 120 s
 *    |                   |--- INVITE ---->|   a call from 702 to bob
 *    |                   |<-- 180 --------|
 *    |                   |<-- 486 --------| */
static void a_call_that_the_exchange_makes(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");

    (void)state;
    dial(alice, "INVITE 702\nReferred-By: <sip:bob@" KIT_DOMAIN ">");
    kit_wait_ms(k, 119000);
    peer_expect(bob, "INVITE");
    peer_send(bob, "180");
    kit_wait_ms(k, 100);
    assert_true(has(slice_z(kit_calls(k)), "702 bob ringing"));
    peer_send(carol, "INVITE *8bob"); /* it is bob's, and nobody else's */
    refused(carol, "480");
    decline(bob, "486");
    assert_string_equal(kit_cdr(k, 1), "702 bob 486 callee Busy Here"); /* the newest is of carol's, which began later */
    kit_wait_ms(k, 118000);
    peer_expect(bob, "INVITE");
    peer_send(bob, "200");
    peer_expect(bob, "ACK");
    assert_true(has(slice_z(kit_calls(k)), "702 bob talking"));
    leave(bob);
    put_out(alice);
    assert_string_equal(kit_cdr(k, 0), "702 bob 200 callee bye");
    assert_string_equal(kit_cdr(k, 3), "alice 702 200 exchange bye");
    kit_end(k);
}

/*  alice            strowger
 *    |== in 801 =========|
 *    |                   X   kill -9, and back
 *    |<-- BYE -----------|   with a CSeq above what it has had: nobody waits in silence */
static void after_a_restart_it_is_over(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    dial(alice, "INVITE 801");
    kit_wait_ms(k, 299000);
    agree(alice); /* is she there still? */
    kit_kill(k);
    kit_wait_ms(k, 2000);
    kit_restart(k);
    m = peer_expect_in(alice, "BYE", 0, 2000);
    assert_true(cseq_of(m) > 2);
    assert_true(has(msg_value(m, HDR_REASON), "restarted"));
    peer_send(alice, "200");
    assert_string_equal(kit_calls(k), "");
    assert_string_equal(kit_cdr(k, 0), "alice 801 200 restart restart");
    dial(alice, "INVITE 801");
    kit_wait_ms(k, 3000); /* a new one is not meant */
    leave(alice);
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_to_an_extension_has_a_record_and_a_cdr),
        cmocka_unit_test(codes_have_theirs),
        cmocka_unit_test(a_code_knows_who_dials_by_the_account),
        cmocka_unit_test(a_refused_one_has_a_cdr),
        cmocka_unit_test(a_call_that_is_forwarded_to_one),
        cmocka_unit_test(an_administrator_ends_it),
        cmocka_unit_test(rfc4235_the_lamp_of_a_parking_place),
        cmocka_unit_test(a_parking_place_in_a_list_of_lamps),
        cmocka_unit_test(only_numbers_that_lead_somewhere_have_lamps),
        cmocka_unit_test(a_call_that_the_exchange_makes),
        cmocka_unit_test(after_a_restart_it_is_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
