/* keyring.c - open addressing, linear probing; what is removed is closed up at once, so that no grave is ever walked over.
 *
 * Room      base (pure).
 * Touches   *x and its table. */
#include "base/keyring.h"

#include <assert.h>

#include "base/cold.h"

enum { FIRST_ENTRIES = 32 };

void keyring_init(struct keyring *x, struct mem *mem)
{
    *x = (struct keyring){.mem = mem};
}

void keyring_close(struct keyring *x)
{
    if (x->at)
        mem_free(x->mem, x->at, (x->mask + 1) * sizeof *x->at);
    *x = (struct keyring){0};
}

static void put(struct keyring_entry *at, size_t mask, struct keyring_entry e)
{
    size_t i = e.hash & mask;

    while (at[i].number)
        i = (i + 1) & mask;
    at[i] = e;
}

COLD static enum err grow(struct keyring *x, size_t n)
{
    struct keyring_entry *at = mem_zalloc(x->mem, n * sizeof *at);

    if (!at)
        return ERR_NOMEM;
    for (size_t i = 0; x->at && i <= x->mask; i++)
        if (x->at[i].number)
            put(at, n - 1, x->at[i]);
    if (x->at)
        mem_free(x->mem, x->at, (x->mask + 1) * sizeof *x->at);
    x->at = at;
    x->mask = n - 1;
    return ERR_OK;
}

/* At most two thirds full: above that chains get long. */
static size_t room_of(size_t entries)
{
    return entries / 3 * 2;
}

static size_t entries_for(size_t n)
{
    size_t entries = FIRST_ENTRIES;

    while (room_of(entries) < n)
        entries *= 2;
    return entries;
}

enum err keyring_promise(struct keyring *x, size_t n)
{
    size_t   promised = x->promised + n;
    enum err e;

    if ((!x->at || room_of(x->mask + 1) < promised) && (e = grow(x, entries_for(promised))))
        return e;
    x->promised = promised;
    return ERR_OK;
}

void keyring_give_back(struct keyring *x, size_t n)
{
    x->promised -= n;
    assert(x->promised >= x->n);
}

void keyring_add(struct keyring *x, uint64_t hash, uint32_t number)
{
    assert(x->n < x->promised && number);
    put(x->at, x->mask, (struct keyring_entry){(uint32_t)hash, number});
    x->n++;
}

/* Entry i is free now. What stands behind it, and would be found there only by passing it, moves up. */
static void close_up(struct keyring *x, size_t i)
{
    for (size_t next = (i + 1) & x->mask; x->at[next].number; next = (next + 1) & x->mask) {
        size_t way = (next - x->at[next].hash) & x->mask; /* from where its search begins */

        if (way < ((next - i) & x->mask))
            continue;
        x->at[i] = x->at[next];
        i = next;
    }
    x->at[i] = (struct keyring_entry){0};
}

void keyring_remove(struct keyring *x, uint64_t hash, uint32_t number)
{
    size_t i = hash & x->mask;

    while (x->at[i].number != number || x->at[i].hash != (uint32_t)hash) {
        assert(x->at[i].number);
        i = (i + 1) & x->mask;
    }
    close_up(x, i);
    x->n--;
}

uint32_t keyring_find(const struct keyring *x, uint64_t hash, struct keyring_search *s)
{
    s->hash = (uint32_t)hash;
    s->i = s->hash & x->mask;
    return x->at ? keyring_find_next(x, s) : 0;
}

uint32_t keyring_find_next(const struct keyring *x, struct keyring_search *s)
{
    for (const struct keyring_entry *e; (e = &x->at[s->i])->number;) {
        s->i = (s->i + 1) & x->mask;
        if (e->hash == s->hash)
            return e->number;
    }
    return 0;
}
