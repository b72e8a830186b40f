/* report.c - RTCP: when and what (RFC 3550 §6.2 to §6.4).
 *
 * Room      media.
 * Extended  reports (RFC 3611) go along where the far end has said that it takes them; theirs are always read.
 * In        the report timer; media_on_rtcp_octets() from either socket.
 * How       two members, so the interval is the minimum: MEDIA_RTCP_MS times 0.5 to 1.5, divided by e - 3/2 (§6.3.1); half of
 *           that at first. With two members reconsideration (§6.3.3) never changes it. The NTP time is that of net's
 *           monotonic clock, as §6.4.1 allows: a wall clock that is set would make round trips wrong.
 * Touches   m->report. */
#include "media/media_priv.h"

#define COMPENSATION_1024 1248 /* e - 3/2, in 1/1024 */

/* In 1/65536 s. */
static uint32_t since(const struct media *m, uint64_t us)
{
    return (uint32_t)(((net_now_us(m->c.net) - us) << 16) / 1000000);
}

static struct rtcp_block block(struct media *m)
{
    struct rtp_source *from = &m->in.from;
    struct rtcp_block  k = {.ssrc = from->ssrc, .fraction = rtp_source_fraction(from), .lost = rtp_source_lost(from)};

    k.max_seq = from->max_seq - 0x10000u; /* the source counts one cycle more than there was */
    k.jitter = from->jitter_16 >> 4;
    k.lsr = m->report.lsr;
    k.dlsr = m->report.lsr ? since(m, m->report.lsr_us) : 0;
    return k;
}

/* The timestamp that a sample of this moment would have. */
static uint32_t timestamp_now(const struct media *m)
{
    int64_t ahead_us = (int64_t)(m->frame_us - net_now_us(m->c.net));

    return m->out.ts - (uint32_t)(ahead_us * m->clock_hz / 1000000);
}

static struct addr destination(const struct media *m)
{
    struct addr to = m->p.rtcp.family != ADDR_NONE ? m->p.rtcp : m->p.rtp;

    if (m->report.learned.family != ADDR_NONE)
        return m->report.learned;
    if (latch_is_elsewhere(&m->in.latch))
        to = m->in.latch.sender;
    else if (m->p.rtcp.family != ADDR_NONE)
        return to;
    to.port++;
    return to;
}

/* What the far end has said that it takes. Who sends nothing cannot have its round trip by SR: that is what the reference time
 * is for. */
static void fill_xr(struct media *m, struct rtcp_report *r)
{
    r->xr.has_voip = m->p.voip_metrics && m->in.from.begun;
    if (r->xr.has_voip)
        media_voip_metrics(m, &r->xr.voip);
    r->xr.has_time = m->p.rcvr_rtt && !r->is_sender;
    r->xr.ntp = r->sender.ntp;
    r->xr.has_delay = m->p.rcvr_rtt && m->report.lrr;
    r->xr.delay_ssrc = m->report.lrr_ssrc;
    r->xr.lrr = m->report.lrr;
    r->xr.dlrr = since(m, m->report.lrr_us);
}

static void send_report(struct media *m, bool bye)
{
    char               text[RTCP_MAX_OCTETS + SECURE_MORE_OCTETS];
    struct buf         b = BUF_ON(text);
    struct addr        to = destination(m);
    struct rtcp_report r = {.ssrc = m->out.ssrc, .bye = bye, .cname = slice_z(m->report.cname)};

    r.is_sender = m->out.packets != m->report.packets_last[1];
    r.sender.ntp = rtcp_ntp(net_now_us(m->c.net));
    r.sender.ts = timestamp_now(m);
    r.sender.packets = m->out.packets;
    r.sender.octets = m->out.octets;
    r.has_block = m->in.from.begun;
    if (r.has_block)
        r.block = block(m);
    fill_xr(m, &r);
    m->report.packets_last[1] = m->report.packets_last[0];
    m->report.packets_last[0] = m->out.packets;
    if (to.family == ADDR_NONE || to.port == 0)
        return;
    rtcp_put(&b, &r);
    if (secure_seal(&m->secure, true, text, &b.n) == ERR_OK && net_udp_send(m->c.net, m->rtcp, &to, buf_slice(&b)) == ERR_OK)
        m->report.sent++;
}

static void set_timer(struct media *m, uint64_t mean_us)
{
    uint64_t us = mean_us / 2 + media_random(m) % mean_us;

    net_timer_set(m->c.net, &m->report_timer, net_now_us(m->c.net) + us * 1024 / COMPENSATION_1024);
}

static void on_timer(void *arg)
{
    struct media *m = arg;

    send_report(m, false);
    set_timer(m, MEDIA_RTCP_MS * 1000);
}

void media_report_start(struct media *m)
{
    m->report_timer = (struct net_timer){.fire = on_timer, .arg = m};
    set_timer(m, MEDIA_RTCP_MS * 1000 / 2);
}

/* §6.3.7: who has sent nothing says no BYE either. */
void media_report_bye(struct media *m)
{
    if (m->set && (m->out.packets || m->report.sent))
        send_report(m, true);
}

static void on_round_trip(struct media *m, const struct rtcp_block *k)
{
    uint32_t trip = rtcp_round_trip_us(k, rtcp_ntp_middle(rtcp_ntp(net_now_us(m->c.net))));

    if (trip)
        m->report.round_trip_us = trip;
}

static void on_block(struct media *m, const struct rtcp_block *k)
{
    m->report.reported = true;
    m->report.far_lost = k->lost;
    m->report.far_jitter = k->jitter;
    on_round_trip(m, k);
}

static void on_xr(struct media *m, uint32_t ssrc, const struct rtcp_xr *x)
{
    if (x->has_time) {
        m->report.lrr = rtcp_ntp_middle(x->ntp);
        m->report.lrr_ssrc = ssrc;
        m->report.lrr_us = net_now_us(m->c.net);
    }
    if (x->has_delay)
        on_round_trip(m, &(struct rtcp_block){.lsr = x->lrr, .dlsr = x->dlrr});
    if (x->has_voip) {
        m->report.has_voip = true;
        m->report.far_voip = x->voip;
    }
}

void media_on_rtcp_octets(struct media *m, const struct addr *from, struct slice octets)
{
    char               room[SECURE_MAX_OCTETS];
    struct rtcp_report r;

    if (!m->set || !media_unseal(m, true, room, &octets))
        return;
    if (!latch_takes_rtcp(&m->in.latch, from)) {
        m->in.foreign++;
        return;
    }
    if (rtcp_parse(octets, m->out.ssrc, &r)) {
        m->in.malformed++;
        return;
    }
    m->report.received++;
    if (latch_is_elsewhere(&m->in.latch) && addr_same_ip(&m->in.latch.sender, from))
        m->report.learned = *from;
    if (m->in.from.begun && r.ssrc != m->in.from.ssrc)
        return; /* of somebody whom we do not hear, or have ceased to hear */
    if (r.is_sender) {
        m->report.lsr = rtcp_ntp_middle(r.sender.ntp);
        m->report.lsr_us = net_now_us(m->c.net);
    }
    if (r.has_block)
        on_block(m, &r.block);
    on_xr(m, r.ssrc, &r.xr);
    if (r.bye)
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_BYE});
}
