/* resolve.c - where to send a request: RFC 3263 §4, from URI to hops.
 *
 *   numeric host -----------------------------------------------------------> hops
 *   port given ----------------------------------------------> A, AAAA -----> hops
 *   transport named -----------------> SRV of it ------------> A, AAAA
 *   neither --> NAPTR --> SRV of what it offers; without NAPTR SRV of all that we have; without SRV A, AAAA of the host
 *
 * Room      sip/transport.
 * In        transport_resolve(); answers of net_resolve().
 * Out       done(), once.
 * Touches   its lookup, which one arena holds; the memory of failed hops.
 * Not here  the order of records (order.c).
 *
 * All queries of a stage run at once; when the last answer is there the next stage begins. Each query has its place, so
 * that the order of answers does not matter. */
#include "sip/transport/transport_priv.h"

#include <string.h>

enum { SERVICES = 4, ARENA_BLOCK_OCTETS = 4096, ARENA_LIMIT_OCTETS = 256 * 1024, NAME_OCTETS = 300 };

struct target {
    enum transport_kind kind;
    struct slice        name;
    uint16_t            port;
    struct addr        *ip6, *ip4;
    size_t              n_ip6, n_ip4;
};

struct service_srv {
    struct service service;
    struct srv    *srv;
    size_t         n;
};

enum stage { STAGE_NAPTR, STAGE_SRV, STAGE_ADDRESS };

struct lookup {
    struct list_node    node;
    struct transport   *tp;
    struct arena        arena;
    struct query       *queries; /* of all stages, newest first */
    transport_resolved *done;
    void               *arg;

    enum stage          stage;
    unsigned            outstanding;
    enum err            why;       /* the worst that an answer said: nothing may be hidden behind "not found" */
    bool                supported[TRANSPORT_KINDS];
    bool                sips, named, large;
    enum transport_kind kind;      /* the named one, else what is used without SRV */
    struct slice        host;
    struct addr         numeric;   /* the host, when it is one */
    uint16_t            port;
    struct service_srv  service[SERVICES];
    size_t              n_services;
    struct target       target[TRANSPORT_MAX_HOPS];
    size_t              n_targets;
};

struct query {
    struct query       *next;
    struct lookup      *l;
    size_t              index; /* of the service or target */
    struct net_question question;
};

static void stage_next(struct lookup *l);

/* --- hops --------------------------------------------------------------------------------------------------------- */

struct hops {
    struct transport_hop hop[TRANSPORT_MAX_HOPS];
    size_t               n;
};

static bool hop_eq(const struct transport_hop *a, const struct transport_hop *b)
{
    return a->kind == b->kind && addr_eq(&a->addr, &b->addr);
}

static void hops_add(struct hops *h, enum transport_kind kind, const struct addr *addr)
{
    struct transport_hop hop = {.kind = kind, .addr = *addr};

    for (size_t i = 0; i < h->n; i++)
        if (hop_eq(&h->hop[i], &hop))
            return;
    if (h->n < TRANSPORT_MAX_HOPS)
        h->hop[h->n++] = hop;
}

/* Large requests go over TCP first (RFC 3261 §18.1.1): to where TCP was found, else to where UDP was. */
static void hops_put_tcp_first(struct transport *tp, struct hops *h)
{
    struct hops out = {.n = 0};
    bool        have = false;

    for (size_t i = 0; i < h->n; i++)
        if (h->hop[i].kind == TRANSPORT_TCP) {
            have = true;
            hops_add(&out, TRANSPORT_TCP, &h->hop[i].addr);
        }
    if (!have && h->n > TRANSPORT_MAX_HOPS / 2)
        h->n = TRANSPORT_MAX_HOPS / 2; /* so that both ways to each have room */
    for (size_t i = 0; !have && i < h->n; i++)
        if (select_has_family(tp, TRANSPORT_TCP, &h->hop[i].addr))
            hops_add(&out, TRANSPORT_TCP, &h->hop[i].addr);
    for (size_t i = 0; i < h->n; i++)
        hops_add(&out, h->hop[i].kind, &h->hop[i].addr);
    *h = out;
}

