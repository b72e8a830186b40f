/* new.c - a request outside any dialog: facts, plan, and the plan carried out (RFC 3261 §16.3-16.6).
 *
 * Room      server/proxy.
 * In        server/core.
 * Touches   a new fork; the shard's scratch arena for the facts. Decides nothing: plan_route() does. */
#include "server/proxy/proxy_priv.h"

/* RFC 3261 §16.3 step 4 and RFC 5393 §4.2: a hash of what decides the route, behind our branch. The same request that
 * comes again has one of ours with the same hash; one whose Request-URI has changed (a spiral) has not. */
static void loop_suffix(struct proxy *px, const struct msg *m, char out[LOOP_SUFFIX_OCTETS])
{
    const struct slice parts[] = {m->uri, msg_call_id(m), msg_from_tag(m), msg_to_tag(m), msg_value(m, HDR_CSEQ),
                                  msg_value(m, HDR_ROUTE), msg_value(m, HDR_PROXY_REQUIRE)};
    uint64_t           h = hash_pieces(&px->hash, parts, sizeof parts / sizeof parts[0]);
    struct buf         b;

    buf_init(&b, out, LOOP_SUFFIX_OCTETS);
    buf_putc(&b, '-');
    buf_puthex64(&b, h | 1ull << 63); /* always as many digits */
}

static bool has_looped(const struct msg *m, struct slice suffix)
{
    struct msg_list it;
    struct slice    element;
    struct via      v;
    bool            occurs = false;

    for (const struct msg_row *row = msg_row(m, HDR_VIA); row && !occurs; row = msg_row_next(m, row))
        occurs = slice_find_slice(row->value, suffix) != SIZE_MAX;
    if (!occurs)
        return false;
    it = msg_list_begin(m, HDR_VIA);
    while (msg_list_next(&it, &element))
        if (via_parse(element, &v) == ERR_OK && slice_ends(v.branch, suffix))
            return true;
    return false;
}

struct slice fork_number_of(const struct fork *f, const struct directory_view *view, struct slice uri)
{
    struct uri u;
    struct buf b;

    if (uri_parse(uri, &u, NULL) || (u.scheme != URI_TEL && !directory_host_is_ours(view, u.host)) ||
        proxy_scratch(f->sh, 3 * uri.n + 8, &b))
        return SLICE_NONE;
    uri_put_user_key(&b, &u);
    return buf_slice(&b);
}

/* Whom it is for at present: f->target, read. */
struct whom {
    struct uri   uri;
    struct slice number; /* in the scratch arena */
    bool         ours;
};

static enum err read_target(const struct fork *f, const struct stack_in *in, const struct directory_view *view, struct whom *out)
{
    const struct uri *as_sent = slice_eq(f->target, in->m->uri) ? msg_request_uri(in->m) : NULL;
    struct buf        number;
    enum err          e;

    if (as_sent)
        out->uri = *as_sent;
    else if ((e = uri_parse(f->target, &out->uri, NULL)))
        return e;
    if ((e = proxy_scratch(f->sh, 3 * f->target.n + 8, &number)))
        return e;
    outward_put_number(&number, &out->uri);
    out->number = buf_slice(&number);
    if (out->uri.scheme == URI_TEL)
        out->uri.host = outward_context(&out->uri);
    out->ours = !fork_text(f, FORK_NEXT_ROUTE).n && ((out->uri.scheme == URI_TEL && !out->uri.host.n) || directory_host_is_ours(view, out->uri.host));
    return ERR_OK;
}

/* A temporary GRUU's user part is no number: where it leads nowhere it is as unknown as any other (RFC 5627 §6.1: 404). */
static bool is_temporary(const struct uri *u)
{
    struct slice gr;

    return uri_param(u, S("gr"), &gr) == ERR_OK && gr.n == 0;
}

/* What the plan is asked: about which request, and what has happened to it since. */
struct question {
    const struct stack_in       *in;
    const struct directory_view *view;
    struct whom                  whom;
    const struct directory_user *caller; /* NULL: not known, or none of ours */
    enum plan_when               when;
    uint16_t                     code; /* what ended it, unless it is new */
};

