/* cost_test.c - what a call takes of the exchange's memory while it rings and while it is held, and that calls one after the other
 * take no more than one (DESIGN: a call that rings, a call that is held; nothing is allocated for good in steady state). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "kit/talk.h"

enum {
    CALLS = 64,              /* measured together                                                        */
    RINGING_OCTETS = 4000,   /* of a call that rings: its request and transactions; its record is extra  */
    HELD_OCTETS = 1000,      /* of one that was answered HELD_MS ago, with its record                    */
    HELD_MS = 40000,
    WARM_UP = 768,           /* calls until tables and lists of free pieces have their size              */
    ALLOCATIONS = 2          /* that one call more makes, from INVITE to its end: for the batch of its CDR */
};

static const char *const invite = "INVITE bob\n"
                                "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, REFER, NOTIFY, UPDATE\n"
                                "Supported: replaces, timer\n"
                                "User-Agent: A Phone 1.2.3.4";

static size_t each(size_t less, size_t more)
{
    return (more - less + CALLS - 1) / CALLS;
}

/* What the dialogs' records take, in a mapped file. */
static size_t records(struct kit *k)
{
    struct dialogs_counters n;

    dialogs_counters(kit_exchange(k)->dialogs, &n);
    return n.slots_used * DIALOGS_SLOT_OCTETS;
}

static void ring(struct two *t)
{
    peer_send(t->alice, invite);
    peer_expect(t->bob, "INVITE");
    peer_send(t->bob, "180");
    peer_expect(t->alice, "180");
}

/* What a call that is held takes is what is given back when it ends: tables that have grown stay. */
static void ringing_and_held(void **state)
{
    struct two t = two_begin(NULL);
    unsigned   its[CALLS], theirs[CALLS]; /* numbers of the calls, as either phone counts */
    size_t     before = kit_cost(t.k).octets, ringing, held;

    (void)state;
    for (int i = 0; i < CALLS; i++) {
        ring(&t);
        its[i] = peer_call_number(t.alice);
        theirs[i] = peer_call_number(t.bob);
    }
    ringing = each(before, kit_cost(t.k).octets);
    for (int i = 0; i < CALLS; i++) {
        peer_take_call(t.alice, its[i]);
        peer_take_call(t.bob, theirs[i]);
        answer(t.bob, t.alice);
    }
    kit_wait_ms(t.k, HELD_MS);
    held = kit_cost(t.k).octets + records(t.k);
    for (int i = 0; i < CALLS; i++) {
        peer_take_call(t.alice, its[i]);
        peer_take_call(t.bob, theirs[i]);
        hang_up(t.alice, t.bob);
    }
    kit_wait_ms(t.k, HELD_MS);
    held = each(kit_cost(t.k).octets + records(t.k), held);
    print_message("a call that rings: %zu octets; one that is held: %zu\n", ringing, held);
    assert_true(ringing <= RINGING_OCTETS);
    assert_true(held <= HELD_OCTETS);
    kit_end(t.k);
}

static struct kit_cost after_calls(struct two *t, int n)
{
    for (int i = 0; i < n; i++) {
        set_up(t->alice, t->bob, invite);
        hang_up(t->alice, t->bob);
    }
    kit_wait_ms(t->k, HELD_MS);
    return kit_cost(t->k);
}

static void one_after_the_other(void **state)
{
    struct two      t = two_begin(&(struct kit_options){.keeps_memory = true});
    struct kit_cost before, after;

    (void)state;
    before = after_calls(&t, WARM_UP);
    after = after_calls(&t, CALLS);
    print_message("%d calls: %llu allocations, %lld octets net\n", CALLS, (unsigned long long)(after.allocations - before.allocations),
                  (long long)after.octets - (long long)before.octets);
    assert_true(after.octets <= before.octets);
    assert_true(after.allocations - before.allocations <= CALLS * ALLOCATIONS);
    kit_end(t.k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ringing_and_held),
        cmocka_unit_test(one_after_the_other),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
