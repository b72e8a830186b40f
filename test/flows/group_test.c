/* group_test.c - ring groups: all at once, in turn, who has been idle for longest; what they say, and what comes after. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "kit/kit.h"

struct house {
    struct kit  *k;
    struct peer *alice, *bob, *carol, *dan;
};

/* 600 is bob, carol and dan. */
static struct house begin(const char *how)
{
    struct kit_options     o = {.digest = true};
    struct house           h = {.k = kit_begin(&o)};
    struct directory_pair  pairs[] = {{S("group.members"), S("bob,carol,dan")}, {S("group.how"), slice_z(how)}};
    struct directory_act   act = {.number = S("600"), .pairs = pairs, .n_pairs = 2, .who = S("test")};
    struct directory_fault fault;

    h.alice = peer_registered(h.k, "alice");
    h.bob = peer_registered(h.k, "bob");
    h.carol = peer_registered(h.k, "carol");
    h.dan = peer_registered(h.k, "dan");
    assert_int_equal(directory_add(kit_exchange(h.k)->directory, &act, NULL, &fault), ERR_OK);
    return h;
}

static void refuses(struct peer *p, const char *how)
{
    peer_send(p, how);
    peer_expect(p, "ACK");
}

static const struct msg *cancelled(struct peer *p)
{
    const struct msg *m = peer_expect(p, "CANCEL");

    peer_send(p, "200 CANCEL");
    peer_send(p, "487 INVITE");
    peer_expect(p, "ACK");
    return m;
}

static void answers(struct peer *a, struct peer *b)
{
    peer_send(b, "200 INVITE");
    peer_expect(a, "200 INVITE");
    peer_send(a, "ACK");
    peer_expect(b, "ACK");
}

static void hangs_up(struct peer *a, struct peer *b)
{
    peer_send(a, "BYE");
    peer_expect(b, "BYE");
    peer_send(b, "200");
    peer_expect(a, "200 BYE");
}

/*   alice        strowger        bob       carol       dan
 *     |- INVITE 600 ->|- INVITE ->|          |          |
 *     |               |- INVITE ------------>|          |
 *     |               |- INVITE ----------------------->|
 *     |               |<- 603 ----|          |          |   only he does not want
 *     |<- 200 --------|<- 200 ---------------|          |
 *     |               |- CANCEL (answered elsewhere) -->|  */
static void all_at_once(void **state)
{
    struct house      h = begin("all");
    const struct msg *m;

    (void)state;
    peer_send(h.alice, "INVITE 600");
    peer_expect(h.bob, "INVITE");
    peer_expect(h.carol, "INVITE");
    peer_expect(h.dan, "INVITE");
    refuses(h.bob, "603");
    peer_send(h.dan, "180");
    peer_expect(h.alice, "180");
    answers(h.alice, h.carol);
    m = cancelled(h.dan);
    /* RFC 3326: so that no call is shown as missed */
    assert_true(slice_eq(msg_value(m, HDR_REASON), S("SIP;cause=200;text=\"Call completed elsewhere\"")));
    hangs_up(h.carol, h.alice);
    assert_string_equal(kit_cdr(h.k, 0), "alice carol 200 callee bye"); /* who talked, not what was dialled */
    kit_end(h.k);
}

/* Nobody of it wants: the caller hears what one said, and not 603, which would be everybody's word. */
static void all_refuse(void **state)
{
    struct house h = begin("all");

    (void)state;
    peer_send(h.alice, "INVITE 600");
    peer_expect(h.bob, "INVITE");
    peer_expect(h.carol, "INVITE");
    peer_expect(h.dan, "INVITE");
    refuses(h.bob, "486");
    refuses(h.carol, "603");
    refuses(h.dan, "480");
    peer_expect(h.alice, "486");
    peer_send(h.alice, "ACK");
    kit_end(h.k);
}

/* Bob has 10 s, then carol; dan does not want to be disturbed, so after her nobody is left: the group's forward.noanswer. */
static void in_turn(void **state)
{
    struct house h = begin("turn");
    struct peer *eve = peer_registered(h.k, "eve");

    (void)state;
    kit_set_user(h.k, "600", "group.ring_s", "10");
    kit_set_user(h.k, "600", "forward.noanswer", "eve");
    kit_set_user(h.k, "600", "forward.noanswer_s", "60");
    kit_set_user(h.k, "dan", "dnd", "on");
    peer_send(h.alice, "INVITE 600");
    peer_expect(h.bob, "INVITE");
    peer_send(h.bob, "180");
    peer_expect(h.alice, "180");
    peer_expect_nothing(h.carol, 9900);
    cancelled(h.bob);
    peer_expect(h.carol, "INVITE");
    peer_send(h.carol, "180");
    peer_expect(h.alice, "180");
    peer_expect_in(h.carol, "CANCEL", 9700, 10100);
    peer_send(h.carol, "200 CANCEL");
    peer_send(h.carol, "487 INVITE");
    peer_expect(h.carol, "ACK");
    peer_expect(h.alice, "181");
    assert_true(slice_find_slice(msg_value(peer_expect(eve, "INVITE"), HDR_DIVERSION), S("sip:600@" KIT_DOMAIN)) != SIZE_MAX);
    answers(h.alice, eve);
    hangs_up(h.alice, eve);
    kit_end(h.k);
}

