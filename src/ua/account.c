/* account.c - who we are to a server: names, password, the challenges it gave us (RFC 3261 §22).
 *
 * Room      ua.
 * In        ua_account_open; a 401 or 407 to any request of the account.
 * Out       credentials for later requests: the last nonce is used again with the next nc, so that a steady phone is
 *           not challenged each time.
 * Touches   the account's challenges, under its lock: its legs are in many shards. */
#include "ua/account_priv.h"

#include <stdalign.h>
#include <stddef.h>
#include <string.h>

/* ---- opening ---- */

static enum err keep_texts(struct ua_account *a, const struct ua_account_config *c)
{
    struct slice auth_name = c->auth_name.n ? c->auth_name : c->user;
    enum err e;

    if ((e = arena_dup(&a->arena, c->user, &a->user)) || (e = arena_dup(&a->arena, auth_name, &a->auth_name)) ||
        (e = arena_dup(&a->arena, c->password, &a->password)))
        return e;
    return arena_dup(&a->arena, c->server, &a->server);
}

static enum err check_uris(const struct ua_account *a)
{
    struct uri u;

    if (uri_parse(a->aor, &u, NULL) || uri_parse(a->registrar, &u, NULL))
        return ERR_SYNTAX;
    return a->server.n && uri_parse(a->server, &u, NULL) ? ERR_SYNTAX : ERR_OK;
}

static enum err make_names(struct ua_account *a, const struct ua_account_config *c)
{
    char room[2048];
    struct buf b = BUF_ON(room);
    enum err e;

    buf_put(&b, S("sip:"));
    uri_put_escaped_user(&b, c->user);
    buf_puts(&b, S("@"), c->domain);
    if ((e = buf_err(&b)) || (e = arena_dup(&a->arena, buf_slice(&b), &a->aor)))
        return e;
    buf_reset(&b);
    buf_puts(&b, S("sip:"), c->domain);
    if ((e = arena_dup(&a->arena, buf_slice(&b), &a->registrar)))
        return e;
    buf_reset(&b);
    if (c->display.n) {
        msg_put_quoted(&b, c->display);
        buf_putc(&b, ' ');
    }
    buf_puts(&b, S("<"), a->aor, S(">"));
    return buf_err(&b) ? ERR_LIMIT : arena_dup(&a->arena, buf_slice(&b), &a->identity);
}

static enum err make_registration(struct ua_account *a)
{
    char room[2 * STACK_TOKEN_OCTETS];
    struct buf b = BUF_ON(room);
    enum err e;

    stack_put_token(a->ua->config.rng, &b);
    if ((e = arena_dup(&a->arena, buf_slice(&b), &a->call_id)))
        return e;
    buf_reset(&b);
    stack_put_token(a->ua->config.rng, &b);
    a->shard = stack_shard_of(a->ua->stack, a->call_id);
    return arena_dup(&a->arena, buf_slice(&b), &a->tag);
}

enum err ua_account_open(struct ua *ua, const struct ua_account_config *c, struct ua_account **out)
{
    struct ua_account *a;
    enum err e;

    if (ua->n_accounts == UA_MAX_ACCOUNTS)
        return ERR_LIMIT;
    if (!(a = mem_zalloc(ua->config.mem, sizeof *a)))
        return ERR_NOMEM;
    a->ua = ua;
    a->expires_s = a->asked_s = c->expires_s ? c->expires_s : UA_REGISTER_S;
    arena_init(&a->arena, ua->config.mem, 1024, 16 * UA_MAX_TEXT_OCTETS);
    if ((e = keep_texts(a, c)) || (e = make_names(a, c)) || (e = check_uris(a)) || (e = make_registration(a)))
        goto fail;
    ua->accounts[ua->n_accounts++] = a;
    *out = a;
    return ERR_OK;
fail:
    ua_account_close(a);
    return e;
}

void ua_account_close(struct ua_account *a)
{
    struct ua *ua;

    if (!a)
        return;
    ua = a->ua;
    for (size_t i = 0; i < ua->n_accounts; i++)
        if (ua->accounts[i] == a) {
            ua->accounts[i] = ua->accounts[--ua->n_accounts];
            break;
        }
    arena_close(&a->arena);
    mem_free(ua->config.mem, a, sizeof *a);
}

struct slice ua_account_aor(const struct ua_account *a) { return a->aor; }
struct slice ua_account_user(const struct ua_account *a) { return a->user; }
struct ua *account_ua(const struct ua_account *a) { return a->ua; }
struct slice account_server(const struct ua_account *a) { return a->server; }
struct slice account_identity(const struct ua_account *a) { return a->identity; }

/* ---- whose is a request? ---- */

static struct ua_account *with_user(struct ua *ua, struct slice uri)
{
    struct uri u;

    if (uri_parse(uri, &u, NULL) || !u.user.n)
        return NULL;
    for (size_t i = 0; i < ua->n_accounts; i++)
        if (uri_text_equal(ua->accounts[i]->user, u.user))
            return ua->accounts[i];
    return NULL;
}

