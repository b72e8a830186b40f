/* meter.c - which tones are heard.
 *
 * Room      media; no world in here: time is counted in samples.
 * In        meter_write(): full windows are measured, what is over waits for the next.
 * How       the power of each bin by Goertzel's recurrence under Hann's window (its side lobes are 31 dB down, so that a
 *           loud tone does not make others); local maxima above the floor, and not far below the loudest, are tones; a
 *           parabola through a maximum and its neighbours gives the frequency between the bins.
 * Must hold a tone of n windows has been heard n * METER_WINDOW_MS; a tone that goes on keeps its entry. */
#include "media/meter.h"

#include <math.h>
#include <string.h>

#include "media/tone.h"

enum { BIN_HZ = METER_RATE_HZ / METER_WINDOW, FIRST_BIN = 10, LAST_BIN = 390, N_BINS = LAST_BIN + 2, LANES = 8 };

#define BESIDE_LOUDEST_DB 20.0 /* what is so far below the loudest is its image, not a tone */

enum err meter_init(struct meter *m, const uint16_t *watched_hz, size_t n)
{
    if (n > METER_MAX_WATCHED)
        return ERR_LIMIT;
    for (size_t i = 0; i < n; i++)
        if (watched_hz[i] < FIRST_BIN * BIN_HZ || watched_hz[i] > LAST_BIN * BIN_HZ)
            return ERR_INVALID;
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < n; i++)
        m->watched[i] = watched_hz[i];
    m->n_watched = n;
    for (size_t i = 0; i < METER_WINDOW; i++)
        m->window[i] = (float)(0.5 - 0.5 * cos(2 * M_PI * (double)i / METER_WINDOW));
    return ERR_OK;
}

/* Amplitudes, in samples, of the sines at hz[]. Side by side: one recurrence alone waits for itself at each step, eight of
 * them take hardly longer. */
static void goertzel(const float *x, const double *hz, double *amplitude)
{
    double c[LANES], s1[LANES] = {0}, s2[LANES] = {0};

    for (size_t k = 0; k < LANES; k++)
        c[k] = 2 * cos(2 * M_PI * hz[k] / METER_RATE_HZ);
    for (size_t i = 0; i < METER_WINDOW; i++)
        for (size_t k = 0; k < LANES; k++) {
            double s = x[i] + c[k] * s1[k] - s2[k];

            s2[k] = s1[k];
            s1[k] = s;
        }
    for (size_t k = 0; k < LANES; k++) {
        double power = s1[k] * s1[k] + s2[k] * s2[k] - c[k] * s1[k] * s2[k];

        /* Half of the window's sum is what a sine of amplitude 1 gives; Hann's sum is half of its length. */
        amplitude[k] = sqrt(power > 0 ? power : 0) * 4 / METER_WINDOW;
    }
}

struct peak {
    double hz, amplitude;
};

/* The entry of a tone at hz: one that is near, a new one, or that of the tone that was heard shortest and not just now. */
static struct media_heard *entry_for(struct meter *m, double hz)
{
    struct media_heard *shortest = NULL;

    for (size_t i = 0; i < m->n_heard; i++) {
        struct media_heard *h = &m->heard[i];

        if (fabs(h->hz - hz) <= METER_NEAR_HZ)
            return h;
        if (h->last_ms < m->heard_ms && (!shortest || h->heard_ms < shortest->heard_ms))
            shortest = h;
    }
    if (m->n_heard < MEDIA_MAX_HEARD)
        shortest = &m->heard[m->n_heard++];
    if (shortest)
        *shortest = (struct media_heard){.hz = (uint16_t)lround(hz), .first_ms = m->heard_ms - METER_WINDOW_MS};
    return shortest;
}

static void note(struct meter *m, const struct peak *p)
{
    struct media_heard *h = entry_for(m, p->hz);

    if (!h || h->last_ms == m->heard_ms)
        return;
    h->hz = (uint16_t)lround(p->hz); /* the last window's: a begin or end inside a window blurs it */
    h->level_dbm0 = (int8_t)lround(tone_level(p->amplitude));
    h->heard_ms += METER_WINDOW_MS;
    h->last_ms = m->heard_ms;
}

