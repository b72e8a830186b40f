/* rtcp.c - RTCP packets written and read: RFC 3550 §6.4 to §6.6, §A.2. Extended reports are in rtcp_xr.c.
 *
 * Room      media; no world in here.
 * Touches   its arguments only.
 * Not here  when to send (report.c). */
#include "media/rtcp.h"

enum { PT_SR = 200, PT_RR = 201, PT_SDES = 202, PT_BYE = 203 };
enum { SDES_END = 0, SDES_CNAME = 1 };
enum { BLOCK_OCTETS = 24, SENDER_OCTETS = 20, CNAME_MAX = 255 };

#define put rtcp_put_number
#define take rtcp_take_number

void rtcp_put_number(struct buf *b, uint32_t v, unsigned octets)
{
    while (octets--)
        buf_putc(b, (char)(v >> 8 * octets));
}

static void put_head(struct buf *b, unsigned count, unsigned pt, size_t octets)
{
    put(b, 2u << 6 | count, 1);
    put(b, pt, 1);
    put(b, (uint32_t)(octets / 4 - 1), 2);
}

static void put_block(struct buf *b, const struct rtcp_block *k)
{
    int32_t lost = k->lost > 0x7fffff ? 0x7fffff : k->lost < -0x800000 ? -0x800000 : k->lost;

    put(b, k->ssrc, 4);
    put(b, k->fraction, 1);
    put(b, (uint32_t)lost & 0xffffff, 3);
    put(b, k->max_seq, 4);
    put(b, k->jitter, 4);
    put(b, k->lsr, 4);
    put(b, k->dlsr, 4);
}

static void put_report(struct buf *b, const struct rtcp_report *r)
{
    put_head(b, r->has_block, r->is_sender ? PT_SR : PT_RR,
             8 + (r->is_sender ? SENDER_OCTETS : 0u) + (r->has_block ? BLOCK_OCTETS : 0u));
    put(b, r->ssrc, 4);
    if (r->is_sender) {
        put(b, (uint32_t)(r->sender.ntp >> 32), 4);
        put(b, (uint32_t)r->sender.ntp, 4);
        put(b, r->sender.ts, 4);
        put(b, r->sender.packets, 4);
        put(b, r->sender.octets, 4);
    }
    if (r->has_block)
        put_block(b, &r->block);
}

/* One chunk with one item, ended by at least one null octet and filled up to a word (§6.5). */
static void put_sdes(struct buf *b, const struct rtcp_report *r)
{
    struct slice cname = slice_to(r->cname, CNAME_MAX);
    size_t       item = 2 + cname.n;
    size_t       fill = 4 - item % 4;

    put_head(b, 1, PT_SDES, 8 + item + fill);
    put(b, r->ssrc, 4);
    put(b, SDES_CNAME, 1);
    put(b, (uint32_t)cname.n, 1);
    buf_put(b, cname);
    while (fill--)
        put(b, SDES_END, 1);
}

void rtcp_put(struct buf *b, const struct rtcp_report *r)
{
    put_report(b, r);
    put_sdes(b, r);
    rtcp_xr_put(b, r->ssrc, &r->xr);
    if (r->bye) {
        put_head(b, 1, PT_BYE, 8);
        put(b, r->ssrc, 4);
    }
}

/* ---- reading ---- */

uint32_t rtcp_take_number(struct slice *s, unsigned octets)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < octets && i < s->n; i++)
        v = v << 8 | (uint8_t)s->p[i];
    *s = slice_from(*s, octets);
    return v;
}

static struct rtcp_block take_block(struct slice *s)
{
    struct rtcp_block k = {.ssrc = take(s, 4), .fraction = (uint8_t)take(s, 1)};
    uint32_t          lost = take(s, 3);

    k.lost = lost & 0x800000 ? (int32_t)lost - 0x1000000 : (int32_t)lost;
    k.max_seq = take(s, 4);
    k.jitter = take(s, 4);
    k.lsr = take(s, 4);
    k.dlsr = take(s, 4);
    return k;
}

