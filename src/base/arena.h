/* arena.h - memory that is given back all at once. Pure.
 *
 * An arena hands out pieces of blocks that it takes from a `struct mem` (or of one block that it was given). Nothing is
 * freed singly. Lifetimes are those of STYLE: a message's arena, a transaction's or dialog's, the process's.
 * Not for two threads at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

#include "base/mem.h"
#include "base/slice.h"

struct arena_block;

struct arena {
    char               *at;     /* next free octet                          */
    char               *end;
    struct arena_block *blocks; /* newest first; taken from mem             */
    struct mem         *mem;    /* NULL: the given block is all there is    */
    char               *given;  /* where that one starts                    */
    size_t              block_octets;
    size_t              limit_octets; /* sum over all blocks; 0 = none      */
    size_t              taken_octets;
};

/* An arena that takes blocks of `block_octets` (or one larger piece where asked) from `mem`, up to `limit_octets`
 * altogether (0: no limit). Takes nothing until the first allocation. */
void arena_init(struct arena *a, struct mem *mem, size_t block_octets, size_t limit_octets);

/* An arena over one block of the caller's, which must outlive it. */
void arena_init_fixed(struct arena *a, void *block, size_t n);

/* An arena that begins in a block of the caller's, which must outlive it, and goes on in blocks from `mem`. Not for arena_reset(). */
void arena_init_in(struct arena *a, void *block, size_t n, struct mem *mem, size_t block_octets, size_t limit_octets);

/* Give back all blocks but the newest, which is used again, as is a given one: for a loop over messages. */
void arena_reset(struct arena *a);

/* Give back everything. The arena may be used again afterwards (it starts from nothing). */
void arena_close(struct arena *a);

/* n octets, aligned for any object; NULL when memory or the limit is used up. n = 0 gives a valid pointer. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);

/* A copy of s in the arena. On failure ERR_NOMEM, and *out is unchanged. An empty slice copies to an empty one. */
enum err arena_dup(struct arena *a, struct slice s, struct slice *out);

/* A NUL-terminated copy, for the system's functions; NULL when memory is used up. */
char *arena_z(struct arena *a, struct slice s);

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