/* What may not be called by whom it comes from: who has forwarded it last, or else who calls. */
static struct slice barred(const struct fork *f, const struct question *q)
{
    const struct directory_user *u = q->caller;

    if (f->n_hops)
        u = directory_user(q->view, f->hop[f->n_hops - 1].number);
    else if (!u && f->caller.n)
        u = directory_user(q->view, f->caller);
    return u ? directory_setting(u, S("barred")) : SLICE_NONE;
}

/* What the request says, for the plan. */
static void facts_of_request(struct fork *f, const struct question *q, struct plan_request *out)
{
    const struct msg *m = q->in->m;
    unsigned          hops, breadth = 0;

    *out = (struct plan_request){.method = m->method, .uri = f->target, .scheme = q->whom.uri.scheme, .host = q->whom.uri.host,
                                .number = q->whom.number, .ours = q->whom.ours, .when = q->when, .code = q->code};
    if (is_temporary(&q->whom.uri))
        out->number = SLICE_NONE;
    out->unsupported = msg_value(m, HDR_PROXY_REQUIRE);
    out->out_of_hops = msg_max_forwards(m, &hops) == ERR_OK && hops == 0;
    out->looped = has_looped(m, (struct slice){f->loop, sizeof f->loop});
    out->has_breadth = msg_max_breadth(m, &breadth) == ERR_OK;
    out->breadth = breadth;
    out->caller_ours = f->trusted;
    out->caller = f->caller;
    out->may_relay = f->px->may_relay;
    out->anonymous = f->anonymous || dress_wants_to_be_unknown(m);
    out->intercom = f->intercom;
    out->pickup = f->takes_place;
    out->barred = barred(f, q);
    f->dialled = out->number;
    out->now_ms = (int64_t)proxy_wall_ms(f->sh);
}

/* The live bindings of a number, as the plan wants them. */
static enum err bindings_of(struct fork *f, struct slice number, int64_t now_ms, const struct plan_binding **out, size_t *n)
{
    struct location_binding *list = NULL;
    struct plan_binding     *b;
    struct arena            *a = shard_scratch(f->sh);
    enum err                 e = location_lookup(f->px->location, number, now_ms, a, &list, n);

    if (e || *n == 0)
        return e;
    if (!(b = arena_zalloc(a, *n * sizeof *b)))
        return ERR_NOMEM;
    location_plan_facts(list, *n, b);
    *out = b;
    return ERR_OK;
}

static bool is_talking(void *arg, struct dialog_id id, const struct dialog_record *r)
{
    (void)id;
    *(bool *)arg = r->state == DIALOG_CONFIRMED;
    return !*(bool *)arg;
}

static enum err facts_of_member(struct fork *f, const struct directory_view *view, const struct plan_facts *facts, struct plan_member *m)
{
    struct plan_callee c;
    enum err           e;

    directory_plan_facts(view, m->number, &c);
    m->dnd = c.dnd;
    if (!c.known || c.how != PLAN_HOW_NONE) /* nobody (any more), or a group: it has no phones */
        return ERR_OK;
    if ((e = bindings_of(f, m->number, facts->request.now_ms, &m->bindings, &m->n_bindings)) || facts->callee.how != PLAN_HOW_IDLE)
        return e;
    m->idle_since_ms = dialogs_idle_since(f->px->dialogs, m->number);
    return dialogs_each_of(f->px->dialogs, m->number, is_talking, &m->talking);
}

static enum err facts_of_group(struct fork *f, const struct directory_view *view, struct plan_facts *facts)
{
    struct plan_member *list = arena_zalloc(shard_scratch(f->sh), PLAN_MAX_MEMBERS * sizeof *list);
    struct slice        rest = facts->callee.members;
    enum err            e = ERR_OK;

    if (!list)
        return ERR_NOMEM;
    facts->members = list;
    for (bool more = true; more && !e && facts->n_members < PLAN_MAX_MEMBERS;) {
        struct plan_member *m = &list[facts->n_members++];

        more = slice_cut(&rest, ',', &m->number);
        e = facts_of_member(f, view, facts, m);
    }
    return e;
}

/* The exchange's own end behind a number that is nobody's: an extension, or a code that changes a setting of who dials it.
 * Nobody's forward leads to such a code: it would change the settings of whoever called. */
