/* account.c - whose request is this (PROTOCOL §1).
 *
 * Room      server/account.
 * In        server/registrar, server/core: for requests that may be challenged.
 * Touches   the table of nonces in use (nonces.c).
 *
 * A name that does not exist is checked against a secret that nobody knows, so that neither answer nor time tells it from a
 * wrong password. */
#include "server/account/account_priv.h"

enum { MAX_CREDENTIALS = 4, CHALLENGE_OCTETS = 1024 };

enum err account_open(const struct account_config *config, struct account **out)
{
    struct account *a = mem_zalloc(config->mem, sizeof *a);
    enum err        e;

    if (!a)
        return ERR_NOMEM;
    a->mem = config->mem;
    a->rng = config->rng;
    a->digester = config->digester;
    a->digest = config->digest;
    a->started_ms = config->now_ms;
    a->log = config->log;
    auth_nonce_key(config->digester, config->key, &a->key);
    if ((e = nonces_open(a))) {
        account_close(a);
        return e;
    }
    *out = a;
    return ERR_OK;
}

void account_close(struct account *a)
{
    if (!a)
        return;
    nonces_close(a);
    mem_free(a->mem, a, sizeof *a);
}

/* What this user is challenged with, and may answer with (PROTOCOL 1.1): its own setting, else the exchange's; auto is MD5,
 * since common phones give up at the sight of anything else. */
static enum directory_digest digest_of(const struct account *a, const struct directory_user *u)
{
    enum directory_digest d = u && u->digest != DIRECTORY_DIGEST_AUTO ? u->digest : a->digest;

    return d == DIRECTORY_DIGEST_AUTO ? DIRECTORY_DIGEST_MD5 : d;
}

static bool is_allowed(enum directory_digest d, enum auth_alg alg)
{
    if (alg == AUTH_ALG_OTHER)
        return false;
    if (d == DIRECTORY_DIGEST_BOTH)
        return true;
    return (auth_digest_of(alg) == DIGEST_MD5) == (d == DIRECTORY_DIGEST_MD5);
}

static bool is_of(const struct a2 *k, enum digest_alg alg, struct slice method, struct slice uri)
{
    return k->alg == alg && slice_eq((struct slice){k->text, k->n_method}, method) &&
           slice_eq((struct slice){k->text + k->n_method, k->n_uri}, uri);
}

/* Its hash, where it is one that may be kept; else nothing. */
static struct slice ha2_of(struct account *a, struct shard *sh, struct slice method, const struct auth_credentials *c)
{
    struct a2      *k = &a->a2[shard_index(sh)];
    enum digest_alg alg = auth_digest_of(c->alg);
    struct buf      b = BUF_ON(k->text);

    if (c->qop == AUTH_QOP_AUTH_INT || method.n + c->uri.n > sizeof k->text)
        return SLICE_NONE;
    if (!is_of(k, alg, method, c->uri)) {
        buf_puts(&b, method, c->uri);
        auth_ha2(a->digester, alg, method, c->uri, &k->hash);
        k->alg = alg;
        k->n_method = (uint16_t)method.n;
        k->n_uri = (uint16_t)c->uri.n;
    }
    return auth_hash_text(&k->hash);
}

/* One set of credentials against the account that they name. */
static bool is_right(struct account *a, struct shard *sh, const struct account_question *q, const struct auth_credentials *c,
                     const struct directory_user **user)
{
    const struct directory_user *known = directory_user_by_auth(q->view, c->username);
    const struct directory_user *u = known ? known : directory_decoy(q->view);
    struct auth_asked            asked = {.method = q->in->m->method, .body = q->in->m->body};
    bool                         allowed = is_allowed(digest_of(a, u), c->alg);

    if (c->alg != AUTH_ALG_OTHER)
        asked.ha2 = ha2_of(a, sh, asked.method, c);
    asked.ha1 = c->alg != AUTH_ALG_OTHER && auth_digest_of(c->alg) == DIGEST_SHA256 ? u->ha1_sha256 : u->ha1_md5;
    if (auth_verify(a->digester, c, &asked) || !known || !allowed)
        return false;
    *user = known;
    return true;
}

enum answer { ANSWER_NONE, ANSWER_WRONG, ANSWER_STALE, ANSWER_RIGHT };

