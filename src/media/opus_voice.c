/* opus_voice.c - Opus by libopus, where the build has it.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. libopus takes its memory from the system's heap.
 * Figures   32 encoders and decoders of a conference take two fifths of a core at 16 kHz and this complexity, half of it with FEC;
 *           at 48 kHz half as much again, for sound that G.722 and telephones have not got; at the library's own complexity of 9
 *           all of it (bench/mixer_bench). */
#include "media/opus_voice.h"

#include <stdlib.h>
#include <string.h>

#include "media/wide.h"

#ifdef HAVE_OPUS

#include <opus.h>

enum { BITS_PER_S = 24000, LEAST_BITS_PER_S = 6000, COMPLEXITY = 4, LOSS_PERCENT = 10 };

struct opus_voice {
    OpusEncoder *out;
    OpusDecoder *in;
};

bool opus_voice_is_there(void)
{
    return true;
}

enum err opus_voice_open(struct opus_voice **out)
{
    struct opus_voice *v = calloc(1, sizeof *v);

    if (!v)
        return ERR_NOMEM;
    v->out = opus_encoder_create(WIDE_RATE_HZ, 1, OPUS_APPLICATION_VOIP, NULL);
    v->in = opus_decoder_create(WIDE_RATE_HZ, 1, NULL);
    if (!v->out || !v->in) {
        opus_voice_close(v);
        return ERR_NOMEM;
    }
    (void)opus_encoder_ctl(v->out, OPUS_SET_COMPLEXITY(COMPLEXITY));
    (void)opus_encoder_ctl(v->out, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
    opus_voice_tune(v, &(struct media_opus){.fec = false});
    *out = v;
    return ERR_OK;
}

void opus_voice_close(struct opus_voice *v)
{
    if (!v)
        return;
    if (v->out)
        opus_encoder_destroy(v->out);
    if (v->in)
        opus_decoder_destroy(v->in);
    free(v);
}

static opus_int32 bandwidth_for(uint32_t max_hz)
{
    return max_hz == 0 || max_hz >= WIDE_RATE_HZ ? OPUS_BANDWIDTH_WIDEBAND
           : max_hz >= 12000                     ? OPUS_BANDWIDTH_MEDIUMBAND
                                                 : OPUS_BANDWIDTH_NARROWBAND;
}

void opus_voice_tune(struct opus_voice *v, const struct media_opus *wish)
{
    opus_int32 bits = wish->max_bits_s && wish->max_bits_s < BITS_PER_S ? (opus_int32)wish->max_bits_s : BITS_PER_S;

    if (bits < LEAST_BITS_PER_S) /* RFC 7587 §6.1 knows no less */
        bits = LEAST_BITS_PER_S;
    (void)opus_encoder_ctl(v->out, OPUS_SET_BITRATE(bits));
    (void)opus_encoder_ctl(v->out, OPUS_SET_VBR(!wish->cbr));
    (void)opus_encoder_ctl(v->out, OPUS_SET_MAX_BANDWIDTH(bandwidth_for(wish->max_hz)));
    (void)opus_encoder_ctl(v->out, OPUS_SET_INBAND_FEC(wish->fec));
    (void)opus_encoder_ctl(v->out, OPUS_SET_PACKET_LOSS_PERC(wish->fec ? LOSS_PERCENT : 0));
}

size_t opus_voice_encode(struct opus_voice *v, const int16_t *pcm, size_t n, uint8_t *out, size_t max)
{
    opus_int32 octets = opus_encode(v->out, pcm, (int)n, out, (opus_int32)max);

    return octets > 0 ? (size_t)octets : 0;
}

uint32_t opus_voice_units(struct slice payload)
{
    int n = payload.n ? opus_packet_get_nb_samples((const unsigned char *)payload.p, (opus_int32)payload.n, OPUS_VOICE_CLOCK_HZ)
                      : 0;

    return n > 0 && n <= OPUS_VOICE_MAX_MS * OPUS_VOICE_CLOCK_HZ / 1000 ? (uint32_t)n : 0;
}

size_t opus_voice_decode(struct opus_voice *v, struct slice payload, int16_t *pcm, size_t max)
{
    size_t n = opus_voice_units(payload) / (OPUS_VOICE_CLOCK_HZ / WIDE_RATE_HZ);
    int    got;

    if (n == 0 || n > max)
        return 0;
    got = opus_decode(v->in, (const unsigned char *)payload.p, (opus_int32)payload.n, pcm, (int)n, 0);
    if (got != (int)n)
        opus_voice_conceal(v, pcm, n);
    return n;
}

/* Frames in whole steps, the longest first; what is left over, less than a step, is silence. */
void opus_voice_conceal(struct opus_voice *v, int16_t *pcm, size_t n)
{
    const size_t longest = WIDE_RATE_HZ / 1000 * 20;

    while (n >= OPUS_VOICE_STEP) {
        size_t frame = n >= longest ? longest : n / OPUS_VOICE_STEP * OPUS_VOICE_STEP;

        if (opus_decode(v->in, NULL, 0, pcm, (int)frame, 0) != (int)frame)
            memset(pcm, 0, frame * sizeof *pcm);
        pcm += frame;
        n -= frame;
    }
    memset(pcm, 0, n * sizeof *pcm);
}

void opus_voice_rescue(struct opus_voice *v, struct slice next, int16_t *pcm, size_t n)
{
    if (n % OPUS_VOICE_STEP == 0 &&
        opus_decode(v->in, (const unsigned char *)next.p, (opus_int32)next.n, pcm, (int)n, 1) == (int)n)
        return;
    opus_voice_conceal(v, pcm, n);
}

#else

bool opus_voice_is_there(void)
{
    return false;
}

enum err opus_voice_open(struct opus_voice **out)
{
    *out = NULL;
    return ERR_UNSUPPORTED;
}

void opus_voice_close(struct opus_voice *v)
{
    (void)v; /* there is none */
}

void opus_voice_tune(struct opus_voice *v, const struct media_opus *wish)
{
    (void)v;
    (void)wish;
}

size_t opus_voice_encode(struct opus_voice *v, const int16_t *pcm, size_t n, uint8_t *out, size_t max)
{
    (void)v;
    (void)pcm;
    (void)n;
    (void)out;
    (void)max;
    return 0;
}

uint32_t opus_voice_units(struct slice payload)
{
    (void)payload;
    return 0;
}

size_t opus_voice_decode(struct opus_voice *v, struct slice payload, int16_t *pcm, size_t max)
{
    (void)v;
    (void)payload;
    (void)pcm;
    (void)max;
    return 0;
}

void opus_voice_rescue(struct opus_voice *v, struct slice next, int16_t *pcm, size_t n)
{
    (void)next;
    opus_voice_conceal(v, pcm, n);
}

void opus_voice_conceal(struct opus_voice *v, int16_t *pcm, size_t n)
{
    (void)v;
    memset(pcm, 0, n * sizeof *pcm);
}

#endif
