/* array_map.h - hash table of elements that stand in one array, and leave it at once.
 *
 * As base/map.h, but that nodes know each other by their numbers in the array: so they are linked both ways in the room of a pointer, and
 * who leaves touches its two neighbours, however many have the same hash. And the table has its final size, since the array has: so
 * where a hash is to be looked for is known without reading anything, and can be fetched ahead.
 *
 * Threads may use different hashes at once where all that have the same lowest ARRAY_MAP_APART_BITS share a lock. */
#ifndef SYS_ARRAY_MAP_H
#define SYS_ARRAY_MAP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ahead.h"
#include "base/err.h"
#include "base/mem.h"

enum { ARRAY_MAP_APART_BITS = 8 };

struct array_node {
    uint32_t next, prev; /* numbers; 0: none */
    uint64_t hash;
};

struct array_map {
    _Atomic uint32_t  *buckets; /* changed under their locks; array_map_expect_node() looks without */
    size_t             mask;
    struct mem        *mem;
    struct array_node *origin;
};

/* origin: the node of the first element, from which all others are a multiple of a node's size away; n: about so many will be in it.
 * ERR_NOMEM. */
enum err array_map_init(struct array_map *m, struct mem *mem, struct array_node *origin, size_t n);
void array_map_close(struct array_map *m); /* frees the table; a zeroed one may be closed */

void array_map_insert(struct array_map *m, struct array_node *n, uint64_t hash);
void array_map_remove(struct array_map *m, struct array_node *n); /* it is in the map */

/* First and next element with that hash; the caller compares the key. NULL at the end. */
struct array_node *array_map_find(const struct array_map *m, uint64_t hash);
struct array_node *array_map_find_next(const struct array_map *m, const struct array_node *n);

/* It will be looked for soon: its place in the table is fetched; and when that has come, the node that is found there first. No lock is
 * needed. */
static inline void array_map_expect(const struct array_map *m, uint64_t hash)
{
    ahead_fetch((const void *)&m->buckets[hash & m->mask], 1);
}

static inline void array_map_expect_node(const struct array_map *m, uint64_t hash)
{
    uint32_t n = atomic_load_explicit(&m->buckets[hash & m->mask], memory_order_relaxed);

    if (n)
        ahead_fetch(&m->origin[n - 1], sizeof *m->origin);
}

#endif
