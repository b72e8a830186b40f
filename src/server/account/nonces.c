/* nonces.c - which nc of which nonce were used: one bounded table for all workers (PROTOCOL 1.3).
 *
 * Room      server/account.
 * In        account.c, after the digest was found right: so nobody without a password can fill the table.
 * Touches   the stripes, each under its spin lock. A stripe is a ring, oldest first, and a map into it: so nothing is allocated for
 *           a nonce. An empty ring begins at its front again: a small exchange does not walk through all of the memory.
 *
 * A nonce carries its own MAC and time, and is known by that MAC, which nobody outside can aim at. One that is ours and young
 * but not in the table is new: its window begins. That is safe as long as no window is ever forgotten while its nonce is
 * valid: when a stripe is full its oldest goes, and `floor_ms` makes every nonce stale that is not younger than that one's
 * first use. */
#include "server/account/account_priv.h"

enum err nonces_open(struct account *a)
{
    if (!(a->ring = mem_alloc(a->mem, ACCOUNT_MAX_NONCES * sizeof *a->ring))) /* the system gives each page when it is used */
        return ERR_NOMEM;
    for (unsigned i = 0; i < NONCE_STRIPES; i++) {
        a->stripe[i].ring = a->ring + i * NONCE_STRIPE_MAX;
        a->stripe[i].floor_ms = a->started_ms;
        if (map_init(&a->stripe[i].map, a->mem, NONCE_STRIPE_MAX)) /* never grows: no allocation under the lock */
            return ERR_NOMEM;
    }
    return ERR_OK;
}

void nonces_close(struct account *a)
{
    for (unsigned i = 0; i < NONCE_STRIPES; i++)
        map_close(&a->stripe[i].map);
    if (a->ring)
        mem_free(a->mem, a->ring, ACCOUNT_MAX_NONCES * sizeof *a->ring);
}

/* Those whose nonce cannot be valid any more, and the oldest when there is no room. */
static void make_room(struct nonce_stripe *s, uint64_t now_ms)
{
    while (s->map.n > 0) {
        struct nonce *n = &s->ring[s->first];
        bool          old = n->first_ms + ACCOUNT_NONCE_MS < now_ms;

        if (!old && s->map.n < NONCE_STRIPE_MAX)
            return;
        if (!old && n->first_ms > s->floor_ms)
            s->floor_ms = n->first_ms;
        map_remove(&s->map, &n->node);
        s->first = (s->first + 1) % NONCE_STRIPE_MAX;
    }
    s->first = 0;
}

static struct nonce *begin(struct nonce_stripe *s, uint64_t mac, uint64_t now_ms)
{
    struct nonce *n;

    make_room(s, now_ms);
    n = &s->ring[(s->first + s->map.n) % NONCE_STRIPE_MAX];
    *n = (struct nonce){.first_ms = now_ms};
    map_insert(&s->map, &n->node, mac);
    return n;
}

static bool is_forgotten(const struct nonce_stripe *s, uint64_t made_ms, uint64_t now_ms)
{
    return auth_nonce_is_stale(made_ms, now_ms, now_ms > s->floor_ms ? now_ms - s->floor_ms - 1 : 0);
}

/* With the stripe held. */
static enum err use(struct nonce_stripe *s, const struct auth_nonce *what, uint32_t nc, uint64_t now_ms)
{
    struct map_node *node = map_find(&s->map, what->mac);
    struct nonce    *n = MAP_OF(node, struct nonce, node);

    if (!n && is_forgotten(s, what->made_ms, now_ms))
        return ERR_STALE;
    if (!n)
        n = begin(s, what->mac, now_ms);
    return auth_nc_use(&n->window, nc) == ERR_OK ? ERR_OK : ERR_STALE;
}

enum err nonces_use(struct account *a, struct slice nonce, uint32_t nc, uint64_t now_ms)
{
    struct auth_nonce    what;
    struct nonce_stripe *s;
    enum err             e = auth_nonce_read(&a->key, nonce, &what);

    if (e)
        return e;
    if (auth_nonce_is_stale(what.made_ms, now_ms, ACCOUNT_NONCE_MS))
        return ERR_STALE;
    s = &a->stripe[what.mac >> 58 & (NONCE_STRIPES - 1)];
    spin_lock(&s->lock);
    e = use(s, &what, nc ? nc : 1, now_ms);
    spin_unlock(&s->lock);
    return e;
}
