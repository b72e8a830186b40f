/* mem.h - where memory comes from: a table of two functions that a pure room is given. Pure.
 *
 * sys/heap.h gives the real one; tests give one that counts, or that fails at the n-th call. Memory is aligned for any
 * object. alloc returns NULL when there is none. free takes NULL. `n` at free is the size that was asked for. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

struct mem {
    void *(*alloc)(void *ctx, size_t n);
    void (*free)(void *ctx, void *p, size_t n);
    void *ctx;
};

static inline void *mem_alloc(struct mem *m, size_t n)
{
    return m->alloc(m->ctx, n);
}

/* The same, filled with zero octets. */
void *mem_zalloc(struct mem *m, size_t n);

static inline void mem_free(struct mem *m, void *p, size_t n)
{
    if (p)
        m->free(m->ctx, p, n);
}

#endif
