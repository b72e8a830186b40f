/* nonce_test.c - a server's nonces and which nc of one were used: PROTOCOL 1.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/auth/auth.h"
#include "sys/digest.h"

static const struct slice key = S("0123456789abcdef0123456789abcdef");

static void protocol_1_3_a_nonce_is_known_again_by_its_mac(void **state)
{
    struct digester        d;
    char                   text[AUTH_NONCE_OCTETS], other[AUTH_NONCE_OCTETS];
    struct buf             b = BUF_ON(text), b2 = BUF_ON(other);
    struct auth_nonce_rule rule = {.key = key, .now_ms = 1700000000000, .max_age_ms = 300000};

    (void)state;
    digest_open(&d);
    auth_nonce_make(&b, &d, key, 1700000000000, 7);
    assert_int_equal(buf_slice(&b).n, AUTH_NONCE_OCTETS);
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_OK);
    auth_nonce_make(&b2, &d, key, 1700000000000, 8);
    assert_false(slice_eq(buf_slice(&b), buf_slice(&b2)));
    rule.now_ms += 300000;
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_OK);
    rule.now_ms += 1;
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_STALE);
    rule.now_ms = 1700000000000 - 300001; /* the clock went back */
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_STALE);
    rule.now_ms = 1700000000000 - 300000;
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_OK);
}

static void protocol_1_3_what_is_not_ours(void **state)
{
    struct digester        d;
    char                   text[AUTH_NONCE_OCTETS];
    struct buf             b = BUF_ON(text);
    struct auth_nonce_rule rule = {.key = key, .now_ms = 1000, .max_age_ms = 300000};

    (void)state;
    digest_open(&d);
    auth_nonce_make(&b, &d, key, 1000, 7);
    assert_int_equal(auth_nonce_check(&d, &rule, S("")), ERR_DENIED);
    assert_int_equal(auth_nonce_check(&d, &rule, slice_to(buf_slice(&b), AUTH_NONCE_OCTETS - 1)), ERR_DENIED);
    for (size_t i = 0; i < AUTH_NONCE_OCTETS - 1; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_DENIED);
        text[i] = '!';
        assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_DENIED);
        text[i] = was;
    }
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_OK);
    rule.key = S("another key");
    assert_int_equal(auth_nonce_check(&d, &rule, buf_slice(&b)), ERR_DENIED);
}

static void protocol_1_3_within_the_window_order_does_not_matter(void **state)
{
    struct auth_nc_window w = {0};

    (void)state;
    assert_int_equal(auth_nc_use(&w, 0), ERR_INVALID);
    assert_int_equal(auth_nc_use(&w, 2), ERR_OK);
    assert_int_equal(auth_nc_use(&w, 1), ERR_OK);
    assert_int_equal(auth_nc_use(&w, 1), ERR_EXISTS);
    assert_int_equal(auth_nc_use(&w, 2), ERR_EXISTS);
    assert_int_equal(auth_nc_use(&w, 65), ERR_OK);
    assert_int_equal(auth_nc_use(&w, 2), ERR_EXISTS); /* the last place of the window: 65 - 63 */
    assert_int_equal(auth_nc_use(&w, 3), ERR_OK);
    assert_int_equal(auth_nc_use(&w, 3), ERR_EXISTS);
    assert_int_equal(auth_nc_use(&w, 66), ERR_OK);
    assert_int_equal(auth_nc_use(&w, 2), ERR_EXISTS); /* fallen out: cannot be told from used */
    assert_int_equal(auth_nc_use(&w, 4), ERR_OK);
    assert_int_equal(auth_nc_use(&w, UINT32_MAX), ERR_OK);
    assert_int_equal(auth_nc_use(&w, UINT32_MAX), ERR_EXISTS);
    assert_int_equal(auth_nc_use(&w, UINT32_MAX - 63), ERR_OK);
    assert_int_equal(auth_nc_use(&w, UINT32_MAX - 64), ERR_EXISTS);
    assert_int_equal(auth_nc_use(&w, 5), ERR_EXISTS);
}

static void every_number_is_taken_once(void **state)
{
    struct auth_nc_window w = {0};
    unsigned              taken = 0;

    (void)state;
    for (uint32_t round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 64; i++)
            taken += auth_nc_use(&w, 1 + i * 37 % 64) == ERR_OK;
    assert_int_equal(taken, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(protocol_1_3_a_nonce_is_known_again_by_its_mac),
        cmocka_unit_test(protocol_1_3_what_is_not_ours),
        cmocka_unit_test(protocol_1_3_within_the_window_order_does_not_matter),
        cmocka_unit_test(every_number_is_taken_once),
    };
    return cmocka_run_group_tests_name("sip/auth/nonce", tests, NULL, NULL);
}
