/* heap.c - memory from the system. Room sys. */
#include "sys/heap.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>

static void *plain_alloc(void *ctx, size_t n)
{
    (void)ctx;
    return malloc(n ? n : 1);
}

static void plain_free(void *ctx, void *p, size_t n)
{
    (void)ctx;
    (void)n;
    free(p);
}

void heap_mem(struct mem *out)
{
    *out = (struct mem){plain_alloc, plain_free, NULL};
}

/* ---- large pages ---- */

/* The system gives no place of its own choice that is aligned: so twice as much is taken, and what is too much given back. */
static void *large_alloc(void *ctx, size_t n)
{
    size_t before, got = n + HEAP_LARGE_OCTETS;
    char  *p = mmap(NULL, got, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    (void)ctx;
    if (p == MAP_FAILED)
        return NULL;
    before = -(uintptr_t)p % HEAP_LARGE_OCTETS;
    if (before)
        munmap(p, before);
    munmap(p + before + n, got - before - n);
    (void)madvise(p + before, n, MADV_HUGEPAGE); /* where there are none it is memory all the same */
    return p + before;
}

static void large_free(void *ctx, void *p, size_t n)
{
    (void)ctx;
    munmap(p, n);
}

void heap_large_mem(struct mem *out)
{
    *out = (struct mem){large_alloc, large_free, NULL};
}

/* ---- layers ---- */

static void take_below(struct mem *out, const struct mem *below)
{
    if (below)
        *out = *below;
    else
        heap_mem(out);
}

static void *counted_alloc(void *ctx, size_t n)
{
    struct heap_counted *h = ctx;
    size_t               now = atomic_fetch_add_explicit(&h->octets, n, memory_order_relaxed) + n;
    size_t               peak = atomic_load_explicit(&h->peak, memory_order_relaxed);
    void                *p = h->limit && now > h->limit ? NULL : mem_alloc(&h->below, n);

    if (!p) {
        atomic_fetch_sub_explicit(&h->octets, n, memory_order_relaxed);
        return NULL;
    }
    atomic_fetch_add_explicit(&h->pieces, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&h->taken, 1, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&h->peak, &peak, now, memory_order_relaxed,
                                                                 memory_order_relaxed))
        continue;
    return p;
}

static void counted_free(void *ctx, void *p, size_t n)
{
    struct heap_counted *h = ctx;

    mem_free(&h->below, p, n);
    atomic_fetch_sub_explicit(&h->octets, n, memory_order_relaxed);
    atomic_fetch_sub_explicit(&h->pieces, 1, memory_order_relaxed);
}

void heap_counted_init(struct heap_counted *h, struct mem *below, size_t limit_octets)
{
    h->mem = (struct mem){counted_alloc, counted_free, h};
    take_below(&h->below, below);
    atomic_init(&h->octets, 0);
    atomic_init(&h->pieces, 0);
    atomic_init(&h->peak, 0);
    atomic_init(&h->taken, 0);
    h->limit = limit_octets;
}

static void *failing_alloc(void *ctx, size_t n)
{
    struct heap_failing *h = ctx;
    unsigned long long   left = atomic_load(&h->left);

    while (left && !atomic_compare_exchange_weak(&h->left, &left, left - 1))
        continue;
    if (left == 1) {
        atomic_store(&h->failed, true);
        return NULL;
    }
    return mem_alloc(&h->below, n);
}

static void failing_free(void *ctx, void *p, size_t n)
{
    mem_free(&((struct heap_failing *)ctx)->below, p, n);
}

void heap_failing_init(struct heap_failing *h, struct mem *below, uint64_t nth)
{
    h->mem = (struct mem){failing_alloc, failing_free, h};
    take_below(&h->below, below);
    atomic_init(&h->left, nth);
    atomic_init(&h->failed, false);
}
