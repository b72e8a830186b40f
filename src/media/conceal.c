/* conceal.c - sound in place of what was lost, after the idea of ITU-T G.711 Appendix I: speech repeats itself.
 *
 * Room      media; no world in here.
 * Touches   its arguments only.
 * For       G.711 and G.722; Opus has its own (opus_voice.c).
 * Why own   spandsp 0.0.6 has this too, but for 8 kHz alone, copies overlapping memory with memcpy() (AddressSanitizer stops
 *           there), and is further off: bench/conceal_bench measures both. */
#include "media/conceal.h"

#include <math.h>
#include <string.h>

enum { MIN_PERIOD = 40, MAX_PERIOD = 160, COMPARED = 160, BLEND = 20 };

/* How alike the last samples are to those `lag` before them: 1 when the same but for loudness. */
static double likeness(const int16_t *end, size_t lag, size_t compared)
{
    double both = 0, now = 1, before = 1;

    for (size_t i = 1; i <= compared; i++) {
        double a = *(end - i), b = *(end - i - lag);

        both += a * b;
        now += a * a;
        before += b * b;
    }
    return both / sqrt(now * before);
}

static size_t scale_of(const struct conceal *c)
{
    return c->scale == 2 ? 2 : 1;
}

static size_t find_period(const struct conceal *c)
{
    const int16_t *end = c->history + CONCEAL_HISTORY;
    size_t         k = scale_of(c), best = MIN_PERIOD * k;
    double         most = -2;

    for (size_t lag = MIN_PERIOD * k; lag <= MAX_PERIOD * k; lag += k) {
        double l = likeness(end, lag, COMPARED * k);

        if (l > most) {
            most = l;
            best = lag;
        }
    }
    return best;
}

static int16_t made_up(const struct conceal *c, size_t at)
{
    int    sample = c->history[CONCEAL_HISTORY - c->period + at % c->period];
    size_t fade = CONCEAL_FADE * scale_of(c);

    return (int16_t)(at < fade ? sample * (int)(fade - at) / (int)fade : 0);
}

void conceal_fill(struct conceal *c, int16_t *pcm, size_t n)
{
    if (c->filled == 0)
        c->period = find_period(c);
    for (size_t i = 0; i < n; i++)
        pcm[i] = made_up(c, c->filled + i);
    c->filled += n;
}

static void remember(struct conceal *c, const int16_t *pcm, size_t n)
{
    if (n >= CONCEAL_HISTORY) {
        memcpy(c->history, pcm + n - CONCEAL_HISTORY, sizeof c->history);
        return;
    }
    memmove(c->history, c->history + n, (CONCEAL_HISTORY - n) * sizeof *c->history);
    memcpy(c->history + CONCEAL_HISTORY - n, pcm, n * sizeof *pcm);
}

void conceal_heard(struct conceal *c, int16_t *pcm, size_t n)
{
    if (c->filled)
        for (size_t i = 0; i < n && i < BLEND; i++)
            pcm[i] = (int16_t)((made_up(c, c->filled + i) * (int)(BLEND - i) + pcm[i] * (int)i) / BLEND);
    c->filled = 0;
    remember(c, pcm, n);
}
