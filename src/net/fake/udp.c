/* udp.c - datagrams in virtual time.
 *
 * Room      net/fake.
 * Touches   the events: each copy under way is one, each ICMP answer, and each word that a datagram did not leave.
 *           What waits for a slow machine's worker is in its list. */
#include <string.h>

#include "net/fake/fake_priv.h"

struct net_udp {
    struct bound             bound; /* first: the lists hold these */
    const struct net_udp_on *on;
    void                    *arg;
};

struct datagram {
    struct event     event;
    struct list_node node;              /* in worker->waiting                           */
    uint64_t         came_us;           /* since then                                   */
    uint64_t         number;
    uint64_t         sender, receiver;  /* numbers of sockets; receiver: of one that waits */
    struct addr      from, to;
    enum fake_fate   fate;              /* when it arrives: DELIVERED or DUPLICATED     */
    size_t           n;
    char             octets[];
};

struct icmp {
    struct event event;
    uint64_t     sender;
    struct addr  from, to; /* of the datagram that nobody wanted */
};

struct unsent {
    struct event      event;
    struct fake_node *node;
    uint64_t          sender, mark;
    struct addr       to;
    enum err          e;
    size_t            n;
    char              octets[];
};

enum err fake_udp_open(struct net *n, const struct net_udp_options *o, const struct net_udp_on *on, void *arg,
                  struct net_udp **out)
{
    struct worker  *wk = worker_of(n);
    struct net_udp *u = fake_alloc(wk->node->w, sizeof *u);
    enum err        e = fake_bound_open(&u->bound, &wk->node->udp, wk, &o->local, o->reuse_port);

    if (e) {
        fake_free(wk->node->w, u, sizeof *u);
        return e;
    }
    u->on = on;
    u->arg = arg;
    *out = u;
    return ERR_OK;
}

void fake_udp_local(struct net_udp *u, struct addr *out)
{
    *out = u->bound.local;
}

void fake_udp_close(struct net_udp *u)
{
    list_remove(&u->bound.node);
    fake_free(u->bound.worker->node->w, u, sizeof *u);
}

void fake_udp_drop(struct fake_node *n)
{
    for (struct list_node *i = list_first(&n->udp), *next; i; i = next) {
        struct net_udp *u = (struct net_udp *)LIST_OF(i, struct bound, node);

        next = list_next(&n->udp, i);
        if (!node_runs(n, u->bound.boot))
            fake_udp_close(u);
    }
}

static void tell(struct fake *w, const struct datagram *d, enum fake_fate fate)
{
    fake_tell(w, &(struct fake_seen){
                     .fate = fate, .number = d->number, .from = d->from, .to = d->to, .octets = {d->octets, d->n}});
}

/* NULL: it is closed. */
static struct net_udp *numbered(const struct fake_node *n, uint64_t number)
{
    for (struct list_node *l = list_first(&n->udp); l; l = list_next(&n->udp, l)) {
        struct net_udp *u = (struct net_udp *)LIST_OF(l, struct bound, node);

        if (u->bound.number == number && node_runs(n, u->bound.boot))
            return u;
    }
    return NULL;
}

static void run_icmp(struct fake *w, struct event *e)
{
    struct icmp       i = *EVENT_OF(e, struct icmp, event);
    struct fake_node *n = fake_node_at(w, &i.from);
    struct net_udp   *u = n ? numbered(n, i.sender) : NULL;

    fake_free(w, EVENT_OF(e, struct icmp, event), sizeof i);
    if (u && u->on->error)
        u->on->error(u->arg, u, &i.from, &i.to, ERR_CLOSED);
}

