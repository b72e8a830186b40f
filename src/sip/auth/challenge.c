/* challenge.c - (WWW|Proxy)-Authenticate: read, write, choose. RFC 3261 §22, RFC 7616 §3.3, RFC 8760 §2.
 *
 * Room      sip/auth (pure).
 * In        values of header fields.
 * Out       challenges; the text of one. */
#include "sip/auth/auth_priv.h"

/* qop="auth,auth-int": a list in quotes. */
static void read_qop(struct slice list, struct auth_challenge *c)
{
    struct slice one;

    while (list.n) {
        slice_cut(&list, ',', &one);
        one = slice_trim(one);
        if (slice_ieq(one, S("auth")))
            c->qop_auth = true;
        else if (slice_ieq(one, S("auth-int")))
            c->qop_auth_int = true;
        else if (one.n)
            c->qop_other = true;
    }
}

static void take(struct auth_challenge *c, const struct auth_param *p, bool *has_realm)
{
    if (slice_ieq(p->name, S("realm"))) {
        c->realm = p->value;
        *has_realm = true;
    } else if (slice_ieq(p->name, S("nonce"))) {
        c->nonce = p->value;
    } else if (slice_ieq(p->name, S("opaque"))) {
        c->opaque = p->value;
    } else if (slice_ieq(p->name, S("domain"))) {
        c->domain = p->value;
    } else if (slice_ieq(p->name, S("algorithm"))) {
        c->alg = auth_alg_find(p->value);
    } else if (slice_ieq(p->name, S("stale"))) {
        c->stale = slice_ieq(p->value, S("true"));
    } else if (slice_ieq(p->name, S("qop"))) {
        read_qop(p->value, c);
    }
}

enum err auth_challenge_parse(struct arena *a, struct slice value, struct auth_challenge *out)
{
    struct auth_challenge c = {.alg = AUTH_MD5};
    struct auth_param     p;
    struct slice          rest;
    bool                  has_realm = false;
    unsigned              n = 0;
    enum err              e;

    if ((e = auth_params_begin(value, &rest)))
        return e;
    while ((e = auth_params_next(a, &rest, &p)) == ERR_OK) {
        if (++n > AUTH_MAX_PARAMS)
            return ERR_LIMIT;
        take(&c, &p, &has_realm);
    }
    if (e != ERR_NOTFOUND)
        return e;
    if (!has_realm || !c.nonce.n)
        return ERR_SYNTAX;
    *out = c;
    return ERR_OK;
}

static void put_quoted(struct buf *b, struct slice before, struct slice text)
{
    buf_put(b, before);
    msg_put_quoted(b, text);
}

void auth_put_challenge(struct buf *b, const struct auth_challenge *c)
{
    put_quoted(b, S("Digest realm="), c->realm);
    if (c->domain.n)
        put_quoted(b, S(", domain="), c->domain);
    put_quoted(b, S(", nonce="), c->nonce);
    if (c->opaque.n)
        put_quoted(b, S(", opaque="), c->opaque);
    if (c->stale)
        buf_put(b, S(", stale=true"));
    buf_puts(b, S(", algorithm="), auth_alg_name(c->alg));
    if (c->qop_auth && c->qop_auth_int)
        buf_put(b, S(", qop=\"auth,auth-int\""));
    else if (c->qop_auth || c->qop_auth_int)
        buf_put(b, c->qop_auth ? S(", qop=\"auth\"") : S(", qop=\"auth-int\""));
}

static bool can_answer(const struct auth_challenge *c)
{
    return c->alg != AUTH_ALG_OTHER && (c->qop_auth || c->qop_auth_int || !c->qop_other);
}

enum err auth_choose(struct arena *a, const struct msg *m, enum hdr_id id, struct slice realm, struct auth_challenge *out)
{
    struct auth_challenge c;

    for (const struct msg_row *r = msg_row(m, id); r; r = msg_row_next(m, r)) {
        if (auth_challenge_parse(a, r->value, &c) || !can_answer(&c) || (realm.n && !slice_eq(realm, c.realm)))
            continue;
        *out = c;
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}
