/* array_map.c - hash table of elements that stand in one array, linked both ways.
 *
 * Room      sys: the table comes from the caller's struct mem.
 * Touches   *m, the table, and the nodes. */
#include "sys/array_map.h"

static struct array_node *node(const struct array_map *m, uint32_t number)
{
    return number ? &m->origin[number - 1] : NULL;
}

static _Atomic uint32_t *bucket_of(const struct array_map *m, uint64_t hash)
{
    return &m->buckets[hash & m->mask];
}

static uint32_t get(const _Atomic uint32_t *b)
{
    return atomic_load_explicit(b, memory_order_relaxed);
}

static void set(_Atomic uint32_t *b, uint32_t number)
{
    atomic_store_explicit(b, number, memory_order_relaxed);
}

enum err array_map_init(struct array_map *m, struct mem *mem, struct array_node *origin, size_t n)
{
    size_t n_buckets = 1u << ARRAY_MAP_APART_BITS;

    while (n_buckets < n && n_buckets < SIZE_MAX / 2 / sizeof *m->buckets)
        n_buckets *= 2;
    *m = (struct array_map){.mask = n_buckets - 1, .mem = mem, .origin = origin};
    m->buckets = mem_zalloc(mem, n_buckets * sizeof *m->buckets);
    return m->buckets ? ERR_OK : ERR_NOMEM;
}

void array_map_close(struct array_map *m)
{
    if (m->buckets)
        mem_free(m->mem, (void *)m->buckets, (m->mask + 1) * sizeof *m->buckets);
    *m = (struct array_map){0};
}

void array_map_insert(struct array_map *m, struct array_node *n, uint64_t hash)
{
    _Atomic uint32_t *b = bucket_of(m, hash);
    uint32_t          number = (uint32_t)(n - m->origin) + 1;

    *n = (struct array_node){.next = get(b), .hash = hash};
    if (n->next)
        node(m, n->next)->prev = number;
    set(b, number);
}

void array_map_remove(struct array_map *m, struct array_node *n)
{
    if (n->prev)
        node(m, n->prev)->next = n->next;
    else
        set(bucket_of(m, n->hash), n->next);
    if (n->next)
        node(m, n->next)->prev = n->prev;
    n->next = n->prev = 0;
}

static struct array_node *same_hash(const struct array_map *m, uint32_t number, uint64_t hash)
{
    struct array_node *n = node(m, number);

    while (n && n->hash != hash)
        n = node(m, n->next);
    return n;
}

struct array_node *array_map_find(const struct array_map *m, uint64_t hash)
{
    return same_hash(m, get(bucket_of(m, hash)), hash);
}

struct array_node *array_map_find_next(const struct array_map *m, const struct array_node *n)
{
    return same_hash(m, n->next, n->hash);
}
