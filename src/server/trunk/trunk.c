/* trunk.c - the room opened and closed, and what others ask it.
 *
 * Room      server/trunk.
 * In        server/core: each request that is in no dialog (trunk_of()); the proxy's questions, by way of core.
 * Touches   nothing but what it looks at, under the lock. */
#include "server/trunk/trunk_priv.h"

#include <limits.h>

#include "sip/auth/auth.h"

static const struct ua_on ua_on = {.registration = trunk_on_registration};

enum err trunk_open(const struct trunk_config *config, struct trunks **out)
{
    struct trunks   *t = mem_zalloc(config->mem, sizeof *t);
    struct ua_config uc = {.mem = config->mem, .rng = config->rng, .digester = config->digester, .key = config->hash,
                           .user_agent = S("strowger"), .on = &ua_on, .ctx = t};
    enum err         e;

    if (!t)
        return ERR_NOMEM;
    t->config = *config;
    if ((e = ua_open(&uc, &t->ua))) {
        trunk_close(t);
        return e;
    }
    *out = t;
    return ERR_OK;
}

void trunk_attach(struct trunks *t, struct stack *st)
{
    t->stack = st;
    ua_attach(t->ua, st);
}

void trunk_close(struct trunks *t)
{
    if (!t)
        return;
    ua_close(t->ua);
    mem_free(t->config.mem, t, sizeof *t);
}

void trunk_tick(struct trunks *t)
{
    const struct directory_view  *view = directory_take(t->config.directory);
    const struct directory_trunk *list;
    size_t                        n = directory_trunks(view, &list);

    directory_give(view);
    if ((n == 0 && atomic_load(&t->n_watches) == 0) || atomic_exchange(&t->posted, true))
        return;
    if (stack_post(t->stack, TICK_SHARD, trunk_on_tick, t))
        atomic_store(&t->posted, false);
}

void trunk_flow_lost(struct trunks *t, struct stack *st, uint8_t worker, const struct flow *flow)
{
    (void)st;
    (void)worker;
    if (atomic_load(&t->n_watches) == 0)
        return;
    spin_lock(&t->lock);
    if (t->n_lost < LOST_FLOWS)
        t->lost[t->n_lost++] = *flow; /* the tick looks whose it was */
    spin_unlock(&t->lock);
}

void trunk_log(struct trunks *t, enum log_level level, const char *event, const struct watch *w, unsigned code)
{
    struct log_line l;

    log_begin(&l, t->config.log, level, event, w->call_id);
    log_text(&l, "trunk", w->name);
    if (code)
        log_number(&l, "code", code);
    log_end(&l);
}

/* ---- how they do ---- */

static bool is_down_locked(const struct watch *w)
{
    return w && ((w->asked && w->silent) || (w->account && w->state == ACCOUNT_TRYING && w->code != UINT_MAX));
}

bool trunk_is_down(struct trunks *t, struct slice name)
{
    bool down;

    spin_lock(&t->lock);
    down = is_down_locked(trunk_find_locked(t, name));
    spin_unlock(&t->lock);
    return down;
}

void trunk_heard(struct trunks *t, struct slice name, const struct msg *m, uint64_t now_ms)
{
    const struct via      *v = msg_via(m);
    struct overload_report r;
    struct watch          *w;

    if (!v || overload_read_report(v, &r))
        return;
    spin_lock(&t->lock);
    if ((w = trunk_find_locked(t, name)))
        overload_throttle_hear(&w->throttle, &r, now_ms);
    spin_unlock(&t->lock);
}

bool trunk_is_full(struct trunks *t, struct slice name, uint64_t now_ms)
{
    const struct watch *w;
    bool                lets;

    spin_lock(&t->lock);
    w = trunk_find_locked(t, name);
    lets = !w || now_ms >= w->throttle.until_ms || overload_throttle_lets(&w->throttle, now_ms, rng_u64(t->config.rng));
    spin_unlock(&t->lock);
    return !lets;
}

void trunk_put_state(struct trunks *t, struct slice name, struct buf *b)
{
    const struct watch *w;
    struct slice        account = SLICE_NONE, there = SLICE_NONE;
    unsigned            code = 0;

    spin_lock(&t->lock);
    w = trunk_find_locked(t, name);
    if (w && w->account) {
        account = w->state == ACCOUNT_REGISTERED ? S("registered") : w->code == UINT_MAX ? S("registering") : S("not registered");
        code = w->state == ACCOUNT_REGISTERED || w->code == UINT_MAX ? 0 : w->code;
    }
    if (w && w->asked)
        there = w->silent ? S("does not answer") : S("answers");
    spin_unlock(&t->lock);
    if (!account.n && !there.n)
        buf_put(b, S("not known yet"));
    buf_put(b, account);
    if (code) {
        buf_put(b, S(" ("));
        buf_putu(b, code);
        buf_putc(b, ')');
    }
    buf_puts(b, account.n && there.n ? S(", ") : S(""), there);
}

