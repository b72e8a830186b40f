/* wide.c - G.722 and changes of the sampling rate.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. spandsp and speexdsp take their memory from the system's heap. */
#include "media/wide.h"

#include <stdlib.h>

#include <spandsp.h>
#include <speex/speex_resampler.h>

enum { BITS_PER_S = 64000, QUALITY = 3 }; /* of speexdsp's ten: telephony */

struct wide {
    g722_encode_state_t *out;
    g722_decode_state_t *in;
};

enum err wide_open(struct wide **out)
{
    struct wide *w = calloc(1, sizeof *w);

    if (!w)
        return ERR_NOMEM;
    w->out = g722_encode_init(NULL, BITS_PER_S, 0);
    w->in = g722_decode_init(NULL, BITS_PER_S, 0);
    if (!w->out || !w->in) {
        wide_close(w);
        return ERR_NOMEM;
    }
    *out = w;
    return ERR_OK;
}

void wide_close(struct wide *w)
{
    if (!w)
        return;
    if (w->out)
        g722_encode_free(w->out);
    if (w->in)
        g722_decode_free(w->in);
    free(w);
}

size_t wide_encode(struct wide *w, const int16_t *pcm, size_t n, uint8_t *out)
{
    return (size_t)g722_encode(w->out, out, pcm, (int)n);
}

size_t wide_decode(struct wide *w, struct slice payload, int16_t *pcm, size_t max)
{
    size_t n = payload.n < max / 2 ? payload.n : max / 2;

    return (size_t)g722_decode(w->in, pcm, (const uint8_t *)payload.p, (int)n);
}

enum err rate_open(struct rate **out, uint32_t from_hz, uint32_t to_hz)
{
    SpeexResamplerState *s = speex_resampler_init(1, from_hz, to_hz, QUALITY, NULL);

    *out = (struct rate *)(void *)s;
    return s ? ERR_OK : ERR_NOMEM;
}

void rate_close(struct rate *r)
{
    if (r)
        speex_resampler_destroy((SpeexResamplerState *)(void *)r);
}

size_t rate_change(struct rate *r, const int16_t *in, size_t n, int16_t *out, size_t max)
{
    spx_uint32_t from = (spx_uint32_t)n, to = (spx_uint32_t)max;

    (void)speex_resampler_process_int((SpeexResamplerState *)(void *)r, 0, in, &from, out, &to);
    return to;
}
