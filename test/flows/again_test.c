/* again_test.c - phones on connections, and connections that go: PROTOCOL 4.4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/talk.h"

/* alice by datagrams, bob by a connection */
static struct two begin(void)
{
    struct two t = {.k = kit_begin(NULL)};

    t.alice = peer_registered(t.k, "alice");
    t.bob = peer_add_tcp(t.k, "bob");
    peer_register(t.bob);
    return t;
}

static struct two talk(void)
{
    struct two t = begin();

    set_up_at_once(t.alice, t.bob, "INVITE bob");
    return t;
}

/* Back on a new connection; the call that it was in is its current one again. */
static void comes_back(struct peer *p)
{
    peer_connect(p);
    peer_register(p);
    peer_take_call(p, 2);
}

/* The exchange is killed and there again; bob's connection is gone with it. Alice hangs up before he is back: it waits. */
static void a_bye_waits_for_the_phone_4_4(void **state)
{
    struct two t = talk();

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    peer_send(t.alice, "BYE");
    kit_wait_ms(t.k, 5000);
    comes_back(t.bob);
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200 BYE");
    peer_expect(t.alice, "200 BYE");
    assert_string_equal(kit_cdr(t.k, 0), "alice bob 200 caller bye");
    kit_end(t.k);
}

/* He is back before: his new connection is the way, for what he gets and for what he sends. */
static void a_phone_that_is_back_is_found_4_4(void **state)
{
    struct two t = talk();

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    comes_back(t.bob);
    set_up_at_once(t.alice, t.bob, "INVITE");
    hang_up(t.bob, t.alice);
    kit_end(t.k);
}

/* The network broke, the exchange did not: the same. */
static void a_connection_breaks_in_a_call_4_4(void **state)
{
    struct two t = talk();

    (void)state;
    peer_disconnect(t.bob);
    kit_wait_ms(t.k, 100);
    peer_send(t.alice, "INFO");
    kit_wait_ms(t.k, 1000);
    comes_back(t.bob);
    peer_expect(t.bob, "INFO");
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 INFO");
    hang_up(t.alice, t.bob);
    kit_end(t.k);
}

/* He does not come: the request ends as any that is not answered. */
static void a_phone_that_does_not_come_back(void **state)
{
    struct two t = talk();

    (void)state;
    peer_disconnect(t.bob);
    kit_wait_ms(t.k, 100);
    peer_send(t.alice, "INVITE");
    peer_expect_in(t.alice, "480", 30000, 34000);
    peer_send(t.alice, "ACK");
    peer_send(t.alice, "BYE");
    peer_expect_in(t.alice, "480 BYE", 30000, 32000);
    assert_string_equal(kit_calls(t.k), "");
    kit_end(t.k);
}

/* A new call for a binding from before the restart waits for the phone's return. */
static void a_new_call_waits_after_a_restart_4_4(void **state)
{
    struct two t = begin();

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    peer_send(t.alice, "INVITE bob");
    kit_wait_ms(t.k, 3000);
    peer_connect(t.bob);
    peer_register(t.bob);
    peer_expect(t.bob, "INVITE");
    refuse(t.bob, t.alice, "486");
    kit_end(t.k);
}

/* The caller does not want to wait. */
static void the_caller_gives_up_waiting(void **state)
{
    struct two t = begin();

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    peer_send(t.alice, "INVITE bob");
    kit_wait_ms(t.k, 3000);
    peer_send(t.alice, "CANCEL");
    peer_expect(t.alice, "200 CANCEL");
    peer_expect_in(t.alice, "487", 0, 100);
    peer_send(t.alice, "ACK");
    kit_end(t.k);
}

/* In this run a phone that has closed its connection may be switched off: no caller waits for that. */
static void a_new_call_does_not_wait_in_the_same_run(void **state)
{
    struct two t = begin();

    (void)state;
    peer_disconnect(t.bob);
    kit_wait_ms(t.k, 100);
    peer_send(t.alice, "INVITE bob");
    peer_expect_in(t.alice, "480", 0, 1000);
    peer_send(t.alice, "ACK");
    kit_end(t.k);
}

