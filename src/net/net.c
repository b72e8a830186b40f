/* net.c - the calls of net.h, handed to whichever world the net belongs to. Room net. */
#include "net/net.h"

enum err net_udp_send(struct net *n, struct net_udp *u, const struct addr *to, struct slice octets)
{
    return net_udp_send_from(n, u, NULL, to, octets, 0);
}

/* size: the table's own parameters */
enum err net_udp_send_from(struct net *n, struct net_udp *u, const struct addr *from, const struct addr *to,
                           struct slice octets, uint64_t mark)
{
    if (octets.n > NET_MAX_DATAGRAM)
        return ERR_LIMIT;
    if (to->family == ADDR_NONE || to->port == 0)
        return ERR_INVALID;
    return n->ops->udp_send(u, from, to, octets, mark);
}

void net_udp_local(struct net *n, struct net_udp *u, struct addr *out)
{
    n->ops->udp_local(u, out);
}

void net_udp_close(struct net *n, struct net_udp *u)
{
    if (u)
        n->ops->udp_close(u);
}

enum err net_tcp_listen(struct net *n, const struct addr *local, bool reuse_port, const struct net_listener_on *on,
                        void *arg, struct net_listener **out)
{
    return n->ops->tcp_listen(n, local, reuse_port, on, arg, out);
}

void net_listener_local(struct net *n, struct net_listener *l, struct addr *out)
{
    n->ops->listener_local(l, out);
}

void net_listener_close(struct net *n, struct net_listener *l)
{
    if (l)
        n->ops->listener_close(l);
}

/* size: the table's own parameters */
enum err net_tcp_connect(struct net *n, const struct addr *local, const struct addr *to, uint32_t timeout_ms,
                         const struct net_tcp_on *on, void *arg, struct net_tcp **out)
{
    return n->ops->tcp_connect(n, local, to, timeout_ms, on, arg, out);
}

void net_tcp_attach(struct net *n, struct net_tcp *t, const struct net_tcp_on *on, void *arg)
{
    n->ops->tcp_attach(t, on, arg);
}

enum err net_tcp_send(struct net *n, struct net_tcp *t, struct slice octets)
{
    return n->ops->tcp_send(t, octets);
}

void net_tcp_finish(struct net *n, struct net_tcp *t)
{
    n->ops->tcp_finish(t);
}

void net_tcp_pause(struct net *n, struct net_tcp *t, bool paused)
{
    n->ops->tcp_pause(t, paused);
}

void net_tcp_ends(struct net *n, struct net_tcp *t, struct addr *local, struct addr *remote)
{
    n->ops->tcp_ends(t, local, remote);
}

void net_tcp_close(struct net *n, struct net_tcp *t)
{
    if (t)
        n->ops->tcp_close(t);
}

enum err net_tls_open(struct net *n, const struct net_tls_config *c, enum net_tls_part *wrong, struct net_tls **out)
{
    return n->ops->tls_open(n, c, wrong, out);
}

enum err net_tls_renew(struct net *n, struct net_tls *tls, const struct net_tls_config *c, enum net_tls_part *wrong)
{
    return n->ops->tls_renew(tls, c, wrong);
}

void net_tls_close(struct net *n, struct net_tls *tls)
{
    if (tls)
        n->ops->tls_close(tls);
}

enum err net_tcp_secure(struct net *n, struct net_tcp *t, struct net_tls *tls, struct slice name)
{
    return name.n > NET_TLS_MAX_NAME ? ERR_LIMIT : n->ops->tcp_secure(t, tls, name);
}

enum err net_source_for(struct net *n, const struct addr *to, struct addr *out)
{
    return n->ops->source_for(n, to, out);
}

enum err net_resolve(struct net *n, struct net_question *q, enum net_query type, struct slice name)
{
    return n->ops->resolve(n, q, type, name);
}

void net_resolve_cancel(struct net *n, struct net_question *q)
{
    n->ops->resolve_cancel(n, q);
}

enum err net_watch_fd(struct net *n, int fd, void (*readable)(void *arg), void *arg)
{
    return n->ops->watch_fd(n, fd, readable, arg);
}

void net_unwatch_fd(struct net *n, int fd)
{
    n->ops->unwatch_fd(n, fd);
}
