/* flow.c - a whole message in, a whole message out; each copied to the record. Flows as values.
 *
 * Room      sip/transport.
 * In        flow_on_octets(), from udp.c and cut.c; flow_send(), from the stack.
 * Out       config.on; net_udp_send(), stream.c, post.c.
 * Touches   the record. */
#include "sip/transport/transport_priv.h"

#include <string.h>

static struct record_time now_of(const struct transport *tp)
{
    return (struct record_time){net_now_us(tp->net), net_wall_us(tp->net)};
}

void transport_say(struct transport *tp, struct slice code, struct slice call_id, struct slice text)
{
    if (tp->config.record)
        record_reason(tp->config.record, now_of(tp), code, call_id, text);
}

void flow_record(struct transport *tp, const struct flow *f, bool out, struct slice octets)
{
    struct record_flow rf = {.transport = transport_via_name((enum transport_kind)f->kind), .remote = f->remote};

    if (!tp->config.record)
        return;
    if (tp->left_out) {
        record_skip(tp->config.record);
        return;
    }
    flow_local(tp, f, &rf.local);
    record_message(tp->config.record, now_of(tp), out, &rf, octets);
}

void flow_on_octets(struct transport *tp, const struct flow *from, struct slice octets)
{
    if (tp->config.on->admits && !tp->config.on->admits(tp->config.arg, tp, from, octets))
        return;
    flow_record(tp, from, false, octets);
    tp->config.on->message(tp->config.arg, tp, from, octets);
}

void flow_on_lost(struct transport *tp, const struct flow *f, enum err why)
{
    if (!tp->closing)
        tp->config.on->lost(tp->config.arg, tp, f, why);
}

/* The address of ours that a datagram flow names: any when it names none. */
static struct addr datagram_local(const struct flow *f)
{
    struct addr a = {.family = f->remote.family, .scope = f->remote.scope};

    memcpy(a.ip, f->local, sizeof a.ip);
    return a;
}

static enum err datagram_send(struct transport *tp, const struct flow *f, struct slice octets, uint64_t mark)
{
    struct addr local = datagram_local(f);

    if (f->listener >= tp->n_listeners || tp->listener[f->listener].kind != TRANSPORT_UDP)
        return ERR_CLOSED;
    return net_udp_send_from(tp->net, tp->listener[f->listener].udp, &local, &f->remote, octets, mark);
}

static enum err hand_over(struct transport *tp, const struct flow *f, struct slice octets, uint64_t mark)
{
    if (f->kind == TRANSPORT_UDP)
        return datagram_send(tp, f, octets, mark);
    return f->worker != tp->config.worker ? post_send(tp, f, octets) : stream_send(tp, f, octets);
}

static enum err send_unseen(struct transport *tp, const struct flow *f, struct slice octets, uint64_t mark)
{
    if (flow_is_none(f))
        return ERR_CLOSED;
    if (octets.n > MSG_MAX_OCTETS)
        return ERR_LIMIT;
    if (f->kind != TRANSPORT_UDP && f->worker == tp->config.worker)
        inbox_drain(tp); /* what a shard posted before it came here goes first */
    return hand_over(tp, f, octets, mark);
}

enum err flow_send_unseen(struct transport *tp, const struct flow *f, struct slice octets)
{
    return send_unseen(tp, f, octets, 0);
}

enum err flow_send(struct transport *tp, const struct flow *f, struct slice octets)
{
    return flow_send_marked(tp, f, octets, 0);
}

enum err flow_send_marked(struct transport *tp, const struct flow *f, struct slice octets, uint64_t mark)
{
    enum err e = send_unseen(tp, f, octets, mark);

    if (!e)
        flow_record(tp, f, true, octets);
    return e;
}

bool flow_eq(const struct flow *a, const struct flow *b)
{
    if (!a->set || !b->set)
        return a->set == b->set;
    if (a->kind != b->kind || !addr_eq(&a->remote, &b->remote))
        return false;
    if (a->kind == TRANSPORT_UDP)
        return a->listener == b->listener && !memcmp(a->local, b->local, sizeof a->local);
    return a->worker == b->worker && a->slot == b->slot && a->gen == b->gen;
}

/* The listener that a flow's peer can reach us by. Streams that we opened have none of their own. */
static struct listener *listener_of(struct transport *tp, const struct flow *f)
{
    uint8_t index = f->listener;

    if (index == LISTENER_NONE && select_listener(tp, (enum transport_kind)f->kind, &f->remote, &index))
        return NULL;
    return index < tp->n_listeners ? &tp->listener[index] : NULL;
}

/* Address and port that a connection has; false where that is not known any more, and for datagrams. */
static bool own_addr(struct transport *tp, const struct flow *f, struct addr *out)
{
    struct transport *owner = f->kind == TRANSPORT_UDP ? NULL : stream_owner(tp, f);

    return owner && stream_local(owner, f, out);
}

/* The listener's port, at the address that the flow has here. */
static void listener_addr(struct transport *tp, const struct listener *l, const struct flow *f, struct addr *out)
{
    struct addr own = {0};

    *out = l->local;
    if (!l->any)
        return;
    if (f->kind == TRANSPORT_UDP)
        own = datagram_local(f);
    else
        (void)own_addr(tp, f, &own);
    if (own.family == ADDR_NONE || addr_is_any(&own))
        (void)select_source(tp, &f->remote, &own);
    if (own.family != ADDR_NONE)
        *out = own;
    out->port = l->local.port;
}

void flow_local(struct transport *tp, const struct flow *f, struct addr *out)
{
    const struct listener *l;

    *out = (struct addr){0};
    if (!own_addr(tp, f, out) && (l = listener_of(tp, f)))
        listener_addr(tp, l, f, out);
}

/* Mostly it is written already: that of a listener for one address is always the same. */
static void write_sent_by(struct transport *tp, struct listener *l, const struct flow *f)
{
    struct buf  b = BUF_ON(l->sent_by.text);
    struct addr a;

    listener_addr(tp, l, f, &a);
    if (l->sent_by.n && l->sent_by.addr.family == a.family && addr_eq(&l->sent_by.addr, &a))
        return;
    addr_put(&b, &a);
    l->sent_by.addr = a;
    l->sent_by.n = b.n;
}

void flow_put_sent_by(struct transport *tp, const struct flow *f, struct buf *b)
{
    struct listener *l = listener_of(tp, f);

    if (!l)
        return;
    if (l->advertised.n) {
        buf_put(b, l->advertised);
        return;
    }
    if (l->any || !l->sent_by.n)
        write_sent_by(tp, l, f);
    buf_put(b, (struct slice){l->sent_by.text, l->sent_by.n});
}