struct ua_account *account_for(struct ua *ua, const struct msg *request)
{
    struct ua_account *a = with_user(ua, request->uri);
    struct name_addr to;

    if (!a && !msg_to(request, &to))
        a = with_user(ua, to.uri);
    return !a && ua->n_accounts == 1 ? ua->accounts[0] : a;
}

/* ---- challenges ---- */

static enum err keep_value(struct kept_value *v, struct slice s)
{
    if (s.n > sizeof v->p)
        return ERR_LIMIT;
    v->n = s.n;
    if (s.n)
        memcpy(v->p, s.p, s.n);
    return ERR_OK;
}

static struct slice value_of(const struct kept_value *v)
{
    return (struct slice){v->p, v->n};
}

static enum err to_kept(const struct auth_challenge *c, bool proxy, struct kept_challenge *out)
{
    *out = (struct kept_challenge){
        .used = true, .proxy = proxy, .alg = c->alg, .qop_auth = c->qop_auth, .qop_auth_int = c->qop_auth_int};
    if (keep_value(&out->realm, c->realm) || keep_value(&out->nonce, c->nonce) || keep_value(&out->opaque, c->opaque))
        return ERR_LIMIT;
    return ERR_OK;
}

static struct kept_challenge *find_kept(struct ua_account *a, const struct kept_challenge *like)
{
    for (size_t i = 0; i < ACCOUNT_MAX_CHALLENGES; i++) {
        struct kept_challenge *k = &a->kept[i];
        if (k->used && k->proxy == like->proxy && slice_eq(value_of(&k->realm), value_of(&like->realm)))
            return k;
    }
    return NULL;
}

/* Under the lock. The server refused what we sent, where we had answered its challenge already. */
static enum err replace_kept(struct ua_account *a, const struct kept_challenge *fresh, bool stale, unsigned tries)
{
    struct kept_challenge *old = find_kept(a, fresh);

    if (old && !stale && (tries > 1 || slice_eq(value_of(&old->nonce), value_of(&fresh->nonce)))) {
        old->used = false; /* the password is wrong: not to be tried again on each request */
        return ERR_DENIED;
    }
    if (!old) {
        old = &a->kept[a->oldest];
        a->oldest = (a->oldest + 1) % ACCOUNT_MAX_CHALLENGES;
    }
    *old = *fresh;
    return ERR_OK;
}

enum err account_take_challenge(struct ua_account *a, const struct msg *m, unsigned tries)
{
    alignas(max_align_t) char block[4 * AUTH_MAX_VALUE];
    bool proxy = m->status == 407;
    struct auth_challenge c;
    struct kept_challenge fresh;
    struct arena scratch;
    enum err e;

    arena_init_fixed(&scratch, block, sizeof block);
    e = auth_choose(&scratch, m, proxy ? HDR_PROXY_AUTHENTICATE : HDR_WWW_AUTHENTICATE, SLICE_NONE, &c);
    if (e || (e = to_kept(&c, proxy, &fresh)))
        return e;
    spin_lock(&a->lock);
    e = replace_kept(a, &fresh, c.stale, tries);
    spin_unlock(&a->lock);
    return e;
}

static bool take_kept(struct ua_account *a, size_t i, struct kept_challenge *out)
{
    spin_lock(&a->lock);
    if (a->kept[i].used)
        a->kept[i].nc++;
    *out = a->kept[i];
    spin_unlock(&a->lock);
    return out->used;
}

static void put_one(struct ua_account *a, struct buf *b, const struct account_ask *ask, const struct kept_challenge *k)
{
    char cnonce[STACK_TOKEN_OCTETS];
    struct buf token = BUF_ON(cnonce);
    struct auth_challenge c = {.realm = value_of(&k->realm),
                               .nonce = value_of(&k->nonce),
                               .opaque = value_of(&k->opaque),
                               .alg = k->alg,
                               .qop_auth = k->qop_auth,
                               .qop_auth_int = k->qop_auth_int};
    struct auth_login login = {.challenge = &c,
                               .username = a->auth_name,
                               .password = a->password,
                               .method = ask->method,
                               .uri = ask->uri,
                               .body = ask->body,
                               .nc = k->nc};

    stack_put_token(a->ua->config.rng, &token);
    login.cnonce = buf_slice(&token);
    buf_puts(b, hdr_name(k->proxy ? HDR_PROXY_AUTHORIZATION : HDR_AUTHORIZATION), S(": "));
    if (auth_put_credentials(b, a->ua->config.digester, &login))
        b->overflow = true; /* a half row must not leave; auth_choose took only what we can answer */
    buf_put(b, S("\r\n"));
}

void account_put_credentials(struct ua_account *a, struct buf *b, const struct account_ask *ask)
{
    struct kept_challenge k;

    if (!a)
        return;
    for (size_t i = 0; i < ACCOUNT_MAX_CHALLENGES; i++)
        if (take_kept(a, i, &k))
            put_one(a, b, ask, &k);
}
