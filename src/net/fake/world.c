/* world.c - the world and its nodes.
 *
 * Room      net/fake.
 * Touches   the tables of nodes and addresses; hands the rest of a node's life to the files of its parts. */
#include <stdio.h>
#include <stdlib.h>

#include "net/fake/fake_priv.h"

#define WALL_US 1735689600000000u /* 2025-01-01 00:00:00 UTC */

void *fake_alloc(struct fake *w, size_t n)
{
    void *p = mem_zalloc(w->mem, n);

    if (!p) {
        fputs("strowger: no memory for the world in virtual time\n", stderr);
        abort();
    }
    return p;
}

void fake_free(struct fake *w, void *p, size_t n)
{
    mem_free(w->mem, p, n);
}

enum err fake_open(const struct fake_config *config, struct fake **out)
{
    struct fake *w = mem_zalloc(config->mem, sizeof *w);

    if (!w)
        return ERR_NOMEM;
    w->mem = config->mem;
    if (map_init(&w->homes, w->mem, 64) || map_init(&w->names, w->mem, 64)) {
        map_close(&w->homes);
        mem_free(w->mem, w, sizeof *w);
        return ERR_NOMEM;
    }
    random_seed(&w->random, config->seed);
    w->key = (struct hash_key){rng_u64(&w->random.rng), rng_u64(&w->random.rng)};
    w->now_us = FAKE_START_US;
    w->wall_us = config->wall_us ? config->wall_us : WALL_US;
    w->post_jitter_us = config->post_jitter_us;
    w->link.delay_us = 1000;
    w->names_us = 1000;
    w->names_answer = true;
    list_init(&w->nodes);
    list_init(&w->links);
    list_init(&w->cuts);
    *out = w;
    return ERR_OK;
}

static void node_close(struct fake_node *n)
{
    struct fake *w = n->w;

    for (size_t i = 0; i < n->n_homes; i++)
        map_remove(&w->homes, &n->home[i].node);
    list_remove(&n->node);
    if (n->workers)
        fake_free(w, n->workers, n->n_workers * sizeof *n->workers);
    fake_free(w, n, sizeof *n);
}

void fake_close(struct fake *w)
{
    if (!w)
        return;
    for (struct list_node *n = list_first(&w->nodes); n; n = list_next(&w->nodes, n))
        fake_down(LIST_OF(n, struct fake_node, node));
    /* What is still under way belongs to nobody: it runs out without being told to anyone. */
    w->seen = NULL;
    w->choose = NULL;
    while (fake_step(w))
        continue;
    for (struct list_node *n; (n = list_first(&w->nodes));) {
        struct fake_node *node = LIST_OF(n, struct fake_node, node);

        fake_udp_drop(node);
        fake_tcp_drop(node);
        fake_listen_drop(node);
        node_close(node);
    }
    fake_names_close(w);
    fake_wires_close(w);
    map_close(&w->homes);
    if (w->heap)
        fake_free(w, w->heap, w->cap_events * sizeof(struct event *));
    mem_free(w->mem, w, sizeof *w);
}

static uint64_t hash_of_ip(struct fake *w, const struct addr *ip)
{
    return hash_octets(&w->key, (struct slice){(const char *)ip->ip, sizeof ip->ip});
}

struct fake_node *fake_node_at(struct fake *w, const struct addr *ip)
{
    for (struct map_node *m = map_find(&w->homes, hash_of_ip(w, ip)); m; m = map_find_next(m)) {
        struct home *h = MAP_OF(m, struct home, node);

        if (addr_same_ip(&h->ip, ip))
            return h->at;
    }
    return NULL;
}

static enum err add_home(struct fake_node *n, struct slice text)
{
    struct home *h = &n->home[n->n_homes];
    enum err     e;

    if (n->n_homes == FAKE_MAX_ADDRESSES)
        return ERR_LIMIT;
    if ((e = addr_parse_ip(text, &h->ip)))
        return e;
    if (addr_is_any(&h->ip))
        return ERR_SYNTAX;
    if (fake_node_at(n->w, &h->ip))
        return ERR_EXISTS;
    h->at = n;
    map_insert(&n->w->homes, &h->node, hash_of_ip(n->w, &h->ip));
    n->n_homes++;
    return ERR_OK;
}

static struct fake_node *node_new(struct fake *w, unsigned n_workers)
{
    struct fake_node *n = fake_alloc(w, sizeof *n);

    n->w = w;
    n->up = true;
    n->next_port = 49152;
    n->n_workers = n_workers;
    n->workers = fake_alloc(w, n_workers * sizeof *n->workers);
    list_init(&n->udp);
    list_init(&n->tcp);
    list_init(&n->listeners);
    list_init(&n->questions);
    list_append(&w->nodes, &n->node);
    for (unsigned i = 0; i < n_workers; i++) {
        fake_table_fill(&n->workers[i].net);
        n->workers[i].node = n;
        list_init(&n->workers[i].waiting);
    }
    return n;
}

enum err fake_add_node(struct fake *w, const char *addresses, unsigned n_workers, struct fake_node **out)
{
    struct slice      rest = slice_z(addresses), one;
    struct fake_node *n;
    enum err          e = ERR_OK;
    bool              more = true;

    if (n_workers == 0 || n_workers > FAKE_MAX_WORKERS)
        return ERR_LIMIT;
    n = node_new(w, n_workers);
    while (more && e == ERR_OK) {
        more = slice_cut(&rest, ' ', &one);
        e = add_home(n, one);
    }
    if (e) {
        node_close(n);
        return e;
    }
    *out = n;
    return ERR_OK;
}

struct net *fake_net(struct fake_node *n, unsigned worker)
{
    return worker < n->n_workers ? &n->workers[worker].net : NULL;
}

void fake_down(struct fake_node *n)
{
    n->up = false;
    n->boot++;
    for (unsigned i = 0; i < n->n_workers; i++)
        fake_udp_forget(&n->workers[i]);
    fake_tcp_detach(n);
    fake_timers_drop(n->w, n);
    fake_names_drop(n);
}

void fake_up(struct fake_node *n)
{
    fake_udp_drop(n);
    fake_tcp_drop(n);
    fake_listen_drop(n);
    n->up = true;
}

void fake_set_slow(struct fake_node *n, fake_cost_us *cost, void *ctx, unsigned room)
{
    n->cost = cost;
    n->cost_ctx = ctx;
    n->room = room;
}

void fake_set_bars(struct fake_node *n, fake_bars *bars, void *ctx)
{
    n->bars = bars;
    n->bars_ctx = ctx;
}

void fake_wall_jump(struct fake_node *n, int64_t us)
{
    n->wall_jump_us += us;
}

static unsigned length(const struct list *l)
{
    unsigned n = 0;

    for (struct list_node *i = list_first(l); i; i = list_next(l, i))
        n++;
    return n;
}

void fake_node_counts(const struct fake_node *n, struct fake_counts *out)
{
    *out = (struct fake_counts){length(&n->udp), length(&n->tcp),       length(&n->listeners),
                                n->timers,       length(&n->questions), n->posts};
}

void fake_set_chooser(struct fake *w, fake_choose *choose, void *ctx)
{
    w->choose = choose;
    w->choose_ctx = ctx;
}

void fake_observe(struct fake *w, void (*seen)(void *ctx, const struct fake_seen *s), void *ctx)
{
    w->seen = seen;
    w->seen_ctx = ctx;
}

void fake_tell(struct fake *w, const struct fake_seen *s)
{
    struct fake_seen told = *s;

    told.at_us = w->now_us;
    if (w->seen)
        w->seen(w->seen_ctx, &told);
}
