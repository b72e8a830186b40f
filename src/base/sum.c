/* sum.c - a sum over octets. See sum.h.
 *
 * Room      base (pure). */
#include "base/sum.h"

#include <string.h>

uint64_t sum_octets(uint64_t sum, const void *octets, size_t n)
{
    const char *p = octets;
    uint64_t    w[4];

    if (n >= sizeof w) { /* four sums side by side: each of their multiplications would wait for the one before */
        /* they begin differently, so that it shows when two words change places */
        uint64_t b = sum_word(sum, 1), c = sum_word(sum, 2), d = sum_word(sum, 3);

        for (; n >= sizeof w; p += sizeof w, n -= sizeof w) {
            memcpy(w, p, sizeof w);
            sum = sum_word(sum, w[0]);
            b = sum_word(b, w[1]);
            c = sum_word(c, w[2]);
            d = sum_word(d, w[3]);
        }
        sum = sum_word(sum_word(sum_word(sum, b), c), d);
    }
    for (; n >= sizeof *w; p += sizeof *w, n -= sizeof *w) {
        memcpy(w, p, sizeof *w);
        sum = sum_word(sum, *w);
    }
    *w = 0;
    if (n)
        memcpy(w, p, n);
    return sum_word(sum, *w);
}
