/* within.c - requests inside dialogs: where they may go, and there they go (RFC 3261 §16.4-16.6; PROTOCOL 2.2-2.5, 4.4).
 *
 * Room      server/proxy.
 * In        server/core (pass on), server/transfer (carry, speak).
 * Touches   a fork of one branch; the stack; the dialog's record through keep.c. */
#include "server/proxy/proxy_priv.h"

struct way {
    struct flow  flow;     /* none: by RFC 3263 to `hop` */
    struct slice hop;
    struct slice uri;      /* the Request-URI that it gets */
    bool         out;      /* to a trunk */
    unsigned     refusal;  /* not 0: it has nowhere to go, and this is the answer */
    struct slice why;
};

static bool same_uri(struct slice a, struct slice b)
{
    struct uri ua, ub;

    if (slice_eq(a, b))
        return true;
    return uri_parse(a, &ua, NULL) == ERR_OK && uri_parse(b, &ub, NULL) == ERR_OK && uri_equal(&ua, &ub);
}

/* The phone that has this URI as its Contact or GRUU now, whatever it was when the dialog began. */
static bool find_binding(struct proxy *px, struct shard *sh, struct slice uri, struct location_binding *out)
{
    struct location_binding *list;
    size_t                   n;
    int64_t                  now = (int64_t)proxy_wall_ms(sh);

    if (location_by_contact(px->location, uri, now, shard_scratch(sh), out) == ERR_OK)
        return true;
    if (location_by_gruu(px->location, uri, now, shard_scratch(sh), &list, &n) || n == 0)
        return false;
    *out = list[0];
    return true;
}

/* Is that URI an element of a Route value? */
static bool has_route(struct slice routes, struct slice uri)
{
    struct slice     element;
    struct name_addr na;

    while (msg_element_next(&routes, &element))
        if (name_addr_parse(element, &na) == ERR_OK && same_uri(na.uri, uri))
            return true;
    return false;
}

/* Its first: then the flow that the record has is the way there. */
static bool is_first_of(struct slice routes, struct slice uri)
{
    struct slice element;

    return msg_element_next(&routes, &element) && has_route(element, uri);
}

/* PROTOCOL 2.2: the cookie admits to the dialog, not to a destination: its remote target, or another address of the same
 * user's phone (it has registered anew, or is called by its GRUU). *b is the binding that the target names; aor empty: none. */
static bool target_fits(struct proxy *px, struct shard *sh, const struct proxy_within *w, const struct flow *flow,
                        struct location_binding *b)
{
    const struct dialog_party *to = &w->record.side[dialogs_other(w->from)];
    struct addr                a;
    struct uri                 u;

    if (!find_binding(px, sh, w->target, b))
        *b = (struct location_binding){.slot = 0};
    if (w->id.gen && to->target.n)
        return same_uri(w->target, to->target) || (b->aor.n && slice_eq(b->aor, to->number));
    if (b->aor.n)
        return true;
    /* No record (a subscription, an overflow): the signed flow is where it goes, and the URI must not name another. */
    return !flow_is_none(flow) && uri_parse(w->target, &u, NULL) == ERR_OK && uri_host_addr(&u, &a) == ERR_OK &&
           addr_same_ip(&a, &flow->remote);
}

/* The same for a Route behind ours: it is of the dialog's route set, or of the path of the phone that it goes to. */
static bool route_fits(const struct proxy_within *w, const struct location_binding *b)
{
    return has_route(w->record.side[dialogs_other(w->from)].route, w->next_route) || has_route(b->path, w->next_route);
}

static void refuse_way(struct way *way, unsigned code, struct slice why)
{
    way->refusal = code;
    way->why = why;
}

/* PROTOCOL 2.4: a trunk is where its name leads, should its connection have gone. In the scratch arena; empty: it is no more. */
static struct slice server_of(struct proxy *px, struct shard *sh, const struct proxy_within *w)
{
    const struct directory_view  *view = directory_take(px->directory);
    const struct directory_trunk *t = directory_trunk(view, dialogs_trunk(&w->record.side[dialogs_other(w->from)]));
    struct slice                  server = SLICE_NONE;

    if (t && arena_dup(shard_scratch(sh), t->server, &server))
        server = SLICE_NONE;
    directory_give(view);
    return server;
}

