/* ports.c - a pair of ports: RTP on an even one, RTCP on the next (RFC 3550 §11).
 *
 * Room      media.
 * In        media_open_ports(), once.
 * How       every even port of the range is tried once, from a random one on, so that a number that was used by a call
 *           a moment ago is not used by the next. */
#include "media/media_priv.h"

#define ANY_TRIES 16 /* for two ports together where any will do */

static enum err open_one(struct media *m, uint16_t port, const struct net_udp_on *on, struct net_udp **out)
{
    struct net_udp_options o = {.local = m->c.local};

    o.local.port = port;
    return net_udp_open(m->c.net, &o, on, m, out);
}

static enum err open_pair(struct media *m, uint16_t rtp_port)
{
    struct addr local;
    enum err    e = open_one(m, rtp_port, &media_on_rtp, &m->rtp);

    if (e)
        return e;
    net_udp_local(m->c.net, m->rtp, &local);
    e = local.port == UINT16_MAX ? ERR_BUSY : open_one(m, (uint16_t)(local.port + 1), &media_on_rtcp, &m->rtcp);
    if (e) {
        net_udp_close(m->c.net, m->rtp);
        m->rtp = NULL;
    }
    return e;
}

/* Any two; neighbours, if a few tries find some. */
static enum err open_any(struct media *m)
{
    enum err e = ERR_BUSY;

    for (unsigned i = 0; i < ANY_TRIES && e == ERR_BUSY; i++)
        e = open_pair(m, 0);
    if (e != ERR_BUSY)
        return e;
    if ((e = open_one(m, 0, &media_on_rtp, &m->rtp)))
        return e;
    e = open_one(m, 0, &media_on_rtcp, &m->rtcp);
    if (e) {
        net_udp_close(m->c.net, m->rtp);
        m->rtp = NULL;
    }
    return e;
}

static enum err open_in_range(struct media *m)
{
    uint32_t first = (m->c.port_min + 1u) & ~1u; /* even */
    uint32_t pairs = m->c.port_max > first ? (m->c.port_max - first + 1) / 2 : 0;
    uint64_t from = media_random(m);
    enum err e = pairs ? ERR_BUSY : ERR_INVALID;

    for (uint32_t i = 0; i < pairs && e == ERR_BUSY; i++)
        e = open_pair(m, (uint16_t)(first + 2 * ((from + i) % pairs)));
    return e;
}

enum err media_open_ports(struct media *m)
{
    enum err e = m->c.port_min == 0 && m->c.port_max == 0 ? open_any(m) : open_in_range(m);

    if (e == ERR_OK) {
        net_udp_local(m->c.net, m->rtp, &m->local_rtp);
        net_udp_local(m->c.net, m->rtcp, &m->local_rtcp);
    }
    return e;
}
