/* conceal.h - sound in place of what was lost: the last pitch period again and again, fading away within 60 ms. */
#ifndef MEDIA_CONCEAL_H
#define MEDIA_CONCEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONCEAL_HISTORY 640 /* samples: two of the longest periods (50 Hz at 16 kHz) */
#define CONCEAL_FADE 480    /* at 8 kHz */

struct conceal {
    unsigned scale;                   /* 2: at 16 kHz; else at 8 */
    int16_t history[CONCEAL_HISTORY]; /* what was heard last */
    size_t  period;                   /* samples; while filling */
    size_t  filled;                   /* made up since then; 0: nothing is missing */
};

/* Sound that came. Its begin is blended with what was being made up, so that there is no click. */
void conceal_heard(struct conceal *c, int16_t *pcm, size_t n);

/* Make n samples up. */
void conceal_fill(struct conceal *c, int16_t *pcm, size_t n);

#endif
