/* slots.c - numbers for bindings (their rows in the store), and the way from a contact to its AOR.
 *
 * Room      server/location.
 * Slots     stand in chunks that never move, so slots_at() needs no lock. Free ones are a list through `hash`.
 * Contacts  a chain through `next` for each hash; a slot is in at most one chain. What is found is only a candidate: the
 *           caller looks into the AOR's record whether that slot has that contact now.
 * Readers   walk the chains without a lock. So a slot that is taken out of one keeps its `next` until nobody can stand on it
 *           any more: it is put by before it is free again. A table that grows links all its slots anew through the other
 *           of the two `next`s, and leaves the first as it is for who is under way there.
 * Touches   l->chunks, l->free_slots and what was put by under l->slots_lock; l->contacts[] each under its own lock. */
#include <string.h>

#include "server/location/location_priv.h"

#define CONTACT_KEY_OCTETS (LOCATION_MAX_CONTACT + 16)
#define FIRST_HEADS 16

struct slot *slots_at(struct location *l, uint32_t slot)
{
    return &l->chunks[slot / CHUNK_SLOTS][slot % CHUNK_SLOTS];
}

/* ---- lists of slots that nobody uses ---- */
static void list_put(struct location *l, struct slot_list *list, uint32_t slot)
{
    atomic_store_explicit(&slots_at(l, slot)->hash, list->first, memory_order_relaxed);
    list->first = slot;
    if (!list->last)
        list->last = slot;
}

static uint32_t list_take(struct location *l, struct slot_list *list)
{
    uint32_t slot = list->first;

    if (!slot)
        return 0;
    list->first = atomic_load_explicit(&slots_at(l, slot)->hash, memory_order_relaxed);
    if (!list->first)
        list->last = 0;
    return slot;
}

/* All of `from`, before what is in `to`. */
static void list_move(struct location *l, struct slot_list *to, struct slot_list *from)
{
    if (!from->first)
        return;
    atomic_store_explicit(&slots_at(l, from->last)->hash, to->first, memory_order_relaxed);
    to->first = from->first;
    if (!to->last)
        to->last = from->last;
    *from = (struct slot_list){0};
}

/* ---- numbers ---- */
/* One more chunk, when none is free. Slot 0 is never given out: 0 means none. */
static enum err add_chunk(struct location *l, uint32_t at)
{
    const uint32_t first = at == 0;
    struct slot   *chunk;
    bool           used = false;

    if (at >= CHUNKS)
        return ERR_FULL;
    if (!(chunk = mem_zalloc(&l->heap.mem, CHUNK_SLOTS * sizeof *chunk)))
        return ERR_NOMEM;
    refreshed_grow(l, (at + 1) * CHUNK_SLOTS);
    spin_lock(&l->slots_lock);
    if (l->n_slots == at * CHUNK_SLOTS) { /* else another thread was faster */
        l->chunks[at] = chunk;
        l->n_slots += CHUNK_SLOTS;
        for (uint32_t i = CHUNK_SLOTS; i-- > first;)
            list_put(l, &l->free_slots, at * CHUNK_SLOTS + i);
        used = true;
    }
    spin_unlock(&l->slots_lock);
    if (!used)
        mem_free(&l->heap.mem, chunk, CHUNK_SLOTS * sizeof *chunk);
    return ERR_OK;
}

uint32_t slots_take(struct location *l, struct aor *aor)
{
    for (;;) {
        uint32_t slot, chunks;

        spin_lock(&l->slots_lock);
        slot = list_take(l, &l->free_slots);
        chunks = l->n_slots / CHUNK_SLOTS;
        spin_unlock(&l->slots_lock);
        if (slot) {
            atomic_store(&slots_at(l, slot)->aor, aor);
            atomic_fetch_add_explicit(&l->n_bindings, 1, memory_order_relaxed);
            return slot;
        }
        if (add_chunk(l, chunks))
            return 0;
    }
}

