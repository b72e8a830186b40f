/* rtp.c - RTP packets, and the order in which they come: RFC 3550 §5.1, §A.1, §A.3, §A.8.
 *
 * Room      media; no world in here.
 * Touches   its arguments only.
 * Not here  probation (§A.1): who may send at all is decided by address, in latch.c. */
#include "media/rtp.h"

#define VERSION 2u
#define NO_SEQ UINT32_MAX

static uint32_t get(struct slice s, size_t at, size_t n)
{
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | (uint8_t)s.p[at + i];
    return v;
}

static void put(struct buf *b, uint32_t v, unsigned n)
{
    while (n--)
        buf_putc(b, (char)(v >> 8 * n));
}

/* Take padding off the end (§5.1, bit P): its last octet counts it, itself included. */
static enum err without_padding(struct slice *s, bool padded)
{
    size_t n;

    if (!padded)
        return ERR_OK;
    n = s->n ? (uint8_t)s->p[s->n - 1] : 0;
    if (n == 0 || n > s->n)
        return ERR_SYNTAX;
    s->n -= n;
    return ERR_OK;
}

enum err rtp_parse(struct slice in, struct rtp *out)
{
    struct rtp r;
    uint32_t   first;
    size_t     head;

    if (in.n < RTP_HEADER_OCTETS || (uint8_t)in.p[0] >> 6 != VERSION)
        return ERR_SYNTAX;
    first = get(in, 0, 2);
    head = RTP_HEADER_OCTETS + 4 * (first >> 8 & 15);
    if (first & 0x1000) { /* X: 16 bits of anything, 16 bits of length in words */
        if (in.n < head + 4)
            return ERR_SYNTAX;
        head += 4 + 4 * (size_t)get(in, head + 2, 2);
    }
    if (in.n < head)
        return ERR_SYNTAX;
    r = (struct rtp){.marker = first & 0x80, .pt = first & 0x7f, .seq = (uint16_t)get(in, 2, 2)};
    r.ts = get(in, 4, 4);
    r.ssrc = get(in, 8, 4);
    r.payload = slice_from(in, head);
    if (without_padding(&r.payload, first & 0x2000))
        return ERR_SYNTAX;
    *out = r;
    return ERR_OK;
}

void rtp_put(struct buf *b, const struct rtp *r)
{
    buf_putc(b, (char)(VERSION << 6));
    buf_putc(b, (char)((r->marker ? 0x80 : 0) | r->pt));
    put(b, r->seq, 2);
    put(b, r->ts, 4);
    put(b, r->ssrc, 4);
    buf_put(b, r->payload);
}

bool rtp_is_rtcp(struct slice in)
{
    return in.n >= 2 && (uint8_t)in.p[1] >= 192 && (uint8_t)in.p[1] <= 223;
}

static void begin(struct rtp_source *src, uint16_t seq)
{
    *src = (struct rtp_source){.begun = true, .ssrc = src->ssrc, .bad_seq = NO_SEQ, .received = 1};
    /* One cycle up, so that a packet from before the first has a number too. */
    src->base_seq = src->max_seq = 0x10000u + seq;
}

enum err rtp_source_count(struct rtp_source *src, uint16_t seq, uint32_t *extended)
{
    uint16_t ahead = (uint16_t)(seq - (uint16_t)src->max_seq);
    uint16_t behind = (uint16_t)((uint16_t)src->max_seq - seq);

    if (!src->begun) {
        begin(src, seq);
    } else if (ahead < RTP_MAX_DROPOUT) {
        src->max_seq += ahead;
        src->received++;
        *extended = src->max_seq;
        src->bad_seq = NO_SEQ;
        return ERR_OK;
    } else if (behind <= RTP_MAX_MISORDER) {
        src->received++;
        *extended = src->max_seq - behind;
        return ERR_OK;
    } else if (seq != src->bad_seq) { /* one stray packet does not begin anything; two in order do */
        src->bad_seq = (uint16_t)(seq + 1);
        return ERR_STALE;
    } else {
        begin(src, seq);
        *extended = src->max_seq;
        return ERR_EXISTS;
    }
    *extended = src->max_seq;
    return ERR_OK;
}

void rtp_source_time(struct rtp_source *src, uint32_t ts, uint32_t arrival)
{
    int32_t  transit = (int32_t)(arrival - ts);
    uint32_t d = (uint32_t)transit - (uint32_t)src->transit;

    if (src->timed) {
        d = d > INT32_MAX ? 0u - d : d;
        src->jitter_16 += d - ((src->jitter_16 + 8) >> 4);
    }
    src->transit = transit;
    src->timed = true;
}

uint32_t rtp_source_expected(const struct rtp_source *src)
{
    return src->begun ? src->max_seq - src->base_seq + 1 : 0;
}

int32_t rtp_source_lost(const struct rtp_source *src)
{
    return (int32_t)(rtp_source_expected(src) - src->received);
}

uint8_t rtp_source_fraction(struct rtp_source *src)
{
    uint32_t expected = rtp_source_expected(src) - src->expected_prior;
    uint32_t received = src->received - src->received_prior;

    src->expected_prior += expected;
    src->received_prior = src->received;
    if (expected == 0 || received >= expected)
        return 0;
    return (uint8_t)(((uint64_t)(expected - received) << 8) / expected);
}
