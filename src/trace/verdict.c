/* verdict.c - one or two sentences on a story: what it was, and whether all went well.
 *
 * Room      trace (pure). In: stories with calls and findings. Out: their verdicts.
 * Well means: no warning and no error. A busy or silent callee is a person's matter and well. What is wrong stands first,
 * then what the story was: "A called B and they talked 12 s; B sent A on to C; A and C talked 3.0 s." */
#include "trace/trace_priv.h"

struct judging {
    struct trace_inside *t;
    struct trace_story  *st;
    size_t               story;
    struct buf          *b;
    bool                 any; /* something was told already */
};

static void put(struct judging *v, struct slice text)
{
    buf_put(v->b, text);
}

static void next(struct judging *v)
{
    if (v->any)
        put(v, S("; "));
    v->any = true;
}

static bool begins_sentence(const struct judging *v)
{
    return !v->b->n || slice_ends(buf_slice(v->b), S(". "));
}

static void put_party_name(struct judging *v, size_t party)
{
    const struct trace_party *p;

    if (party == NONE) {
        put(v, begins_sentence(v) ? S("Somebody") : S("somebody"));
        return;
    }
    p = &v->st->parties[party];
    if (p->is_exchange && p->name_n == 1) /* the only one */
        put(v, begins_sentence(v) ? S("The exchange") : S("the exchange"));
    else
        put(v, (struct slice){p->name, p->name_n});
}

static size_t party_of_end(const struct judging *v, size_t end)
{
    return end == NONE ? NONE : party_of(v->t, v->story, end);
}

static void put_end_name(struct judging *v, size_t end)
{
    put_party_name(v, party_of_end(v, end));
}

/* --- how a call ended ------------------------------------------------------------------------------------------------------- */

static void put_refusal(struct judging *v, unsigned status)
{
    switch (status) {
    case 0:
        put(v, S(" and got no final answer"));
        break;
    case 404:
    case 604:
        put(v, S(", whom nobody knows"));
        break;
    case 408:
    case 480:
        put(v, S(", who could not be reached"));
        break;
    case 486:
    case 600:
        put(v, S(", who was busy"));
        break;
    case 487:
        put(v, S(" and gave up"));
        break;
    case 603:
        put(v, S(", who declined"));
        break;
    default:
        put(v, S(" and was refused: "));
        buf_putu(v->b, status);
        buf_putc(v->b, ' ');
        put(v, msg_reason(status));
        break;
    }
}

static void put_talk(struct judging *v, const struct trace_call *c)
{
    if (!c->ended_us) {
        put(v, S(" are still connected"));
        return;
    }
    if (!c->answered_us || c->ended_us < c->answered_us) {
        put(v, S(" were connected"));
        return;
    }
    put(v, S(" talked "));
    put_seconds(v->b, c->ended_us - c->answered_us);
}

static bool was_up(const struct trace_call *c)
{
    return c->answered_us || c->up_before;
}

static void put_both(struct judging *v, size_t caller, const struct trace_call *c)
{
    put_party_name(v, caller);
    put(v, S(" and "));
    put_party_name(v, c->callee);
    put_talk(v, c);
}

/* What became of a call that somebody was sent to, or took. */
static void put_outcome(struct judging *v, size_t caller, const struct trace_call *c)
{
    if (!was_up(c)) {
        put_refusal(v, c->status);
        return;
    }
    put(v, S("; "));
    put_both(v, caller, c);
}

/* --- how a call began ------------------------------------------------------------------------------------------------------- */

static void put_target(struct judging *v, const struct item *refer)
{
    struct uri u;

    if (refer_target(refer, &u) == ERR_OK)
        put_wire(v->b, u.user.n ? u.user : u.host);
    else
        put(v, S("nobody"));
}

/* "B sent A on to C with consultation; A and C talked 3.0 s" */
static void put_transferred(struct judging *v, const struct link *l, const struct call *k, const struct trace_call *c)
{
    const struct item *r = &v->t->items[item_origin(v->t, l->item)];
    size_t             transferee = refer_transferee(v->t, r);
    struct slice       value;

    put_end_name(v, r->from);
    put(v, S(" sent "));
    put_end_name(v, transferee);
    put(v, S(" on to "));
    put_end_name(v, k->callee);
    if (refer_replaces(v->t, r, &value) == ERR_OK)
        put(v, S(" with consultation"));
    put_outcome(v, end_is_exchange(v->t, k->caller) ? party_of_end(v, transferee) : c->caller, c);
}

