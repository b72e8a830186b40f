/* codec.c - what is said of every codec; G.711 by spandsp's inline functions.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. */
#include "media/codec.h"

#include "media/opus_voice.h"
#include "media/wide.h"

#include <spandsp.h>

struct slice media_codec_name(enum media_codec c)
{
    switch (c) {
    case MEDIA_PCMA: return S("PCMA");
    case MEDIA_PCMU: return S("PCMU");
    case MEDIA_G722: return S("G722");
    case MEDIA_OPUS: return S("opus");
    case MEDIA_CODEC_N: break;
    }
    return SLICE_NONE;
}

bool media_codec_is_there(enum media_codec c)
{
    return c != MEDIA_OPUS || opus_voice_is_there();
}

uint32_t codec_clock_hz(enum media_codec c)
{
    return c == MEDIA_OPUS ? OPUS_VOICE_CLOCK_HZ : CODEC_RATE_HZ;
}

uint32_t codec_rate_hz(enum media_codec c)
{
    return c == MEDIA_OPUS || c == MEDIA_G722 ? WIDE_RATE_HZ : CODEC_RATE_HZ;
}

uint16_t codec_duration_ms(enum media_codec c, struct slice payload)
{
    const uint32_t clock = codec_clock_hz(c);
    size_t         units = c == MEDIA_OPUS ? opus_voice_units(payload) : payload.n; /* the others: 64 kbit/s */

    return (uint16_t)((units * 1000 + clock - 1) / clock);
}

size_t codec_decode(enum media_codec c, struct slice payload, int16_t *pcm, size_t max)
{
    size_t n = payload.n < max ? payload.n : max;

    for (size_t i = 0; i < n; i++) {
        uint8_t octet = (uint8_t)payload.p[i];

        pcm[i] = c == MEDIA_PCMA ? alaw_to_linear(octet) : ulaw_to_linear(octet);
    }
    return n;
}

size_t codec_encode(enum media_codec c, const int16_t *pcm, size_t n, uint8_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = c == MEDIA_PCMA ? linear_to_alaw(pcm[i]) : linear_to_ulaw(pcm[i]);
    return n;
}
