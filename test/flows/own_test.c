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
    peer_send(alice, "PUBLISH alice\nEvent: vq-rtcpxr\nExpires: 600");
    peer_expect(alice, "489 PUBLISH");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_tells_what_it_can),
        cmocka_unit_test(what_is_required_and_not_there_is_420),
        cmocka_unit_test(methods_that_it_does_not_do),
        cmocka_unit_test(what_is_not_served_is_489),
    };

    return cmocka_run_group_tests_name("flows/own", tests, NULL, NULL);
}
