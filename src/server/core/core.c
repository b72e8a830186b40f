/* core.c - whose request is it? The one place where a new request is given to a room.
 *
 * Room      server/core.
 * In        the stack, by core_stack_user.
 * Touches   nothing itself: it looks, asks account who sent it, and hands on.
 * Not here  what the exchange answers itself (own.c), hanging up for an administrator (hang_up.c). */
#include "server/core/core_priv.h"

enum { WAKE_MS = 30000 }; /* after a start: most who have something to say have said it by then */

static enum err open_rooms(struct core *c, const struct core_config *config)
{
    struct account_config   ac = {config->mem, config->rng,    config->digester, config->hash,
                                  config->key, config->now_ms, config->digest,   config->log};
    struct proxy_config     pc = {config->mem,       config->digester, config->hash,    config->key, config->now_ms / 1000,
                                  config->directory, config->location, config->dialogs, config->may_relay,
                                  config->session_s, config->session_min_s,
                                  legs_for_proxy(c), trunks_for_proxy(c)};
    struct registrar_config rc = {.mem = config->mem,
                                  .directory = config->directory,
                                  .location = config->location,
                                  .min_s = config->register_min_s,
                                  .max_s = config->register_max_s};
    struct bridge_config    bc = {.mem = config->mem, .rng = config->rng, .journal = config->journal, .log = config->log,
                                  .tone = tone_for_bridge(c)};
    struct transfer_config  tc = {.mem = config->mem, .journal = config->journal, .log = config->log, .mode = config->transfer};
    struct trunk_config     kc = {config->mem,  config->rng,       config->digester,
                                  config->hash, config->directory, config->log};
    enum err                e;

    if ((e = trunk_open(&kc, &c->trunks)) || (e = legs_open(c, config)) || (e = account_open(&ac, &c->account)) || (e = proxy_open(&pc, &c->proxy)))
        return e;
    rc.account = c->account;
    tc.proxy = bc.proxy = c->proxy;
    bc.ua = c->ua;
    if ((e = registrar_open(&rc, &c->registrar)) || (e = bridge_open(&bc, &c->bridge)))
        return e;
    tc.bridge = c->bridge;
    if ((e = transfer_open(&tc, &c->transfer)))
        return e;
    return events_open(c, config);
}

enum err core_open(const struct core_config *config, struct core **out)
{
    struct core *c = mem_zalloc(config->mem, sizeof *c);
    enum err     e;

    if (!c)
        return ERR_NOMEM;
    c->mem = config->mem;
    c->sound = config->sound;
    c->directory = config->directory;
    c->location = config->location;
    c->dialogs = config->dialogs;
    c->began_ms = (int64_t)config->now_ms;
    c->quality = config->quality;
    c->may_relay = config->may_relay;
    alive_open(c);
    if ((e = open_rooms(c, config))) {
        core_close(c);
        return e;
    }
    *out = c;
    return ERR_OK;
}

void core_close(struct core *c)
{
    if (!c)
        return;
    presence_close(c->presence);
    transfer_close(c->transfer);
    bridge_close(c->bridge);
    registrar_close(c->registrar);
    proxy_close(c->proxy);
    alive_close(c);
    account_close(c->account);
    voice_close(c->voice);
    trunk_close(c->trunks);
    ua_close(c->ua);
    mem_free(c->mem, c, sizeof *c);
}

enum err core_attach(struct core *c, struct stack *st)
{
    c->stack = st;
    ua_attach(c->ua, st);
    bridge_attach(c->bridge, st);
    voice_attach(c->voice, st);
    trunk_attach(c->trunks, st);
    return presence_attach(c->presence, st);
}

struct proxy *core_proxy(struct core *c)
{
    return c->proxy;
}

struct presence *core_presence(struct core *c)
{
    return c->presence;
}

size_t core_pending(const struct core *c)
{
    return proxy_pending(c->proxy) + transfer_pending(c->transfer) + bridge_calls(c->bridge) +
           presence_pending(c->presence) + ua_legs(c->ua) + voice_pending(c->voice);
}

void core_tick(struct core *c, int64_t now_ms)
{
    legs_after_restart(c);
    if (!c->bridge_woken && now_ms - c->began_ms >= WAKE_MS) {
        bridge_wake(c->bridge);
        c->bridge_woken = true;
    }
    location_sweep(c->location, now_ms, 60); /* it is called every second: a whole round takes a minute */
    dialogs_sweep(c->dialogs, now_ms, DIALOGS_SLOTS / 60);
    transfer_tick(c->transfer, c->stack);
    bridge_tick(c->bridge, c->began_ms);
    presence_tick(c->presence, now_ms);
    trunk_tick(c->trunks);
}

