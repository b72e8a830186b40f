/* burst_test.c - bursts and gaps: RFC 3611 §4.7.2, on patterns drawn as text: '.' heard, 'x' not. */
#include "media/burst.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEARD_16 "................"

static struct burst_figures figures_of(const char *pattern)
{
    struct burst         b = {.begun = false};
    struct burst_figures f;

    for (uint32_t i = 0; pattern[i]; i++)
        if (pattern[i] == '.')
            burst_on_packet(&b, 0xfffffff0 + i); /* over the end of the numbers too */
    burst_figures(&b, &f);
    return f;
}

static unsigned percent(double v)
{
    return (unsigned)(v * 100 + 0.5);
}

static void what_lies_close_together_is_a_burst(void **state)
{
    static const struct {
        const char *pattern;
        unsigned    missing, burst_density, gap_density, burst_packets, gap_packets;
    } table[] = {
        {"", 0, 0, 0, 0, 0},
        {HEARD_16 "....", 0, 0, 0, 0, 20},
        {HEARD_16 "x" HEARD_16, 3, 0, 3, 0, 33},                                /* alone: in the gap */
        {HEARD_16 "xx" HEARD_16, 6, 100, 0, 2, 16},                             /* 32 of gap in two */
        {HEARD_16 "x..x....x" HEARD_16, 7, 33, 0, 9, 16},                       /* 15 heard between would still do */
        {HEARD_16 "x...............x" HEARD_16, 4, 12, 0, 17, 16},
        {HEARD_16 "x" HEARD_16 "x" HEARD_16, 4, 0, 4, 0, 50},                   /* 16 do not: two alone */
        {HEARD_16 "xxxx" HEARD_16 "x.x" HEARD_16, 11, 86, 0, 3, 16},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct burst_figures f = figures_of(table[i].pattern);

        assert_int_equal(percent(f.missing), table[i].missing);
        assert_int_equal(percent(f.burst_density), table[i].burst_density);
        assert_int_equal(percent(f.gap_density), table[i].gap_density);
        assert_int_equal(f.burst_packets, table[i].burst_packets);
        assert_int_equal(f.gap_packets, table[i].gap_packets);
    }
}

static void the_ratio_tells_together_from_alone(void **state)
{
    (void)state;
    assert_int_equal(percent(figures_of(HEARD_16).ratio), 100);
    assert_int_equal(percent(figures_of(HEARD_16 "x...x...x" HEARD_16).ratio), 100); /* at least as good as random */
    assert_int_equal(percent(figures_of(HEARD_16 "xxxx" HEARD_16).ratio), 356);      /* 4 * (1 - 4/36) */
}

static void a_cut_is_no_loss(void **state)
{
    struct burst         b = {.begun = false};
    struct burst_figures f;

    (void)state;
    burst_on_packet(&b, 1);
    burst_on_packet(&b, 3);
    burst_cut(&b);
    burst_on_packet(&b, 100);
    burst_on_packet(&b, 99);   /* late: not again */
    burst_on_packet(&b, 5000); /* elsewhere */
    burst_on_packet(&b, 5001);
    assert_int_equal(b.missing, 1);
    assert_int_equal(b.packets, 6);
    burst_figures(&b, &f);
    assert_int_equal(percent(f.missing), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_close_together_is_a_burst),
        cmocka_unit_test(the_ratio_tells_together_from_alone),
        cmocka_unit_test(a_cut_is_no_loss),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
