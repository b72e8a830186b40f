/* judge.c - is a flow in a capture? The door of the judge.
 *
 * Room      trace (pure). In: a trace, a flow. Out: a judgement with words.
 * A flow is looked for in each story; where that does not do, in each call that is no story (registrations), and in the
 * capture as a whole when that is small. Of all forms of the flow and all places the one with the fewest steps missing
 * counts. */
#include "trace/judge_priv.h"

#include <assert.h>
#include <string.h>

enum {
    WHOLE_MAX_ENDS = 24, /* a capture with more is only looked at by story */
    WHOLE_MAX_CALLS = 48,
    FORMS = 4
};

struct judging {
    struct arena           *a;
    struct trace_inside    *t;
    struct plan            *plans[FORMS];
    size_t                  n_plans;
    struct trace_judgement *out;
    const struct plan      *best_plan;
    struct unit             best_unit;
    struct binding          best_binding;
    size_t                  best_cost;    /* see cost_of(); SIZE_MAX: nothing was looked at yet */
};

/* --- words ---------------------------------------------------------------------------------------------------------------- */

void put_item(struct buf *b, const struct item *i)
{
    if (is_request(i)) {
        put_wire(b, i->method);
        return;
    }
    buf_putu(b, status_of(i));
    buf_put(b, S(" to "));
    put_wire(b, i->method);
}

static void put_party(struct buf *b, const struct plan *p, size_t party)
{
    for (size_t i = 0; i < p->flow->n_parties; i++) {
        if (p->party[i] == party) {
            put_wire(b, p->flow->parties[i]);
            return;
        }
    }
    buf_put(b, S("the exchange"));
}

void put_step(struct buf *b, const struct plan *p, size_t step)
{
    const struct trace_step *s = &p->step[step];

    if (s->f.n) {
        put_wire(b, s->f);
    } else {
        buf_put(b, S("step "));
        buf_putu(b, p->origin[step] + 1);
    }
    buf_put(b, S(" ("));
    put_wire(b, s->message);
    if (s->of.n)
        buf_puts(b, S(" to "), s->of);
    buf_put(b, S(", "));
    put_party(b, p, s->from);
    buf_put(b, S(" to "));
    put_party(b, p, s->to);
    if (p->n_calls > 1) {
        buf_put(b, S(", call "));
        buf_putu(b, s->call);
    }
    buf_putc(b, ')');
}

/* Where a message stands in the capture. */
static void put_place(struct buf *b, const struct trace_inside *t, const struct item *i)
{
    buf_put(b, S(" at "));
    put_seconds(b, time_of(i) - t->begin_us);
    if (i->in->frame) {
        buf_put(b, S(", packet "));
        buf_putu(b, i->in->frame);
    }
}

/* --- what came instead ------------------------------------------------------------------------------------------------------- */

static bool in_group(const struct judging *j, size_t step, const struct item *i)
{
    const struct trace_step *s = &j->best_plan->step[step];
    size_t                   x = j->best_binding.end[s->from], y = j->best_binding.end[s->to];

    return ((i->from == x && i->to == y) || (i->from == y && i->to == x)) &&
           (!s->call || i->call == j->best_binding.call[s->call]);
}

/* Between the last step before and the next behind, of this pair and call: the first message that is no step. */
static const struct item *came_instead(const struct judging *j, const struct alignment *al, size_t step)
{
    size_t from = 0, to = j->best_unit.n;

    for (size_t k = 0; k < j->best_plan->n; k++) {
        if (al->at[k] == NONE || j->best_plan->group[k] != j->best_plan->group[step])
            continue;
        if (k < step)
            from = al->at[k] + 1;
        else if (al->at[k] < to)
            to = al->at[k];
    }
    assert(from >= to || (j->t->items && j->best_unit.item)); /* a unit that aligns has items */
    for (size_t i = from; i < to; i++) {
        const struct item *m = &j->t->items[j->best_unit.item[i]];

        if (in_group(j, step, m) && !step_fits(j->best_plan, step, &j->best_binding, m))
            return m;
    }
    return NULL;
}

