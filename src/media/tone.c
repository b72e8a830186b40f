/* tone.c - sines, one or two, with a cadence.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. */
#include "media/tone.h"

#include <math.h>

#define FULL_SCALE 32767.0
#define FULL_SCALE_DBM0 3.14 /* of A-law; the law's 3.17 for µ-law is the same to any ear */

double tone_amplitude(double level_dbm0)
{
    return FULL_SCALE * pow(10.0, (level_dbm0 - FULL_SCALE_DBM0) / 20.0);
}

double tone_level(double amplitude)
{
    return amplitude <= 0 ? -99.0 : 20.0 * log10(amplitude / FULL_SCALE) + FULL_SCALE_DBM0;
}

enum err tone_init(struct tone *t, const struct media_tone *spec, uint32_t rate_hz)
{
    if (spec->hz == 0 || spec->hz >= rate_hz / 2 || spec->hz2 >= rate_hz / 2 || spec->level_dbm0 > 3)
        return ERR_INVALID;
    if (spec->off_ms && !spec->on_ms)
        return ERR_INVALID;
    *t = (struct tone){.spec = *spec, .rate_hz = rate_hz};
    t->step[0] = 2 * M_PI * spec->hz / rate_hz;
    t->step[1] = 2 * M_PI * spec->hz2 / rate_hz;
    /* Two sines share the level: 3 dB less each. */
    t->amplitude = tone_amplitude(spec->level_dbm0 - (spec->hz2 ? 3.01 : 0));
    return ERR_OK;
}

static bool is_on(const struct tone *t)
{
    uint64_t period_ms = (uint64_t)t->spec.on_ms + t->spec.off_ms;

    if (t->spec.off_ms == 0)
        return true;
    return t->at * 1000 / t->rate_hz % period_ms < t->spec.on_ms;
}

static double sine(struct tone *t, int i)
{
    double v = t->step[i] > 0 ? sin(t->phase[i]) : 0;

    t->phase[i] = fmod(t->phase[i] + t->step[i], 2 * M_PI);
    return v;
}

void tone_read(struct tone *t, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++, t->at++) {
        double v = t->amplitude * (sine(t, 0) + sine(t, 1));

        if (v > FULL_SCALE)
            v = FULL_SCALE;
        else if (v < -FULL_SCALE)
            v = -FULL_SCALE;
        pcm[i] = is_on(t) ? (int16_t)lrint(v) : 0;
    }
}
