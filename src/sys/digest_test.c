/* digest_test.c - known answers (RFC 1321 §A.5, FIPS 180-4, RFC 4231); and base's SipHash against OpenSSL's. */
#include "sys/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/hash.h"

static void assert_hex(const unsigned char *octets, size_t n, const char *want)
{
    char       text[2 * DIGESTER_MAX_OCTETS];
    struct buf b = BUF_ON(text);

    buf_puthex(&b, (struct slice){(const char *)octets, n});
    assert_int_equal(buf_slice(&b).n, strlen(want));
    assert_memory_equal(text, want, strlen(want));
}

static void assert_hash(const struct digester *d, enum digest_alg alg, const struct slice *pieces, size_t n, const char *want)
{
    unsigned char out[DIGESTER_MAX_OCTETS];

    d->hash(d->ctx, alg, pieces, n, out);
    assert_hex(out, DIGESTER_OCTETS(alg), want);
}

static void known_hashes(void **state)
{
    struct slice    pieces[] = {S("message "), SLICE_NONE, S("dig"), S("est")};
    struct digester d;

    (void)state;
    digest_open(&d);
    for (int i = 0; i < 2; i++) { /* again: the context is used again */
        assert_hash(&d, DIGEST_MD5, NULL, 0, "d41d8cd98f00b204e9800998ecf8427e");
        assert_hash(&d, DIGEST_MD5, pieces, 4, "f96b697d7cb7938d525a2f31aaf161d0");
        assert_hash(&d, DIGEST_SHA256, NULL, 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_hash(&d, DIGEST_SHA256, &(struct slice){"abc", 3}, 1,
                    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}

static void known_macs(void **state)
{
    static const char  long_key[131] = {[0 ... 130] = '\xaa'};
    static const char  key[20] = {[0 ... 19] = '\x0b'};
    const struct slice hi[] = {S("Hi"), S(" There")}, jefe[] = {S("what do ya want "), S("for nothing?")};
    const struct slice large = S("Test Using Larger Than Block-Size Key - Hash Key First");
    struct digester    d;
    unsigned char      out[32];

    (void)state;
    digest_open(&d);
    d.hmac(d.ctx, (struct slice){key, sizeof key}, hi, 2, out);
    assert_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    d.hmac(d.ctx, S("Jefe"), jefe, 2, out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    d.hmac(d.ctx, (struct slice){long_key, sizeof long_key}, &large, 1, out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    d.hmac(d.ctx, SLICE_NONE, NULL, 0, out); /* an empty key is a key, not "the last one again" */
    assert_hex(out, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void secrets_compared(void **state)
{
    (void)state;
    assert_true(digest_same(S("abc"), S("abc")));
    assert_true(digest_same(SLICE_NONE, SLICE_NONE));
    assert_false(digest_same(S("abc"), S("abd")));
    assert_false(digest_same(S("abc"), S("abcd")));
}

static uint64_t siphash_of_openssl(const struct hash_key *key, struct slice s)
{
    unsigned char k[16], out[8];
    size_t        n = sizeof out;
    OSSL_PARAM    params[] = {OSSL_PARAM_construct_size_t(OSSL_MAC_PARAM_SIZE, &n), OSSL_PARAM_construct_end()};
    EVP_MAC      *mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    EVP_MAC_CTX  *c = EVP_MAC_CTX_new(mac);
    uint64_t      v = 0;

    for (int i = 0; i < 8; i++) {
        k[i] = (unsigned char)(key->k0 >> 8 * i);
        k[8 + i] = (unsigned char)(key->k1 >> 8 * i);
    }
    assert_true(EVP_MAC_init(c, k, sizeof k, params));
    assert_true(EVP_MAC_update(c, (const unsigned char *)s.p, s.n));
    assert_true(EVP_MAC_final(c, out, &n, sizeof out));
    for (int i = 0; i < 8; i++)
        v |= (uint64_t)out[i] << 8 * i;
    EVP_MAC_CTX_free(c);
    EVP_MAC_free(mac);
    return v;
}

static void siphash_agrees_at_all_lengths(void **state)
{
    struct hash_key key = {0x123456789abcdef0u, 0xfedcba9876543210u};
    char            octets[100];

    (void)state;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (char)(i * 37 + 11);
    for (size_t n = 0; n <= sizeof octets; n++) {
        struct slice all = {octets, n};
        uint64_t     want = siphash_of_openssl(&key, all);

        assert_true(hash_octets(&key, all) == want);
        if (n < sizeof octets) {
            char zero = octets[n]; /* a pair is one text with a zero between, wherever that lies in a word */

            octets[n] = '\0';
            assert_true(hash_pair(&key, all, slice_from((struct slice){octets, sizeof octets}, n + 1)) ==
                        hash_octets(&key, (struct slice){octets, sizeof octets}));
            octets[n] = zero;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hashes),
        cmocka_unit_test(known_macs),
        cmocka_unit_test(secrets_compared),
        cmocka_unit_test(siphash_agrees_at_all_lengths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
