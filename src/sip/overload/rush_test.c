/* rush_test.c - the controller in front of a worker that is modelled: its queue, its costs, its callers. */
#include "sip/overload/overload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000, SECOND = 1000 * MS };

/* ---- the worker ----
 *
 * One worker and its queue. A call is an INVITE and, when that is let in, further messages at once and after hold_ms; each is a
 * sixth of its cost. An INVITE that gets no answer comes again after half a second, one second, two, ... */

enum { QUEUE = 16384, LATER_MS = 90000, PARTS = 6, HOLD_MS = 3000, MAX_TRIES = 6 };

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
    unsigned        call_us, refuse_us, drop_us, hold_ms;
    uint64_t        quota_us, period_us, spent_us; /* of each period it has so much; period_us 0: all of it */
    uint64_t        stands_until_us;               /* it has no processor up to then; */
    bool            all_stand;                     /* and all it hears from neither: what they would have sent comes afterwards, at once */
    struct message  queue[QUEUE];
    size_t          first, n;
    struct later   *later;
    uint64_t        now_us, due;
    bool            bare; /* without a controller */
    uint64_t        done, refused, dropped, lost, away, waits[64]; /* away: calls; waits: of INVITEs that were let in, by ms */
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
    come_later(m, m->hold_ms, 2);
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
    case OVERLOAD_REFUSE: m->away += !q->tries; m->refused++; return m->refuse_us;
    case OVERLOAD_DROP: break;
    }
    m->away += !q->tries;
    m->dropped++;
    come_again(m, q->tries);
    return m->drop_us;
}

/* What falls due in this millisecond. */
static void all_arrive(struct model *m)
{
    struct later *l = &m->later[m->now_us / MS % LATER_MS];

    for (; m->due >= 1000; m->due -= 1000)
        arrive(m, (struct message){.came_us = m->now_us, .kind = INVITE});
    for (; l->parts; l->parts--)
        arrive(m, (struct message){.came_us = m->now_us, .kind = PART});
    for (unsigned i = 0; i < MAX_TRIES; i++)
        for (; l->again[i]; l->again[i]--)
            arrive(m, (struct message){.came_us = m->now_us, .kind = INVITE, .tries = (uint8_t)(i + 1)});
}

/* It falls due in the next one. */
static void all_put_off(struct model *m)
{
    struct later *l = &m->later[m->now_us / MS % LATER_MS], *next = &m->later[(m->now_us / MS + 1) % LATER_MS];

    next->parts += l->parts;
    for (unsigned i = 0; i < MAX_TRIES; i++)
        next->again[i] += l->again[i];
    *l = (struct later){0};
}

static void work_until(struct model *m, uint64_t end)
{
    while (m->now_us < end && m->n && (!m->period_us || m->spent_us < m->quota_us)) {
        struct message q = m->queue[m->first];
        uint64_t       cost;

        m->first = (m->first + 1) % QUEUE;
        m->n--;
        cost = serve(m, &q);
        m->now_us += cost;
        m->spent_us += cost;
    }
}

static void one_ms(struct model *m, uint64_t per_second)
{
    uint64_t end = (m->now_us / MS + 1) * MS;
    bool     stands = m->now_us < m->stands_until_us;

    m->due += per_second;
    if (stands && m->all_stand)
        all_put_off(m);
    else
        all_arrive(m);
    if (m->period_us && m->now_us / MS % (m->period_us / MS) == 0)
        m->spent_us = m->spent_us > m->quota_us ? m->spent_us - m->quota_us : 0;
    if (!stands)
        work_until(m, end);
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
    *m = (struct model){.call_us = call_us, .refuse_us = refuse_us, .drop_us = drop_us, .hold_ms = HOLD_MS};
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

/* What is new when a rush begins is yet to be worked on: as many as could be looked at are too many to let in. */
static void those_let_in_first_do_not_wait_for_long(void **state)
{
    static const unsigned times[] = {2, 5, 10};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct model *m = model(200, 8, 2);
        unsigned      got;

        goodput(m, 3500, 5);
        got = goodput(m, 5000 * times[i], 3);
        if (got < 70 || median_wait_ms(m) > 5)
            fail_msg("the first of %u times: %u %% of the peak, median wait %u ms", times[i], got, median_wait_ms(m));
        done_with(m);
    }
}

