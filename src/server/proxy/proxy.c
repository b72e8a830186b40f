/* proxy.c - the proxy as an object, and its requests in progress.
 *
 * Room      server/proxy.
 * In        server/core opens and closes it.
 * Touches   the shard's table of forks (struct proxy_shard): only its holder does.
 * Not here  forking (fork.c), answers (answer.c), in-dialog requests (within.c), the cookie (cookie.c). */
#include "server/proxy/proxy_priv.h"

#include <string.h>

#include "base/ahead.h"

enum { FORK_BUCKETS = 16 }; /* of a shard's table, at first: two cache lines */

enum err proxy_open(const struct proxy_config *config, struct proxy **out)
{
    struct proxy *px = mem_zalloc(config->mem, sizeof *px);

    if (!px)
        return ERR_NOMEM;
    px->mem = config->mem;
    px->hash = config->hash;
    px->directory = config->directory;
    px->location = config->location;
    px->dialogs = config->dialogs;
    px->may_relay = config->may_relay;
    px->session_s = config->session_s;
    px->session_min_s = config->session_min_s;
    px->legs = config->legs;
    px->trunks = config->trunks;
    px->started_s = config->now_s;
    list_init(&px->errands);
    cookie_key(config->digester, config->key, &px->cookie_key);
    for (unsigned i = 0; i < STACK_SHARDS; i++) {
        list_init(&px->shard[i].forks);
        list_init(&px->shard[i].answered);
        list_init(&px->shard[i].late);
        list_init(&px->shard[i].strays);
        list_init(&px->shard[i].carried);
        if (map_init(&px->shard[i].by_server, config->mem, FORK_BUCKETS)) {
            proxy_close(px);
            return ERR_NOMEM;
        }
    }
    *out = px;
    return ERR_OK;
}

void proxy_close(struct proxy *px)
{
    if (!px)
        return;
    for (unsigned i = 0; i < STACK_SHARDS; i++)
        map_close(&px->shard[i].by_server);
    bring_close(px);
    mem_free(px->mem, px, sizeof *px);
}

void proxy_shard_close(struct proxy *px, struct shard *sh)
{
    struct proxy_shard *ps = &px->shard[shard_index(sh)];

    for (struct list_node *n; (n = list_first(&ps->forks)) || (n = list_first(&ps->answered));)
        fork_free(LIST_OF(n, struct fork, node));
    late_close(px, sh);
    stray_close(px, sh);
    carried_close(px, sh);
}

struct dialogs *proxy_dialogs(struct proxy *px)
{
    return px->dialogs;
}

struct location *proxy_location(struct proxy *px)
{
    return px->location;
}

struct directory *proxy_directory(struct proxy *px)
{
    return px->directory;
}

size_t proxy_pending(const struct proxy *px)
{
    size_t n = 0;

    for (unsigned i = 0; i < STACK_SHARDS; i++)
        n += atomic_load_explicit(&px->shard[i].n_pending, memory_order_relaxed);
    return n;
}

static uint64_t server_hash(struct tsx_id t)
{
    return ((uint64_t)t.gen << 32 | t.slot) * 0x9e3779b97f4a7c15u;
}

/* Only the shard's holder writes it: a plain load and store do. */
void proxy_count(struct proxy_shard *ps, size_t by)
{
    atomic_store_explicit(&ps->n_pending, atomic_load_explicit(&ps->n_pending, memory_order_relaxed) + by, memory_order_relaxed);
}

static void give_back(struct fork *f)
{
    arena_close(&f->arena);
    mem_free(shard_mem(f->sh), f, FORK_OCTETS);
}

struct fork *fork_new(struct proxy *px, struct shard *sh, const struct stack_in *in)
{
    struct proxy_shard *ps = &px->shard[shard_index(sh)];
    struct fork        *f = mem_alloc(shard_mem(sh), FORK_OCTETS);

    if (!f)
        return NULL;
    memset(f, 0, sizeof *f);
    arena_init_in(&f->arena, f + 1, FORK_OCTETS - sizeof *f, shard_mem(sh), FORK_BLOCK_OCTETS, FORK_MAX_OCTETS);
    f->px = px;
    f->sh = sh;
    f->server = in->tsx;
    f->upstream = in->from;
    f->method = in->m->method_id;
    if (arena_dup(&f->arena, msg_call_id(in->m), &f->call_id) ||
        arena_dup(&f->arena, msg_from_tag(in->m), &f->caller_tag)) {
        give_back(f);
        return NULL;
    }
    map_insert(&ps->by_server, &f->by_server, server_hash(f->server));
    list_append(&ps->forks, &f->node);
    proxy_count(ps, 1);
    return f;
}

