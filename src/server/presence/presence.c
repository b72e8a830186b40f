/* presence.c - the room opened and closed; its shards; what happens once a second.
 *
 * Room      server/presence.
 * Touches   struct presence. A shard's part is touched only by who holds the shard; before the first worker runs, by
 *           presence_attach(). */
#include "server/presence/presence_priv.h"

enum { FIRST_BUCKETS = 16 };

int64_t wall_ms(struct shard *sh)
{
    return (int64_t)(net_wall_us(shard_net(sh)) / 1000);
}

/* ---- open and close ---- */

static enum err open_maps(struct presence *p)
{
    for (size_t i = 0; i < STRIPES; i++)
        if (map_init(&p->stripe[i].map, p->mem, FIRST_BUCKETS) || map_init(&p->published[i].map, p->mem, FIRST_BUCKETS))
            return ERR_NOMEM;
    for (size_t i = 0; i < STACK_SHARDS; i++) {
        struct presence_shard *ps = &p->shard[i];

        ps->p = p;
        list_init(&ps->subs);
        list_init(&ps->waiting);
        list_init(&ps->due);
        arena_init(&ps->scratch, p->mem, SCRATCH_BLOCK_OCTETS, SCRATCH_OCTETS);
        if (map_init(&ps->by_dialog, p->mem, FIRST_BUCKETS) || map_init(&ps->by_number, p->mem, FIRST_BUCKETS))
            return ERR_NOMEM;
    }
    return ERR_OK;
}

static enum err add_packages(struct presence *p)
{
    enum err e;

    if ((e = add_dialog_info(p)) || (e = add_summary(p)) || (e = add_pidf(p)) ||
        (e = add_feature(p)))
        return e;
    return add_reginfo(p, proxy_location(p->config.proxy));
}

enum err presence_open(const struct presence_config *config, struct presence **out)
{
    struct presence *p = mem_zalloc(config->mem, sizeof *p);
    enum err         e;

    if (!p)
        return ERR_NOMEM;
    p->config = *config;
    p->mem = config->mem;
    if ((e = open_maps(p)) || (e = mapped_open(&p->file, p->mem, config->path)) ||
        (e = add_packages(p)) || (e = published_open(p))) {
        presence_close(p);
        return e;
    }
    *out = p;
    return ERR_OK;
}

static void free_subs(struct list *l)
{
    struct list_node *n;

    while ((n = list_first(l)))
        sub_free(LIST_OF(n, struct sub, node));
}

static void close_shard(struct presence_shard *ps)
{
    if (!ps->p)
        return;
    free_subs(&ps->waiting);
    free_subs(&ps->subs);
    arena_close(&ps->scratch);
    if (ps->by_dialog.buckets)
        map_close(&ps->by_dialog);
    if (ps->by_number.buckets)
        map_close(&ps->by_number);
}

void presence_close(struct presence *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < STACK_SHARDS; i++)
        close_shard(&p->shard[i]);
    index_close(p);
    published_close(p);
    mapped_close(&p->file);
    mem_free(p->mem, p, sizeof *p);
}

/* The subscriptions stay in the file: nobody is told that we are going. */
void presence_shard_close(struct presence *p, struct shard *sh)
{
    struct presence_shard *ps = &p->shard[shard_index(sh)];

    shard_timer_stop(sh, &ps->drain);
    free_subs(&ps->subs);
}

enum err presence_attach(struct presence *p, struct stack *st)
{
    p->stack = st;
    return restore_all(p);
}

enum err presence_add_package(struct presence *p, const struct presence_package *package)
{
    if (package_find(p, package->name))
        return ERR_EXISTS;
    if (p->n_packages == PRESENCE_MAX_PACKAGES)
        return ERR_FULL;
    p->package[p->n_packages++] = *package;
    return ERR_OK;
}

const struct presence_package *package_find(const struct presence *p, struct slice name)
{
    for (size_t i = 0; i < p->n_packages; i++)
        if (slice_ieq(p->package[i].name, name))
            return &p->package[i];
    return NULL;
}

