/* wheel_test.c - against a naive model: random starts, stops and advances, up to hours and days. */
#include "base/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

#define TIMERS 200

struct model_timer {
    struct wheel_timer timer;
    bool               running;
    uint64_t           at_ms, order; /* due; when it was started, among all starts */
    unsigned           fired;
};

static struct {
    struct wheel       w;
    struct model_timer t[TIMERS];
    uint64_t           order, random;
    uint64_t           now_ms;       /* of the last advance; the wheel is on its way there */
    uint64_t           last_at, last_order;
    unsigned           restart;      /* one in so many fired timers starts again, or stops another; 0: none */
} m;

static uint64_t random_below(uint64_t n)
{
    m.random = m.random * 6364136223846793005u + 1442695040888963407u;
    return (m.random >> 24) % n;
}

static void start(struct model_timer *t, uint64_t at_ms)
{
    t->running = true;
    t->at_ms = at_ms > m.w.now_ms ? at_ms : m.w.now_ms + 1;
    t->order = ++m.order;
    wheel_start(&m.w, &t->timer, at_ms);
}

static void stop(struct model_timer *t)
{
    t->running = false;
    wheel_stop(&m.w, &t->timer);
}

/* Mostly near, sometimes days away: every level is used. */
static uint64_t some_time(void)
{
    static const uint64_t reach[] = {10, 300, 70000, 3600000, 20000000, 900000000, 6000000000};

    return m.w.now_ms + random_below(reach[random_below(7)]);
}

static void on_fire(void *arg)
{
    struct model_timer *t = arg;

    assert_true(t->running);
    assert_int_equal(m.w.now_ms, t->at_ms); /* at its own instant, though the advance went further */
    assert_true(t->at_ms <= m.now_ms);
    assert_true(t->at_ms > m.last_at || (t->at_ms == m.last_at && t->order > m.last_order));
    m.last_at = t->at_ms;
    m.last_order = t->order;
    t->running = false;
    t->fired++;
    if (m.restart && random_below(m.restart) == 0) {
        struct model_timer *other = &m.t[random_below(TIMERS)];

        start(t, some_time());
        if (other->running)
            stop(other);
    }
}

static void advance(uint64_t to_ms)
{
    m.now_ms = to_ms;
    m.last_at = m.last_order = 0;
    wheel_advance(&m.w, to_ms);
    assert_int_equal(m.w.now_ms, to_ms);
    for (unsigned i = 0; i < TIMERS; i++)
        if (m.t[i].running)
            assert_true(m.t[i].at_ms > to_ms); /* nothing that is due was left */
}

static void check_next(void)
{
    uint64_t first = UINT64_MAX, next = wheel_next_ms(&m.w);
    size_t   n = 0;

    for (unsigned i = 0; i < TIMERS; i++) {
        assert_int_equal(wheel_running(&m.t[i].timer), m.t[i].running);
        if (!m.t[i].running)
            continue;
        n++;
        first = m.t[i].at_ms < first ? m.t[i].at_ms : first;
    }
    assert_int_equal(m.w.n, n);
    if (n == 0)
        assert_true(next == UINT64_MAX);
    else
        assert_true(next <= first && next > m.w.now_ms);
}

static void reset(uint64_t now_ms, uint64_t seed, unsigned restart)
{
    memset(&m, 0, sizeof m);
    wheel_init(&m.w, now_ms);
    m.random = seed;
    m.restart = restart;
    for (unsigned i = 0; i < TIMERS; i++) {
        m.t[i].timer.fire = on_fire;
        m.t[i].timer.arg = &m.t[i];
    }
}

static void run_random(uint64_t now_ms, uint64_t seed)
{
    static const uint64_t step[] = {1, 2, 30, 256, 1000, 65536, 400000, 17000000, 900000000};

    reset(now_ms, seed, 4);
    for (unsigned i = 0; i < 3000; i++) {
        struct model_timer *t = &m.t[random_below(TIMERS)];

        switch (random_below(4)) {
        case 0:
        case 1:
            start(t, some_time());
            break;
        case 2:
            stop(t);
            break;
        default:
            advance(m.w.now_ms + random_below(step[random_below(9)]));
            break;
        }
        if (i % 16 == 0)
            check_next();
    }
    m.restart = 0;
    advance(m.w.now_ms + 7000000000);
    check_next();
    assert_int_equal(m.w.n, 0);
}