static void put_redirected(struct judging *v, const struct link *l, const struct trace_call *c)
{
    put_end_name(v, v->t->calls[l->from].callee);
    put(v, S(" sent the call on to "));
    put_party_name(v, c->callee);
    put_outcome(v, c->caller, c);
}

/* Somebody takes a call over by Replaces, of itself. */
static void put_taken(struct judging *v, const struct link *l, const struct trace_call *c)
{
    const struct trace_call *old = &v->st->calls[v->t->calls[l->from].index];

    put_party_name(v, c->caller);
    put(v, !old->answered_us || old->answered_us > c->asked_us ? S(" picked the call up") : S(" took the call over"));
    put_outcome(v, c->caller, c);
}

/* All that was captured is that it rang, or less. */
static void put_part(struct judging *v, const struct trace_call *c)
{
    put(v, begins_sentence(v) ? S("Of a call from ") : S("of a call from "));
    v->any = true;
    put_party_name(v, c->caller);
    put(v, S(" to "));
    put_party_name(v, c->callee);
    put(v, S(" only a part was captured: how it ended is not in it"));
}

static void put_plain(struct judging *v, const struct link *l, const struct trace_call *c)
{
    if (c->begun_before && was_up(c)) {
        put_both(v, c->caller, c);
        return;
    }
    put_party_name(v, c->caller);
    put(v, l && l->kind == TRACE_LINK_RECALL ? S(" called back ") : S(" called "));
    put_party_name(v, c->callee);
    if (!was_up(c)) {
        put_refusal(v, c->status);
        return;
    }
    put(v, S(" and they"));
    put_talk(v, c);
}

static bool is_asked_again(const struct trace_story *st, size_t call)
{
    for (size_t l = 0; l < st->n_links; l++)
        if (st->links[l].from == call && st->links[l].kind == TRACE_LINK_REDIRECT)
            return true;
    return false;
}

/* A call that somebody forwarded: what became of it is told with the next. */
static void put_forwarded(struct judging *v, const struct trace_call *c)
{
    put_party_name(v, c->caller);
    put(v, S(" called "));
    put_party_name(v, c->callee);
}

/* A REFER that made no call. */
static void put_vain_transfers(struct judging *v, const struct call *k)
{
    for (size_t n = k->first; n != NONE; n = v->t->items[n].next) {
        const struct item *r = &v->t->items[n];

        if (r->original != NONE || !is_request(r) || r->method_id != METHOD_REFER || r->cause != NONE || r->made != NONE ||
            challenge_taken_up(v->t, r))
            continue;
        next(v);
        put_end_name(v, r->from);
        put(v, S(" wanted to send "));
        put_end_name(v, refer_transferee(v->t, r));
        put(v, S(" on to "));
        put_target(v, r);
    }
}

static void put_call(struct judging *v, const struct call *k)
{
    const struct trace_call *c = &v->st->calls[k->index];
    const struct link       *l = link_foremost(v->t, (size_t)(k - v->t->calls));

    next(v);
    if (k->invite == NONE && !was_up(c) && !c->status) {
        v->any = false;
        put_part(v, c);
    } else if (is_asked_again(v->st, k->index) && !(l && l->kind == TRACE_LINK_REDIRECT)) {
        put_forwarded(v, c);
    } else if (l && l->kind == TRACE_LINK_REFER) {
        put_transferred(v, l, k, c);
    } else if (l && l->kind == TRACE_LINK_REDIRECT) {
        put_redirected(v, l, c);
    } else if (l && l->kind == TRACE_LINK_REPLACES) {
        put_taken(v, l, c);
    } else {
        put_plain(v, l, c);
    }
    put_vain_transfers(v, k);
}

static void put_calls(struct judging *v)
{
    for (size_t i = 0; i < v->st->n_calls; i++)
        put_call(v, &v->t->calls[v->t->story_calls[v->t->story_begin[v->story] + i]]);
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
        put(v, S("No verdict: not everything of that time was recorded."));
        return;
    }
    if (f) {
        put(v, f->text);
        put(v, S(" "));
    }
    put_calls(v);
    put(v, f ? S(".") : S(". Nothing is wrong."));
}

enum err trace_give_verdicts(struct trace_inside *t)
{
    for (size_t s = 0; s < t->t->n_stories; s++) {
        char           text[3 * TEXT_OCTETS];
        struct buf     b = BUF_ON(text);
        struct judging v = {t, &t->t->stories[s], s, &b, false};

        give(&v);
        v.st->verdict.text = keep_cut(t, &b);
    }
    return t->err;
}
