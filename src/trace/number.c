/* number.c - the F numbers of rows: those of the known flow that a story is, else their own count.
 *
 * Room      trace (pure). In: stories, known flows. Out: f of each row, flow of each story.
 * Not counted: 100, what a challenge costs (the request, its 401 or 407, the ACK), NOTIFY with its answers. */
#include "trace/trace_priv.h"

enum { MAX_ROWS = 400, SCRATCH_OCTETS = 256 * 1024 }; /* a longer story is no known flow */

bool challenge_taken_up(const struct trace_inside *t, const struct item *i)
{
    const struct tsx *x = i->tsx == NONE ? NULL : &t->tsxs[i->tsx];
    unsigned          status = x ? tsx_status(t, x) : 0;

    if (!x || x->request == NONE || (status != 401 && status != 407))
        return false;
    for (size_t n = i->tsx + 1; n < t->n_tsxs; n++) {
        const struct tsx *y = &t->tsxs[n];

        if (y->request == NONE)
            continue;
        if (time_of(&t->items[y->request]) > time_of(&t->items[x->request]) + T64_US)
            return false;
        if (y->method == x->method && y->call == x->call && y->from == x->from && y->to == x->to &&
            t->items[y->request].cseq > t->items[x->request].cseq)
            return true;
    }
    return false;
}

static bool counts(const struct trace_inside *t, const struct item *i)
{
    return status_of(i) != 100 && i->method_id != METHOD_NOTIFY && !challenge_taken_up(t, i);
}

static void number_by_count(struct trace_inside *t, struct trace_story *st)
{
    unsigned n = 0;

    for (size_t r = 0; r < st->n_rows; r++)
        if (counts(t, &t->items[st->rows[r].message]))
            st->rows[r].f = ++n;
}

static unsigned f_number(struct slice f)
{
    uint32_t n = 0;

    if (f.n < 2 || f.p[0] != 'F' || slice_u32(slice_from(f, 1), &n))
        return 0;
    return n;
}

static void number_by_flow(struct trace_inside *t, struct trace_story *st, const struct trace_flow *f,
                           const struct trace_judgement *j)
{
    for (size_t r = 0; r < st->n_rows; r++)
        st->rows[r].f = 0;
    for (size_t k = 0; k < f->n_steps; k++)
        if (j->steps[k].message != NONE)
            st->rows[t->items[j->steps[k].message].row].f = f_number(f->steps[k].f);
    st->flow = f->id;
}

static bool may_be(const struct trace_story *st, const struct trace_flow *f)
{
    return f->numbered && f->n_parties == st->n_parties && f->n_steps <= st->n_rows && st->n_rows <= MAX_ROWS;
}

/* The longest flow that the story meets gives its numbers. `scratch` is used up and given back for each flow. */
static enum err number_story(struct trace_inside *t, size_t story, struct arena *scratch)
{
    struct trace_story     *st = &t->t->stories[story];
    struct trace_judgement *j = ARENA_NEW(t->a, struct trace_judgement);
    size_t                  longest = 0;

    number_by_count(t, st);
    for (size_t k = 0; j && k < t->in->n_flows; k++) {
        const struct trace_flow *f = &t->in->flows[k];
        enum err                 e;

        if (!may_be(st, f) || f->n_steps <= longest)
            continue;
        if ((e = trace_judge(scratch, t->t, story, f, j)))
            return e;
        if (j->met) {
            longest = f->n_steps;
            number_by_flow(t, st, f, j);
        }
        if (scratch != t->a)
            arena_reset(scratch);
    }
    return j ? ERR_OK : ERR_NOMEM;
}

enum err trace_number_rows(struct trace_inside *t)
{
    struct arena own, *scratch = t->a;
    enum err     e = ERR_OK;

    if (t->a->mem) {
        arena_init(&own, t->a->mem, SCRATCH_OCTETS, 0);
        scratch = &own;
    }
    for (size_t s = 0; s < t->t->n_stories && !e; s++)
        e = number_story(t, s, scratch);
    if (scratch == &own)
        arena_close(&own);
    return e;
}