static struct slice app_of(struct fork *f, const struct directory_view *view, struct slice number)
{
    struct slice app = f->px->legs.app(f->px->legs.ctx, number), rest, key, value;

    if (app.n || f->n_hops || !plan_code_setting(directory_code(view, number, &rest), rest, &key, &value))
        return app;
    return S("setting");
}

/* Whom it is for, and where they are. A GRUU names one phone (RFC 5627 §5.2). */
static enum err facts_of_callee(struct fork *f, const struct directory_view *view, struct plan_facts *facts)
{
    struct location_binding *list = NULL;
    struct plan_binding     *out;
    struct arena            *a = shard_scratch(f->sh);
    enum err                 e = ERR_OK;

    if (facts->request.ours && location_is_gruu(facts->request.uri)) {
        e = location_by_gruu(f->px->location, facts->request.uri, facts->request.now_ms, a, &list, &facts->n_bindings);
        if (e == ERR_OK)
            facts->request.number = list[0].aor;
        else if (e == ERR_NOTFOUND)
            facts->n_bindings = 0, e = ERR_OK;
    } else if (facts->request.ours && facts->request.number.n)
        e = location_lookup(f->px->location, facts->request.number, facts->request.now_ms, a, &list, &facts->n_bindings);
    if (e)
        return e;
    directory_plan_facts(view, facts->request.number, &facts->callee);
    if (facts->callee.how != PLAN_HOW_NONE) {
        facts->n_bindings = 0; /* in an open house a phone may think that it is the group */
        return facts_of_group(f, view, facts);
    }
    if (!facts->n_bindings) {
        if (facts->request.ours && !directory_user(view, facts->request.number))
            facts->callee.app = app_of(f, view, facts->request.number);
        return ERR_OK;
    }
    if (!(out = arena_zalloc(a, facts->n_bindings * sizeof *out)))
        return ERR_NOMEM;
    location_plan_facts(list, facts->n_bindings, out);
    facts->bindings = out;
    return ERR_OK;
}

static void reply_planned(struct fork *f, const struct plan *p)
{
    char               row[512];
    struct buf         b = BUF_ON(row);
    struct stack_reply r = {.code = p->code, .reason = slice_z(plan_phrase(p->code))};

    if (p->unsupported.n) {
        msg_put_row(&b, HDR_UNSUPPORTED, p->unsupported);
        r.rows = buf_slice(&b);
    }
    keep_failure(f, p->code, r.reason);
    stack_reply(f->sh, f->server, &r);
    fork_answered(f, p->code);
    fork_release(f);
}

/* How the phones of the stage shall ring. */
static void choose_ring(struct fork *f, const struct plan_callee *c)
{
    enum plan_ring ring = f->n_hops && c->ring[PLAN_RING_FORWARDED].n ? PLAN_RING_FORWARDED
                          : f->asserted                               ? PLAN_RING_INTERNAL
                                                                      : PLAN_RING_EXTERNAL;

    f->no_intercom = c->no_intercom;
    if (f->method == METHOD_INVITE)
        (void)fork_keep(f, FORK_RING, c->ring[ring]); /* without memory it rings as ever */
}

static void fork_planned(struct fork *f, const struct plan *p)
{
    size_t   branches = f->n_branches;
    uint16_t groups = f->n_groups;

    if (f->no_replaces && pickup_bring(f))
        return;
    f->outward = false;
    f->redirect = fork_text(f, FORK_TRUNK).n ? PLAN_REDIRECT_FOLLOW : p->redirect; /* who is outside cannot call where a phone of ours says */
    f->each_alone = p->each_alone;
    f->group_ms = p->group_ms;
    f->timer_c_ms = p->timer_c_ms;
    for (size_t i = 0; i < p->n_targets; i++) {
        const struct plan_target *t = &p->targets[i];

        if (fork_add_binding(f, t->binding, (uint16_t)(groups + t->group)))
            break;
        f->branch[f->n_branches - 1]->spare = t->spare;
        f->branch[f->n_branches - 1]->spare_of = (uint16_t)(branches + t->spare_of);
    }
    fork_begin_stage(f, groups, p->ring_ms);
}

