/* near_test.c - the word that was meant is found, and none is made up. */
#include "base/near.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const char *const words[] = {"serve", "phone", "flow", "user", "calls", "bindings", "cdr", "register-min", "register-max"};

static struct slice nearest(struct slice word)
{
    struct near n = near_to(word);

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        near_offer(&n, slice_z(words[i]));
    return n.best;
}

static void slips_are_seen_through(void **state)
{
    static const char *const cases[][2] = {
        {"sevre", "serve"},   {"serv", "serve"},     {"sserve", "serve"},        {"SERVE", "serve"},
        {"fone", "phone"},    {"usr", "user"},       {"call", "calls"},          {"cdrs", "cdr"},
        {"bindigns", "bindings"},                    {"registermin", "register-min"},
        {"registermax", "register-max"},             {"redister-msx", "register-max"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct slice got = nearest(slice_z(cases[i][0]));

        assert_int_equal(got.n, strlen(cases[i][1]));
        assert_memory_equal(got.p, cases[i][1], got.n);
    }
}

static void abbreviations_are_known(void **state)
{
    (void)state;
    assert_true(slice_eq(nearest(S("bind")), S("bindings")));
    assert_true(slice_eq(nearest(S("reg")), S("register-min"))); /* the first of two */
    assert_true(slice_eq(nearest(S("phones-and-more")), S("phone")));
    assert_int_equal(nearest(S("bi")).n, 0);
}

static void what_is_far_is_not_taken(void **state)
{
    static const char *const cases[] = {"", "x", "ul", "lower", "bogus", "explain", "telephone-exchange", "uxyz",
                                        "serveserveserveserveserveserveserve", "registering-minimum"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(nearest(slice_z(cases[i])).n, 0);
}

static void the_longest_are_compared(void **state)
{
    char        a[NEAR_MAX_OCTETS + 1], b[NEAR_MAX_OCTETS + 1];
    struct near n;

    (void)state;
    memset(a, 'a', sizeof a);
    memset(b, 'a', sizeof b);
    b[0] = 'b';
    n = near_to((struct slice){a, NEAR_MAX_OCTETS});
    near_offer(&n, (struct slice){b, NEAR_MAX_OCTETS});
    assert_int_equal(n.distance, 1);
    n = near_to((struct slice){a, NEAR_MAX_OCTETS});
    near_offer(&n, (struct slice){a, NEAR_MAX_OCTETS + 1});
    assert_int_equal(n.best.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slips_are_seen_through),
        cmocka_unit_test(abbreviations_are_known),
        cmocka_unit_test(what_is_far_is_not_taken),
        cmocka_unit_test(the_longest_are_compared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
