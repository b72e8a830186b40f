/* pool.c - a shard's memory: counted, and where the configuration says so kept for its next use.
 *
 * Room      sip/stack.
 * In        shard.c; through `mem` all that lives in a shard: transactions, and what its users keep.
 * Touches   the pool, by the shard's holder only; but `octets` may be read by anybody.
 *
 * Sizes fall into classes. A piece that is freed goes into the list of its class, and the next of that class takes it from
 * there; the first ones are cut from chunks. So in the steady state nothing is asked of the memory below, no piece has a head,
 * and what a call used lies close together. What is larger than any class comes from below each time. Chunks are given back
 * when the pool is closed, not before: a shard that was busy once stays ready for it. */
#include "sip/stack/stack_priv.h"

#include <stdalign.h>

enum { FINE_STEP = 16, FINE_MAX = 1024, COARSE_STEP = 64, COARSE_MAX = 4096, CHUNK_OCTETS = 32 * 1024 };

static_assert(POOL_CLASSES == FINE_MAX / FINE_STEP + (COARSE_MAX - FINE_MAX) / COARSE_STEP, "a list for each class");

struct piece {
    struct piece *next;
};

struct chunk {
    struct chunk *next;
    alignas(max_align_t) char octets[];
};

/* For n of 1 to COARSE_MAX. */
static size_t class_of(size_t n)
{
    return n <= FINE_MAX ? (n - 1) / FINE_STEP : FINE_MAX / FINE_STEP + (n - FINE_MAX - 1) / COARSE_STEP;
}

static size_t octets_of(size_t class)
{
    size_t fine = FINE_MAX / FINE_STEP;

    return class < fine ? (class + 1) * FINE_STEP : FINE_MAX + (class + 1 - fine) * COARSE_STEP;
}

/* What is left of the chunk before, less than one piece, is given up. */
static void *cut(struct pool *p, size_t n)
{
    void *piece;

    if ((size_t)(p->end - p->at) < n) {
        struct chunk *c = mem_alloc(p->below, CHUNK_OCTETS);

        if (!c)
            return NULL;
        c->next = p->chunks;
        p->chunks = c;
        p->at = c->octets;
        p->end = (char *)c + CHUNK_OCTETS;
    }
    piece = p->at;
    p->at += n;
    return piece;
}

static bool is_kept(const struct pool *p, size_t n)
{
    return p->keeps && n > 0 && n <= COARSE_MAX;
}

static void *take(struct pool *p, size_t n)
{
    size_t        class;
    struct piece *first;

    if (!is_kept(p, n))
        return mem_alloc(p->below, n);
    class = class_of(n);
    if (!(first = p->free[class]))
        return cut(p, octets_of(class));
    p->free[class] = first->next;
    return first;
}

static void change(struct pool *p, uint64_t by)
{
    atomic_store_explicit(&p->octets, atomic_load_explicit(&p->octets, memory_order_relaxed) + by, memory_order_relaxed);
}

static void *pool_alloc(void *ctx, size_t n)
{
    struct pool *p = ctx;
    void        *piece = take(p, n);

    if (piece)
        change(p, n);
    return piece;
}

static void pool_free(void *ctx, void *piece, size_t n)
{
    struct pool  *p = ctx;
    struct piece *freed = piece;
    size_t        class;

    change(p, 0 - (uint64_t)n);
    if (!is_kept(p, n)) {
        mem_free(p->below, piece, n);
        return;
    }
    class = class_of(n);
    freed->next = p->free[class];
    p->free[class] = freed;
}

void pool_open(struct pool *p, struct mem *below, bool keeps)
{
    *p = (struct pool){.mem = {pool_alloc, pool_free, p}, .below = below, .keeps = keeps};
}

void pool_close(struct pool *p)
{
    for (struct chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        mem_free(p->below, c, CHUNK_OCTETS);
    }
    p->chunks = NULL;
}
