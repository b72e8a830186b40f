/* edit.c - the original octets round a few edits: how a proxy forwards (RFC 3261 §16.6).
 *
 * Room      sip/msg (pure).
 * In        a parsed message, edits by row or by span.
 * Out       the edited message in a buf, in one pass over the original.
 * Touches   *e.
 * Invariant splices hold offsets into m->raw and are kept in the order of `from`, those of one place in the order in
 *           which they were asked for (insertions first); so writing needs no sorting, and an overlap shows between neighbours. */
#include "sip/msg/msg_priv.h"

/* What msg.uri leaves out of the Request-URI is not forwarded. */
void msg_edit_begin(struct msg_edit *e, const struct msg *m)
{
    struct slice left_out = SLICE_NONE;

    e->m = m;
    e->top = SLICE_NONE;
    e->n = 0;
    e->err = ERR_OK;
    if (m->is_request && m->uri.n && m->version.n)
        left_out = slice_between(m->uri.p + m->uri.n, m->version.p - 1);
    if (left_out.n)
        msg_edit_replace(e, left_out, SLICE_NONE);
}

static void spoil(struct msg_edit *e, enum err err)
{
    if (!e->err)
        e->err = err;
}

/* Insertions go before what is taken away at the same place, since they belong in front of it. */
static bool goes_before(size_t from, size_t n, const struct msg_splice *s)
{
    return from < s->from || (from == s->from && n == 0 && s->to > s->from);
}

static void add_splice(struct msg_edit *e, struct slice old, struct slice name, struct slice text)
{
    const struct slice raw = e->m->raw;
    size_t             from, at = e->n;

    if (old.p < raw.p || old.p > raw.p + raw.n || old.n > (size_t)(raw.p + raw.n - old.p)) {
        spoil(e, ERR_INVALID);
        return;
    }
    if (e->n == MSG_MAX_EDITS) {
        spoil(e, ERR_FULL);
        return;
    }
    from = (size_t)(old.p - raw.p);
    for (; at > 0 && goes_before(from, old.n, &e->splice[at - 1]); at--)
        e->splice[at] = e->splice[at - 1];
    e->splice[at] = (struct msg_splice){(uint32_t)from, (uint32_t)(from + old.n), name, text};
    e->n++;
}

void msg_edit_replace(struct msg_edit *e, struct slice old, struct slice text)
{
    add_splice(e, old, SLICE_NONE, text);
}

void msg_edit_uri(struct msg_edit *e, struct slice uri)
{
    msg_edit_replace(e, e->m->uri, uri);
}

void msg_edit_value(struct msg_edit *e, const struct msg_row *row, struct slice value)
{
    msg_edit_replace(e, row->value, value);
}

void msg_edit_rename(struct msg_edit *e, const struct msg_row *row, struct slice name)
{
    msg_edit_replace(e, row->name, name);
}

void msg_edit_remove(struct msg_edit *e, const struct msg_row *row)
{
    msg_edit_replace(e, row->line, SLICE_NONE);
}

void msg_edit_remove_all(struct msg_edit *e, enum hdr_id id)
{
    for (const struct msg_row *r = msg_row(e->m, id); r; r = msg_row_next(e->m, r))
        msg_edit_remove(e, r);
}

/* Up to `keep`, an element of `row`, everything goes. */
static void remove_before(struct msg_edit *e, const struct msg_row *row, struct slice keep)
{
    msg_edit_replace(e, slice_between(row->value.p, keep.p), SLICE_NONE);
}

void msg_edit_remove_first(struct msg_edit *e, enum hdr_id id, size_t n)
{
    for (const struct msg_row *r = msg_row(e->m, id); r && n; r = msg_row_next(e->m, r)) {
        struct slice rest = r->value, one;
        bool         left;

        if (slice_find(rest, ',') == SIZE_MAX) { /* one element, or none: how Vias and Routes mostly stand */
            n -= rest.n > 0;
            msg_edit_remove(e, r);
            continue;
        }
        while ((left = msg_element_next(&rest, &one)) && n)
            n--;
        if (left)
            remove_before(e, r, one);
        else
            msg_edit_remove(e, r);
    }
}

void msg_edit_remove_last(struct msg_edit *e, enum hdr_id id)
{
    struct msg_list       it = msg_list_begin(e->m, id);
    const struct msg_row *row = NULL, *before_row = NULL;
    struct slice          one, last = SLICE_NONE, before = SLICE_NONE;

    while (msg_list_next(&it, &one)) {
        before = last;
        before_row = row;
        last = one;
        row = it.row;
    }
    if (!row)
        return;
    if (before_row == row)
        msg_edit_replace(e, slice_between(before.p + before.n, row->value.p + row->value.n), SLICE_NONE);
    else
        msg_edit_remove(e, row);
}

static void insert(struct msg_edit *e, const char *at, struct slice name, struct slice value)
{
    add_splice(e, (struct slice){at, 0}, name, value);
}

static const char *end_of_head(const struct msg *m)
{
    return m->head.p + m->head.n;
}

