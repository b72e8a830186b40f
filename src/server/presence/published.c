/* published.c - what phones and programs have published, until it expires (RFC 3903 §6).
 *
 * Room      server/presence.
 * Shards    a PUBLISH is worked on in the shard of its Call-ID, another of the same number in another: so what is published
 *           stands in stripes by number, each with a lock for a few instructions. It is not kept over a restart: the
 *           publisher gets 412 then and publishes anew (§4.3).
 * Owns      struct publication. */
#include <string.h>

#include "server/presence/presence_priv.h"

struct publication {
    struct map_node                node;
    const struct presence_package *package;
    struct published               what;
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

enum err published_add(struct presence *p, const struct published_key *key, const struct published *what)
{
    uint64_t                 hash = index_hash(p, key->package, key->number);
    struct published_stripe *st = stripe_of(p, hash);
    struct publication      *b = mem_zalloc(p->mem, sizeof *b + key->number.n);
    size_t                   n = 0;

    if (!b)
        return ERR_NOMEM;
    b->package = key->package;
    b->what = *what;
    b->n_number = key->number.n;
    if (key->number.n)
        memcpy(b->number, key->number.p, key->number.n);
    spin_lock(&st->lock);
    for (const struct map_node *m = map_find(&st->map, hash); m; m = map_find_next(m))
        n += is_of(MAP_OF(m, struct publication, node), key->package, key->number);
    if (n < PUBLISHED_MAX_OF_NUMBER)
        map_insert(&st->map, &b->node, hash);
    spin_unlock(&st->lock);
    if (n < PUBLISHED_MAX_OF_NUMBER)
        return ERR_OK;
    publication_free(p, b);
    return ERR_FULL;
}

enum err published_change(struct presence *p, const struct published_key *key, const struct published *what, bool keeps_state)
{
    uint64_t                 hash = index_hash(p, key->package, key->number);
    struct published_stripe *st = stripe_of(p, hash);
    struct publication      *b;

    spin_lock(&st->lock);
    if ((b = find(st, hash, key))) {
        struct published was = b->what;

        b->what = *what;
        if (keeps_state) {
            b->what.pidf = was.pidf;
            b->what.summary = was.summary;
        }
    }
    spin_unlock(&st->lock);
    return b ? ERR_OK : ERR_NOTFOUND;
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
    publication_free(p, b);
    return b ? ERR_OK : ERR_NOTFOUND;
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
            publication_free(p, b);
        }
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
}
