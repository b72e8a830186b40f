/* udp.c - datagrams.
 *
 * Room      net.
 * In        the table; udp_on_ready(), from the loop.
 * Out       on->octets, on->error.
 * Touches   its socket; r->datagrams, into which it reads. */
#include <errno.h>
#include <time.h> /* errqueue.h needs it */

#include <linux/errqueue.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/oserr.h"

struct net_udp {
    struct watch             watch; /* first */
    const struct net_udp_on *on;
    void                    *arg;
};

/* One round of datagrams. False when there was no full round: the socket is empty. */
static bool read_round(struct net_udp *u)
{
    struct sockaddr_storage from[REAL_DATAGRAMS];
    struct mmsghdr          m[REAL_DATAGRAMS] = {0};
    struct iovec            v[REAL_DATAGRAMS];
    int                     n;

    for (size_t i = 0; i < REAL_DATAGRAMS; i++) {
        v[i] = (struct iovec){u->watch.r->datagrams + i * NET_MAX_DATAGRAM, NET_MAX_DATAGRAM};
        m[i].msg_hdr = (struct msghdr){.msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &v[i], .msg_iovlen = 1};
    }
    n = recvmmsg(u->watch.fd, m, REAL_DATAGRAMS, MSG_DONTWAIT, NULL);
    for (int i = 0; i < n && !watch_is_closed(&u->watch); i++) {
        struct addr a;

        sock_to_addr(&from[i], &a);
        u->on->octets(u->arg, u, &a, (struct slice){v[i].iov_base, m[i].msg_len});
    }
    return n == REAL_DATAGRAMS;
}

/* The error of an extended message from the error queue; ERR_OK: it is none that concerns a datagram of ours. */
static enum err error_of(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct sock_extended_err e;

        if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
            !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
            continue;
        memcpy(&e, CMSG_DATA(c), sizeof e);
        if (e.ee_origin == SO_EE_ORIGIN_ICMP || e.ee_origin == SO_EE_ORIGIN_ICMP6)
            return e.ee_errno == EMSGSIZE ? ERR_OK : oserr((int)e.ee_errno); /* EMSGSIZE: the next one is cut up */
    }
    return ERR_OK;
}

static bool read_error(struct net_udp *u)
{
    struct sockaddr_storage to = {0};
    char                    control[512], octets[64];
    struct iovec            v = {octets, sizeof octets};
    struct msghdr           m = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &v, .msg_iovlen = 1,
                                 .msg_control = control, .msg_controllen = sizeof control};
    struct addr             remote;
    enum err                e;

    if (recvmsg(u->watch.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return false;
    if ((e = error_of(&m)) && u->on->error) {
        sock_to_addr(&to, &remote);
        u->on->error(u->arg, u, &remote, e);
    }
    return true;
}

static void udp_on_ready(struct watch *w, uint32_t events)
{
    struct net_udp *u = (struct net_udp *)w;

    for (int i = 0; i < REAL_ERRORS && (events & EPOLLERR) && !watch_is_closed(w) && read_error(u); i++)
        continue;
    for (int i = 0; i < REAL_UDP_ROUNDS && (events & EPOLLIN) && !watch_is_closed(w) && read_round(u); i++)
        continue;
}

static void set_options(int fd, const struct net_udp_options *o)
{
    if (o->local.family == ADDR_IP6)
        sock_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
    else
        sock_set(fd, IPPROTO_IP, IP_RECVERR, 1);
    if (o->receive_octets > 0) {
        sock_set(fd, SOL_SOCKET, SO_RCVBUF, o->receive_octets);
        sock_set(fd, SOL_SOCKET, SO_RCVBUFFORCE, o->receive_octets); /* beyond the system's limit, where we may */
    }
}

enum err udp_open(struct net *n, const struct net_udp_options *o, const struct net_udp_on *on, void *arg,
                  struct net_udp **out)
{
    struct real    *r = real_of(n);
    struct net_udp *u;
    int             fd;
    enum err        e = sock_bound(SOCK_DGRAM, &o->local, o->reuse_port, &fd);

    if (e)
        return e;
    set_options(fd, o);
    if (!(u = mem_zalloc(r->mem, sizeof *u))) {
        close(fd);
        return ERR_NOMEM;
    }
    u->on = on;
    u->arg = arg;
    u->watch.ready = udp_on_ready;
    u->watch.octets = sizeof *u;
    if ((e = watch_open(r, &u->watch, fd, EPOLLIN))) {
        close(fd);
        mem_free(r->mem, u, sizeof *u);
        return e;
    }
    *out = u;
    return ERR_OK;
}

enum err udp_send(struct net_udp *u, const struct addr *to, struct slice octets)
{
    struct sockaddr_storage s;
    socklen_t               n = sock_from_addr(to, &s);

    if (octets.n > NET_MAX_DATAGRAM)
        return ERR_LIMIT;
    if (n == 0)
        return ERR_INVALID;
    /* Twice: the first call may only hand back the ICMP error of an earlier datagram, and send nothing. */
    for (int tries = 0; tries < 2; tries++) {
        if (sendto(u->watch.fd, octets.p, octets.n, MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&s, n) >= 0)
            return ERR_OK;
        if (errno == EAGAIN || errno == ENOBUFS)
            return ERR_AGAIN;
        if (errno == EMSGSIZE)
            return ERR_LIMIT;
    }
    return ERR_IO;
}

void udp_local(struct net_udp *u, struct addr *out)
{
    sock_local(u->watch.fd, out);
}

void udp_close(struct net_udp *u)
{
    watch_close(&u->watch);
}
