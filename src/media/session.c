/* session.c - one end of one audio stream: its life, and its clock of frames.
 *
 * Room      media.
 * In        the door; net's callbacks on both sockets and the frame timer.
 * Out       packets through net; events to the owner, queued and told last, since the owner may close us then.
 * Must hold frames come every frame_ms of net's time on average: the next is due frame_ms after the last was due, not
 *           after it was dealt with. After a stall the missed ones are passed over, not sent in a burst. */
#include "media/media_priv.h"

#include <string.h>

#define DEFAULT_FRAME_MS 20
#define MAX_BEHIND_FRAMES 5

/* splitmix64 (Steele, Lea, Flood 2014): a stream of numbers from one random seed. */
uint64_t media_random(struct media *m)
{
    uint64_t z = m->random += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- events ---- */

void media_tell(struct media *m, const struct media_event *e)
{
    if (m->c.on_event && m->n_events < MAX_EVENTS)
        m->events[m->n_events++] = *e;
}

static void destroy(struct media *m)
{
    struct mem *mem = m->c.mem;

    secure_close(&m->secure);
    wide_close(m->wide);
    opus_voice_close(m->opus);
    media_ear_close(m->ear);
    rate_close(m->to_rate);
    rate_close(m->to_narrow);
    rate_close(m->mix.up);
    rate_close(m->mix.down);
    mem_free(mem, m->meter, sizeof *m->meter);
    mem_free(mem, m, sizeof *m);
}

void media_deliver(struct media *m)
{
    m->delivering = true;
    for (size_t i = 0; i < m->n_events && !m->closed; i++) {
        struct media_event e = m->events[i];

        m->c.on_event(m->c.arg, m, &e);
    }
    m->n_events = 0;
    m->delivering = false;
    if (m->closed)
        destroy(m);
}

/* ---- frames ---- */

size_t media_frame_samples(const struct media *m)
{
    return (size_t)m->frame_ms * m->rate_hz / 1000;
}

/* The same in units of the RTP clock. */
static uint32_t media_frame_units(const struct media *m)
{
    return m->frame_ms * m->clock_hz / 1000;
}

/* Let whole frames pass until the due time is not before `us`; timestamps go on as time does (RFC 3550 §5.1). */
static void pass_frames_until(struct media *m, uint64_t us)
{
    uint64_t frame_us = (uint64_t)m->frame_ms * 1000;
    uint64_t n = us > m->frame_us ? (us - m->frame_us + frame_us - 1) / frame_us : 0;

    m->out.ts += (uint32_t)(n * media_frame_units(m));
    m->frame_us += n * frame_us;
}

static void on_frame(void *arg)
{
    struct media *m = arg;
    uint64_t      now = net_now_us(m->c.net), frame_us = (uint64_t)m->frame_ms * 1000;
    size_t        n = media_frame_samples(m);
    int16_t       pcm[CODEC_MAX_FRAME] = {0};

    if (now > m->frame_us + MAX_BEHIND_FRAMES * frame_us)
        pass_frames_until(m, now - frame_us);
    if (media_sends(m))
        media_read_source(m, pcm, n); /* a file or a cadence goes on under an event */
    media_send_frame(m, pcm);
    (void)media_hear(m, pcm, n);
    m->out.ts += media_frame_units(m);
    m->frame_us += frame_us;
    net_timer_set(m->c.net, &m->frame_timer, m->frame_us);
    media_deliver(m);
}

void media_say(struct media *m, const int16_t *pcm, size_t n)
{
    struct mixing *x = &m->mix;
    size_t         frame = media_frame_samples(m);
    uint64_t       now = net_now_us(m->c.net), frame_us = (uint64_t)m->frame_ms * 1000;

    if (!media_sends(m)) {
        x->n_said = 0;
        m->out.talking = false;
        return;
    }
    if (!x->n_said && now > m->frame_us + MAX_BEHIND_FRAMES * frame_us)
        pass_frames_until(m, now - frame_us); /* it was silent, or all of us were */
    memcpy(x->said + x->n_said, pcm, n * sizeof *pcm);
    x->n_said += n;
    while (x->n_said >= frame) {
        media_send_frame(m, x->said);
        m->out.ts += media_frame_units(m);
        m->frame_us += frame_us;
        x->n_said -= frame;
        memmove(x->said, x->said + frame, x->n_said * sizeof *pcm);
    }
}

static void run_frames(struct media *m, bool run)
{
    if (run && !m->running) {
        pass_frames_until(m, net_now_us(m->c.net));
        net_timer_set(m->c.net, &m->frame_timer, m->frame_us);
    } else if (!run && m->running) {
        net_timer_cancel(m->c.net, &m->frame_timer);
    }
    m->running = run;
}

void media_run(struct media *m)
{
    run_frames(m, (m->p.send || m->p.receive) && !m->mix.mixer && !m->closed);
}

/* ---- the sockets ---- */

static void on_rtp(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    (void)u;
    (void)to;
    if (rtp_is_rtcp(octets))
        media_on_rtcp_octets(arg, from, octets);
    else
        media_on_rtp_octets(arg, from, octets);
    media_deliver(arg);
}

static void on_rtcp(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    (void)u;
    (void)to;
    media_on_rtcp_octets(arg, from, octets);
    media_deliver(arg);
}

/* The far end may open its port later than we send, and close it earlier: nothing follows from that. */
static void on_error(void *arg, struct net_udp *u, const struct addr *from, const struct addr *to, enum err e)
{
    (void)arg;
    (void)u;
    (void)from;
    (void)to;
    (void)e;
}

const struct net_udp_on media_on_rtp = {.octets = on_rtp, .error = on_error};
const struct net_udp_on media_on_rtcp = {.octets = on_rtcp, .error = on_error};

/* ---- the door ---- */

static void init(struct media *m, const struct media_config *c)
{
    struct buf cname = {m->report.cname, 0, sizeof m->report.cname - 1, false};
    uint64_t   name[2];

    m->c = *c;
    m->random = c->seed;
    m->frame_ms = DEFAULT_FRAME_MS;
    m->rate_hz = m->clock_hz = m->in.clock_hz = CODEC_RATE_HZ;
    m->frame_us = net_now_us(c->net);
    m->frame_timer = (struct net_timer){.fire = on_frame, .arg = m};
    m->out.ssrc = (uint32_t)media_random(m);
    m->out.seq = media_random(m) & 0x7fff; /* RFC 3711 §3.3.1: no roll-over among the first packets, which may be lost */
    m->out.ts = (uint32_t)media_random(m);
    name[0] = media_random(m);
    name[1] = media_random(m);
    buf_put_base64(&cname, (struct slice){(const char *)name, 12});
}

enum err media_open(struct media **out, const struct media_config *c)
{
    struct media *m = mem_zalloc(c->mem, sizeof *m);
    enum err      e;

    if (!m)
        return ERR_NOMEM;
    init(m, c);
    if ((e = media_open_ports(m))) {
        media_close(m);
        return e;
    }
    *out = m;
    return ERR_OK;
}

void media_local(const struct media *m, struct addr *rtp, struct addr *rtcp)
{
    *rtp = m->local_rtp;
    *rtcp = m->local_rtcp;
}

void media_close(struct media *m)
{
    if (!m || m->closed)
        return;
    if (m->rtcp)
        media_report_bye(m);
    m->closed = true;
    media_leave(m);
    run_frames(m, false);
    net_timer_cancel(m->c.net, &m->report_timer);
    if (m->rtp)
        net_udp_close(m->c.net, m->rtp);
    if (m->rtcp)
        net_udp_close(m->c.net, m->rtcp);
    wav_write_close(m->recorder);
    m->recorder = NULL;
    media_close_source(m);
    if (!m->delivering)
        destroy(m);
}

/* Payload numbers are numbers, and mean one thing each. */
static bool is_plain(const struct media_params *p)
{
    bool taken[128] = {false};

    for (size_t i = 0; i < p->n_formats; i++) {
        const struct media_format *f = &p->formats[i];

        if (f->codec >= MEDIA_CODEC_N || f->send_pt > 127 || f->recv_pt > 127 || taken[f->recv_pt])
            return false;
        taken[f->recv_pt] = true;
    }
    return !p->events || (p->event_send_pt <= 127 && p->event_recv_pt <= 127 && !taken[p->event_recv_pt]);
}

static bool is_valid(const struct media_params *p)
{
    if (p->n_formats > MEDIA_MAX_FORMATS || ((p->send || p->receive) && p->n_formats == 0))
        return false;
    return p->ptime_ms % 10 == 0 && p->ptime_ms <= CODEC_MAX_FRAME_MS && is_plain(p);
}

/* What wide band, and keys in the sound, need is there, before anything is changed. */
static enum err prepare(struct media *m, const struct media_params *p)
{
    enum err e;

    for (size_t i = 0; i < p->n_formats; i++) {
        if (p->formats[i].codec == MEDIA_G722 && !m->wide && (e = wide_open(&m->wide)))
            return e;
        if (p->formats[i].codec == MEDIA_OPUS && !m->opus && (e = opus_voice_open(&m->opus)))
            return e;
    }
    if (m->c.hear_keys && p->receive && !p->events && !m->ear && (e = media_ear_open(&m->ear)))
        return e;
    if ((m->wide || m->opus) && !m->to_narrow && (e = rate_open(&m->to_narrow, WIDE_RATE_HZ, CODEC_RATE_HZ)))
        return e;
    if ((m->wide || m->opus) && !m->to_rate && (e = rate_open(&m->to_rate, CODEC_RATE_HZ, WIDE_RATE_HZ)))
        return e;
    return ERR_OK;
}

/* The codec that is sent, from now on. */
static void take_codec(struct media *m, const struct media_params *p)
{
    enum media_codec c = p->formats[0].codec;

    if (!p->n_formats)
        return;
    if (c == MEDIA_OPUS)
        opus_voice_tune(m->opus, &p->formats[0].opus);
    m->clock_hz = codec_clock_hz(c);
    if (codec_rate_hz(c) == m->rate_hz)
        return;
    m->rate_hz = codec_rate_hz(c);
    m->in.n_fifo = 0;
    m->in.conceal = (struct conceal){.scale = m->rate_hz / CODEC_RATE_HZ};
    media_set_source_rate(m);
}

/* Opus has frames of 10, 20, 40 and 60 ms. */
static uint32_t frame_ms_for(const struct media_params *p)
{
    uint32_t ms = p->ptime_ms ? p->ptime_ms : DEFAULT_FRAME_MS;

    return p->n_formats && p->formats[0].codec == MEDIA_OPUS && (ms == 30 || ms == 50) ? ms - 10 : ms;
}

enum err media_set(struct media *m, const struct media_params *p)
{
    struct hearing *in = &m->in;
    bool            first = !m->set;
    enum err        e;

    if (!is_valid(p))
        return ERR_INVALID;
    if ((e = prepare(m, p)) || (e = secure_set(&m->secure, &p->keys)))
        return e;
    take_codec(m, p);
    if (!addr_eq(&p->rtp, &m->p.rtp)) {
        m->report.learned = (struct addr){0};
        in->mirrored = false;
    }
    if (!addr_eq(&p->rtp, &m->p.rtp) || (p->receive && !m->p.receive)) {
        in->told_heard = in->told_silent = false;
        in->since_ms = net_now_ms(m->c.net);
        jitter_reset(&in->jitter);
        burst_cut(&in->burst);
        in->n_fifo = 0;
    }
    latch_agree(&in->latch, &p->rtp, p->latch);
    m->p = *p;
    m->p.keys = (struct media_keys){.suite = MEDIA_CLEAR};
    m->set = true;
    m->out.talking = m->out.talking && p->send;
    run_frames(m, false);
    m->frame_ms = frame_ms_for(p);
    m->mix.n_said = 0;
    media_run(m);
    if (first)
        media_report_start(m);
    return ERR_OK;
}

bool media_srtp_is_there(void)
{
    return secure_is_there();
}

void media_stats(const struct media *m, struct media_stats *out)
{
    const struct hearing *in = &m->in;

    *out = (struct media_stats){
        .sent_packets = m->out.packets_before + m->out.packets,
        .sent_octets = m->out.octets_before + m->out.octets,
        .received_packets = in->packets,
        .received_octets = in->octets,
        .lost = in->lost_before + rtp_source_lost(&in->from),
        .jitter_us = (uint32_t)((uint64_t)in->from.jitter_16 * 1000000 / 16 / in->clock_hz),
        .round_trip_us = m->report.round_trip_us,
        .reported = m->report.reported,
        .far_lost = m->report.far_lost,
        .far_jitter_us = (uint32_t)((uint64_t)m->report.far_jitter * 1000000 / m->clock_hz),
        .late = in->jitter.late,
        .duplicate = in->jitter.duplicate,
        .ran_dry = in->jitter.ran_dry,
        .trimmed = in->jitter.trimmed,
        .concealed_ms = in->concealed_ms,
        .delay_ms = jitter_delay_ms(&in->jitter),
        .foreign = in->foreign,
        .malformed = in->malformed,
        .unknown_pt = in->unknown_pt,
        .unauthentic = in->unauthentic,
        .replayed = in->replayed,
        .collisions = in->collisions,
        .rtcp_sent = m->report.sent,
        .rtcp_received = m->report.received,
        .ssrc = m->out.ssrc,
        .far_ssrc = in->from.begun ? in->from.ssrc : 0,
        .far = in->latch.sender,
    };
}
