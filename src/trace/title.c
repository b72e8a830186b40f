/* title.c - what a story is about, in one line: "1001 calls 1002, who transfers it to 1003".
 *
 * Room      trace (pure). In: stories with parties, calls, links. Out: their titles. */
#include "trace/trace_priv.h"

enum { TITLE_OCTETS = 400 }; /* further events are left out */

struct titling {
    struct trace_inside *t;
    size_t               story;
    struct buf          *b;
    size_t               last;   /* end that was named last: "who" is it */
    size_t               caller; /* of the call that was told last          */
};

static void put_person(struct titling *s, size_t end)
{
    const struct trace_party *p;

    if (end == NONE) {
        buf_put(s->b, S("somebody"));
        return;
    }
    p = &s->t->t->stories[s->story].parties[party_of(s->t, s->story, end)];
    if (p->number.n)
        put_wire(s->b, p->number);
    else
        buf_put(s->b, p->label);
    s->last = end;
}

/* The number that the call's first message, or its INVITE, gives for the caller or the callee: where that is not the
 * INVITE, From may name either, and the caller's party tells which. */
static struct slice number_in(const struct titling *s, const struct call *c, bool of_caller)
{
    const struct item *i = &s->t->items[c->invite == NONE ? c->first : s->t->tsxs[c->invite].request];
    struct slice       from = item_user(i, HDR_FROM), to = item_user(i, HDR_TO);
    size_t             known = c->caller != NONE ? c->caller : c->callee, party;
    bool               swapped = false;

    if (c->invite == NONE && known != NONE && !end_is_exchange(s->t, known)) {
        party = party_of(s->t, s->story, known);
        swapped = slice_eq(s->t->t->stories[s->story].parties[party].number, known == c->caller ? to : from);
    }
    return of_caller != swapped ? from : to;
}

static void put_called(struct titling *s, const struct call *c)
{
    struct slice user = number_in(s, c, false);

    if (user.n)
        put_wire(s->b, user);
    else
        put_person(s, c->callee);
    s->last = c->callee;
}

/* Where only the exchange was seen to call, From tells for whom. */
static void put_caller(struct titling *s, const struct call *c)
{
    struct slice user = number_in(s, c, true);

    if (user.n && (c->caller == NONE || end_is_exchange(s->t, c->caller))) {
        put_wire(s->b, user);
        s->last = c->caller;
        return;
    }
    put_person(s, c->caller);
}

static void put_how_it_ended(struct titling *s, const struct call *c)
{
    unsigned status = c->refusal != NONE  ? status_of(&s->t->items[c->refusal])
                      : c->invite == NONE ? 0
                                          : tsx_status(s->t, &s->t->tsxs[c->invite]);

    if (c->redirect != NONE)
        return;
    switch (status) {
    case 486:
    case 600:
        buf_put(s->b, S(", who is busy"));
        break;
    case 487:
        buf_put(s->b, S(", and gives up"));
        break;
    case 603:
        buf_put(s->b, S(", who declines"));
        break;
    case 404:
        buf_put(s->b, S(", whom nobody knows"));
        break;
    case 480:
    case 408:
        buf_put(s->b, S(", who cannot be reached"));
        break;
    default:
        if (status >= 400) {
            buf_put(s->b, S(" in vain ("));
            buf_putu(s->b, status);
            buf_putc(s->b, ')');
        }
        break;
    }
}

/* ", who transfers it to 1003" or " and transfers it to 1003". */
static void put_who(struct titling *s, size_t who, struct slice does)
{
    if (who == s->last) {
        buf_puts(s->b, S(", who "), does);
        return;
    }
    buf_put(s->b, S("; "));
    put_person(s, who);
    buf_puts(s->b, S(" "), does);
}

static void put_transfer(struct titling *s, size_t refer)
{
    const struct item *r = &s->t->items[refer];
    struct slice       replaces;
    struct uri         u;

    if (refer_replaces(s->t, r, &replaces) == ERR_OK) {
        if (r->from == s->caller) {
            buf_put(s->b, S(", and connects them"));
            return;
        }
        put_who(s, r->from, S("connects them"));
        return;
    }
    put_who(s, r->from, S("transfers it to "));
    if (refer_target(r, &u) == ERR_OK)
        put_wire(s->b, u.user.n ? u.user : u.host);
    else
        buf_put(s->b, S("nobody"));
}