static bool hop_has_failed(struct transport *tp, const struct transport_hop *hop)
{
    uint64_t now = transport_now_ms(tp);

    for (size_t i = 0; i < FAILED; i++)
        if (tp->failed[i].until_ms > now && hop_eq(&tp->failed[i].hop, hop))
            return true;
    return false;
}

static void hops_put_failed_last(struct transport *tp, struct hops *h)
{
    struct hops out = {.n = 0};

    for (int failed = 0; failed <= 1; failed++)
        for (size_t i = 0; i < h->n; i++)
            if (hop_has_failed(tp, &h->hop[i]) == (failed == 1))
                out.hop[out.n++] = h->hop[i];
    *h = out;
}

void transport_hop_failed(struct transport *tp, const struct transport_hop *hop)
{
    struct failed_hop *f = NULL;

    for (size_t i = 0; i < FAILED && !f; i++)
        if (hop_eq(&tp->failed[i].hop, hop))
            f = &tp->failed[i];
    if (!f)
        f = &tp->failed[tp->next_failed++ % FAILED];
    *f = (struct failed_hop){.hop = *hop, .until_ms = transport_now_ms(tp) + TRANSPORT_FAILED_MS};
}

static void target_hops(struct lookup *l, const struct target *t, struct hops *h)
{
    const struct addr *lists[2] = {t->ip6, t->ip4}; /* RFC 7984 §3, RFC 6724: IPv6 first, where there is a way to it */
    size_t             counts[2] = {t->n_ip6, t->n_ip4};

    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < counts[k]; i++) {
            struct addr a = lists[k][i], source;

            a.port = t->port;
            if (select_has_family(l->tp, t->kind, &a) && (k == 1 || select_source(l->tp, &a, &source) == ERR_OK))
                hops_add(h, t->kind, &a);
        }
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* The next one takes its memory: most are done at once, the host being a number. */
static void lookup_free(struct lookup *l)
{
    struct transport *tp = l->tp;

    for (struct query *q = l->queries; q; q = q->next)
        net_resolve_cancel(tp->net, &q->question);
    list_remove(&l->node);
    arena_close(&l->arena);
    if (tp->spare_lookup)
        mem_free(tp->mem, l, sizeof *l);
    else
        tp->spare_lookup = l;
}

static void lookup_done(struct lookup *l, enum err e, const struct hops *h)
{
    transport_resolved *done = l->done;
    struct transport   *tp = l->tp;
    void               *arg = l->arg;

    lookup_free(l);
    done(arg, tp, e, h ? h->hop : NULL, h ? h->n : 0);
}

static void lookup_finish(struct lookup *l)
{
    struct hops h = {.n = 0};
    bool        any = false;

    for (size_t i = 0; i < l->n_targets; i++) {
        target_hops(l, &l->target[i], &h);
        any |= l->target[i].n_ip4 || l->target[i].n_ip6;
    }
    if (!h.n) {
        lookup_done(l, any ? ERR_UNSUPPORTED : l->why ? l->why : ERR_NOTFOUND, NULL);
        return;
    }
    if (l->large && !l->named && !l->sips && l->supported[TRANSPORT_TCP])
        hops_put_tcp_first(l->tp, &h);
    hops_put_failed_last(l->tp, &h);
    lookup_done(l, ERR_OK, &h);
}

/* --- queries ------------------------------------------------------------------------------------------------------ */

static void note_failure(struct lookup *l, enum err e)
{
    if (e != ERR_OK && e != ERR_NOTFOUND)
        l->why = e;
}

