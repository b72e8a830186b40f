/* location.c - opened, closed; the table of AORs; rows.
 *
 * Room      server/location.
 * AORs      are made when they first register and stay until the end of the process: so a pointer to one never goes stale,
 *           and slots can name them without a lock. LOCATION_MAX_AORS bounds them.
 * Not here  bindings out of the store (load.c). */
#include <string.h>

#include "server/location/location_priv.h"
#include "sys/random.h"

#define FIRST_BUCKETS 16

/* ---- AORs ---- */
struct stripe *stripe_of(struct location *l, uint64_t hash)
{
    return &l->stripes[hash >> 56 & (STRIPES - 1)]; /* the map uses the low bits */
}

struct aor *aor_in(struct stripe *s, uint64_t hash, struct slice name)
{
    for (struct map_node *n = map_find(&s->aors, hash); n; n = map_find_next(n)) {
        struct aor *a = MAP_OF(n, struct aor, node);

        s->steps++;
        if (slice_eq((struct slice){a->text, a->n}, name))
            return a;
    }
    return NULL;
}

struct aor *aor_find(struct location *l, struct slice name)
{
    uint64_t       hash = hash_name(&l->key, name);
    struct stripe *s = stripe_of(l, hash);
    struct aor    *a;

    spin_lock(&s->lock);
    a = aor_in(s, hash, name);
    spin_unlock(&s->lock);
    return a;
}

static size_t aor_octets(size_t name_octets)
{
    return offsetof(struct aor, text) + name_octets;
}

struct aor *aor_make(struct location *l, struct slice name)
{
    struct aor *a = pieces_alloc(&l->pieces, aor_octets(name.n));

    if (!a)
        return NULL;
    memset(a, 0, aor_octets(0));
    a->n = (uint8_t)name.n;
    memcpy(a->text, name.p, name.n);
    return a;
}

void aor_unmake(struct location *l, struct aor *a)
{
    pieces_free(&l->pieces, a, aor_octets(a->n));
}

enum err aor_get(struct location *l, struct slice name, struct aor **out)
{
    uint64_t       hash = hash_name(&l->key, name);
    struct stripe *s = stripe_of(l, hash);
    struct aor    *fresh, *a;

    spin_lock(&s->lock);
    a = aor_in(s, hash, name);
    spin_unlock(&s->lock);
    if (a) {
        *out = a;
        return ERR_OK;
    }
    if (l->n_aors >= LOCATION_MAX_AORS)
        return ERR_FULL;
    if (!(fresh = aor_make(l, name)))
        return ERR_NOMEM;
    spin_lock(&s->lock);
    if (!(a = aor_in(s, hash, name))) {
        map_insert(&s->aors, &fresh->node, hash); /* allocates when the table doubles, which it seldom does */
        a = fresh;
    }
    spin_unlock(&s->lock);
    if (a == fresh)
        atomic_fetch_add_explicit(&l->n_aors, 1, memory_order_relaxed);
    else
        aor_unmake(l, fresh);
    *out = a;
    return ERR_OK;
}

/* ---- rows ---- */
void location_put_row(struct store_write *w, const struct location *l, const struct aor *a, const struct record *r, uint32_t i)
{
    struct location_binding b;

    location_record_expand(l, a, r, i, &b);
    store_put_binding(w, &(struct store_binding){
        .slot = b.slot, .aor = b.aor, .contact = b.contact, .call_id = b.call_id, .path = b.path, .instance = b.instance,
        .agent = b.agent, .received = b.received, .flow = b.flow, .aor_uri = b.aor_uri, .registered_ms = b.registered_ms,
        .expires_ms = b.expires_ms, .interval_ms = (int64_t)r->b[i].interval_s * 1000, .temp_gruu_ms = b.temp_gruu_ms,
        .cseq = b.cseq, .reg_id = b.reg_id, .q = b.q, .stream = r->b[i].stream});
}

/* ---- open and close ---- */
enum err location_open(struct location **out, const struct location_conf *conf)
{
    struct location *l = mem_zalloc(conf->mem, sizeof *l);
    uint32_t         expected; /* in each stripe */
    enum err         e;

    if (!l)
        return ERR_NOMEM;
    l->conf = *conf;
    heap_counted_init(&l->heap, conf->mem, 0);
    l->pieces.mem = &l->heap.mem;
    l->max_contacts = conf->max_contacts ? conf->max_contacts : LOCATION_MAX_CONTACTS;
    if (l->max_contacts > LOCATION_MAX_CONTACTS_HARD)
        l->max_contacts = LOCATION_MAX_CONTACTS_HARD;
    random_octets(conf->random, &l->key, sizeof l->key);
    refreshed_open(l);
    expected = store_last_slot(conf->store) / STRIPES;
    if (expected < FIRST_BUCKETS)
        expected = FIRST_BUCKETS;
    e = slots_open(l, expected);
    for (size_t i = 0; i < STRIPES && !e; i++)
        e = map_init(&l->stripes[i].aors, &l->heap.mem, expected);
    if (!e)
        e = location_load(l);
    if (e) {
        location_close(l);
        return e;
    }
    *out = l;
    return ERR_OK;
}

void location_watch(struct location *l, location_changed *changed, void *ctx)
{
    l->changed = changed;
    l->changed_ctx = ctx;
}

/* AORs and records go with their chunks, but for records that are too large for one. */
static void close_stripe(struct location *l, struct stripe *s)
{
    struct map_cursor c = {0};

    if (!s->aors.buckets)
        return;
    for (struct map_node *n; (n = map_walk(&s->aors, &c));)
        location_record_free(l, MAP_OF(n, struct aor, node)->record);
    map_close(&s->aors);
}

void location_close(struct location *l)
{
    struct mem mem;

    if (!l)
        return;
    mem = *l->conf.mem;
    for (size_t i = 0; i < STRIPES; i++)
        close_stripe(l, &l->stripes[i]);
    agents_close(l);
    slots_close(l);
    pieces_close(&l->pieces);
    refreshed_close(l);
    mem_free(&mem, l, sizeof *l);
}

void location_counters(struct location *l, struct location_counters *out)
{
    *out = (struct location_counters){.aors = l->n_aors, .bindings = l->n_bindings, .octets = atomic_load(&l->heap.octets) + sizeof *l,
                                      .refreshes = l->n_refreshes, .promises = l->n_promises, .refused = l->n_refused};
    for (size_t i = 0; i < STRIPES; i++) {
        spin_lock(&l->stripes[i].lock);
        out->steps += l->stripes[i].steps;
        spin_unlock(&l->stripes[i].lock);
    }
}
