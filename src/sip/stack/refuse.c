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

enum err refuse_write(struct shard *sh, const struct answer *a, const struct addr *source, struct slice *out)
{
    struct slice     server = sh->st->config.server_name;
    size_t           room = a->request->head.n + a->rows.n + a->reason.n + a->to_tag.n + server.n + RESPONSE_ROOM;
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
    struct buf b;
    enum err   e;

    if (!p)
        return ERR_NOMEM;
    buf_init(&b, p, room);
    msg_put_reply(&b, &reply);
    if (server.n && a->code > 100)
        msg_put_row(&b, HDR_SERVER, server);
    buf_put(&b, a->rows);
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    if ((e = buf_err(&b)))
        return e;
    *out = buf_slice(&b);
    return ERR_OK;
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
