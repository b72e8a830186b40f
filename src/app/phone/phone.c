/* phone.c - the phone: opened on a net, calling out, leaving.
 *
 * Room      app/phone. One stack with one worker, one account, any calls. Commands are in command.c, what it is told in
 *           told.c; the process round it (options, terminal) in app.c. */
#include "app/phone/phone_priv.h"

/* ---- the stack's user ---- */

static void on_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    ua_request(((struct phone *)ctx)->ua, sh, in);
}

static void on_flow_lost(void *ctx, struct stack *st, uint8_t worker, const struct flow *flow)
{
    ua_flow_lost(((struct phone *)ctx)->ua, st, worker, flow);
}

static void on_shard_close(void *ctx, struct shard *sh, void *data)
{
    (void)data;
    ua_shard_close(((struct phone *)ctx)->ua, sh);
}

static const struct stack_user stack_user = {
    .request = on_request, .flow_lost = on_flow_lost, .shard_close = on_shard_close};

/* ---- opening ---- */

/* The server's host, with its port where that is not the usual one: others must be able to call what we name to them. */
static void put_domain(struct buf *b, const struct phone_config *c, const struct uri_hostport *server)
{
    if (c->domain.n) {
        buf_put(b, c->domain);
    } else if (!server->host.n) {
        addr_put_host(b, &c->bind);
    } else {
        uri_put_host(b, server->host);
        if (server->port && server->port != transport_default_port(c->transport)) {
            buf_putc(b, ':');
            buf_putu(b, server->port);
        }
    }
}

static enum err make_names(struct phone *p)
{
    const struct phone_config *c = &p->config;
    struct uri_hostport server = {0};
    char room[512];
    struct buf b = BUF_ON(room);
    struct slice rest;
    enum err e;

    if (c->server.n && (uri_parse_hostport(c->server, &server, &rest) || rest.n))
        return ERR_SYNTAX;
    if (c->server.n) {
        buf_puts(&b, S("sip:"), c->server);
        if (c->transport != TRANSPORT_UDP)
            buf_puts(&b, S(";transport="), transport_param_name(c->transport));
        if ((e = buf_err(&b)) || (e = arena_dup(&p->arena, buf_slice(&b), &p->server)))
            return e;
    }
    p->reports_off = slice_eq(c->quality_report, S("off"));
    if (!p->reports_off && (e = arena_dup(&p->arena, c->quality_report, &p->report_uri)))
        return e;
    buf_reset(&b);
    put_domain(&b, c, &server);
    if (buf_err(&b))
        return ERR_LIMIT;
    if ((e = arena_dup(&p->arena, buf_slice(&b), &p->domain)) || !c->music.n)
        return e;
    buf_reset(&b);
    e = phone_put_target(p, c->music, &b);
    return e ? e : arena_dup(&p->arena, buf_slice(&b), &p->music);
}

static enum err open_stack(struct phone *p)
{
    const struct phone_config *c = &p->config;
    struct hash_key key = {rng_u64(c->rng), rng_u64(c->rng)};
    struct ua_config uc = {.mem = c->mem,
                           .rng = c->rng,
                           .digester = c->digester,
                           .key = key,
                           .user_agent = S("strowger phone"),
                           .join = true,
                           .supported = S("join, 100rel"),
                           .reliable = c->reliable,
                           .session_s = c->session_s,
                           .refresher = c->refresher,
                           .no_refer = c->refer_code == PHONE_REFER_UNLISTED,
                           .patient = true, /* the exchange may restart at any moment */
                           .on = &phone_ua_on,
                           .ctx = p};
    struct stack_config sc = {.mem = c->mem,
                              .n_workers = 1,
                              .key = key,
                              .rng = c->rng,
                              .digester = c->digester,
                              .user = &stack_user,
                              .ctx = p,
                              .uas_only = true,
                              .patient = true};
    enum err e = ua_open(&uc, &p->ua);

