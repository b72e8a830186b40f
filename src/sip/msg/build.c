/* build.c - new messages, row by row; responses from their requests: RFC 3261 §8.1.1, §8.2.6, §12.1.1.
 *
 * Room      sip/msg (pure).
 * In        values, a request.
 * Out       octets in a buf; whether they fitted is the caller's to ask (buf_err). */
#include "sip/msg/msg_priv.h"

void msg_put_request_line(struct buf *b, struct slice method, struct slice uri)
{
    buf_puts(b, method, S(" "), uri, S(" SIP/2.0\r\n"));
}

void msg_put_status_line(struct buf *b, unsigned code, struct slice reason)
{
    struct slice whole = reason.n ? SLICE_NONE : msg_status_line(code);

    if (whole.n) {
        buf_put(b, whole);
        return;
    }
    buf_put(b, S("SIP/2.0 "));
    buf_putu(b, code);
    buf_puts(b, S(" "), reason.n ? reason : msg_reason(code), S("\r\n"));
}

void msg_put_row(struct buf *b, enum hdr_id id, struct slice value)
{
    buf_puts(b, hdr_name(id), S(": "), value, S("\r\n"));
}

void msg_put_row_named(struct buf *b, struct slice name, struct slice value)
{
    buf_puts(b, name, S(": "), value, S("\r\n"));
}

void msg_put_row_number(struct buf *b, enum hdr_id id, uint64_t value)
{
    buf_puts(b, hdr_name(id), S(": "));
    buf_putu(b, value);
    buf_put(b, S("\r\n"));
}

void msg_put_cseq(struct buf *b, uint32_t number, struct slice method)
{
    buf_put(b, S("CSeq: "));
    buf_putu(b, number);
    buf_puts(b, S(" "), method, S("\r\n"));
}

/* Does it stand there as we would write it: proper name, colon, space, value, CRLF? */
static bool is_as_ours(const struct msg_row *r, struct slice name)
{
    const char *p = r->line.p;

    return r->line.n == name.n + r->value.n + 4 && r->value.p == p + name.n + 2 && p[name.n] == ':' && p[name.n + 1] == ' ' &&
           memcmp(p + r->line.n - 2, "\r\n", 2) == 0 && memcmp(p, name.p, name.n) == 0;
}

/* Another message's row. Most are as ours, and one piece instead of four. */
static void put_row_of(struct buf *b, const struct msg_row *r)
{
    if (is_as_ours(r, hdr_name(r->id)))
        buf_put(b, r->line);
    else
        msg_put_row(b, r->id, r->value);
}

void msg_put_rows_of(struct buf *b, const struct msg *m, enum hdr_id id)
{
    for (const struct msg_row *r = msg_row(m, id); r; r = msg_row_next(m, r))
        put_row_of(b, r);
}

void msg_put_end(struct buf *b, struct slice type, struct slice body)
{
    if (!body.n) {
        buf_put(b, S("Content-Length: 0\r\n\r\n"));
        return;
    }
    msg_put_row(b, HDR_CONTENT_TYPE, type);
    msg_put_row_number(b, HDR_CONTENT_LENGTH, body.n);
    buf_puts(b, S("\r\n"), body);
}

/* All Vias as they came, but the top one with received and rport (RFC 3261 §18.2.1). */
static void put_vias(struct buf *b, const struct msg_reply *reply)
{
    const struct msg_row *row = msg_row(reply->request, HDR_VIA);
    const struct via     *v = msg_via(reply->request);
    struct slice          rest = row ? row->value : SLICE_NONE, one;

    if (!row || !v || !reply->source || !msg_element_next(&rest, &one)) {
        msg_put_rows_of(b, reply->request, HDR_VIA);
        return;
    }
    buf_puts(b, S("Via: "), reply->via);
    if (!reply->via.n)
        via_put_received(b, v, reply->source);
    while (msg_element_next(&rest, &one))
        buf_puts(b, S(", "), one);
    buf_put(b, S("\r\n"));
    while ((row = msg_row_next(reply->request, row)))
        put_row_of(b, row);
}

/* RFC 3261 §8.2.6.2: every response but 100 has a To tag. */
static void put_to(struct buf *b, const struct msg_reply *reply)
{
    const struct msg_row *row = msg_row(reply->request, HDR_TO);
    struct name_addr      na;

    if (!row)
        return;
    buf_puts(b, S("To: "), row->value);
    if (reply->code != 100 && reply->to_tag.n && msg_to(reply->request, &na) == ERR_OK && !msg_has_param(na.params, S("tag")))
        buf_puts(b, S(";tag="), reply->to_tag);
    buf_put(b, S("\r\n"));
}

/* Broken requests may have two of a field: the first is taken, as everywhere. */
static void put_first(struct buf *b, const struct msg *m, enum hdr_id id)
{
    const struct msg_row *row = msg_row(m, id);

    if (row)
        put_row_of(b, row);
}

void msg_put_reply(struct buf *b, const struct msg_reply *reply)
{
    msg_put_status_line(b, reply->code, reply->reason);
    put_vias(b, reply);
    put_first(b, reply->request, HDR_FROM);
    put_to(b, reply);
    put_first(b, reply->request, HDR_CALL_ID);
    put_first(b, reply->request, HDR_CSEQ);
    if (reply->record_route)
        msg_put_rows_of(b, reply->request, HDR_RECORD_ROUTE);
    if (reply->code == 100)
        put_first(b, reply->request, HDR_TIMESTAMP);
}

enum err msg_put_refusal(struct buf *b, const struct msg_reply *reply)
{
    msg_put_reply(b, reply);
    msg_put_end(b, SLICE_NONE, SLICE_NONE);
    return buf_err(b);
}
