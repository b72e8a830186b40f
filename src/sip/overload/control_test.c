/* control_test.c - the controller alone: waits in, verdicts out. */
#include "sip/overload/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MS = 1000, SECOND = 1000 * MS };

static void a_short_wait_is_no_matter(void **state)
{
    struct overload o = {0};

    (void)state;
    for (uint64_t t = 0; t < 10 * SECOND; t += MS)
        assert_false(overload_heard(&o, t, OVERLOAD_TARGET_US));
    assert_int_equal(o.state, OVERLOAD_CALM);
}

/* A burst: long waits, but one short one in each interval. */
static void a_burst_is_no_overload(void **state)
{
    struct overload o = {0};

    (void)state;
    for (uint64_t t = 0; t < 10 * SECOND; t += 10 * MS) {
        bool looked = overload_heard(&o, t, t % (90 * MS) ? 50 * MS : 0);

        assert_int_equal(looked, t % (90 * MS) != 0);
        assert_true(o.state != OVERLOAD_SHEDDING);
        if (looked)
            assert_int_equal(overload_judge(&o, t, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }
}

/* A machine that stood still for half a second: what has waited becomes less and less, and then it is gone. */
static void a_queue_that_drains_is_no_overload(void **state)
{
    struct overload o = {0};
    uint64_t        now = 0, wait = 500 * MS;

    (void)state;
    for (; wait > OVERLOAD_TARGET_US; now += 5 * MS, wait -= MS) { /* less by a fifth of the time: 83 % of what can be done */
        assert_true(overload_heard(&o, now, wait));
        assert_int_equal(o.state, OVERLOAD_WATCHING);
        assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }
    assert_false(overload_heard(&o, now, wait));
    assert_int_equal(o.state, OVERLOAD_CALM);
}

/* Nor does it watch for ever: when more comes again, or it drains too slowly. */
static void a_queue_that_stops_to_drain_is_overload(void **state)
{
    struct overload o = {0};
    uint64_t        now = 0, wait = 500 * MS;

    (void)state;
    for (; now < SECOND; now += 5 * MS, wait -= MS)
        assert_true(overload_heard(&o, now, wait));
    assert_int_equal(o.state, OVERLOAD_WATCHING);
    for (; o.state == OVERLOAD_WATCHING; now += 5 * MS)
        assert_true(overload_heard(&o, now, wait));
    assert_in_range(now, SECOND, 8 * 200 * MS + OVERLOAD_INTERVAL_US);

    o = (struct overload){0};
    for (now = 0, wait = 500 * MS; o.state != OVERLOAD_SHEDDING && now < SECOND; now += 10 * MS, wait -= MS)
        assert_true(overload_heard(&o, now, wait));
    assert_in_range(now, OVERLOAD_INTERVAL_US, 2 * OVERLOAD_INTERVAL_US);
}

/* What was let in while they waited was next to nothing: that says little, and is forgotten in a few intervals. */
static void what_was_found_out_wrongly_is_forgotten(void **state)
{
    struct overload o = {0};
    uint64_t        now = 0;
    unsigned        let_in = 0;

    (void)state;
    for (; o.state != OVERLOAD_SHEDDING; now += 5 * MS)
        assert_true(overload_heard(&o, now, 20 * MS));
    assert_int_equal(o.rate, OVERLOAD_MIN_RATE);
    for (uint64_t end = now + SECOND; now < end; now += MS) { /* and now there is time for 1000 calls a second */
        overload_heard(&o, now, 0);
        let_in += overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS) == OVERLOAD_LET_IN;
    }
    assert_in_range(let_in, 100, 1000); /* from a fiftieth, a quarter more after each tenth */
    for (uint64_t end = now + SECOND; now < end; now += MS) {
        overload_heard(&o, now, 0);
        overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS);
    }
    for (uint64_t end = now + SECOND; now < end; now += MS) {
        overload_heard(&o, now, 0);
        assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }

    for (uint64_t end = now + SECOND; now < end && o.rate > 400; now += MS) { /* again it finds less than there is */
        overload_heard(&o, now, 60 * MS);
        overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS);
    }
    o.was = o.rate = 400;
    for (uint64_t end = now + 2 * SECOND; now < end; now += MS) {
        overload_heard(&o, now, 0);
        overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS);
    }
    assert_true(o.rate >= 1000 * OVERLOAD_CALL_UNITS);
}

