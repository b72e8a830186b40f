/* explain.c - the act that says what a call would do now, without making it.
 *
 * Room      server/admin.
 * Touches   nothing: the same facts and plan as the proxy's. */
#include "server/admin/admin_priv.h"
#include "server/admin/sketch.h"

enum { EXPLAIN_BLOCK = 4096, MIN_COLUMNS = 60, MAX_COLUMNS = 250 };

static json_t *targets_of(const struct plan *p)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n_targets; i++) {
        json_t *o = json_object();

        act_set_slice(o, "contact", p->targets[i].binding->contact);
        act_set_slice(o, "received", p->targets[i].binding->received);
        act_set_number(o, "group", p->targets[i].group);
        json_array_append_new(list, o);
    }
    return list;
}

/* The trunks that it would go out through, one after the other, and the number that each is called with. */
static json_t *trunks_of(const struct plan *p, struct slice number)
{
    json_t *list = json_array();

    for (size_t i = 0; i < p->n_ways; i++) {
        char       text[2 * PLAN_MAX_DIALLED + DIRECTORY_MAX_VALUE];
        struct buf b = BUF_ON(text);
        json_t    *o = json_object();

        plan_dial_put(&b, &p->ways[i].dial, number);
        act_set_slice(o, "name", p->ways[i].trunk->name);
        act_set_slice(o, "number", buf_slice(&b));
        act_set_slice(o, "rule", p->ways[i].dial.pattern);
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *explained(const struct plan *p)
{
    char       text[PLAN_MAX_REASON * 2];
    struct buf b = BUF_ON(text);
    json_t    *out = act_ok();

    plan_put_reason(&b, &p->reason);
    act_set_slice(out, "reason", buf_slice(&b));
    json_object_set_new(out, "rule", json_string(plan_rule_text(p->reason.rule)));
    act_set_number(out, "code", p->act == PLAN_REPLY ? p->code : 0);
    if (p->act == PLAN_REPLY)
        json_object_set_new(out, "phrase", json_string(plan_phrase(p->code)));
    json_object_set_new(out, "targets", targets_of(p));
    if (p->n_ways)
        json_object_set_new(out, "trunks", trunks_of(p, p->reason.number));
    return out;
}

struct explaining {
    const struct request        *r;
    const struct directory_view *view;
    struct arena                *a;
    int64_t                      now_ms;
};

static enum err bindings_of(const struct explaining *x, struct slice number, const struct plan_binding **out, size_t *n)
{
    struct location_binding *list = NULL;
    struct plan_binding     *b;
    enum err                 e = location_lookup(x->r->a->config.location, number, x->now_ms, x->a, &list, n);

    if (e || *n == 0)
        return e;
    if (!(b = arena_zalloc(x->a, *n * sizeof *b)))
        return ERR_NOMEM;
    location_plan_facts(list, *n, b);
    *out = b;
    return ERR_OK;
}

static enum err facts_of_group(const struct explaining *x, struct plan_facts *facts)
{
    struct plan_member *m = arena_zalloc(x->a, PLAN_MAX_MEMBERS * sizeof *m);
    struct slice        rest = facts->callee.members;
    enum err            e = ERR_OK;

    if (!m)
        return ERR_NOMEM;
    facts->members = m;
    facts->n_members = 0;
    for (bool more = true; more && !e && facts->n_members < PLAN_MAX_MEMBERS; m++) {
        struct plan_callee c;

        more = slice_cut(&rest, ',', &m->number);
        directory_plan_facts(x->view, m->number, &c);
        m->dnd = c.dnd;
        m->idle_since_ms = dialogs_idle_since(x->r->a->config.dialogs, m->number);
        if (c.known && c.how == PLAN_HOW_NONE)
            e = bindings_of(x, m->number, &m->bindings, &m->n_bindings);
        facts->n_members++;
    }
    return e;
}

/* A user of the same number goes before. */
static struct slice app_of(const struct explaining *x, struct slice number)
{
    const struct admin_config *c = &x->r->a->config;

    return c->app && !directory_user(x->view, number) ? c->app(c->ctx, number) : SLICE_NONE;
}

static enum err facts_of_trunks(const struct explaining *x, struct plan_facts *facts)
{
    const struct admin_config    *c = &x->r->a->config;
    const struct directory_trunk *t;
    size_t                        n = directory_trunks(x->view, &t);
    struct plan_trunk            *list = n ? arena_zalloc(x->a, n * sizeof *list) : NULL;
    char                          words[160];

    if (n && !list)
        return ERR_NOMEM;
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_ON(words);

        directory_plan_trunk(&t[i], &list[i]);
        list[i].down = c->trunk_state && c->trunk_state(c->ctx, t[i].name, &b);
    }
    facts->trunks = list;
    facts->n_trunks = n;
    return ERR_OK;
}

/* The facts of an INVITE to `callee`. */
static enum err facts_of(const struct explaining *x, struct slice callee, struct plan_facts *facts)
{
    struct plan_callee who;
    struct slice       rest, key, value;
    enum err           e;

    facts->request.number = callee;
    facts->bindings = NULL;
    facts->n_bindings = 0;
    directory_plan_facts(x->view, facts->request.n_trail ? facts->request.trail[facts->request.n_trail - 1] : facts->request.caller, &who);
    facts->request.barred = who.barred;
    facts->request.emergency = facts->request.ours && directory_is_emergency(x->view, callee);
    directory_plan_facts(x->view, callee, &facts->callee);
    facts->callee.app = app_of(x, callee);
    if (!facts->callee.app.n && !facts->request.n_trail && plan_code_setting(directory_code(x->view, callee, &rest), rest, &key, &value))
        facts->callee.app = S("setting");
    if (facts->callee.how != PLAN_HOW_NONE)
        return facts_of_group(x, facts);
    if (facts->request.pickup)
        return ERR_OK;
    e = bindings_of(x, callee, &facts->bindings, &facts->n_bindings);
    if (facts->n_bindings)
        facts->callee.app = SLICE_NONE; /* in an open house a phone may be at that number */
    return e;
}

static void put_step(json_t *list, const struct plan *p)
{
    char       text[PLAN_MAX_REASON * 2];
    struct buf b = BUF_ON(text);

    plan_put_reason(&b, &p->reason);
    json_array_append_new(list, act_json(buf_slice(&b)));
}

static unsigned columns_of(const struct request *r)
{
    json_int_t n = json_integer_value(json_object_get(r->in, "columns"));

    return n <= 0 ? 0 : n < MIN_COLUMNS ? MIN_COLUMNS : n > MAX_COLUMNS ? MAX_COLUMNS : (unsigned)n;
}

/* The ladder, with all that was decided on the way beside what the exchange does first. */
static void add_ladder(const struct explaining *x, const struct plan *plan, struct sketch *s, const json_t *steps, json_t *out)
{
    char          text[PLAN_MAX_REASON * 4];
    char          trunk[DIRECTORY_MAX_TRUNK_NAME + 8];
    struct buf    b = BUF_ON(text), t;
    size_t        i;
    const json_t *step;

    json_array_foreach((json_t *)(uintptr_t)steps, i, step)
    {
        buf_put(&b, slice_z(json_string_value(step)));
        buf_put(&b, S("; "));
    }
    plan_put_reason(&b, &plan->reason);
    s->reason = buf_slice(&b);
    s->plan = plan;
    if (plan->act == PLAN_TRUNK) {
        buf_init(&t, trunk, sizeof trunk);
        buf_puts(&t, S("trunk "), plan->ways[0].trunk->name);
        s->trunk = buf_slice(&t);
    }
    sketch_add(x->a, s, columns_of(x->r), out);
}

/* What is dialled may be a code in front of the number that is called, as the proxy takes it: an extension goes before (*88 is
 * no pick-up at 8). What could be picked up is not looked for: a call rings for seconds. */
static struct slice take_code(const struct explaining *x, struct slice dialled, struct plan_request *r)
{
    struct slice   rest;
    enum plan_code code = directory_code(x->view, dialled, &rest);

    if (app_of(x, dialled).n)
        return dialled;
    r->anonymous = code == PLAN_CODE_ANONYMOUS;
    r->intercom = code == PLAN_CODE_INTERCOM;
    r->pickup = code == PLAN_CODE_PICKUP;
    return r->anonymous || r->intercom || (r->pickup && rest.n) ? rest : dialled;
}

/* The plan that an INVITE from one number to another would get now; where it is forwarded, that of the one that it comes to. */
static json_t *explain_with(const struct request *r, const struct directory_view *view, struct arena *a)
{
    struct slice      trail[PLAN_MAX_TRAIL], caller = act_text(r, "caller"), to = act_text(r, "callee");
    struct plan_facts facts = {.request = {.method = S("INVITE"), .scheme = URI_SIP, .ours = true, .caller_ours = true,
                                           .caller = caller, .now_ms = act_now_ms(r), .trail = trail}};
    struct explaining x = {r, view, a, facts.request.now_ms};
    struct plan       plan;
    struct sketch     sketch = {.caller = caller, .dialled = to};
    json_t           *steps, *out;

    if (!directory_open_house(view) && !directory_user(view, caller))
        return act_failed("the caller is no user here: its call would be asked for a password and refused");
    to = take_code(&x, to, &facts.request);
    for (steps = json_array();;) {
        if (facts_of_trunks(&x, &facts) || facts_of(&x, to, &facts)) {
            json_decref(steps);
            return act_failed("out of memory");
        }
        plan_route(&facts, &plan);
        if (plan.act != PLAN_FORWARD)
            break;
        put_step(steps, &plan);
        if (!sketch.diversion.n)
            sketch.diversion = slice_z(plan_cause_diversion(plan.cause));
        trail[facts.request.n_trail++] = facts.callee.number;
        facts.request.n_forwards++;
        facts.request.forwarded = true;
        to = plan.forward;
        facts.request.ours = slice_find(to, ':') == SIZE_MAX; /* a URI that is left leads elsewhere */
        facts.request.uri = facts.request.host = to;
    }
    out = explained(&plan);
    sketch.callee = to;
    add_ladder(&x, &plan, &sketch, steps, out);
    json_object_set_new(out, "forwards", steps);
    return out;
}

json_t *act_explain(const struct request *r)
{
    const struct directory_view *view;
    struct arena                 a;
    json_t                      *out;

    if (!act_text(r, "caller").n || !act_text(r, "callee").n)
        return act_failed("caller and callee were expected: two numbers");
    arena_init(&a, r->a->config.mem, EXPLAIN_BLOCK, 0);
    view = directory_take(r->a->config.directory);
    out = explain_with(r, view, &a);
    directory_give(view);
    arena_close(&a);
    return out;
}
