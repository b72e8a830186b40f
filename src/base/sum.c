/* sum.c - a sum over octets. See sum.h.
 *
 * Room      base (pure). */
#include "base/sum.h"

#include <string.h>

uint64_t sum_octets(uint64_t sum, const void *octets, size_t n)
{
    const char *p = octets;
    uint64_t    w;

    for (; n >= sizeof w; p += sizeof w, n -= sizeof w) {
        memcpy(&w, p, sizeof w);
        sum = sum_word(sum, w);
    }
    w = 0;
    if (n)
        memcpy(&w, p, n);
    return sum_word(sum, w);
}
