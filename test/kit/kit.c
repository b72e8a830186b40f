/* kit.c - the world of a flow test: begin, end, failure, kill and restart. See kit.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "kit/kit_priv.h"
#include "sys/folder_test.h"

enum { RECORD_OCTETS = 1 << 20 };

enum { TICK_US = 1000000 };

static void on_seen(void *ctx, const struct fake_seen *s)
{
    struct kit  *k = ctx;
    struct seen *e;

    if (s->fate != FAKE_SENT || !(e = ARENA_NEW(&k->arena, struct seen)))
        return;
    *e = (struct seen){s->at_us, s->from, s->to, SLICE_NONE, NULL};
    arena_dup(&k->arena, s->octets, &e->octets);
    *k->last_seen = e;
    k->last_seen = &e->next;
}

static void print_seen(const struct seen *s)
{
    char         a[ADDR_MAX_TEXT], b[ADDR_MAX_TEXT];
    struct buf   from = BUF_ON(a), to = BUF_ON(b);
    struct slice rest = s->octets, line;

    if (!s->octets.n || !ascii_is_alpha(s->octets.p[0]))
        return; /* sound */
    addr_put(&from, &s->from);
    addr_put(&to, &s->to);
    slice_line(&rest, &line);
    fprintf(stderr, "%9.3f  %-16.*s -> %-16.*s %.*s\n", (double)(s->at_us - FAKE_START_US) / 1e6, SARG(buf_slice(&from)),
            SARG(buf_slice(&to)), SARG(line));
}

static void remove_folder(const char *path)
{
    if (folder_remove(path))
        fprintf(stderr, "%s is left behind\n", path);
}

void kit_show(struct kit *k)
{
    for (const struct seen *s = k->first_seen; s; s = s->next)
        print_seen(s);
    kit_print_ladders(k);
}

void kit_set_place(struct kit *k, const char *where)
{
    snprintf(k->place, sizeof k->place, "%s: ", where);
}

void kit_fail(struct kit *k, const char *why, const char *detail)
{
    fprintf(stderr, "\n--- all messages, until: %s%s %s\n", k->place, why, detail);
    kit_show(k);
    remove_folder(k->options.data);
    fail_msg("%s%s %s", k->place, why, detail);
    abort(); /* it has gone back to cmocka: but its header does not say so */
}

static void open_exchange(struct kit *k)
{
    struct slice           own[] = {S(KIT_EXCHANGE), S(KIT_DOMAIN)};
    struct exchange_config c = {.mem = &k->heap.mem,
                                .options = &k->options,
                                .keeps_memory = k->o.keeps_memory,
                                .net = k->net,
                                .n_workers = k->o.workers,
                                .store_mode = k->o.pumped ? STORE_PUMPED : STORE_DIRECT,
                                .seed = k->o.seed,
                                .log = k->o.log,
                                .record_octets = k->o.story ? RECORD_OCTETS : 0,
                                .own_hosts = own,
                                .n_own_hosts = 2};
    struct exchange_fault  fault = {""};

    if (exchange_open(&k->x, &c, &fault))
        kit_fail(k, "the exchange does not open:", fault.text);
    k->up = true;
}

