/* fragment.c - IP datagrams put together from fragments (RFC 791 §3.2, RFC 8200 §4.5, RFC 5722: overlaps).
 *
 * Room      app/flow. Owns the parts of at most CAPTURE_MAX_DATAGRAMS datagrams.
 * A datagram is an array of octets and a bit for each eight of them. One that is not whole in time, or has to make room,
 * is lost: its beginning, where that came, goes into the gap, since it may name the call. */
#include "app/flow/gather_priv.h"

#include <string.h>

enum { DATAGRAM = 65536, UNITS = DATAGRAM / 8, PROTOCOL_UDP = 17 };

struct partial {
    bool          used;
    struct addr   from, to;
    uint32_t      id;
    uint8_t       protocol;
    uint64_t      since_us;
    uint32_t      frame;
    size_t        length;   /* 0: the last fragment has not come */
    size_t        got;      /* octets */
    unsigned char have[UNITS / 8];
    char          octets[DATAGRAM];
};

struct fragments {
    struct partial *partial[CAPTURE_MAX_DATAGRAMS];
    char            whole[DATAGRAM];
};

enum err fragments_new(struct gather *g)
{
    g->fragments = ARENA_NEW(g->a, struct fragments);
    return g->fragments ? ERR_OK : ERR_NOMEM;
}

static bool has(const struct partial *p, size_t unit)
{
    return p->have[unit / 8] >> unit % 8 & 1;
}

static size_t head_octets(const struct partial *p)
{
    size_t unit = 0;

    while (unit < UNITS && has(p, unit))
        unit++;
    return p->length && unit * 8 > p->length ? p->length : unit * 8;
}

/* Given up. Only SIP is worth a word: what began as SIP, or went between ports that nobody knows because no first fragment
 * came and that is UDP of a size that SIP has. */
static enum err lose(struct gather *g, struct partial *p)
{
    struct slice     head = {p->octets, head_octets(p)};
    struct trace_gap gap = {.kind = TRACE_GAP_FRAGMENT, .time_us = p->since_us, .from = p->from, .to = p->to,
                            .frame = p->frame};

    p->used = false;
    if (p->protocol != PROTOCOL_UDP)
        return ERR_OK;
    gap.missing = p->length > p->got ? p->length - p->got : 0;
    if (head.n >= 8) {
        gap.from.port = (uint16_t)((unsigned char)head.p[0] << 8 | (unsigned char)head.p[1]);
        gap.to.port = (uint16_t)((unsigned char)head.p[2] << 8 | (unsigned char)head.p[3]);
        gap.octets = slice_from(head, 8);
        if (!gather_is_sip(gap.octets))
            return ERR_OK;
    }
    return gather_gap(g, &gap);
}

static bool same(const struct partial *p, const struct ip *ip)
{
    return p->used && p->id == ip->id && p->protocol == ip->protocol && addr_same_ip(&p->from, &ip->from) &&
           addr_same_ip(&p->to, &ip->to);
}

static enum err lose_old(struct gather *g)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < CAPTURE_MAX_DATAGRAMS && !e; i++) {
        struct partial *p = g->fragments->partial[i];

        if (p && p->used && g->now_us > p->since_us + CAPTURE_FRAGMENT_US)
            e = lose(g, p);
    }
    return e;
}

static struct partial *find_same(const struct gather *g, const struct ip *ip)
{
    for (size_t i = 0; i < CAPTURE_MAX_DATAGRAMS; i++)
        if (g->fragments->partial[i] && same(g->fragments->partial[i], ip))
            return g->fragments->partial[i];
    return NULL;
}

/* A place for a new one: an empty one, else that of the oldest, which is given up. */
static enum err find_place(struct gather *g, struct partial **out)
{
    struct partial *oldest = NULL;

    for (size_t i = 0; i < CAPTURE_MAX_DATAGRAMS; i++) {
        struct partial **p = &g->fragments->partial[i];

        if (!*p && !(*p = ARENA_NEW(g->a, struct partial)))
            return ERR_NOMEM;
        if (!(*p)->used) {
            *out = *p;
            return ERR_OK;
        }
        if (!oldest || (*p)->since_us < oldest->since_us)
            oldest = *p;
    }
    *out = oldest;
    return lose(g, oldest);
}

/* The datagram of that fragment; a new one when it is the first that comes. */
static enum err find(struct gather *g, const struct ip *ip, struct partial **out)
{
    struct partial *p;
    enum err        e = lose_old(g);

    if (e)
        return e;
    if ((*out = find_same(g, ip)))
        return ERR_OK;
    if ((e = find_place(g, &p)))
        return e;
    memset(p->have, 0, sizeof p->have);
    p->used = true;
    p->from = ip->from;
    p->to = ip->to;
    p->id = ip->id;
    p->protocol = ip->protocol;
    p->since_us = g->now_us;
    p->frame = g->frame;
    p->length = p->got = 0;
    *out = p;
    return ERR_OK;
}

static void put(struct partial *p, const struct ip *ip)
{
    size_t n = ip->payload.n;

    if (ip->more)
        n -= n % 8; /* all but the last come in eights; the rest of a cut one is no use */
    memcpy(p->octets + ip->offset, ip->payload.p, n);
    for (size_t unit = ip->offset / 8; unit < (ip->offset + n + 7) / 8; unit++) {
        size_t last = ip->offset + n - unit * 8;

        if (!has(p, unit))
            p->got += last < 8 ? last : 8;
        p->have[unit / 8] = (unsigned char)(p->have[unit / 8] | 1 << unit % 8);
    }
    if (!ip->more)
        p->length = ip->offset + n;
}

enum err fragments_take(struct gather *g, const struct ip *ip, struct ip *whole)
{
    struct partial *p;
    enum err        e;

    if (!ip->payload.n || ip->offset + ip->payload.n > DATAGRAM)
        return ERR_AGAIN;
    if ((e = find(g, ip, &p)))
        return e;
    put(p, ip);
    if (!p->length || head_octets(p) < p->length)
        return ERR_AGAIN;
    *whole = *ip;
    memcpy(g->fragments->whole, p->octets, p->length);
    whole->payload = (struct slice){g->fragments->whole, p->length};
    whole->is_fragment = false;
    p->used = false;
    return ERR_OK;
}

enum err fragments_end(struct gather *g)
{
    enum err e = ERR_OK;

    for (size_t i = 0; i < CAPTURE_MAX_DATAGRAMS && !e; i++)
        if (g->fragments->partial[i] && g->fragments->partial[i]->used)
            e = lose(g, g->fragments->partial[i]);
    return e;
}
