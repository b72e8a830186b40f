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
    struct account_config   ac = {config->mem,    config->rng,    config->digester, config->key,
                                  config->now_ms, config->digest, config->log};
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

struct slice core_number_of(struct shard *sh, const struct uri *u)
{
    size_t     octets = 3 * u->raw.n + 8; /* each octet of it may have to be escaped */
    char      *room = arena_alloc(shard_scratch(sh), octets);
    struct buf b;

    if (!room)
        return SLICE_NONE;
    buf_init(&b, room, octets);
    uri_put_user_key(&b, u);
    return buf_slice(&b);
}

struct slice claimed_number(struct shard *sh, const struct directory_view *view, const struct msg *m)
{
    const struct uri *u = msg_from_uri(m);
    struct slice      number;

    if (!u || (u->scheme != URI_TEL && !directory_host_is_ours(view, u->host)))
        return SLICE_NONE;
    number = core_number_of(sh, u);
    if (slice_ieq(number, S("anonymous")) && !directory_user(view, number))
        return SLICE_NONE; /* not RFC 3323's anonymous.invalid, but what many phones write */
    return number;
}

const struct directory_view *core_view(struct core *c, struct asker *a)
{
    if (!a->view)
        a->view = directory_take(c->directory);
    return a->view;
}

/* The sender's account, or an answer to it. What the exchange answers itself is challenged with 401: phones have been
 * seen to flood at a 407 to SUBSCRIBE (PROTOCOL 1.2). */
enum err who_is_it(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *out)
{
    enum method             m = in->m->method_id;
    struct account_question q = {.in = in,
                                 .view = core_view(c, out),
                                 .answer = m == METHOD_SUBSCRIBE || m == METHOD_PUBLISH ? ACCOUNT_401 : ACCOUNT_407,
                                 .number = claimed_number(sh, out->view, in->m),
                                 .now_ms = net_wall_us(shard_net(sh)) / 1000};
    struct slice            why = SLICE_NONE;
    enum err                e = account_check(c->account, sh, &q, &out->user, &why);

    if (e && why.n)
        proxy_say(sh, msg_call_id(in->m), why);
    out->number = out->user ? out->user->number : q.number;
    return e;
}