void proxy_expect(const struct proxy *px, uint64_t call_hash, bool again)
{
    const struct proxy_shard *ps = &px->shard[call_hash % STACK_SHARDS];

    if (again)
        ahead_fetch(ps->by_server.buckets, FORK_BUCKETS * sizeof(struct map_node *));
    else
        ahead_fetch(ps, sizeof *ps);
}

struct fork *fork_find(struct proxy *px, struct shard *sh, struct tsx_id server)
{
    struct proxy_shard *ps = &px->shard[shard_index(sh)];

    for (struct map_node *n = map_find(&ps->by_server, server_hash(server)); n; n = map_find_next(n)) {
        struct fork *f = MAP_OF(n, struct fork, by_server);

        if (tsx_eq(f->server, server))
            return f;
    }
    return NULL;
}

static struct slice find_text(const struct kept_text *k, enum fork_text which)
{
    while (k && k->which != which)
        k = k->next;
    return k ? k->text : SLICE_NONE;
}

static enum err keep_text(struct arena *a, const struct kept_text **first, enum fork_text which, struct slice text)
{
    struct kept_text *k;

    if (!text.n && !find_text(*first, which).n)
        return ERR_OK;
    if (!(k = ARENA_NEW(a, struct kept_text)) || arena_dup(a, text, &k->text))
        return ERR_NOMEM;
    k->which = which;
    k->next = *first;
    *first = k;
    return ERR_OK;
}

struct slice fork_text(const struct fork *f, enum fork_text which)
{
    return find_text(f->texts, which);
}

enum err fork_keep(struct fork *f, enum fork_text which, struct slice text)
{
    return keep_text(&f->arena, &f->texts, which, text);
}

struct slice branch_text(const struct branch *b, enum fork_text which)
{
    return find_text(b->texts, which);
}

enum err branch_keep(struct branch *b, enum fork_text which, struct slice text)
{
    return keep_text(&b->fork->arena, &b->texts, which, text);
}

/* The list of branches grows from one to PROXY_MAX_BRANCHES: few requests have more than one. */
static enum err grow(struct fork *f)
{
    uint8_t         cap = f->branches_cap ? PROXY_MAX_BRANCHES : 1;
    struct branch **list = arena_alloc(&f->arena, cap * sizeof(struct branch *));

    if (!list)
        return ERR_NOMEM;
    if (f->n_branches)
        memcpy(list, f->branch, f->n_branches * sizeof *list);
    f->branch = list;
    f->branches_cap = cap;
    return ERR_OK;
}

enum err fork_add_branch(struct fork *f, struct branch **out)
{
    struct branch *b;

    if (f->n_branches == PROXY_MAX_BRANCHES)
        return ERR_FULL;
    if ((f->n_branches == f->branches_cap && grow(f)) || !(b = ARENA_NEW(&f->arena, struct branch)))
        return ERR_NOMEM;
    b->fork = f;
    f->branch[f->n_branches++] = b;
    *out = b;
    return ERR_OK;
}

void fork_free(struct fork *f)
{
    struct proxy_shard *ps = &f->px->shard[shard_index(f->sh)];

    shard_timer_stop(f->sh, &f->group_timer);
    shard_timer_stop(f->sh, &f->ring_timer);
    for (size_t i = 0; i < f->n_branches; i++)
        branch_stop_timer(f->branch[i]);
    if (f->watch.dropped)
        f->watch.dropped(f->watch.arg);
    proxy_count(ps, (size_t)-1);
    map_remove(&ps->by_server, &f->by_server);
    list_remove(&f->node);
    give_back(f);
}

enum err proxy_scratch(struct shard *sh, size_t octets, struct buf *out)
{
    void *p = arena_alloc(shard_scratch(sh), octets);

    if (!p)
        return ERR_NOMEM;
    buf_init(out, p, octets);
    return ERR_OK;
}

void proxy_say(struct shard *sh, struct slice call_id, struct slice text)
{
    shard_say(sh, S("exchange"), call_id, text);
}

void proxy_name_trunk(struct shard *sh, struct slice call_id, bool goes_out, struct slice trunk)
{
    shard_say(sh, goes_out ? S("trunk.to") : S("trunk.from"), call_id, trunk);
}

uint64_t proxy_wall_ms(struct shard *sh)
{
    return net_wall_us(shard_net(sh)) / 1000;
}

bool proxy_flow_of(struct slice octets, struct flow *out)
{
    if (octets.n != sizeof *out)
        return false;
    memcpy(out, octets.p, sizeof *out);
    return !flow_is_none(out);
}

struct slice proxy_flow_octets(const struct flow *f)
{
    return (struct slice){(const char *)f, sizeof *f};
}
