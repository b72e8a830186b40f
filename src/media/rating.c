/* rating.c - the E-model, simplified: ITU-T G.107 §7, annex B; G.113 appendix I.
 *
 * Room      media; no world in here.
 * Touches   its arguments only. */
#include "media/rating.h"

#include <math.h>

#define BASE 93.2          /* Ro - Is - Idte - Idle at G.107's defaults, advantage 0 */
#define DELAY_FREE_MS 100.0

/* What a codec takes by itself, and how well it bears loss. */
struct robustness {
    double ie, bpl;
};

static struct robustness robustness(enum media_codec c)
{
    (void)c; /* G.711 with concealment, and what is rated like it: rating.h */
    return (struct robustness){0, 25.1};
}

static double limited(double v, double low, double high)
{
    return v < low ? low : v > high ? high : v;
}

static double of_delay(double ms)
{
    double x, sixth = 1.0 / 6;

    if (ms <= DELAY_FREE_MS)
        return 0;
    x = log2(ms / DELAY_FREE_MS);
    return 25 * (pow(1 + pow(x, 6), sixth) - 3 * pow(1 + pow(x / 3, 6), sixth) + 2);
}

static double of_loss(const struct rating_path *p)
{
    struct robustness k = robustness(p->codec);
    double            percent = 100 * limited(p->loss, 0, 1);

    return k.ie + (95 - k.ie) * percent / (percent / limited(p->burst_ratio, 1, 8) + k.bpl);
}

double rating_r(const struct rating_path *p)
{
    return limited(BASE - of_delay(p->delay_ms) - of_loss(p), 0, BASE);
}

/* Annex B's cubic dips below 1 between R 0 and 6.5: nobody's opinion. */
unsigned rating_mos_100(double r)
{
    double mos = 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6;

    return (unsigned)lround(100 * limited(mos, 1, 4.5));
}
