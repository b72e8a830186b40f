/* conceal_bench.c - what is made up in place of lost packets: our own (media/conceal.c) against spandsp's, on something like a
 * voice of which a fifth is lost, 40 ms at a time. Told is how far the spectrum is from that of what was lost, as a share of its
 * energy: 0 is the same, 1 is what silence would be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spandsp.h>

#include "media/conceal.h"

enum { FRAMES = 500, MAX_FRAME = 320 };

struct voice {
    double   rate_hz, pitch_hz, phase;
    size_t   at;
    unsigned noise;
};

/* Harmonics under three formants, a pitch and a loudness that move, a little noise. */
static void speak(struct voice *v, int16_t *pcm, size_t n)
{
    for (size_t i = 0; i < n; i++, v->at++) {
        double t = (double)v->at / v->rate_hz, hz = v->pitch_hz * (1 + 0.08 * sin(2 * M_PI * 1.5 * t)), sum = 0;

        v->phase += 2 * M_PI * hz / v->rate_hz;
        for (int h = 1; h * hz < 0.45 * v->rate_hz; h++)
            sum += (exp(-pow((h * hz - 600) / 500, 2)) + 0.5 * exp(-pow((h * hz - 1800) / 600, 2)) +
                    0.15 * exp(-pow((h * hz - 3000) / 700, 2)) + 0.03) * sin(v->phase * h);
        v->noise = v->noise * 1664525 + 1013904223;
        pcm[i] = (int16_t)(4000 * sum * (0.7 + 0.3 * sin(2 * M_PI * 3 * t)) + (int)(v->noise >> 24) - 128);
    }
}

static double level(const int16_t *pcm, size_t n, double hz, double rate_hz)
{
    double re = 0, im = 0;

    for (size_t i = 0; i < n; i++) {
        re += pcm[i] * cos(2 * M_PI * hz * (double)i / rate_hz);
        im += pcm[i] * sin(2 * M_PI * hz * (double)i / rate_hz);
    }
    return sqrt(re * re + im * im);
}

static double distance(const int16_t *is, const int16_t *was, size_t n, double rate_hz)
{
    double off = 0, all = 1;

    for (double hz = 50; hz < rate_hz / 2 - 100; hz += 50) {
        double a = level(is, n, hz, rate_hz), b = level(was, n, hz, rate_hz);

        off += (a - b) * (a - b);
        all += b * b;
    }
    return off / all;
}

/* spandsp's is told what was heard last when something is lost: told of each packet it copies overlapping memory. */
static void run(struct voice v, double *own, double *theirs)
{
    static struct conceal c;
    const size_t          n = (size_t)v.rate_hz / 50;
    int16_t               was[MAX_FRAME], made[MAX_FRAME], history[2 * MAX_FRAME] = {0};
    plc_state_t          *plc = plc_init(NULL);

    c = (struct conceal){.scale = v.rate_hz > 8000 ? 2 : 1};
    for (unsigned i = 0; i < FRAMES; i++) {
        speak(&v, was, n);
        if (i % 10 < 8 || i < 20) {
            conceal_heard(&c, was, n);
            memmove(history, history + n, sizeof history - n * sizeof *history);
            memcpy(history + 2 * MAX_FRAME - n, was, n * sizeof *was);
            continue;
        }
        conceal_fill(&c, made, n);
        *own += distance(made, was, n, v.rate_hz) / (FRAMES / 5);
        if (i % 10 == 8)
            (void)plc_rx(plc_init(plc), history + 2 * MAX_FRAME - PLC_HISTORY_LEN, PLC_HISTORY_LEN);
        (void)plc_fillin(plc, made, (int)n);
        *theirs += distance(made, was, n, v.rate_hz) / (FRAMES / 5);
    }
    (void)plc_free(plc);
}

int main(void)
{
    for (double rate_hz = 8000; rate_hz <= 16000; rate_hz *= 2)
        for (double pitch_hz = 80; pitch_hz < 320; pitch_hz *= 1.4) {
            double own = 0, theirs = 0;

            run((struct voice){.rate_hz = rate_hz, .pitch_hz = pitch_hz}, &own, &theirs);
            printf("%5.0f Hz, a voice of %3.0f Hz: ours %.2f, spandsp's %.2f\n", rate_hz, pitch_hz, own, theirs);
        }
    return 0;
}
