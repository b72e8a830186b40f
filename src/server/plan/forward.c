/* forward.c - what the settings of the called user make of a call: forwarded, not disturbed.
 *
 * Room      server/plan (pure).
 * In        plan_route().
 * Touches   the plan.
 * Only INVITEs are forwarded: a MESSAGE or OPTIONS is for whom it names.
 * Loops     a call is not forwarded to whom has forwarded it before, nor by whom has; nor more than PLAN_MAX_FORWARDS times,
 *           which finds also the circle that leads through another exchange which tells nothing but counts. */
#include "server/plan/plan_priv.h"

enum plan_when plan_when_of(uint16_t code, bool rang)
{
    switch (code) {
    case 486:
    case 600:
    case 603:
        return PLAN_WHEN_BUSY;
    case 404: /* phones say this, or 480, where they are set not to be disturbed, and mean no */
    case 410:
    case 480:
    case 487:
        return PLAN_WHEN_NO_ANSWER;
    case 408:
        return rang ? PLAN_WHEN_NO_ANSWER : PLAN_WHEN_UNREACHABLE;
    case 430:
    case 500:
    case 502:
    case 503:
    case 504:
        return PLAN_WHEN_UNREACHABLE;
    default:
        return PLAN_WHEN_ANSWERED;
    }
}

uint16_t plan_cause_code(enum plan_cause cause)
{
    switch (cause) {
    case PLAN_CAUSE_ALWAYS: return 302;
    case PLAN_CAUSE_BUSY: return 486;
    case PLAN_CAUSE_NO_ANSWER: return 408;
    case PLAN_CAUSE_UNREGISTERED: return 404;
    case PLAN_CAUSE_DND: return 480;
    case PLAN_CAUSE_DEFLECTION: return 302;
    case PLAN_CAUSE_N: break;
    }
    return 0;
}

const char *plan_cause_diversion(enum plan_cause cause)
{
    switch (cause) {
    case PLAN_CAUSE_ALWAYS: return "unconditional";
    case PLAN_CAUSE_BUSY: return "user-busy";
    case PLAN_CAUSE_NO_ANSWER: return "no-answer";
    case PLAN_CAUSE_UNREGISTERED: return "unavailable";
    case PLAN_CAUSE_DND: return "do-not-disturb";
    case PLAN_CAUSE_DEFLECTION: return "deflection";
    case PLAN_CAUSE_N: break;
    }
    return "unknown";
}

static bool is_in(const struct plan_request *r, struct slice number)
{
    for (size_t i = 0; i < r->n_trail; i++)
        if (slice_eq(r->trail[i], number))
            return true;
    return false;
}

static uint32_t ring_ms(const struct plan_callee *c)
{
    return c->noanswer_ms ? c->noanswer_ms : PLAN_RING_MS;
}

bool plan_forward(const struct plan_facts *f, enum plan_cause setting, enum plan_cause cause, struct plan *p)
{
    struct slice to = f->callee.forward[setting];

    if (to.n == 0 || f->request.intercom)
        return false;
    p->reason.detail = to;
    p->reason.cause = cause;
    p->reason.rang_ms = ring_ms(&f->callee);
    if (is_in(&f->request, to) || is_in(&f->request, f->callee.number) || slice_eq(to, f->callee.number)) {
        plan_reply(p, PLAN_RULE_FORWARD_LOOP, 482);
    } else if (f->request.n_forwards >= PLAN_MAX_FORWARDS) {
        plan_reply(p, PLAN_RULE_FORWARD_MAX, 482);
    } else {
        p->act = PLAN_FORWARD;
        p->forward = to;
        p->cause = cause;
        p->reason.rule = PLAN_RULE_FORWARD;
    }
    return true;
}

bool plan_is_barred(struct slice barred, struct slice number)
{
    struct slice one;

    for (bool more = barred.n > 0; more;) {
        more = slice_cut(&barred, ',', &one);
        if (slice_ends(one, S("*")) ? slice_starts(number, slice_to(one, one.n - 1)) : slice_eq(number, one))
            return true;
    }
    return false;
}

bool plan_before_ringing(const struct plan_facts *f, struct plan *p)
{
    const struct plan_callee *c = &f->callee;

    if (!slice_eq(f->request.method, S("INVITE")))
        return false;
    if (c->rejects_anonymous && f->request.anonymous) {
        plan_reply(p, PLAN_RULE_ANONYMOUS, 433);
        return true;
    }
    if (plan_forward(f, PLAN_CAUSE_ALWAYS, PLAN_CAUSE_ALWAYS, p))
        return true;
    if (c->dnd && plan_forward(f, PLAN_CAUSE_BUSY, PLAN_CAUSE_DND, p))
        return true;
    if (c->dnd) {
        plan_reply(p, PLAN_RULE_DND, 480);
        return true;
    }
    if (f->n_bindings == 0 && c->how == PLAN_HOW_NONE)
        return plan_forward(f, PLAN_CAUSE_UNREGISTERED, PLAN_CAUSE_UNREGISTERED, p);
    p->ring_ms = c->forward[PLAN_CAUSE_NO_ANSWER].n ? ring_ms(c) : 0;
    return false;
}

void plan_after_ringing(const struct plan_facts *f, struct plan *p)
{
    enum plan_when when = f->request.when;

    if (f->request.ours && !f->request.pickup && f->callee.known && slice_eq(f->request.method, S("INVITE"))) {
        if (when == PLAN_WHEN_BUSY && plan_forward(f, PLAN_CAUSE_BUSY, PLAN_CAUSE_BUSY, p))
            return;
        if (when == PLAN_WHEN_UNREACHABLE && plan_forward(f, PLAN_CAUSE_UNREGISTERED, PLAN_CAUSE_UNREGISTERED, p))
            return;
        if ((when == PLAN_WHEN_UNREACHABLE || when == PLAN_WHEN_NO_ANSWER || f->callee.how != PLAN_HOW_NONE) &&
            plan_forward(f, PLAN_CAUSE_NO_ANSWER, PLAN_CAUSE_NO_ANSWER, p))
            return;
    }
    p->act = PLAN_PASS;
    p->code = f->request.code;
    p->reason.rule = PLAN_RULE_ENDED;
    p->reason.code = f->request.code;
}
