/* codec.c - G.711 by spandsp's inline functions.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. */
#include "media/codec.h"

#include <spandsp.h>

struct slice media_codec_name(enum media_codec c)
{
    switch (c) {
    case MEDIA_PCMA: return S("PCMA");
    case MEDIA_PCMU: return S("PCMU");
    case MEDIA_G722: return S("G722");
    case MEDIA_CODEC_N: break;
    }
    return SLICE_NONE;
}

size_t codec_samples(enum media_codec c, size_t n)
{
    (void)c; /* 64 kbit/s, all of them */
    return n;
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