static void rung_for_so_long_and_no_more(void **state)
{
    struct house h = begin("all");

    (void)state;
    kit_set_user(h.k, "600", "group.ring_s", "15");
    kit_set_user(h.k, "dan", "dnd", "on");
    peer_send(h.alice, "INVITE 600");
    peer_expect(h.bob, "INVITE");
    peer_expect(h.carol, "INVITE");
    peer_send(h.bob, "180");
    peer_expect(h.alice, "180");
    refuses(h.carol, "486");
    peer_expect_in(h.bob, "CANCEL", 14800, 15100);
    peer_send(h.bob, "200 CANCEL");
    peer_send(h.bob, "487 INVITE");
    peer_expect(h.bob, "ACK");
    peer_expect(h.alice, "480");
    peer_send(h.alice, "ACK");
    kit_end(h.k);
}

/* Dan has never had a call; then it is carol whose call is longest ago; bob talks, and so comes last. Also after a restart of
 * the exchange. */
static void who_has_been_idle_for_longest(void **state)
{
    (void)state;
    for (int restart = 0; restart < 2; restart++) {
        struct house h = begin("idle");

        kit_set_user(h.k, "600", "group.ring_s", "5");
        peer_send(h.alice, "INVITE carol");
        peer_expect(h.carol, "INVITE");
        answers(h.alice, h.carol);
        hangs_up(h.alice, h.carol);
        kit_wait_ms(h.k, 2000);
        peer_send(h.alice, "INVITE bob");
        peer_expect(h.bob, "INVITE");
        answers(h.alice, h.bob);
        if (restart) {
            kit_wait_ms(h.k, 40000);
            kit_kill(h.k);
            kit_restart(h.k);
        }
        peer_send(h.alice, "INVITE 600");
        peer_expect(h.dan, "INVITE");
        refuses(h.dan, "486");
        peer_expect(h.carol, "INVITE");
        refuses(h.carol, "486");
        peer_expect(h.bob, "INVITE");
        refuses(h.bob, "486");
        peer_expect(h.alice, "486");
        peer_send(h.alice, "ACK");
        kit_end(h.k);
    }
}

/* A group is no phone: nobody can register as it. */
static void nobody_registers_as_a_group(void **state)
{
    struct house h = begin("all");
    struct peer *p = peer_add(h.k, "eve");

    (void)state;
    peer_set_login(p, "600", "secret-of-the-test");
    peer_send(p, "REGISTER 600\nExpires: 3600");
    peer_expect(p, "401");
    kit_end(h.k);
}

/* ---- without memory ---- */

/* All ring, bob does not want, carol lifts; alice hangs up. As far as it gets. */
static void play(struct house *h, unsigned *final)
{
    struct peer *members[] = {h->bob, h->carol, h->dan};

    for (unsigned at = 0; at < 80000; at += 20) {
        const struct msg *m;

        kit_wait_ms(h->k, 20);
        for (int i = 0; i < 3; i++)
            while ((m = peer_next(members[i]))) {
                if (!m->is_request || m->method_id == METHOD_ACK)
                    continue;
                if (m->method_id == METHOD_CANCEL) {
                    peer_send(members[i], "200 CANCEL");
                    peer_send(members[i], "487 INVITE");
                } else
                    peer_send(members[i], m->method_id != METHOD_INVITE ? "200" : i == 0 ? "603" : "180");
                if (m->method_id == METHOD_INVITE && i == 1)
                    peer_send(members[i], "200");
            }
        while ((m = peer_next(h->alice)))
            if (!m->is_request && m->status >= 200 && msg_method(m) == METHOD_INVITE) {
                *final = m->status;
                peer_send(h->alice, "ACK");
                if (m->status < 300)
                    peer_send(h->alice, "BYE");
            }
    }
}

static void each_allocation_fails_once_where(const char *how)
{
    uint64_t nth = 0;
    bool     failed = true;

    while (failed) {
        struct house h = begin("idle");
        unsigned     final = 0;

        kit_set_user(h.k, "600", "group.how", how);
        kit_set_user(h.k, "600", "group.ring_s", "10");
        peer_set_reliable(h.alice);
        peer_set_reliable(h.bob);
        peer_set_reliable(h.carol);
        peer_set_reliable(h.dan);
        kit_fail_allocation(h.k, ++nth);
        peer_send(h.alice, "INVITE 600");
        play(&h, &final);
        failed = kit_allocation_failed(h.k);
        kit_fail_allocation(h.k, 0);
        if (final < 200 || (!failed && final != 200))
            kit_fail(h.k, "no final answer, or another", "");
        kit_end(h.k);
    }
    assert_true(nth > 20);
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    each_allocation_fails_once_where("all");
    each_allocation_fails_once_where("idle");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_at_once),
        cmocka_unit_test(all_refuse),
        cmocka_unit_test(in_turn),
        cmocka_unit_test(rung_for_so_long_and_no_more),
        cmocka_unit_test(who_has_been_idle_for_longest),
        cmocka_unit_test(nobody_registers_as_a_group),
        cmocka_unit_test(each_allocation_fails_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
