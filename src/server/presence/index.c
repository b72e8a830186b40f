/* index.c - who watches what, across shards: (package, number) -> the shards to be told (DESIGN §6, PROTOCOL 3.4).
 *
 * Room      server/presence.
 * In        presence_changed(), from any thread; subscriptions that come and go.
 * Out       messages to shards; there on_change() looks. A shard is told once, however many changes come before it looks.
 * Owns      struct watched: it lives while somebody is counted in it or a message that names it is on its way.
 * Touches   the stripes; of a shard only what is its own, while it is held. */
#include <string.h>

#include "server/presence/presence_priv.h"

uint64_t index_hash(const struct presence *p, const struct presence_package *package, struct slice number)
{
    return hash_pair(&p->config.hash, package ? package->name : SLICE_NONE, number);
}

static struct stripe *stripe_of(struct presence *p, uint64_t hash)
{
    return &p->stripe[hash >> 56 & (STRIPES - 1)]; /* the map uses the low bits */
}

static struct watched *find(const struct stripe *st, uint64_t hash, const struct presence_package *package, struct slice number)
{
    for (struct map_node *n = map_find(&st->map, hash); n; n = map_find_next(n)) {
        struct watched *w = MAP_OF(n, struct watched, node);

        if (w->package == package && slice_eq((struct slice){w->number, w->n_number}, number))
            return w;
    }
    return NULL;
}

static struct watched *watched_new(struct presence *p, const struct presence_package *package, struct slice number)
{
    struct watched *w = mem_zalloc(p->mem, sizeof *w + number.n);

    if (!w)
        return NULL;
    w->p = p;
    w->package = package;
    w->n_number = number.n;
    if (number.n)
        memcpy(w->number, number.p, number.n);
    return w;
}

static void watched_free(struct presence *p, struct watched *w)
{
    mem_free(p->mem, w, sizeof *w + w->n_number);
}

/* Nobody is counted in it and no message names it: out of its stripe, which is locked. True: it is to be freed. */
static bool unlink_unused(struct stripe *st, struct watched *w)
{
    if (w->total > 0 || w->posted)
        return false;
    map_remove(&st->map, &w->node);
    return true;
}

/* How many watch anything of that package. */
static atomic_size_t *watchers_of(struct presence *p, const struct presence_package *package)
{
    return &p->n_watched[package - p->package];
}

enum err index_add(struct presence *p, const struct presence_package *package, struct slice number, unsigned shard, uint32_t max)
{
    uint64_t        hash = index_hash(p, package, number);
    struct stripe  *st = stripe_of(p, hash);
    struct watched *fresh = watched_new(p, package, number), *w;
    enum err        e = ERR_OK;

    if (!fresh)
        return ERR_NOMEM;
    spin_lock(&st->lock);
    if (!(w = find(st, hash, package, number))) {
        w = fresh;
        fresh = NULL;
        map_insert(&st->map, &w->node, hash);
    }
    if (max && w->total >= max)
        e = ERR_FULL;
    else {
        w->n[shard]++;
        w->total++;
    }
    spin_unlock(&st->lock);
    if (fresh)
        watched_free(p, fresh);
    if (!e && package)
        atomic_fetch_add(watchers_of(p, package), 1);
    return e;
}

void index_remove(struct presence *p, const struct presence_package *package, struct slice number, unsigned shard)
{
    uint64_t        hash = index_hash(p, package, number);
    struct stripe  *st = stripe_of(p, hash);
    struct watched *w;
    bool            gone = false;

    spin_lock(&st->lock);
    w = find(st, hash, package, number);
    if (w && w->n[shard] > 0) {
        w->n[shard]--;
        w->total--;
        gone = unlink_unused(st, w);
    }
    spin_unlock(&st->lock);
    if (gone)
        watched_free(p, w);
    if (package)
        atomic_fetch_sub(watchers_of(p, package), 1);
}

void index_close(struct presence *p)
{
    for (size_t i = 0; i < STRIPES; i++) {
        struct map_cursor c = {0};

        if (!p->stripe[i].map.buckets)
            continue;
        for (struct map_node *n; (n = map_walk(&p->stripe[i].map, &c));)
            watched_free(p, MAP_OF(n, struct watched, node));
        map_close(&p->stripe[i].map);
    }
}

