/* tls.c - what OpenSSL does for one connection: sealed octets there, plain ones here; whose certificate is it?
 *
 * Room      net.
 * In        tcp.c.
 * Out       s->put, with sealed octets.
 * Touches   *s; keys->plain.
 *
 * OpenSSL reads and writes by a BIO of ours: what it reads is what tls_hear() was given, all of which it takes; what it writes
 * is taken whole by the connection, which queues it. So it never has to wait for anything but more octets of the peer's. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "net/real_priv.h"

struct tls {
    struct net_tls *keys;
    SSL            *ssl;
    tls_put        *put;
    void           *arg;
    enum err        put_failed;
    struct slice    in;      /* has arrived and is not read yet */
    bool            open, finished;
    char           *early;   /* said before the handshake was done */
    size_t          n_early, cap_early;
    char            name[NET_TLS_MAX_NAME + 1]; /* of the peer; empty: whoever it is */
};

/* ---- the BIO ---- */

static int bio_read(BIO *b, char *to, size_t cap, size_t *n)
{
    struct tls *s = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    *n = s->in.n < cap ? s->in.n : cap;
    if (!*n) {
        BIO_set_retry_read(b);
        return 0;
    }
    memcpy(to, s->in.p, *n);
    s->in = slice_from(s->in, *n);
    return 1;
}

static int bio_write(BIO *b, const char *from, size_t n, size_t *done)
{
    struct tls *s = BIO_get_data(b);

    BIO_clear_retry_flags(b);
    *done = 0;
    if (!s->put_failed)
        s->put_failed = s->put(s->arg, (struct slice){from, n});
    if (s->put_failed)
        return 0;
    *done = n;
    return 1;
}

static long bio_ctrl(BIO *b, int what, long number, void *arg)
{
    (void)b;
    (void)number;
    (void)arg;
    return what == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *b)
{
    BIO_set_init(b, 1);
    return 1;
}

BIO_METHOD *tls_bio(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "connection");

    if (m && BIO_meth_set_read_ex(m, bio_read) && BIO_meth_set_write_ex(m, bio_write) && BIO_meth_set_ctrl(m, bio_ctrl) &&
        BIO_meth_set_create(m, bio_create))
        return m;
    BIO_meth_free(m);
    return NULL;
}

/* ---- whose certificate (RFC 5922 §7) ---- */

/* "sip:example.com" says that it is example.com's; with a user part it is a person's. The scheme has been looked at. */
static bool is_uri_of(const ASN1_IA5STRING *uri, const char *name)
{
    struct slice s = {(const char *)ASN1_STRING_get0_data(uri), (size_t)ASN1_STRING_length(uri)};

    return slice_ieq(slice_from(s, 4), slice_z(name)) && slice_find(s, '@') == SIZE_MAX;
}

static bool is_sip_uri(const GENERAL_NAME *g)
{
    return g->type == GEN_URI && slice_istarts((struct slice){(const char *)ASN1_STRING_get0_data(g->d.uniformResourceIdentifier),
                                                              (size_t)ASN1_STRING_length(g->d.uniformResourceIdentifier)},
                                               S("sip:"));
}

/* By its SIP URIs where it has any, and then by nothing else. */
static bool by_uri(X509 *x, const char *name, bool *has_uri)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool           found = false;

    for (int i = 0; i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *g = sk_GENERAL_NAME_value(all, i);

        if (!is_sip_uri(g))
            continue;
        *has_uri = true;
        found |= is_uri_of(g->d.uniformResourceIdentifier, name);
    }
    GENERAL_NAMES_free(all);
    return found;
}

