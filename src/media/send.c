/* send.c - one frame of what is said: a voice packet, or an event in its place.
 *
 * Room      media.
 * In        media_send_frame(), from the frame clock; media_send_digits() from the door.
 * Touches   m->out, the source. */
#include "media/media_priv.h"

#define DEFAULT_TONE_MS 120
#define MIN_GAP_MS 40

struct outgoing {
    bool         marker;
    uint8_t      pt;
    uint32_t     ts;
    struct slice payload;
};

static void send_packet(struct media *m, const struct outgoing *o)
{
    char               block[RTP_HEADER_OCTETS + CODEC_MAX_FRAME + SECURE_MORE_OCTETS];
    struct buf         b = BUF_ON(block);
    const struct addr *to = latch_is_elsewhere(&m->in.latch) ? &m->in.latch.sender : &m->p.rtp;
    struct rtp         r = {.marker = o->marker, .pt = o->pt, .seq = m->out.seq++, .ts = o->ts, .ssrc = m->out.ssrc};

    r.payload = o->payload;
    rtp_put(&b, &r);
    m->out.packets++;
    m->out.octets += (uint32_t)o->payload.n;
    /* What the system cannot take is lost, as on a wire: the far end counts it, and tells us by RTCP. */
    if (secure_seal(&m->secure, false, block, &b.n) == ERR_OK)
        (void)net_udp_send(m->c.net, m->rtp, to, buf_slice(&b));
}

static size_t encode(struct media *m, const int16_t *pcm, size_t n, uint8_t *octets)
{
    const enum media_codec c = m->p.formats[0].codec;

    if (c == MEDIA_OPUS)
        return opus_voice_encode(m->opus, pcm, n, octets, JITTER_MAX_OCTETS);
    return c == MEDIA_G722 ? wide_encode(m->wide, pcm, n, octets) : codec_encode(c, pcm, n, octets);
}

static void send_voice(struct media *m, const int16_t *pcm, size_t n)
{
    uint8_t         octets[CODEC_MAX_FRAME];
    struct outgoing o = {.marker = !m->out.talking, .pt = m->p.formats[0].send_pt, .ts = m->out.ts};

    o.payload = (struct slice){(const char *)octets, encode(m, pcm, n, octets)};
    if (o.payload.n)
        send_packet(m, &o);
}

/* True when an event took the frame's place. */
static bool send_event(struct media *m)
{
    struct digit_packet p;
    struct outgoing     o;
    bool                busy = digit_busy(&m->out.digits), sent;

    if (!m->p.events || m->out.digits.in_sound)
        return false;
    sent = digit_next(&m->out.digits, m->out.ts, m->frame_ms, media_event_hz(m), &p);
    if (sent) {
        o = (struct outgoing){p.marker, m->p.event_send_pt, p.ts, {(const char *)p.payload, sizeof p.payload}};
        send_packet(m, &o);
    }
    if (busy && !digit_busy(&m->out.digits))
        media_tell(m, &(struct media_event){.kind = MEDIA_EVENT_DIGITS_SENT});
    return sent;
}

void media_send_frame(struct media *m, const int16_t *pcm)
{
    int16_t key[CODEC_MAX_FRAME];
    size_t  n = media_frame_samples(m);

    if (!media_sends(m)) {
        m->out.talking = false;
        return;
    }
    if (!send_event(m))
        send_voice(m, media_keys_say(m, key, n) ? key : pcm, n);
    m->out.talking = true;
}

enum err media_send_digits(struct media *m, struct slice digits, uint16_t tone_ms)
{
    if (!m->set || !m->p.events || !m->p.send)
        return ERR_UNSUPPORTED;
    return media_queue_digits(m, digits, tone_ms, false);
}

enum err media_queue_digits(struct media *m, struct slice digits, uint16_t tone_ms, bool in_sound)
{
    struct digit_sender *d = &m->out.digits;
    enum err             e = digit_queue(d, digits);

    if (e)
        return e;
    d->in_sound = in_sound;
    d->tone_ms = tone_ms ? tone_ms : DEFAULT_TONE_MS;
    d->gap_ms = d->tone_ms > MIN_GAP_MS ? d->tone_ms : MIN_GAP_MS;
    return ERR_OK;
}