static const struct item *misplaced(const struct judging *j, const struct alignment *al, size_t step, size_t *at)
{
    for (size_t i = 0; i < j->best_unit.n; i++) {
        const struct item *m = &j->t->items[j->best_unit.item[i]];
        bool               used = false;

        for (size_t k = 0; k < j->best_plan->n; k++)
            used = used || al->at[k] == i;
        *at = i;
        if (!used && step_fits(j->best_plan, step, &j->best_binding, m))
            return m;
    }
    return NULL;
}

/* It came, but before something that it has to follow, or after something that has to follow it. */
static void put_misplaced(struct buf *b, const struct judging *j, const struct alignment *al, size_t step, size_t at)
{
    const struct plan *p = j->best_plan;

    for (size_t k = 0; k < p->n; k++) {
        bool before = k < step && (p->group[k] == p->group[step] || p->cause[step] == k || p->answer[step] == k);
        bool after = k > step && (p->group[k] == p->group[step] || p->cause[k] == step || p->answer[k] == step);

        if (al->at[k] == NONE || !((before && al->at[k] > at) || (after && al->at[k] < at)))
            continue;
        buf_put(b, before ? S(", but before ") : S(", but after "));
        put_step(b, p, k);
        return;
    }
    buf_put(b, S(", but out of order"));
}

static void put_missing(struct buf *b, const struct judging *j, const struct alignment *al, size_t step)
{
    size_t             at;
    const struct item *m = misplaced(j, al, step, &at);

    put_step(b, j->best_plan, step);
    if (m) {
        buf_put(b, S(" came"));
        put_place(b, j->t, m);
        put_misplaced(b, j, al, step, at);
        return;
    }
    buf_put(b, S(" is missing; "));
    if ((m = came_instead(j, al, step))) {
        buf_put(b, S("instead came "));
        put_item(b, m);
        put_place(b, j->t, m);
    } else {
        buf_put(b, S("nothing came instead"));
    }
}

/* --- places to look at ----------------------------------------------------------------------------------------------------------- */

static void add_once(size_t *v, size_t *n, size_t max, size_t x)
{
    for (size_t i = 0; i < *n; i++)
        if (v[i] == x)
            return;
    if (*n < max)
        v[(*n)++] = x;
}

struct choice { /* which messages make a unit: of this story, or of this call, or all */
    size_t story, call;
};

/* A story's rows, the messages of a call, or everything: message number `at` of it, behind `last`; NONE: no more. */
static size_t next_of(const struct trace_inside *t, const struct choice *c, size_t at, size_t last)
{
    if (c->story != NONE)
        return at < t->t->stories[c->story].n_rows ? t->t->stories[c->story].rows[at].message : NONE;
    if (c->call != NONE)
        return last == NONE ? t->calls[c->call].first : t->items[last].next;
    return at < t->n_items ? at : NONE;
}

static size_t count_of(const struct trace_inside *t, const struct choice *c)
{
    size_t n = 0;

    for (size_t i = next_of(t, c, 0, NONE); i != NONE; i = next_of(t, c, n, i))
        n++;
    return n;
}

static enum err make_unit(const struct judging *j, const struct choice *c, bool with_challenges, struct unit *u)
{
    const struct trace_inside *t = j->t;
    size_t                    *items = arena_alloc(j->a, (count_of(t, c) + 1) * sizeof *items), n = 0;
    size_t                    *ends = arena_alloc(j->a, WHOLE_MAX_ENDS * sizeof *ends), n_ends = 0;
    size_t                    *calls = arena_alloc(j->a, WHOLE_MAX_CALLS * sizeof *calls), n_calls = 0;

