/* answer_test.c - which of several final responses is the best (RFC 3261 §16.7 step 6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "server/proxy/proxy_priv.h"

static void assert_better(unsigned a, unsigned b, bool given_up)
{
    if (answer_rank(a, given_up) >= answer_rank(b, given_up))
        fail_msg("%u should go before %u%s", a, b, given_up ? " when the caller has given up" : "");
}

static void a_table(void **state)
{
    /* each before the next, by reason */
    static const unsigned order[] = {
        603,           /* nobody else is to be asked          */
        301, 302,      /* it says where else                  */
        407,           /* the caller can do something: log in */
        484,           /* dial on                             */
        400, 404, 486, /* as they come                        */
        480,           /* nobody was there                    */
        487,           /* our own patience                    */
        500, 504,
        503,           /* never goes on as it is              */
    };

    (void)state;
    for (size_t i = 0; i + 1 < sizeof order / sizeof order[0]; i++)
        assert_better(order[i], order[i + 1], false);
}

static void of_one_worth(void **state)
{
    (void)state;
    assert_int_equal(answer_rank(401, false), answer_rank(407, false));
    assert_int_equal(answer_rank(415, false), answer_rank(420, false));
    assert_int_equal(answer_rank(408, false), answer_rank(480, false));
    assert_int_equal(answer_rank(408, false), answer_rank(430, false));
    assert_int_equal(answer_rank(600, false), answer_rank(699, false));
}

/* Who has given up waits for a 487; it goes before what says that some phone was not there, after what says more. */
static void after_a_cancel(void **state)
{
    (void)state;
    assert_better(487, 408, true);
    assert_better(487, 480, true);
    assert_better(487, 500, true);
    assert_better(486, 487, true);
    assert_better(603, 487, true);
}

/* A lower class always goes before a higher one, but for 6xx. */
static void classes(void **state)
{
    (void)state;
    for (unsigned a = 300; a < 600; a++)
        for (unsigned b = (a / 100 + 1) * 100; b < 600; b++)
            assert_better(a, b, false);
    for (unsigned a = 600; a < 700; a++)
        for (unsigned b = 300; b < 600; b++)
            assert_better(a, b, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table),
        cmocka_unit_test(of_one_worth),
        cmocka_unit_test(after_a_cancel),
        cmocka_unit_test(classes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
