/* die_before.c - loaded into a program by LD_PRELOAD: it is killed (SIGKILL) in the moment before it would send a datagram that
 * begins with the text of STROWGER_DIE_BEFORE, whichever call it sends by. So a test can kill between two messages that leave in
 * one breath. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool is_it(const void *octets, size_t n)
{
    const char *text = getenv("STROWGER_DIE_BEFORE");

    return text && n >= strlen(text) && memcmp(octets, text, strlen(text)) == 0;
}

static bool is_it_in(const struct msghdr *m)
{
    return m->msg_iovlen == 1 && is_it(m->msg_iov->iov_base, m->msg_iov->iov_len);
}

static void die(void)
{
    kill(getpid(), SIGKILL);
}

/* ISO C knows no way from an object's address to a function's but its octets. */
static void find(const char *name, void *function, size_t n)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, n);
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);

    if (is_it_in(m))
        die();
    if (!next)
        find("sendmsg", &next, sizeof next);
    return next(fd, m, flags);
}

/* Those before it still go: the system, too, could be interrupted there. */
int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags)
{
    static int (*next)(int, struct mmsghdr *, unsigned, int);
    unsigned   i = 0;

    while (i < n && !is_it_in(&m[i].msg_hdr))
        i++;
    if (!next)
        find("sendmmsg", &next, sizeof next);
    if (i == n)
        return next(fd, m, n, flags);
    if (i > 0)
        next(fd, m, i, flags);
    die();
    return -1;
}

ssize_t sendto(int fd, const void *octets, size_t n, int flags, const struct sockaddr *to, socklen_t to_n)
{
    static ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

    if (is_it(octets, n))
        die();
    if (!next)
        find("sendto", &next, sizeof next);
    return next(fd, octets, n, flags, to, to_n);
}
