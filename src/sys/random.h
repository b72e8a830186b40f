/* random.h - random octets: the system's, or from a seed.
 *
 * A struct random is a source; its `rng` is the face that rooms above are given. */
#ifndef SYS_RANDOM_H
#define SYS_RANDOM_H

#include "base/rng.h"

struct random {
    struct rng rng;
    uint64_t   state[4]; /* of a seeded one */
};

/* The system's (getentropy, by way of a store for each thread): fit for keys; safe for all threads at once. Ends the
 * program when the system has no random octets to give, which happens on no Linux that runs. */
void random_system(struct random *r);

/* xoshiro256** from a seed: the same octets for the same seed and the same calls. Anyone who has seen some can tell the
 * rest, so never for keys outside virtual time. Not for two threads at once. `r` must stay where it is. */
void random_seed(struct random *r, uint64_t seed);

static inline void random_octets(struct random *r, void *p, size_t n)
{
    rng_fill(&r->rng, p, n);
}

#endif
