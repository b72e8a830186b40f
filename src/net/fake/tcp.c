/* tcp.c - one end of a stream in virtual time.
 *
 * Room      net/fake.
 * In        the table; tcp_on_...() from the wire.
 * Touches   *t. What the window does not take waits in t->queue. */
#include <string.h>

#include "net/fake/fake_priv.h"

static struct fake *world_of(const struct net_tcp *t)
{
    return t->worker->node->w;
}

static bool is_dead(const struct net_tcp *t)
{
    return !t->wire || !node_runs(t->worker->node, t->boot);
}

static void cancel_events(struct net_tcp *t)
{
    fake_event_cancel(world_of(t), &t->timeout);
    fake_event_cancel(world_of(t), &t->flush);
    fake_event_cancel(world_of(t), &t->resume);
    fake_event_cancel(world_of(t), &t->secured);
}

static void move_out(struct net_tcp *t)
{
    uint32_t cut = fake_link_between(world_of(t), &t->local, &t->remote)->segment_octets;
    size_t   room, done = 0;

    while (t->n_queue > done && (room = fake_wire_room(t->wire, t->side))) {
        size_t n = t->n_queue - done < room ? t->n_queue - done : room;

        if (cut && n > 1) {
            size_t some = 1 + (size_t)rng_below(&world_of(t)->random.rng, cut);

            n = some < n ? some : n;
        }
        fake_wire_send(t->wire, t->side, PIECE_OCTETS, (struct slice){t->queue + done, n});
        done += n;
    }
    if (done)
        memmove(t->queue, t->queue + done, t->n_queue - done);
    t->n_queue -= done;
}

static void send_fin(struct net_tcp *t)
{
    if (!t->fin_sent)
        fake_wire_send(t->wire, t->side, PIECE_FIN, SLICE_NONE);
    t->fin_sent = true;
}

static void run_flush(struct fake *w, struct event *e)
{
    struct net_tcp *t = EVENT_OF(e, struct net_tcp, flush);

    (void)w;
    move_out(t);
    if (t->n_queue) {
        t->behind = true;
        return;
    }
    if (t->finished)
        send_fin(t);
    if (t->finished && t->deaf) {
        fake_tcp_on_end(t, ERR_CLOSED);
        return;
    }
    if (t->behind) {
        t->behind = false;
        if (t->on && t->on->drained)
            t->on->drained(t->arg, t);
    }
}

static void run_resume(struct fake *w, struct event *e)
{
    struct net_tcp *t = EVENT_OF(e, struct net_tcp, resume);

    (void)w;
    fake_wire_deliver(t->wire, !t->side);
}

static void run_secured(struct fake *w, struct event *e)
{
    struct net_tcp *t = EVENT_OF(e, struct net_tcp, secured);

    (void)w;
    if (t->on && t->on->open)
        t->on->open(t->arg, t);
}

static void run_timeout(struct fake *w, struct event *e)
{
    struct net_tcp *t = EVENT_OF(e, struct net_tcp, timeout);
    struct wire    *x = t->wire;

    (void)w;
    t->wire = NULL;
    fake_wire_leave(x, t->side);
    fake_tcp_on_end(t, ERR_TIMEOUT);
}

static struct net_tcp *tcp_new(struct worker *wk, const struct addr *local, const struct addr *remote)
{
    struct net_tcp *t = fake_alloc(wk->node->w, sizeof *t);

    t->worker = wk;
    t->boot = wk->node->boot;
    t->local = *local;
    t->remote = *remote;
    t->flush.run = run_flush;
    t->resume.run = run_resume;
    t->secured.run = run_secured;
    t->timeout.run = run_timeout;
    list_append(&wk->node->tcp, &t->node);
    return t;
}

static bool port_in_use(const struct fake_node *n, uint16_t port)
{
    for (struct list_node *i = list_first(&n->tcp); i; i = list_next(&n->tcp, i))
        if (LIST_OF(i, struct net_tcp, node)->local.port == port)
            return true;
    for (struct list_node *i = list_first(&n->listeners); i; i = list_next(&n->listeners, i))
        if (LIST_OF(i, struct bound, node)->local.port == port)
            return true;
    return false;
}

