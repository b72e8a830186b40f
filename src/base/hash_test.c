/* hash_test.c - SipHash-2-4 against the vectors of its authors, SipHash-1-3 against those of OpenSSL, and the other ways in. */
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

/* openssl mac -macopt hexkey:000102...0e0f -macopt c-rounds:1 -macopt d-rounds:3 -macopt size:8 (16) SIPHASH */
static void of_tables(void **state)
{
    static const struct {
        size_t           n; /* octets 0, 1, 2, ... n - 1 */
        uint64_t         want;
        struct hash_wide wide;
    } rows[] = {{0, 0xabac0158050fc4dcu, {0xbea58827b2bc7ee7u, 0x013030dd6adb62fdu}},
                {1, 0xc9f49bf37d57ca93u, {0xa8edd36004376ffcu, 0x63f02f2bcc73055eu}},
                {2, 0x82cb9b024dc7d44du, {0x9b836905097f7875u, 0x95ea6a8c54c95b85u}},
                {3, 0x8bf80ab8e7ddf7fbu, {0x9ff7dc1efaccc56bu, 0x43d7eb1277182348u}},
                {7, 0xd3927d989bb11140u, {0xc3e0aaf223b98410u, 0x77ab4808c82e2fa6u}},
                {8, 0x369095118d299a8eu, {0xb4dae3d5e1fe12aau, 0x99c7f935ab164f72u}},
                {15, 0xd320d86d2a519956u, {0x6c52bdb205557ec1u, 0x09017e1eeccd2129u}}};
    char octets[16];

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (char)i;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct slice     s = {octets, rows[i].n};
        struct hash_wide h = hash_names_wide(&key, &s, 1);

        assert_true(hash_name(&key, s) == rows[i].want);
        assert_true(h.a == rows[i].wide.a && h.b == rows[i].wide.b);
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
        cmocka_unit_test(of_tables),
        cmocka_unit_test(case_and_pairs),
        cmocka_unit_test(pieces_wherever_they_are_cut),
        cmocka_unit_test(numbers_below_are_even),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
