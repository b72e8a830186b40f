/* save.c - messages as a pcap file of raw IP, for other tools and for keeping.
 *
 * Room      app/flow. In: messages. Out: the file, in the arena.
 * What came over UDP is a datagram each (cut into fragments of FRAGMENT octets where it has to be), what came over a
 * stream is one segment or more with running sequence numbers; no handshakes are made up. Checksums are left out, as
 * captures of outgoing packets have them. */
#include "app/flow/capture.h"

#include <string.h>

enum { FRAGMENT = 16384, MAX_FLOWS = 4096, RECORD = 16, FILE_HEAD = 24, MAX_HEADS = 40 + 8 + 20, UDP = 17, TCP = 6,
       MAX_DATAGRAM = 65400 };

struct sequence {
    struct addr from, to;
    uint32_t    next;
};

struct saving {
    struct buf       b;
    struct sequence *sequences;
    size_t           n_sequences;
    uint32_t         id;
};

static void put16(struct buf *b, uint32_t v)
{
    buf_putc(b, (char)(v >> 8 & 255));
    buf_putc(b, (char)(v & 255));
}

static void put32(struct buf *b, uint32_t v)
{
    put16(b, v >> 16);
    put16(b, v & 0xffff);
}

struct piece { /* of one IP datagram */
    const struct trace_message *m;
    uint8_t                     protocol;
    struct slice                heads; /* of UDP or TCP; empty in the middle */
    struct slice                octets;
    uint32_t                    offset, id;
    bool                        more;
};