static void ask(struct lookup *l, enum net_query q, struct slice name, size_t index, net_resolved *answer)
{
    struct query *query = ARENA_NEW(&l->arena, struct query);
    enum err      e = ERR_NOMEM;

    if (query) {
        *query = (struct query){.next = l->queries, .l = l, .index = index, .question = {.done = answer, .arg = query}};
        l->queries = query;
        e = net_resolve(l->tp->net, &query->question, q, name);
    }
    if (e)
        note_failure(l, e);
    else
        l->outstanding++;
}

/* Is there something in the answer? */
static bool answer_begin(struct lookup *l, enum err e)
{
    note_failure(l, e);
    return e == ERR_OK;
}

static void answer_end(struct lookup *l)
{
    if (--l->outstanding == 0)
        stage_next(l);
}

static void keep_addresses(struct lookup *l, struct target *t, const struct net_record *r, size_t n)
{
    size_t       kept = n < TRANSPORT_MAX_HOPS ? n : TRANSPORT_MAX_HOPS;
    struct addr *a = arena_alloc(&l->arena, kept * sizeof *a);

    if (!a) {
        note_failure(l, ERR_NOMEM);
        return;
    }
    for (size_t i = 0; i < kept; i++)
        a[i] = r[i].addr;
    if (r[0].type == NET_AAAA) {
        t->ip6 = a;
        t->n_ip6 = kept;
    } else {
        t->ip4 = a;
        t->n_ip4 = kept;
    }
}

static void on_address(void *arg, enum err e, const struct net_record *r, size_t n)
{
    struct query *q = arg;

    if (answer_begin(q->l, e) && n)
        keep_addresses(q->l, &q->l->target[q->index], r, n);
    answer_end(q->l);
}

static void stage_addresses(struct lookup *l)
{
    l->stage = STAGE_ADDRESS;
    for (size_t i = 0; i < l->n_targets; i++) {
        ask(l, NET_AAAA, l->target[i].name, i, on_address);
        ask(l, NET_A, l->target[i].name, i, on_address);
    }
}

static void add_target(struct lookup *l, enum transport_kind kind, struct slice name, uint16_t port)
{
    if (l->n_targets < TRANSPORT_MAX_HOPS)
        l->target[l->n_targets++] = (struct target){.kind = kind, .name = name, .port = port};
}

/* --- SRV ---------------------------------------------------------------------------------------------------------- */

static void on_srv(void *arg, enum err e, const struct net_record *r, size_t n)
{
    struct query       *q = arg;
    struct lookup      *l = q->l;
    struct service_srv *s = &l->service[q->index];

    if (answer_begin(l, e)) {
        if (!(s->srv = arena_alloc(&l->arena, n * sizeof *s->srv)))
            note_failure(l, ERR_NOMEM);
        for (size_t i = 0; s->srv && i < n; i++) {
            struct srv *v = &s->srv[s->n];

            *v = (struct srv){.port = r[i].port, .priority = r[i].priority, .weight = r[i].weight};
            if (arena_dup(&l->arena, r[i].target, &v->target))
                note_failure(l, ERR_NOMEM);
            else
                s->n++;
        }
    }
    answer_end(l);
}

/* RFC 2782: a target of "." says that the service is decidedly not there. */
static bool is_root(struct slice name)
{
    return !name.n || slice_eq(name, S("."));
}

static void after_srv(struct lookup *l)
{
    size_t records = 0;

    for (size_t i = 0; i < l->n_services; i++) {
        struct service_srv *s = &l->service[i];

        order_srv(l->tp->config.rng, s->srv, s->n);
        records += s->n;
        for (size_t k = 0; k < s->n; k++)
            if (!is_root(s->srv[k].target))
                add_target(l, s->service.kind, s->srv[k].target, s->srv[k].port);
    }
    if (!records)
        add_target(l, l->kind, l->host, transport_default_port(l->kind));
    stage_addresses(l);
}

static void add_service(struct lookup *l, enum transport_kind kind, struct slice name)
{
    if (name.n && l->n_services < SERVICES)
        l->service[l->n_services++].service = (struct service){.kind = kind, .name = name};
}

