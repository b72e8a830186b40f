/* sock.c - addresses as the system has them, and sockets bound to them.
 *
 * Room      net.
 * Touches   the system's sockets. IPv6 sockets are for IPv6 alone. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/oserr.h"

#define ANY_PORT 9 /* where a probe points to when no port is said; nothing is sent there */

socklen_t sock_from_addr(const struct addr *a, struct sockaddr_storage *out)
{
    if (a->family == ADDR_IP4) {
        struct sockaddr_in *s = (struct sockaddr_in *)out;

        *s = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&s->sin_addr, a->ip, 4);
        return sizeof *s;
    }
    if (a->family == ADDR_IP6) {
        struct sockaddr_in6 *s = (struct sockaddr_in6 *)out;

        *s = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port), .sin6_scope_id = a->scope};
        memcpy(&s->sin6_addr, a->ip, 16);
        return sizeof *s;
    }
    return 0;
}

void sock_to_addr(const struct sockaddr_storage *s, struct addr *out)
{
    *out = (struct addr){0};
    if (s->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)s;

        out->family = ADDR_IP4;
        out->port = ntohs(in->sin_port);
        memcpy(out->ip, &in->sin_addr, 4);
    } else if (s->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)s;

        out->family = ADDR_IP6;
        out->port = ntohs(in6->sin6_port);
        out->scope = in6->sin6_scope_id;
        memcpy(out->ip, &in6->sin6_addr, 16);
    }
}

void sock_set(int fd, int level, int option, int value)
{
    setsockopt(fd, level, option, &value, sizeof value); /* what the system does not know it does without */
}

void sock_local(int fd, struct addr *out)
{
    struct sockaddr_storage s = {0};
    socklen_t               n = sizeof s;

    getsockname(fd, (struct sockaddr *)&s, &n);
    sock_to_addr(&s, out);
}

enum err sock_bound(int type, const struct addr *local, bool reuse_port, int *out)
{
    struct sockaddr_storage s;
    socklen_t               n = sock_from_addr(local, &s);
    int                     fd, said;

    if (n == 0)
        return ERR_INVALID;
    if ((fd = socket(s.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
        return oserr(errno);
    if (local->family == ADDR_IP6)
        sock_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    if (type == SOCK_STREAM)
        sock_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (reuse_port)
        sock_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (bind(fd, (struct sockaddr *)&s, n)) {
        said = errno;
        close(fd);
        return oserr(said);
    }
    *out = fd;
    return ERR_OK;
}

enum err sock_source_for(struct real *r, const struct addr *to, struct addr *out)
{
    struct sockaddr_storage s;
    struct addr             there = *to;
    socklen_t               n;
    int                    *probe = to->family == ADDR_IP6 ? &r->probe6 : &r->probe4;

    if (there.port == 0)
        there.port = ANY_PORT;
    if ((n = sock_from_addr(&there, &s)) == 0)
        return ERR_INVALID;
    if (*probe < 0 && (*probe = socket(s.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) < 0)
        return oserr(errno);
    /* Undone first: a socket that is connected keeps its source address when it is connected elsewhere. */
    if (connect(*probe, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(struct sockaddr)) && errno != EAFNOSUPPORT)
        return oserr(errno);
    if (connect(*probe, (struct sockaddr *)&s, n))
        return errno == ENETUNREACH || errno == EHOSTUNREACH ? ERR_NOTFOUND : oserr(errno);
    sock_local(*probe, out);
    out->port = 0;
    return ERR_OK;
}
