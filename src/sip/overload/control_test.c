/* control_test.c - the controller alone, and in front of a worker that is modelled: its queue, its costs, its callers. */
#include "sip/overload/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000, SECOND = 1000 * MS };

/* ---- alone ---- */

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

/* Long waits for a whole interval, in which 40 calls were let in: it begins with half of 400 a second. */
static struct overload shedding(uint64_t *now)
{
    struct overload o = {0};

    for (*now = 0; *now < OVERLOAD_INTERVAL_US; *now += 2500) {
        assert_true(overload_heard(&o, *now, 20 * MS));
        assert_int_equal(overload_judge(&o, *now, OVERLOAD_NEW, OVERLOAD_CALL_UNITS), OVERLOAD_LET_IN);
    }
    assert_true(overload_heard(&o, *now, 20 * MS));
    assert_int_equal(o.state, OVERLOAD_SHEDDING);
    assert_int_equal(o.rate, 400 * OVERLOAD_CALL_UNITS / 2);
    return o;
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
    assert_int_equal(begun, o.rate / 10); /* an interval's worth, and not without end */
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

/* ---- with a worker ----
 *
 * One worker and its queue. A call is an INVITE and, when that is let in, further messages at once and after HOLD_MS; each is a
 * sixth of its cost. An INVITE that gets no answer comes again after half a second, one second, two, ... */

enum { QUEUE = 4096, LATER_MS = 90000, PARTS = 6, HOLD_MS = 3000, MAX_TRIES = 6 };

enum { INVITE, PART }; /* .kind */

struct message {
    uint64_t came_us;
    uint8_t  kind, tries;
};

struct later { /* what comes in that millisecond */
    unsigned parts, again[MAX_TRIES];
};

struct model {
    struct overload o;
    unsigned        call_us, refuse_us, drop_us;
    struct message  queue[QUEUE];
    size_t          first, n;
    struct later   *later;
    uint64_t        now_us, due;
    bool            bare; /* without a controller */
    uint64_t        done, refused, dropped, lost, waits[64]; /* of INVITEs that were let in, by ms */
};

static void arrive(struct model *m, struct message q)
{
    if (m->n == QUEUE) {
        m->lost++;
        return;
    }
    m->queue[(m->first + m->n++) % QUEUE] = q;
}

static void come_later(struct model *m, unsigned ms, unsigned parts)
{
    m->later[(m->now_us / MS + ms) % LATER_MS].parts += parts;
}

static void come_again(struct model *m, uint8_t tries)
{
    if (tries < MAX_TRIES)
        m->later[(m->now_us / MS + (500u << tries)) % LATER_MS].again[tries]++;
}

static uint64_t let_in(struct model *m, const struct message *q)
{
    uint64_t ms = (m->now_us - q->came_us) / MS;

    m->done++;
    m->waits[ms < 63 ? ms : 63]++;
    come_later(m, 2, 3);
    come_later(m, HOLD_MS, 2);
    return m->call_us / PARTS;
}

/* What it costs. */
static uint64_t serve(struct model *m, const struct message *q)
{
    bool looked = overload_heard(&m->o, m->now_us, m->now_us - q->came_us) && !m->bare;

    if (q->kind == PART)
        return m->call_us / PARTS;
    switch (looked ? overload_judge(&m->o, m->now_us, q->tries ? OVERLOAD_AGAIN : OVERLOAD_NEW, OVERLOAD_CALL_UNITS) : OVERLOAD_LET_IN) {
    case OVERLOAD_LET_IN: return let_in(m, q);
    case OVERLOAD_REFUSE: m->refused++; return m->refuse_us;
    case OVERLOAD_DROP: break;
    }
    m->dropped++;
    come_again(m, q->tries);
    return m->drop_us;
}

static void one_ms(struct model *m, uint64_t per_second)
{
    uint64_t      end = (m->now_us / MS + 1) * MS;
    struct later *l = &m->later[m->now_us / MS % LATER_MS];

    for (m->due += per_second; m->due >= 1000; m->due -= 1000)
        arrive(m, (struct message){.came_us = m->now_us, .kind = INVITE});
    for (; l->parts; l->parts--)
        arrive(m, (struct message){.came_us = m->now_us, .kind = PART});
    for (uint8_t i = 0; i < MAX_TRIES; i++)
        for (; l->again[i]; l->again[i]--)
            arrive(m, (struct message){.came_us = m->now_us, .kind = INVITE, .tries = (uint8_t)(i + 1)});
    while (m->now_us < end && m->n) {
        struct message q = m->queue[m->first];

        m->first = (m->first + 1) % QUEUE;
        m->n--;
        m->now_us += serve(m, &q);
    }
    if (m->now_us < end)
        m->now_us = end;
}

/* Calls that were let in a second, over the last `seconds`, as hundredths of what the worker can do. */
static unsigned goodput(struct model *m, uint64_t per_second, unsigned seconds)
{
    uint64_t end = m->now_us + (uint64_t)seconds * SECOND, before = m->done;

    memset(m->waits, 0, sizeof m->waits);
    while (m->now_us < end)
        one_ms(m, per_second);
    return (unsigned)((m->done - before) * m->call_us / ((uint64_t)seconds * 10000));
}

static unsigned median_wait_ms(const struct model *m)
{
    uint64_t all = 0, some = 0;
    unsigned i = 0;

    for (i = 0; i < 64; i++)
        all += m->waits[i];
    for (i = 0; i < 64 && (some += m->waits[i]) * 2 < all; i++)
        continue;
    return i;
}

static struct model *model(unsigned call_us, unsigned refuse_us, unsigned drop_us)
{
    struct model *m = calloc(1, sizeof *m);