/* "_sip._udp.example.com" */
static struct slice srv_name(struct lookup *l, enum transport_kind kind)
{
    static const struct slice prefix[TRANSPORT_KINDS] = {
        [TRANSPORT_UDP] = {"_sip._udp.", 10}, [TRANSPORT_TCP] = {"_sip._tcp.", 10}, [TRANSPORT_TLS] = {"_sips._tcp.", 11},
        [TRANSPORT_WS] = {"_sip._ws.", 9},    [TRANSPORT_WSS] = {"_sips._ws.", 10},
    };
    char         block[NAME_OCTETS];
    struct buf   b = BUF_ON(block);
    struct slice out = SLICE_NONE;

    buf_puts(&b, prefix[kind], l->host);
    if (buf_err(&b) || arena_dup(&l->arena, buf_slice(&b), &out))
        note_failure(l, ERR_NOMEM);
    return out;
}

static void stage_srv(struct lookup *l)
{
    l->stage = STAGE_SRV;
    for (size_t i = 0; i < l->n_services; i++)
        ask(l, NET_SRV, l->service[i].service.name, i, on_srv);
}

/* --- NAPTR -------------------------------------------------------------------------------------------------------- */

static void keep_naptr(struct lookup *l, const struct net_record *r)
{
    enum transport_kind kind;
    struct slice        name;
    bool                sips;

    if (order_naptr_kind(r->service, &kind, &sips) || arena_dup(&l->arena, r->target, &name))
        note_failure(l, ERR_NOMEM);
    else
        add_service(l, kind, name);
}

static void on_naptr(void *arg, enum err e, const struct net_record *r, size_t n)
{
    struct query *q = arg;
    struct lookup *l = q->l;
    size_t         pick[SERVICES], picked;

    if (answer_begin(l, e)) {
        picked = order_naptr(r, n, l->sips, l->supported, pick, SERVICES);
        for (size_t i = 0; i < picked; i++)
            keep_naptr(l, &r[pick[i]]);
        if (l->n_services)
            l->kind = l->service[0].service.kind;
    }
    answer_end(l);
}

/* Without NAPTR: SRV of every transport that we have (RFC 3263 §4.1). UDP first; hops_put_tcp_first() mends that. */
static void after_naptr(struct lookup *l)
{
    static const enum transport_kind plain[] = {TRANSPORT_UDP, TRANSPORT_TCP}, secure[] = {TRANSPORT_TLS};
    const enum transport_kind       *try = l->sips ? secure : plain;
    size_t                           n = l->sips ? 1 : 2;

    if (l->n_services)
        n = 0;
    for (size_t i = 0; i < n; i++)
        if (l->supported[try[i]])
            add_service(l, try[i], srv_name(l, try[i]));
    stage_srv(l);
}

/* A stage in which no query could be asked has its end at once, so this goes on until something is under way. */
static void stage_next(struct lookup *l)
{
    while (!l->outstanding) {
        switch (l->stage) {
        case STAGE_NAPTR:
            after_naptr(l);
            break;
        case STAGE_SRV:
            after_srv(l);
            break;
        case STAGE_ADDRESS:
            lookup_finish(l);
            return;
        }
    }
}

/* --- the beginning ------------------------------------------------------------------------------------------------ */

/* Which transport, as far as the URI says. ERR_UNSUPPORTED: none of ours. */
static enum err choose_kind(struct lookup *l, const struct uri *u)
{
    struct slice name;

