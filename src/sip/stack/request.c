/* request.c - the user's request with our Via and rows in it (RFC 3261 §8.1.1.7, §16.6 step 8).
 *
 * Room      sip/stack.
 * In        octets of a request, whole but for our Via; the flow it will take.
 * Out       octets as they leave.
 * Touches   nothing of a shard but scratch. */
#include "sip/stack/stack_priv.h"

enum err request_cut(struct slice octets, struct request_text *out)
{
    size_t end = slice_find_slice(octets, S("\r\n"));
    size_t space = slice_find(octets, ' ');

    if (octets.n > MSG_MAX_OCTETS)
        return ERR_LIMIT;
    if (end == SIZE_MAX || space == 0 || space > end)
        return ERR_SYNTAX;
    *out = (struct request_text){.start = slice_to(octets, end + 2), .rest = slice_from(octets, end + 2), .method = slice_to(octets, space)};
    return ERR_OK;
}

/* Where it goes is known, so edits are written once, with our rows. */
enum err request_take(struct arena *scratch, const struct stack_send *s, struct request_text *out)
{
    struct slice octets = s->octets;
    enum err     e;

    if (s->edit && s->flow) {
        *out = (struct request_text){.edit = s->edit, .method = s->edit->m->method};
        return ERR_OK;
    }
    if (s->edit && (e = msg_edit_make(s->edit, scratch, &octets)))
        return e;
    return request_cut(octets, out);
}

/* "Via: SIP/2.0/UDP host:port;branch=z9hG4bK...;rport" CRLF */
static enum err put_via(struct worker *w, const struct flow *to, const struct added *added, struct buf *b, struct slice *branch)
{
    size_t   from;
    enum err e;

    buf_put(b, S("Via: SIP/2.0/"));
    buf_put(b, transport_via_name((enum transport_kind)to->kind));
    buf_putc(b, ' ');
    flow_put_sent_by(w->tp, to, b);
    buf_put(b, S(";branch="));
    from = b->n;
    if (added->branch.n)
        buf_put(b, added->branch);
    else {
        buf_put(b, S("z9hG4bK"));
        stack_put_token(w->st->config.rng, b);
    }
    buf_put(b, added->suffix);
    if ((e = buf_err(b)))
        return e;
    *branch = (struct slice){b->p + from, b->n - from};
    if (!transport_is_reliable((enum transport_kind)to->kind))
        buf_put(b, S(";rport")); /* RFC 3581: only datagrams need it */
    if (added->offers_reports)
        buf_put(b, S(OVERLOAD_OFFER));
    buf_put(b, S("\r\n"));
    return buf_err(b);
}

enum err added_write(struct worker *w, const struct flow *to, const struct added *added, struct added_text *out)
{
    size_t     room = VIA_ROW_OCTETS + (added->rows ? STACK_MAX_ROWS_OCTETS : 0);
    char      *p = arena_alloc(&w->scratch, room);
    struct buf b;
    enum err   e;

    if (!p)
        return ERR_NOMEM;
    buf_init(&b, p, VIA_ROW_OCTETS);
    if ((e = put_via(w, to, added, &b, &out->branch)))
        return e;
    b.cap = room;
    if (added->rows)
        added->rows(added->rows_arg, w->tp, to, &b);
    out->rows = buf_slice(&b);
    return buf_err(&b);
}

enum err request_measure(const struct request_text *text, struct slice rows, size_t *n)
{
    enum err e = ERR_OK;

    if (text->edit) {
        msg_edit_top(text->edit, rows);
        e = msg_edit_measure(text->edit, n);
    } else
        *n = text->start.n + rows.n + text->rest.n;
    return !e && *n > MSG_MAX_OCTETS ? ERR_LIMIT : e;
}

void request_put(const struct request_text *text, struct slice rows, char *to)
{
    if (text->edit)
        msg_edit_put(text->edit, to);
    else
        buf_write(buf_write(buf_write(to, text->start), rows), text->rest);
}