/* A dialog that the exchange has taken over from one of its sides: whoever sends in it brings a cookie, and means us. */
static void within_bridge(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                          struct asker *a)
{
    if (in->m->method_id != METHOD_ACK &&
        ((!proxy_admits(w) && !outsider_is_within(c, in, a, w) && who_is_it(c, sh, in, a)) || transfer_sees(c->transfer, sh, in, w)))
        return;
    bridge_pass(c->bridge, sh, in);
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

/* An end of our own is in it, or was before a restart: dealt with, true. With a cookie it is on its way through us, also to a
 * leg that we called. */
static bool within_own_end(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_within *w)
{
    return (!w->has_cookie && legs_within(c, sh, in)) || legs_gone(c, sh, in, w);
}

/* Its sender has been admitted. */
static void pass_within(struct core *c, struct shard *sh, const struct stack_in *in, struct proxy_within *w,
                        const struct directory_user *user)
{
    if (in->m->method_id != METHOD_ACK && transfer_sees(c->transfer, sh, in, w))
        return;
    if (in->m->method_id == METHOD_REFER)
        transfer_refer(c->transfer, sh, in, w, user);
    else
        proxy_within_dialog(c->proxy, sh, in, w);
}

/* By its cookie or flow it passes at once. Else its sender has to be known: as the trunk that stands there, or by its account. */
static bool may_pass_within(struct core *c, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                            struct asker *a)
{
    if (proxy_admits(w) || outsider_is_within(c, in, a, w)) {
        if (in->m->method_id == METHOD_REFER && w->id.gen)
            a->user = directory_user(core_view(c, a), w->record.side[w->from].number);
        return true;
    }
    return !nobody_is_there(sh, in) && in->m->method_id != METHOD_ACK && who_is_it(c, sh, in, a) == ERR_OK;
}

/* The plain case is that two phones talk and nobody else is in the dialog: then these questions are a look at a counter or at the
 * record that has been found. */
static void within_dialog(struct core *c, struct shard *sh, const struct stack_in *in)
{
    struct asker        a = {.view = NULL};
    struct proxy_within w;

    proxy_look(c->proxy, sh, in, &w);
    if (bridge_has(c->bridge, sh, in))
        within_bridge(c, sh, in, &w, &a);
    else if (!within_own_end(c, sh, in, &w) && !proxy_refuses(sh, in) && may_pass_within(c, sh, in, &w, &a))
        pass_within(c, sh, in, &w, a.user);
    directory_give(a.view);
}

/* RFC 3261 §16.4: Route elements at the top that are ours have brought it here. One behind them leads elsewhere. */
static void look_at_routes(struct core *c, struct shard *sh, const struct stack_in *in, struct proxy_within *w)
{
    *w = (struct proxy_within){0};
    if (msg_has(in->m, HDR_ROUTE))
        proxy_look(c->proxy, sh, in, w);
}

/* Who comes in, and how. */
enum entrance {
    NOT_LET_IN,  /* it has been answered */
    AS_OUTSIDER, /* from a trunk */
    AS_OURSELVES, /* a call that the exchange makes itself has come by (server/bridge) */
    AS_CALLER
};

static enum entrance let_in(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *a, struct proxy_caller *caller)
{
    if (bridge_sent(c->bridge, sh, in->m, &a->number)) {
        a->user = directory_user(a->view, a->number);
        return AS_OURSELVES;
    }
    if (outsider_comes(c, sh, in, a, caller))
        return AS_OUTSIDER;
    if (outsider_may_call_for_help(c, sh, in, a->view)) {
        const struct directory_user *u = directory_user(a->view, claimed_number(sh, a->view, in->m));

        a->number = u ? u->number : SLICE_NONE; /* it has proved nothing: it is not that user */
        caller->trusted = false;
        return AS_CALLER;
    }
    return who_is_it(c, sh, in, a) ? NOT_LET_IN : AS_CALLER;
}

/* The number of ours that it is for; empty: it is for somebody else. In the scratch arena. */
static struct slice target_of(struct shard *sh, const struct aim *aim)
{
    return aim->ours ? core_number_of(sh, aim->uri) : SLICE_NONE;
}

/* Something of a feature, which deals with it: true. */
static bool is_of_a_feature(struct core *c, struct shard *sh, const struct stack_in *in, const struct asker *a, const struct aim *aim,
                            struct proxy_caller *caller)
{
    if (in->m->method_id == METHOD_SUBSCRIBE || in->m->method_id == METHOD_PUBLISH)
        return events_new(c, sh, in, a, target_of(sh, aim));
    return in->m->method_id == METHOD_INVITE && transfer_expects_calls(c->transfer) &&
           transfer_sees_call(c->transfer, sh, in, a->number, target_of(sh, aim), caller);
}

static void pass_on(struct core *c, struct shard *sh, const struct stack_in *in, struct asker *a, const struct aim *aim)
{
    struct proxy_caller caller = {.trusted = true};
    enum entrance       as = let_in(c, sh, in, a, &caller);

    if (as == NOT_LET_IN)
        return;
    caller.view = a->view;
    caller.own_routes = aim->w.own_routes;
    if (as == AS_OUTSIDER) {
        outsider_passes(c, sh, in, &caller, &aim->w);
        return;
    }
    caller.user = a->user;
    caller.number = a->number;
    caller.next_route = aim->w.next_route;
    if (caller.next_route.n && !c->may_relay) {
        proxy_say(sh, msg_call_id(in->m), S("its Route leads to another server, and relaying is not allowed here"));
        stack_reply_code(sh, in->tsx, 403);
        return;
    }
    if (as == AS_OURSELVES || !is_of_a_feature(c, sh, in, a, aim, &caller))
        proxy_new(c->proxy, sh, in, &caller);
}

/* A REGISTER for us, or at a name that is ours by this. */
static bool is_registration(const struct directory_view *view, const struct msg *m, const struct aim *aim)
{
    if (m->method_id != METHOD_REGISTER || !aim->uri || aim->w.next_route.n)
        return false;
    return aim->ours || (uri_is_sip(aim->uri) && directory_host_may_be_ours(view, aim->uri->host));
}

static void new_request(struct core *c, struct shard *sh, const struct stack_in *in)
{
    struct asker a = {.view = directory_take(c->directory)};
    struct aim   aim;
    bool         registers;

    look_at_routes(c, sh, in, &aim.w);
    aim.uri = msg_request_uri(in->m);
    aim.ours = aim.uri && !aim.w.next_route.n && (aim.uri->scheme == URI_TEL || directory_host_is_ours(a.view, aim.uri->host));

    registers = is_registration(a.view, in->m, &aim);
    if (registers && !tsx_is_none(in->merged))
        stack_reply_code(sh, in->tsx, 482); /* RFC 3261 §8.2.2.2: the same request by another way */
    else if (registers)
        registrar_request(c->registrar, sh, in, a.view);
    else if (aim.ours && events_report(c, sh, in, &a))
        ;
    else if (aim.ours && aim.uri->user.n == 0 && aim.uri->scheme != URI_TEL)
        own_request(sh, in);
    else
        pass_on(c, sh, in, &a, &aim);
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

static void on_expect(void *ctx, uint64_t call_hash, bool again)
{
    const struct core *c = ctx;

    dialogs_expect(c->dialogs, call_hash, again);
    proxy_expect(c->proxy, call_hash, again);
}

const struct stack_user core_stack_user = {.request = on_request, .stray = on_stray, .expect = on_expect, .rank = core_rank,
                                           .flow_lost = on_flow_lost, .shard_close = on_shard_close};