size_t trunk_pending(struct trunks *t)
{
    return atomic_load(&t->n_watches);
}

/* ---- requests from them ---- */

static bool is_in(const struct directory_source *s, const struct addr *a)
{
    struct addr net = s->addr, host = *a;

    if (s->addr.port && s->addr.port != a->port)
        return false;
    if (s->bits == (s->addr.family == ADDR_IP4 ? 32 : 128))
        return addr_same_ip(&s->addr, a);
    if (net.family != host.family)
        return false;
    for (unsigned i = 0; i < sizeof net.ip; i++) {
        unsigned bits = s->bits > 8 * i ? s->bits - 8 * i : 0;
        uint8_t  mask = bits >= 8 ? 0xff : (uint8_t)(0xff00u >> bits);

        if ((net.ip[i] & mask) != (host.ip[i] & mask))
            return false;
    }
    return true;
}

/* What has answered us from there is there; and so is who comes by the flow that we have registered by. */
static bool has_answered(struct trunks *t, const struct directory_trunk *d, const struct flow *from)
{
    struct watch *w;
    struct flow   flow;
    bool          has;

    spin_lock(&t->lock);
    w = trunk_find_locked(t, d->name);
    has = w && w->state == ACCOUNT_REGISTERED && ua_account_flow(w->account, &flow) && addr_same_ip(&flow.remote, &from->remote);
    for (size_t i = 0; w && !has && i < w->n_seen; i++)
        has = addr_same_ip(&w->seen[i], &from->remote);
    spin_unlock(&t->lock);
    return has;
}

const struct directory_trunk *trunk_of(struct trunks *t, const struct directory_view *view, const struct flow *from)
{
    const struct directory_trunk *list;
    size_t                        n = directory_trunks(view, &list);

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < list[i].n_sources; k++)
            if (is_in(&list[i].source[k], &from->remote))
                return &list[i];
        if (has_answered(t, &list[i], from))
            return &list[i];
    }
    return NULL;
}

static enum err put_user(struct slice uri, struct buf *b)
{
    struct uri u;

    buf_reset(b);
    if (uri_parse(uri, &u, NULL))
        return ERR_NOTFOUND;
    uri_put_user_key(b, &u);
    return buf_err(b) || b->n == 0 ? ERR_NOTFOUND : ERR_OK;
}

enum err trunk_put_called(const struct directory_trunk *t, const struct msg *m, struct buf *b)
{
    static const enum hdr_id where[] = {HDR_P_CALLED_PARTY_ID, HDR_TO};
    struct name_addr         na;

    if (put_user(m->uri, b) == ERR_OK && !slice_eq(buf_slice(b), t->user))
        return ERR_OK;
    for (size_t i = 0; t->registers && i < sizeof where / sizeof where[0]; i++)
        if (msg_name_addr(m, where[i], &na) == ERR_OK && put_user(na.uri, b) == ERR_OK && !slice_eq(buf_slice(b), t->user))
            return ERR_OK;
    return put_user(m->uri, b);
}

void trunk_put_caller(const struct directory_trunk *t, const struct msg *m, struct buf *b)
{
    struct slice     element;
    struct msg_list  it = msg_list_begin(m, HDR_P_ASSERTED_IDENTITY);
    struct name_addr na;

    if (t->trusted && msg_list_next(&it, &element) && name_addr_parse(element, &na) == ERR_OK && put_user(na.uri, b) == ERR_OK)
        return;
    if (msg_from(m, &na) || put_user(na.uri, b))
        buf_reset(b);
}

/* ---- what they ask of us ---- */

enum err trunk_answer(struct trunks *t, struct arena *a, const struct trunk_login *l, struct buf *rows)
{
    const struct directory_view  *view = directory_take(t->config.directory);
    const struct directory_trunk *d = directory_trunk(view, l->trunk);
    bool                          proxy = l->challenge->status == 407;
    char                          token[STACK_TOKEN_OCTETS];
    struct buf                    cnonce = BUF_ON(token);
    struct auth_challenge         c;
    struct auth_login             login = {.challenge = &c, .method = l->method, .uri = l->uri, .body = l->body, .nc = 1};
    enum err                      e = ERR_NOTFOUND;

    if (!d || !d->password.n || auth_choose(a, l->challenge, proxy ? HDR_PROXY_AUTHENTICATE : HDR_WWW_AUTHENTICATE, SLICE_NONE, &c))
        goto out;
    e = ERR_DENIED;
    if (l->tries > 0 && !c.stale)
        goto out;
    stack_put_token(t->config.rng, &cnonce);
    login.cnonce = buf_slice(&cnonce);
    login.username = d->auth_name;
    login.password = d->password;
    buf_puts(rows, hdr_name(proxy ? HDR_PROXY_AUTHORIZATION : HDR_AUTHORIZATION), S(": "));
    e = auth_put_credentials(rows, t->config.digester, &login) ? ERR_NOTFOUND : ERR_OK;
    buf_put(rows, S("\r\n"));
out:
    directory_give(view);
    return e;
}
