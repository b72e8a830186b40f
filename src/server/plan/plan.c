/* plan.c - what happens to a request outside a dialog: RFC 3261 §16.3-16.5, with RFC 5393 and RFC 5626 §5.3.
 *
 * Room      server/plan (pure): facts in, plan out. No sockets, clock, heap or other rooms' objects.
 * In        plan_route(): one request's facts, from the proxy and from `strowger explain`.
 * Touches   *out, nothing else.
 * Not here  what a user's settings make of a call (forward.c); the sentence for a reason (reason.c); in-dialog requests
 *           (server/proxy). */
#include "server/plan/plan_priv.h"

#include <string.h>

void plan_reply(struct plan *p, enum plan_rule rule, uint16_t code)
{
    p->act = PLAN_REPLY;
    p->code = code;
    p->reason.rule = rule;
    p->reason.code = code;
}

/* RFC 3261 §16.3: is the request one that may be routed at all? True when it has been answered. */
static bool refused(const struct plan_request *r, struct plan *p)
{
    if (r->scheme == URI_OTHER && !r->emergency) {
        p->reason.detail = slice_to(r->uri, slice_find(r->uri, ':'));
        plan_reply(p, PLAN_RULE_SCHEME, 416);
    } else if (r->out_of_hops) {
        plan_reply(p, PLAN_RULE_HOPS, 483);
    } else if (r->looped) {
        plan_reply(p, PLAN_RULE_LOOP, 482);
    } else if (r->unsupported.n > 0) {
        p->unsupported = p->reason.detail = r->unsupported;
        plan_reply(p, PLAN_RULE_PROXY_REQUIRE, 420);
    } else if (r->has_breadth && r->breadth == 0) {
        plan_reply(p, PLAN_RULE_BREADTH, 440);
    } else {
        return false;
    }
    return true;
}

/* A request for somebody else's domain: the exchange is no open relay. */
static void route_outside(const struct plan_request *r, struct plan *p)
{
    p->reason.detail = r->host.n ? r->host : r->uri;
    if (!r->caller_ours || !r->may_relay) {
        plan_reply(p, PLAN_RULE_RELAY_REFUSED, 403);
        return;
    }
    if (plan_is_barred(r->barred, r->number)) {
        plan_reply(p, PLAN_RULE_BARRED, 403);
        return;
    }
    p->act = PLAN_RELAY;
    p->reason.rule = PLAN_RULE_RELAY;
}

/* The earlier target of the same phone, or n when there is none: RFC 5626 §5.3 wants one flow of an instance at a time. */
static size_t same_phone(const struct plan *p, const struct plan_binding *b)
{
    size_t i = 0;

    if (b->instance.n == 0 || b->reg_id == 0)
        return p->n_targets;
    for (; i < p->n_targets; i++) {
        const struct plan_binding *other = p->targets[i].binding;

        if (!p->targets[i].spare && other->reg_id != 0 && slice_eq(other->instance, b->instance))
            break;
    }
    return i;
}

void plan_add_target(struct plan_filling *f, const struct plan_binding *b, uint32_t rank)
{
    struct plan        *p = f->plan;
    struct plan_target *t = &p->targets[p->n_targets];
    size_t              first;

    if (p->n_targets == PLAN_MAX_TARGETS)
        return;
    first = same_phone(p, b);
    *t = (struct plan_target){.binding = b};
    if (first < p->n_targets) {
        t->spare = true;
        t->spare_of = (uint16_t)first;
        t->group = p->targets[first].group;
    } else {
        if (p->n_groups == 0 || rank != f->rank || f->in_group == f->width) {
            p->n_groups++;
            f->in_group = 0;
        }
        f->rank = rank;
        f->in_group++;
        t->group = (uint16_t)(p->n_groups - 1);
    }
    p->reason.n_waiting += b->flow_gone;
    p->n_targets++;
}

/* Targets in rising order of their group, as the door promises: a spare whose phone stands in an earlier group was added
 * late. Insertion sort, stable; indexes of spares are moved along. */
static void order_targets(struct plan *p)
{
    for (size_t i = 1; i < p->n_targets; i++) {
        struct plan_target t = p->targets[i];
        size_t             at = i;

        while (at > 0 && p->targets[at - 1].group > t.group)
            at--;
        if (at == i)
            continue;
        memmove(&p->targets[at + 1], &p->targets[at], (i - at) * sizeof t);
        p->targets[at] = t;
        for (size_t k = 0; k < p->n_targets; k++)
            if (p->targets[k].spare && p->targets[k].spare_of >= at && p->targets[k].spare_of < i)
                p->targets[k].spare_of++;
    }
}

