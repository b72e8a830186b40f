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
#include "sys/clock.h"
#include "sys/oserr.h"

struct net_udp {
    struct watch             watch; /* first */
    struct addr              local;
    bool                     any; /* bound to 0.0.0.0 or ::, so the system is asked and told which address it is */
    const struct net_udp_on *on;
    void                    *arg;
};

/* What the system says beside a datagram: the address that it came to, or should leave from; and when it came. */
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

/* How long a datagram that was read has waited for it: the system's time of its arrival against now. Both are wall clock, which
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
    uint64_t      wall_us = clock_wall_us();

    for (int i = 0; i < n; i++) {
        struct addr  a, local;
        struct slice octets = {in->v[i].iov_base, in->m[i].msg_len};

        if (!watch_is_closed(&u->watch)) {
            sock_to_addr(&in->from[i], &a);
            read_local(u, &in->m[i].msg_hdr, false, &local);
            r->waited_us = read_waited(&in->m[i].msg_hdr, wall_us);
            u->on->octets(u->arg, u, &a, &local, octets);
        }
        make_room(in, (size_t)i);
    }
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

/* Tell the system which address of ours it leaves from. */
static void put_local(struct msghdr *m, union beside *beside, const struct addr *from, const struct addr *to)
{
    struct cmsghdr *c = &beside->head;

    memset(beside, 0, sizeof *beside);
    m->msg_control = beside;
    if (from->family == ADDR_IP6) {
        struct in6_pktinfo info = {.ipi6_ifindex = to->scope};

        memcpy(&info.ipi6_addr, from->ip, 16);
        *c = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IPV6, IPV6_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        m->msg_controllen = CMSG_SPACE(sizeof info);
    } else {
        struct in_pktinfo info = {0};

        memcpy(&info.ipi_spec_dst, from->ip, 4);
        *c = (struct cmsghdr){CMSG_LEN(sizeof info), IPPROTO_IP, IP_PKTINFO};
        memcpy(CMSG_DATA(c), &info, sizeof info);
        m->msg_controllen = CMSG_SPACE(sizeof info);
    }
}

/* With nothing beside it a datagram goes as four arguments: a head that the system has to fetch first costs 7 % of the call. */
static ssize_t hand_over(int fd, const struct msghdr *m)
{
    const int flags = MSG_DONTWAIT | MSG_NOSIGNAL;

    return m->msg_control ? sendmsg(fd, m, flags)
                          : sendto(fd, m->msg_iov->iov_base, m->msg_iov->iov_len, flags, m->msg_name, m->msg_namelen);
}

enum err udp_send(struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets)
{
    struct sockaddr_storage s;
    struct iovec            v = {(char *)(size_t)octets.p, octets.n};
    struct msghdr           m = {.msg_name = &s, .msg_namelen = sock_from_addr(to, &s), .msg_iov = &v, .msg_iovlen = 1};
    union beside            beside;

    if (octets.n > NET_MAX_DATAGRAM)
        return ERR_LIMIT;
    if (m.msg_namelen == 0)
        return ERR_INVALID;
    if (u->any && from && !addr_is_any(from)) {
        if (from->family != u->local.family)
            return ERR_INVALID;
        put_local(&m, &beside, from, to);
    }
    /* Twice: the first call may only hand back the ICMP error of an earlier datagram, and send nothing. */
    for (int tries = 0; tries < 2; tries++) {
        if (hand_over(u->watch.fd, &m) >= 0)
            return ERR_OK;
        if (errno == EAGAIN || errno == ENOBUFS)
            return ERR_AGAIN;
        if (errno == EMSGSIZE)
            return ERR_LIMIT;
    }
    return m.msg_control && (errno == EINVAL || errno == EADDRNOTAVAIL || errno == ENETUNREACH) ? ERR_INVALID : ERR_IO;
}

void udp_local(struct net_udp *u, struct addr *out)
{
    *out = u->local;
}

void udp_close(struct net_udp *u)
{
    watch_close(&u->watch);
}
