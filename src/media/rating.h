/* rating.h - what a call is worth to a listener: the rating R of the E-model (ITU-T G.107) and the opinion score made of it.
 *
 * A simplified E-model, the part that packets and delay decide. The rest of it (noise, loudness, echo) stays at G.107's
 * defaults, whose sum is 93.2:
 *
 *     R = 93.2 - Idd - Ie,eff
 *     Idd     what pure delay takes (G.107 §7.4): nothing up to 100 ms, 30 at half a second
 *     Ie,eff  what codec and loss take (§7.5): Ie + (95 - Ie) * Ppl / (Ppl / BurstR + Bpl)
 *     MOS     of R by annex B
 *
 * Ie and Bpl are those of G.113 appendix I for G.711 with concealment (0, 25.1). G.722 and Opus are rated on the same, narrow
 * scale, as reports of phones are: equal to G.711; their wider band and what Opus conceals better count nothing. Limits: no echo (Idte, Idle), no noise, no talker
 * overlap; one loss figure for the whole call; loss beyond 20 % is outside what G.107 was fitted to, and comes out as bad,
 * which it is. Pure. */
#ifndef MEDIA_RATING_H
#define MEDIA_RATING_H

#include "media/media.h"

struct rating_path {
    enum media_codec codec;
    double           loss;        /* 0 to 1: of what was sent, not heard: lost, or too late */
    double           burst_ratio; /* G.107's BurstR: 1 where losses come at random, more where they come together */
    double           delay_ms;    /* from mouth to ear, one way; 0: how it sounds, whatever the delay (listening quality) */
};

double   rating_r(const struct rating_path *p);  /* 0 to 93.2 */
unsigned rating_mos_100(double r);               /* in hundredths: 100 (bad) to 441 */

#endif
