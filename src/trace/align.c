/* align.c - which steps of a flow are met, once it is known who is who; and which to name when not all are.
 *
 * Room      trace (pure). In: a plan, a unit, a binding. Out: an alignment.
 *
 * The order that counts (per group, and from cause to effect) never contradicts the order of the steps. So walking the
 * steps in their order and giving each the earliest message that fits behind those it depends on finds a way to meet all
 * of them whenever there is one. Where there is none, as few steps as possible are left out, and of all such choices the
 * one that leaves out the earliest: with two messages swapped, or one missing, that names one of these, never a step
 * between them. When more than MAX_OUT would have to go, the walk just goes on without those that it cannot meet. */
#include "trace/judge_priv.h"

#include <string.h>

enum { MAX_OUT = 3, LONG_FLOW = 40, MAX_OUT_LONG = 2 };

struct walk {
    const struct plan    *p;
    const struct unit    *u;
    const struct binding *b;
    bool                  out[JUDGE_STEPS]; /* left out */
    bool                  by_end;           /* of several tries take the one that ended as the flow has it, not the first */
};

static size_t behind(size_t than, size_t at)
{
    return at != NONE && at + 1 > than ? at + 1 : than;
}

/* The first message that step k may have. */
static size_t earliest(const struct walk *w, const struct alignment *al, size_t k)
{
    size_t from = 0;

    for (size_t j = 0; j < k; j++)
        if (w->p->group[j] == w->p->group[k])
            from = behind(from, al->at[j]);
    if (w->p->cause[k] != NONE)
        from = behind(from, al->at[w->p->cause[k]]);
    if (w->p->answer[k] != NONE)
        from = behind(from, al->at[w->p->answer[k]]);
    return from;
}

/* A response that is passed on keeps its To tag: of several from a fork, that tells which one it is. */
static bool same_tag(const struct walk *w, const struct alignment *al, size_t k, const struct item *i)
{
    size_t cause = w->p->cause[k];

    if (cause == NONE || al->at[cause] == NONE || is_request(i) || !i->to_tag.n)
        return true;
    return slice_eq(w->u->t->items[w->u->item[al->at[cause]]].to_tag, i->to_tag);
}

/* Did this request get the final response that the flow has for step k? Of several tries, that one is meant. */
static bool ended_so(const struct walk *w, size_t k, const struct item *i)
{
    const struct tsx *x = i->tsx == NONE ? NULL : &w->u->t->tsxs[i->tsx];

    if (!is_request(i) || i->method_id == METHOD_ACK || !x)
        return true;
    for (size_t r = k + 1; r < w->p->n; r++)
        if (w->p->request[r] == k && w->p->step[r].message.p[0] >= '2' && w->p->step[r].message.p[0] <= '9')
            return x->final != NONE && step_fits(w->p, r, w->b, &w->u->t->items[x->final]);
    return true;
}

/* A response, and an ACK, belong to the very message that their request's step has. */
static bool own_request(const struct walk *w, const struct alignment *al, size_t k, const struct item *i)
{
    size_t r = w->p->request[k];

    return r == NONE || al->at[r] == NONE || i->request == NONE || w->u->item[al->at[r]] == i->request;
}

static size_t find(const struct walk *w, const struct alignment *al, size_t k)
{
    size_t best = NONE;

    for (size_t i = earliest(w, al, k); i < w->u->n; i++) {
        const struct item *m = &w->u->t->items[w->u->item[i]];

        if (!step_answers(w->p, k, w->b, w->u, w->u->item[i]) || !same_tag(w, al, k, m) ||
            !own_request(w, al, k, m))
            continue;
        if (!w->by_end || ended_so(w, k, m))
            return i;
        if (best == NONE)
            best = i;
    }
    return best;
}

/* Did anything like step k come at all, beside what the steps before it have? */
static bool came(const struct walk *w, const struct alignment *al, size_t k)
{
    for (size_t i = 0; i < w->u->n; i++) {
        bool taken = false;

        for (size_t j = 0; j < k; j++)
            taken = taken || al->at[j] == i;
        if (!taken && step_fits(w->p, k, w->b, &w->u->t->items[w->u->item[i]]))
            return true;
    }
    return false;
}

/* What may be missing on all its hops, or on none. */
static bool half_there(const struct walk *w, const struct alignment *al, size_t k)
{
    size_t cause = w->p->cause[k];

    if (!w->p->step[k].both)
        return false;
    if (cause != NONE && (al->at[cause] != NONE || w->out[cause]))
        return true;
    for (size_t j = k + 1; j < w->p->n; j++)
        if (w->p->cause[j] == k && !w->out[j] && came(w, al, j))
            return true;
    return false;
}

/* Can all be met that are not left out? With `going_on` those that cannot are left out, too. */
static bool walk(struct walk *w, struct alignment *al, bool going_on)
{
    for (size_t k = 0; k < w->p->n; k++) {
        al->excused[k] = false;
        al->at[k] = w->out[k] ? NONE : find(w, al, k);
        if (al->at[k] != NONE || w->out[k])
            continue;
        /* one that comes at the wrong time is not excused */
        if (w->p->step[k].optional && !came(w, al, k) && !half_there(w, al, k))
            al->excused[k] = true;
        else if (going_on)
            w->out[k] = true;
        else
            return false;
    }
    return true;
}

/* Where the step of a request is left out, its responses belong to one request, and to none that another step has. */
static bool requests_own(const struct walk *w, const struct alignment *al)
{
    for (size_t k = 0; k < w->p->n; k++) {
        const struct item *i = al->at[k] == NONE ? NULL : &w->u->t->items[w->u->item[al->at[k]]];

        if (!i || i->request == NONE || w->p->request[k] == NONE || al->at[w->p->request[k]] != NONE)
            continue;
        for (size_t j = 0; j < w->p->n; j++) {
            size_t other = al->at[j] == NONE ? NONE : w->u->item[al->at[j]];

            if (other == NONE)
                continue;
            if (other == i->request)
                return false;
            if (w->p->request[j] == w->p->request[k] && w->u->t->items[other].request != NONE &&
                w->u->t->items[other].request != i->request)
                return false;
        }
    }
    return true;
}

/* Leave out `more` steps from `first` on; the earliest choice that works is kept in *w and *al. */
static bool leave_out(struct walk *w, struct alignment *al, size_t first, unsigned more)
{
    if (!more) {
        w->by_end = false;
        if (walk(w, al, false) && requests_own(w, al))
            return true;
        w->by_end = true;
        return walk(w, al, false) && requests_own(w, al);
    }
    for (size_t k = first; k < w->p->n; k++) {
        w->out[k] = true;
        if (leave_out(w, al, k + 1, more - 1))
            return true;
        w->out[k] = false;
    }
    return false;
}

void align(const struct plan *p, const struct unit *u, const struct binding *b, struct alignment *out)
{
    struct walk w = {.p = p, .u = u, .b = b};
    bool        found = false;
    unsigned    max_out = p->n > LONG_FLOW ? MAX_OUT_LONG : MAX_OUT;

    for (unsigned n = 0; n <= max_out && !found; n++)
        found = leave_out(&w, out, 0, n);
    if (!found) {
        memset(w.out, 0, sizeof w.out);
        w.by_end = false;
        walk(&w, out, true);
    }
    out->n_missing = 0;
    for (size_t k = 0; k < p->n; k++)
        if (w.out[k])
            out->missing[out->n_missing++] = k;
}
