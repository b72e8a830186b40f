/* hear.c - what comes: from the datagram to the frame that is heard.
 *
 * Room      media.
 * In        media_on_rtp_octets() from the socket, media_hear_frame() from the frame clock.
 * Out       frames to the sinks (listen.c), digits and changes as events.
 * Touches   m->in. */
#include "media/media_priv.h"

#include <string.h>

#define CONCEAL_MS 60     /* after the last packet; then it is silence, not loss */
#define MAX_COLLISIONS 4  /* of SSRC that are solved; whoever makes more has found a loop */

/* ---- a packet comes ---- */

/* Somebody sends with our SSRC (RFC 3550 §8.2). False: the packet is not to be heard. */
static bool solve_collision(struct media *m)
{
    if (m->in.collisions > 0) {
        m->in.mirrored = true;
        return true;
    }
    m->in.collisions++;
    media_report_bye(m);
    m->out.packets_before += m->out.packets;
    m->out.octets_before += m->out.octets;
    m->out.packets = m->out.octets = 0;
    m->report.packets_last[0] = m->report.packets_last[1] = 0;
    m->out.ssrc = (uint32_t)media_random(m);
    return false;
}

static void begin_source(struct media *m, uint32_t ssrc)
{
    m->in.lost_before += rtp_source_lost(&m->in.from);
    m->in.from = (struct rtp_source){.ssrc = ssrc};
    m->in.digits = (struct digit_receiver){.begun = false};
    jitter_reset(&m->in.jitter);
    burst_cut(&m->in.burst);
    m->report.lsr = m->report.lrr = 0;
}

static const struct media_format *format_of(const struct media *m, uint8_t pt)
{
    for (size_t i = 0; i < m->p.n_formats; i++)
        if (m->p.formats[i].recv_pt == pt)
            return &m->p.formats[i];
    return NULL;
}

static void tell_digit(struct media *m, const struct digit_heard *h)
{
    struct media_event e = {.kind = MEDIA_EVENT_DIGIT, .digit = digit_char(h->code), .ms = h->ms};

    if (e.digit)
        media_tell(m, &e);
}

static void keep(struct media *m, const struct rtp *r, uint32_t seq, bool is_event)
{
    const struct media_format *f = is_event ? NULL : format_of(m, r->pt);
    uint64_t                   now_us = net_now_us(m->c.net);
    struct jitter_packet       p = {.seq = seq, .ts = r->ts, .rate_hz = CODEC_RATE_HZ, .pt = r->pt, .filler = is_event};
    struct digit_heard         h;

    if (is_event) {
        if (digit_on_packet(&m->in.digits, r->ts, r->payload, CODEC_RATE_HZ, now_us / 1000, &h))
            tell_digit(m, &h);
    } else {
        p.payload = r->payload;
        p.duration_ms = (uint16_t)(codec_samples(f->codec, r->payload.n) * 1000 / CODEC_RATE_HZ);
        rtp_source_time(&m->in.from, r->ts, (uint32_t)(now_us * CODEC_RATE_HZ / 1000000));
    }
    (void)jitter_put(&m->in.jitter, &p, now_us / 1000); /* it counts what it does not keep */
}

static void on_packet(struct media *m, const struct rtp *r)
{
    bool     is_event = m->p.events && r->pt == m->p.event_recv_pt;
    uint32_t seq;
    enum err e;

    if (r->ssrc != m->in.from.ssrc || !m->in.from.begun)
        begin_source(m, r->ssrc);
    e = rtp_source_count(&m->in.from, r->seq, &seq);
    if (e == ERR_STALE)
        return;
    if (e == ERR_EXISTS) {
        jitter_reset(&m->in.jitter);
        burst_cut(&m->in.burst);
    }
    m->in.packets++;
    m->in.octets += (uint32_t)r->payload.n;
    if (!is_event && !format_of(m, r->pt)) {
        m->in.unknown_pt++;
        return;
    }
    if (!m->p.receive)
        return;
    m->in.since_ms = net_now_ms(m->c.net);
    m->in.told_silent = false;
    if (!m->in.told_heard)
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_HEARD});
    m->in.told_heard = true;
    keep(m, r, seq, is_event);
}

