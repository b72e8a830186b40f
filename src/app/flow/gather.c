/* gather.c - packets in, SIP messages, sound and gaps out.
 *
 * Room      app/flow. Touches the gather alone. Owns its arrays (arena), what fragments and streams hold (mem).
 * Not here  putting together: fragment.c, stream.c. */
#include "app/flow/gather_priv.h"

#include <string.h>

enum { PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, MAX_TAGS = 4, MAX_EXTENSIONS = 8, FIRST_ARRAY = 256, START_LINE = 4096 };

static uint32_t octet(struct slice s, size_t at)
{
    return (unsigned char)s.p[at];
}

static uint32_t u16(struct slice s, size_t at)
{
    return octet(s, at) << 8 | octet(s, at + 1);
}

/* --- growing --------------------------------------------------------------------------------------------------------------- */

enum err octets_add(struct mem *mem, struct octets *o, struct slice more)
{
    if (o->cap - o->n < more.n) {
        size_t cap = o->cap ? o->cap : 2048;
        char  *p;

        while (cap - o->n < more.n)
            cap *= 2;
        if (!(p = mem_alloc(mem, cap)))
            return ERR_NOMEM;
        if (o->n)
            memcpy(p, o->p, o->n);
        mem_free(mem, o->p, o->cap);
        o->p = p;
        o->cap = cap;
    }
    if (more.n)
        memcpy(o->p + o->n, more.p, more.n);
    o->n += more.n;
    return ERR_OK;
}

void octets_drop(struct octets *o, size_t n)
{
    o->n -= n;
    if (o->n)
        memmove(o->p, o->p + n, o->n);
}

void octets_close(struct mem *mem, struct octets *o)
{
    mem_free(mem, o->p, o->cap);
    *o = (struct octets){0};
}

/* Room for one more in an array of the arena. */
static enum err grow(struct gather *g, void **array, size_t n, size_t *max, size_t size)
{
    size_t more = *max ? 2 * *max : FIRST_ARRAY;
    void  *p;

    if (n < *max)
        return ERR_OK;
    if (!(p = arena_alloc(g->a, more * size)))
        return ERR_NOMEM;
    if (n)
        memcpy(p, *array, n * size);
    *array = p;
    *max = more;
    return ERR_OK;
}

/* --- messages, gaps, sound --------------------------------------------------------------------------------------------------- */

bool gather_is_sip(struct slice octets)
{
    struct slice line;

    while (octets.n && (octets.p[0] == '\r' || octets.p[0] == '\n'))
        octets = slice_from(octets, 1);
    octets = slice_to(octets, START_LINE);
    if (slice_istarts(octets, S("SIP/2.0 ")))
        return true;
    if (!octets.n || !ascii_is_alpha(octets.p[0]) || !slice_line(&octets, &line))
        return false;
    line = slice_trim(line);
    return line.n > 8 && slice_ieq(slice_from(line, line.n - 8), S(" SIP/2.0"));
}

enum err gather_message(struct gather *g, const struct addr *from, const struct addr *to, enum trace_transport transport,
                        struct slice octets)
{
    struct trace_message *m;
    enum err              e;

    if (g->n_messages == TRACE_MAX_MESSAGES)
        return ERR_LIMIT;
    if ((e = grow(g, (void **)&g->messages, g->n_messages, &g->max_messages, sizeof *g->messages)))
        return e;
    m = &g->messages[g->n_messages];
    *m = (struct trace_message){.time_us = g->now_us, .from = *from, .to = *to, .transport = transport, .frame = g->frame};
    if ((e = arena_dup(g->a, octets, &m->octets)))
        return e;
    g->n_messages++;
    return ERR_OK;
}

enum err gather_gap(struct gather *g, const struct trace_gap *gap)
{
    enum err e;

    if (g->n_gaps == TRACE_MAX_GAPS)
        return ERR_OK; /* there is enough to see that the capture is bad */
    if ((e = grow(g, (void **)&g->gaps, g->n_gaps, &g->max_gaps, sizeof *g->gaps)))
        return e;
    g->gaps[g->n_gaps] = *gap;
    if ((e = arena_dup(g->a, gap->octets, &g->gaps[g->n_gaps].octets)))
        return e;
    g->n_gaps++;
    return ERR_OK;
}

static uint64_t hash_sound(const struct gather *g, const struct trace_sound *s)
{
    char       text[2 * ADDR_MAX_TEXT + 16];
    struct buf b = BUF_ON(text);

    addr_put(&b, &s->from);
    addr_put(&b, &s->to);
    buf_puthex64(&b, s->ssrc);
    return hash_octets(&g->key, buf_slice(&b));
}

