/* sum_test.c - each single change shows. */
#include "base/sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_octet_counts(void **state)
{
    unsigned char octets[37] = {0};
    uint64_t      was;

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (unsigned char)(i * 7);
    was = sum_octets(1, octets, sizeof octets);
    assert_true(was == sum_octets(1, octets, sizeof octets));
    assert_true(was != sum_octets(2, octets, sizeof octets));
    for (size_t i = 0; i < sizeof octets; i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            octets[i] ^= (unsigned char)(1u << bit);
            assert_true(sum_octets(1, octets, sizeof octets) != was);
            octets[i] ^= (unsigned char)(1u << bit);
        }
}

static void words_that_change_places_show(void **state)
{
    const uint64_t a[] = {1, 2, 3}, b[] = {2, 1, 3};

    (void)state;
    assert_true(sum_octets(0, a, sizeof a) != sum_octets(0, b, sizeof b));
    assert_true(sum_octets(0, a, 16) != sum_octets(0, a, 17));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_octet_counts), cmocka_unit_test(words_that_change_places_show)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
