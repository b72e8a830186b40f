/* post.c - sending on another worker's stream: a copy to its owner, first in first out (PROTOCOL 3.2).
 *
 * Room      sip/transport.
 * In        post_send(), on the sender's thread; inbox_drain(), on the owner's.
 * Touches   the owner's inbox, under its lock.
 *
 * One net_post() is under way whenever something waits. The owner also drains before it sends anything itself: a shard that
 * was held elsewhere and posted, and is now held here and sends, must not overtake itself. What cannot be delivered is told
 * as `lost` from the posted call only, because nobody may be called back from inside flow_send(). */
#include "sip/transport/transport_priv.h"

#include <string.h>

static void posted_free(struct posted *p)
{
    mem_free(p->mem, p, sizeof *p + p->n);
}

/* Everything that waits, in order. `done`: the net_post() that was under way has come. */
static struct posted *inbox_take(struct inbox *box, bool done)
{
    struct posted *first;

    spin_lock(&box->lock);
    first = box->first;
    box->first = box->last = NULL;
    __atomic_store_n(&box->octets, 0, __ATOMIC_RELAXED);
    if (done)
        box->told = false;
    spin_unlock(&box->lock);
    return first;
}

static void keep_undelivered(struct inbox *box, struct posted *p)
{
    struct posted **end = &box->undelivered;

    while (*end)
        end = &(*end)->next;
    p->next = NULL;
    *end = p;
}

static void deliver_all(struct transport *tp, struct posted *p)
{
    while (p) {
        struct posted *next = p->next;

        if ((p->why = stream_send(tp, &p->flow, (struct slice){p->octets, p->n})))
            keep_undelivered(&tp->inbox, p);
        else
            posted_free(p);
        p = next;
    }
}

void inbox_drain(struct transport *tp)
{
    if (__atomic_load_n(&tp->inbox.octets, __ATOMIC_RELAXED))
        deliver_all(tp, inbox_take(&tp->inbox, false));
}

/* Their senders were told ERR_OK, so this is how they learn of it. A stream that is open and would not take it has a peer
 * that does not read: it is ended, since a hole in the middle of its messages cannot be mended. */
static void tell_undelivered(struct transport *tp)
{
    struct posted *p = tp->inbox.undelivered;

    tp->inbox.undelivered = NULL;
    while (p) {
        struct posted *next = p->next;
        struct stream *s = stream_find(tp, &p->flow);
        struct flow    f = p->flow;
        enum err       why = p->why;

        posted_free(p);
        if (s && s->state != STREAM_HALF)
            stream_end(s, why);
        else
            flow_on_lost(tp, &f, why);
        p = next;
    }
}

/* arg: the owner's place in config.all, which is NULL once it has closed. */
static void on_posted(void *arg)
{
    struct transport *tp = __atomic_load_n((struct transport **)arg, __ATOMIC_ACQUIRE);

    if (!tp)
        return;
    deliver_all(tp, inbox_take(&tp->inbox, true));
    tell_undelivered(tp);
}

static enum err inbox_put(struct inbox *box, struct posted *p, bool *wake)
{
    enum err e = ERR_OK;

    spin_lock(&box->lock);
    if (box->octets + p->n > INBOX_MAX_OCTETS) {
        e = ERR_FULL;
    } else {
        if (box->last)
            box->last->next = p;
        else
            box->first = p;
        box->last = p;
        __atomic_store_n(&box->octets, box->octets + p->n, __ATOMIC_RELAXED);
        *wake = !box->told;
        box->told = true;
    }
    spin_unlock(&box->lock);
    return e;
}

enum err post_send(struct transport *tp, const struct flow *f, struct slice octets)
{
    struct transport  *owner = stream_owner(tp, f);
    struct posted     *p;
    bool               wake;
    enum err           e;

    if (!owner || !stream_is_usable(owner, f))
        return ERR_CLOSED;
    if (!(p = mem_alloc(tp->mem, sizeof *p + octets.n)))
        return ERR_NOMEM;
    *p = (struct posted){.mem = tp->mem, .flow = *f, .n = octets.n};
    memcpy(p->octets, octets.p, octets.n);
    if ((e = inbox_put(&owner->inbox, p, &wake))) {
        posted_free(p);
        return e;
    }
    if (wake)
        net_post(owner->net, on_posted, &tp->config.all[f->worker]);
    return ERR_OK;
}

void inbox_close(struct transport *tp)
{
    struct posted *lists[2] = {inbox_take(&tp->inbox, true), tp->inbox.undelivered};

    tp->inbox.undelivered = NULL;
    for (int i = 0; i < 2; i++)
        for (struct posted *p = lists[i], *next; p; p = next) {
            next = p->next;
            posted_free(p);
        }
}
