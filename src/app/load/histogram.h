/* histogram.h - how often each value occurred, within 1/64 of the value (HDR histogram, log-linear). Pure.
 *
 * Part of app/load. A value of any unit up to 2**40 - 1; larger ones count as that. Fixed size, no allocation: adding is
 * one increment. */
#ifndef APP_LOAD_HISTOGRAM_H
#define APP_LOAD_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_FINE_BITS = 6,                                                  /* 64 steps an octave */
    HISTOGRAM_VALUE_BITS = 40,
    HISTOGRAM_CELLS = (HISTOGRAM_VALUE_BITS - HISTOGRAM_FINE_BITS + 1) << HISTOGRAM_FINE_BITS
};

struct histogram { /* zeroed: empty */
    uint64_t n, max, cell[HISTOGRAM_CELLS];
};

void histogram_add(struct histogram *h, uint64_t value);
/* The value that `per_100000` of 100000 are not above (50000: the median), as the upper end of its cell but never above the
 * largest value; 0 when it is empty. */
uint64_t histogram_at(const struct histogram *h, uint32_t per_100000);

#endif
