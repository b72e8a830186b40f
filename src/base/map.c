/* map.c - hash table of elements that hold their own node.
 *
 * Room      base (pure): the table comes from the caller's struct mem.
 * Touches   *m, the table, and the nodes. */
#include "base/map.h"

#include <string.h>

enum err map_init(struct map *m, struct mem *mem, size_t n_buckets)
{
    size_t n = 8;

    while (n < n_buckets && n < SIZE_MAX / 2 / sizeof(void *))
        n *= 2;
    *m = (struct map){.n_buckets = n, .mem = mem};
    m->buckets = mem_zalloc(mem, n * sizeof *m->buckets);
    return m->buckets ? ERR_OK : ERR_NOMEM;
}

void map_close(struct map *m)
{
    if (m->buckets)
        mem_free(m->mem, m->buckets, m->n_buckets * sizeof *m->buckets);
    *m = (struct map){0};
}

static struct map_node **bucket_of(const struct map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->n_buckets - 1)];
}

static void link_node(struct map *m, struct map_node *n)
{
    struct map_node **b = bucket_of(m, n->hash);

    n->next = *b;
    *b = n;
}

static void grow(struct map *m)
{
    struct map bigger = {.n_buckets = m->n_buckets * 2, .n = m->n, .mem = m->mem};

    if (m->n_buckets > SIZE_MAX / 4 / sizeof(void *))
        return;
    if (!(bigger.buckets = mem_zalloc(m->mem, bigger.n_buckets * sizeof *bigger.buckets)))
        return;
    for (size_t i = 0; i < m->n_buckets; i++)
        for (struct map_node *n = m->buckets[i], *next; n; n = next) {
            next = n->next;
            link_node(&bigger, n);
        }
    mem_free(m->mem, m->buckets, m->n_buckets * sizeof *m->buckets);
    *m = bigger;
}

void map_insert(struct map *m, struct map_node *n, uint64_t hash)
{
    if (m->n >= m->n_buckets)
        grow(m);
    n->hash = hash;
    link_node(m, n);
    m->n++;
}

void map_remove(struct map *m, struct map_node *n)
{
    struct map_node **at = bucket_of(m, n->hash);

    while (*at && *at != n)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = n->next;
    n->next = NULL;
    m->n--;
}

static struct map_node *same_hash(struct map_node *n, uint64_t hash)
{
    while (n && n->hash != hash)
        n = n->next;
    return n;
}

struct map_node *map_find(const struct map *m, uint64_t hash)
{
    return same_hash(*bucket_of(m, hash), hash);
}

struct map_node *map_find_next(const struct map_node *n)
{
    return same_hash(n->next, n->hash);
}

struct map_node *map_walk(const struct map *m, struct map_cursor *cursor)
{
    struct map_node *n = cursor->next;

    while (!n && cursor->bucket < m->n_buckets)
        n = m->buckets[cursor->bucket++];
    cursor->next = n ? n->next : NULL;
    return n;
}