    if (e || (e = stack_open(&sc, &p->st)))
        return e;
    ua_attach(p->ua, p->st);
    return stack_add_worker(p->st, 0, c->net, c->record);
}

static enum err listen(struct phone *p)
{
    struct transport_listen l = {.kind = p->config.transport, .local = p->config.bind, .tls = p->config.tls};
    struct transport *tp = stack_transport(p->st, 0);
    enum transport_kind kind;
    uint8_t index;
    enum err e = transport_listen(tp, &l, &index);

    if (!e)
        transport_listener_local(tp, index, &kind, &p->local);
    return e;
}

static enum err open_account(struct phone *p)
{
    _Static_assert((int)PHONE_KEYS_SOUND == (int)CALL_KEYS_SOUND, "they are the same ways");
    const struct phone_config *c = &p->config;
    struct ua_account_config ac = {.user = c->user,
                                   .domain = p->domain,
                                   .display = c->display,
                                   .auth_name = c->auth_name,
                                   .password = c->password,
                                   .server = p->server,
                                   .expires_s = c->expires_s};
    struct calls_config cc = {.mem = c->mem,
                              .net = c->net,
                              .rng = c->rng,
                              .ua = p->ua,
                              .local = p->local,
                              .port_min = c->port_min,
                              .port_max = c->port_max,
                              .codecs = codecs_all(),
                              .srtp = c->srtp,
                              .keys = (enum call_keys)c->keys,
                              .update = c->update,
                              .music = p->music,
                              .tone_hz = c->tone_hz,
                              .on = &phone_call_on,
                              .ctx = p};
    enum err e = c->codecs.n ? codecs_read(c->codecs, &cc.codecs) : ERR_OK;

    if (!e)
        e = ua_account_open(p->ua, &ac, &p->account);
    return e ? e : calls_open(&cc, &p->calls);
}

static void tell_ready(struct phone *p)
{
    char room[ADDR_MAX_TEXT];
    struct buf b = BUF_ON(room);
    struct phone_event e;

    addr_put(&b, &p->local);
    event_begin(&e, "ready", NULL);
    event_text(&e, "address", buf_slice(&b));
    event_text(&e, "transport", transport_param_name(p->config.transport));
    event_text(&e, "aor", ua_account_aor(p->account));
    event_tell(p, &e);
}

enum err phone_open(const struct phone_config *config, struct phone **out)
{
    struct phone *p = mem_zalloc(config->mem, sizeof *p);
    enum err e;

    if (!p)
        return ERR_NOMEM;
    p->config = *config;
    arena_init(&p->arena, config->mem, 1024, 64 * 1024);
    p->quit_timer = (struct net_timer){.fire = phone_check_quit, .arg = p};
    if ((e = make_names(p)) || (e = open_stack(p)) || (e = listen(p)) || (e = open_account(p)))
        goto fail;
    tell_ready(p);
    if (p->server.n && (e = ua_register(p->account, 0)))
        goto fail;
    *out = p;
    return ERR_OK;
fail:
    phone_close(p);
    return e;
}

void phone_close(struct phone *p)
{
    struct mem *mem;

    if (!p)
        return;
    mem = p->config.mem;
    net_timer_cancel(p->config.net, &p->quit_timer);
    for (struct call *c = p->calls ? calls_first(p->calls) : NULL; c; c = calls_next(p->calls, c)) {
        struct phone_call *pc = call_data(c);
        if (pc) {
            net_timer_cancel(p->config.net, &pc->timer);
            net_timer_cancel(p->config.net, &pc->no_answer);
            net_timer_cancel(p->config.net, &pc->leave);
            mem_free(mem, pc, sizeof *pc);
        }
    }
    stack_close(p->st);
    calls_close(p->calls);
    ua_close(p->ua);
    arena_close(&p->arena);
    mem_free(mem, p, sizeof *p);
}

/* ---- calling ---- */

