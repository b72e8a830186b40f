/* sort.c - order and tables of indexes, in an arena.
 *
 * Room      trace (pure). Touches nothing but what it is given. */
#include "trace/trace_priv.h"

#include <string.h>

struct order {
    bool (*before)(const void *ctx, size_t a, size_t b);
    const void *ctx;
};

/* Merge v[0..mid) and v[mid..n) by way of `spare`. What is equal keeps its order. */
static void merge(const struct order *o, size_t *v, size_t mid, size_t n, size_t *spare)
{
    size_t left = 0, right = mid, out = 0;

    while (left < mid && right < n)
        spare[out++] = o->before(o->ctx, v[right], v[left]) ? v[right++] : v[left++];
    while (left < mid)
        spare[out++] = v[left++];
    while (right < n)
        spare[out++] = v[right++];
    memcpy(v, spare, n * sizeof *v);
}

enum err sort_indexes(struct arena *a, size_t *v, size_t n, bool (*before)(const void *ctx, size_t a, size_t b),
                      const void *ctx)
{
    struct order o = {before, ctx};
    size_t      *spare;

    if (n < 2)
        return ERR_OK;
    if (!(spare = arena_alloc(a, n * sizeof *spare)))
        return ERR_NOMEM;
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at + width < n; at += 2 * width) {
            size_t rest = n - at;

            merge(&o, v + at, width, rest < 2 * width ? rest : 2 * width, spare);
        }
    }
    return ERR_OK;
}

enum err table_init(struct arena *a, size_t n, struct table *out)
{
    size_t buckets = 16;

    while (buckets < n * 2)
        buckets *= 2;
    if (!(out->head = arena_alloc(a, buckets * sizeof *out->head)))
        return ERR_NOMEM;
    for (size_t i = 0; i < buckets; i++)
        out->head[i] = NONE;
    out->mask = buckets - 1;
    return ERR_OK;
}
