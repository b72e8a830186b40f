/* calls.c - acts on what goes on: bindings, calls in progress, calls that have ended, what a call would do now.
 *
 * Room      server/admin.
 * Touches   server/location, dialogs, store: only to read; ending a call is the exchange's (admin_config.end_call). */
#include "server/admin/admin_priv.h"

enum { CDR_DEFAULT_MAX = 100, EXPLAIN_BLOCK = 4096 };

struct filtered {
    struct slice number; /* empty: all */
    json_t      *list;
    int64_t      now_ms;
};

static bool add_binding(void *arg, const struct location_binding *b)
{
    struct filtered *f = arg;
    json_t          *o;

    if (f->number.n && !slice_eq(f->number, b->aor))
        return true;
    o = json_object();
    act_set_slice(o, "number", b->aor);
    act_set_slice(o, "contact", b->contact);
    act_set_slice(o, "received", b->received);
    act_set_slice(o, "agent", b->agent);
    act_set_number(o, "q", b->q);
    act_set_number(o, "registered-ms", b->registered_ms);
    act_set_number(o, "expires-s", (b->expires_ms - f->now_ms) / 1000);
    json_array_append_new(f->list, o);
    return true;
}

json_t *act_bindings_list(const struct request *r)
{
    struct filtered f = {act_text(r, "number"), json_array(), act_now_ms(r)};
    json_t         *out = act_ok();
    enum err        e = location_each(r->a->config.location, f.now_ms, add_binding, &f);

    json_object_set_new(out, "bindings", f.list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the bindings cannot be listed", e);
}

static bool add_call(void *arg, struct dialog_id id, const struct dialog_record *rec)
{
    char       text[DIALOGS_ID_TEXT];
    struct buf b = BUF_ON(text);
    json_t    *o;

    if (rec->state == DIALOG_ENDED)
        return true;
    o = json_object();
    dialogs_id_text(&b, id);
    act_set_slice(o, "id", buf_slice(&b));
    act_set_slice(o, "call-id", rec->call_id);
    act_set_slice(o, "caller", rec->side[DIALOG_CALLER].number.n ? rec->side[DIALOG_CALLER].number : rec->side[DIALOG_CALLER].uri);
    act_set_slice(o, "callee", rec->side[DIALOG_CALLEE].number.n ? rec->side[DIALOG_CALLEE].number : rec->side[DIALOG_CALLEE].uri);
    json_object_set_new(o, "state", json_string(rec->state == DIALOG_EARLY ? rec->code >= 180 ? "ringing" : "calling" : "talking"));
    act_set_number(o, "started-ms", rec->started_ms);
    act_set_number(o, "answered-ms", rec->answered_ms);
    json_array_append_new(arg, o);
    return true;
}

json_t *act_calls_list(const struct request *r)
{
    json_t  *out = act_ok(), *list = json_array();
    enum err e = dialogs_each(r->a->config.dialogs, add_call, list);

    json_object_set_new(out, "calls", list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the calls cannot be listed", e);
}

json_t *act_calls_end(const struct request *r)
{
    struct dialog_id id;
    enum err         e;

    if (dialogs_id_parse(act_text(r, "id"), &id))
        return act_failed("that is no call's id: `strowger calls` lists them");
    if (!r->a->config.end_call)
        return act_failed("the exchange does not run, so it cannot end a call: start it first");
    e = r->a->config.end_call(r->a->config.ctx, id);
    if (e == ERR_NOTFOUND)
        return act_failed("there is no such call (any more): `strowger calls` lists them");
    return e ? act_failed_err("the call cannot be ended", e) : act_ok();
}

static bool add_cdr(void *arg, const struct store_cdr *c)
{
    json_t *o = json_object();

    act_set_slice(o, "call-id", c->call_id);
    act_set_slice(o, "caller", c->caller);
    act_set_slice(o, "callee", c->callee);
    act_set_number(o, "started-ms", c->started_ms);
    act_set_number(o, "answered-ms", c->answered_ms);
    act_set_number(o, "ended-ms", c->ended_ms);
    act_set_number(o, "code", c->code);
    act_set_slice(o, "ended-by", c->ended_by);
    act_set_slice(o, "why", c->why);
    act_set_slice(o, "mode", c->mode);
    json_array_append_new(arg, o);
    return true;
}

json_t *act_cdr_list(const struct request *r)
{
    json_t                *max = json_object_get(r->in, "max"), *out = act_ok(), *list = json_array();
    struct store_cdr_query q = {.party = act_text(r, "party"), .max = CDR_DEFAULT_MAX};
    enum err               e;

    if (json_is_integer(max) && json_integer_value(max) > 0 && json_integer_value(max) <= UINT32_MAX)
        q.max = (uint32_t)json_integer_value(max);
    e = store_each_cdr(r->a->config.store, &q, add_cdr, list);
    json_object_set_new(out, "cdrs", list);
    if (e == ERR_OK)
        return out;
    json_decref(out);
    return act_failed_err("the CDRs cannot be read", e);
}

/* ---- explain ---- */

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
    return out;
}

/* The facts of an INVITE to `callee`. */
static enum err explain_facts(const struct request *r, const struct directory_view *view, struct arena *a, struct slice callee,
                              struct plan_facts *facts)
{
    struct location_binding *list = NULL;
    struct plan_binding     *bindings = NULL;
    enum err                 e;

    facts->request.number = callee;
    if ((e = location_lookup(r->a->config.location, callee, facts->request.now_ms, a, &list, &facts->n_bindings)))
        return e;
    directory_plan_facts(view, callee, &facts->callee);
    if (facts->n_bindings && !(bindings = arena_zalloc(a, facts->n_bindings * sizeof *bindings)))
        return ERR_NOMEM;
    if (facts->n_bindings)
        location_plan_facts(list, facts->n_bindings, bindings);
    facts->bindings = bindings;
    return ERR_OK;
}

static void put_step(json_t *list, const struct plan *p)
{
    char       text[PLAN_MAX_REASON * 2];
    struct buf b = BUF_ON(text);

    plan_put_reason(&b, &p->reason);
    json_array_append_new(list, act_json(buf_slice(&b)));
}

/* The plan that an INVITE from one number to another would get now; where it is forwarded, that of the one that it comes to. */
static json_t *explain_with(const struct request *r, const struct directory_view *view, struct arena *a)
{
    struct slice      trail[PLAN_MAX_TRAIL], caller = act_text(r, "caller"), to = act_text(r, "callee");
    struct plan_facts facts = {.request = {.method = S("INVITE"), .scheme = URI_SIP, .ours = true, .caller_ours = true,
                                           .caller = caller, .now_ms = act_now_ms(r), .trail = trail}};
    struct plan       plan;
    json_t           *steps, *out;

    if (!directory_open_house(view) && !directory_user(view, caller))
        return act_failed("the caller is no user here: its call would be asked for a password and refused");
    for (steps = json_array();;) {
        if (explain_facts(r, view, a, to, &facts)) {
            json_decref(steps);
            return act_failed("out of memory");
        }
        plan_route(&facts, &plan);
        if (plan.act != PLAN_FORWARD)
            break;
        put_step(steps, &plan);
        trail[facts.request.n_trail++] = facts.callee.number;
        facts.request.n_forwards++;
        to = plan.forward;
        facts.request.ours = slice_find(to, ':') == SIZE_MAX; /* a URI that is left leads elsewhere */
        facts.request.uri = facts.request.host = to;
    }
    out = explained(&plan);
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

json_t *act_status(const struct request *r)
{
    const struct directory_view *view = directory_take(r->a->config.directory);
    struct directory_counts      users;
    struct location_counters     where;
    struct dialogs_counters      calls;
    json_t                      *out = act_ok();

    directory_counts(view, &users);
    directory_give(view);
    location_counters(r->a->config.location, &where);
    dialogs_counters(r->a->config.dialogs, &calls);
    json_object_set_new(out, "running", json_boolean(r->a->config.end_call != NULL));
    act_set_number(out, "users", (int64_t)users.users);
    act_set_number(out, "bindings", (int64_t)where.bindings);
    act_set_number(out, "calls", (int64_t)calls.records);
    return out;
}
