/* nonces.c - which nc of which nonce were used: one bounded table for all workers (PROTOCOL 1.3).
 *
 * Room      server/account.
 * In        account.c, after the digest was found right: so nobody without a password can fill the table.
 * Touches   the stripes, each under its spin lock; memory for an entry is taken before the lock.
 *
 * A nonce carries its own MAC and time. One that is ours and young but not in the table is new: its window begins. That is
 * safe as long as no window is ever forgotten while its nonce is valid: when a stripe is full its oldest goes, and
 * `floor_ms` makes every nonce stale that is not younger than that one's first use. */
#include "server/account/account_priv.h"

enum { STRIPE_MAX = ACCOUNT_MAX_NONCES / NONCE_STRIPES };

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

/* With the stripe held. *fresh is an entry to put in; it is NULL afterwards when it was. */
static enum err use(struct nonce_stripe *s, uint64_t hash, uint32_t nc, struct nonce **fresh)
{
    struct map_node *node = map_find(&s->map, hash);
    struct nonce    *n = MAP_OF(node, struct nonce, node);

    if (!n) {
        n = *fresh;
        *fresh = NULL;
        map_insert(&s->map, &n->node, hash);
        list_append(&s->order, &n->order);
    }
    return auth_nc_use(&n->window, nc) == ERR_OK ? ERR_OK : ERR_STALE;
}

enum err nonces_use(struct account *a, struct slice nonce, uint32_t nc, uint64_t now_ms)
{
    struct auth_nonce_rule rule = {{(const char *)a->key, sizeof a->key}, now_ms, ACCOUNT_NONCE_MS};
    uint64_t               hash = hash_octets(&a->hash, nonce);
    struct nonce_stripe   *s = &a->stripe[hash >> 58 & (NONCE_STRIPES - 1)];
    struct nonce          *fresh;
    enum err               e;

    if ((e = auth_nonce_check(a->digester, &rule, nonce)))
        return e;
    if (!(fresh = mem_zalloc(a->mem, sizeof *fresh)))
        return ERR_STALE; /* tried again with a new nonce: never accepted unchecked */
    fresh->first_ms = now_ms;
    spin_lock(&s->lock);
    make_room(a, s, now_ms);
    rule.max_age_ms = now_ms > s->floor_ms ? now_ms - s->floor_ms - 1 : 0;
    if (!map_find(&s->map, hash))
        e = auth_nonce_check(a->digester, &rule, nonce);
    if (e == ERR_OK)
        e = use(s, hash, nc ? nc : 1, &fresh);
    spin_unlock(&s->lock);
    mem_free(a->mem, fresh, sizeof *fresh);
    return e;
}
