/* capture.c - packets out of pcap and pcapng files.
 *
 * Room      app/flow. In: the octets of a file. Out: packets, one after the other, pointing into it.
 * Formats: the pcap and pcapng drafts of the IETF (draft-ietf-opsawg-pcap, -pcapng). */
#include "app/flow/capture.h"

#include <string.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a,
    BLOCK_INTERFACE = 1,
    BLOCK_PACKET_OLD = 2,
    BLOCK_PACKET_SIMPLE = 3,
    BLOCK_PACKET = 6,
    ORDER_MAGIC = 0x1a2b3c4d,
    PCAP_HEAD = 24,
    PCAP_RECORD = 16,
    BLOCK_HEAD = 8,
    OPTION_RESOLUTION = 9,
    OPTION_OFFSET = 14,
    MAX_PACKET = 1 << 20 /* octets of one packet: more is damage */
};

static uint32_t octet(struct slice s, size_t at)
{
    return (unsigned char)s.p[at];
}

static uint32_t u16(const struct capture *c, struct slice s, size_t at)
{
    return c->big_endian ? octet(s, at) << 8 | octet(s, at + 1) : octet(s, at + 1) << 8 | octet(s, at);
}

static uint32_t u32(const struct capture *c, struct slice s, size_t at)
{
    return c->big_endian ? u16(c, s, at) << 16 | u16(c, s, at + 2) : u16(c, s, at + 2) << 16 | u16(c, s, at);
}

static bool pcap_magic(struct capture *c, struct slice file)
{
    for (int big = 0; big < 2; big++) {
        uint32_t magic;

        c->big_endian = big;
        magic = u32(c, file, 0);
        c->nanoseconds = magic == 0xa1b23c4d;
        if (magic == 0xa1b2c3d4 || c->nanoseconds)
            return true;
    }
    return false;
}

enum err capture_open(struct slice file, struct capture *out)
{
    memset(out, 0, sizeof *out);
    if (file.n < 12)
        return ERR_SYNTAX;
    out->rest = file;
    if (u32(out, file, 0) == BLOCK_SECTION) {
        out->next_generation = true;
        return ERR_OK;
    }
    if (file.n < PCAP_HEAD || !pcap_magic(out, file))
        return ERR_SYNTAX;
    out->link = u32(out, file, 20) & 0x0fffffff; /* the upper bits tell of a checksum */
    out->rest = slice_from(file, PCAP_HEAD);
    return ERR_OK;
}

static enum err next_pcap(struct capture *c, struct packet *p)
{
    uint32_t n, whole;

    if (!c->rest.n)
        return ERR_NOTFOUND;
    if (c->rest.n < PCAP_RECORD)
        return ERR_SYNTAX;
    n = u32(c, c->rest, 8);
    whole = u32(c, c->rest, 12);
    if (n > MAX_PACKET || n > c->rest.n - PCAP_RECORD)
        return ERR_SYNTAX;
    p->time_us = u32(c, c->rest, 0) * (uint64_t)1000000 + u32(c, c->rest, 4) / (c->nanoseconds ? 1000 : 1);
    p->link = c->link;
    p->octets = slice_to(slice_from(c->rest, PCAP_RECORD), n);
    p->cut = whole > n;
    c->rest = slice_from(c->rest, PCAP_RECORD + n);
    return ERR_OK;
}

/* --- pcapng -------------------------------------------------------------------------------------------------------------- */

static uint64_t units_per_second(uint32_t resolution)
{
    uint64_t n = 1;

    if (resolution & 0x80)
        return (resolution & 0x7f) < 63 ? (uint64_t)1 << (resolution & 0x7f) : 1;
    for (uint32_t i = 0; i < resolution && i < 18; i++)
        n *= 10;
    return n;
}

static void read_options(struct capture *c, struct slice options, size_t index)
{
    while (options.n >= 4) {
        uint32_t code = u16(c, options, 0), n = u16(c, options, 2);

        if (!code || n > options.n - 4)
            return;
        if (code == OPTION_RESOLUTION && n >= 1)
            c->interfaces[index].per_second = units_per_second(octet(options, 4));
        if (code == OPTION_OFFSET && n >= 8)
            c->interfaces[index].offset_s =
                c->big_endian ? (uint64_t)u32(c, options, 4) << 32 | u32(c, options, 8)
                              : (uint64_t)u32(c, options, 8) << 32 | u32(c, options, 4);
        options = slice_from(options, 4 + ((size_t)n + 3) / 4 * 4);
    }
}

static enum err read_interface(struct capture *c, struct slice body)
{
    if (body.n < 8)
        return ERR_SYNTAX;
    if (c->n_interfaces == CAPTURE_MAX_INTERFACES)
        return ERR_OK; /* its packets are passed over */
    c->interfaces[c->n_interfaces].link = u16(c, body, 0);
    c->interfaces[c->n_interfaces].snap = u32(c, body, 4);
    c->interfaces[c->n_interfaces].per_second = 1000000;
    c->interfaces[c->n_interfaces].offset_s = 0;
    read_options(c, slice_from(body, 8), c->n_interfaces);
    c->n_interfaces++;
    return ERR_OK;
}