/* The best of the credentials that the request brings for our realm. */
static enum answer look(struct account *a, struct shard *sh, const struct account_question *q,
                        const struct directory_user **user)
{
    struct auth_credentials c;
    enum answer             best = ANSWER_NONE;

    for (size_t i = 0; i < MAX_CREDENTIALS; i++) {
        if (auth_find_credentials(shard_scratch(sh), q->in->m, directory_realm(q->view), i, &c))
            break;
        if (!is_right(a, sh, q, &c, user)) {
            best = best == ANSWER_NONE ? ANSWER_WRONG : best;
            continue;
        }
        switch (nonces_use(a, c.nonce, c.nc, q->now_ms)) {
        case ERR_OK: return ANSWER_RIGHT;
        case ERR_STALE: best = ANSWER_STALE; break;
        default: best = best == ANSWER_NONE ? ANSWER_WRONG : best; break;
        }
    }
    return best;
}

static void put_challenge(struct account *a, const struct account_question *q, enum auth_alg alg, bool stale, struct buf *b)
{
    char                  text[AUTH_NONCE_OCTETS + 1];
    struct buf            nonce = BUF_ON(text);
    struct auth_challenge c = {.realm = directory_realm(q->view), .alg = alg, .stale = stale, .qop_auth = true};

    auth_nonce_make(&nonce, &a->key, q->now_ms, rng_u64(a->rng));
    c.nonce = buf_slice(&nonce);
    buf_puts(b, hdr_name(q->answer == ACCOUNT_401 ? HDR_WWW_AUTHENTICATE : HDR_PROXY_AUTHENTICATE), S(": "));
    auth_put_challenge(b, &c);
    buf_put(b, S("\r\n"));
}

static void challenge(struct account *a, struct shard *sh, const struct account_question *q, bool stale)
{
    char                  rows[CHALLENGE_OCTETS];
    struct buf            b = BUF_ON(rows);
    enum directory_digest d = digest_of(a, directory_user(q->view, q->number));
    struct stack_reply    r = {.code = q->answer == ACCOUNT_401 ? 401 : 407};

    if (d != DIRECTORY_DIGEST_MD5) /* RFC 8760 §2.3: the preferred one first */
        put_challenge(a, q, AUTH_SHA256, stale, &b);
    if (d != DIRECTORY_DIGEST_SHA256)
        put_challenge(a, q, AUTH_MD5, stale, &b);
    r.rows = buf_slice(&b);
    stack_reply(sh, q->in->tsx, &r);
}

/* Who tries to be somebody: worth a line at the usual level, since it is how guessing is noticed. The same line for an unknown
 * user and for a wrong password. */
static void tell(struct account *a, const struct account_question *q, const char *event, const struct directory_user *user)
{
    struct log_line l;

    log_begin(&l, a->log, LOG_WARN, event, msg_call_id(q->in->m));
    log_text(&l, "method", q->in->m->method);
    log_text(&l, "number", q->number);
    if (user)
        log_text(&l, "account", user->number);
    log_addr(&l, "from", &q->in->from.remote);
    log_end(&l);
}

static enum err refuse_owner(struct shard *sh, const struct account_question *q, struct slice *why)
{
    stack_reply(sh, q->in->tsx, &(struct stack_reply){.code = 403, .reason = S("Not Your Number")});
    if (why)
        *why = S("the account does not own the number that it uses");
    return ERR_DENIED;
}

static bool owns(const struct account_question *q, const struct directory_user *u)
{
    return q->number.n == 0 || slice_eq(u->number, q->number);
}

enum err account_check(struct account *a, struct shard *sh, const struct account_question *q,
                       const struct directory_user **user, struct slice *why)
{
    const struct directory_user *named = NULL;
    enum answer                  answer;

    if (user)
        *user = NULL;
    if (directory_open_house(q->view)) {
        if (user)
            *user = directory_user(q->view, q->number);
        return ERR_OK;
    }
    answer = look(a, sh, q, &named);
    if (answer == ANSWER_RIGHT && owns(q, named)) {
        if (user)
            *user = named;
        return ERR_OK;
    }
    if (answer == ANSWER_RIGHT) {
        tell(a, q, LOG_EVENT("auth.foreign"), named);
        return refuse_owner(sh, q, why);
    }
    if (answer == ANSWER_WRONG)
        tell(a, q, LOG_EVENT("auth.wrong"), NULL);
    challenge(a, sh, q, answer == ANSWER_STALE);
    if (why)
        *why = answer == ANSWER_NONE    ? S("no credentials yet: the sender is asked for them")
               : answer == ANSWER_STALE ? S("right password, but its nonce has been used or is too old: a new one is given")
                                        : S("wrong user name or password");
    return ERR_DENIED;
}
