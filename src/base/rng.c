/* rng.c - numbers from random octets. Room base (pure). */
#include "base/rng.h"

uint64_t rng_below(struct rng *r, uint64_t n)
{
    uint64_t v, skip;

    if (n < 2)
        return 0;
    skip = (UINT64_MAX % n + 1) % n; /* values at the low end that would make some results likelier */
    do
        v = rng_u64(r);
    while (v < skip);
    return v % n;
}
