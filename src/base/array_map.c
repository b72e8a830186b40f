/* array_map.c - hash table of elements that stand in one array, linked both ways.
 *
 * Room      base (pure): the table comes from the caller's struct mem.
 * Touches   *m, the table, and the nodes. */
#include "base/array_map.h"

#include "base/cold.h"

enum err array_map_init(struct array_map *m, struct mem *mem, struct array_node *origin, size_t n_buckets)
{
    size_t n = 8;

    while (n < n_buckets && n < SIZE_MAX / 2 / sizeof *m->buckets)
        n *= 2;
    *m = (struct array_map){.n_buckets = n, .mem = mem, .origin = origin};
    m->buckets = mem_zalloc(mem, n * sizeof *m->buckets);
    return m->buckets ? ERR_OK : ERR_NOMEM;
}

void array_map_close(struct array_map *m)
{
    if (m->buckets)
        mem_free(m->mem, m->buckets, m->n_buckets * sizeof *m->buckets);
    *m = (struct array_map){0};
}

static uint32_t *bucket_of(const struct array_map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->n_buckets - 1)];
}

static void link_node(struct array_map *m, struct array_node *n)
{
    uint32_t *b = bucket_of(m, n->hash), number = array_map_number(m, n);

    n->prev = 0;
    n->next = *b;
    if (n->next)
        array_map_at(m, n->next)->prev = number;
    *b = number;
}

COLD static void grow(struct array_map *m)
{
    struct array_map bigger = *m;

    if (m->n_buckets > SIZE_MAX / 4 / sizeof *m->buckets)
        return;
    bigger.n_buckets *= 2;
    if (!(bigger.buckets = mem_zalloc(m->mem, bigger.n_buckets * sizeof *bigger.buckets)))
        return;
    for (size_t i = 0; i < m->n_buckets; i++)
        for (struct array_node *n = array_map_at(m, m->buckets[i]), *next; n; n = next) {
            next = array_map_at(m, n->next);
            link_node(&bigger, n);
        }
    mem_free(m->mem, m->buckets, m->n_buckets * sizeof *m->buckets);
    *m = bigger;
}

void array_map_insert(struct array_map *m, struct array_node *n, uint64_t hash)
{
    if (m->n >= m->n_buckets)
        grow(m);
    n->hash = hash;
    link_node(m, n);
    m->n++;
}

void array_map_remove(struct array_map *m, struct array_node *n)
{
    if (n->prev)
        array_map_at(m, n->prev)->next = n->next;
    else
        *bucket_of(m, n->hash) = n->next;
    if (n->next)
        array_map_at(m, n->next)->prev = n->prev;
    n->next = n->prev = 0;
    m->n--;
}

static struct array_node *same_hash(const struct array_map *m, uint32_t number, uint64_t hash)
{
    struct array_node *n = array_map_at(m, number);

    while (n && n->hash != hash)
        n = array_map_at(m, n->next);
    return n;
}

struct array_node *array_map_find(const struct array_map *m, uint64_t hash)
{
    return same_hash(m, *bucket_of(m, hash), hash);
}

struct array_node *array_map_find_next(const struct array_map *m, const struct array_node *n)
{
    return same_hash(m, n->next, n->hash);
}
