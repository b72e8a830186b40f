/* aor.c - the tables of AORs: found without a lock, added under their stripe's.
 *
 * Room      server/location.
 * AORs      are made when they first register and stay until the end of the process: so a pointer to one never goes stale,
 *           and slots can name them without a lock. LOCATION_MAX_AORS bounds them.
 * Tables    open addressing, at most half full as long as there is memory. As nothing leaves a table, what a reader has not met before
 *           a free place is not there. A larger table is made aside, filled, and shown; the old one is put by.
 * Touches   l->stripes[]. */
#include <string.h>

#include "base/ahead.h"
#include "server/location/location_priv.h"

enum { FIRST_PLACES = 16 };

struct stripe *stripe_of(struct location *l, uint32_t hash)
{
    return &l->stripes[hash >> 24]; /* tables use the low bits */
}

uint32_t aor_hash(const struct location *l, struct slice name)
{
    return (uint32_t)hash_name(&l->key, name);
}

/* ---- a table ---- */
static size_t table_octets(uint32_t places)
{
    return sizeof(struct aor_table) + places * sizeof(_Atomic(struct aor *));
}

static struct aor_table *table_make(struct location *l, uint32_t places)
{
    struct aor_table *t = pieces_alloc(&l->pieces, table_octets(places));

    if (!t)
        return NULL;
    memset(t, 0, table_octets(places));
    t->head.octets = (uint32_t)table_octets(places);
    t->head.n = places;
    return t;
}

static void table_put(struct aor_table *t, struct aor *a)
{
    uint32_t at = a->hash & (t->head.n - 1);

    while (atomic_load_explicit(&t->at[at], memory_order_relaxed))
        at = (at + 1) & (t->head.n - 1);
    atomic_store(&t->at[at], a);
}

/* With the lock held, or while reading. *steps gets one more for each AOR that is looked at. */
static struct aor *table_find(const struct aor_table *t, uint32_t hash, struct slice name, uint64_t *steps)
{
    struct aor *a;

    for (uint32_t at = hash & (t->head.n - 1); (a = atomic_load(&t->at[at])); at = (at + 1) & (t->head.n - 1)) {
        ++*steps;
        if (a->hash == hash && slice_eq((struct slice){a->text, a->n}, name))
            return a;
    }
    return NULL;
}

/* Twice as many places as there are. If there is no memory for that, these are filled up. */
static void grow(struct location *l, struct stripe *s, uint32_t places)
{
    struct aor_table *bigger = table_make(l, 2 * places), *useless = bigger, *old;

    if (!bigger)
        return;
    spin_lock(&s->lock);
    old = atomic_load(&s->table);
    if (old->head.n == places) { /* else another thread was faster */
        for (uint32_t i = 0; i < places; i++) {
            struct aor *a = atomic_load_explicit(&old->at[i], memory_order_relaxed);

            if (a)
                table_put(bigger, a);
        }
        atomic_store(&s->table, bigger);
        useless = old;
    }
    spin_unlock(&s->lock);
    pieces_put_by(&l->pieces, &useless->head);
}

/* ---- AORs ---- */
struct aor *aor_find(struct location *l, struct slice name)
{
    uint32_t       hash = aor_hash(l, name);
    struct stripe *s = stripe_of(l, hash);
    grace_stay    *stay = grace_enter(&l->grace);
    uint64_t       steps = 0;
    struct aor    *a = table_find(atomic_load(&s->table), hash, name, &steps);

    grace_leave(stay);
    return a;
}

static size_t aor_octets(size_t name_octets)
{
    return offsetof(struct aor, text) + name_octets;
}

struct aor *aor_make(struct location *l, struct slice name, uint32_t hash)
{
    struct aor *a = pieces_alloc(&l->pieces, aor_octets(name.n));

    if (!a)
        return NULL;
    memset(a, 0, aor_octets(0));
    a->hash = hash;
    a->n = (uint8_t)name.n;
    memcpy(a->text, name.p, name.n);
    return a;
}

void aor_unmake(struct location *l, struct aor *a)
{
    pieces_free(&l->pieces, a, aor_octets(a->n));
}

