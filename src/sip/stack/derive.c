/* derive.c - requests that are made from another request: ACK of a 3xx-6xx (§17.1.1.3) and CANCEL (§9.1), and the INVITE with
 * no more than these two are made of.
 *
 * Room      sip/stack.
 * In        the INVITE as it was sent; for an ACK the response.
 * Out       octets in scratch.
 * Touches   scratch only. */
#include "sip/stack/stack_priv.h"

enum { DERIVED_ROOM = 256, DERIVED_MAX_FORWARDS = 70 };

struct derived {
    enum method      method;
    struct slice     to;   /* value */
    struct slice     rows; /* whole rows, or empty */
};

static void put(struct buf *b, const struct msg *invite, const struct derived *d, struct slice via)
{
    struct cseq cseq = {0};
    bool        is_sent = d->method != METHOD_INVITE; /* else only kept */

    msg_cseq(invite, &cseq); /* the user's own request: it has one, or the peer will say so */
    msg_put_request_line(b, method_name(d->method), invite->uri);
    msg_put_row(b, HDR_VIA, via);
    msg_put_rows_of(b, invite, HDR_ROUTE);
    if (is_sent)
        msg_put_row_number(b, HDR_MAX_FORWARDS, DERIVED_MAX_FORWARDS);
    msg_put_row(b, HDR_FROM, msg_value(invite, HDR_FROM));
    msg_put_row(b, HDR_TO, d->to);
    msg_put_row(b, HDR_CALL_ID, msg_call_id(invite));
    msg_put_cseq(b, cseq.number, method_name(d->method));
    msg_put_rows_of(b, invite, HDR_AUTHORIZATION); /* §22.1; PROTOCOL 1.4 */
    msg_put_rows_of(b, invite, HDR_PROXY_AUTHORIZATION);
    buf_put(b, d->rows);
    if (is_sent)
        msg_put_end(b, SLICE_NONE, SLICE_NONE);
    else
        buf_put(b, S("\r\n"));
}

static enum err derive(struct client *c, const struct msg *invite, const struct derived *d, struct slice *out)
{
    size_t     room = invite->start.n + invite->head.n + d->to.n + d->rows.n + DERIVED_ROOM;
    char      *p = arena_alloc(&c->t.sh->holder->scratch, room);
    struct buf b;
    enum err   e;

    if (!p)
        return ERR_NOMEM;
    if (!msg_via(invite))
        return ERR_NOTFOUND;
    buf_init(&b, p, room);
    put(&b, invite, d, msg_via(invite)->raw);
    if ((e = buf_err(&b)))
        return e;
    *out = buf_slice(&b);
    return ERR_OK;
}

enum err derive_ack(struct client *c, const struct msg *response, struct slice *out)
{
    struct msg *invite;
    enum err    e = msg_parse(&c->t.sh->holder->scratch, c->t.last, &invite);

    if (e)
        return e;
    return derive(c, invite, &(struct derived){.method = METHOD_ACK, .to = msg_value(response, HDR_TO)}, out);
}

enum err derive_cancel(struct client *c, struct slice *out)
{
    struct msg    *invite;
    struct derived d = {.method = METHOD_CANCEL, .rows = c->cancel_rows};
    enum err       e = msg_parse(&c->t.sh->holder->scratch, c->t.last, &invite);

    if (e)
        return e;
    d.to = msg_value(invite, HDR_TO);
    return derive(c, invite, &d, out);
}

enum err derive_slim(struct client *c, struct slice *out)
{
    struct msg *invite;
    enum err    e = msg_parse(&c->t.sh->holder->scratch, c->t.last, &invite);

    if (e)
        return e;
    return derive(c, invite, &(struct derived){.method = METHOD_INVITE, .to = msg_value(invite, HDR_TO)}, out);
}
