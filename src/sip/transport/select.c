/* select.c - by which listener and which connection (RFC 3261 §18.1.1, §18.2.2; RFC 3581 §4; RFC 5923 in spirit).
 *
 * Room      sip/transport.
 * In        flow_to(), flow_for_response().
 * Touches   the remembered source addresses; new streams (stream.c). */
#include "sip/transport/transport_priv.h"

enum err select_source(struct transport *tp, const struct addr *to, struct addr *out)
{
    uint64_t       now = transport_now_ms(tp);
    uint64_t       h = hash_octets(&tp->key, (struct slice){(const char *)to->ip, sizeof to->ip});
    struct source *e = &tp->source[h % SOURCES];
    struct addr    bare = *to, local;
    enum err       err;

    bare.port = 0;
    if (e->remote.family == to->family && addr_eq(&e->remote, &bare) && now < e->until_ms) {
        *out = e->local;
        return ERR_OK;
    }
    if ((err = net_source_for(tp->net, to, &local)))
        return err;
    *e = (struct source){.remote = bare, .local = local, .until_ms = now + SOURCE_MS};
    *out = local;
    return ERR_OK;
}

bool select_has_kind(struct transport *tp, enum transport_kind kind)
{
    for (unsigned i = 0; i < tp->n_listeners; i++)
        if (tp->listener[i].kind == kind)
            return true;
    return false;
}

bool select_has_family(struct transport *tp, enum transport_kind kind, const struct addr *to)
{
    uint8_t index;

    return select_listener(tp, kind, to, &index) == ERR_OK;
}

/* How well a listener fits a remote address; 0: not at all. */
static unsigned fit(struct transport *tp, const struct listener *l, const struct addr *to)
{
    struct addr source;

    if (l->local.family != to->family)
        return 0;
    if (l->any)
        return 1;
    if (addr_is_loopback(&l->local) != addr_is_loopback(to))
        return addr_is_loopback(to) ? 2 : 0; /* nobody outside can answer to a loopback address */
    if (addr_same_ip(&l->local, to))
        return 4;
    return select_source(tp, to, &source) == ERR_OK && addr_same_ip(&source, &l->local) ? 4 : 3;
}

enum err select_listener(struct transport *tp, enum transport_kind kind, const struct addr *to, uint8_t *index)
{
    unsigned best = 0;

    for (unsigned i = 0; i < tp->n_listeners; i++) {
        unsigned f = tp->listener[i].kind == kind ? fit(tp, &tp->listener[i], to) : 0;

        if (f > best) {
            best = f;
            *index = (uint8_t)i;
        }
    }
    return best ? ERR_OK : ERR_UNSUPPORTED;
}

static enum err stream_to(struct transport *tp, uint8_t listener, const struct addr *to, struct slice name, struct flow *out)
{
    struct stream *s = stream_find_remote(tp, tp->listener[listener].kind, to, name);
    enum err       e;

    if (!s && (e = stream_connect(tp, listener, to, name, &s)))
        return e;
    *out = s->flow;
    return ERR_OK;
}

enum err flow_open(struct transport *tp, uint8_t index, const struct addr *to, struct slice name, struct flow *out)
{
    struct stream *s;
    enum err       e;

    if (index >= tp->n_listeners || tp->listener[index].kind == TRANSPORT_UDP)
        return ERR_UNSUPPORTED;
    if ((e = stream_connect(tp, index, to, name, &s)))
        return e;
    *out = s->flow;
    return ERR_OK;
}

/* Only a domain is a name that a connection is made for. */
static struct slice domain_of(const struct transport_hop *hop, struct slice name)
{
    struct addr ip;

    return hop->kind == TRANSPORT_TLS && addr_parse_ip(name, &ip) ? name : SLICE_NONE;
}

enum err flow_to_hop(struct transport *tp, const struct transport_hop *hop, struct slice name, struct flow *out)
{
    struct addr a = hop->addr, local = {0};
    uint8_t     index;
    enum err    e;

    if (!a.port)
        a.port = transport_default_port(hop->kind);
    if ((e = select_listener(tp, hop->kind, &a, &index)))
        return e;
    if (hop->kind == TRANSPORT_UDP) {
        if (tp->listener[index].any)
            (void)select_source(tp, &a, &local); /* no way there: the system will say so */
        *out = udp_flow(&tp->listener[index], &local, &a);
        return ERR_OK;
    }
    return stream_to(tp, index, &a, domain_of(hop, name), out);
}

enum err flow_to(struct transport *tp, enum transport_kind kind, const struct addr *to, struct flow *out)
{
    return flow_to_hop(tp, &(struct transport_hop){.kind = kind, .addr = *to}, SLICE_NONE, out);
}

/* The port of sent-by, or the default. */
static uint16_t sent_by_port(const struct flow *from, const struct via *top)
{
    return top->port ? top->port : transport_default_port((enum transport_kind)from->kind);
}

/* The address in `received` is always where the request came from, so it is taken from there and not from the Via, which
 * the sender wrote. */
static enum err response_datagram(const struct flow *from, const struct via *top, struct flow *out)
{
    struct addr maddr;

    if (top->maddr.n && (uri_addr_of_host(top->maddr, &maddr) || maddr.family != from->remote.family))
        return ERR_SYNTAX;
    *out = *from;
    if (top->maddr.n)
        out->remote = maddr;
    if (top->maddr.n || !top->has_rport)
        out->remote.port = sent_by_port(from, top);
    return ERR_OK;
}

enum err flow_for_response(struct transport *tp, const struct flow *from, const struct via *top, struct flow *out)
{
    struct transport *owner;
    struct addr       to;

    if (flow_is_none(from))
        return ERR_CLOSED;
    if (from->kind == TRANSPORT_UDP)
        return response_datagram(from, top, out);
    owner = stream_owner(tp, from);
    if (owner && stream_is_usable(owner, from)) {
        *out = *from;
        return ERR_OK;
    }
    to = from->remote;
    to.port = sent_by_port(from, top);
    return flow_to(tp, (enum transport_kind)from->kind, &to, out) ? ERR_CLOSED : ERR_OK;
}
