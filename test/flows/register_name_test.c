/* register_name_test.c - under which names phones may register (RFC 3261 §10.3 step 1; doc/serve.md, `domain`).
 *
 *   Alice            strowger             Bob
 *     |   INVITE        |                  |   bob@pbx.lan: who is that?
 *     |<------- 403 ----|                  |
 *     |                 |<---- REGISTER ---|   at pbx.lan, and no domain is configured: so that is us
 *     |                 |----- 200 ------->|
 *     |   INVITE        |                  |
 *     |---------------->|---- INVITE ----->|
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "kit/kit.h"

static void register_at(struct peer *p, const char *host, const char *number, unsigned seq)
{
    char text[512];
    int  n = snprintf(text, sizeof text, "REGISTER sip:%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch=z9hG4bKat-%s-%u\r\n"
                      "From: <sip:%s@%s>;tag=at\r\nTo: <sip:%s@%s>\r\nCall-ID: at-%s\r\nCSeq: %u REGISTER\r\nMax-Forwards: 70\r\n"
                      "Contact: <%s>\r\nContent-Length: 0\r\n\r\n",
                      host, peer_host(p), host, seq, number, host, number, host, host, seq, peer_contact(p));

    assert_true(n > 0 && (size_t)n < sizeof text);
    peer_send_raw(p, (struct slice){text, (size_t)n});
}

static void without_a_domain_the_name_that_a_phone_uses_is_ours(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.no_domain = true});
    struct peer *alice = peer_add(k, "alice"), *bob = peer_add(k, "bob");

    (void)state;
    peer_send(alice, "INVITE sip:bob@pbx.lan");
    peer_expect(alice, "403");
    peer_send(alice, "ACK");
    register_at(bob, "pbx.lan", "bob", 1);
    peer_expect(bob, "200");
    peer_send(alice, "INVITE sip:bob@PBX.lan");
    peer_expect(bob, "INVITE");
    peer_send(bob, "486");
    peer_expect(alice, "486");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    peer_send(alice, "INVITE sip:bob@other.lan");
    peer_expect(alice, "403");
    peer_send(alice, "ACK");
    kit_wait_ms(k, 2000); /* it is not promised at once: the phone comes again */
    kit_kill(k);
    kit_restart(k);
    peer_send(alice, "INVITE sip:bob@pbx.lan");
    peer_expect(bob, "INVITE");
    peer_send(bob, "486");
    peer_expect(alice, "486");
    peer_send(alice, "ACK");
    peer_expect(bob, "ACK");
    kit_end(k);
}

static void with_a_domain_no_other_name_is_ours(void **state)
{
    struct kit  *k = kit_begin(NULL);
    struct peer *bob = peer_add(k, "bob");

    (void)state;
    register_at(bob, "pbx.lan", "bob", 1);
    peer_expect(bob, "403");
    kit_end(k);
}

static void who_shows_no_password_teaches_no_name(void **state)
{
    struct kit  *k = kit_begin(&(struct kit_options){.no_domain = true, .digest = true});
    struct peer *alice, *bob;

    (void)state;
    kit_add_user(k, "alice");
    kit_add_user(k, "bob");
    alice = peer_add(k, "alice");
    bob = peer_add(k, "bob");
    peer_set_login(bob, NULL, NULL);
    register_at(bob, "pbx.lan", "bob", 1);
    peer_expect(bob, "401");
    peer_send(alice, "INVITE sip:bob@pbx.lan");
    peer_expect(alice, "403");
    peer_send(alice, "ACK");
    kit_end(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_domain_the_name_that_a_phone_uses_is_ours),
        cmocka_unit_test(with_a_domain_no_other_name_is_ours),
        cmocka_unit_test(who_shows_no_password_teaches_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
