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
    out->start = slice_to(octets, end + 2);
    out->rest = slice_from(octets, end + 2);
    out->method = slice_to(octets, space);
    return ERR_OK;
}

/* "Via: SIP/2.0/UDP host:port;branch=z9hG4bK...;rport" CRLF */
enum err via_row_make(struct stack *st, struct transport *tp, const struct flow *to, const struct added *added,
                      struct via_row *out)
{
    struct buf b = BUF_ON(out->text);
    size_t     from;
    enum err   e;

    buf_puts(&b, S("Via: SIP/2.0/"), transport_via_name((enum transport_kind)to->kind), S(" "));
    flow_put_sent_by(tp, to, &b);
    buf_put(&b, S(";branch="));
    from = b.n;
    if (added->branch.n)
        buf_put(&b, added->branch);
    else {
        buf_put(&b, S("z9hG4bK"));
        stack_put_token(st->config.rng, &b);
    }
    buf_put(&b, added->suffix);
    if ((e = buf_err(&b)))
        return e;
    out->branch = (struct slice){out->text + from, b.n - from};
    if (!transport_is_reliable((enum transport_kind)to->kind))
        buf_put(&b, S(";rport")); /* RFC 3581: only datagrams need it */
    if (added->offers_reports)
        buf_put(&b, S(OVERLOAD_OFFER));
    buf_put(&b, S("\r\n"));
    out->row = buf_slice(&b);
    return buf_err(&b);
}

enum err added_rows(struct shard *sh, const struct flow *to, const struct added *added, struct slice *out)
{
    struct buf b;
    char      *p;

    *out = SLICE_NONE;
    if (!added->rows)
        return ERR_OK;
    if (!(p = arena_alloc(&sh->holder->scratch, STACK_MAX_ROWS_OCTETS)))
        return ERR_NOMEM;
    buf_init(&b, p, STACK_MAX_ROWS_OCTETS);
    added->rows(added->rows_arg, shard_transport(sh), to, &b);
    *out = buf_slice(&b);
    return buf_err(&b);
}

enum err request_octets(const struct request_parts *r, size_t *n)
{
    *n = r->text->start.n + r->via.n + r->rows.n + r->text->rest.n;
    return *n > MSG_MAX_OCTETS ? ERR_LIMIT : ERR_OK;
}

struct slice request_join(const struct request_parts *r, char *to, size_t n)
{
    struct buf b;

    buf_init(&b, to, n);
    buf_puts(&b, r->text->start, r->via, r->rows, r->text->rest);
    return buf_slice(&b);
}