/* One after the other; which of them cannot be called is known when its turn comes. */
static void trunk_planned(struct fork *f, const struct plan *p)
{
    const struct directory_view *view = directory_take(f->px->directory);
    uint16_t                     groups = f->n_groups;

    f->outward = true;
    f->each_alone = false;
    f->redirect = PLAN_REDIRECT_PASS;
    f->group_ms = p->group_ms;
    f->timer_c_ms = p->timer_c_ms;
    for (size_t i = 0; i < p->n_ways; i++)
        if (outward_add(f, view, &p->ways[i], f->n_groups))
            break;
    directory_give(view);
    if (f->n_groups == groups) {
        fork_own_answer(f, 503);
        fork_release(f);
        return;
    }
    fork_begin_stage(f, groups, 0);
}

static void relay_planned(struct fork *f)
{
    struct plan_binding b = {.contact = f->target};
    uint16_t            groups = f->n_groups;

    f->each_alone = false;
    f->timer_c_ms = f->method == METHOD_INVITE ? PLAN_TIMER_C_MS : PLAN_OTHER_MS;
    if (fork_add_binding(f, &b, groups)) {
        fork_own_answer(f, 503);
        fork_release(f);
        return;
    }
    fork_begin_stage(f, groups, 0);
}

/* Facts and plan of whom the call is for at present, which is `number`. Texts live in the view and the scratch arena. */
static enum err ask(struct fork *f, const struct question *q, struct slice *number, struct plan *out)
{
    struct plan_facts   facts = {0};
    struct forward_told told;
    char                why[PLAN_MAX_REASON];
    struct buf          b = BUF_ON(why);
    enum err            e;

    if ((e = fork_keep(f, FORK_PICKED_UP, SLICE_NONE)) || (e = fork_keep(f, FORK_RING, SLICE_NONE)))
        return e;
    facts_of_request(f, q, &facts.request);
    if ((e = facts_of_callee(f, q->view, &facts)) || (e = outward_facts(f, q->view, &facts)) ||
        (!f->takes_place && (e = fetch_facts(f, &facts))) ||
        (!f->takes_place && (e = f->pickup ? pickup_facts(f, q->view, &facts) : fork_steer(f, q->in->m, q->when, &facts))))
        return e;
    forward_look(f, q->in, q->view, &told);
    facts.request.trail = told.trail;
    facts.request.n_trail = told.n_trail;
    facts.request.n_forwards = told.n;
    plan_route(&facts, out);
    if (out->act == PLAN_FORK)
        choose_ring(f, &facts.callee);
    plan_put_reason(&b, &out->reason);
    if (out->act != PLAN_PASS)
        proxy_say(f->sh, f->call_id, buf_slice(&b));
    *number = facts.request.number;
    return ERR_OK;
}

/* The plan forwards: ask again for whom it is now, until it is clear what is to be done. Where it goes on, the caller may see
 * that (181, RFC 3261 §21.1.3). */
static enum err ask_on(struct fork *f, struct question q, struct slice *number, struct plan *out)
{
    size_t   hops = f->n_hops;
    enum err e;

    while ((e = ask(f, &q, number, out)) == ERR_OK && out->act == PLAN_FORWARD) {
        if ((e = forward_note(f, q.in, *number, out->forward, out->cause)) || (e = read_target(f, q.in, q.view, &q.whom)))
            return e;
        q.when = PLAN_WHEN_NEW; /* to whom it is for now */
        q.code = 0;
    }
    if (!e && f->n_hops > hops && out->act != PLAN_REPLY) {
        fork_say_trying(f);
        stack_reply_code(f->sh, f->server, 181);
    }
    return e;
}

/* The request is a leg's from now on. What is left of the fork waits for the ends of its branches, and answers no more. */
void fork_hand_over(struct fork *f, const struct stack_in *in, struct slice number)
{
    struct proxy       *px = f->px;
    struct shard       *sh = f->sh;
    struct proxy_watch  watch = f->watch;
    struct proxy_handed h = {.watch = &watch, .record = keep_hand_over(f, number)};

    if (arena_dup(shard_scratch(sh), fork_text(f, FORK_TRANSFERRED_BY), &h.transferred_by))
        h.transferred_by = SLICE_NONE;
    f->watch = (struct proxy_watch){0}; /* it goes along */
    fork_answered(f, 0);
    f->server = (struct tsx_id){0};
    fork_release(f);
    px->legs.take(px->legs.ctx, sh, in, &h);
}