static enum err pick_port(struct fake_node *n, struct addr *local)
{
    for (unsigned tries = 0; local->port == 0 && tries < 16384; tries++) {
        uint16_t port = n->next_port;

        n->next_port = port == UINT16_MAX ? 49152 : (uint16_t)(port + 1);
        if (!port_in_use(n, port))
            local->port = port;
    }
    return local->port ? ERR_OK : ERR_LIMIT;
}

/* size: the table's own parameters */
enum err fake_tcp_connect(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                     const struct net_tcp_on *on, void *arg, struct net_tcp **out)
{
    struct worker  *wk = worker_of(n);
    struct addr     none = {0}, from;
    struct net_tcp *t;
    enum err        e;

    if (!wk->node->up)
        return ERR_CLOSED;
    if (to->port == 0 || fake_source_address(wk->node, local ? local : &none, to, &from))
        return ERR_INVALID;
    if (fake_node_at(wk->node->w, &from) != wk->node)
        return ERR_INVALID;
    if ((e = pick_port(wk->node, &from)))
        return e;
    t = tcp_new(wk, &from, to);
    t->on = on;
    t->arg = arg;
    t->wire = fake_wire_open(t);
    fake_wire_send(t->wire, 0, PIECE_SYN, SLICE_NONE);
    fake_event_set(world_of(t), &t->timeout, world_of(t)->now_us + (uint64_t)timeout_ms * 1000);
    *out = t;
    return ERR_OK;
}

struct net_tcp *fake_tcp_accept(struct worker *wk, struct wire *wire, const struct addr *local, const struct addr *remote)
{
    struct net_tcp *t = tcp_new(wk, local, remote);

    t->state = TCP_OPEN;
    t->side = 1;
    t->wire = wire;
    return t;
}

void fake_tcp_attach(struct net_tcp *t, const struct net_tcp_on *on, void *arg)
{
    t->on = on;
    t->arg = arg;
}

void fake_tcp_on_open(struct net_tcp *t)
{
    if (t->state != TCP_CONNECTING)
        return;
    t->state = TCP_OPEN;
    fake_event_cancel(world_of(t), &t->timeout);
    if (t->n_queue || t->finished)
        fake_event_set(world_of(t), &t->flush, world_of(t)->now_us);
    if (t->on->open)
        t->on->open(t->arg, t);
}

void fake_tcp_on_octets(struct net_tcp *t, struct slice octets)
{
    if (t->state == TCP_OPEN && t->on && t->on->octets)
        t->on->octets(t->arg, t, octets);
}

void fake_tcp_on_fin(struct net_tcp *t)
{
    if (t->state != TCP_OPEN || !t->on || !t->on->ended || t->fin_sent) {
        if (t->state == TCP_OPEN && t->wire->end[!t->side]) /* it may have finished only, and waits for our end */
            send_fin(t);
        fake_tcp_on_end(t, ERR_CLOSED);
        return;
    }
    t->deaf = true;
    if (!t->finished)
        t->on->ended(t->arg, t);
}

void fake_tcp_on_end(struct net_tcp *t, enum err why)
{
    if (t->state == TCP_ENDED)
        return;
    t->state = TCP_ENDED;
    cancel_events(t);
    if (t->on && t->on->closed)
        t->on->closed(t->arg, t, why);
}

void fake_tcp_on_room(struct net_tcp *t)
{
    if (t->state == TCP_OPEN && t->n_queue && !t->flush.place)
        fake_event_set(world_of(t), &t->flush, world_of(t)->now_us);
}

static void enqueue(struct net_tcp *t, struct slice octets)
{
    struct fake *w = world_of(t);

    if (t->cap_queue - t->n_queue < octets.n) {
        size_t cap = 2 * (t->n_queue + octets.n);
        char  *bigger = fake_alloc(w, cap);

        if (t->n_queue)
            memcpy(bigger, t->queue, t->n_queue);
        fake_free(w, t->queue, t->cap_queue);
        t->queue = bigger;
        t->cap_queue = cap;
    }
    memcpy(t->queue + t->n_queue, octets.p, octets.n);
    t->n_queue += octets.n;
}

enum err fake_tcp_send(struct net_tcp *t, struct slice octets)
{
    bool cut = fake_link_between(world_of(t), &t->local, &t->remote)->segment_octets != 0;

