/* pool.c - shards' memory: counted, and where the configuration says so kept for its next use.
 *
 * Room      sip/stack.
 * In        shard.c; through `mem` all that lives in a shard: transactions, and what its users keep.
 * Touches   the shard's count, which may be read by anybody; the pool of the worker that holds it.
 *
 * Sizes fall into classes. A piece that is freed goes into the list of its class, and the next of that class takes it from
 * there; the first ones are cut from blocks. So in the steady state nothing is asked of the memory below, no piece has a head,
 * and what a call used lies close together. What is larger than any class comes from below each time.
 *
 * Blocks are powers of two: shards' tables, which double when they are full. What is found for one is halved until it fits, and the
 * table that it replaces serves as a smaller one, or pieces are cut from it. Below, memory is taken in chunks, by who has little of it in
 * small ones, else STACK_LARGE_OCTETS at a time, so that tables and transactions stand on large pages. Chunks are given back when the
 * pool is closed, not before: who was busy once stays ready for it.
 *
 * The lists are the worker's and not the shard's: what one call has just given up the next one takes, in whichever shard, while
 * it is in the processor's caches; a shard's own would have left them. A piece may be freed by another worker than took it, and
 * is that one's then. Where calls come in by one worker and end by the timers of another, lists go back by way of the depot. While
 * nobody holds a shard, as it is opened and closed, its home worker stands for a holder. */
#include "sip/stack/stack_priv.h"

enum { FINE_STEP = 16, FINE_MAX = 1024, COARSE_STEP = 64, COARSE_MAX = 4096, BLOCK_MIN = 2 * COARSE_MAX, FIRST_CHUNK = 32 * 1024 };
enum { FINE_CLASSES = FINE_MAX / FINE_STEP, SMALL_CLASSES = FINE_CLASSES + (COARSE_MAX - FINE_MAX) / COARSE_STEP };

static_assert(BLOCK_MIN << (POOL_CLASSES - SMALL_CLASSES - 1) == STACK_LARGE_OCTETS, "a list for each class");

struct piece {
    struct piece *next;
    struct piece *next_list; /* of the first of a list in the depot */
};

static_assert(sizeof(struct piece) <= FINE_STEP, "a free piece is in its lists by what it has itself");

struct chunk {
    struct chunk *next;
    void         *block;
    size_t        n;
};

static bool is_block(size_t n)
{
    return n > COARSE_MAX;
}

/* For n of 1 to COARSE_MAX, and the powers of two from there to STACK_LARGE_OCTETS. */
static size_t class_of(size_t n)
{
    if (is_block(n))
        return SMALL_CLASSES + (size_t)__builtin_ctzl(n / BLOCK_MIN);
    return n <= FINE_MAX ? (n - 1) / FINE_STEP : FINE_CLASSES + (n - FINE_MAX - 1) / COARSE_STEP;
}

static size_t octets_of(size_t class)
{
    if (class >= SMALL_CLASSES)
        return (size_t)BLOCK_MIN << (class - SMALL_CLASSES);
    return class < FINE_CLASSES ? (class + 1) * FINE_STEP : FINE_MAX + (class + 1 - FINE_CLASSES) * COARSE_STEP;
}

static bool is_kept(const struct shard *sh, size_t n)
{
    return sh->st->config.keeps_memory && n > 0 && (!is_block(n) || (n <= STACK_LARGE_OCTETS && (n & (n - 1)) == 0));
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

/* One of that class, if any is free. */
static void *pop(struct pool *p, struct depot *d, size_t class)
{
    struct pool_class *c = &p->class[class];
    struct piece      *first;

    if (!c->free && !find_list(c, d, class))
        return NULL;
    first = c->free;
    c->free = first->next;
    c->n--;
    ahead_fetch(c->free, 1); /* it may have lain there for long, and the one behind it is read from it */
    return first;
}

static void push(struct pool *p, struct depot *d, size_t class, struct piece *piece)
{
    struct pool_class *c = &p->class[class];

    if (c->n == POOL_LIST)
        begin_list(c, d, class);
    piece->next = c->free;
    c->free = piece;
    c->n++;
}

/* ---- blocks: powers of two ---- */

static struct mem *below_of(const struct stack *st, size_t n)
{
    return n == STACK_LARGE_OCTETS && st->config.large ? st->config.large : st->config.mem;
}

/* Who has little takes little more, for n octets at least. */
static void *new_chunk(struct stack *st, struct pool *p, size_t n, size_t *octets)
{
    struct chunk *c = mem_alloc(st->config.mem, sizeof *c);

    if (!c)
        return NULL;
    *octets = p->octets >= STACK_LARGE_OCTETS ? STACK_LARGE_OCTETS : n > FIRST_CHUNK ? n : FIRST_CHUNK;
    *c = (struct chunk){.next = p->chunks, .block = mem_alloc(below_of(st, *octets), *octets), .n = *octets};
    if (!c->block) {
        mem_free(st->config.mem, c, sizeof *c);
        return NULL;
    }
    p->octets += *octets;
    p->chunks = c;
    return c->block;
}

/* The smallest that there is of n octets and more: *octets. */
static void *find_block(struct stack *st, struct pool *p, size_t n, size_t *octets)
{
    void *block;

    for (size_t class = class_of(n); class < POOL_CLASSES; class++)
        if ((block = pop(p, &st->depot, class))) {
            *octets = octets_of(class);
            return block;
        }
    return new_chunk(st, p, n, octets);
}

/* Of n octets: the other halves of what has been found are free. */
static void *take_block(struct stack *st, struct pool *p, size_t n)
{
    size_t octets;
    char  *block = find_block(st, p, n, &octets);

    for (; block && octets > n; octets /= 2)
        push(p, &st->depot, class_of(octets / 2), (struct piece *)(void *)(block + octets / 2));
    return block;
}

/* ---- pieces ---- */

/* What is left of the block before, less than one piece, is given up. */
static void *cut(struct stack *st, struct pool *p, size_t n)
{
    void *piece;

    if ((size_t)(p->end - p->at) < n) {
        size_t octets;
        char  *block = find_block(st, p, FIRST_CHUNK, &octets);

        if (!block)
            return NULL;
        p->at = block;
        p->end = block + octets;
    }
    piece = p->at;
    p->at += n;
    return piece;
}

static void *take(struct shard *sh, size_t n)
{
    struct stack *st = sh->st;
    struct pool  *p;
    void         *piece;

    if (!is_kept(sh, n))
        return mem_alloc(st->config.mem, n);
    p = pool_of(sh);
    if (is_block(n))
        return take_block(st, p, n);
    piece = pop(p, &st->depot, class_of(n));
    return piece ? piece : cut(st, p, octets_of(class_of(n)));
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
        push(pool_of(sh), &sh->st->depot, class_of(n), piece);
    else
        mem_free(sh->st->config.mem, piece, n);
}

void shard_heap_open(struct shard *sh)
{
    sh->heap = (struct shard_heap){.mem = {piece_alloc, piece_free, sh}};
}

void pool_close(struct pool *p, const struct stack *st)
{
    for (struct chunk *c = p->chunks, *next; c; c = next) {
        next = c->next;
        mem_free(below_of(st, c->n), c->block, c->n);
        mem_free(st->config.mem, c, sizeof *c);
    }
    p->chunks = NULL;
}
