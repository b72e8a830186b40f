/* turn_away.c - a 503 without a transaction, which says when to come again, and how much is too much (RFC 3261 §21.5.4, RFC 7339).
 *
 * Room      sip/stack.
 * In        gate_refuse(), from the gate; gate_report(), for each response to who takes reports.
 * Out       responses, made of the message itself: no shard, nothing kept.
 * Touches   its worker's scratch.
 * Not here  whether there is time for it (gate.c). */
#include "sip/stack/stack_priv.h"

enum {
    CALL_AFTER_S = 2,         /* Retry-After of what a person wants: that long, and up to CALL_SPREAD_S more */
    CALL_SPREAD_S = 8,
    PHONE_AFTER_S = 10,       /* of what phones do by themselves, all of them at once */
    PHONE_SPREAD_S = 30,
    REFUSAL_ROOM = 1024
};
#define GATE_TAG "busy-"

uint64_t gate_branch(const struct worker *w, const struct overload_glance *seen)
{
    return hash_octets(&w->st->config.key, seen->branch);
}

static void put_tag(struct buf *b, uint64_t branch)
{
    buf_put(b, S(GATE_TAG));
    buf_puthex64(b, branch);
}

bool gate_acks_a_503(const struct worker *w, const struct overload_glance *seen)
{
    char       text[sizeof GATE_TAG + 16];
    struct buf b = BUF_ON(text);

    if (!slice_starts(seen->to_tag, S(GATE_TAG)))
        return false;
    put_tag(&b, gate_branch(w, seen));
    return slice_eq(seen->to_tag, buf_slice(&b));
}

static unsigned retry_after_s(enum method m, uint64_t branch)
{
    if (m == METHOD_REGISTER || m == METHOD_SUBSCRIBE || m == METHOD_PUBLISH)
        return PHONE_AFTER_S + (unsigned)(branch % PHONE_SPREAD_S);
    return CALL_AFTER_S + (unsigned)(branch % CALL_SPREAD_S);
}

static enum err write_503(struct worker *w, const struct msg *m, const struct addr *source, struct slice *out)
{
    struct slice           server = w->st->config.server_name;
    size_t                 room = m->head.n + server.n + REFUSAL_ROOM;
    char                   text[sizeof GATE_TAG + 16], *p = arena_alloc(&w->scratch, room);
    struct buf             tag = BUF_ON(text), b;
    struct msg_reply       reply = {.request = m, .code = 503, .source = source};
    struct overload_glance seen;
    uint64_t               branch;

    if (!p)
        return ERR_NOMEM;
    overload_glance(m->raw, &seen); /* as its ACK will be */
    branch = gate_branch(w, &seen);
    put_tag(&tag, branch);
    reply.to_tag = buf_slice(&tag);
    buf_init(&b, p, room);
    msg_put_reply(&b, &reply);
    msg_put_row_number(&b, HDR_RETRY_AFTER, retry_after_s(m->method_id, branch));
    if (server.n)
        msg_put_row(&b, HDR_SERVER, server);
    msg_put_end(&b, SLICE_NONE, SLICE_NONE);
    *out = buf_slice(&b);
    return buf_err(&b);
}

/* In calm too: a report of before may still hold (§5.9). */
static struct overload_report report_of(struct worker *w)
{
    unsigned share = overload_share(&w->gate.control);

    return (struct overload_report){.loss = (OVERLOAD_ALL - share) / (OVERLOAD_ALL / 100),
                                    .valid_ms = overload_sheds(&w->gate.control) ? OVERLOAD_VALID_MS : 0,
                                    .seq = net_wall_us(w->net) / 1000};
}

struct slice gate_report(struct worker *w, struct slice response)
{
    struct overload_report r = report_of(w);
    size_t                 room = response.n + REFUSAL_ROOM;
    char                  *p = arena_alloc(&w->scratch, room);
    struct slice           one;
    struct msg            *m;
    struct buf             b;
    struct via             v;

    if (!p || msg_parse(&w->scratch, response, &m) || msg_element(m, HDR_VIA, 0, &one) || via_parse(one, &v))
        return response;
    buf_init(&b, p, room);
    buf_put(&b, slice_between(response.p, v.raw.p));
    overload_put_report(&b, &v, &r);
    buf_put(&b, slice_between(v.raw.p + v.raw.n, response.p + response.n));
    return buf_err(&b) ? response : buf_slice(&b);
}

void gate_refuse(struct worker *w, const struct flow *from, struct slice octets, bool recorded)
{
    struct slice response;
    struct flow  to;
    struct msg  *m;

    count(&w->count.turned_away);
    if (msg_parse(&w->scratch, octets, &m) || write_503(w, m, &from->remote, &response))
        return;
    match_way_back(w->tp, m, from, &to);
    if (msg_via(m) && overload_is_offered(msg_via(m)))
        response = gate_report(w, response);
    if (recorded)
        transport_say(w->tp, S("overload.refused"), msg_call_id(m),
                      S("there is more to do than can be done: new work is refused, most of it without being shown here"));
    if (!(recorded ? flow_send : flow_send_unseen)(w->tp, &to, response))
        count(&w->count.out);
}
