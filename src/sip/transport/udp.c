/* udp.c - datagrams: one listener, one socket (RFC 3261 §18).
 *
 * Room      sip/transport.
 * In        what net tells of a UDP socket.
 * Out       flow_on_octets() and flow_on_lost(), with the flow that the datagram's sender is.
 * Not here  sending (flow.c). */
#include "sip/transport/transport_priv.h"

enum { KEEP_ALIVE_MAX = 8 };

static struct flow flow_of(const struct listener *l, const struct addr *remote)
{
    return (struct flow){
        .kind = TRANSPORT_UDP, .set = 1, .worker = l->tp->config.worker, .listener = l->index, .remote = *remote};
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

static void on_octets(void *arg, struct net_udp *u, const struct addr *from, struct slice octets)
{
    struct listener *l = arg;
    struct flow      f = flow_of(l, from);

    (void)u;
    if (is_keep_alive(octets)) {
        l->tp->counts.keep_alives++;
        return;
    }
    flow_on_octets(l->tp, &f, octets);
}

static void on_error(void *arg, struct net_udp *u, const struct addr *remote, enum err e)
{
    struct listener *l = arg;
    struct flow      f = flow_of(l, remote);

    (void)u;
    flow_on_lost(l->tp, &f, e);
}

static const struct net_udp_on on = {.octets = on_octets, .error = on_error};

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
