/* tls_keys.c - our certificate and whose certificates we take, as OpenSSL wants them.
 *
 * Room      net.
 * In        the table: tls_open(), tls_renew(), tls_close(); tls_keys_begin().
 * Touches   *keys. Keys are never written anywhere. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "net/real_priv.h"

/* A key with a password is one that cannot be used: nobody is there to be asked. */
static int no_password(char *out, int cap, int writing, void *arg)
{
    (void)writing;
    (void)arg;
    if (cap > 0)
        *out = '\0';
    return -1;
}

static BIO *reader(struct slice pem)
{
    return BIO_new_mem_buf(pem.p, (int)pem.n);
}

/* The certificate, then those that vouch for it. */
static enum err use_chain(SSL_CTX *ctx, struct slice pem)
{
    BIO     *b = reader(pem);
    X509    *x = b ? PEM_read_bio_X509(b, NULL, no_password, NULL) : NULL;
    enum err e = x ? ERR_OK : b ? ERR_SYNTAX : ERR_NOMEM;

    if (!e && SSL_CTX_use_certificate(ctx, x) != 1)
        e = ERR_INVALID;
    X509_free(x);
    while (!e && (x = PEM_read_bio_X509(b, NULL, no_password, NULL)))
        if (SSL_CTX_add_extra_chain_cert(ctx, x) != 1) {
            X509_free(x);
            e = ERR_NOMEM;
        }
    BIO_free(b);
    return e;
}

static enum err use_key(SSL_CTX *ctx, struct slice pem, enum net_tls_part *wrong)
{
    BIO      *b = reader(pem);
    EVP_PKEY *key = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
    enum err  e = key ? ERR_OK : b ? ERR_SYNTAX : ERR_NOMEM;

    if (!e && SSL_CTX_use_PrivateKey(ctx, key) != 1) {
        *wrong = NET_TLS_PAIR;
        e = ERR_INVALID;
    }
    EVP_PKEY_free(key);
    BIO_free(b);
    return e;
}

static enum err use_trust(SSL_CTX *ctx, struct slice pem)
{
    X509_STORE *store = SSL_CTX_get_cert_store(ctx);
    BIO        *b;
    X509       *x;
    size_t      n = 0;
    enum err    e = ERR_OK;

    if (!pem.n)
        return SSL_CTX_set_default_verify_paths(ctx) == 1 ? ERR_OK : ERR_NOMEM;
    if (!(b = reader(pem)))
        return ERR_NOMEM;
    for (; !e && (x = PEM_read_bio_X509_AUX(b, NULL, no_password, NULL)); n++) {
        if (X509_STORE_add_cert(store, x) != 1)
            e = ERR_NOMEM;
        X509_free(x);
    }
    BIO_free(b);
    return e ? e : n ? ERR_OK : ERR_SYNTAX;
}

static void set_manners(SSL_CTX *ctx)
{
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS); /* a connection at rest costs little */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets need no memory of ours */
}

static enum err use_all(SSL_CTX *ctx, const struct net_tls_config *c, enum net_tls_part *wrong)
{
    enum err e = ERR_OK;

    *wrong = NET_TLS_CHAIN;
    if (c->chain.n && (e = use_chain(ctx, c->chain)))
        return e;
    *wrong = NET_TLS_KEY;
    if (c->key.n && (e = use_key(ctx, c->key, wrong)))
        return e;
    *wrong = NET_TLS_PAIR;
    if (c->chain.n && SSL_CTX_check_private_key(ctx) != 1)
        return ERR_INVALID;
    *wrong = NET_TLS_TRUST;
    return c->unchecked ? ERR_OK : use_trust(ctx, c->trust);
}

static enum err context_of(const struct net_tls_config *c, enum net_tls_part *wrong, SSL_CTX **out)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_method());
    enum err e = ERR_NOMEM;

    *wrong = NET_TLS_CHAIN;
    if (ctx) {
        set_manners(ctx);
        e = use_all(ctx, c, wrong);
    }
    ERR_clear_error();
    if (e)
        SSL_CTX_free(ctx);
    else
        *out = ctx;
    return e;
}

enum err tls_open(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out)
{
    struct real    *r = real_of(n);
    struct net_tls *keys = mem_zalloc(r->mem, sizeof *keys);
    enum err        e = ERR_NOMEM;

    *wrong = NET_TLS_CHAIN;
    if (!keys)
        return ERR_NOMEM;
    keys->r = r;
    keys->unchecked = c->unchecked;
    keys->failed = c->failed;
    keys->arg = c->arg;
    pthread_mutex_init(&keys->lock, NULL);
    if ((keys->bio = tls_bio()))
        e = context_of(c, wrong, &keys->ctx);
    if (e)
        tls_close(keys);
    else
        *out = keys;
    return e;
}

/* Whoever has begun with the old one holds it. */
enum err tls_renew(struct net_tls *keys, const struct net_tls_config *c, enum net_tls_part *wrong)
{
    SSL_CTX *fresh, *old;
    enum err e = context_of(c, wrong, &fresh);

    if (e)
        return e;
    pthread_mutex_lock(&keys->lock);
    old = keys->ctx;
    keys->ctx = fresh;
    pthread_mutex_unlock(&keys->lock);
    SSL_CTX_free(old);
    return ERR_OK;
}

SSL *tls_keys_begin(struct net_tls *keys)
{
    SSL *s;

    pthread_mutex_lock(&keys->lock);
    s = SSL_new(keys->ctx);
    pthread_mutex_unlock(&keys->lock);
    return s;
}

void tls_close(struct net_tls *keys)
{
    SSL_CTX_free(keys->ctx);
    pthread_mutex_destroy(&keys->lock);
    BIO_meth_free(keys->bio);
    mem_free(keys->r->mem, keys, sizeof *keys);
}
