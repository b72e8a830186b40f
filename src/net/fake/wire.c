/* wire.c - what is under way between the two ends of a stream.
 *
 * Room      net/fake.
 * In        fake_wire_send(): one end says something. fake_wire_leave(): it is gone.
 * Out       tcp_on_...(), fake_listen_on_syn().
 * Touches   *x. It lives until both ends are gone and nothing is under way.
 *
 * Pieces of one way arrive in order: each is due no earlier than the one before, and one that is held up (a cut, a node
 * that is down) holds up those behind it, as a lost segment does. */
#include <string.h>

#include "net/fake/fake_priv.h"

struct piece {
    struct event     event;
    struct list_node node; /* in its way's pieces */
    struct wire     *wire;
    unsigned         side; /* from */
    enum piece_kind  kind;
    bool             arrived;
    uint64_t         sent_us, retry_us, offset;
    size_t           n;
    char             octets[];
};

struct wire *fake_wire_open(struct net_tcp *t)
{
    struct fake *w = t->worker->node->w;
    struct wire *x = fake_alloc(w, sizeof *x);

    x->w = w;
    x->number = ++w->streams;
    x->end[0] = t;
    x->addr[0] = t->local;
    x->addr[1] = t->remote;
    list_init(&x->way[0].pieces);
    list_init(&x->way[1].pieces);
    return x;
}

static void release(struct wire *x)
{
    if (!x->holds && !x->end[0] && !x->end[1] && list_empty(&x->way[0].pieces) && list_empty(&x->way[1].pieces))
        fake_free(x->w, x, sizeof *x);
}

static void free_piece(struct wire *x, struct piece *p)
{
    fake_event_cancel(x->w, &p->event);
    list_remove(&p->node);
    x->way[p->side].octets -= p->n;
    fake_free(x->w, p, sizeof *p + p->n);
}

size_t fake_wire_room(const struct wire *x, unsigned side)
{
    return x->way[side].octets < FAKE_WINDOW_OCTETS ? FAKE_WINDOW_OCTETS - x->way[side].octets : 0;
}

static uint64_t next_retry(uint64_t us)
{
    return 2 * us < FAKE_RETRY_MAX_US ? 2 * us : FAKE_RETRY_MAX_US;
}

/* When it gets there: loss is delay. */
static uint64_t arrival(struct wire *x, unsigned side)
{
    struct fake            *w = x->w;
    const struct fake_link *l = fake_link_between(w, &x->addr[side], &x->addr[!side]);
    uint64_t                at = w->now_us, retry = FAKE_RETRY_US;

    if (fake_same_node(w, &x->addr[0], &x->addr[1]))
        return at;
    for (int tries = 0; tries < 8 && fake_chance(w, l->loss_ppm); tries++) {
        at += retry;
        retry = next_retry(retry);
    }
    return at + fake_delay_of(w, l);
}

static void tell(const struct piece *p, enum fake_fate fate)
{
    const struct wire *x = p->wire;

    if (p->kind == PIECE_OCTETS)
        fake_tell(x->w, &(struct fake_seen){.fate = fate,
                                            .stream = true,
                                            .number = x->number,
                                            .offset = p->offset,
                                            .from = x->addr[p->side],
                                            .to = x->addr[!p->side],
                                            .octets = {p->octets, p->n}});
}

static void lose_all(struct wire *x, unsigned side)
{
    for (struct list_node *n; (n = list_first(&x->way[side].pieces));) {
        struct piece *p = LIST_OF(n, struct piece, node);

        tell(p, FAKE_LOST);
        free_piece(x, p);
    }
}

/* The sender has waited long enough: its stream is dead. */
static void give_up(struct wire *x, unsigned side)
{
    struct net_tcp *t = x->end[side];

    x->holds++;
    lose_all(x, side);
    if (t)
        fake_tcp_on_end(t, ERR_TIMEOUT);
    x->holds--;
    release(x);
}

static bool is_blocked(struct wire *x, unsigned side)
{
    struct fake_node *to = fake_node_at(x->w, &x->addr[!side]);

    return !to || !to->up || (!fake_same_node(x->w, &x->addr[0], &x->addr[1]) && fake_is_cut(x->w, &x->addr[0], &x->addr[1]));
}

