/* sum_test.c - each single change shows. */
#include "base/sum.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void each_octet_counts(void **state)
{
    unsigned char octets[101] = {0};

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (unsigned char)(i * 7);
    for (size_t n = 1; n <= sizeof octets; n++) {
        uint64_t was = sum_octets(1, octets, n);

        assert_true(was == sum_octets(1, octets, n));
        assert_true(was != sum_octets(2, octets, n));
        for (size_t i = 0; i < n * 8; i++) {
            octets[i / 8] ^= (unsigned char)(1u << i % 8);
            assert_true(sum_octets(1, octets, n) != was);
            octets[i / 8] ^= (unsigned char)(1u << i % 8);
        }
    }
}

static void words_that_change_places_show(void **state)
{
    uint64_t words[13];

    (void)state;
    for (size_t i = 0; i < 13; i++)
        words[i] = i;
    for (size_t n = 2; n <= 13; n++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < i; j++) {
                uint64_t was = sum_octets(0, words, n * 8);

                words[i] = j;
                words[j] = i;
                assert_true(sum_octets(0, words, n * 8) != was);
                words[i] = i;
                words[j] = j;
            }
    assert_true(sum_octets(0, words, 16) != sum_octets(0, words, 17));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_octet_counts), cmocka_unit_test(words_that_change_places_show)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