    if (is_dead(t) || t->state == TCP_ENDED || t->finished)
        return ERR_CLOSED;
    if (t->n_queue + octets.n > NET_MAX_QUEUED_OCTETS)
        return ERR_FULL;
    if (octets.n == 0)
        return ERR_OK;
    if (t->state == TCP_OPEN && !cut && t->n_queue == 0 && fake_wire_room(t->wire, t->side) >= octets.n) {
        fake_wire_send(t->wire, t->side, PIECE_OCTETS, octets);
        return ERR_OK;
    }
    enqueue(t, octets);
    if (t->state == TCP_CONNECTING)
        t->behind = true;
    else if (!t->flush.place) /* later in this instant, so that what is sent together may be cut anywhere */
        fake_event_set(world_of(t), &t->flush, world_of(t)->now_us);
    return ERR_OK;
}

void fake_tcp_finish(struct net_tcp *t)
{
    if (is_dead(t) || t->state == TCP_ENDED || t->finished)
        return;
    t->finished = true;
    if (t->state == TCP_OPEN && !t->flush.place)
        fake_event_set(world_of(t), &t->flush, world_of(t)->now_us);
}

void fake_tcp_pause(struct net_tcp *t, bool paused)
{
    t->paused = paused;
    if (!paused && !is_dead(t) && t->state != TCP_ENDED)
        fake_event_set(world_of(t), &t->resume, world_of(t)->now_us);
}

void fake_tcp_ends(struct net_tcp *t, struct addr *local, struct addr *remote)
{
    if (local)
        *local = t->local;
    if (remote)
        *remote = t->remote;
}

struct net_tls {
    struct fake *w;
};

enum err fake_tls_open(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out)
{
    struct fake *w = worker_of(n)->node->w;

    (void)c;
    *wrong = NET_TLS_CHAIN; /* if any */
    *out = fake_alloc(w, sizeof **out);
    (*out)->w = w;
    return ERR_OK;
}

enum err fake_tls_renew(struct net_tls *tls, const struct net_tls_config *c, enum net_tls_part *wrong)
{
    (void)tls;
    (void)c;
    *wrong = NET_TLS_CHAIN;
    return ERR_OK;
}

void fake_tls_close(struct net_tls *tls)
{
    fake_free(tls->w, tls, sizeof *tls);
}

enum err fake_tcp_secure(struct net_tcp *t, struct net_tls *tls, struct slice name)
{
    (void)tls;
    (void)name;
    if (is_dead(t))
        return ERR_CLOSED;
    t->wire->secured[t->side] = true;
    if (t->state == TCP_OPEN)
        fake_event_set(world_of(t), &t->secured, world_of(t)->now_us);
    return ERR_OK;
}

static void free_tcp(struct net_tcp *t)
{
    struct fake *w = world_of(t);

    cancel_events(t);
    list_remove(&t->node);
    fake_free(w, t->queue, t->cap_queue);
    fake_free(w, t, sizeof *t);
}

void fake_tcp_close(struct net_tcp *t)
{
    struct wire *x = t->wire;

    if (x) {
        bool unread = !list_empty(&x->way[!t->side].pieces) && t->paused;

        if (t->state == TCP_OPEN && unread) /* as a system does whose user has not read everything */
            fake_wire_send(x, t->side, PIECE_RST, SLICE_NONE);
        else if (t->state == TCP_OPEN) {
            move_out(t);
            send_fin(t);
        }
        fake_wire_leave(x, t->side);
    }
    free_tcp(t);
}

void fake_tcp_drop(struct fake_node *n)
{
    for (struct list_node *i = list_first(&n->tcp), *next; i; i = next) {
        struct net_tcp *t = LIST_OF(i, struct net_tcp, node);

        next = list_next(&n->tcp, i);
        if (!node_runs(n, t->boot))
            fake_tcp_close(t);
    }
}

void fake_tcp_detach(struct fake_node *n)
{
    for (struct list_node *i = list_first(&n->tcp); i; i = list_next(&n->tcp, i)) {
        struct net_tcp *t = LIST_OF(i, struct net_tcp, node);
        struct wire    *x = t->wire;

        cancel_events(t);
        t->state = TCP_ENDED;
        t->wire = NULL;
        if (x)
            fake_wire_leave(x, t->side);
    }
}
