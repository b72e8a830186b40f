/* rating_test.c - the E-model against values worked out by hand from ITU-T G.107 and its annex B. */
#include "media/rating.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void r_falls_with_loss_bursts_and_delay(void **state)
{
    static const struct {
        double   loss, burst_ratio, delay_ms;
        unsigned r_10, mos_100;
    } table[] = {
        {0, 1, 0, 932, 441},       /* nothing is wrong: G.107's default */
        {0, 1, 100, 932, 441},     /* that much delay is free */
        {0, 1, 150, 930, 441},
        {0, 1, 200, 902, 434},     /* x = 1: 25 * (2^(1/6) - 3 * (1 + 3^-6)^(1/6) + 2) = 3.0 */
        {0, 1, 400, 691, 356},     /* x = 2: G.114's limit for what can be planned with */
        {0.01, 1, 0, 896, 433},    /* 95 * 1 / 26.1 = 3.6 */
        {0.05, 1, 0, 774, 392},    /* 95 * 5 / 30.1 = 15.8 */
        {0.05, 2, 0, 760, 386},    /* 95 * 5 / 27.6 = 17.2: together is worse */
        {0.2, 1, 0, 511, 263},
        {0.05, 1, 400, 533, 275},  /* both */
        {1, 1, 0, 173, 118},       /* nothing arrives */
        {1, 8, 1000, 0, 100},
    };

    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct rating_path p = {MEDIA_PCMA, table[i].loss, table[i].burst_ratio, table[i].delay_ms};
        double             r = rating_r(&p);

        assert_in_range((unsigned)(r * 10 + 0.5), table[i].r_10 ? table[i].r_10 - 1 : 0, table[i].r_10 + 1);
        assert_in_range(rating_mos_100(r), table[i].mos_100 - (table[i].mos_100 > 100), table[i].mos_100 + 1);
    }
}

static void nonsense_stays_on_the_scale(void **state)
{
    struct rating_path p = {MEDIA_G722, 7, 0, -5};

    (void)state;
    assert_true(rating_r(&p) >= 0 && rating_r(&p) <= 93.2);
    p.loss = -1;
    assert_true(rating_r(&p) > 93);
    assert_int_equal(rating_mos_100(3), 100); /* where the cubic dips */
    assert_int_equal(rating_mos_100(100), 450);
}

static void more_loss_is_never_better(void **state)
{
    double last = 100;

    (void)state;
    for (unsigned i = 0; i <= 100; i++) {
        struct rating_path p = {MEDIA_PCMU, i / 100.0, 1, 0};

        assert_true(rating_r(&p) < last);
        last = rating_r(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(r_falls_with_loss_bursts_and_delay),
        cmocka_unit_test(nonsense_stays_on_the_scale),
        cmocka_unit_test(more_loss_is_never_better),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
