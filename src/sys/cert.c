/* cert.c - certificates of our own making (RFC 5280), by OpenSSL.
 *
 * Room      sys.
 * Touches   its arguments. */
#include "sys/cert.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

enum { DAY_S = 24 * 3600, SERIAL_BITS = 64 };

static enum err put_bio(struct buf *b, BIO *from)
{
    char *text;
    long  n = BIO_get_mem_data(from, &text);

    buf_put(b, (struct slice){text, n > 0 ? (size_t)n : 0});
    return buf_err(b) ? ERR_NOMEM : ERR_OK;
}

static bool add_extension(X509 *x, int nid, const char *value)
{
    X509V3_CTX      ctx;
    X509_EXTENSION *e;
    bool            added;

    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    if (!(e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value)))
        return false;
    added = X509_add_ext(x, e, -1) == 1;
    X509_EXTENSION_free(e);
    return added;
}

static bool set_serial(X509 *x)
{
    BIGNUM *n = BN_new();
    bool    set = n && BN_rand(n, SERIAL_BITS, 0, 0) == 1 && BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x));

    BN_free(n);
    return set;
}

static bool set_subject(X509 *x, const char *name)
{
    X509_NAME *n = X509_get_subject_name(x);

    return X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0) == 1 &&
           X509_set_issuer_name(x, n) == 1;
}

static enum err fill_in(X509 *x, EVP_PKEY *key, const struct cert *c)
{
    if (X509_set_version(x, X509_VERSION_3) != 1 || !set_serial(x) || !set_subject(x, c->name) ||
        !ASN1_TIME_set(X509_getm_notBefore(x), (time_t)c->from_s) ||
        !ASN1_TIME_set(X509_getm_notAfter(x), (time_t)(c->from_s + c->days * DAY_S)) || X509_set_pubkey(x, key) != 1)
        return ERR_NOMEM;
    if (!add_extension(x, NID_basic_constraints, "critical,CA:FALSE") || !add_extension(x, NID_key_usage, "critical,digitalSignature") ||
        !add_extension(x, NID_subject_alt_name, c->names))
        return ERR_INVALID;
    return X509_sign(x, key, EVP_sha256()) > 0 ? ERR_OK : ERR_NOMEM;
}

static enum err write_both(X509 *x, EVP_PKEY *key, struct buf *chain, struct buf *key_out)
{
    BIO     *certificate = BIO_new(BIO_s_mem()), *secret = BIO_new(BIO_s_secmem());
    enum err e = ERR_NOMEM;

    if (certificate && secret && PEM_write_bio_X509(certificate, x) == 1 &&
        PEM_write_bio_PrivateKey(secret, key, NULL, NULL, 0, NULL, NULL) == 1 && !put_bio(chain, certificate))
        e = put_bio(key_out, secret);
    BIO_free(certificate);
    BIO_free(secret);
    return e;
}

enum err cert_make(const struct cert *c, struct buf *chain, struct buf *key_out)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509     *x = X509_new();
    enum err  e = key && x ? fill_in(x, key, c) : ERR_NOMEM;

    if (!e)
        e = write_both(x, key, chain, key_out);
    X509_free(x);
    EVP_PKEY_free(key);
    ERR_clear_error();
    return e;
}

enum err cert_put_fingerprint(struct buf *b, struct slice pem)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned      n = 0;
    BIO          *in = BIO_new_mem_buf(pem.p, (int)pem.n);
    X509         *x = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
    enum err      e = x && X509_digest(x, EVP_sha256(), digest, &n) == 1 ? ERR_OK : ERR_SYNTAX;

    for (unsigned i = 0; i < n; i++) {
        char octet[4];

        (void)snprintf(octet, sizeof octet, "%s%02X", i ? ":" : "", digest[i]);
        buf_put(b, slice_z(octet));
    }
    X509_free(x);
    BIO_free(in);
    ERR_clear_error();
    return e;
}