/* The quota alone makes a message wait for up to 3 ms: not shorter than what is too long. */
static void under_a_quota_little_is_lost_too(void **state)
{
    struct model *m = model(110, 10, 3);
    unsigned      got;

    (void)state;
    m->quota_us = MS;
    m->period_us = 4 * MS;
    m->hold_ms = 500;
    goodput(m, 1600, 5); /* 2273 can be done */
    assert_int_equal(m->away, 0);
    got = 4 * goodput(m, 2 * 2273, 20);
    if (got < 80 || median_wait_ms(m) > 4)
        fail_msg("2 times under a quota: %u %% of the peak, median wait %u ms", got, median_wait_ms(m));
    done_with(m);
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

/* ---- a machine that stands still ----
 *
 * For `pause_ms` the worker has no processor. What came meanwhile has to be done beside what comes: it need not be refused, as
 * long as it drains by itself. Where the callers stood still too, all of it comes at once: that is like a rush, for as
 * long as it takes to look at it; then some are refused, for less time than a caller would wait before he tries again. */

static void stand_still(struct model *m, uint64_t per_second, unsigned pause_ms, bool all)
{
    goodput(m, per_second, 5);
    assert_int_equal(m->away, 0);
    m->all_stand = all;
    m->stands_until_us = m->now_us + (uint64_t)pause_ms * MS;
    goodput(m, per_second, 10);
    assert_int_equal(m->o.state, OVERLOAD_CALM);
    assert_int_equal(m->lost, 0);
}

/* So many calls may be turned away: those of `limit_ms`. */
static void expect_away(unsigned call_us, unsigned load, unsigned pause_ms, bool all, unsigned limit_ms)
{
    struct model *m = model(call_us, call_us / 25, call_us / 100);
    uint64_t      per_second = (uint64_t)SECOND / call_us * load / 100;

    m->hold_ms = 1000;
    stand_still(m, per_second, pause_ms, all);
    if (m->away > per_second * limit_ms / 1000)
        fail_msg("a call %u us, load %u %%, %u ms: the calls of %u ms turned away", call_us, load, pause_ms,
                 (unsigned)(m->away * 1000 / per_second));
    done_with(m);
}

static const unsigned load[] = {30, 50, 70, 85}, pause_ms[] = {50, 100, 200, 400};

/* The echo of the long ones, as all those calls end at once, may be taken for too much: a tenth of a second. */
static void when_it_stood_still_nobody_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            unsigned limit_ms = load[i] * pause_ms[k] <= 85 * 100 ? 0 : 100;

            expect_away(1000, load[i], pause_ms[k], false, limit_ms);
            expect_away(200, load[i], pause_ms[k], false, limit_ms);
        }
    }
}

/* What comes at once takes `load` of the pause to work on. Up to an interval of it is no matter. Of more, it takes an interval until it
 * is known, then that queue has to go, and then it takes an interval or two to find the way up. */
static void when_all_stood_still_few_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            unsigned limit_ms = load[i] * pause_ms[k] < 100 * 100 ? 0 : 250 + load[i] * pause_ms[k] / 100;

            expect_away(1000, load[i], pause_ms[k], true, limit_ms);
            expect_away(200, load[i], pause_ms[k], true, limit_ms);
        }
    }
}

/* Who is nearly full takes long to be rid of what a short pause leaves: that is work done a little later, and no reason to refuse. */
static void when_nearly_full_a_short_pause_is_endured(void **state)
{
    static const unsigned nearly[] = {88, 93, 95, 97}, short_ms[] = {5, 10, 20};

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct model *m = model(80, 8, 2);

            m->hold_ms = 300;
            for (unsigned second = 0; second < 10; second++) {
                m->stands_until_us = m->now_us + (uint64_t)short_ms[k] * MS;
                goodput(m, (uint64_t)SECOND / m->call_us * nearly[i] / 100, 1);
            }
            if (m->away)
                fail_msg("load %u %%, %u ms in each second: %u turned away", nearly[i], short_ms[k], (unsigned)m->away);
            done_with(m);
        }
    }
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
        T(twice_as_much_costs_little), T(five_times_as_much_leaves_half), T(ten_times_as_much_is_no_collapse),
        T(those_let_in_first_do_not_wait_for_long), T(under_a_quota_little_is_lost_too),
        T(beyond_three_times_it_is_silent), T(when_it_stood_still_nobody_is_refused),
        T(when_all_stood_still_few_are_refused), T(when_nearly_full_a_short_pause_is_endured), T(without_it_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