bool phone_is_talking(const struct call *c)
{
    return call_state(c) == CALL_TALKING && !call_is_on_hold(c);
}

/* One call at a time: a second one rings until somebody has time for it. */
static bool is_talking_elsewhere(struct phone *p, const struct call *c)
{
    for (struct call *o = calls_first(p->calls); o; o = calls_next(p->calls, o))
        if (o != c && phone_is_talking(o))
            return true;
    return false;
}

static void auto_answer(void *arg)
{
    struct phone_call *pc = arg;

    if (!is_talking_elsewhere(pc->p, pc->c))
        (void)call_answer(pc->c); /* or it was answered, or has gone, in the meantime */
}

enum err phone_adopt(struct phone *p, struct call *c, unsigned redirects)
{
    struct phone_call *pc = mem_zalloc(p->config.mem, sizeof *pc);

    if (!pc)
        return ERR_NOMEM;
    *pc = (struct phone_call){.p = p,
                              .c = c,
                              .redirects = redirects,
                              .timer = {.fire = auto_answer, .arg = pc},
                              .no_answer = {.fire = settings_no_answer, .arg = pc},
                              .leave = {.fire = phone_leave, .arg = pc}};
    call_set_data(c, pc);
    return ERR_OK;
}

enum err phone_dial(struct phone *p, const struct phone_dial *d, struct call **out)
{
    struct call_plan plan = {.account = p->account,
                             .target = d->target,
                             .referred_by = d->referred_by,
                             .replaces = d->replaces,
                             .report = d->report};
    struct phone_call *pc;
    struct call *c;
    enum err e;

    if (p->quitting)
        return ERR_CLOSED;
    if (phone_calls(p) >= PHONE_MAX_CALLS)
        return ERR_FULL;
    if ((e = call_out(p->calls, &plan, &c)))
        return e;
    if ((e = phone_adopt(p, c, d->redirects))) {
        (void)call_hang_up(c); /* it has left already */
        return e;
    }
    pc = call_data(c);
    pc->member = d->member;
    p->current = call_number(c);
    *out = c;
    return ERR_OK;
}

/* ---- leaving ---- */

void phone_check_quit(void *arg)
{
    struct phone *p = arg;
    uint64_t now = net_now_us(p->config.net);
    struct phone_event e;

    if (p->done)
        return;
    if ((!p->unbound || ua_pending(p->ua)) && now < p->quit_by_us) {
        net_timer_set(p->config.net, &p->quit_timer, now + 20000);
        return;
    }
    p->done = true;
    event_begin(&e, "bye", NULL);
    event_tell(p, &e);
}

void phone_quit(struct phone *p)
{
    struct call *next;

    if (p->quitting)
        return;
    p->quitting = true;
    p->step.kind = STEP_NONE; /* nothing more is answered or called */
    for (struct call *c = calls_first(p->calls); c; c = next) {
        next = calls_next(p->calls, c);
        (void)call_hang_up(c); /* or it is over */
    }
    p->quit_by_us = net_now_us(p->config.net) + PHONE_QUIT_MS * 1000u;
    p->unbound = !p->server.n || ua_unregister(p->account, 0);
    net_timer_set(p->config.net, &p->quit_timer, net_now_us(p->config.net));
}

/* ---- about it ---- */

void phone_local(const struct phone *p, struct addr *out)
{
    *out = p->local;
}

unsigned phone_calls(const struct phone *p)
{
    unsigned n = 0;

    for (struct call *c = calls_first(p->calls); c; c = calls_next(p->calls, c))
        n += call_state(c) != CALL_OVER;
    return n;
}

uint32_t phone_heard_ms(struct phone *p, unsigned call, uint16_t hz)
{
    struct call *c = calls_find(p->calls, call);

    return c ? call_heard_ms(c, hz) : 0;
}

size_t phone_legs(const struct phone *p)
{
    return ua_legs(p->ua);
}
