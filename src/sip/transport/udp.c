/* udp.c - datagrams: one listener, one socket (RFC 3261 §18).
 *
 * Room      sip/transport.
 * In        what net tells of a UDP socket.
 * Out       flow_on_octets() and flow_on_lost(), with the flow that the datagram's sender is.
 * Not here  sending (flow.c). */
#include "sip/transport/transport_priv.h"

#include <assert.h>
#include <string.h>

enum { KEEP_ALIVE_MAX = 8 };

static_assert(sizeof(struct flow) == 4 + 16 + 2 + 2 + 4 + 16, "struct flow has padding");

struct flow udp_flow(const struct listener *l, const struct addr *local, const struct addr *remote)
{
    struct flow f = {.kind = TRANSPORT_UDP, .set = 1, .listener = l->index, .remote = *remote};

    if (l->any && local->family == l->local.family)
        memcpy(f.local, local->ip, sizeof f.local);
    return f;
}

/* What phones send to keep a NAT's door open: CRLFs, NULs, spaces, or nothing at all. */
static bool is_keep_alive(struct slice s)
{
    if (s.n > KEEP_ALIVE_MAX)
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '\r' && s.p[i] != '\n' && s.p[i] != ' ' && s.p[i] != '\0')
            return false;
    return true;
}

static void on_octets(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct listener *l = arg;
    struct flow      f = udp_flow(l, to, from);

    (void)u;
    if (is_keep_alive(octets)) {
        transport_count(&l->tp->counts.keep_alives);
        return;
    }
    flow_on_octets(l->tp, &f, octets);
}

static void on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    struct listener *l = arg;
    struct flow      f = udp_flow(l, from, to);

    (void)u;
    flow_on_lost(l->tp, &f, e);
}

/* Requests go by the next hop from now on, also those that nobody will tell of (an ACK of a 2xx). */
static void on_unsent(void *arg, struct net_udp *u, const struct addr *to, struct slice octets, uint64_t mark, enum err e)
{
    struct listener  *l = arg;
    struct transport *tp = l->tp;

    (void)u;
    if (e != ERR_AGAIN && e != ERR_LIMIT)
        transport_hop_failed(tp, &(struct transport_hop){.kind = TRANSPORT_UDP, .addr = *to});
    if (tp->config.on->unsent && !tp->closing)
        tp->config.on->unsent(tp->config.arg, tp, to, octets, mark, e);
}

static const struct net_udp_on on = {.octets = on_octets, .error = on_error, .unsent = on_unsent};

enum err udp_listen(struct listener *l)
{
    struct net_udp_options o = {
        .local = l->local, .reuse_port = l->tp->config.n_workers > 1, .receive_octets = UDP_RECEIVE_OCTETS};
    enum err e = net_udp_open(l->tp->net, &o, &on, l, &l->udp);

    if (e)
        return e;
    net_udp_local(l->tp->net, l->udp, &l->local);
    return ERR_OK;
}
