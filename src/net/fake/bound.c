/* bound.c - addresses that sockets are bound to: who may bind, and who gets what arrives.
 *
 * Room      net/fake.
 * Touches   the lists of a node's sockets. */
#include "net/fake/fake_priv.h"

static bool is_home(const struct fake_node *n, const struct addr *ip)
{
    for (size_t i = 0; i < n->n_homes; i++)
        if (addr_same_ip(&n->home[i].ip, ip))
            return true;
    return false;
}

static bool overlap(const struct addr *a, const struct addr *b)
{
    return a->family == b->family && (addr_is_any(a) || addr_is_any(b) || addr_same_ip(a, b));
}

static bool is_taken(struct list *in, const struct bound *b, uint16_t port)
{
    for (struct list_node *n = list_first(in); n; n = list_next(in, n)) {
        struct bound *other = LIST_OF(n, struct bound, node);

        if (other->boot == b->boot && other->local.port == port && overlap(&other->local, &b->local) &&
            !(other->reuse_port && b->reuse_port))
            return true;
    }
    return false;
}

static enum err pick_port(struct bound *b, struct list *in)
{
    struct fake_node *n = b->worker->node;

    if (b->local.port)
        return is_taken(in, b, b->local.port) ? ERR_BUSY : ERR_OK;
    for (unsigned tries = 0; tries < 16384; tries++) {
        uint16_t port = n->next_port;

        n->next_port = port == UINT16_MAX ? 49152 : (uint16_t)(port + 1);
        if (!is_taken(in, b, port)) {
            b->local.port = port;
            return ERR_OK;
        }
    }
    return ERR_BUSY;
}

enum err fake_bound_open(struct bound *b, struct list *in, struct worker *wk, const struct addr *local, bool reuse_port)
{
    struct fake_node *n = wk->node;
    enum err          e;

    if (!n->up)
        return ERR_CLOSED;
    if (local->family != ADDR_IP4 && local->family != ADDR_IP6)
        return ERR_INVALID;
    if (!addr_is_any(local) && !is_home(n, local))
        return ERR_INVALID;
    *b = (struct bound){
        .worker = wk, .local = *local, .reuse_port = reuse_port, .boot = n->boot, .number = ++n->w->sockets};
    if ((e = pick_port(b, in)))
        return e;
    list_append(in, &b->node);
    return ERR_OK;
}

/* 2: bound to that very address; 1: to any; 0: not at all. */
static int fits(const struct bound *b, const struct addr *to)
{
    if (!node_runs(b->worker->node, b->boot) || b->local.port != to->port || !overlap(&b->local, to))
        return 0;
    return addr_is_any(&b->local) ? 1 : 2;
}

static struct bound *nth_fitting(struct list *in, const struct addr *to, int how, unsigned nth)
{
    for (struct list_node *n = list_first(in); n; n = list_next(in, n)) {
        struct bound *b = LIST_OF(n, struct bound, node);

        if (fits(b, to) == how && nth-- == 0)
            return b;
    }
    return NULL;
}

static unsigned pick(struct fake *w, const struct addr *from, const struct addr *to, struct slice octets, unsigned n)
{
    const unsigned char port[2] = {(unsigned char)(from->port >> 8), (unsigned char)from->port};

    if (n < 2)
        return 0;
    if (w->choose)
        return w->choose(w->choose_ctx, from, to, octets, n) % n;
    return (unsigned)(hash_pair(&w->key, (struct slice){(const char *)from->ip, sizeof from->ip},
                                (struct slice){(const char *)port, 2}) % n);
}

struct bound *fake_bound_find(struct fake *w, struct list *in, const struct addr *from, const struct addr *to,
                         struct slice octets)
{
    unsigned n[3] = {0};
    int      how;

    for (struct list_node *i = list_first(in); i; i = list_next(in, i))
        n[fits(LIST_OF(i, struct bound, node), to)]++;
    how = n[2] ? 2 : 1;
    return n[how] ? nth_fitting(in, to, how, pick(w, from, to, octets, n[how])) : NULL;
}

enum err fake_source_address(const struct fake_node *n, const struct addr *local, const struct addr *to, struct addr *out)
{
    const struct addr *best = NULL;

    if (local->family != ADDR_NONE && !addr_is_any(local)) {
        if (local->family != to->family)
            return ERR_INVALID;
        *out = *local;
        return ERR_OK;
    }
    for (size_t i = 0; i < n->n_homes; i++) {
        const struct addr *ip = &n->home[i].ip;

        if (ip->family != to->family)
            continue;
        if (addr_same_ip(ip, to)) { /* to oneself: from there */
            best = ip;
            break;
        }
        if (!best || (addr_is_loopback(best) && !addr_is_loopback(to)))
            best = ip;
    }
    if (!best || (local->family != ADDR_NONE && local->family != to->family))
        return ERR_INVALID;
    *out = *best;
    out->port = local->port;
    return ERR_OK;
}
