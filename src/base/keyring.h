/* keyring.h - hash table of numbers: what an element is found by, without touching any other element. Pure.
 *
 * The elements stand in a table of the caller's, and their numbers in it (from 1) are kept here beside 32 bits of their hash:
 * eight octets each, open addressing, so that a search reads one cache line or two, and an element only where those bits agree.
 * The caller hashes with a key (base/hash.h) and compares. One number may stand under several hashes.
 *
 * Room is promised before it is used: so keyring_add() cannot fail. */
#ifndef BASE_KEYRING_H
#define BASE_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ahead.h"
#include "base/err.h"
#include "base/mem.h"

struct keyring_entry {
    uint32_t hash;   /* the lower half */
    uint32_t number; /* 0: free        */
};

struct keyring {
    struct keyring_entry *at;   /* [mask + 1], NULL until something was promised */
    size_t                mask; /* a power of two less one */
    size_t                n, promised;
    struct mem           *mem;
};

void keyring_init(struct keyring *x, struct mem *mem);
void keyring_close(struct keyring *x); /* frees the table */

/* Room for n more, kept until it is given back, whether there is anything in it or not. ERR_NOMEM: nothing has changed. */
enum err keyring_promise(struct keyring *x, size_t n);
void     keyring_give_back(struct keyring *x, size_t n);

void keyring_add(struct keyring *x, uint64_t hash, uint32_t number);
void keyring_remove(struct keyring *x, uint64_t hash, uint32_t number); /* it is there */

/* It will be looked for soon: its place is fetched into the processor's caches meanwhile, which a search would wait for. */
static inline void keyring_expect(const struct keyring *x, uint64_t hash)
{
    if (x->at)
        ahead_fetch(&x->at[hash & x->mask], 1);
}

/* One number after the other that may be under that hash; 0: no more. Nothing may be added or removed meanwhile. */
struct keyring_search {
    size_t   i;
    uint32_t hash;
};
uint32_t keyring_find(const struct keyring *x, uint64_t hash, struct keyring_search *s);
uint32_t keyring_find_next(const struct keyring *x, struct keyring_search *s);

#endif