/* The first REFER on its first hop in call c; NONE. */
static size_t refer_in(const struct trace_inside *t, size_t c)
{
    for (size_t n = t->calls[c].first; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (i->original == NONE && is_request(i) && i->method_id == METHOD_REFER && i->cause == NONE)
            return n;
    }
    return NONE;
}

static void put_next_call(struct titling *s, size_t c)
{
    const struct call *k = &s->t->calls[c];
    const struct link *why = link_foremost(s->t, c);

    if (why && why->kind == TRACE_LINK_REDIRECT) {
        put_who(s, s->t->calls[why->from].callee, S("forwards it to "));
        put_called(s, k);
    } else if (!why || why->kind == TRACE_LINK_HELD || why->kind == TRACE_LINK_NAMED || why->kind == TRACE_LINK_JOIN ||
               why->kind == TRACE_LINK_TARGET) {
        bool again = k->caller == s->caller && !(why && why->kind == TRACE_LINK_JOIN);

        buf_put(s->b, again ? S(" and ") : S("; "));
        if (!again)
            put_person(s, k->caller);
        if (!again)
            buf_put(s->b, why && why->kind == TRACE_LINK_JOIN ? S(" joins, calling ") : S(" calls "));
        put_called(s, k);
        s->caller = k->caller;
    } else if (why->kind == TRACE_LINK_RECALL) {
        buf_put(s->b, S("; "));
        put_called(s, k);
        buf_put(s->b, S(" is called back"));
    } else if (why->kind == TRACE_LINK_REPLACES && refer_in(s->t, why->from) == NONE) {
        buf_put(s->b, S("; "));
        put_person(s, k->caller);
        buf_put(s->b, S(" takes it over"));
    }
    put_how_it_ended(s, k);
}

static void put_first_call(struct titling *s, size_t c)
{
    const struct call *k = &s->t->calls[c];

    put_caller(s, k);
    if (k->invite == NONE && k->up_before) {
        buf_put(s->b, S(" and "));
        put_called(s, k);
        buf_put(s->b, S(" are in a call"));
        return;
    }
    buf_put(s->b, S(" calls "));
    put_called(s, k);
    s->caller = k->caller;
    put_how_it_ended(s, k);
}

/* Calls and REFERs in the order of time; `calls` are those of the story. */
static void put_title(struct titling *s, const size_t *calls, size_t n)
{
    for (size_t i = 0; i < n && s->b->n < TITLE_OCTETS; i++) {
        size_t refer = refer_in(s->t, calls[i]);

        if (i == 0)
            put_first_call(s, calls[i]);
        else
            put_next_call(s, calls[i]);
        for (size_t k = i + 1; refer != NONE && k < n; k++) {
            if (s->t->calls[calls[k]].first > refer) /* what was done before the transfer is told before it */
                break;
            put_next_call(s, calls[k]);
            i = k;
        }
        if (refer != NONE)
            put_transfer(s, refer);
    }
}

/* The calls of all stories, each story's together and in the order of time: those of story s begin at begin[s]. */
static enum err sort_calls(struct trace_inside *t)
{
    size_t  n = t->t->n_stories;
    size_t *at;

    t->story_calls = arena_alloc(t->a, (t->n_calls + 1) * sizeof *t->story_calls);
    t->story_begin = at = arena_zalloc(t->a, (n + 2) * sizeof *at);
    if (!t->story_calls || !at)
        return ERR_NOMEM;
    at++; /* at[s] moves from the begin to the end of story s, which is the begin of the next */
    for (size_t s = 1; s < n; s++)
        at[s] = at[s - 1] + t->t->stories[s - 1].n_calls;
    for (size_t c = 0; c < t->n_calls; c++)
        if (t->calls[c].story != NONE)
            t->story_calls[at[t->calls[c].story]++] = c;
    return ERR_OK;
}

void trace_entitle(struct trace_inside *t)
{
    if (sort_calls(t)) {
        t->err = ERR_NOMEM;
        return;
    }
    for (size_t s = 0; s < t->t->n_stories; s++) {
        char           text[TEXT_OCTETS];
        struct buf     b = BUF_ON(text);
        struct titling ti = {t, s, &b, NONE, NONE};

        put_title(&ti, t->story_calls + t->story_begin[s], t->t->stories[s].n_calls);
        t->t->stories[s].title = keep_text(t, &b);
    }
}
