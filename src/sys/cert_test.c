/* cert_test.c - what cert_make() writes is a certificate with its key, good for the names that were said. */
#include "sys/cert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cmocka.h>

static const struct cert example = {.name = "an exchange", .names = "DNS:example.com,IP:192.0.2.1,URI:sip:example.com",
                                    .from_s = 1700000000, .days = 10};

static void it_is_good_for_its_names_and_time(void **state)
{
    char       chain_room[CERT_MAX_PEM], key_room[CERT_MAX_PEM];
    struct buf chain = BUF_ON(chain_room), key = BUF_ON(key_room);
    BIO       *in, *secret;
    X509      *x;
    EVP_PKEY  *k;
    time_t     before = 1699999999, within = 1700000000 + 9 * 24 * 3600, after = 1700000001 + 10 * 24 * 3600;

    (void)state;
    assert_int_equal(cert_make(&example, &chain, &key), ERR_OK);
    in = BIO_new_mem_buf(chain.p, (int)chain.n);
    secret = BIO_new_mem_buf(key.p, (int)key.n);
    assert_non_null(x = PEM_read_bio_X509(in, NULL, NULL, NULL));
    assert_non_null(k = PEM_read_bio_PrivateKey(secret, NULL, NULL, NULL));
    assert_int_equal(X509_check_private_key(x, k), 1);
    assert_int_equal(X509_verify(x, k), 1);
    assert_int_equal(X509_check_host(x, "example.com", 0, 0, NULL), 1);
    assert_int_equal(X509_check_host(x, "example.net", 0, 0, NULL), 0);
    assert_int_equal(X509_check_ip_asc(x, "192.0.2.1", 0), 1);
    assert_true(X509_cmp_time(X509_get0_notBefore(x), &before) > 0);
    assert_true(X509_cmp_time(X509_get0_notAfter(x), &within) > 0);
    assert_true(X509_cmp_time(X509_get0_notAfter(x), &after) < 0);
    X509_free(x);
    EVP_PKEY_free(k);
    BIO_free(in);
    BIO_free(secret);
}

static void no_two_are_alike(void **state)
{
    char       room[4][CERT_MAX_PEM], print[2][CERT_MAX_FINGERPRINT];
    struct buf b[4] = {BUF_ON(room[0]), BUF_ON(room[1]), BUF_ON(room[2]), BUF_ON(room[3])};
    struct buf f[2] = {BUF_ON(print[0]), BUF_ON(print[1])};

    (void)state;
    assert_int_equal(cert_make(&example, &b[0], &b[1]), ERR_OK);
    assert_int_equal(cert_make(&example, &b[2], &b[3]), ERR_OK);
    assert_int_equal(cert_put_fingerprint(&f[0], buf_slice(&b[0])), ERR_OK);
    assert_int_equal(cert_put_fingerprint(&f[1], buf_slice(&b[2])), ERR_OK);
    assert_int_equal(f[0].n, 32 * 3 - 1);
    assert_int_equal(f[0].p[2], ':');
    assert_false(slice_eq(buf_slice(&f[0]), buf_slice(&f[1])));
}

static void what_will_not_do_is_said(void **state)
{
    char        room[2][CERT_MAX_PEM];
    struct buf  chain = BUF_ON(room[0]), key = BUF_ON(room[1]), small = {.p = room[0], .cap = 100};
    struct cert odd = example;

    (void)state;
    odd.names = "XYZ:example.com";
    assert_int_equal(cert_make(&odd, &chain, &key), ERR_INVALID);
    assert_int_equal(cert_make(&example, &small, &key), ERR_NOMEM);
    buf_reset(&chain);
    assert_int_equal(cert_put_fingerprint(&chain, S("no certificate")), ERR_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_good_for_its_names_and_time),
        cmocka_unit_test(no_two_are_alike),
        cmocka_unit_test(what_will_not_do_is_said),
    };

    return cmocka_run_group_tests_name("sys/cert", tests, NULL, NULL);
}