/* A quiet day on a machine that takes long to wake: every message waits, but there are few. */
static void few_messages_are_no_overload(void **state)
{
    struct overload o = {0};

    (void)state;
    for (uint64_t t = 0; t < 100 * SECOND; t += t % (10 * SECOND) < SECOND ? 20 * MS : 9 * SECOND) {
        assert_true(overload_heard(&o, t, 20 * MS));
        assert_int_equal(o.state, OVERLOAD_WATCHING);
        assert_int_equal(overload_judge(&o, t, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }
}

/* Long waits for a whole interval, in which 40 calls were let in, and their other messages: 400 a second can be done, and while they
 * wait for 20 ms, half of that is let in. */
static struct overload shedding(uint64_t *now)
{
    struct overload o = {0};

    for (*now = 0; *now < OVERLOAD_INTERVAL_US; *now += 2500) {
        for (unsigned i = 0; i < 8; i++)
            assert_true(overload_heard(&o, *now, 20 * MS));
        assert_int_equal(overload_judge(&o, *now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }
    assert_true(overload_heard(&o, *now, 20 * MS));
    assert_int_equal(o.state, OVERLOAD_SHEDDING);
    assert_int_equal(o.rate, 400 * OVERLOAD_CALL_UNITS);
    return o;
}

/* Each of the messages was a call, so none of them has had its others: an eighth of them can be done. */
static void calls_that_are_new_are_yet_to_be_worked_on(void **state)
{
    struct overload o = {0};

    (void)state;
    for (uint64_t now = 0; o.state != OVERLOAD_SHEDDING; now += 1000) {
        assert_true(overload_heard(&o, now, 20 * MS));
        if (o.state != OVERLOAD_SHEDDING)
            assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }
    assert_int_equal(o.rate, 1000 * OVERLOAD_CALL_UNITS / 8);
}

static void a_standing_queue_is_overload(void **state)
{
    uint64_t        now;
    struct overload o = shedding(&now);

    (void)state;
    assert_true(overload_sheds(&o));
    assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_DROP); /* no allowance of either kind yet */
    now += 20 * MS;
    assert_true(overload_heard(&o, now, 20 * MS));
    for (unsigned i = 0; i < 4; i++) /* 200 a second for 20 ms */
        assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_REFUSE);
    assert_int_equal(overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_DROP);
}

static void help_comes_first_and_then_what_is_begun(void **state)
{
    uint64_t        now;
    struct overload o = shedding(&now);
    unsigned        begun = 0;

    (void)state;
    now += 10 * MS;
    while (overload_judge(&o, now, OVERLOAD_NEW, 1) == OVERLOAD_LET_IN)
        continue;
    while (overload_judge(&o, now, OVERLOAD_BEGUN, 1) == OVERLOAD_LET_IN)
        begun++;
    assert_int_equal(begun, o.rate / 2 / 10); /* an interval's worth, and not without end */
    for (unsigned i = 0; i < 10000; i++)
        assert_int_equal(overload_judge(&o, now, OVERLOAD_URGENT, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
}

/* The rate comes back down to what is always let in, never under it. */
static void so_much_is_always_let_in(void **state)
{
    uint64_t        now;
    struct overload o = shedding(&now);
    unsigned        let_in = 0;

    (void)state;
    for (uint64_t end = now + 20 * SECOND, wait = 100 * MS; now < end; now += 5 * MS, wait += MS) {
        assert_true(overload_heard(&o, now, wait));
        let_in += overload_judge(&o, now, OVERLOAD_NEW, 1) == OVERLOAD_LET_IN;
    }
    assert_int_equal(o.rate, OVERLOAD_MIN_RATE);
    assert_true(let_in > 20 * OVERLOAD_MIN_RATE);
}

static void it_is_over_when_nothing_is_turned_away(void **state)
{
    uint64_t        now;
    struct overload o = shedding(&now);

    (void)state;
    for (uint64_t end = now + 3 * SECOND; now < end; now += MS)
        overload_heard(&o, now, 0);
    assert_int_equal(o.state, OVERLOAD_CALM);
    assert_false(overload_heard(&o, now, 0));
    o = shedding(&now);
    assert_false(overload_heard(&o, now + 3600u * SECOND, 0)); /* nobody has come for an hour */
}

/* Clients that are told to send a share of theirs come down to what fits, and are told more and more when it is over. */
static void who_can_be_told_is_told_a_share(void **state)
{
    uint64_t        now;
    struct overload o = shedding(&now);
    uint64_t        due = 0, sent = 0;

    (void)state;
    assert_int_equal(overload_share(&o), OVERLOAD_ALL);
    for (uint64_t end = now + 20 * SECOND; now < end; now += MS) { /* 1750 calls a second: five times as many as fit */
        overload_heard(&o, now, o.allowance < 0 ? 5 * MS : 2 * MS);
        for (due += 1750 * overload_share(&o); due >= OVERLOAD_ALL * 1000u; due -= OVERLOAD_ALL * 1000u, sent++)
            overload_judge(&o, now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS);
        o.rate = 350 * OVERLOAD_CALL_UNITS; /* what the worker can do does not change here */
    }
    assert_true(sent < 20 * 450);
    assert_true(overload_share(&o) > 120 && overload_share(&o) < 300);
    for (uint64_t end = now + 20 * SECOND; now < end && overload_sheds(&o); now += MS)
        overload_heard(&o, now, 0);
    assert_int_equal(overload_share(&o), OVERLOAD_ALL);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_short_wait_is_no_matter), T(a_burst_is_no_overload), T(few_messages_are_no_overload),
        T(a_queue_that_drains_is_no_overload), T(a_queue_that_stops_to_drain_is_overload), T(what_was_found_out_wrongly_is_forgotten),
        T(calls_that_are_new_are_yet_to_be_worked_on),
        T(a_standing_queue_is_overload),
        T(help_comes_first_and_then_what_is_begun), T(so_much_is_always_let_in), T(it_is_over_when_nothing_is_turned_away),
        T(who_can_be_told_is_told_a_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
