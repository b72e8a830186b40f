/* hash_test.c - SipHash-2-4 against the vectors of its authors, and the two other ways in. */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

static const struct hash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

static void the_authors_vectors(void **state)
{
    static const struct {
        size_t   n; /* octets 0, 1, 2, ... n - 1 */
        uint64_t want;
    } rows[] = {{0, 0x726fdb47dd0e0e31u}, {1, 0x74f839c593dc67fdu}, {2, 0x0d6c8009d9a94f5au}, {3, 0x85676696d7fb7e2du},
                {7, 0xab0200f58b01d137u}, {8, 0x93f5f5799a932462u}, {15, 0xa129ca6149be45e5u}};
    char octets[16];

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (char)i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_true(hash_octets(&key, (struct slice){octets, rows[i].n}) == rows[i].want);
}

static void the_authors_wide_vectors(void **state)
{
    static const struct hash_wide want[] = {{0xe6a825ba047f81a3u, 0x930255c71472f66du},
                                            {0x44af996bd8c187dau, 0x45fc229b11597634u},
                                            {0xc75da4a48d227781u, 0xe4ff0af6de8ba3fcu}};

    (void)state;
    for (size_t n = 0; n < sizeof want / sizeof *want; n++) {
        struct hash_wide h = hash_pieces_wide(&key, (const struct slice[]){{"\0\1", n}}, 1);

        assert_true(h.a == want[n].a && h.b == want[n].b);
    }
}

static void case_and_pairs(void **state)
{
    struct hash_key other = {key.k0, key.k1 + 1};

    (void)state;
    assert_true(hash_octets_lower(&key, S("Alice@EXAMPLE.com")) == hash_octets(&key, S("alice@example.com")));
    assert_true(hash_octets_lower(&key, S("@[\xc4")) == hash_octets(&key, S("@[\xc4")));
    assert_true(hash_octets(&key, S("a")) != hash_octets(&other, S("a")));
    assert_true(hash_pair(&key, S("ab"), S("c")) == hash_octets(&key, S("ab\0c")));
    assert_true(hash_pair(&key, S("ab"), S("c")) != hash_pair(&key, S("a"), S("bc")));
    assert_true(hash_pair(&key, SLICE_NONE, SLICE_NONE) == hash_octets(&key, S("\0")));
}

/* Cut at any two places they are the text with a zero octet there. */
static void pieces_wherever_they_are_cut(void **state)
{
    char text[40];

    (void)state;
    for (size_t a = 0; a + 2 < sizeof text; a++)
        for (size_t b = a + 1; b + 1 < sizeof text; b++) {
            for (size_t i = 0; i < sizeof text; i++)
                text[i] = i == a || i == b ? '\0' : (char)(i + 1);
            assert_true(hash_pieces(&key, (const struct slice[]){{text, a}, {text + a + 1, b - a - 1}, {text + b + 1, sizeof text - b - 1}}, 3) ==
                        hash_octets(&key, (struct slice){text, sizeof text}));
        }
}

/* A source that gives prepared numbers. */
struct prepared {
    const uint64_t *at;
};

static void give(void *ctx, void *p, size_t n)
{
    struct prepared *s = ctx;

    assert_int_equal(n, sizeof(uint64_t));
    memcpy(p, s->at++, n);
}

static void numbers_below_are_even(void **state)
{
    const uint64_t  said[] = {0, 1, 5, UINT64_MAX, 15, 16};
    struct prepared s = {said};
    struct rng      r = {give, &s};

    (void)state;
    assert_int_equal(rng_below(&r, 0), 0);
    assert_int_equal(rng_below(&r, 1), 0);
    assert_ptr_equal(s.at, said); /* nothing was drawn for these */
    /* 2^64 mod 10 is 6: of the 2^64 values the first six are passed over. */
    assert_int_equal(rng_below(&r, 10), UINT64_MAX % 10);
    assert_ptr_equal(s.at, said + 4);
    assert_int_equal(rng_below(&r, 16), 15);
    assert_int_equal(rng_below(&r, 16), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_authors_vectors),
        cmocka_unit_test(the_authors_wide_vectors),
        cmocka_unit_test(case_and_pairs),
        cmocka_unit_test(pieces_wherever_they_are_cut),
        cmocka_unit_test(numbers_below_are_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