struct slice claimed_number(struct core *c, struct shard *sh, const struct msg *m, enum hdr_id id)
{
    const struct directory_view *view = directory_take(c->directory);
    struct name_addr             na;
    struct uri                   u;
    struct buf                   b = {0};
    char                        *room = arena_alloc(shard_scratch(sh), CORE_NUMBER_OCTETS);

    buf_init(&b, room, room ? CORE_NUMBER_OCTETS : 0);
    if (msg_name_addr(m, id, &na) == ERR_OK && uri_parse(na.uri, &u, NULL) == ERR_OK &&
        (u.scheme == URI_TEL || directory_host_is_ours(view, u.host)))
        uri_put_user_key(&b, &u);
    if (slice_ieq(buf_slice(&b), S("anonymous")) && !directory_user(view, buf_slice(&b)))
        buf_reset(&b); /* not RFC 3323's anonymous.invalid, but what many phones write */
    directory_give(view);
    return buf_slice(&b);
}

/* The sender's account, or an answer to it. What the exchange answers itself is challenged with 401: phones have been
 * seen to flood at a 407 to SUBSCRIBE (PROTOCOL 1.2). */
enum err who_is_it(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *out)
{
    enum method             m = in->m->method_id;
    struct account_question q = {.in = in,
                                 .view = out->view,
                                 .answer = m == METHOD_SUBSCRIBE || m == METHOD_PUBLISH ? ACCOUNT_401 : ACCOUNT_407,
                                 .number = claimed_number(c, sh, in->m, HDR_FROM),
                                 .now_ms = net_wall_us(shard_net(sh)) / 1000};
    struct slice            why = SLICE_NONE;
    enum err                e = account_check(c->account, sh, &q, &out->user, &why);

    if (e && why.n)
        proxy_say(sh, msg_call_id(in->m), why);
    out->number = out->user ? out->user->number : q.number;
    return e;
}

/* A dialog that the exchange has taken over from one of its sides: whoever sends in it brings a cookie, and means us. */
static bool within_bridge(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                          struct asker *a)
{
    if (!bridge_has(c->bridge, sh, in))
        return false;
    if (in->m->method_id != METHOD_ACK &&
        ((!proxy_admits(w) && !outsider_is_within(c, in, a->view, w) && who_is_it(c, sh, in, a)) || transfer_sees(c->transfer, sh, in, w)))
        return true;
    bridge_pass(c->bridge, sh, in);
    return true;
}

/* What has come by way of ourselves is for an end of ours; that one is gone (RFC 3261 §12.2.2). */
static bool nobody_is_there(struct shard *sh, const struct stack_in *in)
{
    if (!transport_is_local(shard_transport(sh), (enum transport_kind)in->from.kind, &in->from.remote))
        return false;
    if (in->m->method_id != METHOD_ACK)
        stack_reply_code(sh, in->tsx, 481);
    return true;
}

static void within_dialog(struct core *c, struct shard *sh, const struct stack_in *in)
{
    struct asker        a = {.view = directory_take(c->directory)};
    enum method         method = in->m->method_id;
    struct proxy_within w;

    proxy_look(c->proxy, sh, in, &w);
    if (within_bridge(c, sh, in, &w, &a))
        goto out;
    if (!w.has_cookie && legs_within(c, sh, in)) /* with one it is on its way through us, also to a leg that we called */
        goto out;
    if (legs_gone(c, sh, in, &w) || proxy_refuses(sh, in))
        goto out;
    if (!proxy_admits(&w) && !outsider_is_within(c, in, a.view, &w)) {
        if (nobody_is_there(sh, in) || method == METHOD_ACK || who_is_it(c, sh, in, &a))
            goto out;
    } else if (w.id.gen)
        a.user = directory_user(a.view, w.record.side[w.from].number);
    if (method != METHOD_ACK && transfer_sees(c->transfer, sh, in, &w))
        goto out;
    if (method == METHOD_REFER)
        transfer_refer(c->transfer, sh, in, &w, a.user);
    else
        proxy_within_dialog(c->proxy, sh, in, &w);
out:
    directory_give(a.view);
}

/* Where the request is for, by its Request-URI. */
static bool is_for_us(const struct directory_view *view, const struct msg *m, struct uri *u)
{
    return uri_parse(m->uri, u, NULL) == ERR_OK && (u->scheme == URI_TEL || directory_host_is_ours(view, u->host));
}

