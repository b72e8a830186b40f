/* refuse.c - responses that the stack makes itself: from a request's rows; with or without a transaction (§8.2.6, §8.2.7).
 *
 * Room      sip/stack.
 * In        a request, parsed, sane or not.
 * Out       octets in scratch, or on their way.
 * Touches   scratch only. */
#include "sip/stack/stack_priv.h"

enum { RESPONSE_ROOM = 1024 }; /* status line, tag, received, Server, Content-Length */

/* Does a response to it make a dialog, so that it must show the route (§12.1.1)? */
static bool makes_dialog(const struct answer *a)
{
    enum method m = a->request->method_id;

    return a->code > 100 && a->code < 300 && (m == METHOD_INVITE || m == METHOD_SUBSCRIBE || m == METHOD_REFER);
}

/* All but its rows, which may be `rows_n` octets. */
static enum err begin(struct shard *sh, const struct answer *a, const struct addr *source, size_t rows_n, struct buf *b)
{
    size_t           room = a->request->head.n + rows_n + a->reason.n + a->to_tag.n + sh->st->config.server_name.n + RESPONSE_ROOM;
    char            *p = arena_alloc(&sh->holder->scratch, room);
    struct msg_reply reply = {
        .request = a->request,
        .code = a->code,
        .reason = a->reason,
        .to_tag = a->to_tag,
        .source = source,
        .via = a->via,
        .record_route = makes_dialog(a),
    };

    if (!p)
        return ERR_NOMEM;
    buf_init(b, p, room);
    msg_put_reply(b, &reply);
    return ERR_OK;
}

static enum err end(struct shard *sh, const struct answer *a, struct buf *b, struct slice *out)
{
    struct slice server = a->code > 100 ? sh->st->config.server_name : SLICE_NONE;
    enum err     e;

    buf_puts(b, server.n ? S("Server: ") : SLICE_NONE, server, server.n ? S("\r\n") : SLICE_NONE, a->rows, S("Content-Length: 0\r\n\r\n"));
    if ((e = buf_err(b)))
        return e;
    *out = buf_slice(b);
    return ERR_OK;
}

enum err refuse_write(struct shard *sh, const struct answer *a, const struct addr *source, struct slice *out)
{
    struct buf b;
    enum err   e = begin(sh, a, source, a->rows.n, &b);

    return e ? e : end(sh, a, &b, out);
}

enum err refuse_head(struct shard *sh, const struct answer *a, const struct addr *source, struct slice *out)
{
    struct buf b;
    enum err   e = begin(sh, a, source, 0, &b);

    if (e || (e = buf_err(&b)))
        return e;
    *out = buf_slice(&b);
    return ERR_OK;
}

enum err refuse_join(struct shard *sh, const struct answer *a, struct slice head, struct slice *out)
{
    size_t     room = head.n + a->rows.n + sh->st->config.server_name.n + RESPONSE_ROOM;
    char      *p = arena_alloc(&sh->holder->scratch, room);
    struct buf b;

    if (!p)
        return ERR_NOMEM;
    buf_init(&b, p, room);
    buf_put(&b, head);
    return end(sh, a, &b, out);
}

/* The same tag each time for the same request, so that its repetitions get the same answer (§8.2.7). */
struct slice refuse_tag(struct shard *sh, const struct tsx_key *key, struct buf *b)
{
    struct slice octets = {(const char *)key, sizeof *key};

    buf_puthex64(b, hash_octets(&sh->st->config.key, octets));
    return buf_slice(b);
}

enum err refuse_send(struct shard *sh, const struct msg *m, const struct flow *from, struct slice response)
{
    struct transport *tp = shard_transport(sh);
    struct flow       to;
    enum err          e;

    match_way_back(tp, m, from, &to);
    if ((e = flow_send(tp, &to, response)) == ERR_OK)
        count(&sh->holder->count.out);
    return e;
}

void refuse_request(struct shard *sh, const struct msg *m, const struct flow *from, const struct msg_fault *fault)
{
    char           reason_text[128], tag_text[16];
    struct buf     reason = BUF_ON(reason_text), tag = BUF_ON(tag_text);
    struct tsx_key key = {hash_octets(&sh->st->config.key, m->raw), m->raw.n};
    struct answer  a = {.request = m, .code = fault->code};
    struct slice   response;

    msg_put_fault(&reason, fault);
    a.reason = buf_slice(&reason);
    a.to_tag = refuse_tag(sh, &key, &tag);
    if (refuse_write(sh, &a, &from->remote, &response) == ERR_OK)
        refuse_send(sh, m, from, response);
}
