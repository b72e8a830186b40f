/* udp.c - datagrams in.
 *
 * Room      net.
 * In        the table; udp_on_ready(), from the loop.
 * Out       on->octets, on->error.
 * Touches   its socket; r->datagrams, into which it reads.
 * Not here  datagrams out (outlet.c). */
#include <errno.h>
#include <time.h> /* errqueue.h needs it */

#include <linux/errqueue.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/oserr.h"

/* What the system says beside a datagram: the address that it came to, and when it came. */
union beside {
    struct cmsghdr head;
    char           octets[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(sizeof(struct timespec))];
};

/* The local address of a message that was read. ipi_spec_dst is what an answer leaves from (that is another address than
 * the one in the head of a broadcast); an ICMP error has none, but its head is addressed to where we sent from. */
static void read_local(const struct net_udp *u, struct msghdr *m, bool is_error, struct addr *out)
{
    *out = u->local;
    for (struct cmsghdr *c = u->any ? CMSG_FIRSTHDR(m) : NULL; c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            memcpy(out->ip, is_error ? &info.ipi_addr : &info.ipi_spec_dst, 4);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;

            memcpy(&info, CMSG_DATA(c), sizeof info);
            if (!IN6_IS_ADDR_MULTICAST(&info.ipi6_addr))
                memcpy(out->ip, &info.ipi6_addr, 16);
        }
    }
}

/* How long a datagram has waited until it was taken up: the system's time of its arrival against now. Both are wall clock, which
 * may be set meanwhile: what cannot be is 0. */
static uint64_t read_waited(struct msghdr *m, uint64_t wall_us)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        struct timespec t;
        uint64_t        came_us;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&t, CMSG_DATA(c), sizeof t);
        came_us = (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
        return wall_us > came_us ? wall_us - came_us : 0;
    }
    return 0;
}

/* Made once: the system is told where to write the next datagrams, and writes into it where they came from. */
struct inlet {
    struct mmsghdr          m[REAL_DATAGRAMS];
    struct iovec            v[REAL_DATAGRAMS];
    struct sockaddr_storage from[REAL_DATAGRAMS];
    union beside            beside[REAL_DATAGRAMS];
};

/* Room for the i-th, as if nothing had been read into it. */
static void make_room(struct inlet *in, size_t i)
{
    in->m[i].msg_hdr = (struct msghdr){.msg_name = &in->from[i], .msg_namelen = sizeof in->from[i], .msg_iov = &in->v[i],
                                       .msg_iovlen = 1, .msg_control = &in->beside[i], .msg_controllen = sizeof in->beside[i]};
}

enum err inlet_open(struct real *r)
{
    struct inlet *in = r->inlet = mem_alloc(r->mem, sizeof *in);

    if (!in)
        return ERR_NOMEM;
    for (size_t i = 0; i < REAL_DATAGRAMS; i++) {
        in->v[i] = (struct iovec){r->datagrams + i * REAL_DATAGRAM_STEP, NET_MAX_DATAGRAM};
        make_room(in, i);
    }
    return ERR_OK;
}

void inlet_close(struct real *r)
{
    mem_free(r->mem, r->inlet, sizeof *r->inlet);
}

/* One round of datagrams. False when there was no full round: the socket is empty. */
static bool read_round(struct net_udp *u)
{
    struct real  *r = u->watch.r;
    struct inlet *in = r->inlet;
    int           n = recvmmsg(u->watch.fd, in->m, REAL_DATAGRAMS, MSG_DONTWAIT, NULL);

    r->gathers = n > 1;
    for (int i = 0; i < n; i++) {
        struct addr  a, local;
        struct slice octets = {in->v[i].iov_base, in->m[i].msg_len};

        if (!watch_is_closed(&u->watch)) {
            sock_to_addr(&in->from[i], &a);
            read_local(u, &in->m[i].msg_hdr, false, &local);
            real_take_up(r);
            r->waited_us = read_waited(&in->m[i].msg_hdr, r->wall_us);
            u->on->octets(u->arg, u, &a, &local, octets);
        }
        make_room(in, (size_t)i);
    }
    r->gathers = false;
    outlet_send(r);
    r->waited_us = r->turn_us;
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
    struct addr             local, remote;
    enum err                e;

    if (recvmsg(u->watch.fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
        return false;
    if ((e = error_of(&m)) && u->on->error) {
        sock_to_addr(&to, &remote);
        read_local(u, &m, true, &local);
        real_take_up(u->watch.r);
        u->on->error(u->arg, u, &local, &remote, e);
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
    bool any = addr_is_any(&o->local);

    if (o->local.family == ADDR_IP6) {
        sock_set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1);
        sock_set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, any);
    } else {
        sock_set(fd, IPPROTO_IP, IP_RECVERR, 1);
        sock_set(fd, IPPROTO_IP, IP_PKTINFO, any);
    }
    sock_set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
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
    sock_local(fd, &u->local);
    u->any = addr_is_any(&u->local);
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

void udp_local(struct net_udp *u, struct addr *out)
{
    *out = u->local;
}

void udp_close(struct net_udp *u)
{
    outlet_send(u->watch.r);
    outlet_forget(u);
    watch_close(&u->watch);
}
