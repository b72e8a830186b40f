/* published.c - what phones and programs have published, until it expires (RFC 3903 §6).
 *
 * Room      server/presence.
 * Shards    a PUBLISH is worked on in the shard of its Call-ID, another of the same number in another: so what is published
 *           stands in stripes by number, each with a lock for a few instructions; and in a file (published_file.c), so that a
 *           restart changes nothing of it.
 * Owns      struct publication, and its slot of the file. */
#include <string.h>

#include "server/presence/presence_priv.h"

struct publication {
    struct map_node                node;
    const struct presence_package *package;
    struct published               what;
    uint64_t                       id;
    uint32_t                       slot; /* or PUBLISHED_NO_SLOT */
    size_t                         n_number;
    char                           number[];
};

static struct published_stripe *stripe_of(struct presence *p, uint64_t hash)
{
    return &p->published[hash >> 56 & (STRIPES - 1)];
}

static bool is_of(const struct publication *b, const struct presence_package *package, struct slice number)
{
    return b->package == package && slice_eq((struct slice){b->number, b->n_number}, number);
}

static struct publication *find(const struct published_stripe *st, uint64_t hash, const struct published_key *key)
{
    for (struct map_node *n = map_find(&st->map, hash); n; n = map_find_next(n)) {
        struct publication *b = MAP_OF(n, struct publication, node);

        if (is_of(b, key->package, key->number) && slice_eq((struct slice){b->what.etag, PUBLISHED_ETAG_OCTETS}, key->etag))
            return b;
    }
    return NULL;
}

static void publication_free(struct presence *p, struct publication *b)
{
    if (b)
        mem_free(p->mem, b, sizeof *b + b->n_number);
}

static struct publication *publication_new(struct presence *p, const struct published_key *key, const struct published *what)
{
    struct publication *b = mem_zalloc(p->mem, sizeof *b + key->number.n);

    if (!b)
        return NULL;
    b->package = key->package;
    b->what = *what;
    b->slot = PUBLISHED_NO_SLOT;
    b->n_number = key->number.n;
    if (key->number.n)
        memcpy(b->number, key->number.p, key->number.n);
    return b;
}

/* ERR_FULL: it has as many as it may. */
static enum err insert(struct presence *p, struct publication *b)
{
    struct slice             number = {b->number, b->n_number};
    uint64_t                 hash = index_hash(p, b->package, number);
    struct published_stripe *st = stripe_of(p, hash);
    size_t                   n = 0;

    spin_lock(&st->lock);
    for (const struct map_node *m = map_find(&st->map, hash); m; m = map_find_next(m))
        n += is_of(MAP_OF(m, struct publication, node), b->package, number);
    if (n < PUBLISHED_MAX_OF_NUMBER)
        map_insert(&st->map, &b->node, hash);
    spin_unlock(&st->lock);
    return n < PUBLISHED_MAX_OF_NUMBER ? ERR_OK : ERR_FULL;
}

enum err published_add(struct presence *p, const struct published_key *key, const struct published *what)
{
    struct publication *b = publication_new(p, key, what);

    if (!b)
        return ERR_NOMEM;
    b->id = atomic_fetch_add(&p->publication_id, 1);
    b->slot = published_file_put(p, key, what, b->id);
    if (insert(p, b) == ERR_OK)
        return ERR_OK;
    published_file_give(p, b->slot);
    publication_free(p, b);
    return ERR_FULL;
}

/* It has changed: into the file. Somebody else may change it, or take it away, meanwhile: whose slot it is then is seen by its
 * tag. */
static void keep(struct presence *p, struct published_key key, const struct published *what, uint64_t id)
{
    uint64_t                 hash = index_hash(p, key.package, key.number);
    struct published_stripe *st = stripe_of(p, hash);
    uint32_t                 slot = published_file_put(p, &key, what, id), old = slot;
    struct publication      *b;

    key.etag = (struct slice){what->etag, PUBLISHED_ETAG_OCTETS};
    spin_lock(&st->lock);
    if ((b = find(st, hash, &key))) {
        old = b->slot;
        b->slot = slot;
    }
    spin_unlock(&st->lock);
    published_file_give(p, old);
}

enum err published_change(struct presence *p, const struct published_key *key, const struct published *what, bool keeps_state)
{
    uint64_t                 hash = index_hash(p, key->package, key->number);
    struct published_stripe *st = stripe_of(p, hash);
    struct published         now = *what;
    struct publication      *b;
    uint64_t                 id = 0;

