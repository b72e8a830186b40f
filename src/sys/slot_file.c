/* slot_file.c - a mapped file of fixed slots: made, grown, its slots taken and given. See slot_file.h.
 *
 * Room      sys.
 * Touches   the file, and what struct slot_file holds. */
#include "sys/slot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/oserr.h"

struct head {
    char     magic[8];
    uint32_t version, slot_octets;
};

static size_t octets_of(const struct slot_file *s, uint32_t n)
{
    return SLOT_FILE_HEAD_OCTETS + (size_t)n * s->conf.slot_octets;
}

/* The disk's blocks for this many slots. */
static enum err reserve(const struct slot_file *s, uint32_t n)
{
    return s->fd < 0 ? ERR_OK : oserr(posix_fallocate(s->fd, 0, (off_t)octets_of(s, n)));
}

/* How many whole slots the file has; one that is not ours is begun anew. */
static enum err measure(struct slot_file *s)
{
    struct head ours = {.version = s->conf.version, .slot_octets = s->conf.slot_octets}, h;
    struct stat st;
    size_t      n;

    memcpy(ours.magic, s->conf.magic, sizeof ours.magic);
    if (fstat(s->fd, &st) != 0)
        return oserr(errno);
    if (pread(s->fd, &h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(&h, &ours, sizeof h) != 0) {
        if (ftruncate(s->fd, 0) != 0 || pwrite(s->fd, &ours, sizeof ours, 0) != (ssize_t)sizeof ours)
            return oserr(errno);
        return ERR_OK;
    }
    n = st.st_size > SLOT_FILE_HEAD_OCTETS ? ((size_t)st.st_size - SLOT_FILE_HEAD_OCTETS) / s->conf.slot_octets : 0;
    s->n_ready = n < s->conf.max ? (uint32_t)n : s->conf.max;
    return reserve(s, s->n_ready); /* holes from an earlier life (a copied file) are filled here */
}

static enum err map_file(struct slot_file *s)
{
    int   flags = s->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    void *map = mmap(NULL, octets_of(s, s->conf.max), PROT_READ | PROT_WRITE, flags, s->fd, 0);

    if (map == MAP_FAILED)
        return ERR_NOMEM;
    s->map = map;
    return ERR_OK;
}

static enum err open_file(struct slot_file *s)
{
    enum err e;

    if (!s->conf.path)
        return ERR_OK;
    if ((s->fd = open(s->conf.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        e = oserr(errno);
    else
        e = measure(s);
    return e == ERR_OK || e == ERR_DENIED ? e : ERR_IO;
}

enum err slot_file_open(struct slot_file *s, const struct slot_file_conf *conf)
{
    enum err e = ERR_NOMEM;

    *s = (struct slot_file){.conf = *conf, .fd = -1};
    pthread_mutex_init(&s->growing, NULL);
    if (!(s->free = mem_alloc(conf->mem, conf->max * sizeof *s->free)) || (e = open_file(s)) || (e = map_file(s)))
        slot_file_close(s);
    else
        s->conf.path = NULL;
    return e;
}

void slot_file_close(struct slot_file *s)
{
    if (!s->conf.mem)
        return;
    if (s->map)
        munmap(s->map, octets_of(s, s->conf.max));
    if (s->fd >= 0)
        close(s->fd);
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
        e = to > from ? reserve(s, to) : ERR_FULL;
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
        bool found;

        spin_lock(&s->lock);
        if ((found = s->n_free > spare))
            *n = s->free[--s->n_free];
        spin_unlock(&s->lock);
        if (found)
            return ERR_OK;
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