/* What nearly always holds of a dialog that we know: it is for the recorded target, by the recorded flow, and by nobody else. Then it
 * need not be looked up who that is. */
static bool is_straight(const struct proxy_within *w, const struct way *way)
{
    const struct dialog_party *to = &w->record.side[dialogs_other(w->from)];

    return w->id.gen && !w->next_route.n && to->target.n && slice_eq(w->target, to->target) && !flow_is_none(&way->flow) &&
           !location_is_gruu(w->target);
}

/* PROTOCOL 2.4: recorded flow; else the flow token; else the binding that has this URI; else nowhere. A GRUU becomes the
 * address that it stands for (RFC 5627 §6.1). */
static void find_way(struct proxy *px, struct shard *sh, const struct proxy_within *w, struct way *way)
{
    const struct dialog_party *to = &w->record.side[dialogs_other(w->from)];
    struct location_binding    b;

    *way = (struct way){.uri = w->target, .out = w->id.gen && to->outsider.n};
    if (w->id.gen)
        proxy_flow_of(to->flow, &way->flow);
    if (flow_is_none(&way->flow) && w->has_cookie)
        proxy_cookie_flow(&w->cookie, w->cookie.from_caller ? DIALOG_CALLEE : DIALOG_CALLER, &way->flow);
    again_prefer(px, sh, to->number, w->target, &way->flow);
    if (is_straight(w, way))
        return;
    if (!target_fits(px, sh, w, &way->flow, &b)) {
        if (w->id.gen || w->has_cookie)
            refuse_way(way, 403, S("Target is not of this dialog"));
        else
            refuse_way(way, 481, S("Call Does Not Exist"));
    } else if (w->next_route.n && !route_fits(w, &b))
        refuse_way(way, 403, S("Route is not of this dialog"));
    if (way->refusal)
        return;
    if (b.aor.n && location_is_gruu(w->target))
        way->uri = b.contact;
    if (w->next_route.n && !is_first_of(to->route, w->next_route)) {
        way->flow = (struct flow){0};
        way->hop = w->next_route;
    } else if (flow_is_none(&way->flow) && way->out) {
        way->hop = server_of(px, sh, w);
    } else if (flow_is_none(&way->flow) && !proxy_flow_of(b.flow, &way->flow))
        refuse_way(way, 480, S("Nowhere to send it"));
}

struct passing {
    const struct stack_in     *in;
    const struct proxy_within *w;
    const struct way          *way;
    const struct proxy_carry  *carry; /* NULL: none */
    const struct fork         *fork;  /* NULL: none */
};

/* Who called was hidden from the other side when the call began; so it stays. */
static bool is_hidden(const struct stack_in *in, const struct proxy_within *w)
{
    struct name_addr na;

    return w->id.gen && w->from == DIALOG_CALLER && dress_is_anonymous(w->record.side[DIALOG_CALLER].uri) &&
           msg_from(in->m, &na) == ERR_OK && !dress_is_anonymous(na.uri);
}

static enum err compose_within(struct proxy *px, struct shard *sh, const struct passing *p, struct composed *out)
{
    const struct proxy_within  *w = p->w;
    static const struct outward outside = {.tries = 0};
    struct compose              c = {.px = px,
                                     .in = p->in,
                                     .uri = p->way->uri,
                                     .own_routes = w->own_routes,
                                     .strict = w->strict,
                                     .carry = p->carry,
                                     .refresh = p->fork,
                                     .hide = is_hidden(p->in, w),
                                     .out = p->way->out ? &outside : NULL};
    struct proxy_carry          changed = {.refer_to = w->refer_to};
    enum err                    e;

    if (c.out && !c.hide && w->from == DIALOG_CALLER)
        c.from = w->record.side[DIALOG_CALLER].uri; /* as the trunk knows who calls */
    if (!p->carry && w->refer_to.n)
        c.carry = &changed;
    if (w->id.gen) {
        c.shift = w->record.side[w->from].shift;
        c.shift_other = w->record.side[dialogs_other(w->from)].shift;
    }
    if (w->next_route.n && (e = compose_towards(sh, &c, w->next_route)))
        return e;
    return compose_request(sh, &c, out);
}

static enum err aim(const struct way *way, struct stack_send *s, struct uri *hop)
{
    enum err e;