static void index_sound(struct gather *g, size_t n)
{
    size_t at = hash_sound(g, &g->sounds[n]) % g->sound_buckets;

    while (g->sound_at[at])
        at = (at + 1) % g->sound_buckets;
    g->sound_at[at] = n + 1;
}

static enum err add_sound(struct gather *g, const struct trace_sound *s)
{
    enum err e;

    if (g->n_sounds == TRACE_MAX_SOUND)
        return ERR_OK;
    if ((e = grow(g, (void **)&g->sounds, g->n_sounds, &g->max_sounds, sizeof *g->sounds)))
        return e;
    g->sounds[g->n_sounds++] = *s;
    if (g->sound_buckets >= 2 * g->n_sounds) {
        index_sound(g, g->n_sounds - 1);
        return ERR_OK;
    }
    g->sound_buckets = g->max_sounds * 4;
    if (!(g->sound_at = arena_zalloc(g->a, g->sound_buckets * sizeof *g->sound_at)))
        return ERR_NOMEM;
    for (size_t i = 0; i < g->n_sounds; i++)
        index_sound(g, i);
    return ERR_OK;
}

/* RTP version 2 and no RTCP (RFC 5761 §4). Others that look so are harmless: only streams that an SDP names count. */
static bool is_rtp(struct slice d)
{
    uint32_t type;

    if (d.n < 12 || octet(d, 0) >> 6 != 2)
        return false;
    type = octet(d, 1) & 127;
    return type < 64 || type > 95;
}

static enum err count_sound(struct gather *g, const struct trace_sound *s)
{
    for (size_t at = g->sound_buckets ? hash_sound(g, s) % g->sound_buckets : 0; g->sound_buckets && g->sound_at[at];
         at = (at + 1) % g->sound_buckets) {
        struct trace_sound *o = &g->sounds[g->sound_at[at] - 1];

        if (o->ssrc != s->ssrc || !addr_eq(&o->from, &s->from) || !addr_eq(&o->to, &s->to))
            continue;
        o->packets++;
        o->last_us = s->last_us;
        return ERR_OK;
    }
    return add_sound(g, s);
}

enum err gather_udp(struct gather *g, const struct ip *ip, struct slice datagram)
{
    struct addr  from = ip->from, to = ip->to;
    struct slice payload;
    size_t       length;

    if (datagram.n < 8)
        return ERR_OK;
    from.port = (uint16_t)u16(datagram, 0);
    to.port = (uint16_t)u16(datagram, 2);
    length = u16(datagram, 4);
    payload = slice_from(length >= 8 ? slice_to(datagram, length) : datagram, 8); /* 0: a jumbogram, or never filled in */
    if (gather_is_sip(payload))
        return gather_message(g, &from, &to, TRACE_UDP, payload);
    if (!is_rtp(payload))
        return ERR_OK;
    return count_sound(g, &(struct trace_sound){.from = from, .to = to, .packets = 1, .first_us = g->now_us,
                                                .last_us = g->now_us, .payload_type = (uint8_t)(octet(payload, 1) & 127),
                                                .ssrc = u16(payload, 8) << 16 | u16(payload, 10)});
}

/* --- from the link up to IP --------------------------------------------------------------------------------------------------- */

static bool read_ip4(struct slice s, struct ip *out)
{
    size_t   head = (octet(s, 0) & 15) * 4u, whole;
    uint32_t flags;

    if (s.n < 20 || head < 20 || head > s.n)
        return false;
    whole = u16(s, 2);
    if (whole < head)
        whole = s.n; /* 0: the network card was to fill it in */
    flags = u16(s, 6);
    *out = (struct ip){.protocol = (uint8_t)octet(s, 9), .payload = slice_from(slice_to(s, whole), head), .id = u16(s, 4)};
    out->from.family = out->to.family = ADDR_IP4;
    memcpy(out->from.ip, s.p + 12, 4);
    memcpy(out->to.ip, s.p + 16, 4);
    out->more = flags & 0x2000;
    out->offset = (flags & 0x1fff) * 8;
    out->is_fragment = out->more || out->offset;
    return true;
}

/* Past the extension headers (RFC 8200 §4) that may stand before UDP or TCP. */
static bool read_extensions(struct ip *out, uint32_t next)
{
    for (int i = 0; i < MAX_EXTENSIONS; i++) {
        struct slice s = out->payload;
        size_t       n;

        out->protocol = (uint8_t)next;
        if (next != 0 && next != 43 && next != 44 && next != 51 && next != 60)
            return true;
        if (s.n < 8)
            return false;
        if (next == 44) {
            out->offset = u16(s, 2) & 0xfff8;
            out->more = u16(s, 2) & 1;
            out->id = u16(s, 4) << 16 | u16(s, 6);
            out->is_fragment = out->more || out->offset;
        }
        n = next == 44 ? 8 : next == 51 ? (octet(s, 1) + 2) * 4u : (octet(s, 1) + 1) * 8u;
        next = octet(s, 0);
        out->payload = slice_from(s, n);
        if (out->offset) { /* what follows is the middle of something */
            out->protocol = (uint8_t)next;
            return true;
        }
    }
    return false;
}

