/* transport.c - one worker's transport: opened, listening, closed; its names and its counts.
 *
 * Room      sip/transport.
 * In        the door's transport_*() but for names (resolve.c).
 * Touches   *tp, and its entry in config.all.
 * Not here  datagrams (udp.c), streams (stream.c, cut.c), which listener (select.c). */
#include "sip/transport/transport_priv.h"

static const struct slice via_names[TRANSPORT_KINDS] = {
    [TRANSPORT_UDP] = {"UDP", 3}, [TRANSPORT_TCP] = {"TCP", 3},   [TRANSPORT_TLS] = {"TLS", 3},
    [TRANSPORT_WS] = {"WS", 2},   [TRANSPORT_WSS] = {"WSS", 3},
};
static const struct slice param_names[TRANSPORT_KINDS] = {
    [TRANSPORT_UDP] = {"udp", 3}, [TRANSPORT_TCP] = {"tcp", 3},   [TRANSPORT_TLS] = {"tls", 3},
    [TRANSPORT_WS] = {"ws", 2},   [TRANSPORT_WSS] = {"wss", 3},
};

struct slice transport_via_name(enum transport_kind k)
{
    return via_names[k];
}

struct slice transport_param_name(enum transport_kind k)
{
    return param_names[k];
}

enum err transport_kind_find(struct slice name, enum transport_kind *out)
{
    for (unsigned k = 0; k < TRANSPORT_KINDS; k++)
        if (slice_ieq(name, param_names[k])) {
            *out = (enum transport_kind)k;
            return ERR_OK;
        }
    return ERR_NOTFOUND;
}

enum err transport_open(const struct transport_config *config, struct transport **out)
{
    struct transport *tp = mem_zalloc(config->mem, sizeof *tp);
    enum err          e;

    if (!tp)
        return ERR_NOMEM;
    tp->config = *config;
    tp->net = config->net;
    tp->mem = config->mem;
    tp->key.k0 = rng_u64(config->rng);
    tp->key.k1 = rng_u64(config->rng);
    list_init(&tp->lookups);
    if ((e = streams_open(&tp->streams, tp))) {
        mem_free(tp->mem, tp, sizeof *tp);
        return e;
    }
    if (config->all)
        __atomic_store_n(&config->all[config->worker], tp, __ATOMIC_RELEASE);
    *out = tp;
    return ERR_OK;
}

void transport_close(struct transport *tp)
{
    if (!tp)
        return;
    tp->closing = true;
    if (tp->config.all)
        __atomic_store_n(&tp->config.all[tp->config.worker], NULL, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < tp->n_listeners; i++) {
        net_udp_close(tp->net, tp->listener[i].udp);
        net_listener_close(tp->net, tp->listener[i].tcp);
    }
    inbox_close(tp);
    streams_close(tp);
    lookups_close(tp);
    mem_free(tp->mem, tp, sizeof *tp);
}

/* The advertised host as an address, when it is one. */
static void read_advertised(struct listener *l)
{
    struct addr a;

    if (addr_parse(l->advertised, &a) == ERR_OK) {
        l->advertised_addr = a;
        if (!a.port)
            l->advertised_addr.port = transport_default_port(l->kind);
    }
}

enum err transport_listen(struct transport *tp, const struct transport_listen *how, uint8_t *index)
{
    struct listener *l;
    enum err         e;

    if (tp->n_listeners == TRANSPORT_MAX_LISTENERS)
        return ERR_LIMIT;
    l = &tp->listener[tp->n_listeners];
    *l = (struct listener){.tp = tp, .kind = how->kind, .index = tp->n_listeners, .local = how->local, .tls = how->tls};
    l->any = addr_is_any(&how->local);
    l->advertised = how->advertised;
    read_advertised(l);
    switch (how->kind) {
    case TRANSPORT_UDP:
        e = udp_listen(l);
        break;
    case TRANSPORT_TCP:
        e = stream_listen(l);
        break;
    case TRANSPORT_TLS:
        e = how->tls ? stream_listen(l) : ERR_UNSUPPORTED;
        break;
    case TRANSPORT_WS:
    case TRANSPORT_WSS:
    case TRANSPORT_KINDS:
    default:
        e = ERR_UNSUPPORTED;
        break;
    }
    if (e)
        return e;
    *index = tp->n_listeners++;
    return ERR_OK;
}

size_t transport_listeners(const struct transport *tp)
{
    return tp->n_listeners;
}

void transport_listener_local(struct transport *tp, uint8_t index, enum transport_kind *kind, struct addr *local)
{
    *kind = tp->listener[index].kind;
    *local = tp->listener[index].local;
}

void transport_leave_out(struct transport *tp, bool left_out)
{
    tp->left_out = left_out;
}

struct net *transport_net(struct transport *tp)
{
    return tp->net;
}

uint64_t transport_now_ms(struct transport *tp)
{
    return net_now_ms(tp->net);
}

/* An address is this machine's own when what is sent to it would leave from it. All of 127/8 is. */
static bool is_own_ip(struct transport *tp, const struct addr *a)
{
    struct addr source;

    return addr_is_loopback(a) || (select_source(tp, a, &source) == ERR_OK && addr_same_ip(a, &source));
}

bool transport_is_local(struct transport *tp, enum transport_kind kind, const struct addr *a)
{
    uint16_t port = a->port ? a->port : transport_default_port(kind);

    for (unsigned i = 0; i < tp->n_listeners; i++) {
        struct listener *l = &tp->listener[i];

        if (l->kind != kind)
            continue;
        if (l->advertised_addr.family && l->advertised_addr.port == port && addr_same_ip(&l->advertised_addr, a))
            return true;
        if (l->local.port != port)
            continue;
        if (l->any ? l->local.family == a->family && is_own_ip(tp, a) : addr_same_ip(&l->local, a))
            return true;
    }
    return false;
}

void transport_counts(const struct transport *tp, struct transport_counts *out)
{
    out->keep_alives = __atomic_load_n(&tp->counts.keep_alives, __ATOMIC_RELAXED);
    out->broken = __atomic_load_n(&tp->counts.broken, __ATOMIC_RELAXED);
    out->slow = __atomic_load_n(&tp->counts.slow, __ATOMIC_RELAXED);
    out->idle = __atomic_load_n(&tp->counts.idle, __ATOMIC_RELAXED);
    out->refused = __atomic_load_n(&tp->counts.refused, __ATOMIC_RELAXED);
    out->streams = __atomic_load_n(&tp->streams.n, __ATOMIC_RELAXED);
}
