/* quality.c - how each end hears the other: RFC 3611 §4.7's figures, and what they amount to (rating.c).
 *
 * Room      media.
 * In        media_quality(), from outside; media_voip_metrics(), for a report.
 * Touches   its results only.
 * Delay     from their mouth to our ear is taken to be half the round trip and the delay of one end: their packet, our jitter
 *           buffer. Clocks are not compared. */
#include "media/media_priv.h"

#include "media/rating.h"

#include <math.h>

#define PARTS 10000.0
#define OCTET_PARTS 256.0 /* of RFC 3611 */

static uint32_t parts(double of_one, double all)
{
    double n = of_one * all;

    return n <= 0 ? 0 : (uint32_t)lround(n > all ? all : n);
}

static double share(double of, double all)
{
    return all > 0 ? of / all : 0;
}

static enum media_codec codec(const struct media *m)
{
    return m->p.n_formats ? m->p.formats[0].codec : MEDIA_PCMA;
}

/* R, and both scores, of a stream with that end delay. */
static void rate(const struct media *m, double missing, double burst_ratio, struct media_quality *q)
{
    struct rating_path path = {.codec = codec(m), .loss = missing, .burst_ratio = burst_ratio};

    q->mos_lq = rating_mos_100(rating_r(&path));
    path.delay_ms = q->round_trip_us / 2000.0 + q->end_delay_ms;
    q->r = (unsigned)lround(rating_r(&path));
    q->mos_cq = rating_mos_100(rating_r(&path));
}

static void hear_here(const struct media *m, struct media_quality *q)
{
    const struct hearing *in = &m->in;
    int64_t               lost = (int64_t)in->lost_before + rtp_source_lost(&in->from);
    double                expected = (double)in->packets + (double)(lost > 0 ? lost : 0);
    struct burst_figures  f;

    *q = (struct media_quality){.known = in->from.begun};
    if (!q->known)
        return;
    burst_figures(&in->burst, &f);
    q->loss = parts(share((double)lost, expected), PARTS);
    q->discard = parts(share((double)in->jitter.late + in->jitter.trimmed, expected), PARTS);
    q->burst = parts(f.burst_density, PARTS);
    q->gap = parts(f.gap_density, PARTS);
    q->burst_ms = f.burst_packets * in->jitter.packet_ms;
    q->gap_ms = f.gap_packets * in->jitter.packet_ms;
    q->jitter_us = (uint32_t)((uint64_t)in->from.jitter_16 * 1000000 / 16 / in->clock_hz);
    q->round_trip_us = m->report.round_trip_us;
    q->end_delay_ms = m->frame_ms + jitter_delay_ms(&in->jitter);
    rate(m, f.missing, f.ratio, q);
}

/* What a figure of ours becomes in a report: unknown ones are left as they are named there. */
static uint32_t octet_parts(uint32_t in_parts)
{
    uint32_t n = parts(in_parts / PARTS, OCTET_PARTS);

    return n > 255 ? 255 : n;
}

static uint16_t short_ms(uint32_t ms)
{
    return ms > UINT16_MAX ? UINT16_MAX : (uint16_t)ms;
}

void media_voip_metrics(const struct media *m, struct rtcp_voip *out)
{
    struct media_quality q;

    hear_here(m, &q);
    *out = (struct rtcp_voip){
        .ssrc = m->in.from.ssrc,
        .loss = (uint8_t)octet_parts(q.loss),
        .discard = (uint8_t)octet_parts(q.discard),
        .burst_density = (uint8_t)octet_parts(q.burst),
        .gap_density = (uint8_t)octet_parts(q.gap),
        .burst_ms = short_ms(q.burst_ms),
        .gap_ms = short_ms(q.gap_ms),
        .round_trip_ms = short_ms(q.round_trip_us / 1000),
        .end_delay_ms = short_ms(q.end_delay_ms),
        .signal_dbm0 = RTCP_XR_UNKNOWN,
        .noise_dbm0 = RTCP_XR_UNKNOWN,
        .echo_loss_db = RTCP_XR_UNKNOWN,
        .gmin = BURST_GMIN,
        .r = (uint8_t)q.r,
        .external_r = RTCP_XR_UNKNOWN,
        .mos_lq_10 = (uint8_t)((q.mos_lq + 5) / 10),
        .mos_cq_10 = (uint8_t)((q.mos_cq + 5) / 10),
        .config = RTCP_XR_ENHANCED | RTCP_XR_ADAPTIVE,
        .jitter_ms = short_ms(jitter_delay_ms(&m->in.jitter)),
        .jitter_max_ms = JITTER_MAX_DELAY_MS,
        .jitter_abs_max_ms = JITTER_MAX_DELAY_MS,
    };
}

/* ---- there ---- */

static unsigned score(uint8_t tenths, unsigned otherwise)
{
    return tenths >= 10 && tenths <= 50 ? 10u * tenths : otherwise;
}

/* Their own figures, and our rating only where they have none. */
static void hear_by_metrics(const struct media *m, struct media_quality *q)
{
    const struct rtcp_voip *v = &m->report.far_voip;
    double                  missing = (v->loss + v->discard) / OCTET_PARTS;

    q->loss = parts(v->loss / OCTET_PARTS, PARTS);
    q->discard = parts(v->discard / OCTET_PARTS, PARTS);
    q->burst = parts(v->burst_density / OCTET_PARTS, PARTS);
    q->gap = parts(v->gap_density / OCTET_PARTS, PARTS);
    q->burst_ms = v->burst_ms;
    q->gap_ms = v->gap_ms;
    q->end_delay_ms = v->end_delay_ms;
    rate(m, missing, 1, q);
    q->r = v->r <= 100 ? v->r : q->r;
    q->mos_lq = score(v->mos_lq_10, q->mos_lq);
    q->mos_cq = score(v->mos_cq_10, q->mos_cq);
}

static void hear_there(const struct media *m, struct media_quality *q)
{
    const struct reporting *r = &m->report;

    *q = (struct media_quality){.known = r->reported || r->has_voip};
    if (!q->known)
        return;
    q->jitter_us = (uint32_t)((uint64_t)r->far_jitter * 1000000 / m->clock_hz);
    q->round_trip_us = r->round_trip_us;
    if (r->has_voip) {
        hear_by_metrics(m, q);
        return;
    }
    q->estimated = true;
    q->loss = parts(share(r->far_lost, (double)m->out.packets_before + m->out.packets), PARTS);
    rate(m, q->loss / PARTS, 1, q);
}

void media_quality(const struct media *m, struct media_quality *here, struct media_quality *there)
{
    hear_here(m, here);
    hear_there(m, there);
}
