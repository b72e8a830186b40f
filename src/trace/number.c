/* number.c - the F numbers of rows: those of the known flow that a story is, else their own count.
 *
 * Room      trace (pure). In: stories, known flows. Out: f of each row, flow of each story.
 * Not counted: 100, what the exchange sends itself, what a challenge costs (the request, its 401 or 407, the ACK), NOTIFY with its answers. */
#include "trace/trace_priv.h"

enum { MAX_ROWS = 400, MAX_KINDS = 64, SCRATCH_OCTETS = 256 * 1024 }; /* a longer story is no known flow */

bool challenge_taken_up(const struct trace_inside *t, const struct item *i)
{
    const struct tsx *x = i->tsx == NONE ? NULL : &t->tsxs[i->tsx];
    unsigned          status = x ? tsx_status(t, x) : 0;

    if (!x || x->request == NONE || (status != 401 && status != 407))
        return false;
    for (size_t n = x->next; n != NONE; n = t->tsxs[n].next) {
        const struct tsx *y = &t->tsxs[n];

        if (y->request == NONE)
            continue;
        if (time_of(&t->items[y->request]) > time_of(&t->items[x->request]) + T64_US)
            return false;
        if (y->method == x->method && y->from == x->from && y->to == x->to &&
            t->items[y->request].cseq > t->items[x->request].cseq)
            return true;
    }
    return false;
}

static bool counts(const struct trace_inside *t, const struct item *i)
{
    return status_of(i) != 100 && i->from != i->to && i->method_id != METHOD_NOTIFY && !challenge_taken_up(t, i);
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

/* --- which flows can it be at all? ---------------------------------------------------------------------------------------- */

/* How many messages of each kind: judging is dear, and most stories differ from most flows already there. */
struct kinds {
    struct {
        unsigned    status; /* 0: a request */
        enum method method;
        unsigned    n;
    } kind[MAX_KINDS];
    size_t n;
};

static void count_kind(struct kinds *k, unsigned status, enum method method)
{
    if (method == METHOD_REFER && status / 100 == 2)
        status = 202; /* 200 says the same (RFC 7647) */
    for (size_t i = 0; i < k->n; i++) {
        if (k->kind[i].status == status && k->kind[i].method == method) {
            k->kind[i].n++;
            return;
        }
    }
    if (k->n == MAX_KINDS)
        return;
    k->kind[k->n].status = status;
    k->kind[k->n].method = method;
    k->kind[k->n++].n = 1;
}

static void count_story(const struct trace_inside *t, const struct trace_story *st, struct kinds *out)
{
    out->n = 0;
    for (size_t r = 0; r < st->n_rows; r++) {
        const struct item *i = &t->items[st->rows[r].message];

        count_kind(out, status_of(i), i->method_id);
    }
}

/* What the flow cannot do without. */
static void count_flow(const struct trace_flow *f, struct kinds *out)
{
    out->n = 0;
    for (size_t k = 0; k < f->n_steps; k++) {
        const struct trace_step *s = &f->steps[k];
        uint32_t                 status = 0;

        if (s->optional || (ascii_is_digit(s->message.p[0]) && slice_u32(s->message, &status)))
            continue;
        count_kind(out, status, method_find(status ? s->of : s->message));
    }
}

static bool has_all(const struct kinds *there, const struct kinds *wanted)
{
    for (size_t i = 0; i < wanted->n; i++) {
        unsigned n = 0;

        for (size_t k = 0; k < there->n && !n; k++)
            if (there->kind[k].status == wanted->kind[i].status && there->kind[k].method == wanted->kind[i].method)
                n = there->kind[k].n;
        if (n < wanted->kind[i].n)
            return false;
    }
    return true;
}

static bool may_be(const struct trace_story *st, const struct kinds *there, const struct trace_flow *f, const struct kinds *wanted)
{
    return f->numbered && f->n_parties == st->n_parties && f->n_steps <= st->n_rows && st->n_rows <= MAX_ROWS &&
           has_all(there, wanted);
}

struct numbering {
    struct trace_inside    *t;
    struct kinds           *wanted;  /* of each known flow                        */
    struct arena           *scratch; /* used up and given back for each judgement */
    struct trace_judgement *j;
};

/* The longest flow that the story meets gives its numbers. */
static enum err number_story(struct numbering *s, size_t story)
{
    struct trace_inside *t = s->t;
    struct trace_story  *st = &t->t->stories[story];
    size_t               longest = 0;
    struct kinds         there;

    number_by_count(t, st);
    count_story(t, st, &there);
    for (size_t k = 0; k < t->in->n_flows; k++) {
        const struct trace_flow *f = &t->in->flows[k];
        enum err                 e;

        if (f->n_steps <= longest || !may_be(st, &there, f, &s->wanted[k]))
            continue;
        if ((e = trace_judge(s->scratch, t->t, story, f, s->j)))
            return e;
        if (s->j->met) {
            longest = f->n_steps;
            number_by_flow(t, st, f, s->j);
        }
        if (s->scratch != t->a)
            arena_reset(s->scratch);
    }
    return ERR_OK;
}

enum err trace_number_rows(struct trace_inside *t)
{
    struct numbering s = {.t = t, .scratch = t->a, .j = ARENA_NEW(t->a, struct trace_judgement)};
    struct arena     own;
    enum err         e = ERR_OK;

    s.wanted = arena_alloc(t->a, (t->in->n_flows + 1) * sizeof *s.wanted);
    if (!s.j || !s.wanted)
        return ERR_NOMEM;
    for (size_t k = 0; k < t->in->n_flows; k++)
        count_flow(&t->in->flows[k], &s.wanted[k]);
    if (t->a->mem) {
        arena_init(&own, t->a->mem, SCRATCH_OCTETS, 0);
        s.scratch = &own;
    }
    for (size_t n = 0; n < t->t->n_stories && !e; n++)
        e = number_story(&s, n);
    if (s.scratch == &own)
        arena_close(&own);
    return e;
}
