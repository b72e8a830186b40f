/* histogram_test.c - what a histogram says of values that are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "app/load/histogram.h"

static void nothing_is_nothing(void **state)
{
    struct histogram h = {0};

    (void)state;
    assert_int_equal(histogram_at(&h, 50000), 0);
}

static void small_values_are_exact(void **state)
{
    struct histogram h = {0};

    (void)state;
    for (uint64_t v = 1; v <= 100; v++)
        histogram_add(&h, v);
    assert_int_equal(histogram_at(&h, 50000), 50);
    assert_int_equal(histogram_at(&h, 99000), 99);
    assert_int_equal(histogram_at(&h, 100000), 100);
    assert_int_equal(histogram_at(&h, 0), 1);
}

static void large_values_are_right_within_a_64th(void **state)
{
    (void)state;
    for (uint64_t v = 128; v < UINT64_C(1) << 39; v += v / 7 + 1) {
        struct histogram h = {0};
        uint64_t         got;

        histogram_add(&h, v);
        histogram_add(&h, v * 2);
        got = histogram_at(&h, 50000);
        assert_true(got >= v);
        assert_true(got - v <= v / 64);
        assert_int_equal(histogram_at(&h, 100000), v * 2);
    }
}

static void what_is_too_large_counts_as_the_largest(void **state)
{
    struct histogram h = {0};

    (void)state;
    histogram_add(&h, UINT64_MAX);
    assert_int_equal(h.n, 1);
    assert_int_equal(histogram_at(&h, 50000), (UINT64_C(1) << HISTOGRAM_VALUE_BITS) - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_nothing),
        cmocka_unit_test(small_values_are_exact),
        cmocka_unit_test(large_values_are_right_within_a_64th),
        cmocka_unit_test(what_is_too_large_counts_as_the_largest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