    if (!items || !ends || !calls)
        return ERR_NOMEM;
    for (size_t at = 0, i = next_of(t, c, 0, NONE); i != NONE; i = next_of(t, c, ++at, i)) {
        const struct item *m = &t->items[i];

        if (m->original != NONE)
            continue;
        if (!with_challenges && challenge_taken_up(t, m)) /* it stands between the steps of a flow that has none */
            continue;
        items[n++] = i;
        add_once(ends, &n_ends, WHOLE_MAX_ENDS, m->from);
        add_once(ends, &n_ends, WHOLE_MAX_ENDS, m->to);
        add_once(calls, &n_calls, WHOLE_MAX_CALLS, m->call);
    }
    *u = (struct unit){t, items, n, ends, n_ends, calls, n_calls, c->story};
    return ERR_OK;
}

/* A form is only looked for where it can be: fewer exchanges than the flow has; one between the phones. */
static bool form_possible(const struct plan *p, const struct unit *u)
{
    size_t there = 0, written = 0;

    for (size_t i = 0; i < u->n_ends; i++)
        there += end_is_exchange(u->t, u->ends[i]);
    for (size_t i = 0; i < p->flow->n_parties; i++)
        written += p->flow->exchange[i];
    return !(p->one_exchange && there >= written) && !(p->through_exchange && !there);
}

/* Two for each step that is not met; one when all are and something else is wrong. */
static size_t cost_of(const struct judging *j, const struct plan *p, const struct unit *u, const struct binding *b, size_t met)
{
    char                   text[2 * TEXT_OCTETS];
    struct buf             room = BUF_ON(text);
    struct trace_judgement ignored = {.n_notes = sizeof ignored.notes / sizeof *ignored.notes};
    struct verdict_out     out = {.text = &room, .a = j->a, .j = &ignored};
    struct alignment       al;

    if (met < p->n)
        return 2 * (p->n - met);
    align(p, u, b, &al);
    if (!al.n_missing)
        check_besides(p, u, b, &al, &out);
    return al.n_missing || out.wrong;
}

static enum err look_at(struct judging *j, const struct choice *c)
{
    for (size_t k = 0; k < j->n_plans; k++) {
        const struct plan *p = j->plans[k];
        struct unit        u;
        struct binding     b;
        size_t             met, cost;
        enum err           e = make_unit(j, c, p->challenges, &u);

        if (e)
            return e;
        if (!u.n || !form_possible(p, &u))
            continue;
        bind_best(p, &u, &b, &met);
        if ((cost = cost_of(j, p, &u, &b, met)) >= j->best_cost)
            continue;
        j->best_plan = p;
        j->best_unit = u;
        j->best_binding = b;
        j->best_cost = cost;
    }
    return ERR_OK;
}

static bool small_enough(const struct trace_inside *t)
{
    size_t roots = 0;

    for (size_t n = 0; n < t->n_ends; n++)
        roots += t->ends[n].root == n;
    return roots <= WHOLE_MAX_ENDS && t->n_calls <= WHOLE_MAX_CALLS;
}

static enum err look_everywhere(struct judging *j)
{
    enum err e = ERR_OK;

    for (size_t s = 0; s < j->t->t->n_stories && !e && j->best_cost; s++)
        e = look_at(j, &(struct choice){s, NONE});
    for (size_t c = 0; c < j->t->n_calls && !e && j->best_cost; c++)
        if (j->t->calls[c].story == NONE)
            e = look_at(j, &(struct choice){NONE, c});
    if (!e && j->best_cost && small_enough(j->t))
        e = look_at(j, &(struct choice){NONE, NONE});
    return e;
}

/* --- the judgement ----------------------------------------------------------------------------------------------------------------- */

