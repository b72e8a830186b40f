/* nonce_test.c - a server's nonces and which nc of one were used: PROTOCOL 1.3. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/auth/auth.h"
#include "sys/digest.h"

static const struct hash_key key = {1, 2};

/* ERR_STALE: ours, but not of that time. */
static enum err check(const struct hash_key *k, uint64_t now_ms, struct slice nonce)
{
    struct auth_nonce n;
    enum err          e = auth_nonce_read(k, nonce, &n);

    return e ? e : auth_nonce_is_stale(n.made_ms, now_ms, 300000) ? ERR_STALE : ERR_OK;
}

static void protocol_1_3_a_nonce_is_known_again_by_its_mac(void **state)
{
    char           text[AUTH_NONCE_OCTETS], other[AUTH_NONCE_OCTETS];
    struct buf     b = BUF_ON(text), b2 = BUF_ON(other);
    const uint64_t now = 1700000000000;

    (void)state;
    auth_nonce_make(&b, &key, now, 7);
    assert_int_equal(buf_slice(&b).n, AUTH_NONCE_OCTETS);
    assert_int_equal(check(&key, now, buf_slice(&b)), ERR_OK);
    auth_nonce_make(&b2, &key, now, 8);
    assert_false(slice_eq(buf_slice(&b), buf_slice(&b2)));
    assert_int_equal(check(&key, now + 300000, buf_slice(&b)), ERR_OK);
    assert_int_equal(check(&key, now + 300001, buf_slice(&b)), ERR_STALE);
    assert_int_equal(check(&key, now - 300001, buf_slice(&b)), ERR_STALE); /* the clock went back */
    assert_int_equal(check(&key, now - 300000, buf_slice(&b)), ERR_OK);
}

static void protocol_1_3_what_is_not_ours(void **state)
{
    char       text[AUTH_NONCE_OCTETS];
    struct buf b = BUF_ON(text);

    (void)state;
    auth_nonce_make(&b, &key, 1000, 7);
    assert_int_equal(check(&key, 1000, S("")), ERR_DENIED);
    assert_int_equal(check(&key, 1000, slice_to(buf_slice(&b), AUTH_NONCE_OCTETS - 1)), ERR_DENIED);
    for (size_t i = 0; i < AUTH_NONCE_OCTETS; i++) {
        char was = text[i];

        text[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(check(&key, 1000, buf_slice(&b)), ERR_DENIED);
        text[i] = '!';
        assert_int_equal(check(&key, 1000, buf_slice(&b)), ERR_DENIED);
        text[i] = was;
    }
    assert_int_equal(check(&key, 1000, buf_slice(&b)), ERR_OK);
    assert_int_equal(check(&(struct hash_key){1, 3}, 1000, buf_slice(&b)), ERR_DENIED);
}

static void a_key_for_nonces_is_of_the_stored_one(void **state)
{
    struct digester d;
    struct hash_key a, again, b;

    (void)state;
    digest_open(&d);
    auth_nonce_key(&d, S("one stored key"), &a);
    auth_nonce_key(&d, S("one stored key"), &again);
    auth_nonce_key(&d, S("another"), &b);
    assert_memory_equal(&a, &again, sizeof a);
    assert_memory_not_equal(&a, &b, sizeof a);
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
        cmocka_unit_test(a_key_for_nonces_is_of_the_stored_one),
        cmocka_unit_test(protocol_1_3_within_the_window_order_does_not_matter),
        cmocka_unit_test(every_number_is_taken_once),
    };
    return cmocka_run_group_tests_name("sip/auth/nonce", tests, NULL, NULL);
}
