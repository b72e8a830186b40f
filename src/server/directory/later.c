/* later.c - acts for those who may not wait for a disk: done one after the other by a thread of the directory's.
 *
 * Room      server/directory.
 * In        directory_set_later() from any thread.
 * Touches   d->later and its counts, under d->later_lock. Each job is one block with all its texts. */
#include <string.h>

#include "server/directory/directory_priv.h"

struct later {
    struct list_node      node;
    struct directory_act  act;
    directory_done       *done;
    void                 *arg;
    size_t                octets; /* of all of it */
    struct directory_pair pairs[]; /* then the texts */
};

static size_t octets_of(const struct directory_act *act)
{
    size_t n = sizeof(struct later) + act->n_pairs * sizeof(struct directory_pair) + act->number.n + act->who.n;

    for (size_t i = 0; i < act->n_pairs; i++)
        n += act->pairs[i].key.n + act->pairs[i].value.n;
    return n;
}

static struct slice keep_text(struct buf *b, struct slice s)
{
    size_t at = b->n;

    buf_put(b, s);
    return (struct slice){b->p + at, s.n};
}

static struct later *later_make(struct directory *d, const struct directory_act *act)
{
    size_t        octets = octets_of(act);
    struct later *l = mem_zalloc(d->conf.mem, octets);
    struct buf    b;

    if (!l)
        return NULL;
    buf_init(&b, &l->pairs[act->n_pairs], octets - sizeof *l - act->n_pairs * sizeof l->pairs[0]);
    l->octets = octets;
    l->act = *act;
    l->act.pairs = l->pairs;
    l->act.number = keep_text(&b, act->number);
    l->act.who = keep_text(&b, act->who);
    for (size_t i = 0; i < act->n_pairs; i++) {
        l->pairs[i].key = keep_text(&b, act->pairs[i].key);
        l->pairs[i].value = keep_text(&b, act->pairs[i].value);
    }
    return l;
}

static void carry_out_later(struct directory *d, struct later *l)
{
    struct directory_fault fault = {""};
    enum err               e = directory_set(d, &l->act, &fault);

    if (l->done)
        l->done(l->arg, e, &fault);
    explicit_bzero(l->pairs, l->octets - sizeof *l);
    mem_free(d->conf.mem, l, l->octets);
}

static void *later_thread(void *arg)
{
    struct directory *d = arg;
    struct list_node *at;

    pthread_mutex_lock(&d->later_lock);
    while (!d->later_stop || d->n_later > 0) {
        if (!(at = list_pop(&d->later))) {
            pthread_cond_wait(&d->later_wake, &d->later_lock);
            continue;
        }
        d->n_later--;
        pthread_mutex_unlock(&d->later_lock);
        carry_out_later(d, LIST_OF(at, struct later, node));
        pthread_mutex_lock(&d->later_lock);
    }
    pthread_mutex_unlock(&d->later_lock);
    return NULL;
}

enum err later_open(struct directory *d)
{
    if (!d->conf.later_thread)
        return ERR_OK;
    if (pthread_create(&d->later_tid, NULL, later_thread, d) != 0)
        return ERR_IO;
    d->has_later_thread = true;
    return ERR_OK;
}

void later_close(struct directory *d)
{
    if (!d->has_later_thread)
        return;
    pthread_mutex_lock(&d->later_lock);
    d->later_stop = true;
    pthread_cond_signal(&d->later_wake);
    pthread_mutex_unlock(&d->later_lock);
    pthread_join(d->later_tid, NULL);
    d->has_later_thread = false;
}

void directory_quiet(struct directory *d)
{
    if (d)
        later_close(d);
}

enum err directory_set_later(struct directory *d, const struct directory_act *act, directory_done *done, void *arg)
{
    struct later *l = later_make(d, act);
    enum err      e = ERR_OK;

    if (!l)
        return ERR_NOMEM;
    l->done = done;
    l->arg = arg;
    if (!d->has_later_thread) {
        carry_out_later(d, l);
        return ERR_OK;
    }
    pthread_mutex_lock(&d->later_lock);
    if (d->n_later == DIRECTORY_MAX_LATER)
        e = ERR_FULL;
    else {
        list_append(&d->later, &l->node);
        d->n_later++;
        pthread_cond_signal(&d->later_wake);
    }
    pthread_mutex_unlock(&d->later_lock);
    if (e)
        mem_free(d->conf.mem, l, l->octets);
    return e;
}
