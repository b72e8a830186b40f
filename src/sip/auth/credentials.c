/* credentials.c - (Proxy-)Authorization: read and write. RFC 3261 §22.4, RFC 7616 §3.4.
 *
 * Room      sip/auth (pure).
 * In        values of header fields; a challenge and what to answer it with.
 * Out       credentials; the text of them. */
#include "sip/auth/auth_priv.h"

static enum auth_qop qop_find(struct slice text)
{
    if (slice_ieq(text, S("auth")))
        return AUTH_QOP_AUTH;
    return slice_ieq(text, S("auth-int")) ? AUTH_QOP_AUTH_INT : AUTH_QOP_OTHER;
}

static bool is(const struct auth_param *p, struct slice name)
{
    return slice_ieq(p->name, name);
}

/* Where the value of a text of that name goes; NULL: it is none of these. */
static struct slice *text_of(struct auth_credentials *c, const struct auth_param *p)
{
    switch (p->name.n) {
    case 3: return is(p, S("uri")) ? &c->uri : NULL;
    case 5: return is(p, S("realm")) ? &c->realm : is(p, S("nonce")) ? &c->nonce : NULL;
    case 6: return is(p, S("cnonce")) ? &c->cnonce : is(p, S("opaque")) ? &c->opaque : NULL;
    case 8: return is(p, S("username")) ? &c->username : is(p, S("response")) ? &c->response : NULL;
    default: return NULL;
    }
}

static enum err take(struct auth_credentials *c, const struct auth_param *p)
{
    struct slice *text = text_of(c, p);
    uint64_t      nc;

    if (text) {
        *text = p->value;
    } else if (is(p, S("algorithm"))) {
        c->alg = auth_alg_find(p->value);
    } else if (is(p, S("qop"))) {
        c->qop = qop_find(p->value);
    } else if (is(p, S("nc"))) {
        if (p->value.n != 8 || slice_hex64(p->value, &nc) || nc == 0)
            return ERR_SYNTAX;
        c->nc = (uint32_t)nc;
    }
    return ERR_OK;
}

enum err auth_credentials_parse(struct arena *a, struct slice value, struct auth_credentials *out)
{
    struct auth_credentials c = {.alg = AUTH_MD5};
    struct auth_param       p;
    struct slice            rest;
    unsigned                n = 0;
    enum err                e;

    if ((e = auth_params_begin(value, &rest)))
        return e;
    while ((e = auth_params_next(a, &rest, &p)) == ERR_OK) {
        if (++n > AUTH_MAX_PARAMS)
            return ERR_LIMIT;
        if ((e = take(&c, &p)))
            return e;
    }
    if (e != ERR_NOTFOUND)
        return e;
    if (!c.username.n || !c.nonce.n || !c.uri.n || !c.response.n)
        return ERR_SYNTAX;
    if (c.qop != AUTH_QOP_NONE && (!c.nc || !c.cnonce.n))
        return ERR_SYNTAX;
    *out = c;
    return ERR_OK;
}

enum err auth_find_credentials(struct arena *a, const struct msg *m, struct slice realm, size_t i,
                               struct auth_credentials *out)
{
    static const enum hdr_id ids[] = {HDR_AUTHORIZATION, HDR_PROXY_AUTHORIZATION};
    struct auth_credentials  c;

    for (size_t k = 0; k < sizeof ids / sizeof ids[0]; k++) {
        for (const struct msg_row *r = msg_row(m, ids[k]); r; r = msg_row_next(m, r)) {
            if (auth_credentials_parse(a, r->value, &c) || !slice_eq(c.realm, realm) || i-- > 0)
                continue;
            c.proxy = ids[k] == HDR_PROXY_AUTHORIZATION;
            *out = c;
            return ERR_OK;
        }
    }
    return ERR_NOTFOUND;
}

static enum auth_qop qop_for(const struct auth_challenge *c)
{
    if (c->qop_auth)
        return AUTH_QOP_AUTH;
    if (c->qop_auth_int)
        return AUTH_QOP_AUTH_INT;
    return c->qop_other ? AUTH_QOP_OTHER : AUTH_QOP_NONE;
}

static void put_quoted(struct buf *b, struct slice before, struct slice text)
{
    buf_put(b, before);
    msg_put_quoted(b, text);
}

static void put_counted(struct buf *b, const struct auth_credentials *c)
{
    buf_puts(b, S(", qop="), c->qop == AUTH_QOP_AUTH ? S("auth") : S("auth-int"), S(", nc="));
    auth_put_nc(b, c->nc);
}

static void put_credentials(struct buf *b, const struct auth_credentials *c)
{
    put_quoted(b, S("Digest username="), c->username);
    put_quoted(b, S(", realm="), c->realm);
    put_quoted(b, S(", nonce="), c->nonce);
    put_quoted(b, S(", uri="), c->uri);
    put_quoted(b, S(", response="), c->response);
    if (c->cnonce.n)
        put_quoted(b, S(", cnonce="), c->cnonce);
    if (c->opaque.n)
        put_quoted(b, S(", opaque="), c->opaque);
    buf_puts(b, S(", algorithm="), auth_alg_name(c->alg));
    if (c->qop != AUTH_QOP_NONE)
        put_counted(b, c);
}

enum err auth_put_credentials(struct buf *b, const struct digester *d, const struct auth_login *login)
{
    const struct auth_challenge *ch = login->challenge;
    struct auth_credentials      c = {.username = login->username, .realm = ch->realm, .nonce = ch->nonce,
                                      .uri = login->uri, .opaque = ch->opaque, .alg = ch->alg, .qop = qop_for(ch),
                                      .nc = login->nc};
    struct auth_asked            asked = {.ha1 = login->ha1, .method = login->method, .body = login->body};
    const struct slice           secret[3] = {login->username, ch->realm, login->password};
    struct auth_hash             ha1, response;

    if (c.alg == AUTH_ALG_OTHER || c.qop == AUTH_QOP_OTHER)
        return ERR_UNSUPPORTED;
    if (c.qop != AUTH_QOP_NONE || c.alg == AUTH_MD5_SESS || c.alg == AUTH_SHA256_SESS)
        c.cnonce = login->cnonce;
    if (!asked.ha1.n) {
        auth_ha1(d, auth_digest_of(c.alg), secret, &ha1);
        asked.ha1 = auth_hash_text(&ha1);
    }
    auth_response(d, &c, &asked, &response);
    c.response = auth_hash_text(&response);
    put_credentials(b, &c);
    return buf_err(b);
}

bool auth_may_challenge(enum method method)
{
    return method != METHOD_ACK && method != METHOD_CANCEL;
}
