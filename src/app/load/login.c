/* login.c - challenges answered, as phones do: the last nonce is used again, counted, until the server wants another.
 *
 * Room      app/load. All phones have one password, and the server one realm. */
#include <string.h>

#include "app/load/load_priv.h"

void load_login_put(struct load_phone *p, struct buf *b, const struct load_ask *ask)
{
    struct load           *l = p->load;
    struct load_login     *k = &p->login;
    struct auth_challenge  c = {.realm = l->realm, .nonce = {k->nonce, k->n_nonce}, .alg = (enum auth_alg)k->alg, .qop_auth = k->qop};
    char                   number_room[LOAD_NUMBER_OCTETS], cnonce_room[STACK_TOKEN_OCTETS];
    struct buf             number = BUF_ON(number_room), cnonce = BUF_ON(cnonce_room);
    struct auth_login      login = {.challenge = &c, .password = l->o.password, .method = method_name(ask->method), .uri = ask->uri};

    if (!k->n_nonce)
        return;
    load_phone_put_number(&number, p);
    stack_put_token(&l->random.rng, &cnonce);
    login.username = buf_slice(&number);
    login.cnonce = buf_slice(&cnonce);
    login.nc = ++k->nc;
    buf_puts(b, hdr_name(k->proxy ? HDR_PROXY_AUTHORIZATION : HDR_AUTHORIZATION), S(": "));
    if (auth_put_credentials(b, &l->digester, &login))
        b->overflow = true;
    buf_put(b, S("\r\n"));
}

enum err load_login_challenged(struct load_phone *p, struct shard *sh, const struct msg *m)
{
    struct load          *l = p->load;
    struct auth_challenge c;
    bool                  proxy = m->status == 407;
    enum err              e = auth_choose(shard_scratch(sh), m, proxy ? HDR_PROXY_AUTHENTICATE : HDR_WWW_AUTHENTICATE, SLICE_NONE, &c);

    if (e)
        return e;
    if (c.nonce.n > LOAD_NONCE_OCTETS || c.nonce.n > UINT8_MAX || c.realm.n > LOAD_REALM_OCTETS)
        return ERR_LIMIT;
    if (!slice_eq(c.realm, l->realm)) {
        memcpy(l->realm_room, c.realm.p, c.realm.n);
        l->realm = (struct slice){l->realm_room, c.realm.n};
    }
    memcpy(p->login.nonce, c.nonce.p, c.nonce.n);
    p->login.n_nonce = (uint8_t)c.nonce.n;
    p->login.alg = (uint8_t)c.alg;
    p->login.qop = c.qop_auth;
    p->login.proxy = proxy;
    p->login.nc = 0;
    return ERR_OK;
}