    spin_lock(&st->lock);
    if ((b = find(st, hash, key))) {
        if (keeps_state) {
            now.pidf = b->what.pidf;
            now.summary = b->what.summary;
        }
        b->what = now;
        id = b->id;
    }
    spin_unlock(&st->lock);
    if (!b)
        return ERR_NOTFOUND;
    keep(p, *key, &now, id);
    return ERR_OK;
}

enum err published_remove(struct presence *p, const struct published_key *key)
{
    uint64_t                 hash = index_hash(p, key->package, key->number);
    struct published_stripe *st = stripe_of(p, hash);
    struct publication      *b;

    spin_lock(&st->lock);
    if ((b = find(st, hash, key)))
        map_remove(&st->map, &b->node);
    spin_unlock(&st->lock);
    if (!b)
        return ERR_NOTFOUND;
    published_file_give(p, b->slot);
    publication_free(p, b);
    return ERR_OK;
}

size_t published_list(struct presence *p, const struct published_key *key, int64_t now_ms, struct published *out)
{
    uint64_t                 hash = index_hash(p, key->package, key->number);
    struct published_stripe *st = stripe_of(p, hash);
    size_t                   n = 0;

    spin_lock(&st->lock);
    for (struct map_node *m = map_find(&st->map, hash); m && n < PUBLISHED_MAX_OF_NUMBER; m = map_find_next(m)) {
        const struct publication *b = MAP_OF(m, struct publication, node);

        if (is_of(b, key->package, key->number) && b->what.expires_ms > now_ms)
            out[n++] = b->what;
    }
    spin_unlock(&st->lock);
    return n;
}

/* One that has expired, out of its stripe; NULL: there is none. */
static struct publication *take_expired(struct published_stripe *st, int64_t now_ms)
{
    struct publication *found = NULL;
    struct map_cursor   c = {0};

    spin_lock(&st->lock);
    for (struct map_node *n; !found && (n = map_walk(&st->map, &c));)
        if (MAP_OF(n, struct publication, node)->what.expires_ms <= now_ms)
            found = MAP_OF(n, struct publication, node);
    if (found)
        map_remove(&st->map, &found->node);
    spin_unlock(&st->lock);
    return found;
}

void published_sweep(struct presence *p, int64_t now_ms)
{
    for (size_t i = 0; i < STRIPES; i++)
        for (struct publication *b; (b = take_expired(&p->published[i], now_ms));) {
            presence_changed(p, b->package->name, (struct slice){b->number, b->n_number});
            published_file_give(p, b->slot);
            publication_free(p, b);
        }
}

/* Is there one of that id already? Then one of the two is older: the process was killed while it wrote the other. */
static bool is_older(struct presence *p, const struct published_kept *k, struct publication **twin)
{
    uint64_t              hash = index_hash(p, k->key.package, k->key.number);
    struct published_kept other = {.serial = 0};

    *twin = NULL;
    for (struct map_node *n = map_find(&stripe_of(p, hash)->map, hash); n; n = map_find_next(n)) {
        struct publication *b = MAP_OF(n, struct publication, node);

        if (b->id == k->id && published_file_read(p, b->slot, &other))
            *twin = b;
    }
    return *twin && other.serial > k->serial;
}

/* One slot of the file. */
static enum err load(struct presence *p, uint32_t slot)
{
    struct published_kept k;
    struct publication   *b;

    if (!published_file_read(p, slot, &k) || k.what.expires_ms <= p->config.now_ms || is_older(p, &k, &b)) {
        published_file_give(p, slot);
        return ERR_OK;
    }
    if (b) {
        published_file_give(p, b->slot);
        b->slot = slot;
        b->what = k.what;
        return ERR_OK;
    }
    if (!(b = publication_new(p, &k.key, &k.what)))
        return ERR_NOMEM;
    b->id = k.id;
    b->slot = slot;
    if (k.id >= p->publication_id)
        p->publication_id = k.id + 1;
    if (insert(p, b) == ERR_OK)
        return ERR_OK;
    published_file_give(p, slot);
    publication_free(p, b);
    return ERR_OK;
}

enum err published_open(struct presence *p)
{
    enum err e = published_file_open(p, p->config.published);

    for (uint32_t i = slot_file_ready(&p->publications); !e && i-- > 0;)
        e = load(p, i);
    return e;
}

void published_close(struct presence *p)
{
    for (size_t i = 0; i < STRIPES; i++) {
        struct map_cursor c = {0};

        if (!p->published[i].map.buckets)
            continue;
        for (struct map_node *n; (n = map_walk(&p->published[i].map, &c));)
            publication_free(p, MAP_OF(n, struct publication, node));
        map_close(&p->published[i].map);
    }
    slot_file_close(&p->publications);
}
