/* entry.c - records by number and by Call-ID.
 *
 * Room      server/dialogs.
 * Touches   d->entries, d->calls, d->numbers, d->free_entry. A chain is left before an entry is looked at: what was listed is a
 *           candidate, and its slot says whether it is meant. */
#include <string.h>

#include "base/ahead.h"
#include "server/dialogs/dialogs_priv.h"

struct spin *entry_lock(struct dialogs *d, uint32_t number)
{
    return &d->locks[number % STRIPES].lock;
}

uint64_t entry_call_hash(const struct dialogs *d, struct slice call_id)
{
    return hash_name(&d->key, call_id);
}

/* 0: no number. */
uint64_t entry_number_hash(const struct dialogs *d, struct slice number)
{
    uint64_t hash = number.n ? hash_name(&d->key, number) : 0;

    return number.n && !hash ? 1 : hash;
}

/* Whose node, or side's node, that is. */
static uint32_t entry_of(const struct dialogs *d, const struct array_node *node)
{
    return (uint32_t)(((const char *)node - (const char *)d->entries) / (ptrdiff_t)sizeof(struct entry));
}

static struct spin *lock_of(struct chains *c, uint64_t hash)
{
    return &c->locks[hash % STRIPES].lock;
}

static size_t list(struct dialogs *d, struct chains *c, uint64_t hash, uint32_t *out, size_t max)
{
    struct spin *lock = lock_of(c, hash);
    size_t       n = 0;

    spin_lock(lock);
    for (struct array_node *node = array_map_find(&c->map, hash); node && n < max; node = array_map_find_next(&c->map, node))
        out[n++] = entry_of(d, node);
    spin_unlock(lock);
    return n;
}

static void fetch(struct chains *c, uint64_t hash)
{
    ahead_fetch(lock_of(c, hash), 1);
    array_map_expect(&c->map, hash);
}

/* ---- of a call ---- */

void chain_add(struct dialogs *d, uint32_t number, uint64_t hash)
{
    struct spin *lock = lock_of(&d->calls, hash);

    spin_lock(lock);
    array_map_insert(&d->calls.map, &d->entries[number].node, hash);
    spin_unlock(lock);
}

void chain_remove(struct dialogs *d, uint32_t number)
{
    struct spin *lock = lock_of(&d->calls, d->entries[number].node.hash);

    spin_lock(lock);
    array_map_remove(&d->calls.map, &d->entries[number].node);
    spin_unlock(lock);
}

size_t chain_list(struct dialogs *d, uint64_t hash, uint32_t *out, size_t max)
{
    return list(d, &d->calls, hash, out, max);
}

void dialogs_expect(struct dialogs *d, uint64_t hash, bool again)
{
    if (again)
        array_map_expect_node(&d->calls.map, hash);
    else
        fetch(&d->calls, hash);
}

/* ---- of a number ---- */

void numbers_set(struct dialogs *d, uint32_t number, const struct dialog_record *r)
{
    for (int i = 0; i < 2; i++)
        d->entries[number].of_side[i].hash = entry_number_hash(d, r->side[i].number);
}

void numbers_add(struct dialogs *d, uint32_t number)
{
    struct entry *en = &d->entries[number];

    for (int i = 0; i < 2; i++) {
        uint64_t     hash = en->of_side[i].hash;
        struct spin *lock = lock_of(&d->numbers, hash);

        if (!hash)
            continue;
        spin_lock(lock);
        array_map_insert(&d->numbers.map, &en->of_side[i], hash);
        en->in[i] = true;
        spin_unlock(lock);
    }
}

void numbers_remove(struct dialogs *d, uint32_t number)
{
    struct entry *en = &d->entries[number];

    for (int i = 0; i < 2; i++) {
        struct spin *lock = lock_of(&d->numbers, en->of_side[i].hash);

        spin_lock(lock);
        if (en->in[i])
            array_map_remove(&d->numbers.map, &en->of_side[i]);
        en->in[i] = false;
        spin_unlock(lock);
    }
}

size_t numbers_list(struct dialogs *d, uint64_t hash, uint32_t *out, size_t max)
{
    return list(d, &d->numbers, hash, out, max);
}

void chain_expect(struct dialogs *d, uint32_t number)
{
    const struct entry *en = &d->entries[number];

    fetch(&d->calls, en->node.hash);
    for (int i = 0; i < 2; i++)
        fetch(&d->numbers, en->of_side[i].hash);
}

/* ---- entries ---- */

void entry_in_use(struct dialogs *d, uint32_t number)
{
    for (; d->top <= number; d->top++)
        memset(&d->entries[d->top], 0, sizeof *d->entries);
}

enum err entry_take(struct dialogs *d, uint32_t *number)
{
    enum err e = ERR_OK;

    spin_lock(&d->free_lock);
    if (d->free_entry != NO_ENTRY) {
        *number = d->free_entry;
        d->free_entry = d->entries[*number].slot;
    } else if (d->top < d->max) {
        *number = d->top;
        entry_in_use(d, *number);
    } else {
        e = ERR_FULL;
    }
    spin_unlock(&d->free_lock);
    return e;
}

void entry_push(struct dialogs *d, uint32_t number)
{
    spin_lock(&d->free_lock);
    d->entries[number].slot = d->free_entry;
    d->free_entry = number;
    spin_unlock(&d->free_lock);
}

bool entry_is(const struct entry *en, struct dialog_id id)
{
    return id.gen != 0 && en->gen == id.gen && !en->ended;
}

void entry_give(struct dialogs *d, uint32_t number)
{
    struct entry *en = &d->entries[number];
    uint32_t      slot;

    spin_lock(entry_lock(d, number));
    slot = en->slot;
    en->gen = 0;
    en->ended = en->restored = en->cdr_failed = false;
    spin_unlock(entry_lock(d, number));
    dialogs_file_give(d, slot);
    entry_push(d, number);
    atomic_fetch_sub(&d->n_records, 1);
}

enum err entry_copy(struct dialogs *d, struct dialog_id id, struct slot *out)
{
    const struct entry *en;
    enum err            e = ERR_NOTFOUND;

    if (id.slot >= d->top)
        return e;
    en = &d->entries[id.slot];
    spin_lock(entry_lock(d, id.slot));
    if (en->gen != 0 && (id.gen == 0 || en->gen == id.gen) && !en->ended) {
        const struct slot *s = dialogs_file_slot(d, en->slot);

        memcpy((void *)out, (const void *)s, s->used);
        e = ERR_OK;
    }
    spin_unlock(entry_lock(d, id.slot));
    return e;
}
