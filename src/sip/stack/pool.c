/* pool.c - shards' memory: counted, and where the configuration says so kept for its next use.
 *
 * Room      sip/stack.
 * In        shard.c; through `mem` all that lives in a shard: transactions, and what its users keep.
 * Touches   the shard's count, which may be read by anybody; the pool of the worker that holds it.
 *
 * Sizes fall into classes. A piece that is freed goes into the list of its class, and the next of that class takes it from
 * there; the first ones are cut from chunks. So in the steady state nothing is asked of the memory below, no piece has a head,
 * and what a call used lies close together. What is larger than any class comes from below each time. Chunks are given back
 * when the pool is closed, not before: who was busy once stays ready for it.
 *
 * The lists are the worker's and not the shard's: what one call has just given up the next one takes, in whichever shard, while
 * it is in the processor's caches; a shard's own would have left them. A piece may be freed by another worker than took it, and
 * is that one's then. Where calls come in by one worker and end by the timers of another, lists go back by way of the depot. While
 * nobody holds a shard, as it is opened and closed, its home worker stands for a holder. */
#include "sip/stack/stack_priv.h"

#include <stdalign.h>

enum { FINE_STEP = 16, FINE_MAX = 1024, COARSE_STEP = 64, COARSE_MAX = 4096, CHUNK_OCTETS = 32 * 1024 };

static_assert(POOL_CLASSES == FINE_MAX / FINE_STEP + (COARSE_MAX - FINE_MAX) / COARSE_STEP, "a list for each class");

struct piece {
    struct piece *next;
    struct piece *next_list; /* of the first of a list in the depot */
};

static_assert(sizeof(struct piece) <= FINE_STEP, "a free piece is in its lists by what it has itself");

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
static void *cut(struct pool *p, struct mem *below, size_t n)
{
    void *piece;

    if ((size_t)(p->end - p->at) < n) {
        struct chunk *c = mem_alloc(below, CHUNK_OCTETS);

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

static bool is_kept(const struct shard *sh, size_t n)
{
    return sh->st->config.keeps_memory && n > 0 && n <= COARSE_MAX;
}

static struct pool *pool_of(struct shard *sh)
{
    return sh->holder ? &sh->holder->pool : &sh->st->workers[sh->home].pool;
}

/* ---- lists ---- */

static void depot_give(struct depot *d, size_t class, struct piece *list)
{
    spin_lock(&d->lock);
    list->next_list = atomic_load_explicit(&d->lists[class], memory_order_relaxed);
    atomic_store_explicit(&d->lists[class], list, memory_order_relaxed);
    spin_unlock(&d->lock);
}

static struct piece *depot_take(struct depot *d, size_t class)
{
    struct piece *list;

    if (!atomic_load_explicit(&d->lists[class], memory_order_relaxed))
        return NULL;
    spin_lock(&d->lock);
    if ((list = atomic_load_explicit(&d->lists[class], memory_order_relaxed)))
        atomic_store_explicit(&d->lists[class], list->next_list, memory_order_relaxed);
    spin_unlock(&d->lock);
    return list;
}

/* A list is full: another one is begun. */
static void begin_list(struct pool_class *c, struct depot *d, size_t class)
{
    if (c->full)
        depot_give(d, class, c->full);
    c->full = c->free;
    c->free = NULL;
    c->n = 0;
}

/* One is used up: false, there is no other. */
static bool find_list(struct pool_class *c, struct depot *d, size_t class)
{
    c->free = c->full ? c->full : depot_take(d, class);
    c->full = NULL;
    c->n = c->free ? POOL_LIST : 0;
    return c->free;
}

/* ---- pieces ---- */

static void *take(struct shard *sh, size_t n)
{
    struct mem        *below = sh->st->config.mem;
    struct pool       *p;
    struct pool_class *c;
    struct piece      *first;

    if (!is_kept(sh, n))
        return mem_alloc(below, n);
    p = pool_of(sh);
    c = &p->class[class_of(n)];
    if (!c->free && !find_list(c, &sh->st->depot, class_of(n)))
        return cut(p, below, octets_of(class_of(n)));
    first = c->free;
    c->free = first->next;
    c->n--;
    return first;
}

static void give(struct shard *sh, struct piece *piece, size_t n)
{
    struct pool_class *c = &pool_of(sh)->class[class_of(n)];

    if (c->n == POOL_LIST)
        begin_list(c, &sh->st->depot, class_of(n));
    piece->next = c->free;
    c->free = piece;
    c->n++;
}

static void change(struct shard_heap *h, uint64_t by)
{
    atomic_store_explicit(&h->octets, atomic_load_explicit(&h->octets, memory_order_relaxed) + by, memory_order_relaxed);
}

static void *piece_alloc(void *ctx, size_t n)
{
    struct shard *sh = ctx;
    void         *piece = take(sh, n);

    if (piece)
        change(&sh->heap, n);
    return piece;
}

static void piece_free(void *ctx, void *piece, size_t n)
{
    struct shard *sh = ctx;

    change(&sh->heap, 0 - (uint64_t)n);
    if (is_kept(sh, n))
        give(sh, piece, n);
    else
        mem_free(sh->st->config.mem, piece, n);
}

void shard_heap_open(struct shard *sh)
{
    sh->heap = (struct shard_heap){.mem = {piece_alloc, piece_free, sh}};
}

void pool_close(struct pool *p, struct mem *below)
{
    for (struct chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        mem_free(below, c, CHUNK_OCTETS);
    }
    p->chunks = NULL;
}