/* Nobody listens at a node that is up: the machine says so. */
static void answer_icmp(struct fake *w, const struct datagram *d)
{
    const struct fake_link *link = fake_link_between(w, &d->to, &d->from);
    struct icmp            *i;
    uint64_t                at = w->now_us;

    if (!fake_same_node(w, &d->from, &d->to)) {
        if (fake_is_cut(w, &d->from, &d->to) || fake_chance(w, link->loss_ppm))
            return;
        at += fake_delay_of(w, link);
    }
    i = fake_alloc(w, sizeof *i);
    *i = (struct icmp){{.run = run_icmp}, d->sender, d->from, d->to};
    fake_event_set(w, &i->event, at);
}

static void free_datagram(struct fake *w, struct datagram *d)
{
    fake_free(w, d, sizeof *d + d->n);
}

/* u NULL: nobody wants it, and its sender is told. */
static void hand_over(struct fake *w, struct net_udp *u, struct datagram *d)
{
    tell(w, d, u ? d->fate : FAKE_UNWANTED);
    if (u)
        u->on->octets(u->arg, u, &d->from, &d->to, (struct slice){d->octets, d->n});
    else
        answer_icmp(w, d);
    free_datagram(w, d);
}

void fake_udp_forget(struct worker *wk)
{
    struct fake *w = wk->node->w;

    for (struct list_node *i; (i = list_first(&wk->waiting));) {
        struct datagram *d = LIST_OF(i, struct datagram, node);

        list_remove(i);
        tell(w, d, FAKE_LOST);
        free_datagram(w, d);
    }
    wk->n_waiting = 0;
    wk->busy_us = 0;
    fake_event_cancel(w, &wk->serve);
}

/* The longest waiting one of a slow machine's worker; then the worker is busy. */
static void run_serve(struct fake *w, struct event *e)
{
    struct worker    *wk = EVENT_OF(e, struct worker, serve);
    struct fake_node *n = wk->node;
    uint32_t          boot = n->boot;
    struct list_node *first = list_first(&wk->waiting);
    struct datagram  *d = LIST_OF(first, struct datagram, node);

    list_remove(first);
    wk->n_waiting--;
    wk->waited_us = w->now_us - d->came_us;
    hand_over(w, numbered(n, d->receiver), d);
    wk->waited_us = 0;
    if (!node_runs(n, boot))
        return;
    wk->busy_us = w->now_us + (n->cost ? n->cost(n->cost_ctx) : 0);
    if (!list_empty(&wk->waiting))
        fake_event_set(w, e, wk->busy_us);
}

static void wait_for(const struct net_udp *u, struct datagram *d)
{
    struct worker *wk = u->bound.worker;
    struct fake   *w = wk->node->w;

    if (wk->n_waiting >= wk->node->room) {
        tell(w, d, FAKE_LOST);
        free_datagram(w, d);
        return;
    }
    d->came_us = w->now_us;
    d->receiver = u->bound.number;
    list_append(&wk->waiting, &d->node);
    wk->n_waiting++;
    wk->serve.run = run_serve;
    if (!wk->serve.place)
        fake_event_set(w, &wk->serve, wk->busy_us > w->now_us ? wk->busy_us : w->now_us);
}

static void run_datagram(struct fake *w, struct event *e)
{
    struct datagram  *d = EVENT_OF(e, struct datagram, event);
    struct fake_node *n = fake_node_at(w, &d->to);
    struct net_udp   *u;

    if (!n || !n->up) {
        tell(w, d, FAKE_LOST);
        free_datagram(w, d);
        return;
    }
    u = (struct net_udp *)fake_bound_find(w, &n->udp, &d->from, &d->to, (struct slice){d->octets, d->n});
    if (u && n->cost)
        wait_for(u, d);
    else
        hand_over(w, u, d);
}

static void launch(struct fake *w, const struct datagram *as, struct slice octets, uint64_t at_us, enum fake_fate fate)
{
    struct datagram *d = fake_alloc(w, sizeof *d + octets.n);

    *d = *as;
    d->event = (struct event){.run = run_datagram};
    d->fate = fate;
    d->n = octets.n;
    if (octets.n)
        memcpy(d->octets, octets.p, octets.n);
    fake_event_set(w, &d->event, at_us);
}