static bool is_for(X509 *x, const char *name)
{
    bool        has_uri = false;
    struct addr ip;

    if (addr_parse_ip(slice_z(name), &ip) == ERR_OK)
        return X509_check_ip_asc(x, name, 0) == 1;
    if (by_uri(x, name, &has_uri))
        return true;
    return !has_uri && X509_check_host(x, name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1;
}

/* Asked for each certificate of the chain, the peer's own last. */
static int on_certificate(int fine, X509_STORE_CTX *c)
{
    SSL              *ssl = X509_STORE_CTX_get_ex_data(c, SSL_get_ex_data_X509_STORE_CTX_idx());
    const struct tls *s = SSL_get_app_data(ssl);

    if (fine && X509_STORE_CTX_get_error_depth(c) == 0 && !is_for(X509_STORE_CTX_get_current_cert(c), s->name)) {
        X509_STORE_CTX_set_error(c, X509_V_ERR_HOSTNAME_MISMATCH);
        return 0;
    }
    return fine;
}

/* ---- begin and end ---- */

static enum err set_peer(struct tls *s)
{
    struct addr ip;
    bool        is_ip = addr_parse_ip(slice_z(s->name), &ip) == ERR_OK;

    SSL_set_connect_state(s->ssl);
    if (s->name[0] && !is_ip && SSL_set_tlsext_host_name(s->ssl, s->name) != 1)
        return ERR_NOMEM;
    if (!s->keys->unchecked)
        SSL_set_verify(s->ssl, SSL_VERIFY_PEER, on_certificate);
    return ERR_OK;
}

static enum err set_up(struct tls *s, bool accepted)
{
    BIO *b;

    if (!(s->ssl = tls_keys_begin(s->keys)) || !(b = BIO_new(s->keys->bio)))
        return ERR_NOMEM;
    BIO_set_data(b, s);
    SSL_set_bio(s->ssl, b, b);
    SSL_set_app_data(s->ssl, s);
    if (!accepted)
        return set_peer(s);
    SSL_set_accept_state(s->ssl);
    return ERR_OK;
}

enum err tls_new(struct net_tls *keys, bool accepted, struct slice name, struct tls **out)
{
    struct tls *s = mem_zalloc(keys->r->mem, sizeof *s);
    enum err    e;

    if (!s)
        return ERR_NOMEM;
    s->keys = keys;
    memcpy(s->name, name.p ? name.p : "", name.n); /* NET_TLS_MAX_NAME at most: net_tcp_secure() */
    if ((e = set_up(s, accepted)))
        tls_free(s);
    else
        *out = s;
    return e;
}

void tls_puts(struct tls *s, tls_put *put, void *arg)
{
    s->put = put;
    s->arg = arg;
}

void tls_free(struct tls *s)
{
    struct mem *mem;

    if (!s)
        return;
    mem = s->keys->r->mem;
    SSL_free(s->ssl);
    mem_free(mem, s->early, s->cap_early);
    mem_free(mem, s, sizeof *s);
}

bool tls_is_open(const struct tls *s)
{
    return s->open;
}

/* ---- what goes wrong ---- */

/* An alert about a certificate of ours, or one of the peer's that is not taken (RFC 8446 §6.2). */
static bool is_about_certificate(const struct tls *s)
{
    int alert = ERR_GET_REASON(ERR_peek_last_error()) - SSL_AD_REASON_OFFSET;

    return SSL_get_verify_result(s->ssl) != X509_V_OK || (alert >= SSL_AD_BAD_CERTIFICATE && alert <= SSL_AD_CERTIFICATE_UNKNOWN) ||
           alert == SSL_AD_UNKNOWN_CA || alert == SSL_AD_CERTIFICATE_REQUIRED;
}

void tls_tell_failed(const struct tls *s, const struct addr *remote, enum err why)
{
    char        text[NET_TLS_MAX_NAME + 128];
    long        verdict = SSL_get_verify_result(s->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());

    if (!s->keys->failed)
        return;
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH)
        (void)snprintf(text, sizeof text, "its certificate is not for %s", s->name);
    else if (verdict != X509_V_OK)
        (void)snprintf(text, sizeof text, "its certificate: %s", X509_verify_cert_error_string(verdict));
    else
        (void)snprintf(text, sizeof text, "%s", why == ERR_TIMEOUT ? "no handshake in time" : reason ? reason : err_text(why));
    s->keys->failed(s->keys->arg, remote, slice_z(text));
}

