/* die_before.c - loaded into a program by LD_PRELOAD: it is killed (SIGKILL) in the moment before it would send a datagram that
 * begins with the text of STROWGER_DIE_BEFORE. So a test can kill between two messages that leave in one breath. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    static ssize_t (*next)(int, const struct msghdr *, int);
    const char    *text = getenv("STROWGER_DIE_BEFORE");

    if (text && m->msg_iovlen == 1 && m->msg_iov->iov_len >= strlen(text) && memcmp(m->msg_iov->iov_base, text, strlen(text)) == 0)
        kill(getpid(), SIGKILL);
    if (!next) {
        void *found = dlsym(RTLD_NEXT, "sendmsg");

        memcpy(&next, &found, sizeof next);
    }
    return next(fd, m, flags);
}
