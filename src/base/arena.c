/* arena.c - memory that is given back all at once.
 *
 * Room      base (pure): blocks come from the caller's struct mem.
 * Touches   *a and its blocks.
 *
 * A block is a header and then its octets; `at` and `end` are inside the newest block. */
#include "base/arena.h"

#include "base/cold.h"

#include <stdalign.h>
#include <string.h>

struct arena_block {
    struct arena_block *next;
    size_t              n; /* whole block, header included */
    alignas(max_align_t) char octets[];
};

void arena_init(struct arena *a, struct mem *mem, size_t block_octets, size_t limit_octets)
{
    *a = (struct arena){.mem = mem, .block_octets = block_octets, .limit_octets = limit_octets};
}

static size_t padding(const char *p)
{
    size_t off = (uintptr_t)p % alignof(max_align_t);

    return off ? alignof(max_align_t) - off : 0;
}

void arena_init_fixed(struct arena *a, void *block, size_t n)
{
    size_t pad = padding(block);

    *a = (struct arena){0};
    if (pad <= n) {
        a->at = a->given = (char *)block + pad;
        a->end = (char *)block + n;
    }
}

void arena_init_in(struct arena *a, void *block, size_t n, struct mem *mem, size_t block_octets, size_t limit_octets)
{
    arena_init_fixed(a, block, n);
    a->given = NULL; /* once it has been left it is not used again */
    a->mem = mem;
    a->block_octets = block_octets;
    a->limit_octets = limit_octets;
}

static void give_back(struct arena *a, struct arena_block *b)
{
    while (b) {
        struct arena_block *next = b->next;

        a->taken_octets -= b->n;
        mem_free(a->mem, b, b->n);
        b = next;
    }
}

void arena_reset(struct arena *a)
{
    if (!a->mem)
        a->at = a->given;
    if (!a->blocks)
        return;
    give_back(a, a->blocks->next);
    a->blocks->next = NULL;
    a->at = a->blocks->octets;
    a->end = (char *)a->blocks + a->blocks->n;
}

void arena_close(struct arena *a)
{
    give_back(a, a->blocks);
    a->blocks = NULL;
    a->at = a->given; /* NULL when there is a mem */
    if (a->mem)
        a->end = NULL;
}

COLD static enum err grow(struct arena *a, size_t n)
{
    struct arena_block *b;
    size_t              want = sizeof *b + (n > a->block_octets ? n : a->block_octets);

    if (!a->mem || n > SIZE_MAX / 2)
        return ERR_NOMEM;
    if (a->limit_octets && want > a->limit_octets - a->taken_octets)
        want = sizeof *b + n;
    if (a->limit_octets && want > a->limit_octets - a->taken_octets)
        return ERR_NOMEM;
    if (!(b = mem_alloc(a->mem, want)))
        return ERR_NOMEM;
    b->n = want;
    b->next = a->blocks;
    a->blocks = b;
    a->taken_octets += want;
    a->at = b->octets;
    a->end = (char *)b + want;
    return ERR_OK;
}

/* The next n octets, as they lie. Inline: it is asked for all the time, and mostly there. */
static inline char *take(struct arena *a, size_t n)
{
    char *p;

    if ((!a->at || (size_t)(a->end - a->at) < n) && grow(a, n))
        return NULL;
    p = a->at;
    a->at += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    size_t pad = padding(a->at);

    a->at = pad < (size_t)(a->end - a->at) ? a->at + pad : a->end;
    return take(a, n);
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);

    if (p)
        memset(p, 0, n);
    return p;
}

enum err arena_dup(struct arena *a, struct slice s, struct slice *out)
{
    char *p;

    if (s.n == 0) {
        *out = SLICE_NONE;
        return ERR_OK;
    }
    if (!(p = take(a, s.n)))
        return ERR_NOMEM;
    memcpy(p, s.p, s.n);
    *out = (struct slice){p, s.n};
    return ERR_OK;
}

char *arena_z(struct arena *a, struct slice s)
{
    char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;

    if (!p)
        return NULL;
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}