static const struct msg_row *last_row(const struct msg *m, enum hdr_id id)
{
    const struct msg_row *last = NULL;

    for (const struct msg_row *r = msg_row(m, id); r; r = msg_row_next(m, r))
        last = r;
    return last;
}

/* Where a first row of `id` goes that has none yet: the top for Via, behind the Vias for others. */
static const char *top_for(const struct msg *m, enum hdr_id id)
{
    const struct msg_row *via = id == HDR_VIA ? NULL : last_row(m, HDR_VIA);

    return via ? via->line.p + via->line.n : m->head.p;
}

void msg_edit_push(struct msg_edit *e, enum hdr_id id, struct slice value)
{
    const struct msg_row *first = msg_row(e->m, id);

    insert(e, first ? first->line.p : top_for(e->m, id), hdr_name(id), value);
}

void msg_edit_append(struct msg_edit *e, enum hdr_id id, struct slice value)
{
    const struct msg_row *last = last_row(e->m, id);

    insert(e, last ? last->line.p + last->line.n : end_of_head(e->m), hdr_name(id), value);
}

void msg_edit_append_named(struct msg_edit *e, struct slice name, struct slice value)
{
    insert(e, end_of_head(e->m), name, value);
}

void msg_edit_set(struct msg_edit *e, enum hdr_id id, struct slice value)
{
    const struct msg_row *row = msg_row(e->m, id);

    if (!row) {
        msg_edit_append(e, id, value);
        return;
    }
    msg_edit_value(e, row, value);
    while ((row = msg_row_next(e->m, row)))
        msg_edit_remove(e, row);
}

void msg_edit_top(struct msg_edit *e, struct slice rows)
{
    e->top = rows;
}

void msg_edit_body(struct msg_edit *e, struct slice type, struct slice body)
{
    struct buf b = BUF_ON(e->length);

    buf_putu(&b, body.n);
    msg_edit_remove_all(e, HDR_CONTENT_ENCODING);
    if (type.n)
        msg_edit_set(e, HDR_CONTENT_TYPE, type);
    else
        msg_edit_remove_all(e, HDR_CONTENT_TYPE);
    msg_edit_set(e, HDR_CONTENT_LENGTH, buf_slice(&b));
    msg_edit_replace(e, e->m->body, body);
}

/* Its octets, without what goes. */
static size_t octets_of(const struct msg_splice *s)
{
    return s->text.n + (s->name.n ? s->name.n + 4 : 0);
}

enum err msg_edit_measure(struct msg_edit *e, size_t *octets)
{
    const size_t head = (size_t)(e->m->head.p - e->m->raw.p);
    size_t       n = e->m->raw.n + e->top.n, at = 0;

    for (const struct msg_splice *s = e->splice; s < e->splice + e->n; s++) {
        if (s->from < at || (s->from < head && s->to > head))
            spoil(e, ERR_INVALID);
        at = s->to;
        n += octets_of(s) - (s->to - s->from);
    }
    *octets = n;
    return e->err;
}

static char *put_splice(char *to, const struct msg_splice *s)
{
    if (!s->name.n)
        return buf_write(to, s->text);
    to = buf_write(buf_write(to, s->name), S(": "));
    return buf_write(buf_write(to, s->text), S("\r\n"));
}

/* What of the original is before each of these splices, and what they say. */
static char *put_splices(char *to, const struct msg_edit *e, size_t from, size_t until, const char **at)
{
    const char *raw = e->m->raw.p;

    for (const struct msg_splice *s = e->splice + from; s < e->splice + until; s++) {
        to = put_splice(buf_write(to, slice_between(*at, raw + s->from)), s);
        *at = raw + s->to;
    }
    return to;
}

void msg_edit_put(const struct msg_edit *e, char *to)
{
    const struct slice raw = e->m->raw;
    const char        *at = raw.p, *head = e->m->head.p;
    size_t             first = 0; /* behind the start line */

    while (first < e->n && raw.p + e->splice[first].from < head)
        first++;
    to = put_splices(to, e, 0, first, &at);
    to = buf_write(buf_write(to, slice_between(at, head)), e->top);
    at = head;
    to = put_splices(to, e, first, e->n, &at);
    buf_write(to, slice_between(at, raw.p + raw.n));
}

enum err msg_edit_write(struct msg_edit *e, struct buf *b)
{
    size_t   n;
    enum err err = msg_edit_measure(e, &n);

    if (err)
        return err;
    if (n > buf_room(b)) {
        b->overflow = true;
        return ERR_LIMIT;
    }
    msg_edit_put(e, b->p + b->n);
    b->n += n;
    return ERR_OK;
}

enum err msg_edit_make(struct msg_edit *e, struct arena *a, struct slice *out)
{
    size_t   n;
    char    *p;
    enum err err = msg_edit_measure(e, &n);

    if (err)
        return err;
    if (!(p = arena_alloc(a, n)))
        return ERR_NOMEM;
    msg_edit_put(e, p);
    *out = (struct slice){p, n};
    return ERR_OK;
}