static uint64_t time_of(const struct capture *c, size_t interface, uint64_t stamp)
{
    uint64_t per_second = c->interfaces[interface].per_second;
    uint64_t seconds = stamp / per_second, rest = stamp % per_second;

    rest = per_second > 1000000 ? rest / (per_second / 1000000) : rest * 1000000 / per_second;
    return (seconds + c->interfaces[interface].offset_s) * 1000000 + rest;
}

/* ERR_AGAIN: a packet of an interface that is not known; it counts as a packet, no more. */
static enum err read_packet(struct capture *c, struct slice body, bool old, struct packet *p)
{
    uint32_t interface, n;

    if (body.n < 20)
        return ERR_SYNTAX;
    interface = old ? u16(c, body, 0) : u32(c, body, 0);
    n = u32(c, body, 12);
    if (n > MAX_PACKET || n > body.n - 20)
        return ERR_SYNTAX;
    if (interface >= c->n_interfaces)
        return ERR_AGAIN;
    p->time_us = time_of(c, interface, (uint64_t)u32(c, body, 4) << 32 | u32(c, body, 8));
    p->link = c->interfaces[interface].link;
    p->octets = slice_to(slice_from(body, 20), n);
    p->cut = u32(c, body, 16) > n;
    return ERR_OK;
}

/* Without a time: it gets that of no clock, 0, and the order of the file. */
static enum err read_simple(struct capture *c, struct slice body, struct packet *p)
{
    uint32_t whole, snap;
    size_t   n;

    if (body.n < 4)
        return ERR_SYNTAX;
    if (!c->n_interfaces)
        return ERR_AGAIN;
    whole = u32(c, body, 0);
    snap = c->interfaces[0].snap;
    n = body.n - 4;
    if (whole < n)
        n = whole;
    if (snap && snap < n)
        n = snap;
    p->time_us = 0;
    p->link = c->interfaces[0].link;
    p->octets = slice_to(slice_from(body, 4), n);
    p->cut = whole > n;
    return ERR_OK;
}

/* The next block; a section header sets the order of octets for what follows. */
static enum err next_block(struct capture *c, uint32_t *type, struct slice *body)
{
    uint32_t n;

    if (!c->rest.n)
        return ERR_NOTFOUND;
    if (c->rest.n < BLOCK_HEAD + 4)
        return ERR_SYNTAX;
    *type = u32(c, c->rest, 0);
    if (*type == BLOCK_SECTION) {
        c->big_endian = false;
        if (u32(c, c->rest, 8) != ORDER_MAGIC)
            c->big_endian = true;
        if (u32(c, c->rest, 8) != ORDER_MAGIC)
            return ERR_SYNTAX;
        c->n_interfaces = 0;
    }
    n = u32(c, c->rest, 4);
    if (n < BLOCK_HEAD + 4 || n > c->rest.n)
        return ERR_SYNTAX;
    *body = slice_to(slice_from(c->rest, BLOCK_HEAD), n - BLOCK_HEAD - 4);
    c->rest = slice_from(c->rest, n + (4 - n % 4) % 4);
    return ERR_OK;
}

static enum err next_pcapng(struct capture *c, struct packet *p)
{
    struct slice body;
    uint32_t     type;
    enum err     e;

    while (!(e = next_block(c, &type, &body))) {
        switch (type) {
        case BLOCK_INTERFACE:
            e = read_interface(c, body);
            break;
        case BLOCK_PACKET:
        case BLOCK_PACKET_OLD:
            e = read_packet(c, body, type == BLOCK_PACKET_OLD, p);
            break;
        case BLOCK_PACKET_SIMPLE:
            e = read_simple(c, body, p);
            break;
        default:
            continue; /* names, statistics, keys: nothing for us */
        }
        if (e == ERR_AGAIN)
            c->frame++;
        else if (e || type != BLOCK_INTERFACE)
            return e;
    }
    return e;
}

enum err capture_next(struct capture *c, struct packet *out)
{
    enum err e;

    memset(out, 0, sizeof *out);
    e = c->next_generation ? next_pcapng(c, out) : next_pcap(c, out);
    if (!e)
        out->frame = ++c->frame;
    return e;
}

enum err capture_read(struct arena *a, const struct hash_key *key, struct slice file, struct trace_input *in, bool *damaged)
{
    struct capture *c = ARENA_NEW(a, struct capture);
    struct gather  *g;
    struct packet   p;
    enum err        e = c ? capture_open(file, c) : ERR_NOMEM;

    if (e || (e = gather_new(a, key, &g)))
        return e;
    while (!(e = capture_next(c, &p)))
        if ((e = gather_packet(g, &p)))
            return e;
    *damaged = e != ERR_NOTFOUND;
    return gather_end(g, in);
}
