/* bind.c - who in a capture is who in a flow: the way round in which most steps are met.
 *
 * Room      trace (pure). In: a plan, a unit. Out: a binding.
 * All ways are tried, exchanges first, those dropped that cannot be better than the best so far. A way is worth the sum
 * of the longest common subsequences of its groups: what is missing or swapped costs one or two, a wrong way many. */
#include "trace/judge_priv.h"

#include <string.h>

enum {
    MAX_WAYS = 100000,  /* partial bindings looked at: beyond, the best so far is taken */
    MAX_GROUP_ITEMS = 256 /* messages of one pair and call that count                   */
};

bool step_is(const struct plan *p, size_t step, const struct item *i)
{
    const struct trace_step *s = &p->step[step];
    unsigned                 status = status_of(i), low = p->kind[step].low, high = p->kind[step].high;

    if (is_request(i) != !low || (low && (status < low || status > high || (high == 202 && status == 201))))
        return false;
    if (i->method_id != p->kind[step].method)
        return low && !s->of.n;
    return i->method_id != METHOD_OTHER || slice_eq(low ? s->of : s->message, i->method);
}

bool step_fits(const struct plan *p, size_t step, const struct binding *b, const struct item *i)
{
    const struct trace_step *s = &p->step[step];

    if (i->from != b->end[s->from] || i->to != b->end[s->to] || (s->call && i->call != b->call[s->call]))
        return false;
    if (!step_is(p, step, i))
        return false;
    return !is_request(i) || i->method_id != METHOD_INVITE || !s->call || s->reinvite == (i->to_tag.n > 0);
}

bool step_answers(const struct plan *p, size_t step, const struct binding *b, const struct unit *u, size_t item)
{
    const struct item *i = &u->t->items[item];

    if (!step_fits(p, step, b, i))
        return false;
    if (p->request[step] == NONE || i->request == NONE)
        return true;
    return step_fits(p, p->request[step], b, &u->t->items[i->request]);
}

/* --- what a binding is worth ---------------------------------------------------------------------------------------------- */

static size_t lcs_of_group(const struct plan *p, const struct unit *u, const struct binding *b, unsigned group)
{
    uint16_t        row[MAX_GROUP_ITEMS + 1] = {0};
    size_t          item[MAX_GROUP_ITEMS], n = 0;
    const struct trace_step *first = NULL;

    for (size_t k = 0; k < p->n && !first; k++)
        if (p->group[k] == group)
            first = &p->step[k];
    for (size_t i = 0; first && i < u->n && n < MAX_GROUP_ITEMS; i++) {
        const struct item *m = &u->t->items[u->item[i]];
        size_t             x = b->end[first->from], y = b->end[first->to];

        if (((m->from == x && m->to == y) || (m->from == y && m->to == x)) &&
            (!first->call || m->call == b->call[first->call]))
            item[n++] = u->item[i];
    }
    for (size_t k = 0; k < p->n && n; k++) {
        uint16_t diagonal = 0;

        if (p->group[k] != group)
            continue;
        for (size_t i = 0; i < n; i++) {
            uint16_t above = row[i + 1];

            if (step_answers(p, k, b, u, item[i]))
                row[i + 1] = (uint16_t)(diagonal + 1);
            if (row[i] > row[i + 1])
                row[i + 1] = row[i];
            if (above > row[i + 1])
                row[i + 1] = above;
            diagonal = above;
        }
    }
    return row[n];
}

static size_t worth(const struct plan *p, const struct unit *u, const struct binding *b)
{
    size_t sum = 0;

    for (unsigned g = 0; g < p->n_groups; g++)
        sum += lcs_of_group(p, u, b, g);
    return sum;
}

/* --- the search -------------------------------------------------------------------------------------------------------------- */

struct search {
    const struct plan *p;
    const struct unit *u;
    struct binding     now, best;
    size_t             best_met;
    bool               any;
    unsigned           ways;
    size_t             order[JUDGE_PARTIES]; /* parties: exchanges first */
};

static bool step_possible(const struct search *s, size_t k)
{
    const struct trace_step *step = &s->p->step[k];

    for (size_t i = 0; i < s->u->n; i++) {
        const struct item *m = &s->u->t->items[s->u->item[i]];

        if (m->from == s->now.end[step->from] && m->to == s->now.end[step->to] && step_is(s->p, k, m))
            return true;
    }
    return false;
}

/* No more steps than these can be met once the first `bound` parties of the order are what they are. */
static size_t at_most(const struct search *s, size_t bound)
{
    bool   known[JUDGE_PARTIES] = {false};
    size_t n = 0;

    for (size_t i = 0; i < bound; i++)
        known[s->order[i]] = true;
    for (size_t k = 0; k < s->p->n; k++) {
        const struct trace_step *step = &s->p->step[k];

        n += !known[step->from] || !known[step->to] || step_possible(s, k);
    }
    return n;
}

static void bind_calls(struct search *s, unsigned call)
{
    if (++s->ways > MAX_WAYS)
        return;
    if (call > s->p->n_calls) {
        size_t met = worth(s->p, s->u, &s->now);

        if (!s->any || met > s->best_met) {
            s->best = s->now;
            s->best_met = met;
            s->any = true;
        }
        return;
    }
    for (size_t i = 0; i <= s->u->n_calls; i++) {
        size_t c = i < s->u->n_calls ? s->u->calls[i] : NONE;
        bool   taken = false;

        for (unsigned k = 1; k < call; k++)
            taken = taken || (c != NONE && s->now.call[k] == c);
        if (taken)
            continue;
        s->now.call[call] = c;
        bind_calls(s, call + 1);
    }
    s->now.call[call] = NONE;
}

static void bind_parties(struct search *s, size_t at)
{
    if (++s->ways > MAX_WAYS || (s->any && at_most(s, at) <= s->best_met))
        return;
    if (at == s->p->n_parties) {
        bind_calls(s, 1);
        return;
    }
    for (size_t i = 0; i <= s->u->n_ends; i++) {
        size_t e = i < s->u->n_ends ? s->u->ends[i] : NONE;
        bool   taken = false;

        for (size_t k = 0; k < at; k++)
            taken = taken || (e != NONE && s->now.end[s->order[k]] == e);
        if (taken)
            continue;
        s->now.end[s->order[at]] = e;
        bind_parties(s, at + 1);
    }
    s->now.end[s->order[at]] = NONE;
}

void bind_best(const struct plan *p, const struct unit *u, struct binding *out, size_t *met)
{
    struct search s = {.p = p, .u = u};
    size_t        n = 0;

    for (size_t i = 0; i < JUDGE_PARTIES; i++)
        s.now.end[i] = NONE;
    for (size_t i = 0; i <= TRACE_FLOW_MAX_CALLS; i++)
        s.now.call[i] = NONE;
    s.best = s.now;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < p->n_parties; i++)
            if (p->exchange[i] == !turn)
                s.order[n++] = i;
    bind_parties(&s, 0);
    *out = s.best;
    *met = s.best_met;
}
