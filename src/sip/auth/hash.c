/* hash.c - HA1, HA2 and the response: RFC 2617 §3.2.2, RFC 7616 §3.4.
 *
 * Room      sip/auth (pure).
 * In        texts, a digester.
 * Out       hashes as lower-case hex. */
#include "sip/auth/auth_priv.h"

static const struct slice names[] = {
    [AUTH_MD5] = S("MD5"),
    [AUTH_MD5_SESS] = S("MD5-sess"),
    [AUTH_SHA256] = S("SHA-256"),
    [AUTH_SHA256_SESS] = S("SHA-256-sess"),
};

enum auth_alg auth_alg_find(struct slice text)
{
    if (!text.n)
        return AUTH_MD5;
    for (enum auth_alg alg = AUTH_MD5; alg < AUTH_ALG_OTHER; alg++)
        if (slice_ieq(names[alg], text))
            return alg;
    return AUTH_ALG_OTHER;
}

struct slice auth_alg_name(enum auth_alg alg)
{
    return alg == AUTH_ALG_OTHER ? SLICE_NONE : names[alg];
}

enum digest_alg auth_digest_of(enum auth_alg alg)
{
    return alg == AUTH_MD5 || alg == AUTH_MD5_SESS ? DIGEST_MD5 : DIGEST_SHA256;
}

struct slice auth_hash_text(const struct auth_hash *h)
{
    return (struct slice){h->hex, h->n};
}

static void hash(const struct digester *d, enum digest_alg alg, const struct slice *pieces, size_t n, struct auth_hash *out)
{
    unsigned char octets[DIGESTER_MAX_OCTETS];
    struct buf    b = BUF_ON(out->hex);

    d->hash(d->ctx, alg, pieces, n, octets);
    buf_puthex(&b, (struct slice){(const char *)octets, DIGESTER_OCTETS(alg)});
    out->n = b.n;
}

#define HASH(d, alg, out, ...)                                                                                         \
    hash((d), (alg), (const struct slice[]){__VA_ARGS__},                                                              \
         sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice), (out))

void auth_ha1(const struct digester *d, enum digest_alg alg, const struct slice user_realm_password[3], struct auth_hash *out)
{
    HASH(d, alg, out, user_realm_password[0], S(":"), user_realm_password[1], S(":"), user_realm_password[2]);
}

static struct slice qop_name(enum auth_qop qop)
{
    return qop == AUTH_QOP_AUTH_INT ? S("auth-int") : S("auth");
}

void auth_ha2(const struct digester *d, enum digest_alg alg, struct slice method, struct slice uri, struct auth_hash *out)
{
    HASH(d, alg, out, method, S(":"), uri);
}

static struct slice ha2(const struct digester *d, const struct auth_credentials *c, const struct auth_asked *asked, struct auth_hash *room)
{
    enum digest_alg  alg = auth_digest_of(c->alg);
    struct auth_hash body;

    if (c->qop == AUTH_QOP_AUTH_INT) {
        HASH(d, alg, &body, asked->body);
        HASH(d, alg, room, asked->method, S(":"), c->uri, S(":"), auth_hash_text(&body));
        return auth_hash_text(room);
    }
    if (asked->ha2.n)
        return asked->ha2;
    auth_ha2(d, alg, asked->method, c->uri, room);
    return auth_hash_text(room);
}

void auth_put_nc(struct buf *b, uint32_t nc)
{
    const unsigned char octets[] = {(unsigned char)(nc >> 24), (unsigned char)(nc >> 16), (unsigned char)(nc >> 8), (unsigned char)nc};

    buf_puthex(b, (struct slice){(const char *)octets, sizeof octets});
}

void auth_response(const struct digester *d, const struct auth_credentials *c, const struct auth_asked *asked, struct auth_hash *out)
{
    enum digest_alg  alg = auth_digest_of(c->alg);
    struct slice     ha1 = asked->ha1, colon = S(":"), second;
    struct auth_hash session, room;
    char             nc[8];
    struct buf       b = BUF_ON(nc);

    if (c->alg == AUTH_MD5_SESS || c->alg == AUTH_SHA256_SESS) {
        HASH(d, alg, &session, ha1, colon, c->nonce, colon, c->cnonce);
        ha1 = auth_hash_text(&session);
    }
    second = ha2(d, c, asked, &room);
    if (c->qop == AUTH_QOP_NONE) {
        HASH(d, alg, out, ha1, colon, c->nonce, colon, second);
        return;
    }
    auth_put_nc(&b, c->nc);
    HASH(d, alg, out, ha1, colon, c->nonce, colon, buf_slice(&b), colon, c->cnonce, colon, qop_name(c->qop), colon,
         second);
}

enum err auth_verify(const struct digester *d, const struct auth_credentials *c, const struct auth_asked *asked)
{
    struct auth_hash right, given;
    struct buf       b = BUF_ON(given.hex);

    if (c->alg == AUTH_ALG_OTHER || c->qop == AUTH_QOP_OTHER
        || asked->ha1.n != 2 * DIGESTER_OCTETS(auth_digest_of(c->alg)))
        return ERR_UNSUPPORTED;
    auth_response(d, c, asked, &right);
    buf_put_lower(&b, c->response); /* some write it in upper case */
    return digest_same(auth_hash_text(&right), buf_slice(&b)) ? ERR_OK : ERR_DENIED;
}
