/* watch.c - descriptors in the loop.
 *
 * Room      net.
 * Touches   the epoll set, r->watches and r->graves. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "net/real_priv.h"
#include "sys/oserr.h"

enum err watch_open(struct real *r, struct watch *w, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};

    w->r = r;
    w->fd = fd;
    w->events = events;
    if (epoll_ctl(r->epoll, EPOLL_CTL_ADD, fd, &e)) {
        if (errno != EPERM || !w->theirs) { /* EPERM: a file */
            w->fd = -1;
            return oserr(errno) == ERR_FULL ? ERR_LIMIT : oserr(errno);
        }
        w->always = true;
        r->n_always++;
    }
    list_append(&r->watches, &w->node);
    return ERR_OK;
}

void watch_change(struct watch *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};

    if (watch_is_closed(w) || w->events == events)
        return;
    w->events = events;
    epoll_ctl(w->r->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void watch_end(struct watch *w)
{
    if (watch_is_closed(w))
        return;
    if (w->always)
        w->r->n_always--;
    else
        epoll_ctl(w->r->epoll, EPOLL_CTL_DEL, w->fd, NULL);
    if (!w->theirs)
        close(w->fd);
    w->fd = -1;
}

void watch_close(struct watch *w)
{
    watch_end(w);
    list_remove(&w->node);
    list_append(&w->r->graves, &w->node);
}

void watch_free_closed(struct real *r)
{
    for (struct list_node *n; (n = list_pop(&r->graves));) {
        struct watch *w = LIST_OF(n, struct watch, node);

        if (w->bury)
            w->bury(w);
        mem_free(r->mem, w, w->octets);
    }
}