static void run_piece(struct fake *w, struct event *e)
{
    struct piece *p = EVENT_OF(e, struct piece, event);
    struct wire  *x = p->wire;

    if (!is_blocked(x, p->side)) {
        p->arrived = true;
        fake_wire_deliver(x, p->side);
    } else if (w->now_us - p->sent_us >= FAKE_STREAM_DEAD_US) {
        give_up(x, p->side);
    } else {
        fake_event_set(w, e, w->now_us + p->retry_us);
        p->retry_us = next_retry(p->retry_us);
    }
}

void fake_wire_send(struct wire *x, unsigned side, enum piece_kind kind, struct slice octets)
{
    struct way   *way = &x->way[side];
    struct piece *p;
    uint64_t      at;

    if (x->reset[side])
        return;
    x->reset[side] = kind == PIECE_RST;
    p = fake_alloc(x->w, sizeof *p + octets.n);
    *p = (struct piece){.event = {.run = run_piece},
                        .wire = x,
                        .side = side,
                        .kind = kind,
                        .sent_us = x->w->now_us,
                        .retry_us = FAKE_RETRY_US,
                        .offset = way->offset,
                        .n = octets.n};
    if (octets.n)
        memcpy(p->octets, octets.p, octets.n);
    list_append(&way->pieces, &p->node);
    way->octets += octets.n;
    way->offset += octets.n;
    at = arrival(x, side);
    if (at < way->last_us)
        at = way->last_us;
    way->last_us = at;
    tell(p, FAKE_SENT);
    fake_event_set(x->w, &p->event, at);
}

/* Somebody speaks to an end that is gone: its machine says so, if it runs. */
static void refuse(struct wire *x, unsigned gone)
{
    struct fake_node *n = fake_node_at(x->w, &x->addr[gone]);

    if (n && n->up)
        fake_wire_send(x, gone, PIECE_RST, SLICE_NONE);
}

static void take_octets(struct wire *x, const struct piece *p, struct net_tcp *t)
{
    struct net_tcp *sender = x->end[p->side];

    tell(p, t ? FAKE_DELIVERED : FAKE_UNWANTED);
    if (sender)
        fake_tcp_on_room(sender);
    if (!t || x->secured[0] != x->secured[1])
        refuse(x, !p->side);
    if (t && x->secured[0] != x->secured[1])
        fake_tcp_on_end(t, ERR_IO);
    else if (t)
        fake_tcp_on_octets(t, (struct slice){p->octets, p->n});
}

static void take(struct wire *x, const struct piece *p)
{
    struct net_tcp *t = x->end[!p->side];

    if (p->kind == PIECE_OCTETS)
        take_octets(x, p, t);
    else if (p->kind == PIECE_SYN)
        fake_listen_on_syn(x);
    else if (p->kind == PIECE_SYNACK && t)
        fake_tcp_on_open(t);
    else if (p->kind == PIECE_SYNACK)
        refuse(x, !p->side);
    else if (t && p->kind == PIECE_FIN)
        fake_tcp_on_fin(t);
    else if (t)
        fake_tcp_on_end(t, ERR_IO);
}

void fake_wire_deliver(struct wire *x, unsigned side)
{
    x->holds++;
    for (struct list_node *n; (n = list_first(&x->way[side].pieces));) {
        struct piece *p = LIST_OF(n, struct piece, node);

        if (!p->arrived || (x->end[!side] && x->end[!side]->paused && p->kind != PIECE_RST))
            break;
        list_remove(&p->node); /* first, since what follows may look at the list, and the room it leaves counts */
        x->way[side].octets -= p->n;
        take(x, p);
        fake_free(x->w, p, sizeof *p + p->n);
    }
    x->holds--;
    release(x);
}

void fake_wire_leave(struct wire *x, unsigned side)
{
    x->end[side] = NULL;
    if (!x->end[!side])
        lose_all(x, side); /* a SYN above all: it must not open a stream from nobody */
    fake_wire_deliver(x, !side); /* what was held back for it finds nobody now */
}
