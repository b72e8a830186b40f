/* hash_test.c - HA1 and responses, against numbers worked out elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/auth/auth.h"
#include "sys/digest.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

struct known {
    enum auth_alg alg;
    enum auth_qop qop;
    const char   *response;
};

static struct slice ha1_of(const struct digester *d, enum auth_alg alg, struct auth_hash *h)
{
    const struct slice secret[3] = {S("1001"), S("example.com"), S("secret")};

    auth_ha1(d, auth_digest_of(alg), secret, h);
    return auth_hash_text(h);
}

static void responses_of_every_kind(void **state)
{
    static const struct known known[] = {
        {AUTH_MD5, AUTH_QOP_NONE, "7796880e810d2d69219fd4471140cc07"},
        {AUTH_MD5, AUTH_QOP_AUTH, "1d0085ce70d08fbb43a40ab203c7bf1c"},
        {AUTH_MD5, AUTH_QOP_AUTH_INT, "ab55667cfcead7ae2e3461f74d00d0a1"},
        {AUTH_MD5_SESS, AUTH_QOP_AUTH, "55c39fc72ee9058faedaa29517462a1e"},
        {AUTH_SHA256, AUTH_QOP_NONE, "3ffb49b455e5c272df62e801ee2674a3bc092740ae9c2ad05194f2c309553f18"},
        {AUTH_SHA256, AUTH_QOP_AUTH, "ee9ef1714d5b493ff5dcac107c9aaae65e910408bcb1ec0a4c82fd122b5f2733"},
        {AUTH_SHA256, AUTH_QOP_AUTH_INT, "c5a4ba5278b47fe7eadf48659fe75d5cfc7f941d16627edfa77211196bd05e68"},
        {AUTH_SHA256_SESS, AUTH_QOP_AUTH, "fda6ec5d48fb1656cf0dd58655d24a466275432a4b216a758dad0bb1d20f9917"},
    };
    struct digester d;

    (void)state;
    digest_open(&d);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct auth_hash        ha1;
        struct auth_asked       asked = {.ha1 = ha1_of(&d, known[i].alg, &ha1), .method = S("INVITE"), .body = S("v=0\r\n")};
        struct auth_credentials c = {.nonce = S("n0nce"), .uri = S("sip:1002@example.com"), .cnonce = S("c0"), .nc = 10,
                                     .alg = known[i].alg, .qop = known[i].qop, .response = slice_z(known[i].response)};

        if (auth_verify(&d, &c, &asked))
            fail_msg("case %zu", i);
        if (c.qop == AUTH_QOP_AUTH_INT) {
            asked.ha2 = S("of no use there");
            assert_int_equal(auth_verify(&d, &c, &asked), ERR_OK);
            asked.ha2 = SLICE_NONE;
        }
        asked.method = S("BYE");
        assert_int_equal(auth_verify(&d, &c, &asked), ERR_DENIED);
        asked.method = S("INVITE");
        c.nonce = S("other");
        assert_int_equal(auth_verify(&d, &c, &asked), ERR_DENIED);
    }
}

/* The example of RFC 7616 §3.9.1, both algorithms. */
static void the_example_of_the_rfc(void **state)
{
    const struct slice      secret[3] = {S("Mufasa"), S("http-auth@example.org"), S("Circle of Life")};
    struct auth_credentials c = {.nonce = S("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"), .uri = S("/dir/index.html"),
                                 .cnonce = S("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"), .nc = 1, .qop = AUTH_QOP_AUTH};
    struct auth_asked       asked = {.method = S("GET")};
    struct auth_hash        ha1, ha2;
    struct digester         d;

    (void)state;
    digest_open(&d);
    auth_ha1(&d, DIGEST_MD5, secret, &ha1);
    asked.ha1 = auth_hash_text(&ha1);
    c.response = S("8CA523F5E9506FED4657C9700EEBDBEC"); /* upper case is lived with */
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_OK);
    auth_ha1(&d, DIGEST_SHA256, secret, &ha1);
    asked.ha1 = auth_hash_text(&ha1);
    c.alg = AUTH_SHA256;
    c.response = S("753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_OK);
    auth_ha2(&d, DIGEST_SHA256, asked.method, c.uri, &ha2); /* kept by who asks */
    asked.ha2 = auth_hash_text(&ha2);
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_OK);
    auth_ha2(&d, DIGEST_SHA256, S("POST"), c.uri, &ha2);
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_DENIED);
}

static void what_cannot_be_verified(void **state)
{
    struct auth_hash        ha1;
    struct digester         d;
    struct auth_credentials c = {.nonce = S("n"), .uri = S("sip:a"), .response = S("0"), .alg = AUTH_SHA256};
    struct auth_asked       asked = {.method = S("BYE")};

    (void)state;
    digest_open(&d);
    asked.ha1 = ha1_of(&d, AUTH_MD5, &ha1);
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_UNSUPPORTED); /* a hash of the other algorithm */
    c.alg = AUTH_ALG_OTHER;
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_UNSUPPORTED);
    c.alg = AUTH_MD5;
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_DENIED);
    c.response = S("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0");
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_DENIED);
    c.qop = AUTH_QOP_OTHER;
    assert_int_equal(auth_verify(&d, &c, &asked), ERR_UNSUPPORTED);
}

static void algorithms_by_name(void **state)
{
    (void)state;
    for (enum auth_alg a = AUTH_MD5; a < AUTH_ALG_OTHER; a++)
        assert_int_equal(auth_alg_find(auth_alg_name(a)), a);
    assert_int_equal(auth_alg_find(S("")), AUTH_MD5);
    assert_int_equal(auth_alg_find(S("sha-256")), AUTH_SHA256);
    assert_int_equal(auth_alg_find(S("SHA-512-256")), AUTH_ALG_OTHER);
    assert_int_equal(auth_digest_of(AUTH_MD5_SESS), DIGEST_MD5);
    assert_int_equal(auth_digest_of(AUTH_SHA256_SESS), DIGEST_SHA256);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(responses_of_every_kind),
        cmocka_unit_test(the_example_of_the_rfc),
        cmocka_unit_test(what_cannot_be_verified),
        cmocka_unit_test(algorithms_by_name),
    };
    return cmocka_run_group_tests_name("sip/auth/hash", tests, NULL, NULL);
}