/* The exchange speaks in a dialog whose phone is back elsewhere: its BYE gets there (4.3, 4.4). */
static void an_administrator_hangs_up_after_all_that(void **state)
{
    struct two t = talk();

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    comes_back(t.bob);
    assert_int_equal(kit_hang_up(t.k, 0), ERR_OK);
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200");
    peer_expect(t.alice, "BYE");
    peer_send(t.alice, "200");
    kit_end(t.k);
}

/* Before bob is back: it waits for him. */
static void an_administrators_bye_waits_4_4(void **state)
{
    struct two t = talk();

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    assert_int_equal(kit_hang_up(t.k, 0), ERR_OK);
    peer_expect(t.alice, "BYE");
    peer_send(t.alice, "200");
    kit_wait_ms(t.k, 5000);
    comes_back(t.bob);
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200");
    kit_end(t.k);
}

static const char refer[] = "REFER\nRefer-To: <sip:carol@" KIT_DOMAIN ">";

/*   alice          strowger           bob
 *     |--- REFER ---->|                 x   his connection went with the restart
 *     |<--- 202 ------|                 x
 *     |               |<-- REGISTER ----|
 *     |               |---- REFER ----->|
 *     |               |<---- 202 -------|   and he does what it says, or she would be told */
static void a_refer_waits_for_the_phone_4_4(void **state)
{
    struct two   t = talk();
    struct peer *carol = peer_registered(t.k, "carol");

    (void)state;
    kit_kill(t.k);
    kit_restart(t.k);
    peer_disconnect(t.bob);
    peer_send(t.alice, refer);
    peer_expect(t.alice, "202 REFER");
    peer_expect_nothing(t.alice, 10000);
    comes_back(t.bob);
    peer_expect(t.bob, "REFER");
    peer_send(t.bob, "202");
    peer_send(t.bob, "NOTIFY\nEvent: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: "
                     "message/sipfrag;version=2.0\n\nSIP/2.0 486 Busy Here\r\n");
    peer_expect(t.alice, "NOTIFY");
    peer_send(t.alice, "200");
    peer_expect(t.bob, "200 NOTIFY");
    peer_send(t.alice, "BYE");
    peer_expect(t.bob, "BYE");
    peer_send(t.bob, "200");
    peer_expect(t.alice, "200 BYE");
    peer_expect_nothing(carol, 0);
    kit_end(t.k);
}

/* In vain: she is told when a transaction would have ended, not at once. */
static void a_refer_waits_in_vain_4_4(void **state)
{
    struct two        t = talk();
    const struct msg *m;

    (void)state;
    peer_disconnect(t.bob);
    kit_wait_ms(t.k, 100);
    peer_send(t.alice, refer);
    peer_expect(t.alice, "202 REFER");
    m = peer_expect_in(t.alice, "NOTIFY", 30000, 32000);
    assert_true(slice_starts(m->body, S("SIP/2.0 480 ")));
    peer_send(t.alice, "200");
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bye_waits_for_the_phone_4_4),
        cmocka_unit_test(a_phone_that_is_back_is_found_4_4),
        cmocka_unit_test(a_connection_breaks_in_a_call_4_4),
        cmocka_unit_test(a_phone_that_does_not_come_back),
        cmocka_unit_test(a_new_call_waits_after_a_restart_4_4),
        cmocka_unit_test(the_caller_gives_up_waiting),
        cmocka_unit_test(a_new_call_does_not_wait_in_the_same_run),
        cmocka_unit_test(an_administrator_hangs_up_after_all_that),
        cmocka_unit_test(an_administrators_bye_waits_4_4),
        cmocka_unit_test(a_refer_waits_for_the_phone_4_4),
        cmocka_unit_test(a_refer_waits_in_vain_4_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