/* After OpenSSL has said no: does it only want more? */
static enum err why_not(const struct tls *s, int said)
{
    if (SSL_get_error(s->ssl, said) == SSL_ERROR_WANT_READ)
        return ERR_AGAIN;
    if (s->put_failed)
        return s->put_failed;
    return is_about_certificate(s) ? ERR_DENIED : ERR_IO;
}

/* ---- octets ---- */

static enum err seal(struct tls *s, struct slice octets)
{
    size_t   done;
    enum err e;

    ERR_clear_error();
    if (!octets.n || SSL_write_ex(s->ssl, octets.p, octets.n, &done) == 1)
        return ERR_OK;
    e = why_not(s, 0);
    return e == ERR_AGAIN ? ERR_IO : e; /* without renegotiation nothing has to be read first */
}

static enum err say_early(struct tls *s)
{
    enum err e = seal(s, (struct slice){s->early, s->n_early});

    mem_free(s->keys->r->mem, s->early, s->cap_early);
    s->early = NULL;
    s->n_early = s->cap_early = 0;
    return e;
}

static enum err shake(struct tls *s)
{
    int      said;
    enum err e;

    ERR_clear_error();
    if ((said = SSL_do_handshake(s->ssl)) != 1) {
        e = why_not(s, said);
        return e == ERR_AGAIN ? ERR_OK : e;
    }
    s->open = true;
    return say_early(s);
}

enum err tls_begin(struct tls *s)
{
    return shake(s);
}

static enum err unseal(struct tls *s, struct tls_heard *out)
{
    char  *plain = s->keys->plain;
    size_t n = 0, got;

    ERR_clear_error();
    while (n < REAL_TLS_PLAIN_OCTETS && SSL_read_ex(s->ssl, plain + n, REAL_TLS_PLAIN_OCTETS - n, &got) == 1)
        n += got;
    out->octets = (struct slice){plain, n};
    out->ended = SSL_get_shutdown(s->ssl) & SSL_RECEIVED_SHUTDOWN;
    if (out->ended)
        return ERR_OK;
    return why_not(s, 0) == ERR_AGAIN ? ERR_OK : why_not(s, 0);
}

enum err tls_hear(struct tls *s, struct slice sealed, struct tls_heard *out)
{
    bool     early = s->n_early > 0;
    enum err e = ERR_OK;

    *out = (struct tls_heard){.opened = false};
    s->in = sealed;
    if (!s->open) {
        e = shake(s);
        out->opened = s->open;
        out->said = s->open && early;
    }
    if (!e && s->open)
        e = unseal(s, out);
    s->in = SLICE_NONE;
    return e;
}

static enum err keep_early(struct tls *s, struct slice octets)
{
    struct mem *mem = s->keys->r->mem;
    size_t      cap = 2 * (s->n_early + octets.n);
    char       *bigger;

    if (octets.n > NET_MAX_QUEUED_OCTETS - s->n_early)
        return ERR_FULL;
    if (s->cap_early - s->n_early < octets.n) {
        if (!(bigger = mem_alloc(mem, cap)))
            return ERR_NOMEM;
        if (s->n_early)
            memcpy(bigger, s->early, s->n_early);
        mem_free(mem, s->early, s->cap_early);
        s->early = bigger;
        s->cap_early = cap;
    }
    memcpy(s->early + s->n_early, octets.p, octets.n);
    s->n_early += octets.n;
    return ERR_OK;
}

enum err tls_say(struct tls *s, struct slice octets)
{
    if (!octets.n)
        return ERR_OK;
    return s->open ? seal(s, octets) : keep_early(s, octets);
}

void tls_finish(struct tls *s)
{
    ERR_clear_error();
    if (s->open && !s->finished)
        (void)SSL_shutdown(s->ssl); /* 0: said, and the peer has not yet */
    s->finished = s->open;
}
