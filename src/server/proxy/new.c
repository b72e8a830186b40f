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
    char       text[8];
    struct buf b;
    uint64_t   h = hash_pair(&px->hash, m->uri, msg_call_id(m));
    const struct slice parts[] = {msg_from_tag(m), msg_to_tag(m), msg_value(m, HDR_CSEQ), msg_value(m, HDR_ROUTE),
                                  msg_value(m, HDR_PROXY_REQUIRE)};

    buf_init(&b, out, LOOP_SUFFIX_OCTETS);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (char)(h >> 8 * k);
        h = hash_pair(&px->hash, (struct slice){text, sizeof text}, parts[i]);
    }
    buf_putc(&b, '-');
    for (int k = 60; k >= 0; k -= 4)
        buf_puthex64(&b, h >> k & 15);
}

static bool has_looped(const struct msg *m, struct slice suffix)
{
    struct msg_list it = msg_list_begin(m, HDR_VIA);
    struct slice    element;
    struct via      v;

    while (msg_list_next(&it, &element))
        if (via_parse(element, &v) == ERR_OK && slice_ends(v.branch, suffix))
            return true;
    return false;
}

/* A temporary GRUU's user part is no number: where it leads nowhere it is as unknown as any other (RFC 5627 §6.1: 404). */
static bool is_temporary(const struct uri *u)
{
    struct slice gr;

    return uri_param(u, S("gr"), &gr) == ERR_OK && gr.n == 0;
}

/* What the request says, for the plan. Texts that must be made are made in the scratch arena. */
static enum err facts_of_request(struct fork *f, const struct stack_in *in, const struct directory_view *view,
                                 const struct proxy_caller *caller, struct plan_request *out)
{
    struct uri   u;
    struct buf   number;
    unsigned     hops, breadth = 0;
    enum err     e;

    if ((e = uri_parse(in->m->uri, &u, NULL)) || (e = proxy_scratch(f->sh, 3 * in->m->uri.n + 8, &number)))
        return e;
    uri_put_user_key(&number, &u);
    *out = (struct plan_request){.method = in->m->method, .uri = in->m->uri, .scheme = u.scheme, .host = u.host};
    out->number = buf_slice(&number);
    out->ours = !caller->next_route.n && (u.scheme == URI_TEL || directory_host_is_ours(view, u.host));
    if (is_temporary(&u))
        out->number = SLICE_NONE;
    out->unsupported = msg_value(in->m, HDR_PROXY_REQUIRE);
    out->out_of_hops = msg_max_forwards(in->m, &hops) == ERR_OK && hops == 0;
    out->looped = has_looped(in->m, (struct slice){f->loop, sizeof f->loop});
    out->has_breadth = msg_max_breadth(in->m, &breadth) == ERR_OK;
    out->breadth = breadth;
    out->caller_ours = caller->trusted;
    out->caller = caller->number;
    out->may_relay = f->px->may_relay;
    out->now_ms = (int64_t)proxy_wall_ms(f->sh);
    return ERR_OK;
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
    if (!facts->n_bindings) {
        if (facts->request.ours && !directory_user(view, facts->request.number))
            facts->callee.app = f->px->legs.app(f->px->legs.ctx, facts->request.number);
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
    fork_free(f);
}

static void fork_planned(struct fork *f, const struct plan *p)
{
    f->redirect = p->redirect;
    f->group_ms = p->group_ms;
    f->timer_c_ms = p->timer_c_ms;
    for (size_t i = 0; i < p->n_targets; i++) {
        const struct plan_target *t = &p->targets[i];

        if (fork_add_binding(f, t->binding, t->group))
            break;
        f->branch[f->n_branches - 1]->spare = t->spare;
        f->branch[f->n_branches - 1]->spare_of = t->spare_of;
    }
    if (f->method == METHOD_INVITE)
        stack_reply_code(f->sh, f->server, 100);
    fork_begin(f);
}

static void relay_planned(struct fork *f, const struct stack_in *in)
{
    struct plan_binding b = {.contact = in->m->uri};

    f->timer_c_ms = f->method == METHOD_INVITE ? PLAN_TIMER_C_MS : PLAN_OTHER_MS;
    if (fork_add_binding(f, &b, 0)) {
        fork_own_answer(f, 503);
        fork_free(f);
        return;
    }
    if (f->method == METHOD_INVITE)
        stack_reply_code(f->sh, f->server, 100);
    fork_begin(f);
}

void proxy_new(struct proxy *px, struct shard *sh, const struct stack_in *in, const struct proxy_caller *caller)
{
    const struct directory_view *view = directory_take(px->directory);
    struct fork                 *f = fork_new(px, sh, in);
    struct plan_facts            facts = {0};
    struct plan                  plan;
    char                         why[PLAN_MAX_REASON];
    struct buf                   b = BUF_ON(why);

    if (!f) {
        stack_reply_code(sh, in->tsx, 503);
        if (caller->watch.answered)
            caller->watch.answered(caller->watch.arg, sh, 503);
        goto out;
    }
    f->watch = caller->watch;
    f->own_routes = caller->own_routes;
    loop_suffix(px, in->m, f->loop);
    if (arena_dup(&f->arena, caller->next_route, &f->next_route) ||
        facts_of_request(f, in, view, caller, &facts.request) || facts_of_callee(f, view, &facts)) {
        fork_own_answer(f, 503);
        fork_free(f);
        goto out;
    }
    plan_route(&facts, &plan);
    plan_put_reason(&b, &plan.reason);
    proxy_say(sh, f->call_id, buf_slice(&b));
    if (plan.act != PLAN_LEG)
        keep_begin(f, in, caller, facts.request.number);
    switch (plan.act) {
    case PLAN_FORK: fork_planned(f, &plan); break;
    case PLAN_RELAY: relay_planned(f, in); break;
    case PLAN_REPLY: reply_planned(f, &plan); break;
    case PLAN_LEG:
        f->watch = (struct proxy_watch){0}; /* it goes along */
        fork_free(f);
        px->legs.take(px->legs.ctx, sh, in, caller);
        break;
    }
out:
    directory_give(view);
}

enum err proxy_give_up(struct proxy *px, struct shard *sh, struct dialog_id id, struct slice why)
{
    struct list *forks = &px->shard[shard_index(sh)].forks;

    for (struct list_node *n = list_first(forks); n; n = list_next(forks, n)) {
        struct fork *f = LIST_OF(n, struct fork, node);

        if (f->within || f->state != FORK_OPEN || f->record.slot != id.slot || f->record.gen != id.gen)
            continue;
        if (arena_dup(&f->arena, why, &f->given_up))
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
        stack_reply_code(sh, in->tsx, 481);
        return;
    }
    stack_reply_code(sh, in->tsx, 200);
    f = fork_find(px, sh, in->invite);
    if (!f || f->state != FORK_OPEN)
        return; /* too late: it has its final response, which crosses the CANCEL (RFC 3261 §9.2) */
    msg_put_rows_of(&b, in->m, HDR_REASON);
    fork_give_up(f, buf_slice(&b));
}