    l->sips = u->scheme == URI_SIPS;
    l->kind = l->sips ? TRANSPORT_TLS : TRANSPORT_UDP;
    if (uri_param(u, S("transport"), &name) == ERR_OK) {
        if (transport_kind_find(name, &l->kind))
            return ERR_UNSUPPORTED;
        l->named = true;
        if (l->sips) /* RFC 3261 §26.2.2: transport=tcp in a sips URI is TLS over TCP, and there is none over UDP */
            switch (l->kind) {
            case TRANSPORT_UDP:
                return ERR_UNSUPPORTED;
            case TRANSPORT_TCP:
                l->kind = TRANSPORT_TLS;
                break;
            case TRANSPORT_WS:
                l->kind = TRANSPORT_WSS;
                break;
            case TRANSPORT_TLS:
            case TRANSPORT_WSS:
            case TRANSPORT_KINDS:
                break;
            }
    }
    for (unsigned k = 0; k < TRANSPORT_KINDS; k++)
        l->supported[k] = select_has_kind(l->tp, (enum transport_kind)k);
    if (!l->named && !l->sips && !l->supported[TRANSPORT_UDP])
        l->kind = TRANSPORT_TCP;
    return l->supported[l->kind] ? ERR_OK : ERR_UNSUPPORTED;
}

/* No name to look up: the hops are there at once. */
static void begin_numeric(struct lookup *l, const struct addr *a)
{
    struct target *t = &l->target[0];

    l->numeric = *a;
    add_target(l, l->kind, l->host, l->port ? l->port : transport_default_port(l->kind));
    if (a->family == ADDR_IP6) {
        t->ip6 = &l->numeric;
        t->n_ip6 = 1;
    } else {
        t->ip4 = &l->numeric;
        t->n_ip4 = 1;
    }
    lookup_finish(l);
}

static void begin(struct lookup *l)
{
    if (l->port) {
        add_target(l, l->kind, l->host, l->port);
        stage_addresses(l);
    } else if (l->named) {
        add_service(l, l->kind, srv_name(l, l->kind));
        stage_srv(l);
    } else {
        l->stage = STAGE_NAPTR;
        ask(l, NET_NAPTR, l->host, 0, on_naptr);
    }
    stage_next(l);
}

static enum err lookup_new(struct transport *tp, transport_resolved *done, void *arg, struct lookup **out)
{
    struct lookup *l = tp->spare_lookup;

    tp->spare_lookup = NULL;
    if (!l && !(l = mem_alloc(tp->mem, sizeof *l)))
        return ERR_NOMEM;
    memset(l, 0, sizeof *l);
    l->tp = tp;
    l->done = done;
    l->arg = arg;
    arena_init(&l->arena, tp->mem, ARENA_BLOCK_OCTETS, ARENA_LIMIT_OCTETS);
    list_append(&tp->lookups, &l->node);
    *out = l;
    return ERR_OK;
}

enum err transport_resolve(struct transport *tp, const struct uri *uri, size_t octets, transport_resolved *done, void *arg)
{
    struct slice   host = uri->host, maddr;
    struct lookup *l;
    struct addr    a;
    enum err       e;

    if (!uri_is_sip(uri) || !host.n)
        return ERR_SYNTAX;
    if ((e = lookup_new(tp, done, arg, &l)))
        return e;
    if (uri_param(uri, S("maddr"), &maddr) == ERR_OK && maddr.n)
        host = maddr;
    l->port = uri->port;
    l->large = octets > TRANSPORT_UDP_MTU_OCTETS;
    if ((e = choose_kind(l, uri))) {
        lookup_done(l, e, NULL);
    } else if (uri_addr_of_host(host, &a) == ERR_OK) {
        begin_numeric(l, &a);
    } else if ((e = arena_dup(&l->arena, host, &l->host))) {
        lookup_free(l);
        return e;
    } else {
        begin(l);
    }
    return ERR_OK;
}

void lookups_close(struct transport *tp)
{
    struct list_node *n;

    while ((n = list_first(&tp->lookups)))
        lookup_free(LIST_OF(n, struct lookup, node));
    mem_free(tp->mem, tp->spare_lookup, sizeof *tp->spare_lookup);
    tp->spare_lookup = NULL;
}
