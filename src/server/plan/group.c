/* group.c - a ring group is called: who of it rings, in which order, for how long.
 *
 * Room      server/plan (pure).
 * In        plan_route().
 * Touches   the plan.
 * Members   who is not to be disturbed, or has no phone, is left out; what a member has set of forwards does not count, or
 *           one member's absence would take the call away from the others. In turn and by idleness a member's phones ring
 *           together, whatever their q. */
#include "server/plan/plan_priv.h"

static bool can_ring(const struct plan_member *m)
{
    return !m->dnd && m->n_bindings > 0;
}

/* Is a rather to be called than b? Who talks has to do already; who has had no call is idle for longest. */
static bool is_idler(const struct plan_member *a, const struct plan_member *b)
{
    if (a->talking != b->talking)
        return b->talking;
    return a->idle_since_ms < b->idle_since_ms;
}

/* Members in the order in which they are tried; equals as listed. Insertion sort: there are few. */
static size_t in_order(const struct plan_facts *f, const struct plan_member *out[PLAN_MAX_MEMBERS])
{
    size_t n = 0;

    for (size_t i = 0; i < f->n_members && n < PLAN_MAX_MEMBERS; i++) {
        const struct plan_member *m = &f->members[i];
        size_t                    at = n;

        if (!can_ring(m))
            continue;
        while (f->callee.how == PLAN_HOW_IDLE && at > 0 && is_idler(m, out[at - 1])) {
            out[at] = out[at - 1];
            at--;
        }
        out[at] = m;
        n++;
    }
    return n;
}

static void count(const struct plan_facts *f, struct plan_reason *r)
{
    r->how = f->callee.how;
    r->n_members = (uint32_t)f->n_members;
    for (size_t i = 0; i < f->n_members; i++) {
        r->n_dnd += f->members[i].dnd;
        r->n_away += !f->members[i].dnd && f->members[i].n_bindings == 0;
    }
}

/* How long one member rings, and all of it: forward.noanswer of the group ends it sooner. */
static void set_times(const struct plan_callee *c, struct plan *p)
{
    uint32_t limit = p->ring_ms, all;

    if (c->how != PLAN_HOW_ALL) {
        p->group_ms = c->ring_ms ? c->ring_ms : PLAN_GROUP_MS;
        all = p->group_ms * p->n_groups;
    } else
        all = c->ring_ms;
    if (all && (!limit || all < limit))
        p->ring_ms = all;
}

void plan_group(const struct plan_facts *f, struct plan *p)
{
    const struct plan_member *order[PLAN_MAX_MEMBERS];
    size_t                    n = in_order(f, order);
    struct plan_filling       filling;

    count(f, &p->reason);
    if (n == 0) {
        if (slice_eq(f->request.method, S("INVITE")) &&
            (plan_forward(f, PLAN_CAUSE_UNREGISTERED, PLAN_CAUSE_UNREGISTERED, p) ||
             plan_forward(f, PLAN_CAUSE_NO_ANSWER, PLAN_CAUSE_NO_ANSWER, p)))
            return;
        plan_reply(p, PLAN_RULE_GROUP_EMPTY, 480);
        return;
    }
    filling = plan_fill(&f->request, p);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < order[i]->n_bindings; k++)
            plan_add_target(&filling, &order[i]->bindings[k], f->callee.how == PLAN_HOW_ALL ? 0 : (uint32_t)i);
    plan_filled(p);
    p->each_alone = true;
    p->reason.rule = PLAN_RULE_GROUP;
    if (slice_eq(f->request.method, S("INVITE")))
        set_times(&f->callee, p);
}
