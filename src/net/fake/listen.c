/* listen.c - who waits for streams in virtual time.
 *
 * Room      net/fake.
 * Touches   the node's list of listeners. */
#include "net/fake/fake_priv.h"

struct net_listener {
    struct bound                  bound; /* first: the lists hold these */
    const struct net_listener_on *on;
    void                         *arg;
};

enum err fake_listen_open(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on, void *arg,
                     struct net_listener **out)
{
    struct worker       *wk = worker_of(n);
    struct net_listener *l = fake_alloc(wk->node->w, sizeof *l);
    enum err             e = fake_bound_open(&l->bound, &wk->node->listeners, wk, local, reuse_port);

    if (e) {
        fake_free(wk->node->w, l, sizeof *l);
        return e;
    }
    l->on = on;
    l->arg = arg;
    *out = l;
    return ERR_OK;
}

void fake_listen_local(struct net_listener *l, struct addr *out)
{
    *out = l->bound.local;
}

void fake_listen_close(struct net_listener *l)
{
    list_remove(&l->bound.node);
    fake_free(l->bound.worker->node->w, l, sizeof *l);
}

void fake_listen_drop(struct fake_node *n)
{
    for (struct list_node *i = list_first(&n->listeners), *next; i; i = next) {
        struct net_listener *l = (struct net_listener *)LIST_OF(i, struct bound, node);

        next = list_next(&n->listeners, i);
        if (!node_runs(n, l->bound.boot))
            fake_listen_close(l);
    }
}

void fake_listen_on_syn(struct wire *x)
{
    struct fake_node    *n = fake_node_at(x->w, &x->addr[1]);
    struct net_listener *l;
    struct net_tcp      *t;

    if (!n)
        return;
    l = (struct net_listener *)fake_bound_find(x->w, &n->listeners, &x->addr[0], &x->addr[1], SLICE_NONE);
    if (!l) {
        fake_wire_send(x, 1, PIECE_RST, SLICE_NONE);
        return;
    }
    t = fake_tcp_accept(l->bound.worker, x, &x->addr[1], &x->addr[0]);
    x->end[1] = t;
    fake_wire_send(x, 1, PIECE_SYNACK, SLICE_NONE);
    l->on->accepted(l->arg, l, t);
    if (x->end[1] == t && !t->on)
        fake_tcp_close(t);
}
