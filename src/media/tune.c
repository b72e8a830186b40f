/* tune.c - plucked notes over a bass, sixteen beats, again and again.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. */
#include "media/tune.h"

#include <math.h>

#define BEATS_PER_S 2
#define MELODY_LEVEL 5000.0
#define BASS_LEVEL 1800.0
#define NOTE_FADE_S 0.45  /* until a note has a third of its loudness */

/* Semitones above A (220 Hz); the bass an octave lower. Between A minor, F, C and G, as ever. */
static const int8_t melody[] = {12, 7, 3, 7, 8, 12, 15, 12, 7, 10, 15, 10, 5, 10, 14, 10};
static const int8_t bass[] = {0, 0, 0, 0, -4, -4, -4, -4, 3, 3, 3, 3, -2, -2, -2, -2};
enum { NOTES = sizeof melody };

static double step_of(const struct tune *t, int semitones, double base_hz)
{
    return 2 * M_PI * base_hz * pow(2.0, semitones / 12.0) / t->rate_hz;
}

static void strike(struct tune *t)
{
    t->step[0] = step_of(t, melody[t->note], 220);
    t->step[1] = step_of(t, bass[t->note], 110);
    t->level = MELODY_LEVEL;
}

void tune_init(struct tune *t, uint32_t rate_hz)
{
    *t = (struct tune){.rate_hz = rate_hz, .beat = rate_hz / BEATS_PER_S};
    t->fade = exp(-1.0 / (NOTE_FADE_S * rate_hz));
    strike(t);
}

void tune_read(struct tune *t, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pcm[i] = (int16_t)lrint(t->level * (sin(t->phase[0]) + 0.3 * sin(2 * t->phase[0])) + BASS_LEVEL * sin(t->phase[1]));
        t->level *= t->fade;
        for (int k = 0; k < 2; k++)
            t->phase[k] = fmod(t->phase[k] + t->step[k], 2 * M_PI);
        if (++t->at == t->beat) {
            t->at = 0;
            t->note = (t->note + 1) % NOTES;
            strike(t);
        }
    }
}