void media_on_rtp_octets(struct media *m, const struct addr *from, struct slice octets)
{
    struct rtp         r;
    enum latch_verdict v;

    if (!m->set)
        return;
    if (rtp_parse(octets, &r)) {
        m->in.malformed++;
        return;
    }
    v = latch_on_packet(&m->in.latch, from, r.ssrc, net_now_ms(m->c.net));
    if (v == LATCH_FOREIGN) {
        m->in.foreign++;
        return;
    }
    if (v == LATCH_CHANGED) {
        m->report.learned = (struct addr){0};
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_LATCHED});
    }
    if (r.ssrc == m->out.ssrc && !m->in.mirrored && !solve_collision(m))
        return;
    on_packet(m, &r);
}

/* ---- a frame is heard ---- */

static void append(struct hearing *in, size_t n)
{
    in->n_fifo += n;
    in->dry_ms = 0;
}

/* A payload at the rate of this stream; it has room for 2 * JITTER_MAX_OCTETS. */
static size_t decode(struct media *m, enum media_codec c, struct slice payload, int16_t *at)
{
    bool    wide = c == MEDIA_G722, as_is = wide == (m->rate_hz == WIDE_RATE_HZ);
    int16_t room[2 * JITTER_MAX_OCTETS], *pcm = as_is ? at : room;
    size_t  max = 2 * JITTER_MAX_OCTETS;
    size_t  n = wide ? wide_decode(m->wide, payload, pcm, max) : codec_decode(c, payload, pcm, max / 2);

    return as_is ? n : rate_change(wide ? m->to_narrow : m->to_rate, pcm, n, at, max);
}

/* One packet's worth of sound into the fifo; false when there is nothing to be heard now. */
static bool take_packet(struct media *m)
{
    struct hearing            *in = &m->in;
    int16_t                   *at = in->fifo + in->n_fifo;
    struct jitter_packet       p;
    const struct media_format *f;
    enum jitter_what           what = jitter_get(&in->jitter, net_now_ms(m->c.net), &p);
    size_t                     n = (size_t)in->jitter.packet_ms * m->rate_hz / 1000;

    if (what == JITTER_NOTHING)
        return false;
    if (what == JITTER_PACKET)
        burst_on_packet(&in->burst, p.seq);
    if (n == 0 || n > 2 * JITTER_MAX_OCTETS)
        n = media_frame_samples(m);
    if (what == JITTER_LOST) {
        conceal_fill(&in->conceal, at, n);
        in->concealed_ms += (uint32_t)(n * 1000 / m->rate_hz);
    } else if (!(f = format_of(m, p.pt))) { /* an event; or its codec was given up while it waited */
        memset(at, 0, n * sizeof *at);
    } else {
        n = decode(m, f->codec, p.payload, at);
        conceal_heard(&in->conceal, at, n);
    }
    append(in, n);
    return true;
}

/* Nothing is there: fade out what was heard, then silence. */
static void fill_up(struct media *m, size_t want)
{
    struct hearing *in = &m->in;
    size_t          n = want - in->n_fifo;

    if (in->from.begun && in->dry_ms < CONCEAL_MS) {
        conceal_fill(&in->conceal, in->fifo + in->n_fifo, n);
        in->concealed_ms += (uint32_t)(n * 1000 / m->rate_hz);
    } else {
        memset(in->fifo + in->n_fifo, 0, n * sizeof *in->fifo);
    }
    in->n_fifo = want;
    in->dry_ms += (uint32_t)(n * 1000 / m->rate_hz);
}

static void watch(struct media *m)
{
    struct digit_heard h;
    uint64_t           now = net_now_ms(m->c.net);

    if (digit_expire(&m->in.digits, CODEC_RATE_HZ, now, &h))
        tell_digit(m, &h);
    if (m->in.told_silent || now - m->in.since_ms < MEDIA_SILENT_MS)
        return;
    m->in.told_silent = true;
    media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_SILENT});
}

bool media_hear(struct media *m, int16_t *pcm, size_t want)
{
    struct hearing *in = &m->in;
    bool            any;

    if (!m->p.receive)
        return false;
    while (in->n_fifo < want && take_packet(m))
        ;
    any = in->n_fifo > 0 || in->dry_ms < CONCEAL_MS;
    if (in->n_fifo < want)
        fill_up(m, want);
    memcpy(pcm, in->fifo, want * sizeof *pcm);
    media_write_sinks(m, pcm, want);
    in->n_fifo -= want;
    memmove(in->fifo, in->fifo + want, in->n_fifo * sizeof *in->fifo);
    watch(m);
    return any;
}
