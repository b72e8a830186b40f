/* transfer_restart_test.c - kill -9 of the exchange in the middle of a transfer: what it has accepted it carries on, or the
 * transferor is told (PROTOCOL 4.1, §5). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/transfer.h"

static int64_t lose_refers(void *ctx, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct addr exchange;

    (void)ctx;
    (void)to;
    addr_parse(S(KIT_EXCHANGE), &exchange);
    return addr_same_ip(from, &exchange) && slice_starts(octets, S("REFER ")) ? -1 : 0;
}

static void kill_and_restart(struct three *t)
{
    kit_kill(t->k);
    kit_restart(t->k);
}

static void kill_between_F10_and_F11(struct three *t)
{
    fake_set_filter(kit_world(t->k), lose_refers, NULL);
    peer_send(t->b, REFER_TO_C);
    peer_expect(t->b, "202 REFER");
    kit_kill(t->k);
    fake_set_filter(kit_world(t->k), NULL, NULL);
    kit_restart(t->k);
}

/* F12 to F24, and the end. */
static void rest_of_the_transfer(struct three *t)
{
    peer_send(t->a, "202 REFER");
    hang_up(t->b, t->a);
    set_up_at_once(t->a, t->c, "INVITE 1003");
    hang_up(t->a, t->c);
}

/*        A                P                B
 *  F9    |                |<--- REFER -----|
 *  F10   |                |---- 202 ------>|
 *        |         (kill, restart)         |
 *  F11   |<--- REFER -----|                |   and so on to F24 */
static void killed_between_F10_and_F11(void **state)
{
    struct three t = three_talking();

    (void)state;
    kill_between_F10_and_F11(&t);
    peer_expect(t.a, "REFER");
    rest_of_the_transfer(&t);
    expect_told(t.b, 200); /* A says nothing itself */
    peer_send(t.b, "481");
    kit_end(t.k);
}

/* The transferor's BYE comes before anything else has woken the exchange: it finds the transfer, and waits as ever. */
static void a_bye_after_the_restart_waits_for_F12_5_4(void **state)
{
    struct three t = three_talking();

    (void)state;
    kill_between_F10_and_F11(&t);
    peer_send(t.b, "BYE");
    peer_expect(t.a, "REFER");
    peer_expect_nothing(t.a, 500);
    peer_send(t.a, "202 REFER");
    put_out(t.a);
    peer_expect(t.b, "200 BYE");
    expect_told(t.b, 408); /* 32 s without NOTIFY or INVITE */
    peer_send(t.b, "481");
    kit_end(t.k);
}

/* A has the REFER, its 202 went to nobody: what comes after the restart is a repeat, octet for octet, which no phone carries
 * out twice; it repeats its answer. */
static void killed_after_F11_the_refer_is_repeated_not_doubled(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    kit_kill(t.k);
    peer_send(t.a, "202 REFER");
    kit_wait_ms(t.k, 100);
    kit_restart(t.k);
    kit_wait_ms(t.k, 1500);
    assert_true(peer_repeats(t.a) >= 1);
    peer_take_call(t.a, 2);
    rest_of_the_transfer(&t);
    expect_told(t.b, 200);
    peer_send(t.b, "481");
    kit_end(t.k);
}

/* The 202 was lost with the exchange: B's REFER comes again, is accepted again, and carried out once. */
static void a_refer_that_comes_again_is_carried_once(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    kill_and_restart(&t);
    peer_send_again(t.b, ""); /* its own transaction, same CSeq */
    peer_expect(t.b, "202 REFER");
    kit_wait_ms(t.k, 1500);
    peer_expect_nothing(t.a, 0);
    peer_send(t.a, "480 REFER");
    expect_notify(t.b, 480);
    peer_take_call(t.b, 2);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* PROTOCOL 5.5 over a restart: after F12 A neither calls nor tells; the 32 s go on. */
static void killed_after_F12_silence_is_still_told_5_5(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "202 REFER");
    kit_wait_ms(t.k, 10000);
    kill_and_restart(&t);
    kit_wait_ms(t.k, 21500);
    peer_expect_nothing(t.b, 0);
    expect_notify(t.b, 408);
    peer_take_call(t.b, 2);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* The call that A makes is answered after the restart: its outcome is found in the records. */
static void killed_while_C_rings_its_answer_is_told(void **state)
{
    struct three t = three_talking();

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "202 REFER");
    peer_send(t.a, "INVITE 1003");
    peer_expect(t.c, "INVITE");
    peer_send(t.c, "180");
    peer_expect(t.a, "180");
    kill_and_restart(&t);
    kit_wait_ms(t.k, 5000);
    answer(t.c, t.a);
    expect_notify(t.b, 200);
    hang_up(t.a, t.c);
    peer_take_call(t.a, 2);
    peer_take_call(t.b, 2);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

/* Killed before B has confirmed the NOTIFY: it is told again, with a number of its own. */
static void killed_while_telling_it_is_told_again_4_2(void **state)
{
    struct three t = three_talking();
    uint32_t     first;

    (void)state;
    ask_to_refer(&t);
    peer_send(t.a, "480 REFER");
    first = cseq_of(expect_told(t.b, 480));
    kill_and_restart(&t);
    assert_true(cseq_of(expect_told(t.b, 480)) > first);
    peer_send(t.b, "200");
    kit_wait_ms(t.k, 40000);
    kill_and_restart(&t); /* and never once more */
    kit_wait_ms(t.k, 5000);
    peer_expect_nothing(t.b, 0);
    peer_take_call(t.b, 2);
    hang_up(t.b, t.a);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_between_F10_and_F11),
        cmocka_unit_test(a_bye_after_the_restart_waits_for_F12_5_4),
        cmocka_unit_test(killed_after_F11_the_refer_is_repeated_not_doubled),
        cmocka_unit_test(a_refer_that_comes_again_is_carried_once),
        cmocka_unit_test(killed_after_F12_silence_is_still_told_5_5),
        cmocka_unit_test(killed_while_C_rings_its_answer_is_told),
        cmocka_unit_test(killed_while_telling_it_is_told_again_4_2),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
