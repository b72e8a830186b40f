/* codecs.c - our codecs in session descriptions (RFC 3551 §6, RFC 4733 §2.4, RFC 7587 §7).
 *
 * Room      codecs.
 * Touches   its arguments only. */
#include "codecs/codecs.h"

#include <string.h>

_Static_assert((int)MEDIA_CLEAR == (int)SDP_CLEAR && (int)MEDIA_AES_128_80 == (int)SDP_AES_128_80 &&
                   (int)MEDIA_AES_128_32 == (int)SDP_AES_128_32 && (int)MEDIA_AES_256_80 == (int)SDP_AES_256_80 &&
                   MEDIA_MAX_KEY_OCTETS == SDP_MAX_KEY_OCTETS,
               "suites and keys are taken over as they are");

/* Opus: we play and record no more than 16 kHz, can use in-band FEC, and keep our packets below what a jitter buffer takes. */
#define OPUS_FMTP "useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000;maxaveragebitrate=64000"

enum { CODEC_EVENTS = MEDIA_CODEC_N, MIN_PTIME_MS = 10, MAX_PTIME_MS = 60 };

/* In the order of preference that we have when nobody asks: wide band first, and of that what costs least and changes sound least. */
static const struct sdp_codec voices[] = {
    {.name = {"G722", 4}, .rate_hz = 8000, .channels = 1, .pt = 9, .id = MEDIA_G722},
    {.name = {"opus", 4}, .rate_hz = 48000, .channels = 2, .pt = 96, .fmtp = {OPUS_FMTP, sizeof OPUS_FMTP - 1}, .id = MEDIA_OPUS},
    {.name = {"PCMA", 4}, .rate_hz = 8000, .channels = 1, .pt = 8, .id = MEDIA_PCMA},
    {.name = {"PCMU", 4}, .rate_hz = 8000, .channels = 1, .pt = 0, .id = MEDIA_PCMU},
};
enum { N_VOICES = sizeof voices / sizeof *voices };

/* Of each clock that a voice has (RFC 4733 §2.1). */
static const struct sdp_codec events[] = {
    {.name = {"telephone-event", 15}, .rate_hz = 8000, .channels = 1, .pt = 101, .fmtp = {"0-16", 4}, .id = CODEC_EVENTS},
    {.name = {"telephone-event", 15}, .rate_hz = 48000, .channels = 1, .pt = 102, .fmtp = {"0-16", 4}, .id = CODEC_EVENTS},
};
enum { N_EVENTS = sizeof events / sizeof *events };

struct codec_list codecs_all(void)
{
    struct codec_list all = {.n = 0};

    for (size_t i = 0; i < N_VOICES; i++)
        if (media_codec_is_there((enum media_codec)voices[i].id))
            all.codec[all.n++] = (enum media_codec)voices[i].id;
    return all;
}

static const struct sdp_codec *voice_named(struct slice name)
{
    for (size_t i = 0; i < N_VOICES; i++)
        if (slice_ieq(name, voices[i].name))
            return &voices[i];
    return NULL;
}

static bool is_in(const struct codec_list *list, enum media_codec c)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->codec[i] == c)
            return true;
    return false;
}

enum err codecs_read(struct slice names, struct codec_list *out)
{
    struct codec_list list = {.n = 0};
    struct slice      name;

    for (bool more = true; more;) {
        const struct sdp_codec *c;

        more = slice_cut(&names, ',', &name);
        c = voice_named(slice_trim(name));
        if (!c || is_in(&list, (enum media_codec)c->id))
            return ERR_SYNTAX;
        if (!media_codec_is_there((enum media_codec)c->id))
            return ERR_UNSUPPORTED;
        list.codec[list.n++] = (enum media_codec)c->id;
    }
    *out = list;
    return ERR_OK;
}

/* What stands behind a clock that nobody uses would only make descriptions longer; 8000 is what every phone knows. */
static bool is_wanted(const struct sdp_codec *event, const struct sdp_codec *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].rate_hz == event->rate_hz)
            return true;
    return event->rate_hz == 8000;
}

size_t codecs_describe(const struct codec_list *list, bool keys, struct sdp_codec out[SDP_MAX_CODECS])
{
    size_t n = 0, n_voices;

    _Static_assert(N_VOICES + N_EVENTS <= SDP_MAX_CODECS, "all codecs fit into a description");
    for (size_t i = 0; i < list->n; i++)
        for (size_t k = 0; k < N_VOICES; k++)
            if (voices[k].id == (int)list->codec[i])
                out[n++] = voices[k];
    n_voices = n;
    for (size_t i = 0; i < N_EVENTS && keys; i++)
        if (is_wanted(&events[i], out, n_voices))
            out[n++] = events[i];
    return n;
}

/* ---- what was agreed ---- */

static uint32_t number(struct slice fmtp, struct slice name)
{
    struct slice value;
    uint32_t     n;

    return sdp_fmtp_value(fmtp, name, &value) && !slice_u32(value, &n) ? n : 0;
}

/* RFC 7587 §6.1. What is beside it (stereo, ptime, DTX) does not change what we send: mono, without pauses. */
static struct media_opus opus_wish(struct slice fmtp)
{
    return (struct media_opus){.fec = number(fmtp, S("useinbandfec")) == 1,
                               .cbr = number(fmtp, S("cbr")) == 1,
                               .max_hz = number(fmtp, S("maxplaybackrate")),
                               .max_bits_s = number(fmtp, S("maxaveragebitrate"))};
}

static uint16_t packet_time(uint16_t wanted_ms)
{
    return wanted_ms >= MIN_PTIME_MS && wanted_ms <= MAX_PTIME_MS && wanted_ms % 10 == 0 ? wanted_ms : 0;
}

void codecs_params(const struct sdp_agreed *a, struct media_params *out)
{
    *out = (struct media_params){.rtp = a->rtp, .rtcp = a->rtcp, .ptime_ms = packet_time(a->ptime_ms)};
    for (size_t i = 0; i < a->n_formats && out->n_formats < MEDIA_MAX_FORMATS; i++)
        out->formats[out->n_formats++] = (struct media_format){
            .codec = (enum media_codec)a->formats[i].id,
            .send_pt = a->formats[i].send_pt,
            .recv_pt = a->formats[i].recv_pt,
            .opus = a->formats[i].id == MEDIA_OPUS ? opus_wish(a->formats[i].fmtp) : (struct media_opus){0},
        };
    out->events = a->events;
    out->event_hz = a->event_hz;
    out->event_send_pt = a->event_send_pt;
    out->event_recv_pt = a->event_recv_pt;
    out->keys.suite = (enum media_suite)a->suite;
    memcpy(out->keys.send, a->send_key, sizeof out->keys.send);
    memcpy(out->keys.receive, a->receive_key, sizeof out->keys.receive);
    out->voip_metrics = a->voip_metrics;
    out->rcvr_rtt = a->rcvr_rtt;
}
