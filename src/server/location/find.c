/* find.c - looking up: by AOR, by contact, all of them; and taking away what has expired.
 *
 * Room      server/location.
 * Readers   copy the record between grace_enter() and grace_leave(). What is looked at afterwards is their own copy.
 * Not here  GRUUs (gruu.c). */
#include "server/location/location_priv.h"

#define CANDIDATES 16  /* bindings with one hash of contact that are looked at */
#define BLOCK 64       /* slots next to each other that are in one part of a sweep */

/* A copy in the arena; *out is NULL when it has none, and after ERR_NOMEM. */
static enum err copy_record(struct location *l, struct aor *a, struct arena *arena, const struct record **out)
{
    grace_stay          *stay = grace_enter(&l->grace);
    const struct record *r = atomic_load(&a->record);
    struct record       *copy = r ? arena_alloc(arena, r->head.octets) : NULL;
    enum err             e = r && !copy ? ERR_NOMEM : ERR_OK;

    if (copy)
        location_record_copy(copy, r);
    grace_leave(stay);
    *out = copy;
    return e;
}

static enum err list_of(struct location *l, struct aor *a, int64_t now_ms, struct arena *arena, struct location_binding **out,
                        size_t *n)
{
    const struct record *r;
    enum err             e = copy_record(l, a, arena, &r);

    *n = 0;
    if (e || !r)
        return e;
    if (!(*out = arena_alloc(arena, r->head.n * sizeof **out)))
        return ERR_NOMEM;
    *n = location_record_list(l, a, r, now_ms, *out);
    return ERR_OK;
}

enum err location_lookup(struct location *l, struct slice aor, int64_t now_ms, struct arena *arena,
                         struct location_binding **out, size_t *n)
{
    struct aor *a = aor_find(l, aor);

    *n = 0;
    return a ? list_of(l, a, now_ms, arena, out, n) : ERR_OK;
}

/* Has the AOR's binding of that slot, as it is now, this contact? */
static enum err check_candidate(struct location *l, uint32_t slot, const struct uri *u, int64_t now_ms, struct arena *arena,
                                struct location_binding *out)
{
    struct aor              *a = atomic_load(&slots_at(l, slot)->aor);
    struct location_binding *list;
    size_t                   n;
    enum err                 e;
    struct uri               c;

    if (!a)
        return ERR_NOTFOUND;
    if ((e = list_of(l, a, now_ms, arena, &list, &n)))
        return e;
    for (size_t i = 0; i < n; i++)
        if (list[i].slot == slot && uri_parse(list[i].contact, &c, NULL) == ERR_OK && uri_equal(&c, u)) {
            *out = list[i];
            return ERR_OK;
        }
    return ERR_NOTFOUND;
}

enum err location_by_contact(struct location *l, struct slice uri, int64_t now_ms, struct arena *arena, struct location_binding *out)
{
    uint32_t   slots[CANDIDATES];
    struct uri u;
    bool       found = false;
    size_t     n;

    if (uri_parse(uri, &u, NULL))
        return ERR_NOTFOUND;
    n = contact_find(l, contact_hash(l, &u), slots, CANDIDATES);
    for (size_t i = 0; i < n; i++) {
        struct location_binding b;
        enum err                e = check_candidate(l, slots[i], &u, now_ms, arena, &b);

        if (e == ERR_NOMEM)
            return e;
        if (e || (found && b.registered_ms <= out->registered_ms))
            continue;
        *out = b;
        found = true;
    }
    return found ? ERR_OK : ERR_NOTFOUND;
}

void location_plan_facts(const struct location_binding *b, size_t n, struct plan_binding *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (struct plan_binding){.aor = b[i].aor, .contact = b[i].contact, .path = b[i].path, .flow = b[i].flow, .received = b[i].received,
                                       .instance = b[i].instance, .reg_id = b[i].reg_id, .q = b[i].q,
                                       .flow_gone = b[i].flow_state == LOCATION_FLOW_GONE,
                                       .registered_ms = b[i].registered_ms, .expires_ms = b[i].expires_ms};
}

/* ---- walking: by slots, which never move ---- */
/* The live binding of that slot; *n is 0 if there is none. */
static enum err binding_at(struct location *l, uint32_t slot, int64_t now_ms, struct arena *arena, struct location_binding *out, size_t *n)
{
    struct aor          *a = atomic_load(&slots_at(l, slot)->aor);
    const struct record *r = NULL;
    enum err             e = a ? copy_record(l, a, arena, &r) : ERR_OK;

    *n = 0;
    for (uint32_t i = 0; r && i < r->head.n; i++)
        if (r->b[i].slot == slot && r->b[i].expires_ms > now_ms) {
            location_record_expand(l, a, r, i, out);
            *n = 1;
        }
    return e;
}

enum err location_each(struct location *l, int64_t now_ms, bool (*each)(void *arg, const struct location_binding *b), void *arg)
{
    struct location_binding b;
    struct arena            arena;
    enum err                e = ERR_OK;
    bool                    on = true;
    size_t                  n;

    arena_init(&arena, &l->heap.mem, 8192, 0);
    for (uint32_t slot = 1; slot < l->n_slots && on && !e; slot++) {
        arena_reset(&arena);
        if (!(e = binding_at(l, slot, now_ms, &arena, &b, &n)) && n > 0)
            on = each(arg, &b);
    }
    arena_close(&arena);
    return e;
}

/* ---- expiry ---- */
/* The slot's AOR, if anything of it has expired; else NULL. */
static struct aor *expired_at(struct location *l, uint32_t slot, int64_t now_ms)
{
    struct aor          *a = atomic_load(&slots_at(l, slot)->aor);
    grace_stay          *stay;
    const struct record *r;

    if (!a)
        return NULL;
    stay = grace_enter(&l->grace);
    r = atomic_load(&a->record);
    if (!r || location_record_first_expiry(r) > now_ms)
        a = NULL;
    grace_leave(stay);
    return a;
}

/* A part is each so-manieth block of slots, so that more of them may come meanwhile. */
size_t location_sweep(struct location *l, int64_t now_ms, unsigned parts)
{
    uint64_t before = l->n_bindings, after;
    uint32_t part = atomic_fetch_add_explicit(&l->swept, 1, memory_order_relaxed) % parts;

    for (uint32_t block = part; block < l->n_slots / BLOCK; block += parts)
        for (uint32_t i = 0; i < BLOCK; i++) {
            struct aor *a = expired_at(l, block * BLOCK + i, now_ms);

            if (a)
                aor_expire(l, a, now_ms);
        }
    after = l->n_bindings;
    return before > after ? (size_t)(before - after) : 0;
}
