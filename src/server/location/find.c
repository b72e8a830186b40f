/* find.c - looking up: by AOR, by contact, all of them; and taking away what has expired.
 *
 * Room      server/location.
 * Readers   hold a stripe's lock twice for an instant: to see how large the record is, and to copy it into the room that was
 *           made meanwhile. What is looked at afterwards is their own copy.
 * Not here  GRUUs (gruu.c). */
#include <string.h>

#include "server/location/location_priv.h"

#define CANDIDATES 16  /* bindings with one hash of contact that are looked at */
#define BATCH 64       /* AORs that are noted under one lock */

enum err location_record_copy(struct location *l, struct aor *a, struct arena *arena, const struct record **out)
{
    struct stripe *s = stripe_of(l, a->node.hash);
    struct record *copy = NULL;
    size_t         room = 0, octets;

    for (;;) {
        spin_lock(&s->lock);
        octets = a->record ? a->record->octets : 0;
        if (octets > 0 && octets <= room)
            memcpy(copy, a->record, octets);
        spin_unlock(&s->lock);
        if (octets <= room)
            break;
        /* A little more than now, so that another contact does not make us ask again. */
        room = octets + 128;
        if (!(copy = arena_alloc(arena, room)))
            return ERR_NOMEM;
    }
    *out = octets ? copy : NULL;
    return ERR_OK;
}

static enum err list_of(struct location *l, struct aor *a, int64_t now_ms, struct arena *arena, struct location_binding **out,
                        size_t *n)
{
    const struct record *r;
    enum err             e = location_record_copy(l, a, arena, &r);

    *n = 0;
    if (e || !r)
        return e;
    if (!(*out = arena_alloc(arena, r->n * sizeof **out)))
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

/* ---- walking ---- */
/* The next bucket of a walk that survives the table's doubling: counting with the bits reversed, so that the buckets into
 * which one falls apart follow one another. 0 again: the walk is over. */
static size_t next_bucket(size_t bucket, size_t n_buckets)
{
    size_t bit = n_buckets >> 1;

    while (bit && (bucket & bit)) {
        bucket ^= bit;
        bit >>= 1;
    }
    return bucket | bit;
}

/* The AORs of one bucket that have anything (that expires by `before_ms`), at most max. *after gets the next bucket. */
static size_t bucket_aors(struct stripe *s, size_t bucket, int64_t before_ms, struct aor **out, size_t max, size_t *after)
{
    size_t n = 0;

    spin_lock(&s->lock);
    for (struct map_node *node = s->aors.buckets[bucket & (s->aors.n_buckets - 1)]; node && n < max; node = node->next) {
        struct aor *a = MAP_OF(node, struct aor, node);

        if (a->record && location_record_first_expiry(a->record) <= before_ms)
            out[n++] = a;
    }
    *after = next_bucket(bucket & (s->aors.n_buckets - 1), s->aors.n_buckets);
    spin_unlock(&s->lock);
    return n;
}

struct walk {
    struct location *l;
    int64_t          now_ms;
    bool (*each)(void *arg, const struct location_binding *b);
    void        *arg;
    struct arena arena;
    enum err     e;
};

static bool walk_bucket(struct walk *w, struct stripe *s, size_t *bucket)
{
    struct aor *aors[BATCH];
    size_t      n = bucket_aors(s, *bucket, INT64_MAX, aors, BATCH, bucket);

    for (size_t i = 0; i < n; i++) {
        struct location_binding *list;
        size_t                   found;

        arena_reset(&w->arena);
        if ((w->e = list_of(w->l, aors[i], w->now_ms, &w->arena, &list, &found)))
            return false;
        for (size_t k = 0; k < found; k++)
            if (!w->each(w->arg, &list[k]))
                return false;
    }
    return true;
}

enum err location_each(struct location *l, int64_t now_ms, bool (*each)(void *arg, const struct location_binding *b), void *arg)
{
    struct walk w = {.l = l, .now_ms = now_ms, .each = each, .arg = arg};
    bool        on = true;

    arena_init(&w.arena, &l->heap.mem, 8192, 0);
    for (size_t i = 0; i < STRIPES && on; i++) {
        size_t bucket = 0;

        do
            on = walk_bucket(&w, &l->stripes[i], &bucket);
        while (on && bucket != 0);
    }
    arena_close(&w.arena);
    return w.e;
}

/* ---- expiry ---- */
size_t location_sweep(struct location *l, int64_t now_ms, unsigned parts)
{
    uint64_t before = l->n_bindings, after;
    uint32_t n = (STRIPES + parts - 1) / parts, first = atomic_fetch_add_explicit(&l->swept, n, memory_order_relaxed);

    for (uint32_t i = 0; i < n; i++) {
        struct stripe *s = &l->stripes[(first + i) % STRIPES];
        size_t         bucket = 0;

        do {
            struct aor *aors[BATCH];
            size_t      found = bucket_aors(s, bucket, now_ms, aors, BATCH, &bucket);

            for (size_t k = 0; k < found; k++)
                aor_expire(l, aors[k], now_ms);
        } while (bucket != 0);
    }
    after = l->n_bindings;
    return before > after ? (size_t)(before - after) : 0;
}
