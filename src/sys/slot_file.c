/* slot_file.c - slots of a mapped file, taken and given. See slot_file.h.
 *
 * Room      sys.
 * Touches   the file, and what struct slot_file holds. */
#include "sys/slot_file.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "base/ahead.h"

enum err slot_file_open(struct slot_file *s, const struct slot_file_conf *conf)
{
    struct array_file_conf ac = {.path = conf->path, .version = conf->version, .octets = conf->slot_octets, .max = conf->max};
    enum err               e = ERR_NOMEM;

    *s = (struct slot_file){.conf = *conf};
    memcpy(ac.magic, conf->magic, sizeof ac.magic);
    pthread_mutex_init(&s->growing, NULL);
    if (!(s->free = mem_alloc(conf->mem, conf->max * sizeof *s->free)) || (e = array_file_open(&s->file, &ac))) {
        slot_file_close(s);
        return e;
    }
    s->n_ready = s->file.ready;
    s->conf.path = NULL;
    return ERR_OK;
}

void slot_file_close(struct slot_file *s)
{
    if (!s->conf.mem)
        return;
    array_file_close(&s->file);
    if (s->free)
        mem_free(s->conf.mem, s->free, s->conf.max * sizeof *s->free);
    pthread_mutex_destroy(&s->growing);
    s->conf.mem = NULL;
}

/* More slots, unless another thread has made them meanwhile. */
static enum err grow(struct slot_file *s, uint32_t wanted)
{
    uint32_t from, to;
    enum err e = ERR_OK;

    pthread_mutex_lock(&s->growing);
    spin_lock(&s->lock);
    from = to = s->n_ready;
    if (s->n_free < wanted)
        to = s->conf.max - from > s->conf.grow ? from + s->conf.grow : s->conf.max;
    else
        wanted = 0;
    spin_unlock(&s->lock);
    if (wanted)
        e = to > from ? array_file_grow(&s->file, to) : ERR_FULL;
    if (!e) {
        spin_lock(&s->lock);
        for (uint32_t i = to; i-- > from;)
            s->free[s->n_free++] = i;
        s->n_ready = to;
        spin_unlock(&s->lock);
    }
    pthread_mutex_unlock(&s->growing);
    return e;
}

enum err slot_file_take(struct slot_file *s, uint32_t spare, uint32_t *n)
{
    for (;;) {
        uint32_t next = 0;
        bool     found;

        spin_lock(&s->lock);
        if ((found = s->n_free > spare)) {
            *n = s->free[--s->n_free];
            next = s->n_free ? s->free[s->n_free - 1] : *n;
        }
        spin_unlock(&s->lock);
        if (found) {
            ahead_fetch(slot_file_at(s, next), s->conf.slot_octets);
            return ERR_OK;
        }
        if (grow(s, spare + 1))
            return ERR_FULL;
    }
}

void slot_file_give(struct slot_file *s, uint32_t n)
{
    atomic_store_explicit((_Atomic uint64_t *)slot_file_at(s, n), 0, memory_order_release);
    spin_lock(&s->lock);
    s->free[s->n_free++] = n;
    spin_unlock(&s->lock);
}

uint32_t slot_file_ready(struct slot_file *s)
{
    uint32_t n;

    spin_lock(&s->lock);
    n = s->n_ready;
    spin_unlock(&s->lock);
    return n;
}

uint32_t slot_file_used(struct slot_file *s)
{
    uint32_t n;

    spin_lock(&s->lock);
    n = s->n_ready - s->n_free;
    spin_unlock(&s->lock);
    return n;
}
