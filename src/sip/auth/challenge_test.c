/* challenge_test.c - challenges read, written and chosen: RFC 7616 §3.3, RFC 8760 §2; PROTOCOL 1.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sip/auth/auth.h"

#define assert_slice(got, want) assert_true(slice_eq((got), S(want)))

static char block[65536];

static enum err parse(struct slice value, struct auth_challenge *c)
{
    struct arena a;

    arena_init_fixed(&a, block, sizeof block);
    return auth_challenge_parse(&a, value, c);
}

static void its_parts(void **state)
{
    struct auth_challenge c;

    (void)state;
    assert_int_equal(parse(S("  digest realm = \"a \\\"b\\\" \\\\\",\r\n nonce=\"n,=\" , opaque=\"\", domain=\"sip:a sip:b\",stale=TRUE,"
                             "algorithm=sha-256,qop=\"auth , auth-int,new\",x=y"), &c), ERR_OK);
    assert_slice(c.realm, "a \"b\" \\");
    assert_slice(c.nonce, "n,=");
    assert_int_equal(c.opaque.n, 0);
    assert_slice(c.domain, "sip:a sip:b");
    assert_true(c.stale);
    assert_int_equal(c.alg, AUTH_SHA256);
    assert_true(c.qop_auth && c.qop_auth_int && c.qop_other);
    assert_int_equal(parse(S("Digest realm=\"\", nonce=n"), &c), ERR_OK);
    assert_int_equal(c.alg, AUTH_MD5);
    assert_false(c.stale || c.qop_auth || c.qop_auth_int || c.qop_other);
}

static void broken_ones(void **state)
{
    static const char *const bad[] = {
        "Digest", "Digest realm=\"x\"", "Digest nonce=\"x\"", "Digest realm=\"x\", nonce=\"", "Digest realm=\"x\" nonce=\"y\"",
        "Digest realm, nonce=\"y\"", "Digest realm=\"x\", =\"y\"", "Digest realm=\"x\\", "Digest re alm=\"x\", nonce=\"y\"",
    };
    struct auth_challenge c;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (parse(slice_z(bad[i]), &c) != ERR_SYNTAX)
            fail_msg("accepted: %s", bad[i]);
    assert_int_equal(parse(S("Basic realm=\"x\""), &c), ERR_UNSUPPORTED);
    assert_int_equal(parse(S(""), &c), ERR_UNSUPPORTED);
}

static void limits_are_kept(void **state)
{
    static char           text[4096];
    struct buf            b = BUF_ON(text);
    struct auth_challenge c;

    (void)state;
    buf_put(&b, S("Digest realm=\"x\", nonce=\"y\""));
    for (int i = 2; i < AUTH_MAX_PARAMS; i++)
        buf_put(&b, S(",a=b"));
    assert_int_equal(parse(buf_slice(&b), &c), ERR_OK);
    buf_put(&b, S(",a=b"));
    assert_int_equal(parse(buf_slice(&b), &c), ERR_LIMIT);
    buf_reset(&b);
    buf_put(&b, S("Digest realm=\"x\", nonce=\""));
    for (int i = 0; i <= AUTH_MAX_VALUE; i++)
        buf_putc(&b, 'n');
    buf_putc(&b, '"');
    assert_int_equal(parse(buf_slice(&b), &c), ERR_LIMIT);
}

static void written_as_phones_expect_it(void **state)
{
    char                  out[300];
    struct buf            b = BUF_ON(out);
    struct auth_challenge c = {.realm = S("example.com"), .nonce = S("abc"), .qop_auth = true}, again;

    (void)state;
    auth_put_challenge(&b, &c);
    assert_slice(buf_slice(&b), "Digest realm=\"example.com\", nonce=\"abc\", algorithm=MD5, qop=\"auth\"");
    buf_reset(&b);
    c = (struct auth_challenge){.realm = S("a\"b"), .nonce = S("n"), .opaque = S("o"), .domain = S("sip:a"), .stale = true,
                                .alg = AUTH_SHA256_SESS, .qop_auth = true, .qop_auth_int = true};
    auth_put_challenge(&b, &c);
    assert_slice(buf_slice(&b), "Digest realm=\"a\\\"b\", domain=\"sip:a\", nonce=\"n\", opaque=\"o\", stale=true, "
                                "algorithm=SHA-256-sess, qop=\"auth,auth-int\"");
    assert_int_equal(parse(buf_slice(&b), &again), ERR_OK);
    assert_true(slice_eq(again.realm, c.realm) && again.alg == c.alg && again.stale);
}

static struct msg *parsed(struct slice octets, struct arena *a)
{
    struct msg *m;

    arena_init_fixed(a, block, sizeof block);
    assert_int_equal(msg_parse(a, octets, &m), ERR_OK);
    return m;
}

static void protocol_1_1_the_topmost_that_is_known_is_answered(void **state)
{
    struct auth_challenge c;
    struct arena          a;
    struct msg *m = parsed(S("SIP/2.0 401 Unauthorized\r\n"
                             "WWW-Authenticate: Basic realm=\"r\"\r\n"
                             "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"\r\n"
                             "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", qop=\"better\"\r\n"
                             "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", algorithm=SHA-256, qop=\"auth\"\r\n"
                             "WWW-Authenticate: Digest realm=\"r\", nonce=\"4\", algorithm=MD5, qop=\"auth\"\r\n"
                             "WWW-Authenticate: Digest realm=\"s\", nonce=\"5\"\r\n\r\n"), &a);

    (void)state;
    assert_int_equal(auth_choose(&a, m, HDR_WWW_AUTHENTICATE, SLICE_NONE, &c), ERR_OK);
    assert_slice(c.nonce, "3");
    assert_int_equal(auth_choose(&a, m, HDR_WWW_AUTHENTICATE, S("s"), &c), ERR_OK);
    assert_slice(c.nonce, "5");
    assert_int_equal(auth_choose(&a, m, HDR_WWW_AUTHENTICATE, S("t"), &c), ERR_NOTFOUND);
    assert_int_equal(auth_choose(&a, m, HDR_PROXY_AUTHENTICATE, SLICE_NONE, &c), ERR_NOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_parts),
        cmocka_unit_test(broken_ones),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(written_as_phones_expect_it),
        cmocka_unit_test(protocol_1_1_the_topmost_that_is_known_is_answered),
    };
    return cmocka_run_group_tests_name("sip/auth/challenge", tests, NULL, NULL);
}