    if (!flow_is_none(&way->flow)) {
        s->flow = &way->flow;
    } else {
        s->next_hop = hop;
        if ((e = uri_parse(way->hop, hop, NULL)))
            return e;
    }
    return proxy_check_sips(way->uri, s);
}

static void pass_ack(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_within *w)
{
    struct composed   request;
    struct stack_send s = {.edit = &request.edit};
    struct way        way;
    struct uri        hop;

    find_way(px, sh, w, &way);
    if (way.refusal || compose_within(px, sh, &(struct passing){.in = in, .w = w, .way = &way}, &request) || aim(&way, &s, &hop))
        return; /* PROTOCOL 2.4: an ACK that has nowhere to go is dropped */
    if (stack_send(sh, &s) == ERR_OK || !way.out)
        return;
    way.flow = (struct flow){0}; /* its connection has gone */
    way.hop = server_of(px, sh, w);
    s.flow = NULL;
    if (aim(&way, &s, &hop) == ERR_OK)
        stack_send(sh, &s);
}

static enum err start_within(struct fork *f, const struct stack_in *in, const struct proxy_within *w, const struct way *way)
{
    struct branch     *b = f->branch[0];
    struct composed    request;
    struct stack_send  s = {.edit = &request.edit, .on = &fork_client_on, .arg = b};
    struct proxy_carry login = {.add_rows = b->out ? b->out->login : SLICE_NONE};
    struct uri         hop;
    enum err           e;

    if (b->out && (e = arena_dup(&f->arena, way->uri, &b->uri))) /* what credentials are for */
        return e;
    if ((e = compose_within(f->px, f->sh, &(struct passing){.in = in, .w = w, .way = way, .carry = login.add_rows.n ? &login : NULL, .fork = f}, &request)) || (e = aim(way, &s, &hop)) ||
        (e = stack_request(f->sh, &s, &b->client)))
        return e;
    b->flow = way->flow;
    branch_begun(b);
    return ERR_OK;
}

enum err within_start_again(struct fork *f)
{
    const struct stack_in *in = stack_request_of(f->sh, f->server);
    struct proxy_within    w;
    struct way             way;

    if (!in)
        return ERR_NOTFOUND;
    proxy_look(f->px, f->sh, in, &w);
    w.refer_to = fork_text(f, FORK_REFER_TO);
    find_way(f->px, f->sh, &w, &way);
    way.flow = f->branch[0]->flow;
    if (flow_is_none(&way.flow) && !way.hop.n)
        way.hop = server_of(f->px, f->sh, &w);
    return way.refusal ? ERR_NOTFOUND : start_within(f, in, &w, &way);
}

static enum err know_trunk(struct fork *f, const struct proxy_within *w)
{
    struct outward *o = f->branch[0]->out = ARENA_NEW(&f->arena, struct outward);

    return o ? arena_dup(&f->arena, dialogs_trunk(&w->record.side[dialogs_other(w->from)]), &o->trunk) : ERR_NOMEM;
}

/* How the other side's phone is known, should its connection have gone. */
static enum err know_phone(struct fork *f, const struct proxy_within *w, const struct way *way)
{
    struct again *a = &f->branch[0]->again;

    a->may = !way->out; /* a trunk is called anew: outward_reconnects() */
    if (arena_dup(&f->arena, w->target, &a->contact) || (way->out && know_trunk(f, w)))
        return ERR_NOMEM;
    return w->id.gen ? arena_dup(&f->arena, w->record.side[dialogs_other(w->from)].number, &a->aor) : ERR_OK;
}

static void refuse(struct shard *sh, const struct stack_in *in, const struct way *way)
{
    struct stack_reply r = {.code = way->refusal, .reason = way->why};

    proxy_say(sh, msg_call_id(in->m), way->why);
    stack_reply(sh, in->tsx, &r);
}

static struct fork *fork_within(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                                const struct way *way)
{
    struct fork   *f = fork_new(px, sh, in);
    struct branch *b;

    if (!f)
        return NULL;
    f->n_groups = 1;
    if (fork_add_branch(f, &b) || know_phone(f, w, way) || fork_keep(f, FORK_REFER_TO, w->refer_to)) {
        fork_free(f);
        return NULL;
    }
    f->within = true;
    f->watch = w->watch;
    f->anonymous = is_hidden(in, w);
    f->timer_c_ms = f->method == METHOD_INVITE ? PLAN_TIMER_C_MS : PLAN_OTHER_MS;
    keep_within(f, in, w);
    refresh_look(f, in->m);
    return f;
}

