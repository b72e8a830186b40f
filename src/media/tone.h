/* tone.h - sines, one or two, with a cadence. 16-bit samples; levels in dBm0 (a sine of full scale is +3.14). */
#ifndef MEDIA_TONE_H
#define MEDIA_TONE_H

#include "media/media.h"

struct tone {
    struct media_tone spec;
    uint32_t          rate_hz;
    double            step[2], phase[2]; /* radians a sample; 0 where there is no second sine */
    double            amplitude;
    uint64_t          at;                /* samples since the begin */
};

/* ERR_INVALID: a frequency of half the rate or more, a level over +3, or on_ms = 0 with a pause. */
enum err tone_init(struct tone *t, const struct media_tone *spec, uint32_t rate_hz);
void tone_read(struct tone *t, int16_t *pcm, size_t n);

/* Amplitude, in samples, of a sine of that level, and back. */
double tone_amplitude(double level_dbm0);
double tone_level(double amplitude);

#endif