static void measure_watched(struct meter *m, const float *x)
{
    double hz[LANES] = {0}, amplitude[LANES];

    _Static_assert(METER_MAX_WATCHED <= LANES, "all are measured in one go");
    for (size_t i = 0; i < m->n_watched; i++)
        hz[i] = m->watched[i];
    goertzel(x, hz, amplitude);
    for (size_t i = 0; i < m->n_watched; i++) {
        struct peak p = {hz[i], amplitude[i]};

        if (tone_level(p.amplitude) >= METER_FLOOR_DBM0)
            note(m, &p);
    }
}

/* The top of the parabola through three neighbouring bins, in decibels. */
static struct peak top_of(const double *bins, int k)
{
    double a = log(bins[k - 1] + 1e-9), b = log(bins[k] + 1e-9), c = log(bins[k + 1] + 1e-9);
    double bend = a - 2 * b + c;
    double off = bend < 0 ? 0.5 * (a - c) / bend : 0;

    return (struct peak){(k + off) * BIN_HZ, exp(b - 0.25 * (a - c) * off)};
}

/* Put a maximum among the loudest so far, which are in order. */
static void insert(struct peak *peaks, size_t *n, struct peak p)
{
    size_t at = *n;

    while (at > 0 && peaks[at - 1].amplitude < p.amplitude)
        at--;
    if (at == METER_PEAKS)
        return;
    if (*n < METER_PEAKS)
        (*n)++;
    memmove(peaks + at + 1, peaks + at, (*n - at - 1) * sizeof *peaks);
    peaks[at] = p;
}

static void measure_any(struct meter *m, const float *x)
{
    double      bins[N_BINS + LANES] = {0}, hz[LANES];
    struct peak peaks[METER_PEAKS];
    size_t      n = 0;

    for (int k = FIRST_BIN - 1; k <= LAST_BIN + 1; k += LANES) {
        for (int lane = 0; lane < LANES; lane++)
            hz[lane] = (double)(k + lane) * BIN_HZ;
        goertzel(x, hz, &bins[k]);
    }
    for (int k = FIRST_BIN; k <= LAST_BIN; k++)
        if (bins[k] > bins[k - 1] && bins[k] >= bins[k + 1] && tone_level(bins[k]) >= METER_FLOOR_DBM0)
            insert(peaks, &n, top_of(bins, k));
    for (size_t i = 0; i < n; i++)
        if (tone_level(peaks[i].amplitude) >= tone_level(peaks[0].amplitude) - BESIDE_LOUDEST_DB)
            note(m, &peaks[i]);
}

static double energy_level(const int16_t *pcm)
{
    double sum = 0;

    for (size_t i = 0; i < METER_WINDOW; i++)
        sum += (double)pcm[i] * pcm[i];
    return tone_level(sqrt(2 * sum / METER_WINDOW));
}

static void on_window(struct meter *m)
{
    float x[METER_WINDOW];

    m->heard_ms += METER_WINDOW_MS;
    if (energy_level(m->pcm) < METER_FLOOR_DBM0)
        return; /* no tone can be louder than everything together */
    for (size_t i = 0; i < METER_WINDOW; i++)
        x[i] = m->window[i] * (float)m->pcm[i];
    if (m->n_watched)
        measure_watched(m, x);
    else
        measure_any(m, x);
}

void meter_write(struct meter *m, const int16_t *pcm, size_t n)
{
    while (n) {
        size_t room = METER_WINDOW - m->n;
        size_t take = n < room ? n : room;

        memcpy(m->pcm + m->n, pcm, take * sizeof *pcm);
        m->n += take;
        pcm += take;
        n -= take;
        if (m->n == METER_WINDOW) {
            m->n = 0;
            on_window(m);
        }
    }
}

const struct media_heard *meter_find(const struct meter *m, uint16_t hz, uint16_t within_hz)
{
    const struct media_heard *best = NULL;
    int                       best_off = within_hz;

    for (size_t i = 0; i < m->n_heard; i++) {
        int off = m->heard[i].hz > hz ? m->heard[i].hz - hz : hz - m->heard[i].hz;

        if (off < best_off || (off == best_off && (!best || m->heard[i].heard_ms > best->heard_ms))) {
            best = &m->heard[i];
            best_off = off;
        }
    }
    return best;
}
