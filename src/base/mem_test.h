/* mem_test.h - for this room's tests, which include <stdlib.h> first: a mem that counts, and fails when it is told to. */
#ifndef BASE_MEM_TEST_H
#define BASE_MEM_TEST_H

#include "base/mem.h"

struct counted {
    struct mem mem;
    size_t     octets;         /* that are out */
    size_t     calls, fail_at; /* the call of that number fails, from 1 */
    bool       fails;          /* each does */
};

static inline void *counted_take(void *ctx, size_t n)
{
    struct counted *c = ctx;

    if (++c->calls == c->fail_at || c->fails)
        return NULL;
    c->octets += n;
    return malloc(n);
}

static inline void counted_give(void *ctx, void *p, size_t n)
{
    ((struct counted *)ctx)->octets -= n;
    free(p);
}

static inline void counted_begin(struct counted *c)
{
    *c = (struct counted){.mem = {counted_take, counted_give, c}};
}

#endif
