/* span_test.c - against a naive model: random starts, stops and advances. */
#include "base/span.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

enum { TIMERS = 100, LENGTHS = 6 };

static const uint32_t length[LENGTHS] = {1, 200, 500, 5000, 32000, 64000};

struct model_timer {
    struct span_timer timer;
    bool              running;
    uint64_t          at_ms, order; /* due; when it was started, among all starts */
    uint32_t          ms;
    unsigned          fired;
};

static struct {
    struct spans       s;
    struct model_timer t[TIMERS];
    uint64_t           now_ms, instant, order, random, last_at;
    uint32_t           late_ms;
    unsigned           wakings; /* instants at which any fired */
    uint64_t           last_order[LENGTHS];
    unsigned           restart; /* one in so many fired timers starts again, or stops another; 0: none */
} m;

static uint32_t random_below(uint32_t n)
{
    m.random = m.random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m.random >> 33) % n;
}

static void start(struct model_timer *t, uint64_t now_ms)
{
    t->ms = length[random_below(LENGTHS)];
    t->running = true;
    t->at_ms = now_ms + t->ms;
    t->order = ++m.order;
    span_start(&m.s, &t->timer, now_ms, t->ms);
}

static void stop(struct model_timer *t)
{
    t->running = false;
    span_stop(&m.s, &t->timer);
}

static void on_fire(struct span_timer *timer)
{
    struct model_timer *t = (struct model_timer *)timer, *other = &m.t[random_below(TIMERS)];
    size_t              i = 0;

    assert_true(t->running && !span_running(timer));
    assert_in_range(m.instant, t->at_ms, t->at_ms + m.late_ms - 1);
    assert_true(m.instant >= m.last_at);
    m.wakings += m.instant > m.last_at;
    m.last_at = m.instant;
    while (length[i] != t->ms)
        i++;
    assert_true(t->order > m.last_order[i]);
    m.last_order[i] = t->order;
    t->running = false;
    t->fired++;
    if (m.restart && random_below(m.restart) == 0)
        start(t, m.instant);
    if (m.restart && random_below(m.restart) == 0)
        stop(other);
}

static void open_model(uint64_t random, uint32_t late_ms)
{
    memset(&m, 0, sizeof m);
    m.random = random;
    m.late_ms = late_ms;
    spans_init(&m.s, on_fire, late_ms);
}

static void advance(uint64_t ms)
{
    m.now_ms += ms;
    for (uint64_t next; (next = spans_next_ms(&m.s)) <= m.now_ms;) {
        m.instant = next;
        spans_fire(&m.s, next);
        assert_true(spans_next_ms(&m.s) > next);
    }
    for (size_t i = 0; i < TIMERS; i++) {
        assert_true(m.t[i].running == span_running(&m.t[i].timer));
        assert_true(!m.t[i].running || m.t[i].at_ms + m.late_ms > m.now_ms);
    }
}

static void as_a_naive_one(void **state)
{
    (void)state;
    for (uint64_t run = 1; run <= 5; run++) {
        open_model(run, run % 2 ? 1 : 16);
        m.restart = (unsigned)run % 3 * 4;
        for (unsigned step = 0; step < 20000; step++) {
            struct model_timer *t = &m.t[random_below(TIMERS)];

            switch (random_below(4)) {
            case 0: stop(t); break;
            case 1: advance(random_below(step % 100 ? 20 : 40000)); break;
            default: start(t, m.now_ms); break;
            }
        }
        m.restart = 0;
        for (size_t i = 0; i < TIMERS; i++)
            stop(&m.t[i]);
        assert_true(spans_next_ms(&m.s) == UINT64_MAX); /* nobody has to wake up any more */
    }
}

static void lengths_come_and_go(void **state)
{
    (void)state;
    open_model(1, 1);
    for (uint32_t ms = 1; ms <= 5 * SPAN_LENGTHS; ms++) {
        struct model_timer *t = &m.t[ms % (SPAN_LENGTHS / 2)];

        *t = (struct model_timer){.running = true, .ms = length[0], .at_ms = m.now_ms + ms, .order = ms};
        span_start(&m.s, &t->timer, m.now_ms, ms);
        if (ms % (SPAN_LENGTHS / 2) == 0)
            advance(ms);
    }
    assert_true(spans_next_ms(&m.s) == UINT64_MAX);
}

/* Ninety timers, one a millisecond: a waking for each, but where they may be late. */
static unsigned wakings_of_many(uint32_t late_ms, size_t n)
{
    open_model(1, late_ms);
    for (size_t i = 0; i < n; i++) {
        m.t[i] = (struct model_timer){.running = true, .ms = 5000, .at_ms = m.now_ms + 5000, .order = ++m.order};
        span_start(&m.s, &m.t[i].timer, m.now_ms, 5000);
        advance(1);
    }
    advance(6000);
    assert_true(spans_next_ms(&m.s) == UINT64_MAX);
    return m.wakings;
}

static void one_waking_serves_many(void **state)
{
    (void)state;
    assert_int_equal(wakings_of_many(1, 90), 90);
    assert_int_equal(wakings_of_many(16, SPAN_MANY - 1), SPAN_MANY - 1); /* few are never late */
    assert_in_range(wakings_of_many(16, 90), 40, SPAN_MANY + 3); /* the last ones are few again */
}

/* ---- a step ahead ---- */

static struct {
    const struct span_timer *next, *later; /* as it was last told */
    unsigned                 told, right;
} ahead;

static void on_soon(const struct span_timer *t, const struct span_timer *later)
{
    ahead.told++;
    ahead.next = t;
    ahead.later = later;
}

static void on_fire_told(struct span_timer *t)
{
    ahead.right += t + 1 == ahead.next && (t + 2 == ahead.later || !ahead.later);
}

static void one_is_told_of_a_step_before_it_fires(void **state)
{
    enum { N = 5 };
    struct spans      s;
    struct span_timer t[N] = {0}, other = {0};

    (void)state;
    memset(&ahead, 0, sizeof ahead);
    spans_init(&s, on_fire_told, 1);
    spans_look_ahead(&s, on_soon);
    for (size_t i = 0; i < N; i++)
        span_start(&s, &t[i], 0, 100);
    span_start(&s, &other, 0, 50);
    spans_fire(&s, 50);
    assert_int_equal(ahead.told, 0); /* nobody else is of its length */
    spans_fire(&s, 100);
    assert_int_equal(ahead.told, N - 1);
    assert_int_equal(ahead.right, N - 1); /* behind the last one there is nobody */
    assert_ptr_equal(ahead.next, &t[N - 1]);
    assert_null(ahead.later);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(as_a_naive_one),
        cmocka_unit_test(lengths_come_and_go),
        cmocka_unit_test(one_waking_serves_many),
        cmocka_unit_test(one_is_told_of_a_step_before_it_fires),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