    assert_non_null(m);
    *m = (struct model){.call_us = call_us, .refuse_us = refuse_us, .drop_us = drop_us};
    assert_non_null(m->later = calloc(LATER_MS, sizeof *m->later));
    return m;
}

static void done_with(struct model *m)
{
    free(m->later);
    free(m);
}

/* Of what the worker can do, when callers want so many times as much; and the calls that are let in do not wait. */
static void expect(unsigned call_us, unsigned refuse_us, unsigned drop_us, unsigned times, unsigned want)
{
    struct model *m = model(call_us, refuse_us, drop_us);
    uint64_t      full = SECOND / call_us;
    unsigned      got;

    goodput(m, full * 9 / 10, 5);
    assert_int_equal(m->refused + m->dropped + m->lost, 0);
    goodput(m, full * times, 8); /* until as many calls end as begin */
    got = goodput(m, full * times, 20);
    if (got < want || median_wait_ms(m) > 4)
        fail_msg("a call %u us, %u times: %u %% of the peak, median wait %u ms", call_us, times, got, median_wait_ms(m));
    goodput(m, full / 2, 40); /* as long as callers repeat what nobody has answered: then it is over */
    assert_int_equal(m->o.state, OVERLOAD_CALM);
    got = goodput(m, full / 2, 5);
    assert_true(got >= 49 && got <= 51);
    done_with(m);
}

static void twice_as_much_costs_little(void **state)
{
    (void)state;
    expect(1000, 40, 10, 2, 85);
    expect(200, 8, 2, 2, 85);
    expect(100, 8, 2, 2, 85);
    expect(60, 6, 1, 2, 80); /* a refusal is a tenth of a call there */
}

static void five_times_as_much_leaves_half(void **state)
{
    (void)state;
    expect(1000, 40, 10, 5, 65);
    expect(200, 8, 2, 5, 65);
    expect(100, 8, 2, 5, 45);
}

static void ten_times_as_much_is_no_collapse(void **state)
{
    (void)state;
    expect(1000, 40, 10, 10, 35);
    expect(200, 8, 2, 10, 35);
}

/* Below that an answer is given, and beyond there is more silence than answers. */
static void beyond_three_times_it_is_silent(void **state)
{
    struct model *m = model(200, 8, 2);
    uint64_t      dropped, refused;

    (void)state;
    goodput(m, 10000, 40);
    dropped = m->dropped;
    refused = m->refused;
    goodput(m, 10000, 20);
    assert_true(m->refused - refused > 20 * 4000);
    assert_true((m->dropped - dropped) * 50 < m->refused - refused);
    done_with(m);
    m = model(200, 8, 2);
    goodput(m, 50000, 20);
    assert_true(m->dropped > m->refused * 2);
    assert_true(m->refused > 20 * 2000);
    done_with(m);
}

/* What all of it is for. */
static void without_it_nothing_is_left(void **state)
{
    struct model *m = model(200, 8, 2);

    (void)state;
    m->bare = true;
    goodput(m, 50000, 5);
    assert_true(median_wait_ms(m) > 60);
    done_with(m);
}

#define T(name) cmocka_unit_test(name)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_short_wait_is_no_matter), T(a_burst_is_no_overload), T(few_messages_are_no_overload), T(a_standing_queue_is_overload),
        T(help_comes_first_and_then_what_is_begun), T(so_much_is_always_let_in), T(it_is_over_when_nothing_is_turned_away),
        T(who_can_be_told_is_told_a_share), T(twice_as_much_costs_little), T(five_times_as_much_leaves_half),
        T(ten_times_as_much_is_no_collapse), T(beyond_three_times_it_is_silent), T(without_it_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