/* ---- changes ---- */

/* In a shard that has been told: all of its subscriptions to that number look. */
static void look_all(struct presence_shard *ps, const struct presence_package *package, struct slice number)
{
    uint64_t hash = index_hash(ps->p, package, number);

    for (struct map_node *n = map_find(&ps->by_number, hash); n; n = map_find_next(n)) {
        const struct watch *w = MAP_OF(n, struct watch, by_number);

        if (w->sub->package == package && slice_eq(w->number, number))
            watchers_look(ps, w->sub);
    }
}

/* The bit goes before the look: a change that comes in between is told anew. While this shard is counted the watched stays. */
static void on_change(void *arg, struct shard *sh)
{
    struct watched        *w = arg;
    struct presence       *p = w->p;
    struct stripe         *st = stripe_of(p, w->node.hash);
    struct presence_shard *ps = watchers_enter(p, sh);
    bool                   ours, gone;

    spin_lock(&st->lock);
    w->posted &= ~(UINT64_C(1) << shard_index(sh));
    ours = w->n[shard_index(sh)] > 0;
    gone = unlink_unused(st, w);
    spin_unlock(&st->lock);
    if (gone)
        watched_free(p, w);
    else if (ours)
        look_all(ps, w->package, (struct slice){w->number, w->n_number});
}

/* The shards that have it and have not been told yet; their bits are set now. */
static uint64_t to_tell(struct presence *p, const struct presence_package *package, struct slice number, struct watched **out)
{
    uint64_t       hash = index_hash(p, package, number), mask = 0;
    struct stripe *st = stripe_of(p, hash);

    spin_lock(&st->lock);
    if ((*out = find(st, hash, package, number))) {
        for (unsigned i = 0; i < STACK_SHARDS; i++)
            if ((*out)->n[i] > 0)
                mask |= UINT64_C(1) << i;
        mask &= ~(*out)->posted;
        (*out)->posted |= mask;
    }
    spin_unlock(&st->lock);
    return mask;
}

/* No memory for the message: the tick has all shards look (presence_tick). */
static void not_told(struct presence *p, struct watched *w, unsigned shard)
{
    struct stripe *st = stripe_of(p, w->node.hash);
    bool           gone;

    atomic_store(&p->missed, 1);
    spin_lock(&st->lock);
    w->posted &= ~(UINT64_C(1) << shard);
    gone = unlink_unused(st, w);
    spin_unlock(&st->lock);
    if (gone)
        watched_free(p, w);
}

static void changed(struct presence *p, const struct presence_package *package, struct slice number)
{
    struct watched *w;
    uint64_t        mask;

    if (atomic_load_explicit(watchers_of(p, package), memory_order_acquire) == 0)
        return;
    mask = to_tell(p, package, number, &w);
    for (unsigned i = 0; i < STACK_SHARDS && mask; i++, mask >>= 1)
        if ((mask & 1) && stack_post(p->stack, i, on_change, w))
            not_told(p, w, i);
}

bool presence_has_watchers(const struct presence *p)
{
    return atomic_load_explicit(&p->n_subs, memory_order_acquire) > 0;
}

void presence_changed(struct presence *p, struct slice package, struct slice number)
{
    const struct presence_package *pk = package_find(p, package);

    if (pk)
        changed(p, pk, number);
}

void presence_user_changed(struct presence *p, struct slice number)
{
    char       room[PRESENCE_MAX_NUMBER + 8];
    struct buf list = BUF_ON(room);

    if (!number.n) {
        index_post_all(p);
        return;
    }
    rlmi_put_name(&list, number);
    for (size_t i = 0; i < p->n_packages; i++) {
        changed(p, &p->package[i], number);
        changed(p, &p->package[i], buf_slice(&list));
        changed(p, &p->package[i], S("blf-all"));
    }
}

static void look_at_everything(void *arg, struct shard *sh)
{
    struct presence_shard *ps = watchers_enter(arg, sh);

    for (struct list_node *n = list_first(&ps->subs); n; n = list_next(&ps->subs, n))
        watchers_look(ps, LIST_OF(n, struct sub, node));
}

void index_post_all(struct presence *p)
{
    if (!presence_has_watchers(p))
        return;
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        if (stack_post(p->stack, i, look_at_everything, p))
            atomic_store(&p->missed, 1);
}
