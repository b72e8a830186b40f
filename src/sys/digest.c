/* digest.c - hashes by OpenSSL 3.
 *
 * Room      sys.
 * Touches   the algorithms (fetched once, never freed) and one set of contexts per thread (freed at its end). */
#include "sys/digest.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOINED_OCTETS 512

struct contexts {
    EVP_MD_CTX  *md[DIGEST_ALG_N];
    EVP_MAC_CTX *hmac;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t  key;
static EVP_MD        *algorithms[DIGEST_ALG_N];
static EVP_MAC       *mac;

static _Thread_local struct contexts *mine;

static void *must(void *p, const char *what)
{
    if (!p) {
        fprintf(stderr, "strowger: OpenSSL gives no %s\n", what);
        abort();
    }
    return p;
}

static void must_do(int ok, const char *what)
{
    must(ok ? &key : NULL, what);
}

static void close_contexts(void *arg)
{
    struct contexts *c = arg;

    for (int i = 0; i < DIGEST_ALG_N; i++)
        EVP_MD_CTX_free(c->md[i]);
    EVP_MAC_CTX_free(c->hmac);
    free(c);
    mine = NULL;
}

static void fetch(void)
{
    algorithms[DIGEST_MD5] = must(EVP_MD_fetch(NULL, "MD5", NULL), "MD5");
    algorithms[DIGEST_SHA256] = must(EVP_MD_fetch(NULL, "SHA256", NULL), "SHA-256");
    mac = must(EVP_MAC_fetch(NULL, "HMAC", NULL), "HMAC");
    must_do(pthread_key_create(&key, close_contexts) == 0, "thread key");
}

static struct contexts *contexts(void)
{
    OSSL_PARAM params[2] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char[]){"SHA256"}, 0),
                            OSSL_PARAM_construct_end()};

    if (mine)
        return mine;
    pthread_once(&once, fetch);
    mine = must(calloc(1, sizeof *mine), "memory");
    for (int i = 0; i < DIGEST_ALG_N; i++)
        mine->md[i] = must(EVP_MD_CTX_new(), "memory");
    mine->hmac = must(EVP_MAC_CTX_new(mac), "memory");
    must_do(EVP_MAC_CTX_set_params(mine->hmac, params), "HMAC-SHA-256");
    must_do(pthread_setspecific(key, mine) == 0, "memory");
    return mine;
}

/* Short texts are joined first: a piece costs as much on its way through OpenSSL as a block costs to be hashed. False: too
 * long for that. */
static bool join(const struct slice *pieces, size_t n, char room[JOINED_OCTETS], size_t *octets)
{
    *octets = 0;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].n > JOINED_OCTETS - *octets)
            return false;
        if (pieces[i].n)
            memcpy(room + *octets, pieces[i].p, pieces[i].n);
        *octets += pieces[i].n;
    }
    return true;
}

static void hash(void *ctx, enum digest_alg alg, const struct slice *pieces, size_t n, unsigned char *out)
{
    EVP_MD_CTX *c = contexts()->md[alg];
    char        joined[JOINED_OCTETS];
    size_t      octets;

    (void)ctx;
    must_do(EVP_DigestInit_ex2(c, algorithms[alg], NULL), "digest");
    if (join(pieces, n, joined, &octets))
        must_do(EVP_DigestUpdate(c, joined, octets), "digest");
    else
        for (size_t i = 0; i < n; i++)
            must_do(EVP_DigestUpdate(c, pieces[i].p, pieces[i].n), "digest");
    must_do(EVP_DigestFinal_ex(c, out, NULL), "digest");
    explicit_bzero(joined, octets); /* a password may have been in it */
}

static void hmac(void *ctx, struct slice secret, const struct slice *pieces, size_t n, unsigned char *out)
{
    static const unsigned char none[1];
    EVP_MAC_CTX *c = contexts()->hmac;
    size_t       written;

    (void)ctx;
    /* A NULL key would mean "the last one again". */
    must_do(EVP_MAC_init(c, secret.n ? (const unsigned char *)secret.p : none, secret.n, NULL), "HMAC");
    for (size_t i = 0; i < n; i++)
        must_do(EVP_MAC_update(c, (const unsigned char *)pieces[i].p, pieces[i].n), "HMAC");
    must_do(EVP_MAC_final(c, out, &written, 32), "HMAC");
}

void digest_open(struct digester *out)
{
    contexts();
    *out = (struct digester){hash, hmac, NULL};
}