static void the_same_as_a_naive_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++)
        run_random(random_below(1u << 30) * seed, seed);
    run_random(0, 99);
    run_random(((uint64_t)1 << 40) - 5000, 100); /* where the highest level wraps */
    run_random(((uint64_t)1 << 32) - 100, 101);
}

static void following_wheel_next_meets_every_timer(void **state)
{
    unsigned fired = 0, wakes = 0;

    (void)state;
    reset(123456, 5, 0);
    for (unsigned i = 0; i < TIMERS; i++)
        start(&m.t[i], some_time());
    for (uint64_t next; (next = wheel_next_ms(&m.w)) != UINT64_MAX; wakes++) {
        assert_true(next > m.w.now_ms && wakes < 10 * TIMERS);
        advance(next);
    }
    for (unsigned i = 0; i < TIMERS; i++)
        fired += m.t[i].fired;
    assert_int_equal(fired, TIMERS);
}

static void one_instant_fires_in_order_of_start(void **state)
{
    (void)state;
    reset(1000, 1, 0);
    start(&m.t[0], 400000);
    start(&m.t[1], 400000);
    advance(300000);
    start(&m.t[2], 400000); /* started nearer: in a lower level at once */
    advance(399999);
    start(&m.t[3], 400000);
    start(&m.t[0], 400000); /* again: now it is last */
    advance(400000);        /* the order is checked by on_fire */
    for (int i = 0; i < 4; i++)
        assert_int_equal(m.t[i].fired, 1);
}

static void the_past_is_the_next_advance(void **state)
{
    (void)state;
    reset(1000, 1, 0);
    start(&m.t[0], 5);
    assert_int_equal(wheel_next_ms(&m.w), 1001);
    wheel_advance(&m.w, 1000); /* no time has passed */
    wheel_advance(&m.w, 10);   /* nor does it go back */
    assert_int_equal(m.w.now_ms, 1000);
    assert_int_equal(m.t[0].fired, 0);
    advance(1001);
    assert_int_equal(m.t[0].fired, 1);
    wheel_stop(&m.w, &m.t[0].timer);
    assert_int_equal(m.w.n, 0);
}

static void what_was_stopped_wakes_nobody(void **state)
{
    static const uint64_t away[] = {5, 7, 300, 70000, 20000000, 5000000000};

    (void)state;
    reset(1000, 1, 0);
    for (size_t i = 0; i < sizeof away / sizeof *away; i++) {
        start(&m.t[i], 1000 + away[i]);
        assert_int_equal(wheel_next_ms(&m.w), 1005);
    }
    stop(&m.t[0]);
    assert_int_equal(wheel_next_ms(&m.w), 1007);
    stop(&m.t[1]);
    for (size_t i = 2; i < sizeof away / sizeof *away; i++) {
        assert_true(wheel_next_ms(&m.w) > 1007 && wheel_next_ms(&m.w) <= 1000 + away[i]);
        stop(&m.t[i]);
    }
    assert_int_equal(wheel_next_ms(&m.w), UINT64_MAX);
}

static void beyond_the_reach_of_the_wheel(void **state)
{
    uint64_t far = (uint64_t)1 << 42; /* more than 64^6 ms away */

    (void)state;
    reset(1000, 1, 0);
    start(&m.t[0], far);
    start(&m.t[1], far + 1);
    advance(far - 1);
    assert_int_equal(m.t[0].fired, 0);
    advance(far);
    assert_int_equal(m.t[0].fired, 1);
    advance(far + 1);
    assert_int_equal(m.t[1].fired, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_as_a_naive_model),
        cmocka_unit_test(following_wheel_next_meets_every_timer),
        cmocka_unit_test(one_instant_fires_in_order_of_start),
        cmocka_unit_test(the_past_is_the_next_advance),
        cmocka_unit_test(what_was_stopped_wakes_nobody),
        cmocka_unit_test(beyond_the_reach_of_the_wheel),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