/* An SR's or RR's body: sender's part, then `count` blocks. */
static enum err on_report(struct slice body, unsigned count, uint32_t about, struct rtcp_report *out)
{
    if (body.n < 4 + (out->is_sender ? SENDER_OCTETS : 0u) + (size_t)count * BLOCK_OCTETS)
        return ERR_SYNTAX;
    out->ssrc = take(&body, 4);
    if (out->is_sender) {
        out->sender.ntp = (uint64_t)take(&body, 4) << 32;
        out->sender.ntp |= take(&body, 4);
        out->sender.ts = take(&body, 4);
        out->sender.packets = take(&body, 4);
        out->sender.octets = take(&body, 4);
    }
    while (count--) {
        struct rtcp_block k = take_block(&body);

        if (k.ssrc == about) {
            out->has_block = true;
            out->block = k;
        }
    }
    return ERR_OK;
}

/* The CNAME of the first chunk, if it is the speaker's. */
static void on_sdes(struct slice body, struct rtcp_report *out)
{
    if (body.n < 4 || take(&body, 4) != out->ssrc)
        return;
    while (body.n >= 2) {
        uint32_t item = take(&body, 1), n = take(&body, 1);

        if (item == SDES_END || n > body.n)
            return;
        if (item == SDES_CNAME)
            out->cname = slice_to(body, n);
        body = slice_from(body, n);
    }
}

static void on_bye(struct slice body, unsigned count, struct rtcp_report *out)
{
    while (count-- && body.n >= 4)
        if (take(&body, 4) == out->ssrc)
            out->bye = true;
}

/* Extended reports, if the speaker's own. */
static enum err on_xr(struct slice body, uint32_t about, struct rtcp_report *out)
{
    if (body.n < 4)
        return ERR_SYNTAX;
    return take(&body, 4) == out->ssrc ? rtcp_xr_read(body, about, &out->xr) : ERR_OK;
}

/* Take one packet off *in: its kind, count and body. */
static enum err next_packet(struct slice *in, unsigned *pt, unsigned *count, struct slice *body)
{
    uint32_t first;
    size_t   octets;

    if (in->n < 4)
        return ERR_SYNTAX;
    first = take(in, 2);
    octets = 4 * (size_t)take(in, 2);
    if (first >> 14 != 2 || octets > in->n)
        return ERR_SYNTAX;
    *pt = first & 0xff;
    *count = first >> 8 & 31;
    *body = slice_to(*in, octets);
    *in = slice_from(*in, octets);
    if (first & 0x2000) { /* P: on the last packet only */
        size_t pad = body->n ? (uint8_t)body->p[body->n - 1] : 0;

        if (pad == 0 || pad > body->n)
            return ERR_SYNTAX;
        body->n -= pad;
    }
    return ERR_OK;
}

enum err rtcp_parse(struct slice in, uint32_t about, struct rtcp_report *out)
{
    struct rtcp_report r = {0};
    unsigned           pt, count;
    struct slice       body;

    if (next_packet(&in, &pt, &count, &body) || (pt != PT_SR && pt != PT_RR))
        return ERR_SYNTAX;
    r.is_sender = pt == PT_SR;
    if (on_report(body, count, about, &r))
        return ERR_SYNTAX;
    while (in.n) {
        if (next_packet(&in, &pt, &count, &body))
            return ERR_SYNTAX;
        if (pt == PT_SDES && count)
            on_sdes(body, &r);
        else if (pt == PT_BYE)
            on_bye(body, count, &r);
        else if (pt == RTCP_XR_PACKET && on_xr(body, about, &r))
            return ERR_SYNTAX;
    }
    *out = r;
    return ERR_OK;
}

uint64_t rtcp_ntp(uint64_t us)
{
    return (us / 1000000) << 32 | ((us % 1000000) << 32) / 1000000;
}

uint32_t rtcp_round_trip_us(const struct rtcp_block *b, uint32_t now)
{
    uint32_t trip = now - b->lsr - b->dlsr;

    if (b->lsr == 0 || trip > INT32_MAX)
        return 0;
    return (uint32_t)((uint64_t)trip * 1000000 >> 16);
}
