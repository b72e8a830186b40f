/* slots.c - numbers for bindings (their rows in the store), and the way from a contact to its AOR.
 *
 * Room      server/location.
 * Slots     stand in chunks that never move, so slots_at() needs no lock. Free ones are a list through `next`.
 * Contacts  a chain through `next` for each hash; a slot is in at most one chain. What is found is only a candidate: the
 *           caller looks into the AOR's record whether that slot has that contact now.
 * Touches   l->chunks, l->free_slot under l->slots_lock; l->contacts[] each under its own lock. */
#include <string.h>

#include "server/location/location_priv.h"

#define CONTACT_KEY_OCTETS (LOCATION_MAX_CONTACT + 16)

struct slot *slots_at(struct location *l, uint32_t slot)
{
    return &l->chunks[slot / CHUNK_SLOTS][slot % CHUNK_SLOTS];
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
        for (uint32_t i = CHUNK_SLOTS; i-- > first;) {
            chunk[i].next = l->free_slot;
            l->free_slot = at * CHUNK_SLOTS + i;
        }
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
        if ((slot = l->free_slot))
            l->free_slot = slots_at(l, slot)->next;
        chunks = l->n_slots / CHUNK_SLOTS;
        spin_unlock(&l->slots_lock);
        if (slot) {
            slots_at(l, slot)->next = 0;
            atomic_store(&slots_at(l, slot)->aor, aor);
            atomic_fetch_add_explicit(&l->n_bindings, 1, memory_order_relaxed);
            return slot;
        }
        if (add_chunk(l, chunks))
            return 0;
    }
}

static void push_free(struct location *l, uint32_t slot)
{
    spin_lock(&l->slots_lock);
    slots_at(l, slot)->next = l->free_slot;
    l->free_slot = slot;
    spin_unlock(&l->slots_lock);
}

void slots_give(struct location *l, uint32_t slot)
{
    atomic_store(&slots_at(l, slot)->aor, NULL);
    atomic_fetch_sub_explicit(&l->n_bindings, 1, memory_order_relaxed);
    push_free(l, slot);
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
    l->free_slot = 0;
    for (uint32_t slot = l->n_slots; slot-- > 1;)
        if (!slots_at(l, slot)->aor)
            push_free(l, slot);
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

static uint32_t *head_of(struct contact_stripe *c, uint32_t hash)
{
    return &c->heads[hash / STRIPES & (c->n_heads - 1)];
}

/* Twice as many heads; the new ones are made before the lock is taken. */
static void grow(struct location *l, struct contact_stripe *c, uint32_t from)
{
    uint32_t *bigger = mem_zalloc(&l->heap.mem, 2 * from * sizeof *bigger), *old;

    if (!bigger)
        return; /* longer chains, then */
    spin_lock(&c->lock);
    if (c->n_heads == from) {
        old = c->heads;
        c->heads = bigger;
        c->n_heads = 2 * from;
        for (uint32_t i = 0; i < from; i++)
            for (uint32_t slot = old[i], next; slot; slot = next) {
                struct slot *s = slots_at(l, slot);

                next = s->next;
                s->next = *head_of(c, s->hash);
                *head_of(c, s->hash) = slot;
            }
        bigger = old;
        from /= 2; /* what is freed below is the old one */
    }
    spin_unlock(&c->lock);
    mem_free(&l->heap.mem, bigger, 2 * from * sizeof *bigger);
}

void contact_expect(struct location *l, uint32_t hash)
{
    __builtin_prefetch(head_of(contact_stripe(l, hash), hash), 1);
}

void contact_add(struct location *l, uint32_t slot, uint32_t hash)
{
    struct contact_stripe *c = contact_stripe(l, hash);
    struct slot           *s = slots_at(l, slot);
    uint32_t               heads;

    spin_lock(&c->lock);
    s->hash = hash;
    s->next = *head_of(c, hash);
    *head_of(c, hash) = slot;
    heads = ++c->n > c->n_heads ? c->n_heads : 0;
    spin_unlock(&c->lock);
    if (heads)
        grow(l, c, heads);
}

void contact_remove(struct location *l, uint32_t slot)
{
    struct slot           *s = slots_at(l, slot);
    struct contact_stripe *c = contact_stripe(l, s->hash); /* its own: only the holder of the turn changes it */

    spin_lock(&c->lock);
    for (uint32_t *at = head_of(c, s->hash); *at; at = &slots_at(l, *at)->next)
        if (*at == slot) {
            *at = s->next;
            s->next = 0;
            c->n--;
            break;
        }
    spin_unlock(&c->lock);
}

size_t contact_find(struct location *l, uint32_t hash, uint32_t *out, size_t max)
{
    struct contact_stripe *c = contact_stripe(l, hash);
    size_t                 n = 0;

    spin_lock(&c->lock);
    for (uint32_t slot = *head_of(c, hash); slot && n < max; slot = slots_at(l, slot)->next)
        if (slots_at(l, slot)->hash == hash)
            out[n++] = slot;
    spin_unlock(&c->lock);
    return n;
}

enum err slots_open(struct location *l, uint32_t heads)
{
    uint32_t n = 1;

    while (n < heads && n < LOCATION_MAX_BINDINGS / STRIPES)
        n *= 2;
    for (size_t i = 0; i < STRIPES; i++) {
        if (!(l->contacts[i].heads = mem_zalloc(&l->heap.mem, n * sizeof(uint32_t))))
            return ERR_NOMEM;
        l->contacts[i].n_heads = n;
    }
    return ERR_OK;
}

void slots_close(struct location *l)
{
    for (size_t i = 0; i < STRIPES; i++)
        if (l->contacts[i].heads)
            mem_free(&l->heap.mem, l->contacts[i].heads, l->contacts[i].n_heads * sizeof(uint32_t));
    for (uint32_t i = 0; i < l->n_slots / CHUNK_SLOTS; i++)
        mem_free(&l->heap.mem, l->chunks[i], CHUNK_SLOTS * sizeof(struct slot));
}