/* RFC 3261 §16.4: Route elements at the top that are ours have brought it here. One behind them leads elsewhere. */
static void look_at_routes(struct core *c, struct shard *sh, const struct stack_in *in, struct proxy_within *w)
{
    *w = (struct proxy_within){0};
    if (msg_has(in->m, HDR_ROUTE))
        proxy_look(c->proxy, sh, in, w);
}

static void pass_on(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *a, const struct proxy_within *w)
{
    struct proxy_caller caller = {.trusted = true};
    struct slice        target = SLICE_NONE;
    struct uri          u;
    struct buf          b;
    char               *room = arena_alloc(shard_scratch(sh), CORE_NUMBER_OCTETS);
    bool                own;

    own = bridge_sent(c->bridge, sh, in->m, &a->number);
    if (own)
        a->user = directory_user(a->view, a->number);
    else if (outsider_comes(c, sh, in, a, &caller)) {
        outsider_passes(c, sh, in, &caller, w);
        return;
    } else if (outsider_may_call_for_help(c, sh, in, a->view)) {
        a->user = directory_user(a->view, claimed_number(c, sh, in->m, HDR_FROM));
        a->number = a->user ? a->user->number : SLICE_NONE;
        a->user = NULL; /* it has proved nothing */
        caller.trusted = false;
    } else if (who_is_it(c, sh, in, a))
        return;
    caller.user = a->user;
    caller.number = a->number;
    caller.own_routes = w->own_routes;
    caller.next_route = w->next_route;
    if (w->next_route.n && !c->may_relay) {
        proxy_say(sh, msg_call_id(in->m), S("its Route leads to another server, and relaying is not allowed here"));
        stack_reply_code(sh, in->tsx, 403);
        return;
    }
    if (room && !w->next_route.n && is_for_us(a->view, in->m, &u)) {
        buf_init(&b, room, CORE_NUMBER_OCTETS);
        uri_put_user_key(&b, &u);
        target = buf_slice(&b);
    }
    if (events_new(c, sh, in, a, target))
        return;
    if (!own && transfer_sees_call(c->transfer, sh, in, a->number, target, &caller))
        return;
    proxy_new(c->proxy, sh, in, &caller);
}

static void new_request(struct core *c, struct shard *sh, const struct stack_in *in)
{
    struct asker        a = {.view = directory_take(c->directory)};
    struct uri          u = {0};
    struct proxy_within w;
    bool                ours;

    look_at_routes(c, sh, in, &w);
    ours = !w.next_route.n && is_for_us(a.view, in->m, &u);

    if (in->m->method_id == METHOD_REGISTER && ours && !tsx_is_none(in->merged))
        stack_reply_code(sh, in->tsx, 482); /* RFC 3261 §8.2.2.2: the same request by another way */
    else if (in->m->method_id == METHOD_REGISTER && ours)
        registrar_request(c->registrar, sh, in);
    else if (ours && events_report(c, sh, in, &a))
        ;
    else if (ours && u.user.n == 0 && u.scheme != URI_TEL)
        own_request(sh, in);
    else
        pass_on(c, sh, in, &a, &w);
    directory_give(a.view);
}

static void on_request(void *ctx, struct shard *sh, const struct stack_in *in)
{
    struct core *c = ctx;

    if (in->m->method_id == METHOD_CANCEL) {
        if (!legs_within(c, sh, in))
            proxy_cancel(c->proxy, sh, in);
    } else if (in->m->method_id == METHOD_ACK && proxy_takes_ack(c->proxy, sh, in))
        return;
    else if (events_within(c, sh, in))
        return;
    else if (in->m->method_id == METHOD_ACK || msg_to_tag(in->m).n)
        within_dialog(c, sh, in);
    else
        new_request(c, sh, in);
}

static void on_flow_lost(void *ctx, struct stack *st, uint8_t worker, const struct flow *flow)
{
    trunk_flow_lost(((struct core *)ctx)->trunks, st, worker, flow);
}

static void on_stray(void *ctx, struct shard *sh, const struct msg *m, const struct flow *from)
{
    proxy_stray(((struct core *)ctx)->proxy, sh, m, from);
}

static void on_shard_close(void *ctx, struct shard *sh, void *data)
{
    struct core *c = ctx;

    (void)data;
    legs_shard_close(c, sh);
    presence_shard_close(c->presence, sh);
    transfer_shard_close(c->transfer, sh);
    bridge_shard_close(c->bridge, sh);
    proxy_shard_close(c->proxy, sh);
    alive_shard_close(c, sh);
}

const struct stack_user core_stack_user = {.request = on_request, .stray = on_stray, .flow_lost = on_flow_lost, .shard_close = on_shard_close};
