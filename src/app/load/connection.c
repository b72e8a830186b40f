/* connection.c - over streams each phone has a connection of its own, and opens another one when it has ended.
 *
 * Room      app/load.
 * In        the end of a flow; what became of a REGISTER.
 * Touches   struct load_connection. While a phone has none its requests fail, and are counted: so it is with phones. */
#include "app/load/load_priv.h"

enum {
    FIRST_WAIT_MS = 1000, /* before a phone tries again, twice as long each time; a phone's own 30 s (RFC 5626 §4.5) would outlast most runs */
    MOST_WAIT_MS = 16000
};

static uint64_t hash_of(const struct flow *f)
{
    return f->slot | (uint64_t)f->gen << 32; /* small numbers, each once: they spread evenly as they are */
}

static void again(void *arg)
{
    struct load_connection *c = arg;

    c->waits = false;
    if (c->wait_ms && !load_phone_register(c->phone, LOAD_PHONE_RETURNS))
        load_connection_wait(c->phone); /* another REGISTER is under way */
}

enum err load_connections_open(struct load *l)
{
    if (l->o.transport == TRANSPORT_UDP)
        return ERR_OK;
    l->connections = mem_zalloc(&l->mem, l->o.n_users * sizeof *l->connections);
    if (!l->connections)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < l->o.n_users; i++) {
        l->connections[i].phone = &l->phones[i];
        l->connections[i].again = (struct net_timer){.fire = again, .arg = &l->connections[i]};
    }
    return map_init(&l->by_flow, &l->mem, l->o.n_users);
}

void load_connections_close(struct load *l)
{
    if (!l->connections)
        return;
    for (uint32_t i = 0; i < l->o.n_users; i++)
        net_timer_cancel(l->net, &l->connections[i].again);
    map_close(&l->by_flow);
    mem_free(&l->mem, l->connections, l->o.n_users * sizeof *l->connections);
}

static struct load_connection *of(const struct load_phone *p)
{
    return p->load->connections ? &p->load->connections[p->index] : NULL;
}

enum err load_connection_need(struct load_phone *p)
{
    struct load_connection *c = of(p);
    struct load            *l = p->load;
    enum err                e;

    if (!c || c->listed)
        return ERR_OK;
    if ((e = flow_open(l->transport, (uint8_t)(p->index % l->o.n_local), &l->o.to, l->peer, &c->flow)))
        return e;
    map_insert(&l->by_flow, &c->node, hash_of(&c->flow));
    c->listed = true;
    return ERR_OK;
}

void load_connection_wait(struct load_phone *p)
{
    struct load_connection *c = of(p);
    struct load            *l = p->load;

    if (!c || c->waits) /* a try and its connection may fail both */
        return;
    c->waits = true;
    c->wait_ms = !c->wait_ms ? FIRST_WAIT_MS : c->wait_ms < MOST_WAIT_MS ? 2 * c->wait_ms : MOST_WAIT_MS;
    net_timer_set(l->net, &c->again, net_now_us(l->net) + 500 * (uint64_t)c->wait_ms + rng_below(&l->random.rng, 500 * (uint64_t)c->wait_ms));
}

void load_connection_good(struct load_phone *p)
{
    struct load_connection *c = of(p);

    if (c)
        c->wait_ms = 0;
}

void load_connection_lost(struct load *l, const struct flow *flow)
{
    for (struct map_node *n = l->connections ? map_find(&l->by_flow, hash_of(flow)) : NULL; n; n = map_find_next(n)) {
        struct load_connection *c = MAP_OF(n, struct load_connection, node);

        if (!flow_eq(&c->flow, flow))
            continue;
        map_remove(&l->by_flow, n);
        c->listed = false;
        l->figures.connections_lost++;
        load_connection_wait(c->phone);
        return;
    }
}