static bool read_ip6(struct slice s, struct ip *out)
{
    size_t n;

    if (s.n < 40)
        return false;
    n = u16(s, 4);
    *out = (struct ip){.payload = slice_from(s, 40)};
    if (n)
        out->payload = slice_to(out->payload, n);
    out->from.family = out->to.family = ADDR_IP6;
    memcpy(out->from.ip, s.p + 8, 16);
    memcpy(out->to.ip, s.p + 24, 16);
    return read_extensions(out, octet(s, 6));
}

static bool read_ip(struct slice s, struct ip *out)
{
    if (!s.n)
        return false;
    return octet(s, 0) >> 4 == 4 ? read_ip4(s, out) : octet(s, 0) >> 4 == 6 && read_ip6(s, out);
}

/* Behind an ethertype at `at`, past VLAN tags (IEEE 802.1Q, 802.1ad). */
static struct slice behind_type(struct slice s, size_t at)
{
    for (int i = 0; i <= MAX_TAGS && s.n >= at + 2; i++, at += 4) {
        uint32_t type = u16(s, at);

        if (type == 0x0800 || type == 0x86dd)
            return slice_from(s, at + 2);
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
            break;
    }
    return SLICE_NONE;
}

static struct slice link_payload(const struct packet *p)
{
    switch (p->link) {
    case LINK_ETHERNET:
        return behind_type(p->octets, 12);
    case LINK_COOKED:
        return behind_type(p->octets, 14);
    case LINK_COOKED2:
        return p->octets.n < 20 ? SLICE_NONE : u16(p->octets, 0) == 0x8100 ? behind_type(slice_from(p->octets, 20), 2)
               : u16(p->octets, 0) == 0x0800 || u16(p->octets, 0) == 0x86dd ? slice_from(p->octets, 20)
                                                                            : SLICE_NONE;
    case LINK_NULL:
    case LINK_LOOP:
        return slice_from(p->octets, 4); /* the family's number differs by system: IP tells it itself */
    case LINK_RAW:
    case LINK_RAW_BSD:
    case LINK_RAW_OPENBSD:
    case LINK_IP4:
    case LINK_IP6:
        return p->octets;
    default:
        return SLICE_NONE;
    }
}

static enum err take_ip(struct gather *g, const struct ip *ip)
{
    if (ip->protocol == PROTOCOL_UDP)
        return gather_udp(g, ip, ip->payload);
    return ip->protocol == PROTOCOL_TCP ? streams_take(g, ip) : ERR_OK;
}

enum err gather_packet(struct gather *g, const struct packet *p)
{
    struct ip ip, whole;
    enum err  e;

    g->frame = p->frame;
    g->now_us = p->time_us;
    if (!g->packets++ || p->time_us < g->begin_us)
        g->begin_us = p->time_us;
    if (p->time_us > g->end_us)
        g->end_us = p->time_us;
    if (!read_ip(link_payload(p), &ip))
        return ERR_OK;
    if (!ip.is_fragment)
        return take_ip(g, &ip);
    e = fragments_take(g, &ip, &whole);
    return e == ERR_AGAIN ? ERR_OK : e ? e : take_ip(g, &whole);
}

enum err gather_new(struct arena *a, const struct hash_key *key, struct gather **out)
{
    struct gather *g = ARENA_NEW(a, struct gather);
    enum err       e;

    if (!g || !a->mem)
        return ERR_NOMEM;
    g->a = a;
    g->mem = a->mem;
    g->key = *key;
    if ((e = fragments_new(g)) || (e = streams_new(g)))
        return e;
    *out = g;
    return ERR_OK;
}

enum err gather_end(struct gather *g, struct trace_input *in)
{
    enum err e = fragments_end(g), e2 = streams_end(g);

    in->messages = g->messages;
    in->n_messages = g->n_messages;
    in->sounds = g->sounds;
    in->n_sounds = g->n_sounds;
    in->gaps = g->gaps;
    in->n_gaps = g->n_gaps;
    in->begin_us = g->begin_us;
    in->end_us = g->end_us;
    return e ? e : e2;
}

uint64_t gather_packets(const struct gather *g)
{
    return g->packets;
}
