/* verdict.c - one sentence on a story, and whether all went well.
 *
 * Room      trace (pure). In: stories with calls and findings. Out: their verdicts.
 * Well means: no warning and no error. A busy or silent callee is a person's matter and well. */
#include "trace/trace_priv.h"

struct judging {
    struct trace_inside *t;
    struct trace_story  *st;
    size_t               story;
    struct buf          *b;
};

static void put_party_name(struct judging *v, size_t party)
{
    const struct trace_party *p;

    if (party == NONE) {
        buf_put(v->b, S("somebody"));
        return;
    }
    p = &v->st->parties[party];
    buf_put(v->b, (struct slice){p->name, p->name_n});
}

static void put_both(struct judging *v, const struct trace_call *c)
{
    put_party_name(v, c->caller);
    buf_put(v->b, S(" and "));
    put_party_name(v, c->callee);
}

static bool is_asked_again(const struct trace_story *st, size_t call)
{
    for (size_t l = 0; l < st->n_links; l++)
        if (st->links[l].from == call && st->links[l].kind == TRACE_LINK_REDIRECT)
            return true;
    return false;
}

static void put_unanswered(struct judging *v, const struct trace_call *c)
{
    put_party_name(v, c->caller);
    switch (c->status) {
    case 0:
        buf_put(v->b, S(" got no final answer from "));
        put_party_name(v, c->callee);
        break;
    case 486:
    case 600:
        buf_put(v->b, S(" found "));
        put_party_name(v, c->callee);
        buf_put(v->b, S(" busy"));
        break;
    case 487:
        buf_put(v->b, S(" gave up before "));
        put_party_name(v, c->callee);
        buf_put(v->b, S(" answered"));
        break;
    case 603:
        buf_put(v->b, S("'s call was declined by "));
        put_party_name(v, c->callee);
        break;
    default:
        buf_put(v->b, S("'s call was refused: "));
        buf_putu(v->b, c->status);
        buf_putc(v->b, ' ');
        buf_put(v->b, msg_reason(c->status));
        break;
    }
}

/* All that was captured is that it rang, or less. */
static void put_part(struct judging *v, const struct trace_call *c)
{
    buf_put(v->b, S("Of a call from "));
    put_party_name(v, c->caller);
    buf_put(v->b, S(" to "));
    put_party_name(v, c->callee);
    buf_put(v->b, S(" only a part was captured: how it ended is not in it"));
}

static void put_call(struct judging *v, const struct trace_call *c)
{
    if (!c->answered_us && !c->up_before) {
        if (!c->status && c->begun_before)
            put_part(v, c);
        else
            put_unanswered(v, c);
        return;
    }
    put_both(v, c);
    if (!c->ended_us) {
        buf_put(v->b, S(" are still connected"));
        return;
    }
    buf_put(v->b, S(" were connected"));
    if (c->answered_us && c->ended_us >= c->answered_us) {
        buf_put(v->b, S(" for "));
        put_seconds(v->b, c->ended_us - c->answered_us);
    }
}

static void put_calls(struct judging *v)
{
    bool any = false;

    for (size_t i = 0; i < v->st->n_calls; i++) {
        if (is_asked_again(v->st, i))
            continue;
        if (any)
            buf_put(v->b, S("; "));
        put_call(v, &v->st->calls[i]);
        any = true;
    }
}

/* The gravest finding, the first of those. */
static const struct trace_finding *worst(const struct trace_story *st)
{
    const struct trace_finding *f = NULL;

    for (size_t i = 0; i < st->n_findings; i++)
        if (st->findings[i].severity > TRACE_NOTE && (!f || st->findings[i].severity > f->severity))
            f = &st->findings[i];
    return f;
}

static void give(struct judging *v)
{
    const struct trace_finding *f = worst(v->st);

    v->st->verdict.ok = v->st->verdict.known && !f;
    if (!v->st->verdict.known) {
        buf_put(v->b, S("No verdict: not everything of that time was recorded."));
        return;
    }
    if (f) {
        buf_put(v->b, f->text);
        return;
    }
    put_calls(v);
    buf_put(v->b, S(". Nothing is wrong."));
}

enum err trace_give_verdicts(struct trace_inside *t)
{
    for (size_t s = 0; s < t->t->n_stories; s++) {
        char           text[2 * TEXT_OCTETS];
        struct buf     b = BUF_ON(text);
        struct judging v = {t, &t->t->stories[s], s, &b};

        give(&v);
        if (b.n && text[0] == 's' && slice_starts(buf_slice(&b), S("somebody")))
            text[0] = 'S';
        v.st->verdict.text = keep_text(t, &b);
    }
    return t->err;
}
