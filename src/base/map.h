/* map.h - hash table of elements that hold their own node. Pure.
 *
 * The caller hashes (base/hash.h) and compares; the map keeps the chains and grows its table from `mem`. It owns the
 * table, never the elements. When the table cannot grow it goes on with longer chains: insertion never fails after
 * map_init. Order of iteration is by bucket and then newest first: the same for the same operations and key. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"

struct map_node {
    struct map_node *next;
    uint64_t         hash;
};

struct map {
    struct map_node **buckets;
    size_t            n_buckets; /* a power of two */
    size_t            n;
    struct mem       *mem;
};

#define MAP_OF(node, type, member) ((type *)map_of_((node), offsetof(type, member)))

static inline void *map_of_(const struct map_node *node, size_t offset)
{
    return node ? (char *)(size_t)node - offset : NULL;
}

enum err map_init(struct map *m, struct mem *mem, size_t n_buckets); /* ERR_NOMEM; rounded up to a power of two */
void map_close(struct map *m);                                       /* frees the table; elements are the caller's */

void map_insert(struct map *m, struct map_node *n, uint64_t hash);
void map_remove(struct map *m, struct map_node *n);                  /* n must be in the map */

/* First and next element with that hash; the caller compares the key. NULL at the end. */
struct map_node *map_find(const struct map *m, uint64_t hash);
struct map_node *map_find_next(const struct map_node *n);

/* Walk all: *cursor starts at 0 and NULL ends the walk. The returned element may be removed before the next call;
 * nothing may be inserted during the walk. */
struct map_cursor {
    size_t           bucket;
    struct map_node *next;
};
struct map_node *map_walk(const struct map *m, struct map_cursor *cursor);

#endif