static uint32_t ip4_checksum(const struct buf *b, size_t at)
{
    uint32_t sum = 0;

    for (size_t i = at; i + 1 < at + 20 && i + 1 < b->n; i += 2)
        sum += (uint32_t)((unsigned char)b->p[i] << 8 | (unsigned char)b->p[i + 1]);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static void put_ip4(struct buf *b, const struct piece *p)
{
    size_t   at = b->n;
    uint32_t sum;

    put16(b, 0x4500);
    put16(b, (uint32_t)(20 + p->heads.n + p->octets.n));
    put16(b, p->id & 0xffff);
    put16(b, p->offset / 8 | (p->more ? 0x2000u : 0u));
    put16(b, 64u << 8 | p->protocol);
    put16(b, 0);
    buf_put(b, (struct slice){(const char *)p->m->from.ip, 4});
    buf_put(b, (struct slice){(const char *)p->m->to.ip, 4});
    if (buf_err(b))
        return;
    sum = ip4_checksum(b, at);
    b->p[at + 10] = (char)(sum >> 8);
    b->p[at + 11] = (char)(sum & 255);
}

static void put_ip6(struct buf *b, const struct piece *p)
{
    bool fragment = p->offset || p->more;

    put32(b, 0x60000000);
    put16(b, (uint32_t)(p->heads.n + p->octets.n + (fragment ? 8 : 0)));
    put16(b, (uint32_t)(fragment ? 44 : p->protocol) << 8 | 64);
    buf_put(b, (struct slice){(const char *)p->m->from.ip, 16});
    buf_put(b, (struct slice){(const char *)p->m->to.ip, 16});
    if (!fragment)
        return;
    put16(b, (uint32_t)p->protocol << 8);
    put16(b, p->offset | p->more);
    put32(b, p->id);
}

static void little32(struct buf *b, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        buf_putc(b, (char)(v >> 8 * i & 255));
}

static void put_piece(struct saving *s, const struct piece *p)
{
    bool     ip6 = p->m->from.family == ADDR_IP6;
    uint32_t n = (uint32_t)(p->heads.n + p->octets.n + (ip6 ? 40u + (p->offset || p->more ? 8u : 0u) : 20u));

    little32(&s->b, (uint32_t)(p->m->time_us / 1000000));
    little32(&s->b, (uint32_t)(p->m->time_us % 1000000));
    little32(&s->b, n);
    little32(&s->b, n);
    if (ip6)
        put_ip6(&s->b, p);
    else
        put_ip4(&s->b, p);
    buf_puts(&s->b, p->heads, p->octets);
}

static void put_datagram(struct saving *s, const struct trace_message *m)
{
    char         text[8];
    struct buf   head = BUF_ON(text);
    struct slice rest = slice_to(m->octets, MAX_DATAGRAM);
    struct piece p = {.m = m, .protocol = UDP, .id = ++s->id};

    put16(&head, m->from.port);
    put16(&head, m->to.port);
    put16(&head, (uint32_t)rest.n + 8);
    put16(&head, 0);
    p.heads = buf_slice(&head);
    do {
        size_t room = FRAGMENT - p.heads.n;

        p.octets = slice_to(rest, room);
        p.more = rest.n > room;
        put_piece(s, &p);
        p.offset += (uint32_t)(p.heads.n + p.octets.n);
        p.heads = SLICE_NONE;
        rest = slice_from(rest, p.octets.n);
    } while (rest.n);
}

static struct sequence *sequence_of(struct saving *s, const struct trace_message *m)
{
    for (size_t i = 0; i < s->n_sequences; i++)
        if (addr_eq(&s->sequences[i].from, &m->from) && addr_eq(&s->sequences[i].to, &m->to))
            return &s->sequences[i];
    if (s->n_sequences == MAX_FLOWS)
        s->n_sequences = 0; /* their numbers begin anew: another connection, to a reader */
    s->sequences[s->n_sequences] = (struct sequence){m->from, m->to, 1};
    return &s->sequences[s->n_sequences++];
}

static void put_segments(struct saving *s, const struct trace_message *m)
{
    struct sequence *q = sequence_of(s, m);
    struct slice     rest = m->octets;

    while (rest.n) {
        char         text[20];
        struct buf   head = BUF_ON(text);
        struct piece p = {.m = m, .protocol = TCP, .octets = slice_to(rest, FRAGMENT), .id = ++s->id};

        put16(&head, m->from.port);
        put16(&head, m->to.port);
        put32(&head, q->next);
        put32(&head, 1);
        put16(&head, 0x5018); /* 20 octets; ACK, PSH */
        put16(&head, 65535);
        put32(&head, 0);
        p.heads = buf_slice(&head);
        put_piece(s, &p);
        q->next += (uint32_t)p.octets.n;
        rest = slice_from(rest, p.octets.n);
    }
}

static size_t file_octets(const struct trace_message *const *messages, size_t n)
{
    size_t sum = FILE_HEAD;

    for (size_t i = 0; i < n; i++)
        sum += messages[i]->octets.n + (messages[i]->octets.n / (FRAGMENT - 8) + 2) * (RECORD + MAX_HEADS);
    return sum;
}

static size_t most_octets(const struct trace_message *const *messages, size_t n)
{
    size_t most = 0;

    for (size_t i = 0; i < n; i++)
        if (messages[i]->octets.n > most)
            most = messages[i]->octets.n;
    return most;
}

/* A capture that is written is shown around. `room` is for its octets. */
static void put_masked(struct saving *s, const struct trace_message *m, char *room)
{
    struct trace_message masked = *m;

    if (m->octets.n)
        memcpy(room, m->octets.p, m->octets.n);
    trace_mask(room, m->octets.n);
    masked.octets.p = room;
    if (m->transport == TRACE_UDP)
        put_datagram(s, &masked);
    else
        put_segments(s, &masked);
}

enum err capture_write(struct arena *a, const struct trace_message *const *messages, size_t n, struct slice *out)
{
    struct saving s = {.sequences = arena_alloc(a, MAX_FLOWS * sizeof *s.sequences)};
    size_t        room = file_octets(messages, n);
    char         *block = arena_alloc(a, room), *plain = arena_alloc(a, most_octets(messages, n) + 1);

    if (!s.sequences || !block || !plain)
        return ERR_NOMEM;
    buf_init(&s.b, block, room);
    little32(&s.b, 0xa1b2c3d4);
    little32(&s.b, 0x00040002);
    little32(&s.b, 0);
    little32(&s.b, 0);
    little32(&s.b, 262144);
    little32(&s.b, LINK_RAW);
    for (size_t i = 0; i < n; i++)
        if (messages[i]->from.family == messages[i]->to.family && messages[i]->from.family != ADDR_NONE)
            put_masked(&s, messages[i], plain);
    *out = buf_slice(&s.b);
    return buf_err(&s.b) ? ERR_NOMEM : ERR_OK;
}