/* ---- shards ---- */

/* RFC 6665 says nothing of restarts: the subscriber is to see no difference, but may have missed something, so that each
 * gets its state in full, a little apart from the others. */
static void wake(struct presence_shard *ps)
{
    struct list_node *n;
    int64_t           now = wall_ms(ps->sh);

    while ((n = list_pop(&ps->waiting))) {
        struct sub *s = LIST_OF(n, struct sub, node);

        s->sh = ps->sh;
        sub_link(ps, s);
        if (s->expires_ms <= now) {
            sub_drop(s);
            continue;
        }
        shard_timer_start(ps->sh, &s->expiry, (uint64_t)(s->expires_ms - now));
        s->dirty = s->forced = true;
        shard_timer_start(ps->sh, &s->later, rng_below(ps->p->config.rng, WAKE_SPREAD_MS));
    }
}

struct presence_shard *watchers_enter(struct presence *p, struct shard *sh)
{
    struct presence_shard *ps = &p->shard[shard_index(sh)];

    ps->sh = sh;
    if (!list_empty(&ps->waiting))
        wake(ps);
    return ps;
}

static void on_drain(void *arg)
{
    struct presence_shard *ps = arg;
    struct list_node      *n;

    for (int i = 0; i < BATCH && (n = list_pop(&ps->due)); i++)
        notify_look(LIST_OF(n, struct sub, due));
    if (!list_empty(&ps->due))
        shard_timer_start(ps->sh, &ps->drain, 1);
}

void watchers_look(struct presence_shard *ps, struct sub *s)
{
    s->dirty = true;
    if (list_linked(&s->due))
        return;
    list_append(&ps->due, &s->due);
    if (wheel_running(&ps->drain))
        return;
    ps->drain.fire = on_drain;
    ps->drain.arg = ps;
    shard_timer_start(ps->sh, &ps->drain, 0);
}

static void enter_only(void *arg, struct shard *sh)
{
    watchers_enter(arg, sh);
}

/* The first worker runs: what was found in the file goes on. */
static void wake_all(struct presence *p)
{
    p->woken = true;
    for (unsigned i = 0; i < STACK_SHARDS && atomic_load(&p->restored) > 0; i++)
        if (stack_post(p->stack, i, enter_only, p))
            p->woken = false; /* at the next tick again */
}

void presence_tick(struct presence *p, int64_t now_ms)
{
    published_sweep(p, now_ms);
    if (!p->woken)
        wake_all(p);
    if (atomic_exchange(&p->missed, 0))
        index_post_all(p);
}

/* ---- for people ---- */

enum err presence_each(struct presence *p, bool (*each)(void *arg, const struct presence_subscription *s), void *arg)
{
    uint32_t n = mapped_count(&p->file);
    bool     on = true;

    for (uint32_t i = 1; i <= n && on; i++) {
        struct presence_subscription out;
        struct slot                  copy;
        struct kept                  k;

        if (mapped_copy(&p->file, i, &copy))
            continue;
        kept_read(&copy, &k);
        out = (struct presence_subscription){.package = k.text[TEXT_PACKAGE], .number = k.text[TEXT_NUMBER],
                                             .subscriber = k.text[TEXT_SUBSCRIBER], .call_id = k.text[TEXT_CALL_ID],
                                             .target = k.text[TEXT_TARGET], .made_ms = k.made_ms,
                                             .expires_ms = k.expires_ms, .version = k.version};
        on = each(arg, &out);
    }
    return ERR_OK;
}

void presence_counters(struct presence *p, struct presence_counters *out)
{
    *out = (struct presence_counters){.subscriptions = atomic_load(&p->n_subs), .notifies = p->notifies, .failed = p->failed,
                                      .restored = p->restored, .damaged = p->file.damaged};
}

size_t presence_pending(const struct presence *p)
{
    return atomic_load(&p->pending);
}
