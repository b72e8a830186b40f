/* outlet.c - datagrams out: what those make that were read together goes to the system together.
 *
 * Room      net.
 * In        the table; the loop and udp.c say when to send, and the loop when to tell.
 * Out       on->unsent.
 * Touches   r->outlet, r->unsent; the sockets. A send costs 3 microseconds, of which half a microsecond is saved where several go
 *           by one call. */
#include <errno.h>
#include <stdalign.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cold.h"
#include "net/real_priv.h"

struct letter {
    struct net_udp         *u;
    uint64_t                mark;
    struct iovec            v;
    struct sockaddr_storage to;
    alignas(struct cmsghdr) char beside[CMSG_SPACE(sizeof(struct in6_pktinfo))]; /* the address that it should leave from */
};

/* Datagrams that wait, in the order in which they were sent. */
struct outlet {
    size_t         n, octets_n;
    struct mmsghdr m[REAL_OUTLET]; /* the i-th is the i-th letter's, for the system */
    struct letter  letter[REAL_OUTLET];
    char           octets[REAL_OUTLET_OCTETS];
};

/* One that did not leave. */
struct unsent {
    struct list_node node;
    struct net_udp  *u;
    struct addr      to;
    uint64_t         mark;
    enum err         e;
    size_t           n;
    char             octets[];
};

enum err outlet_open(struct real *r)
{
    if (!(r->outlet = mem_alloc(r->mem, sizeof *r->outlet)))
        return ERR_NOMEM;
    r->outlet->n = r->outlet->octets_n = 0;
    return ERR_OK;
}

static void unsent_free(struct real *r, struct unsent *x)
{
    mem_free(r->mem, x, sizeof *x + x->n);
}

void outlet_close(struct real *r)
{
    if (r->outlet)
        outlet_send(r);
    for (struct list_node *i; (i = list_pop(&r->unsent));)
        unsent_free(r, LIST_OF(i, struct unsent, node));
    mem_free(r->mem, r->outlet, sizeof *r->outlet);
}

/* ---- in ---- */

/* Tell the system which address of ours it leaves from. */
static void put_local(struct msghdr *m, struct letter *l, const struct addr *from, const struct addr *to)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)l->beside;

    memset(l->beside, 0, sizeof l->beside);
    m->msg_control = l->beside;
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

/* A copy of what is to wait. */
static char *keep_octets(struct outlet *o, struct slice octets)
{
    char *p = o->octets + o->octets_n;

    if (octets.n)
        memcpy(p, octets.p, octets.n);
    o->octets_n += octets.n;
    return p;
}

enum err udp_send(struct net_udp *u, const struct addr *from, const struct addr *to, struct slice octets, uint64_t mark)
{
    struct real   *r = u->watch.r;
    struct outlet *o = r->outlet;
    struct letter *l;
    struct msghdr *m;

    if (o->n == REAL_OUTLET || octets.n > sizeof o->octets - o->octets_n)
        outlet_send(r);
    l = &o->letter[o->n];
    m = &o->m[o->n].msg_hdr;
    o->n++;
    l->u = u;
    l->mark = mark;
    l->v = (struct iovec){r->gathers ? keep_octets(o, octets) : (char *)(size_t)octets.p, octets.n};
    *m = (struct msghdr){.msg_name = &l->to, .msg_namelen = sock_from_addr(to, &l->to), .msg_iov = &l->v, .msg_iovlen = 1};
    if (u->any && from && from->family == u->local.family && !addr_is_any(from))
        put_local(m, l, from, to);
    if (!r->gathers)
        outlet_send(r);
    return ERR_OK;
}

/* ---- to the system ---- */

/* How many of the n, from the first on, have left; 0: errno says why the first did not. One with nothing beside it goes as four
 * arguments: a head that the system has to fetch first costs 7 % of the call. */
static size_t hand_over(struct outlet *o, size_t first, size_t n)
{
    const int            flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const struct msghdr *m = &o->m[first].msg_hdr;
    int                  fd = o->letter[first].u->watch.fd;
    ssize_t              r;

    if (n > 1) {
        r = sendmmsg(fd, &o->m[first], (unsigned)n, flags);
        return r > 0 ? (size_t)r : 0;
    }
    r = m->msg_control ? sendmsg(fd, m, flags)
                       : sendto(fd, m->msg_iov->iov_base, m->msg_iov->iov_len, flags, m->msg_name, m->msg_namelen);
    return r >= 0;
}

static enum err said(int e)
{
    if (e == EAGAIN || e == ENOBUFS)
        return ERR_AGAIN;
    return e == EMSGSIZE ? ERR_LIMIT : ERR_IO;
}

/* The i-th did not leave, and errno says why. That may have been the ICMP error of an earlier datagram, which the system hands back
 * once. Or this machine has lost the address that it should leave from: then the system picks another. */
COLD static enum err try_alone(struct outlet *o, size_t i)
{
    struct msghdr *m = &o->m[i].msg_hdr;

    if (said(errno) != ERR_IO)
        return said(errno);
    if (hand_over(o, i, 1))
        return ERR_OK;
    if (!m->msg_control || (errno != EINVAL && errno != EADDRNOTAVAIL && errno != ENETUNREACH))
        return said(errno);
    m->msg_control = NULL;
    m->msg_controllen = 0;
    return hand_over(o, i, 1) ? ERR_OK : said(errno);
}

/* Without memory for it nobody is told: it is lost, as on a wire. */
COLD static void keep_unsent(struct real *r, size_t i, enum err e)
{
    const struct letter *l = &r->outlet->letter[i];
    struct slice         octets = {l->v.iov_base, l->v.iov_len};
    struct unsent       *x = mem_alloc(r->mem, sizeof *x + octets.n);

    if (!x)
        return;
    *x = (struct unsent){.u = l->u, .mark = l->mark, .e = e, .n = octets.n};
    sock_to_addr(&l->to, &x->to);
    if (octets.n)
        memcpy(x->octets, octets.p, octets.n);
    list_append(&r->unsent, &x->node);
}

COLD static void send_alone(struct real *r, size_t i)
{
    enum err e = try_alone(r->outlet, i);

    if (e)
        keep_unsent(r, i, e);
}

/* How many follow each other on one socket. */
static size_t run_from(const struct outlet *o, size_t first)
{
    size_t n = 1;

    while (first + n < o->n && o->letter[first + n].u == o->letter[first].u)
        n++;
    return n;
}

void outlet_send(struct real *r)
{
    struct outlet *o = r->outlet;

    for (size_t i = 0, n; i < o->n; i += n)
        if ((n = hand_over(o, i, run_from(o, i))) == 0) {
            send_alone(r, i);
            n = 1;
        }
    o->n = o->octets_n = 0;
}

void udp_flush(struct net *n)
{
    outlet_send(real_of(n));
}

/* ---- what did not leave ---- */

void outlet_tell(struct real *r)
{
    for (struct list_node *i; (i = list_pop(&r->unsent));) {
        struct unsent  *x = LIST_OF(i, struct unsent, node);
        struct net_udp *u = x->u;

        if (u->on->unsent) {
            real_take_up(r);
            u->on->unsent(u->arg, u, &x->to, (struct slice){x->octets, x->n}, x->mark, x->e);
        }
        unsent_free(r, x);
    }
}

void outlet_forget(struct net_udp *u)
{
    struct real *r = u->watch.r;

    for (struct list_node *i = list_first(&r->unsent), *next; i; i = next) {
        struct unsent *x = LIST_OF(i, struct unsent, node);

        next = list_next(&r->unsent, i);
        if (x->u == u) {
            list_remove(i);
            unsent_free(r, x);
        }
    }
}
