/* nonces.c - which nc of which nonce were used: one bounded table for all workers (PROTOCOL 1.3).
 *
 * Room      server/account.
 * In        account.c, after the digest was found right: so nobody without a password can fill the table.
 * Touches   the stripes, each under its spin lock; memory for an entry is taken outside the lock, and only when
 *           there seems to be none.
 *
 * A nonce carries its own MAC and time. One that is ours and young but not in the table is new: its window begins. That is
 * safe as long as no window is ever forgotten while its nonce is valid: when a stripe is full its oldest goes, and
 * `floor_ms` makes every nonce stale that is not younger than that one's first use. */
#include "server/account/account_priv.h"

enum { STRIPE_MAX = ACCOUNT_MAX_NONCES / NONCE_STRIPES };

struct used_nonce {
    uint64_t hash, made_ms, now_ms;
    uint32_t nc;
};

enum err nonces_open(struct account *a)
{
    for (unsigned i = 0; i < NONCE_STRIPES; i++) {
        list_init(&a->stripe[i].order);
        a->stripe[i].floor_ms = a->started_ms;
        if (map_init(&a->stripe[i].map, a->mem, STRIPE_MAX)) /* never grows: no allocation under the lock */
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static void forget(struct account *a, struct nonce_stripe *s, struct nonce *n)
{
    map_remove(&s->map, &n->node);
    list_remove(&n->order);
    mem_free(a->mem, n, sizeof *n);
}

void nonces_close(struct account *a)
{
    for (unsigned i = 0; i < NONCE_STRIPES; i++) {
        struct nonce_stripe *s = &a->stripe[i];

        while (s->map.buckets && !list_empty(&s->order))
            forget(a, s, LIST_OF(list_first(&s->order), struct nonce, order));
        map_close(&s->map);
    }
}

/* Those whose nonce cannot be valid any more, and the oldest when there is no room. */
static void make_room(struct account *a, struct nonce_stripe *s, uint64_t now_ms)
{
    while (!list_empty(&s->order)) {
        struct nonce *n = LIST_OF(list_first(&s->order), struct nonce, order);
        bool          old = n->first_ms + ACCOUNT_NONCE_MS < now_ms;

        if (!old && s->map.n < STRIPE_MAX)
            return;
        if (!old && n->first_ms > s->floor_ms)
            s->floor_ms = n->first_ms;
        forget(a, s, n);
    }
}

static bool is_forgotten(const struct nonce_stripe *s, uint64_t made_ms, uint64_t now_ms)
{
    return auth_nonce_is_stale(made_ms, now_ms, now_ms > s->floor_ms ? now_ms - s->floor_ms - 1 : 0);
}

/* With the stripe held. *fresh is an entry to put in, and NULL afterwards when it was; ERR_AGAIN: one is needed. */
static enum err use(struct nonce_stripe *s, const struct used_nonce *u, struct nonce **fresh)
{
    struct map_node *node = map_find(&s->map, u->hash);
    struct nonce    *n = MAP_OF(node, struct nonce, node);

    if (!n) {
        if (is_forgotten(s, u->made_ms, u->now_ms))
            return ERR_STALE;
        if (!(n = *fresh))
            return ERR_AGAIN;
        *fresh = NULL;
        n->first_ms = u->now_ms;
        map_insert(&s->map, &n->node, u->hash);
        list_append(&s->order, &n->order);
    }
    return auth_nc_use(&n->window, u->nc) == ERR_OK ? ERR_OK : ERR_STALE;
}

/* The first time that this nonce comes, or so it seemed: another worker may have been faster. */
static enum err use_first(struct account *a, struct nonce_stripe *s, const struct used_nonce *u)
{
    struct nonce *fresh = mem_zalloc(a->mem, sizeof *fresh);
    enum err      e;

    if (!fresh)
        return ERR_STALE; /* tried again with a new nonce: never accepted unchecked */
    spin_lock(&s->lock);
    make_room(a, s, u->now_ms);
    e = use(s, u, &fresh);
    spin_unlock(&s->lock);
    if (fresh)
        mem_free(a->mem, fresh, sizeof *fresh);
    return e;
}

enum err nonces_use(struct account *a, struct slice nonce, uint32_t nc, uint64_t now_ms)
{
    struct used_nonce    u = {.hash = hash_octets(&a->hash, nonce), .now_ms = now_ms, .nc = nc ? nc : 1};
    struct nonce_stripe *s = &a->stripe[u.hash >> 58 & (NONCE_STRIPES - 1)];
    struct nonce        *none = NULL;
    enum err             e = auth_nonce_read(&a->key, nonce, &u.made_ms);

    if (e)
        return e;
    if (auth_nonce_is_stale(u.made_ms, now_ms, ACCOUNT_NONCE_MS))
        return ERR_STALE;
    spin_lock(&s->lock);
    e = use(s, &u, &none);
    spin_unlock(&s->lock);
    return e == ERR_AGAIN ? use_first(a, s, &u) : e;
}
