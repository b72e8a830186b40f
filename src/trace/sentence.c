/* sentence.c - one plain sentence for each row, and the exchange's own reasons beside it.
 *
 * Room      trace (pure). In: items and what is known of them. Out: sentence and reason of each row.
 * A sentence says what people mean by the message, not what the protocol calls it. */
#include "trace/sentence.h"

/* --- pieces ------------------------------------------------------------------------------------------------------------------ */

void sentence_put(struct telling *s, struct slice text)
{
    buf_put(s->b, text);
}

void sentence_put_end(struct telling *s, size_t end)
{
    put_end(s->b, s->t, s->i->story, end);
}

void sentence_put_from(struct telling *s, struct slice text)
{
    sentence_put_end(s, s->i->from);
    buf_put(s->b, text);
}

void sentence_put_to(struct telling *s, struct slice text)
{
    sentence_put_end(s, s->i->to);
    buf_put(s->b, text);
}

void sentence_put_number(struct telling *s, struct slice uri)
{
    struct uri u;

    if (uri_parse(uri, &u, NULL))
        put_wire(s->b, uri);
    else
        put_wire(s->b, u.user.n ? u.user : u.host);
}

const struct call *sentence_call(const struct telling *s)
{
    return &s->t->calls[s->i->call];
}

size_t sentence_partner(const struct telling *s, size_t end)
{
    const struct call *c = sentence_call(s);

    return end == c->caller ? c->callee : end == c->callee ? c->caller : NONE;
}

size_t sentence_maker(const struct trace_inside *t, size_t item)
{
    return t->items[item_origin(t, item)].from;
}

bool sentence_by_exchange(const struct telling *s)
{
    const struct call *c = sentence_call(s);

    return s->i->cause == NONE && end_is_exchange(s->t, s->i->from) && s->i->from != c->caller && s->i->from != c->callee;
}

bool sentence_has_sdp(const struct item *i)
{
    struct slice body;

    return msg_find_body(i->m, S("application"), S("sdp"), &body) == ERR_OK;
}

/* --- rows -------------------------------------------------------------------------------------------------------------------- */

static void tell_row(struct trace_inside *t, size_t n)
{
    struct item   *i = &t->items[n];
    char           text[TEXT_OCTETS];
    struct buf     b = BUF_ON(text);
    struct telling s = {t, i, &b};

    if (is_request(i))
        sentence_of_request(&s);
    else
        sentence_of_response(&s);
    if (i->partial)
        buf_put(&b, S(" (only a part of this message was captured)"));
    if (b.n && text[0] >= 'a' && text[0] <= 'z')
        text[0] = (char)(text[0] - 'a' + 'A');
    t->t->stories[i->story].rows[i->row].sentence = keep_text(t, &b);
}

/* The message in that call that a reason stands beside (trace/input.h), when it is a better one than `best`. */
static size_t better_place(const struct trace_inside *t, const struct call *c, const struct trace_reason *r, size_t best)
{
    for (size_t n = c->first; n != NONE; n = t->items[n].next) {
        const struct item *i = &t->items[n];

        if (i->story == NONE || i->original != NONE)
            continue;
        if (item_side_of(t, i, r) >= 0 && end_is_exchange(t, i->from))
            return best == NONE || item_side_of(t, &t->items[best], r) < 0 || n < best ? n : best;
        if (item_side_of(t, i, r) < 0 && (best == NONE || (item_side_of(t, &t->items[best], r) < 0 && n > best)))
            best = n;
    }
    return best;
}

/* NULL when its call is no story. */
static struct trace_row *row_of_reason(struct trace_inside *t, const struct trace_reason *r)
{
    size_t best = NONE;

    for (size_t c = *table_at(&t->calls_by_id, hash_octets(&t->in->key, r->call_id)); c != NONE; c = t->calls[c].chain)
        if (slice_eq(t->calls[c].call_id, r->call_id))
            best = better_place(t, &t->calls[c], r, best);
    return best == NONE ? NULL : &t->t->stories[t->items[best].story].rows[t->items[best].row];
}

static void add_reason(struct trace_inside *t, const struct trace_reason *r)
{
    struct trace_row *row = row_of_reason(t, r);
    char              text[TEXT_OCTETS];
    struct buf        b = BUF_ON(text);

    if (!row)
        return;
    if (row->reason.n)
        buf_puts(&b, slice_to(row->reason, TEXT_OCTETS / 2), S("; "));
    put_why(&b, r->text);
    row->reason = keep_text(t, &b);
}

enum err trace_tell(struct trace_inside *t)
{
    for (size_t n = 0; n < t->n_items; n++)
        if (t->items[n].story != NONE && t->items[n].original == NONE)
            tell_row(t, n);
    for (size_t r = 0; r < t->in->n_reasons; r++)
        if (t->in->reasons[r].kind == TRACE_REASON_WHY)
            add_reason(t, &t->in->reasons[r]);
    trace_entitle(t);
    return t->err;
}
