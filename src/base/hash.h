/* hash.h - keyed hashing of octets from outside: SipHash (Aumasson, Bernstein 2012). Pure.
 *
 * The key is random at start (sys/random.h), so that nobody outside can make names collide. In virtual time it comes
 * from the seed, so that a run can be repeated. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/slice.h"

struct hash_key {
    uint64_t k0, k1;
};

/* ---- for tables in memory, whose hashes nobody outside ever sees: SipHash-1-3, half the work ---- */

uint64_t hash_name(const struct hash_key *key, struct slice s);
/* Any number of pieces as one text with a zero octet between, 128 bits of it: for keys that are compared by their hashes alone. */
struct hash_wide {
    uint64_t a, b;
};
struct hash_wide hash_names_wide(const struct hash_key *key, const struct slice *names, size_t n);

/* ---- for all else, and where it proves something: SipHash-2-4 ---- */

uint64_t hash_octets(const struct hash_key *key, struct slice s);
/* The same over ASCII letters in lower case, so that equal-but-for-case names meet. */
uint64_t hash_octets_lower(const struct hash_key *key, struct slice s);
/* Two pieces as one text with a zero octet between: for keys of two parts. */
uint64_t hash_pair(const struct hash_key *key, struct slice a, struct slice b);
/* Any number of pieces, likewise. */
uint64_t hash_pieces(const struct hash_key *key, const struct slice *pieces, size_t n);
#endif
