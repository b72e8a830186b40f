/* rng.h - where random octets come from: one function that a pure room is given. Pure.
 *
 * sys/random.h has the system's (fit for keys, tags, nonces) and a seeded one, with which a run in virtual time can be
 * repeated. Filling cannot fail. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

struct rng {
    void (*fill)(void *ctx, void *p, size_t n);
    void *ctx;
};

static inline void rng_fill(struct rng *r, void *p, size_t n)
{
    r->fill(r->ctx, p, n);
}

static inline uint64_t rng_u64(struct rng *r)
{
    uint64_t v;

    rng_fill(r, &v, sizeof v);
    return v;
}

/* Evenly from 0 to n - 1; n = 0 gives 0. */
uint64_t rng_below(struct rng *r, uint64_t n);

#endif