/* The last act of a callback: the fork may be gone afterwards. */
static void carry_out(struct fork *f, const struct stack_in *in, struct slice number, const struct plan *p)
{
    switch (p->act) {
    case PLAN_FORK: fork_planned(f, p); break;
    case PLAN_RELAY: relay_planned(f); break;
    case PLAN_TRUNK: trunk_planned(f, p); break;
    case PLAN_REPLY: reply_planned(f, p); break;
    case PLAN_LEG: fork_hand_over(f, in, number); break;
    case PLAN_FORWARD: /* ask_on() has gone on until it was something else */
    case PLAN_PASS:
        fork_own_answer(f, 480);
        fork_release(f);
        break;
    }
}

/* Whom a call is for by that plan, as its record has it; text is put into *b. */
static struct dialog_party callee_of(const struct plan *p, struct slice number, struct buf *b)
{
    char       text[2 * DIALOGS_OUTSIDER_OCTETS];
    struct buf dialled = BUF_ON(text);

    if (p->act != PLAN_TRUNK)
        return (struct dialog_party){.number = number};
    plan_dial_put(&dialled, &p->ways[0].dial, number);
    dialogs_put_outsider(b, buf_slice(&dialled), p->ways[0].trunk->name);
    return (struct dialog_party){.outsider = buf_slice(b)};
}

/* Before anything goes out: whatever comes of the call, also after a crash, is written down. */
static void begin_record(struct fork *f, const struct stack_in *in, const struct proxy_caller *caller, const struct plan *p,
                         struct slice number)
{
    char                party[DIALOGS_OUTSIDER_OCTETS];
    struct buf          b = BUF_ON(party);
    struct dialog_party callee = callee_of(p, number, &b);

    keep_begin(f, in, caller, &callee);
}

static void note_callee(struct fork *f, const struct plan *p, struct slice number)
{
    char                party[DIALOGS_OUTSIDER_OCTETS];
    struct buf          b = BUF_ON(party);
    struct dialog_party callee = callee_of(p, number, &b);

    keep_goes_on(f, &callee);
}

bool fork_goes_on(struct fork *f, enum plan_when when, uint16_t code)
{
    const struct stack_in       *in = f->method == METHOD_INVITE && !f->within ? stack_request_of(f->sh, f->server) : NULL;
    const struct directory_view *view;
    struct slice                 number;
    struct question              q = {.in = in, .when = when, .code = code};
    struct plan                  plan = {.act = PLAN_PASS};
    bool                         deflected = f->deflected && code >= 300 && code < 400;

    if (!in || (when == PLAN_WHEN_ANSWERED && !deflected))
        return false;
    q.view = view = directory_take(f->px->directory);
    if (deflected) {
        q.when = PLAN_WHEN_NEW;
        q.code = 0;
    }
    if (read_target(f, in, view, &q.whom) || ask_on(f, q, &number, &plan))
        plan.act = PLAN_PASS; /* no memory: then it ends with what there is */
    if (deflected && plan.act != PLAN_TRUNK)
        plan.act = PLAN_PASS; /* the caller may follow it, with its own rights */
    f->deflected = false;
    if (plan.act != PLAN_PASS && fork_keep(f, FORK_CHALLENGES, SLICE_NONE))
        plan.act = PLAN_PASS;
    if (plan.act != PLAN_PASS) {
        f->best_code = 0;
        f->best = SLICE_NONE;
        if (plan.act == PLAN_FORK || plan.act == PLAN_TRUNK)
            note_callee(f, &plan, number);
        carry_out(f, in, number, &plan);
    }
    directory_give(view);
    return plan.act != PLAN_PASS;
}

/* What its caller may have dialled a code with; empty: a URI of somebody else's. Context in a tel URI says where numbers are from,
 * and a code is none. */