void slots_give(struct location *l, uint32_t slot)
{
    unsigned at;
    bool     over;

    atomic_store(&slots_at(l, slot)->aor, NULL);
    atomic_fetch_sub_explicit(&l->n_bindings, 1, memory_order_relaxed);
    spin_lock(&l->slots_lock);
    at = grace_shelf(&l->grace, &l->slot_shelves, &over);
    if (over)
        list_move(l, &l->free_slots, &l->slots_put_by[at]);
    list_put(l, &l->slots_put_by[at], slot);
    spin_unlock(&l->slots_lock);
}

/* While loading: the free list is made at the end, by slots_settle(). */
enum err slots_claim(struct location *l, uint32_t slot, struct aor *aor)
{
    enum err e = ERR_OK;

    if (slot == 0 || slot >= LOCATION_MAX_BINDINGS)
        return ERR_FULL;
    while (!e && slot >= l->n_slots)
        e = add_chunk(l, l->n_slots / CHUNK_SLOTS);
    if (e)
        return e;
    if (slots_at(l, slot)->aor)
        return ERR_EXISTS;
    atomic_store(&slots_at(l, slot)->aor, aor);
    atomic_fetch_add_explicit(&l->n_bindings, 1, memory_order_relaxed);
    return ERR_OK;
}

void slots_settle(struct location *l)
{
    l->free_slots = (struct slot_list){0};
    for (uint32_t slot = l->n_slots; slot-- > 1;)
        if (!slots_at(l, slot)->aor)
            list_put(l, &l->free_slots, slot);
}

/* ---- contacts ---- */
/* Equal URIs (RFC 3261 §19.1.4) have equal hashes: user unescaped, host in lower case, port as written. */
uint32_t contact_hash(const struct location *l, const struct uri *u)
{
    char       text[CONTACT_KEY_OCTETS];
    struct buf b = BUF_ON(text);

    if (uri_is_sip(u)) {
        uri_put_user_key(&b, u);
        buf_putc(&b, '@');
        buf_put_lower(&b, u->host);
        buf_putc(&b, ':');
        buf_putu(&b, u->port);
    } else {
        uri_put_aor(&b, u);
    }
    return (uint32_t)(hash_octets(&l->key, buf_err(&b) ? u->raw : buf_slice(&b)) >> 16);
}

static struct contact_stripe *contact_stripe(struct location *l, uint32_t hash)
{
    return &l->contacts[hash % STRIPES];
}

static _Atomic uint32_t *head_of(struct contact_heads *heads, uint32_t hash)
{
    return &heads->at[hash / STRIPES & (heads->head.n - 1)];
}

static struct contact_heads *heads_make(struct location *l, uint32_t n)
{
    const size_t          octets = sizeof(struct contact_heads) + n * sizeof(uint32_t);
    struct contact_heads *heads = pieces_alloc(&l->pieces, octets);

    if (!heads)
        return NULL;
    memset(heads, 0, octets);
    heads->head.octets = (uint32_t)octets;
    heads->head.n = n;
    return heads;
}

static void link_slot(struct location *l, struct contact_heads *heads, uint32_t slot)
{
    struct slot      *s = slots_at(l, slot);
    _Atomic uint32_t *head = head_of(heads, atomic_load_explicit(&s->hash, memory_order_relaxed));

    atomic_store_explicit(&s->next[heads->way], atomic_load_explicit(head, memory_order_relaxed), memory_order_relaxed);
    atomic_store(head, slot);
}

static void link_all_anew(struct location *l, struct contact_heads *old, struct contact_heads *heads)
{
    for (uint32_t i = 0; i < old->head.n; i++)
        for (uint32_t slot = atomic_load(&old->at[i]); slot; slot = atomic_load(&slots_at(l, slot)->next[old->way]))
            link_slot(l, heads, slot);
}

