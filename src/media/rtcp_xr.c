/* rtcp_xr.c - extended reports written and read: RFC 3611 §2, §3, §4.4, §4.5, §4.7.
 *
 * Room      media; no world in here.
 * Touches   its arguments only.
 * Not here  what the figures are (quality.c), when they are sent (report.c). */
#include "media/rtcp_xr.h"

#define put rtcp_put_number
#define take rtcp_take_number

enum { BLOCK_TIME = 4, BLOCK_DELAY = 5, BLOCK_VOIP = 7 };
enum { HEAD_OCTETS = 8, BLOCK_HEAD_OCTETS = 4, TIME_OCTETS = 8, DELAY_OCTETS = 12, VOIP_OCTETS = 32 };

static void put_block_head(struct buf *b, unsigned kind, size_t octets)
{
    put(b, kind, 1);
    put(b, 0, 1);
    put(b, (uint32_t)(octets / 4), 2);
}

static void put_voip(struct buf *b, const struct rtcp_voip *v)
{
    const uint8_t fractions[] = {v->loss, v->discard, v->burst_density, v->gap_density};
    const uint8_t scores[] = {(uint8_t)v->signal_dbm0, (uint8_t)v->noise_dbm0, v->echo_loss_db, v->gmin, v->r, v->external_r,
                              v->mos_lq_10, v->mos_cq_10, v->config, 0};

    put_block_head(b, BLOCK_VOIP, VOIP_OCTETS);
    put(b, v->ssrc, 4);
    for (size_t i = 0; i < sizeof fractions; i++)
        put(b, fractions[i], 1);
    put(b, v->burst_ms, 2);
    put(b, v->gap_ms, 2);
    put(b, v->round_trip_ms, 2);
    put(b, v->end_delay_ms, 2);
    for (size_t i = 0; i < sizeof scores; i++)
        put(b, scores[i], 1);
    put(b, v->jitter_ms, 2);
    put(b, v->jitter_max_ms, 2);
    put(b, v->jitter_abs_max_ms, 2);
}

void rtcp_xr_put(struct buf *b, uint32_t ssrc, const struct rtcp_xr *x)
{
    size_t octets = HEAD_OCTETS;

    octets += x->has_time ? BLOCK_HEAD_OCTETS + TIME_OCTETS : 0u;
    octets += x->has_delay ? BLOCK_HEAD_OCTETS + DELAY_OCTETS : 0u;
    octets += x->has_voip ? BLOCK_HEAD_OCTETS + VOIP_OCTETS : 0u;
    if (octets == HEAD_OCTETS)
        return;
    put(b, 2u << 6, 1);
    put(b, RTCP_XR_PACKET, 1);
    put(b, (uint32_t)(octets / 4 - 1), 2);
    put(b, ssrc, 4);
    if (x->has_time) {
        put_block_head(b, BLOCK_TIME, TIME_OCTETS);
        put(b, (uint32_t)(x->ntp >> 32), 4);
        put(b, (uint32_t)x->ntp, 4);
    }
    if (x->has_delay) {
        put_block_head(b, BLOCK_DELAY, DELAY_OCTETS);
        put(b, x->delay_ssrc, 4);
        put(b, x->lrr, 4);
        put(b, x->dlrr, 4);
    }
    if (x->has_voip)
        put_voip(b, &x->voip);
}

/* ---- reading ---- */

static struct rtcp_voip take_voip(struct slice s)
{
    struct rtcp_voip v = {.ssrc = take(&s, 4), .loss = (uint8_t)take(&s, 1)};

    v.discard = (uint8_t)take(&s, 1);
    v.burst_density = (uint8_t)take(&s, 1);
    v.gap_density = (uint8_t)take(&s, 1);
    v.burst_ms = (uint16_t)take(&s, 2);
    v.gap_ms = (uint16_t)take(&s, 2);
    v.round_trip_ms = (uint16_t)take(&s, 2);
    v.end_delay_ms = (uint16_t)take(&s, 2);
    v.signal_dbm0 = (int8_t)take(&s, 1);
    v.noise_dbm0 = (int8_t)take(&s, 1);
    v.echo_loss_db = (uint8_t)take(&s, 1);
    v.gmin = (uint8_t)take(&s, 1);
    v.r = (uint8_t)take(&s, 1);
    v.external_r = (uint8_t)take(&s, 1);
    v.mos_lq_10 = (uint8_t)take(&s, 1);
    v.mos_cq_10 = (uint8_t)take(&s, 1);
    v.config = (uint8_t)(take(&s, 2) >> 8); /* and an octet that is reserved */
    v.jitter_ms = (uint16_t)take(&s, 2);
    v.jitter_max_ms = (uint16_t)take(&s, 2);
    v.jitter_abs_max_ms = (uint16_t)take(&s, 2);
    return v;
}

/* A row of who, last time, delay since. */
static void on_delays(struct slice body, uint32_t about, struct rtcp_xr *x)
{
    while (body.n >= DELAY_OCTETS) {
        uint32_t ssrc = take(&body, 4), lrr = take(&body, 4), dlrr = take(&body, 4);

        if (ssrc != about)
            continue;
        x->has_delay = true;
        x->delay_ssrc = ssrc;
        x->lrr = lrr;
        x->dlrr = dlrr;
    }
}

static void on_block(unsigned kind, struct slice body, uint32_t about, struct rtcp_xr *x)
{
    struct rtcp_voip v;

    if (kind == BLOCK_TIME && body.n == TIME_OCTETS) {
        x->has_time = true;
        x->ntp = (uint64_t)take(&body, 4) << 32;
        x->ntp |= take(&body, 4);
    } else if (kind == BLOCK_DELAY) {
        on_delays(body, about, x);
    } else if (kind == BLOCK_VOIP && body.n == VOIP_OCTETS) {
        v = take_voip(body);
        if (v.ssrc == about) {
            x->has_voip = true;
            x->voip = v;
        }
    }
}

enum err rtcp_xr_read(struct slice blocks, uint32_t about, struct rtcp_xr *x)
{
    struct rtcp_xr r = *x;

    while (blocks.n) {
        unsigned kind = take(&blocks, 1);
        size_t   octets;

        (void)take(&blocks, 1);
        if (blocks.n < 2)
            return ERR_SYNTAX;
        octets = 4 * (size_t)take(&blocks, 2);
        if (octets > blocks.n)
            return ERR_SYNTAX;
        on_block(kind, slice_to(blocks, octets), about, &r);
        blocks = slice_from(blocks, octets);
    }
    *x = r;
    return ERR_OK;
}
