/* location.c - opened from the store, closed; the table of AORs; rows.
 *
 * Room      server/location.
 * AORs      are made when they first register and stay until the end of the process: so a pointer to one never goes stale,
 *           and slots can name them without a lock. LOCATION_MAX_AORS bounds them.
 * Loading   is single-threaded, before anybody else knows the location. */
#include <string.h>

#include "server/location/location_priv.h"
#include "sys/random.h"

#define FIRST_BUCKETS 16

/* ---- AORs ---- */
struct stripe *stripe_of(struct location *l, uint64_t hash)
{
    return &l->stripes[hash >> 56 & (STRIPES - 1)]; /* the map uses the low bits */
}

static struct aor *find_in(struct stripe *s, uint64_t hash, struct slice name)
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
    uint64_t       hash = hash_octets(&l->key, name);
    struct stripe *s = stripe_of(l, hash);
    struct aor    *a;

    spin_lock(&s->lock);
    a = find_in(s, hash, name);
    spin_unlock(&s->lock);
    return a;
}

static size_t aor_octets(size_t name_octets)
{
    return offsetof(struct aor, text) + name_octets;
}

static struct aor *aor_make(struct location *l, struct slice name)
{
    struct aor *a = pieces_alloc(&l->pieces, aor_octets(name.n));

    if (!a)
        return NULL;
    memset(a, 0, aor_octets(0));
    a->n = (uint8_t)name.n;
    memcpy(a->text, name.p, name.n);
    return a;
}

static enum err get_hashed(struct location *l, struct slice name, uint64_t hash, struct aor **out)
{
    struct stripe *s = stripe_of(l, hash);
    struct aor    *fresh, *a;

    spin_lock(&s->lock);
    a = find_in(s, hash, name);
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
    if (!(a = find_in(s, hash, name))) {
        map_insert(&s->aors, &fresh->node, hash); /* allocates when the table doubles, which it seldom does */
        a = fresh;
    }
    spin_unlock(&s->lock);
    if (a == fresh)
        atomic_fetch_add_explicit(&l->n_aors, 1, memory_order_relaxed);
    else
        pieces_free(&l->pieces, fresh, aor_octets(name.n));
    *out = a;
    return ERR_OK;
}

enum err aor_get(struct location *l, struct slice name, struct aor **out)
{
    return get_hashed(l, name, hash_octets(&l->key, name), out);
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

static void draft_of_row(const struct store_binding *s, struct draft *d)
{
    *d = (struct draft){.interval_s = (uint32_t)(s->interval_ms / 1000), .stream = s->stream};
    d->b = (struct location_binding){
        .contact = s->contact, .path = s->path, .call_id = s->call_id, .instance = s->instance, .agent = s->agent,
        .received = s->received, .flow = s->flow, .aor_uri = s->aor_uri, .registered_ms = s->registered_ms,
        .expires_ms = s->expires_ms, .cseq = s->cseq, .reg_id = s->reg_id, .q = s->q, .slot = s->slot,
        .temp_gruu_ms = s->temp_gruu_ms, .flow_state = s->stream ? LOCATION_FLOW_GONE : LOCATION_FLOW_RESTORED};
}

/* ---- loading ---- */
struct loading {
    struct location    *l;
    struct store_write *drop; /* rows that are not taken over; NULL: none */
    bool                lift; /* refreshes may be lost: a phone may have been promised more than we know */
    enum err            e;
};

static void drop_row(struct loading *ld, uint32_t slot)
{
    if (!ld->drop)
        ld->drop = store_begin(ld->l->conf.store, STORE_BEHIND);
    if (ld->drop)
        store_delete_binding(ld->drop, slot);
}

/* Texts fit, and the contact is a URI: a row that somebody has edited may be otherwise. */
static bool row_is_sound(const struct store_binding *s, struct uri *u)
{
    return s->aor.n > 0 && s->aor.n <= LOCATION_MAX_AOR && s->aor_uri.n <= LOCATION_MAX_AOR && s->contact.n <= LOCATION_MAX_CONTACT &&
           s->path.n <= LOCATION_MAX_PATH && s->call_id.n <= LOCATION_MAX_CALL_ID && s->instance.n <= LOCATION_MAX_INSTANCE &&
           s->agent.n <= LOCATION_MAX_AGENT && s->received.n <= LOCATION_MAX_RECEIVED && s->flow.n <= LOCATION_MAX_FLOW &&
           uri_parse(s->contact, u, NULL) == ERR_OK;
}

static enum err add_to(struct location *l, struct aor *a, const struct store_binding *s)
{
    struct draft   d[LOCATION_MAX_CONTACTS_HARD];
    struct record *r;
    uint32_t       n = 0;

    for (; a->record && n < a->record->n; n++)
        location_record_draft(l, a, a->record, n, &d[n]);
    if (n == LOCATION_MAX_CONTACTS_HARD)
        return ERR_LIMIT;
    draft_of_row(s, &d[n]);
    if (!(r = location_record_make(l, d, n + 1)))
        return ERR_NOMEM;
    location_record_free(l, a->record);
    a->record = r;
    return ERR_OK;
}

/* Of a million AORs the one that a row names is in no cache. So its bucket is fetched while the row is read, and what stands in
 * the bucket while the contact is hashed: a fifth of the time of loading was spent waiting for them. */
static struct map_node **bucket_of(const struct location *l, uint64_t hash)
{
    const struct map *m = &l->stripes[hash >> 56 & (STRIPES - 1)].aors;

    return &m->buckets[hash & (m->n_buckets - 1)];
}

static bool load_row(void *arg, const struct store_binding *row)
{
    struct loading      *ld = arg;
    struct location     *l = ld->l;
    struct store_binding s = *row;
    uint64_t             hash = hash_octets(&l->key, s.aor);
    uint32_t             of_contact;
    struct aor          *a;
    struct uri           u;

    __builtin_prefetch(bucket_of(l, hash));
    refreshed_apply(l, &s);
    if (ld->lift && s.expires_ms < l->conf.now_ms + s.interval_ms)
        s.expires_ms = l->conf.now_ms + s.interval_ms;
    if (s.expires_ms <= l->conf.now_ms || !row_is_sound(&s, &u)) {
        drop_row(ld, s.slot);
        return true;
    }
    __builtin_prefetch(*bucket_of(l, hash));
    of_contact = contact_hash(l, &u);
    contact_expect(l, of_contact);
    if ((ld->e = get_hashed(l, s.aor, hash, &a)) || (ld->e = slots_claim(l, s.slot, a)) || (ld->e = add_to(l, a, &s)))
        return false;
    contact_add(l, s.slot, of_contact);
    return true;
}

static enum err load(struct location *l)
{
    struct loading ld = {.l = l, .lift = !store_was_closed(l->conf.store) || refreshed_is_new(l)};
    enum err       e = store_each_binding(l->conf.store, load_row, &ld);

    if (ld.drop)
        store_submit(ld.drop, NULL, NULL);
    if (!e)
        e = ld.e;
    slots_settle(l);
    return e;
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
        e = load(l);
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