struct plan_filling plan_fill(const struct plan_request *r, struct plan *p)
{
    size_t width = PLAN_MAX_TARGETS;

    if (r->has_breadth && r->breadth < width)
        width = r->breadth;
    p->act = PLAN_FORK;
    return (struct plan_filling){.plan = p, .width = width};
}

void plan_filled(struct plan *p)
{
    order_targets(p);
    p->reason.n_groups = p->n_groups;
}

/* Grouped by q: equal q at once (RFC 3261 §16.6). */
static void fork_to_bindings(const struct plan_facts *f, struct plan *p)
{
    const struct plan_request *r = &f->request;
    const struct plan_binding *best = &f->bindings[0];
    struct plan_filling        filling = plan_fill(r, p);

    p->redirect = f->callee.redirect;
    for (size_t i = 0; i < f->n_bindings; i++)
        plan_add_target(&filling, &f->bindings[i], f->bindings[i].q);
    plan_filled(p);
    p->reason.rule = PLAN_RULE_BINDINGS;
    p->reason.received = best->received;
    p->reason.age_ms = r->now_ms > best->registered_ms ? r->now_ms - best->registered_ms : 0;
    p->reason.n_bindings = (uint32_t)f->n_bindings;
}

/* It goes to the one phone that has the other call, and is neither forked nor forwarded (PROTOCOL 7.1). */
static void take_place(const struct plan_facts *f, struct plan *p)
{
    if (f->n_bindings == 0) {
        plan_reply(p, PLAN_RULE_PICKUP_NONE, 480);
        return;
    }
    if (f->request.fetch && plan_is_barred(f->request.barred, f->callee.number)) {
        plan_reply(p, PLAN_RULE_BARRED, 403);
        return;
    }
    fork_to_bindings(f, p);
    p->redirect = PLAN_REDIRECT_PASS;
    p->reason.rule = f->request.fetch ? PLAN_RULE_FETCH : PLAN_RULE_PICKUP;
    p->reason.detail = f->bindings[0].aor;
}

static void route_here(const struct plan_facts *f, struct plan *p)
{
    const struct plan_callee *c = &f->callee;

    if (f->request.did_unknown) {
        p->reason.trunk = f->request.trunk;
        plan_reply(p, PLAN_RULE_DID_UNKNOWN, 404);
    } else if (f->request.number.n == 0) {
        p->reason.detail = f->request.host;
        plan_reply(p, PLAN_RULE_NO_NUMBER, 404);
    } else if (plan_is_barred(f->request.barred, f->request.number)) {
        plan_reply(p, PLAN_RULE_BARRED, 403);
    } else if (c->app.n > 0) {
        p->act = PLAN_LEG;
        p->app = p->reason.detail = c->app;
        p->reason.rule = PLAN_RULE_APP;
    } else if ((!c->known || (c->anybody && f->n_bindings == 0)) && plan_dial(f, p)) {
        return;
    } else if (!c->known) {
        plan_reply(p, PLAN_RULE_UNKNOWN, 404);
    } else if (plan_before_ringing(f, p)) {
        return;
    } else if (c->how != PLAN_HOW_NONE) {
        plan_group(f, p);
    } else if (f->n_bindings == 0) {
        plan_reply(p, PLAN_RULE_NOT_REGISTERED, 480);
    } else {
        fork_to_bindings(f, p);
    }
}

void plan_route(const struct plan_facts *facts, struct plan *out)
{
    const struct plan_request *r = &facts->request;
    bool                       invite = slice_eq(r->method, S("INVITE"));

    memset(out, 0, sizeof *out);
    out->timer_c_ms = invite ? PLAN_TIMER_C_MS : PLAN_OTHER_MS;
    out->group_ms = invite ? PLAN_GROUP_MS : PLAN_OTHER_MS;
    out->reason.number = facts->callee.number.n ? facts->callee.number : r->number;
    if (r->when != PLAN_WHEN_NEW)
        plan_after_ringing(facts, out);
    else if (refused(r, out))
        return;
    else if (r->emergency && plan_emergency(facts, out))
        return;
    else if (r->pickup)
        take_place(facts, out);
    else if (!r->ours)
        route_outside(r, out);
    else
        route_here(facts, out);
}
