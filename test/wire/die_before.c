/* die_before.c - loaded into a program by LD_PRELOAD: it is killed (SIGKILL) in the moment before it would send a datagram that
 * begins with the text of STROWGER_DIE_BEFORE, whichever call it sends by. So a test can kill between two messages that leave in
 * one breath. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void look_at(const void *octets, size_t n)
{
    const char *text = getenv("STROWGER_DIE_BEFORE");

    if (text && n >= strlen(text) && memcmp(octets, text, strlen(text)) == 0)
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

    if (m->msg_iovlen == 1)
        look_at(m->msg_iov->iov_base, m->msg_iov->iov_len);
    if (!next)
        find("sendmsg", &next, sizeof next);
    return next(fd, m, flags);
}

ssize_t sendto(int fd, const void *octets, size_t n, int flags, const struct sockaddr *to, socklen_t to_n)
{
    static ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

    look_at(octets, n);
    if (!next)
        find("sendto", &next, sizeof next);
    return next(fd, octets, n, flags, to, to_n);
}