/* From node to node: what chance, filter and cuts make of it. */
static void travel(struct fake *w, const struct datagram *d, struct slice octets)
{
    const struct fake_link *l = fake_link_between(w, &d->from, &d->to);
    int64_t                 held = w->hold ? w->hold(w->hold_ctx, &d->from, &d->to, octets) : 0;
    bool                    twice = held == FAKE_TWICE;
    uint64_t                at;

    if (held < 0 || fake_is_cut(w, &d->from, &d->to) || (l->mtu_octets && octets.n > l->mtu_octets) || fake_chance(w, l->loss_ppm)) {
        fake_tell(w, &(struct fake_seen){
                         .fate = FAKE_LOST, .number = d->number, .from = d->from, .to = d->to, .octets = octets});
        return;
    }
    at = w->now_us + (twice ? 0 : (uint64_t)held);
    if (twice || fake_chance(w, l->duplicate_ppm))
        launch(w, d, octets, at + fake_delay_of(w, l), FAKE_DUPLICATED);
    if (fake_chance(w, l->reorder_ppm))
        at += l->reorder_us;
    launch(w, d, octets, at + fake_delay_of(w, l), FAKE_DELIVERED);
}

/* Bound to one address: from there; to any: from the one that is asked for, where the node has it, else from the best. */
static enum err leave_from(const struct net_udp *u, const struct addr *from, const struct addr *to, struct addr *out)
{
    const struct fake_node *n = u->bound.worker->node;
    struct addr             local = u->bound.local;

    if (from && !addr_is_any(from) && addr_is_any(&local) && fake_node_at(n->w, from) == n) {
        local = *from;
        local.port = u->bound.local.port;
    }
    return fake_source_address(n, &local, to, out) ? ERR_IO : n->bars ? n->bars(n->bars_ctx, to) : ERR_OK;
}

static void run_unsent(struct fake *w, struct event *e)
{
    struct unsent  *x = EVENT_OF(e, struct unsent, event);
    struct net_udp *u = numbered(x->node, x->sender);

    if (u && u->on->unsent)
        u->on->unsent(u->arg, u, &x->to, (struct slice){x->octets, x->n}, x->mark, x->e);
    fake_free(w, x, sizeof *x + x->n);
}

/* It does not leave: that is told when the sender's present work is done. */
static void keep_unsent(const struct net_udp *u, const struct addr *to, struct slice octets, uint64_t mark, enum err e)
{
    struct fake_node *n = u->bound.worker->node;
    struct unsent    *x = fake_alloc(n->w, sizeof *x + octets.n);

    *x = (struct unsent){
        .event = {.run = run_unsent}, .node = n, .sender = u->bound.number, .mark = mark, .to = *to, .e = e, .n = octets.n};
    if (octets.n)
        memcpy(x->octets, octets.p, octets.n);
    fake_event_set(n->w, &x->event, n->w->now_us);
}

enum err fake_udp_send(struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets, uint64_t mark)
{
    struct fake_node *n = u->bound.worker->node;
    struct fake      *w = n->w;
    struct datagram   d = {.to = *to, .sender = u->bound.number};
    enum err          e;

    if (!node_runs(n, u->bound.boot))
        return ERR_CLOSED;
    if ((e = leave_from(u, from, to, &d.from))) {
        keep_unsent(u, to, octets, mark, e);
        return ERR_OK;
    }
    d.number = ++w->datagrams;
    fake_tell(w,
              &(struct fake_seen){.fate = FAKE_SENT, .number = d.number, .from = d.from, .to = *to, .octets = octets});
    if (fake_same_node(w, &d.from, to))
        launch(w, &d, octets, w->now_us, FAKE_DELIVERED);
    else
        travel(w, &d, octets);
    return ERR_OK;
}
