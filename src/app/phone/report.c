/* report.c - at a call's end the phone tells its exchange how it has sounded (RFC 6035).
 *
 * Room      app/phone.
 * Out       PUBLISH. Who does not take such reports (489) is not told again; whatever else happens, nothing follows from it. */
#include "app/phone/phone_priv.h"
#include "vq/vq.h"

enum { REPORT_OCTETS = 4096 };

static uint32_t known(uint32_t v)
{
    return v ? v : VQ_UNKNOWN;
}

static struct vq_metrics metrics_of(const struct media_quality *q)
{
    struct vq_metrics m = vq_metrics_unknown;

    m.given = q->known;
    m.loss = q->loss;
    m.round_trip_ms = known(q->round_trip_us / 1000);
    m.end_delay_ms = known(q->end_delay_ms);
    m.jitter_ms = q->jitter_us / 1000;
    m.mos_lq = known(q->mos_lq);
    m.mos_cq = known(q->mos_cq);
    m.r_cq = q->r;
    if (q->estimated)
        return m;
    m.discard = q->discard;
    m.burst = q->burst;
    m.burst_ms = q->burst_ms;
    m.gap = q->gap;
    m.gap_ms = q->gap_ms;
    return m;
}

static void fill_session(struct vq_metrics *m, const struct phone *p, const struct call *c, const struct call_sound *s)
{
    struct net *net = p->config.net;
    int64_t     now_ms = (int64_t)(net_wall_us(net) / 1000);
    uint64_t    answered = call_answered_ms(c);

    m->stop_ms = now_ms;
    m->start_ms = answered ? now_ms - (int64_t)(net_now_ms(net) - answered) : now_ms;
    m->codec = s->codec;
    m->rate_hz = slice_ieq(s->codec, S("opus")) ? 48000 : 8000; /* the clock; also of G.722 (RFC 3551 §4.5.2) */
}

static void put_report(struct buf *b, const struct phone *p, const struct call *c, const struct call_sound *s)
{
    struct slice     aor = ua_account_aor(p->account), peer = call_peer(c);
    struct vq_report r = {.kind = VQ_SESSION,
                          .call_id = call_id_text(c),
                          .orig_id = call_is_out(c) ? aor : peer,
                          .local = {aor, s->local, s->stats.ssrc},
                          .remote = {peer, s->stats.far, s->stats.far_ssrc},
                          .here = metrics_of(&s->here),
                          .there = metrics_of(&s->there)};

    fill_session(&r.here, p, c, s);
    fill_session(&r.there, p, c, s);
    r.here.jitter_ms_now = s->stats.delay_ms;
    vq_put(b, &r);
}

static void on_done(void *arg, unsigned code)
{
    struct phone *p = arg;

    if (code == 489 || code == 405 || code == 501)
        p->reports_off = true;
}

void phone_report(struct phone *p, const struct call *c, const struct call_sound *s)
{
    char              text[REPORT_OCTETS], uri[CALL_MAX_TEXT_OCTETS];
    struct buf        b = BUF_ON(text), to = BUF_ON(uri);
    struct ua_publish ask = {.event = S("vq-rtcpxr"), .type = S(VQ_CONTENT_TYPE), .done = on_done, .arg = p};

    if (p->reports_off || !p->registered || !call_answered_ms(c) || !(s->here.known || s->there.known))
        return;
    if (p->report_uri.n)
        buf_put(&to, p->report_uri);
    else
        buf_puts(&to, S("sip:"), p->domain);
    put_report(&b, p, c, s);
    ask.uri = buf_slice(&to);
    ask.body = buf_slice(&b);
    if (!buf_err(&b) && !buf_err(&to))
        (void)ua_publish(p->account, 0, &ask);
}
