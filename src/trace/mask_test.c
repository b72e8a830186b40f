/* mask_test.c - secrets are covered, and nothing else is. */
#include "trace/mask.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pair {
    const char *in, *out;
};

/* In a block of just that size: a sanitizer sees whoever reads beyond it. */
static void assert_masked(const char *in, const char *out)
{
    size_t n = strlen(in);
    char  *block = malloc(n ? n : 1);

    assert_non_null(block);
    assert_int_equal(n, strlen(out));
    for (size_t i = 0; i < n; i++) /* no string: nothing stands behind it */
        block[i] = in[i];
    trace_mask(block, n);
    assert_memory_equal(block, out, n);
    free(block);
}

static void what_proves_a_password(void **state)
{
    static const struct pair pairs[] = {
        {"REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"1001\", nonce=\"abc\", uri=\"sip:x\", response=\"0123\", cnonce=\"c\", nc=00000001\r\n"
         "Call-ID: 1\r\n\r\n",
         "REGISTER sip:x SIP/2.0\r\nAuthorization: Digest username=\"1001\", nonce=\"abc\", uri=\"sip:x\", response=\"****\", cnonce=\"*\", nc=00000001\r\n"
         "Call-ID: 1\r\n\r\n"},
        {"proxy-AUTHORIZATION \t:digest\tRESPONSE = \"0123\",CNonce=abc,qop=auth\r\n",
         "proxy-AUTHORIZATION \t:digest\tRESPONSE = \"****\",CNonce=***,qop=auth\r\n"},
        {"Authentication-Info: rspauth=\"abcd\", cnonce=\"ef\", nextnonce=\"n\"\r\n",
         "Authentication-Info: rspauth=\"****\", cnonce=\"**\", nextnonce=\"n\"\r\n"},
        {"Proxy-Authentication-Info: rspauth=\"abcd\"\r\n", "Proxy-Authentication-Info: rspauth=\"****\"\r\n"},
        /* in a body; on lines that go on; by line ends that are not ours */
        {"NOTIFY sip:x SIP/2.0\r\n\r\nINVITE sip:y SIP/2.0\r\nAuthorization: Digest response=\"01\"\r\n",
         "NOTIFY sip:x SIP/2.0\r\n\r\nINVITE sip:y SIP/2.0\r\nAuthorization: Digest response=\"**\"\r\n"},
        {"Authorization: Digest nonce=\"n\",\r\n response=\r\n\t\"01\",\r\n cnonce=\"2\"\r\nTo: response=1\r\n",
         "Authorization: Digest nonce=\"n\",\r\n response=\r\n\t\"**\",\r\n cnonce=\"*\"\r\nTo: response=1\r\n"},
        {"A: b\nAuthorization: Digest response=\"01\"\n", "A: b\nAuthorization: Digest response=\"**\"\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_masked(pairs[i].in, pairs[i].out);
}

static void what_is_broken(void **state)
{
    static const struct pair pairs[] = {
        {"Authorization: Digest username=\"1001, response=\"01\"\r\n", "Authorization: Digest username=\"1001, response=\"**\"\r\n"},
        {"Authorization: Digest username=\"a\"b\", response=\"01\"\r\n", "Authorization: Digest username=\"a\"b\", response=\"**\"\r\n"},
        {"Authorization: Digest response=\"01", "Authorization: Digest response=\"**"},
        {"Authorization: Digest response=\"0\\\"1\", a=b", "Authorization: Digest response=\"****\", a=b"},
        {"Authorization: Digest response=\"0\\", "Authorization: Digest response=\"**"},
        {"Authorization: Digest response=", "Authorization: Digest response="},
        {"Authorization: Digest response", "Authorization: Digest response"},
        {"Authorization:", "Authorization:"},
        {"Authorization", "Authorization"},
        {"", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_masked(pairs[i].in, pairs[i].out);
}

static void other_credentials_whole(void **state)
{
    (void)state;
    assert_masked("Authorization: Basic MTAwMTpzZWNyZXQ=\r\nTo: x\r\n", "Authorization: Basic ****************\r\nTo: x\r\n");
    assert_masked("Authorization: Bearer abc.def\r\n", "Authorization: Bearer *******\r\n");
    assert_masked("Authorization: MTAwMTpz\r\n", "Authorization: ********\r\n");
}

static void keys_of_sound(void **state)
{
    (void)state;
    assert_masked("v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abcd|2^20\r\n", "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:****|2^20\r\n");
}

static void nothing_else(void **state)
{
    static const char *const texts[] = {
        "WWW-Authenticate: Digest realm=\"x\", nonce=\"response=1\", opaque=\"o\"\r\n",
        "Authorization: Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:x\", opaque=\"o\", algorithm=MD5, qop=auth, nc=00000001\r\n",
        "Authorization: Digest myresponse=\"1\", response-is=2, xcnonce=3\r\n",
        "Authorizations: Digest response=\"1\"\r\n",
        "X-Authorization: Digest response=\"1\"\r\n",
        "Subject: Authorization: Digest response=\"1\"\r\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_masked(texts[i], texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_proves_a_password), cmocka_unit_test(what_is_broken), cmocka_unit_test(other_credentials_whole),
        cmocka_unit_test(keys_of_sound),          cmocka_unit_test(nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