/* Twice as many heads as there are. If there is no memory for that, chains get longer. */
static void grow(struct location *l, struct contact_stripe *c, uint32_t n)
{
    struct contact_heads *bigger = heads_make(l, 2 * n), *useless = bigger, *old;

    if (!bigger)
        return;
    spin_lock(&c->lock);
    old = atomic_load(&c->heads);
    if (old->head.n == n) { /* else another thread was faster */
        bigger->way = !old->way;
        link_all_anew(l, old, bigger);
        atomic_store(&c->heads, bigger);
        c->since = atomic_load(&l->grace.age);
        useless = old;
    }
    spin_unlock(&c->lock);
    pieces_put_by(&l->pieces, &useless->head);
}

void contact_expect(struct location *l, uint32_t hash)
{
    __builtin_prefetch(head_of(atomic_load_explicit(&contact_stripe(l, hash)->heads, memory_order_relaxed), hash), 1);
}

void contact_add(struct location *l, uint32_t slot, uint32_t hash)
{
    struct contact_stripe *c = contact_stripe(l, hash);
    struct contact_heads  *heads;
    uint32_t               full;

    spin_lock(&c->lock);
    heads = atomic_load(&c->heads);
    atomic_store_explicit(&slots_at(l, slot)->hash, hash, memory_order_relaxed);
    link_slot(l, heads, slot);
    full = ++c->n > heads->head.n && grace_is_over(&l->grace, c->since) ? heads->head.n : 0;
    spin_unlock(&c->lock);
    if (full) /* and nobody goes the other way any more */
        grow(l, c, full);
}

/* Its hash is only changed by who has the turn: that is us. */
void contact_remove(struct location *l, uint32_t slot)
{
    uint32_t               hash = atomic_load_explicit(&slots_at(l, slot)->hash, memory_order_relaxed);
    struct contact_stripe *c = contact_stripe(l, hash);
    struct contact_heads  *heads;

    spin_lock(&c->lock);
    heads = atomic_load(&c->heads);
    for (_Atomic uint32_t *at = head_of(heads, hash); *at; at = &slots_at(l, *at)->next[heads->way])
        if (*at == slot) {
            atomic_store(at, atomic_load(&slots_at(l, slot)->next[heads->way]));
            c->n--;
            break;
        }
    spin_unlock(&c->lock);
}

void contact_move(struct location *l, uint32_t slot, uint32_t hash)
{
    if (atomic_load_explicit(&slots_at(l, slot)->hash, memory_order_relaxed) == hash)
        return;
    contact_remove(l, slot);
    grace_wait(&l->grace);
    contact_add(l, slot, hash);
}

size_t contact_find(struct location *l, uint32_t hash, uint32_t *out, size_t max)
{
    grace_stay           *stay = grace_enter(&l->grace);
    struct contact_heads *heads = atomic_load(&contact_stripe(l, hash)->heads);
    size_t                n = 0;

    for (uint32_t slot = atomic_load(head_of(heads, hash)); slot && n < max; slot = atomic_load(&slots_at(l, slot)->next[heads->way]))
        if (atomic_load_explicit(&slots_at(l, slot)->hash, memory_order_relaxed) == hash)
            out[n++] = slot;
    grace_leave(stay);
    return n;
}

enum err slots_open(struct location *l, uint32_t expected)
{
    uint32_t n = FIRST_HEADS;

    while (n < expected && n < LOCATION_MAX_BINDINGS / STRIPES)
        n *= 2;
    for (size_t i = 0; i < STRIPES; i++) {
        struct contact_heads *heads = heads_make(l, n);

        if (!heads)
            return ERR_NOMEM;
        atomic_store(&l->contacts[i].heads, heads);
    }
    return ERR_OK;
}

void slots_close(struct location *l)
{
    for (size_t i = 0; i < STRIPES; i++) {
        struct contact_heads *heads = atomic_load(&l->contacts[i].heads);

        if (heads)
            pieces_free(&l->pieces, heads, heads->head.octets);
    }
    for (uint32_t i = 0; i < l->n_slots / CHUNK_SLOTS; i++)
        mem_free(&l->heap.mem, l->chunks[i], CHUNK_SLOTS * sizeof(struct slot));
}