bool proxy_refuses(struct shard *sh, const struct stack_in *in)
{
    bool               is_ack = in->m->method_id == METHOD_ACK;
    struct stack_reply bad = {.code = 420};
    struct buf         b;
    unsigned           hops;

    if (msg_max_forwards(in->m, &hops) == ERR_OK && hops == 0) {
        if (!is_ack)
            stack_reply_code(sh, in->tsx, 483);
        return true;
    }
    if (is_ack || !msg_has(in->m, HDR_PROXY_REQUIRE))
        return false;
    if (proxy_scratch(sh, in->m->raw.n + 64, &b) == ERR_OK)
        for (const struct msg_row *row = msg_row(in->m, HDR_PROXY_REQUIRE); row; row = msg_row_next(in->m, row))
            msg_put_row(&b, HDR_UNSUPPORTED, row->value);
    bad.rows = buf_slice(&b);
    stack_reply(sh, in->tsx, &bad);
    return true;
}

static void tell_watcher(struct shard *sh, const struct proxy_within *w, unsigned code)
{
    if (w->watch.answered)
        w->watch.answered(w->watch.arg, sh, code);
}

void proxy_within_dialog(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_within *w)
{
    struct fork *f;
    struct way   way;
    enum err     e;

    if (in->m->method_id == METHOD_ACK) {
        pass_ack(px, sh, in, w);
        return;
    }
    if (refresh_refuses(px, sh, in))
        return;
    find_way(px, sh, w, &way);
    if (way.refusal) {
        refuse(sh, in, &way);
        tell_watcher(sh, w, way.refusal);
        return;
    }
    if (!(f = fork_within(px, sh, in, w, &way))) {
        stack_reply_code(sh, in->tsx, 503);
        tell_watcher(sh, w, 503);
        return;
    }
    e = start_within(f, in, w, &way);
    fork_say_trying(f);
    if (e) {
        f->branch[0]->state = BRANCH_DONE;
        f->branch[0]->code = 480;
        fork_finish(f);
    }
}

enum err proxy_carry(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_within *w,
                     const struct proxy_carry *c, struct tsx_id *client)
{
    struct composed   request;
    struct stack_send s = {.on = c->on, .arg = c->arg};
    struct again      phone = {.contact = w->target};
    struct cseq       cseq;
    struct way        way;
    struct uri        hop;
    enum err          e;

    find_way(px, sh, w, &way);
    if (way.refusal)
        return ERR_NOTFOUND;
    if (w->id.gen && msg_cseq(in->m, &cseq) == ERR_OK)
        dialogs_seen(px->dialogs, w->id, w->from, cseq.number, (int64_t)proxy_wall_ms(sh));
    if ((e = compose_within(px, sh, &(struct passing){.in = in, .w = w, .way = &way, .carry = c}, &request)) ||
        (e = msg_edit_make(&request.edit, shard_scratch(sh), &s.octets)) || (e = aim(&way, &s, &hop)))
        return e;
    if (s.flow)
        s.branch = c->branch;
    if (w->id.gen)
        phone.aor = w->record.side[dialogs_other(w->from)].number;
    return carried_send(px, sh, &s, &phone, client);
}

enum err proxy_speak(struct proxy *px, struct shard *sh, const struct flow *to, struct slice request,
                     const struct stack_client_on *on, void *arg)
{
    struct flow       flow = *to;
    struct stack_send s = {.octets = request, .flow = &flow, .on = on, .arg = arg};
    struct slice      rest = request, uri;
    struct tsx_id     client;

    slice_cut(&rest, ' ', &uri);
    slice_cut(&rest, ' ', &uri);
    again_prefer(px, sh, SLICE_NONE, uri, &flow);
    return carried_send(px, sh, &s, &(struct again){.contact = uri}, &client);
}

bool proxy_is_open(const struct proxy *px, struct shard *sh, struct dialog_id id, enum dialog_side from)
{
    const struct list *forks = &px->shard[shard_index(sh)].forks;

    for (const struct list_node *n = list_first(forks); n; n = list_next(forks, n)) {
        const struct fork *f = LIST_OF(n, struct fork, node);

        if (f->within && f->from == from && f->record.slot == id.slot && f->record.gen == id.gen)
            return true;
    }
    return false;
}
