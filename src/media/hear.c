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

static void keep(struct media *m, const struct rtp *r, uint32_t seq, const struct media_format *f)
{
    uint64_t             now_us = net_now_us(m->c.net);
    struct jitter_packet p = {.seq = seq, .ts = r->ts, .rate_hz = m->in.clock_hz, .pt = r->pt, .filler = !f};
    struct digit_heard   h;

    if (!f) {
        if (digit_on_packet(&m->in.digits, r->ts, r->payload, media_event_hz(m), now_us / 1000, &h))
            tell_digit(m, &h);
    } else {
        m->in.clock_hz = p.rate_hz = codec_clock_hz(f->codec);
        p.payload = r->payload;
        p.duration_ms = codec_duration_ms(f->codec, r->payload);
        rtp_source_time(&m->in.from, r->ts, (uint32_t)(now_us * p.rate_hz / 1000000));
    }
    (void)jitter_put(&m->in.jitter, &p, now_us / 1000); /* it counts what it does not keep */
}

static void on_packet(struct media *m, const struct rtp *r)
{
    const bool                 is_event = m->p.events && r->pt == m->p.event_recv_pt;
    const struct media_format *f = is_event ? NULL : format_of(m, r->pt);
    uint32_t                   seq;
    enum err                   e;

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
    if (!is_event && !f) {
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
    keep(m, r, seq, f);
}

bool media_unseal(struct media *m, bool rtcp, char *room, struct slice *octets)
{
    enum err e = secure_open(&m->secure, rtcp, room, octets);

    if (e == ERR_EXISTS)
        m->in.replayed++;
    else if (e)
        m->in.unauthentic++;
    return e == ERR_OK;
}

/* Whoever has no key cannot even become the one who is listened to. */
void media_on_rtp_octets(struct media *m, const struct addr *from, struct slice octets)
{
    char               room[SECURE_MAX_OCTETS];
    struct rtp         r;
    enum latch_verdict v;

    if (!m->set || !media_unseal(m, false, room, &octets))
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

/* Opus makes good what it has lost by itself, as long as nobody changes its sampling rate. */
static bool opus_conceals(const struct media *m)
{
    return m->in.codec == MEDIA_OPUS && m->opus && m->rate_hz == WIDE_RATE_HZ;
}

static void conceal(struct media *m, int16_t *at, size_t n)
{
    if (opus_conceals(m))
        opus_voice_conceal(m->opus, at, n);
    else
        conceal_fill(&m->in.conceal, at, n);
    m->in.concealed_ms += (uint32_t)(n * 1000 / m->rate_hz);
}

static size_t decode_as_is(struct media *m, enum media_codec c, struct slice payload, int16_t *pcm)
{
    switch (c) {
    case MEDIA_OPUS: return opus_voice_decode(m->opus, payload, pcm, CODEC_MAX_PACKET);
    case MEDIA_G722: return wide_decode(m->wide, payload, pcm, CODEC_MAX_PACKET);
    default: return codec_decode(c, payload, pcm, CODEC_MAX_PACKET / 2);
    }
}

/* A payload at the rate of this stream; there is room for CODEC_MAX_PACKET. */
static size_t decode(struct media *m, enum media_codec c, struct slice payload, int16_t *at)
{
    int16_t pcm[CODEC_MAX_PACKET];
    size_t  n;

    m->in.codec = c;
    if (codec_rate_hz(c) == m->rate_hz) {
        n = decode_as_is(m, c, payload, at);
    } else {
        n = decode_as_is(m, c, payload, pcm);
        n = rate_change(codec_rate_hz(c) == WIDE_RATE_HZ ? m->to_narrow : m->to_rate, pcm, n, at, CODEC_MAX_PACKET);
    }
    if (!opus_conceals(m))
        conceal_heard(&m->in.conceal, at, n);
    return n;
}

/* What was lost before a packet, now that it is here: n samples. */
static void repay(struct media *m, const struct media_format *f, struct slice next, size_t n)
{
    int16_t *at = m->in.fifo + m->in.n_fifo;

    if (!m->in.owed)
        return;
    m->in.owed = false;
    if (f && f->codec == MEDIA_OPUS && opus_conceals(m)) {
        opus_voice_rescue(m->opus, next, at, n);
        m->in.concealed_ms += (uint32_t)(n * 1000 / m->rate_hz);
    } else {
        conceal(m, at, n);
    }
    append(&m->in, n);
}

/* A packet is missing, later ones are here. Opus may find it in the next one; if that is missing too, nothing is to be found. */
static void take_loss(struct media *m, size_t n)
{
    struct hearing *in = &m->in;

    if (!opus_conceals(m) || in->owed) {
        conceal(m, in->fifo + in->n_fifo, n);
        append(in, n);
    }
    in->owed = opus_conceals(m);
}

/* One packet's worth of sound into the fifo; false when there is nothing to be heard now. */
static bool take_packet(struct media *m)
{
    struct hearing            *in = &m->in;
    struct jitter_packet       p;
    const struct media_format *f;
    enum jitter_what           what = jitter_get(&in->jitter, net_now_ms(m->c.net), &p);
    size_t                     n = (size_t)in->jitter.packet_ms * m->rate_hz / 1000;

    if (what == JITTER_NOTHING)
        return false;
    if (what == JITTER_PACKET)
        burst_on_packet(&in->burst, p.seq);
    if (n == 0 || n > CODEC_MAX_PACKET)
        n = media_frame_samples(m);
    if (what == JITTER_LOST) {
        take_loss(m, n);
        return true;
    }
    f = p.filler ? NULL : format_of(m, p.pt); /* none: an event; or its codec was given up while it waited */
    repay(m, f, p.payload, n);
    if (f)
        n = decode(m, f->codec, p.payload, in->fifo + in->n_fifo);
    else
        memset(in->fifo + in->n_fifo, 0, n * sizeof *in->fifo);
    append(in, n);
    return true;
}

/* Nothing is there: fade out what was heard, then silence. */
static void fill_up(struct media *m, size_t want)
{
    struct hearing *in = &m->in;
    size_t          n = want - in->n_fifo;

    in->owed = false;
    if (in->from.begun && in->dry_ms < CONCEAL_MS)
        conceal(m, in->fifo + in->n_fifo, n);
    else
        memset(in->fifo + in->n_fifo, 0, n * sizeof *in->fifo);
    in->n_fifo = want;
    in->dry_ms += (uint32_t)(n * 1000 / m->rate_hz);
}

static void watch(struct media *m)
{
    struct digit_heard h;
    uint64_t           now = net_now_ms(m->c.net);

    if (digit_expire(&m->in.digits, media_event_hz(m), now, &h))
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
