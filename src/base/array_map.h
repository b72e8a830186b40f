/* array_map.h - hash table of elements that stand in one array, and leave it at once. Pure.
 *
 * As base/map.h, but that nodes know each other by their numbers in the array: so they are linked both ways in the room of a pointer, and
 * who leaves touches its two neighbours, however many have the same hash. All else is as there: the caller hashes and compares, the
 * map owns its table alone, insertion never fails after array_map_init(). */
#ifndef BASE_ARRAY_MAP_H
#define BASE_ARRAY_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct array_node {
    uint32_t next, prev; /* numbers; 0: none */
    uint64_t hash;
};

struct array_map {
    uint32_t          *buckets;
    size_t             n_buckets; /* a power of two */
    size_t             n;
    struct mem        *mem;
    struct array_node *origin;
};

/* The node that is number n; n of a node. From 1. */
static inline struct array_node *array_map_at(const struct array_map *m, uint32_t n) { return n ? m->origin + (n - 1) : NULL; }
static inline uint32_t array_map_number(const struct array_map *m, const struct array_node *n) { return (uint32_t)(n - m->origin) + 1; }

/* origin: the node of the first element, from which all others are a multiple of a node's size away. ERR_NOMEM; n_buckets is
 * rounded up to a power of two. */
enum err array_map_init(struct array_map *m, struct mem *mem, struct array_node *origin, size_t n_buckets);
void array_map_close(struct array_map *m); /* frees the table; a zeroed one may be closed */

void array_map_insert(struct array_map *m, struct array_node *n, uint64_t hash);
void array_map_remove(struct array_map *m, struct array_node *n); /* it is in the map */

/* First and next element with that hash; the caller compares the key. NULL at the end. */
struct array_node *array_map_find(const struct array_map *m, uint64_t hash);
struct array_node *array_map_find_next(const struct array_map *m, const struct array_node *n);

#endif
