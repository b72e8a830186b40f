/* own_test.c - requests to the exchange itself: what it can do, and how it says what it cannot (RFC 3261 §8.2, §11). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

#define EXCHANGE "sip:" KIT_DOMAIN

static void options_tells_what_it_can(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    peer_send(alice, "OPTIONS " EXCHANGE);
    m = peer_expect(alice, "200 OPTIONS");
    assert_true(msg_has_token(m, HDR_ALLOW, S("REFER")));
    assert_true(msg_has_token(m, HDR_SUPPORTED, S("path")));
    assert_true(msg_has(m, HDR_ACCEPT));
    assert_true(msg_to_tag(m).n > 0);
    kit_end(k);
}

static void what_is_required_and_not_there_is_420(void **state)
{
    struct kit       *k = kit_begin(NULL);
    struct peer      *alice = peer_registered(k, "alice");
    const struct msg *m;

    (void)state;
    peer_send(alice, "OPTIONS " EXCHANGE "\nRequire: teleport\nRequire: levitate");
    m = peer_expect(alice, "420 OPTIONS");
    assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("teleport")));
    assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("levitate")));
    peer_send(alice, "REGISTER " EXCHANGE "\nTo: <sip:alice@" KIT_DOMAIN ">\nRequire: teleport");
    m = peer_expect(alice, "420 REGISTER");
    assert_true(msg_has_token(m, HDR_UNSUPPORTED, S("teleport")));
    kit_end(k);
}

static void methods_that_it_does_not_do(void **state)
{
    static const struct {
        const char *what, *answer;
    } cases[] = {{"NEWMETHOD", "501"}, {"UPDATE", "405 UPDATE"}, {"INFO", "405 INFO"}, {"PRACK", "405 PRACK"}};
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char              what[64];
        const struct msg *m;

        assert_true(snprintf(what, sizeof what, "%s %s", cases[i].what, EXCHANGE) > 0);
        peer_send(alice, what);
        m = peer_expect(alice, cases[i].answer);
        assert_true(msg_has_token(m, HDR_ALLOW, S("OPTIONS")));
    }
    peer_send(alice, "MESSAGE " EXCHANGE);
    peer_expect(alice, "404 MESSAGE"); /* no number was named */
    peer_send(alice, "INVITE " EXCHANGE);
    peer_expect(alice, "404 INVITE");
    peer_send(alice, "ACK");
    kit_end(k);
}

static void what_is_not_served_is_489(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *alice = peer_registered(k, "alice");

    (void)state;
    peer_send(alice, "SUBSCRIBE alice\nEvent: vq-rtcpxr\nExpires: 600");
    peer_expect(alice, "489 SUBSCRIBE");
    peer_send(alice, "PUBLISH alice\nEvent: conference\nExpires: 600");
    peer_expect(alice, "489 PUBLISH");
    kit_end(k);
}

/* Outside of dialogs, to whatever number: nothing is stored, so that nobody is told 202 (RFC 3428 §5); an extension says what
 * it is by OPTIONS, and does not take what it cannot do. */
static void requests_to_all_kinds_of_numbers(void **state)
{
    static const struct {
        const char *what, *answer;
    } cases[] = {
        {"MESSAGE away", "480 MESSAGE"}, {"OPTIONS away", "480 OPTIONS"}, {"INFO away", "480 INFO"},
        {"MESSAGE 4711", "404 MESSAGE"}, {"OPTIONS 4711", "404 OPTIONS"}, {"INFO 4711", "404 INFO"},
        {"MESSAGE 600", "480 MESSAGE"},  {"OPTIONS 600", "480 OPTIONS"},
        {"MESSAGE 801", "405 MESSAGE"},  {"OPTIONS 801", "200 OPTIONS"},  {"INFO 801", "481 INFO"},
        {"MESSAGE *65", "405 MESSAGE"},  {"OPTIONS 701", "200 OPTIONS"},  {"MESSAGE *78", "405 MESSAGE"},
        {"REFER *65\nRefer-To: <sip:alice@" KIT_DOMAIN ">", "403 REFER"},
    };
    struct kit            *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer           *alice = peer_registered(k, "alice");
    struct directory_pair  pair = {S("group.members"), S("away")};
    struct directory_act   act = {.number = S("600"), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault;

    (void)state;
    kit_add_user(k, "away");
    assert_int_equal(directory_add(kit_exchange(k)->directory, &act, NULL, &fault), ERR_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct msg *m;

        peer_send(alice, cases[i].what);
        m = peer_expect(alice, cases[i].answer);
        if (m->status == 405 || m->status == 200)
            assert_true(msg_has_token(m, HDR_ALLOW, S("INVITE")));
    }
    kit_end(k);
}

/* To a group they go to all its phones; the first answer is the answer. */
static void a_message_to_a_group(void **state)
{
    struct kit            *k = kit_begin(&(struct kit_options){.digest = true});
    struct peer           *alice = peer_registered(k, "alice"), *bob = peer_registered(k, "bob"), *carol = peer_registered(k, "carol");
    struct directory_pair  pair = {S("group.members"), S("bob,carol")};
    struct directory_act   act = {.number = S("600"), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault;

    (void)state;
    assert_int_equal(directory_add(kit_exchange(k)->directory, &act, NULL, &fault), ERR_OK);
    peer_send(alice, "MESSAGE 600\nContent-Type: text/plain\n\nlunch?");
    assert_true(slice_eq(peer_expect(bob, "MESSAGE")->body, S("lunch?")));
    assert_true(slice_eq(peer_expect(carol, "MESSAGE")->body, S("lunch?")));
    peer_send(bob, "415 MESSAGE");
    peer_send(carol, "200 MESSAGE");
    peer_expect(alice, "200 MESSAGE");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_tells_what_it_can),
        cmocka_unit_test(what_is_required_and_not_there_is_420),
        cmocka_unit_test(methods_that_it_does_not_do),
        cmocka_unit_test(requests_to_all_kinds_of_numbers),
        cmocka_unit_test(a_message_to_a_group),
        cmocka_unit_test(what_is_not_served_is_489),
    };

    return cmocka_run_group_tests_name("flows/own", tests, NULL, NULL);
}