static void make_options(struct kit *k)
{
    struct transport_listen *l = k->options.listen;

    /* In memory where that can be: hundreds of worlds are begun, each with a database. */
    snprintf(k->options.data, sizeof k->options.data, "%s/strowger-kit-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    if (!mkdtemp(k->options.data))
        kit_fail(k, "no data folder:", k->options.data);
    snprintf(k->options.realm, sizeof k->options.realm, "strowger");
    k->options.open_house = !k->o.digest;
    k->options.may_relay = k->o.may_relay;
    k->options.digest = k->o.offer;
    k->options.session_s = k->o.session_s;
    k->options.session_min_s = k->o.session_min_s ? k->o.session_min_s : 90;
    k->options.register_min_s = k->o.register_min_s;
    k->options.register_max_s = k->o.register_max_s;
    snprintf(k->options.domain[0], sizeof k->options.domain[0], KIT_DOMAIN);
    k->options.n_domains = !k->o.no_domain;
    plan_codes_default(&k->options.codes);
    addr_parse(S(KIT_EXCHANGE ":5060"), &l[0].local);
    l[0].kind = TRANSPORT_UDP;
    l[1] = l[0];
    l[1].kind = TRANSPORT_TCP;
    k->options.n_listen = 2;
    if (k->o.tls) {
        l[2] = (struct transport_listen){.kind = TRANSPORT_TLS, .local = l[0].local};
        l[2].local.port = 5061;
        k->options.n_listen++;
    }
    voice_numbers_default(&k->options.numbers);
    k->options.recall_s = VOICE_RECALL_S;
    k->options.transfer = k->o.transfer;
}

/* Whoever sends, and whatever: the next worker. */
static unsigned next_worker(void *ctx, const struct addr *from, const struct addr *to, struct slice octets, unsigned n)
{
    struct kit *k = ctx;

    (void)from;
    (void)to;
    (void)octets;
    return k->spread++ % n;
}

struct kit *kit_begin(const struct kit_options *o)
{
    struct kit        *k = calloc(1, sizeof *k);
    struct fake_config fc;

    assert_non_null(k);
    if (o)
        k->o = *o;
    k->o.seed = k->o.seed ? k->o.seed : 1;
    k->o.workers = k->o.workers ? k->o.workers : 1;
    heap_mem(&k->plain);
    heap_failing_init(&k->failing, &k->plain, 0);
    heap_counted_init(&k->heap, &k->failing.mem, 0);
    arena_init(&k->arena, &k->plain, 65536, 0);
    k->last_seen = &k->first_seen;
    fc = (struct fake_config){.mem = &k->plain, .seed = k->o.seed};
    assert_int_equal(fake_open(&fc, &k->world), ERR_OK);
    fake_observe(k->world, on_seen, k);
    assert_int_equal(fake_add_node(k->world, KIT_EXCHANGE, k->o.workers, &k->node), ERR_OK);
    for (unsigned i = 0; i < k->o.workers; i++)
        k->net[i] = fake_net(k->node, i);
    if (k->o.spread)
        fake_set_chooser(k->world, next_worker, k);
    make_options(k);
    open_exchange(k);
    k->tick_us = fake_now_us(k->world) + TICK_US;
    if (k->o.link.delay_us || k->o.link.loss_ppm || k->o.link.duplicate_ppm || k->o.link.reorder_ppm)
        fake_set_link(k->world, &k->o.link);
    return k;
}

static bool never(void *ctx)
{
    (void)ctx;
    return false;
}

void kit_run(struct kit *k, uint64_t us, bool (*done)(void *ctx), void *ctx)
{
    while (!done(ctx) && fake_now_us(k->world) < us) {
        if (k->tick_us > us) {
            fake_run_until_done(k->world, us, done, ctx);
            return;
        }
        if (fake_run_until_done(k->world, k->tick_us, done, ctx))
            return;
        k->tick_us += TICK_US;
        if (k->up)
            core_tick(k->x.core, (int64_t)(net_wall_us(k->net[0]) / 1000));
    }
}

void kit_wait_ms(struct kit *k, uint64_t ms)
{
    kit_run(k, fake_now_us(k->world) + ms * 1000, never, NULL);
}

struct exchange *kit_exchange(struct kit *k)
{
    return &k->x;
}

struct fake *kit_world(struct kit *k)
{
    return k->world;
}

void kit_set_slow(struct kit *k, fake_cost_us *cost, void *ctx, unsigned room)
{
    fake_set_slow(k->node, cost, ctx, room);
}

void kit_kill(struct kit *k)
{
    fake_down(k->node);
    exchange_close(&k->x); /* its memory; nothing it does now reaches anybody */
    k->up = false;
}

void kit_restart(struct kit *k)
{
    fake_up(k->node);
    open_exchange(k);
}

void kit_add_user(struct kit *k, const char *number)
{
    struct directory_pair  pair = {S("password"), S(KIT_PASSWORD)};
    struct directory_act   act = {.number = slice_z(number), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault = {""};

    if (directory_add(k->x.directory, &act, NULL, &fault))
        kit_fail(k, "user cannot be added:", fault.text);
}

void kit_set_user(struct kit *k, const char *number, const char *key, const char *value)
{
    struct directory_pair  pair = {slice_z(key), slice_z(value)};
    struct directory_act   act = {.number = slice_z(number), .pairs = &pair, .n_pairs = 1, .who = S("test")};
    struct directory_fault fault = {""};

    if (directory_set(k->x.directory, &act, &fault))
        kit_fail(k, "user cannot be changed:", fault.text);
}

void kit_pump(struct kit *k)
{
    store_pump(k->x.store, 0, true);
    kit_wait_ms(k, 10);
}

void kit_fail_allocation(struct kit *k, uint64_t nth)
{
    atomic_store(&k->failing.failed, false);
    atomic_store(&k->failing.left, nth);
}

bool kit_allocation_failed(struct kit *k)
{
    return atomic_load(&k->failing.failed);
}

struct kit_cost kit_cost(struct kit *k)
{
    return (struct kit_cost){k->heap.octets, k->heap.taken};
}

static void check_inboxes(struct kit *k)
{
    for (size_t i = 0; i < k->n_peers; i++)
        for (struct list_node *n = list_first(&k->peer[i]->inbox); n; n = list_next(&k->peer[i]->inbox, n)) {
            struct got *g = LIST_OF(n, struct got, node);
            char        text[4 * KIT_TEXT];

            if (g->taken || g->m->status == 100 || (k->peer[i]->reliable && g->m->status / 100 == 1))
                continue; /* on a bad wire nobody can wait for a 1xx, and it may come late */
            snprintf(text, sizeof text, "%s: %.*s", k->peer[i]->number, SARG(g->m->start));
            kit_fail(k, "not expected by", text);
        }
}

static void check_leftovers(struct kit *k)
{
    struct stack_counts n;
    char                text[4 * KIT_TEXT];

    stack_counts(k->x.stack, &n);
    snprintf(text, sizeof text, "%zu requests, %llu server and %llu client transactions, %llu octets", core_pending(k->x.core),
             (unsigned long long)n.server_tsx, (unsigned long long)n.client_tsx, (unsigned long long)n.octets);
    if (core_pending(k->x.core) || n.server_tsx || n.client_tsx)
        kit_fail(k, "left over in the exchange:", text);
}

void kit_end(struct kit *k)
{
    kit_wait_ms(k, 3 * KIT_WAIT_MS);
    check_inboxes(k);
    if (k->up)
        check_leftovers(k);
    for (size_t i = 0; i < k->n_peers; i++)
        peer_close_link(k->peer[i]);
    for (size_t i = 0; i < k->n_edges; i++)
        edge_close(k->edge[i]);
    if (k->up)
        exchange_close(&k->x);
    fake_close(k->world);
    assert_int_equal(k->heap.octets, 0);
    remove_folder(k->options.data);
    arena_close(&k->arena);
    free(k);
}
