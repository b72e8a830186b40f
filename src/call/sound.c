/* sound.c - a call's description and its media: what was agreed becomes what is sent and heard (RFC 3264).
 *
 * Room      call.
 * In        offers and answers as octets; what the media tells.
 * Out       descriptions; media_set; events. */
#include "call/call_priv.h"

enum { PTIME_MS = 20 };

/* ---- what the media tells ---- */

static void on_media(void *arg, struct media *m, const struct media_event *e)
{
    struct call *c = arg;
    struct call_event told = {.digit = e->digit, .hz = e->hz, .ms = e->ms};

    (void)m;
    switch (e->kind) {
    case MEDIA_EVENT_HEARD:
        told.kind = CALL_SOUND;
        break;
    case MEDIA_EVENT_SILENT:
        told.kind = CALL_SILENCE;
        break;
    case MEDIA_EVENT_DIGIT:
        told.kind = CALL_DIGIT;
        break;
    case MEDIA_EVENT_DIGITS_SENT:
        told.kind = CALL_DIGITS_SENT;
        break;
    case MEDIA_EVENT_TONE:
        told.kind = CALL_HEARS;
        break;
    case MEDIA_EVENT_PLAYED:
        sound_say(c);
        told.kind = CALL_PLAYED;
        break;
    case MEDIA_EVENT_FAILED:
        told.kind = CALL_FAILED;
        told.what = "record";
        told.error = ERR_IO;
        break;
    case MEDIA_EVENT_LATCHED:
    case MEDIA_EVENT_BYE: /* statistics name the address; SIP says when a call is over */
        return;
    }
    call_tell(c, &told);
}

/* ---- open and close ---- */

enum err sound_open(struct call *c)
{
    const struct calls_config *config = &c->calls->config;
    struct media_config mc = {.net = config->net,
                              .mem = config->mem,
                              .local = config->local,
                              .port_min = config->port_min,
                              .port_max = config->port_max,
                              .hear_keys = true,
                              .seed = rng_u64(config->rng),
                              .on_event = on_media,
                              .arg = c};
    struct sdp_codec codecs[SDP_MAX_CODECS];
    size_t n_codecs = codecs_describe(&config->codecs, config->keys != CALL_KEYS_SOUND, codecs);
    struct addr rtcp;
    enum err e = media_open(&c->media, &mc);

    if (e)
        return e;
    if ((e = media_listen(c->media, NULL, 0)) || (e = sdp_local_init(&c->local, rng_u64(config->rng) >> 2, codecs, n_codecs)))
        return e;
    media_local(c->media, &c->local.rtp, &rtcp);
    c->local.rtcp_port = rtcp.port;
    c->local.ptime_ms = PTIME_MS;
    c->local.rtcp_xr = true;
    c->local.srtp = config->srtp;
    return ERR_OK;
}

void sound_close(struct call *c, struct call_sound *out)
{
    if (out && c->media) {
        out->any = c->codec.n != 0;
        out->codec = c->codec;
        out->srtp = c->srtp;
        media_stats(c->media, &out->stats);
        media_quality(c->media, &out->here, &out->there);
        out->local = c->local.rtp;
        out->n_heard = media_heard(c->media, out->heard, MEDIA_MAX_HEARD);
    }
    call_part(c);
    media_close(c->media);
    c->media = NULL;
}

void sound_say(struct call *c)
{
    struct media_tone tone = {.hz = c->tone_hz, .level_dbm0 = CALL_TONE_DBM0, .on_ms = 1000};

    if (!c->media)
        return;
    if (!c->tone_hz || media_play_tone(c->media, &tone))
        media_play_silence(c->media);
}

/* ---- a conference ---- */

enum err call_join(struct call *c)
{
    struct calls *cs = c->calls;
    enum err e;

    if (c->state != CALL_TALKING || !c->media)
        return ERR_INVALID;
    if (!cs->mixer && (e = media_mixer_open(&cs->mixer, cs->config.net, cs->config.mem)))
        return e;
    if ((e = media_join(c->media, cs->mixer)))
        return e;
    c->joined = true;
    return ERR_OK;
}

void call_part(struct call *c)
{
    struct calls *cs = c->calls;

    if (!c->joined)
        return;
    c->joined = false;
    media_leave(c->media);
    if (!media_mixer_members(cs->mixer)) {
        media_mixer_close(cs->mixer);
        cs->mixer = NULL;
    }
}

bool call_is_joined(const struct call *c)
{
    return c->joined;
}

/* ---- offer and answer ---- */

/* While we hold, nothing is said and nobody is listened to, whatever the direction would allow. */
static void fill_direction(struct media_params *p, const struct call *c, const struct sdp_agreed *a)
{
    bool holding = c->local.dir != SDP_SENDRECV;

    p->send = a->live && !holding && (a->dir & SDP_SENDONLY) && a->rtp.family != ADDR_NONE;
    p->receive = a->live && !holding && (a->dir & SDP_RECVONLY);
}

static void tell_held(struct call *c, bool held)
{
    bool was = c->held;

    c->held = held;
    if (c->state == CALL_TALKING && was != held)
        call_tell(c, &(struct call_event){.kind = held ? CALL_HELD : CALL_RESUMED});
}

static enum err use(struct call *c, const struct sdp_agreed *a)
{
    struct media_params p;
    enum err e;

    codecs_params(a, &p);
    p.latch = true;
    fill_direction(&p, c, a);
    if ((e = media_set(c->media, &p)))
        return e;
    c->params = p;
    c->events = p.events;
    c->srtp = sdp_suite_name(a->suite);
    if (p.n_formats)
        c->codec = media_codec_name(p.formats[0].codec);
    return ERR_OK;
}

enum err sound_offer(struct call *c, struct buf *out)
{
    sdp_fresh_keys(&c->local, c->calls->config.rng);
    return sdp_offer(&c->local, out);
}

enum err sound_answer(struct call *c, struct slice offer, struct buf *out)
{
    struct sdp sdp;
    struct sdp_agreed agreed;
    enum err e = sdp_parse(offer, &sdp, NULL);

    sdp_fresh_keys(&c->local, c->calls->config.rng);
    if (e || (e = sdp_answer(&c->local, &sdp, out, &agreed)))
        return e;
    if (!out)
        return ERR_OK;
    if ((e = use(c, &agreed)))
        return e;
    tell_held(c, agreed.held);
    return ERR_OK;
}

enum err sound_apply(struct call *c, struct slice answer)
{
    struct sdp sdp;
    struct sdp_agreed agreed;
    enum err e = sdp_parse(answer, &sdp, NULL);

    if (e || (e = sdp_apply(&c->local, &sdp, &agreed)))
        return e;
    if (!agreed.live)
        return ERR_UNSUPPORTED;
    if ((e = use(c, &agreed)))
        return e;
    if (c->local.dir == SDP_SENDRECV) /* while we hold, their answer is but its mirror */
        tell_held(c, agreed.held);
    return ERR_OK;
}

void sound_hold(struct call *c, bool hold)
{
    c->local.dir = hold ? SDP_SENDONLY : SDP_SENDRECV;
}

void sound_rest(struct call *c)
{
    struct media_params p = c->params;

    p.send = p.receive = false;
    if (c->media && media_set(c->media, &p) == ERR_OK) /* nothing is new in it that could fail */
        c->params = p;
}