static void fill_steps(struct judging *j, const struct alignment *al)
{
    struct trace_judgement *out = j->out;

    for (size_t k = 0; k < j->best_plan->n; k++) {
        size_t step = j->best_plan->origin[k], at;

        if (al->excused[k]) {
            out->steps[step].state = TRACE_STEP_EXCUSED;
        } else if (al->at[k] == NONE) {
            out->steps[step].state = misplaced(j, al, k, &at) ? TRACE_STEP_ORDER : TRACE_STEP_MISSING;
        } else {
            out->steps[step].message = j->best_unit.item[al->at[k]];
        }
    }
    for (size_t i = 0; i < j->best_plan->flow->n_parties; i++) {
        size_t end = j->best_binding.end[j->best_plan->party[i]];

        if (end != NONE)
            out->parties[i] = j->t->ends[end].place;
    }
    out->story = j->best_unit.story;
    for (size_t k = 0; k < al->n_missing; k++)
        if (k == 0 || j->best_plan->origin[al->missing[k]] != j->best_plan->origin[al->missing[k - 1]])
            out->n_missing++;
}

static void put_met(struct buf *b, const struct plan *p)
{
    buf_put(b, S("All "));
    buf_putu(b, p->flow->n_steps);
    buf_put(b, S(" steps of "));
    put_wire(b, p->flow->id);
    buf_put(b, S(" are met."));
}

static void say(struct judging *j, struct buf *b)
{
    struct trace_judgement *out = j->out;
    struct alignment        al;
    struct verdict_out      besides = {.text = b, .a = j->a, .j = out};

    if (!j->best_plan) {
        buf_put(b, S("There is no message in which the flow could be found."));
        out->n_missing = j->plans[0]->flow->n_steps;
        out->step = 0;
        return;
    }
    align(j->best_plan, &j->best_unit, &j->best_binding, &al);
    fill_steps(j, &al);
    if (al.n_missing) {
        out->step = j->best_plan->origin[al.missing[0]];
        put_missing(b, j, &al, al.missing[0]);
        buf_putc(b, '.');
        return;
    }
    check_besides(j->best_plan, &j->best_unit, &j->best_binding, &al, &besides);
    if (besides.wrong) {
        out->step = besides.step == NONE ? NONE : j->best_plan->origin[besides.step];
        buf_putc(b, '.');
        return;
    }
    out->met = true;
    put_met(b, j->best_plan);
}

static enum err make_plans(struct judging *j, const struct trace_flow *f)
{
    size_t exchanges = 0, direct = 0;

    for (size_t i = 0; i < f->n_parties; i++)
        exchanges += f->exchange[i];
    for (size_t k = 0; k < f->n_steps; k++)
        direct += !f->exchange[f->steps[k].from] && !f->exchange[f->steps[k].to];
    for (unsigned form = 0; form < FORMS; form++) {
        bool one = form & 2, through = form & 1;

        if ((one && exchanges < 2) || (through && (!direct || (exchanges > 1 && !one))))
            continue;
        if (!(j->plans[j->n_plans] = arena_alloc(j->a, sizeof **j->plans)))
            return ERR_NOMEM;
        plan_make(j->plans[j->n_plans++], f, one, through);
    }
    return ERR_OK;
}

enum err trace_judge(struct arena *a, const struct trace *t, size_t story, const struct trace_flow *f,
                     struct trace_judgement *out)
{
    struct judging j = {.a = a, .t = t->inside, .out = out, .best_cost = SIZE_MAX};
    char           text[2 * TEXT_OCTETS];
    struct buf     b = BUF_ON(text);
    enum err       e;

    memset(out, 0, sizeof *out);
    out->step = out->story = NONE;
    for (size_t k = 0; k < TRACE_FLOW_MAX_STEPS; k++)
        out->steps[k].message = NONE;
    if ((e = make_plans(&j, f)))
        return e;
    e = story == NONE ? look_everywhere(&j) : look_at(&j, &(struct choice){story, NONE});
    if (e)
        return e;
    say(&j, &b);
    return arena_dup(a, buf_slice(&b), &out->text);
}
