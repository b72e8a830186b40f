/* find.c - findings: noted, sorted, put to their rows.
 *
 * Room      trace (pure). In: everything. Out: findings of each story.
 * A story of a time in which messages were dropped accuses nobody: only notes are kept there. */
#include "trace/trace_priv.h"

struct slice trace_severity_text(enum trace_severity s)
{
    switch (s) {
    case TRACE_NOTE:
        return S("note");
    case TRACE_WARNING:
        return S("warning");
    case TRACE_ERROR:
        return S("error");
    }
    return SLICE_NONE;
}

static void grow(struct trace_inside *t)
{
    size_t        max = t->max_found ? 2 * t->max_found : 64;
    struct found *more = arena_alloc(t->a, max * sizeof *more);

    if (!more) {
        t->err = ERR_NOMEM;
        return;
    }
    for (size_t i = 0; i < t->n_found; i++)
        more[i] = t->found[i];
    t->found = more;
    t->max_found = max;
}

/* A sentence begins with a capital letter, also where it begins with "the exchange". */
static struct slice sentence(struct trace_inside *t, const struct buf *b)
{
    if (b->n && b->p[0] >= 'a' && b->p[0] <= 'z' && !buf_err(b) && slice_starts(buf_slice(b), S("the ")))
        b->p[0] = (char)(b->p[0] - 'a' + 'A');
    return keep_text(t, b);
}

void fault_add(struct trace_inside *t, const struct fault *f, const struct buf *b)
{
    size_t story = f->item == NONE ? f->story : t->items[f->item].story;
    size_t row = f->item == NONE ? NONE : t->items[f->item].row;
    struct found *out;

    if (story == NONE || t->err)
        return;
    if (f->item != NONE && t->items[f->item].original != NONE)
        row = t->items[t->items[f->item].original].row;
    if (t->n_found == t->max_found)
        grow(t);
    if (t->err)
        return;
    out = &t->found[t->n_found++];
    *out = (struct found){.story = story};
    out->f = (struct trace_finding){f->severity, sentence(t, b), slice_z(f->rfc), slice_z(f->section), row};
}

static bool same_finding(const struct found *a, const struct found *b)
{
    return a->story == b->story && a->f.row == b->f.row && slice_eq(a->f.text, b->f.text);
}

/* By story, then by row (the story as a whole last), then as they were found. */
static bool before(const void *ctx, size_t a, size_t b)
{
    const struct found *f = ctx;

    if (f[a].story != f[b].story)
        return f[a].story < f[b].story;
    return f[a].f.row < f[b].f.row;
}

static bool gap_earlier(const void *ctx, size_t a, size_t b)
{
    const struct trace_gap *g = ctx;

    return g[a].time_us < g[b].time_us;
}

static enum err sort_dropped(struct trace_inside *t)
{
    if (!(t->dropped = arena_alloc(t->a, (t->in->n_gaps + 1) * sizeof *t->dropped)))
        return ERR_NOMEM;
    for (size_t i = 0; i < t->in->n_gaps; i++)
        if (t->in->gaps[i].kind == TRACE_GAP_DROPPED)
            t->dropped[t->n_dropped++] = i;
    return sort_indexes(t->a, t->dropped, t->n_dropped, gap_earlier, t->in->gaps);
}

size_t find_first_dropped(const struct trace_inside *t, const struct trace_story *st)
{
    size_t low = 0, high = t->n_dropped;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (t->in->gaps[t->dropped[mid]].time_us < st->begin_us)
            low = mid + 1;
        else
            high = mid;
    }
    return low < t->n_dropped && t->in->gaps[t->dropped[low]].time_us <= st->end_us + T64_US ? low : NONE;
}

static void put_finding(struct trace_story *st, const struct trace_finding *f)
{
    unsigned grade = (unsigned)f->severity + 1;

    st->findings[st->n_findings++] = *f;
    if (f->row != NONE && st->rows[f->row].finding < grade)
        st->rows[f->row].finding = grade;
}

static enum err hand_out(struct trace_inside *t)
{
    size_t  *order = arena_alloc(t->a, (t->n_found + 1) * sizeof *order);
    enum err e;

    if (!order)
        return ERR_NOMEM;
    for (size_t i = 0; i < t->n_found; i++)
        order[i] = i;
    if ((e = sort_indexes(t->a, order, t->n_found, before, t->found)))
        return e;
    for (size_t i = 0, n; i < t->n_found; i += n) {
        struct trace_story *st = &t->t->stories[t->found[order[i]].story];

        for (n = 1; i + n < t->n_found && t->found[order[i + n]].story == t->found[order[i]].story;)
            n++;
        if (!(st->findings = arena_alloc(t->a, n * sizeof *st->findings)))
            return ERR_NOMEM;
        for (size_t k = 0; k < n; k++) {
            const struct found *f = &t->found[order[i + k]];

            if ((k && same_finding(f, &t->found[order[i + k - 1]])) || (!st->verdict.known && f->f.severity > TRACE_NOTE))
                continue;
            put_finding(st, &f->f);
        }
    }
    return ERR_OK;
}

enum err trace_find_faults(struct trace_inside *t)
{
    enum err e = sort_dropped(t);

    if (e)
        return e;
    for (size_t s = 0; s < t->t->n_stories; s++)
        t->t->stories[s].verdict.known = find_first_dropped(t, &t->t->stories[s]) == NONE;
    find_tsx_faults(t);
    find_auth_faults(t);
    find_dialog_faults(t);
    find_route_faults(t);
    find_transfer_faults(t);
    find_replaces_faults(t);
    find_timer_faults(t);
    find_sound_faults(t);
    find_wire_faults(t);
    find_call_faults(t);
    find_event_faults(t);
    return t->err ? t->err : hand_out(t);
}