static struct slice dialled(const struct fork *f, const struct question *q)
{
    if (fork_text(f, FORK_NEXT_ROUTE).n)
        return SLICE_NONE;
    if (q->whom.uri.scheme == URI_TEL)
        return fork_number_of(f, q->view, f->target);
    return q->whom.ours ? q->whom.number : SLICE_NONE;
}

static enum err set_up(struct fork *f, const struct proxy_caller *caller, struct question *q)
{
    const struct stack_in *in = q->in;
    bool                   coded;
    enum err               e;

    f->watch = caller->watch;
    f->own_routes = (uint16_t)caller->own_routes;
    f->trusted = caller->trusted;
    loop_suffix(f->px, in->m, f->loop);
    if ((e = fork_keep(f, FORK_NEXT_ROUTE, caller->next_route)) || (e = arena_dup(&f->arena, caller->number, &f->caller)) ||
        (e = fork_keep(f, FORK_REPLACES, caller->replaces)) || (e = fork_keep(f, FORK_TRUNK, caller->trunk)) ||
        (e = fork_keep(f, FORK_TRANSFERRED_BY, caller->transferred_by)))
        return e;
    f->asserted = caller->user != NULL;
    f->trusts = caller->trusts;
    f->did_unknown = caller->trunk.n && !caller->target.n;
    if ((e = arena_dup(&f->arena, caller->target.n ? caller->target : in->m->uri, &f->target)) ||
        (caller->user && (e = fork_keep(f, FORK_CALLER_NAME, caller->user->name))))
        return e;
    if ((e = read_target(f, in, q->view, &q->whom)) || caller->trunk.n || f->method != METHOD_INVITE)
        return e; /* what a trunk calls are numbers */
    if ((e = code_take(f, in, q->view, dialled(f, q), &coded)) || !coded)
        return e;
    return read_target(f, in, q->view, &q->whom);
}

static void refused(struct shard *sh, const struct proxy_caller *caller, unsigned code)
{
    if (caller->watch.answered)
        caller->watch.answered(caller->watch.arg, sh, code);
}

void proxy_new(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_caller *caller)
{
    struct question q = {.in = in, .view = caller->view, .caller = caller->user};
    struct fork    *f;
    struct slice    number;
    struct plan     plan;

    if (refresh_refuses(px, sh, in)) {
        refused(sh, caller, 422);
        return;
    }
    if ((f = fork_new(px, sh, in)))
        refresh_look(f, in->m);
    if (!f) {
        stack_reply_code(sh, in->tsx, 503);
        refused(sh, caller, 503);
    } else if (set_up(f, caller, &q) || ask_on(f, q, &number, &plan)) {
        fork_own_answer(f, 503);
        fork_release(f);
    } else {
        begin_record(f, in, caller, &plan, number);
        carry_out(f, in, number, &plan);
    }
}

enum err proxy_give_up(struct proxy *px, struct shard *sh, struct dialog_id id, struct slice why)
{
    struct list *forks = &px->shard[shard_index(sh)].forks;

    for (struct list_node *n = list_first(forks); n; n = list_next(forks, n)) {
        struct fork *f = LIST_OF(n, struct fork, node);

        if (f->within || f->state != FORK_OPEN || f->record.slot != id.slot || f->record.gen != id.gen)
            continue;
        if (fork_keep(f, FORK_GIVEN_UP, why))
            return ERR_NOMEM;
        fork_give_up(f, SLICE_NONE);
        return ERR_OK;
    }
    return ERR_NOTFOUND;
}

void proxy_cancel(struct proxy *px, struct shard *sh, const struct stack_in *in)
{
    struct fork *f;
    char         rows[512];
    struct buf   b = BUF_ON(rows);

    if (tsx_is_none(in->invite)) {
        stack_reply_code(sh, in->tsx, stray_cancel(px, sh, in) ? 200 : 481);
        return;
    }
    stack_reply_code(sh, in->tsx, 200);
    f = fork_find(px, sh, in->invite);
    if (!f || f->state != FORK_OPEN)
        return; /* too late: it has its final response, which crosses the CANCEL (RFC 3261 §9.2) */
    msg_put_rows_of(&b, in->m, HDR_REASON);
    if (b.n == 0 && pickup_took(px, f->call_id))
        buf_put(&b, ELSEWHERE);
    fork_give_up(f, buf_slice(&b));
}