/* With the lock held: the one of that name, or `fresh` in a place of its own. NULL: there is none left. */
static struct aor *find_or_put(struct stripe *s, struct aor *fresh)
{
    struct aor_table *t = atomic_load(&s->table);
    struct aor       *a = table_find(t, fresh->hash, (struct slice){fresh->text, fresh->n}, &s->steps);

    if (a)
        return a;
    if (s->n + 1 == t->head.n) /* a search ends at a free place */
        return NULL;
    s->n++;
    table_put(t, fresh);
    return fresh;
}

/* How many places it has; 0: it is not half full yet. */
static uint32_t half_full(struct stripe *s)
{
    uint32_t places;

    spin_lock(&s->lock);
    places = atomic_load(&s->table)->head.n;
    places = s->n < places / 2 ? 0 : places;
    spin_unlock(&s->lock);
    return places;
}

enum err aor_add(struct location *l, struct aor *fresh, struct aor **out)
{
    struct stripe *s = stripe_of(l, fresh->hash);
    uint32_t       places;

    if (l->n_aors >= LOCATION_MAX_AORS)
        return ERR_FULL;
    if ((places = half_full(s)))
        grow(l, s, places);
    spin_lock(&s->lock);
    *out = find_or_put(s, fresh);
    spin_unlock(&s->lock);
    if (*out == fresh)
        atomic_fetch_add_explicit(&l->n_aors, 1, memory_order_relaxed);
    return *out ? ERR_OK : ERR_NOMEM;
}

/* The AOR, if it is there, and its turn, if nobody has that. */
static struct aor *find_for_update(struct location *l, struct slice name, uint32_t hash, bool *turn)
{
    struct stripe *s = stripe_of(l, hash);
    struct aor    *a;

    spin_lock(&s->lock);
    a = table_find(atomic_load(&s->table), hash, name, &s->steps);
    *turn = a && aor_take_turn(a);
    spin_unlock(&s->lock);
    return a;
}

enum err aor_get(struct location *l, struct slice name, struct aor **out, bool *turn)
{
    uint32_t    hash = aor_hash(l, name);
    struct aor *fresh;
    enum err    e;

    if ((*out = find_for_update(l, name, hash, turn)))
        return ERR_OK;
    if (!(fresh = aor_make(l, name, hash)))
        return ERR_NOMEM;
    *turn = aor_take_turn(fresh);
    if (!(e = aor_add(l, fresh, out)) && *out == fresh)
        return ERR_OK;
    aor_unmake(l, fresh);
    if (!e)
        *out = find_for_update(l, name, hash, turn); /* somebody else has made it meanwhile */
    return e;
}

/* ---- all of them ---- */
void aor_expect(struct location *l, uint32_t hash, int how_far)
{
    const struct aor_table *t = atomic_load_explicit(&stripe_of(l, hash)->table, memory_order_relaxed);
    const _Atomic(struct aor *) *at = &t->at[hash & (t->head.n - 1)];

    if (how_far == 1)
        ahead_fetch(at, 1);
    else
        ahead_fetch(atomic_load_explicit(at, memory_order_relaxed), 1);
}

enum err aors_open(struct location *l, uint32_t expected)
{
    uint32_t places = FIRST_PLACES;

    while (places / 2 < expected)
        places *= 2;
    for (size_t i = 0; i < STRIPES; i++) {
        struct aor_table *t = table_make(l, places);

        if (!t)
            return ERR_NOMEM;
        atomic_store(&l->stripes[i].table, t);
    }
    return ERR_OK;
}

static void close_table(struct location *l, struct aor_table *t)
{
    for (uint32_t i = 0; i < t->head.n; i++) {
        struct aor *a = atomic_load_explicit(&t->at[i], memory_order_relaxed);

        if (a)
            location_record_free(l, atomic_load_explicit(&a->record, memory_order_relaxed));
    }
    pieces_free(&l->pieces, t, t->head.octets);
}

/* AORs and records go with their chunks, but for records and tables that are too large for one. */
void aors_close(struct location *l)
{
    for (size_t i = 0; i < STRIPES; i++) {
        struct aor_table *t = atomic_load_explicit(&l->stripes[i].table, memory_order_relaxed);

        if (t)
            close_table(l, t);
    }
}
