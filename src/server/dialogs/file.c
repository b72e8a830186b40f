/* file.c - the mapped file: made, grown, its slots taken and given.
 *
 * Room      server/dialogs.
 * Grown     by DIALOGS_GROW_SLOTS with posix_fallocate(): the disk's blocks are there before anything is written through the
 *           map, since a mapped write on a full disk ends the process (SIGBUS). A full disk means no new records.
 * Mapped    once, for as many slots as there may ever be: address space costs nothing, and slots never move.
 * Touches   d->map, d->free_slots, d->n_ready. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/dialogs/dialogs_priv.h"

struct head {
    char     magic[8];
    uint32_t version, slot_octets;
};

static const struct head HEAD = {{'S', 'T', 'R', 'O', 'D', 'L', 'G', '\n'}, 2, DIALOGS_SLOT_OCTETS};

struct slot *dialogs_file_slot(const struct dialogs *d, uint32_t slot)
{
    return (struct slot *)(void *)(d->map + HEAD_OCTETS) + slot;
}

static enum err of_errno(int number)
{
    return number == EACCES || number == EPERM || number == EROFS ? ERR_DENIED : ERR_IO;
}

static size_t octets_of(uint32_t slots)
{
    return HEAD_OCTETS + (size_t)slots * DIALOGS_SLOT_OCTETS;
}

/* The disk's blocks for this many slots. */
static enum err reserve(struct dialogs *d, uint32_t slots)
{
    int rc = d->fd < 0 ? 0 : posix_fallocate(d->fd, 0, (off_t)octets_of(slots));

    return rc == 0 ? ERR_OK : rc == ENOSPC || rc == EDQUOT ? ERR_FULL : of_errno(rc);
}

static bool has_our_head(int fd)
{
    struct head h;

    return pread(fd, &h, sizeof h, 0) == (ssize_t)sizeof h && memcmp(&h, &HEAD, sizeof h) == 0;
}

/* How many whole slots the file has; one that is not ours is begun anew. */
static enum err measure(struct dialogs *d, uint32_t *slots)
{
    struct stat st;

    *slots = 0;
    if (fstat(d->fd, &st) != 0)
        return of_errno(errno);
    if (has_our_head(d->fd)) {
        size_t n = st.st_size > HEAD_OCTETS ? ((size_t)st.st_size - HEAD_OCTETS) / DIALOGS_SLOT_OCTETS : 0;

        *slots = n < d->max_slots ? (uint32_t)n : d->max_slots;
        return ERR_OK;
    }
    if (ftruncate(d->fd, 0) != 0 || pwrite(d->fd, &HEAD, sizeof HEAD, 0) != (ssize_t)sizeof HEAD)
        return of_errno(errno);
    return ERR_OK;
}

static enum err open_file(struct dialogs *d, uint32_t *slots)
{
    enum err e;

    *slots = 0;
    if (!d->conf.path)
        return ERR_OK;
    d->fd = open(d->conf.path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (d->fd < 0)
        return of_errno(errno);
    if ((e = measure(d, slots)))
        return e;
    /* Holes from an earlier life (a copied file) are filled here. */
    return reserve(d, *slots);
}

enum err dialogs_file_open(struct dialogs *d)
{
    int      flags;
    uint32_t slots;
    enum err e;

    d->fd = -1;
    d->map_octets = octets_of(d->max_slots);
    if ((e = open_file(d, &slots)))
        return e == ERR_FULL ? ERR_IO : e;
    flags = d->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    d->map = mmap(NULL, d->map_octets, PROT_READ | PROT_WRITE, flags, d->fd, 0);
    if (d->map == MAP_FAILED) {
        d->map = NULL;
        return ERR_NOMEM;
    }
    d->n_ready = slots;
    return ERR_OK;
}

void dialogs_file_close(struct dialogs *d)
{
    if (d->map)
        munmap(d->map, d->map_octets);
    if (d->fd >= 0)
        close(d->fd);
}

/* More slots, unless another thread has made them meanwhile. */
static enum err grow(struct dialogs *d, size_t wanted)
{
    uint32_t from, to;
    bool     enough;
    enum err e = ERR_OK;

    pthread_mutex_lock(&d->growing);
    spin_lock(&d->free_lock);
    enough = d->n_free_slots >= wanted;
    from = to = d->n_ready;
    spin_unlock(&d->free_lock);
    if (!enough) {
        to = from + DIALOGS_GROW_SLOTS < d->max_slots ? from + DIALOGS_GROW_SLOTS : d->max_slots;
        e = to > from ? reserve(d, to) : ERR_FULL;
    }
    if (!e) {
        spin_lock(&d->free_lock);
        for (uint32_t i = to; i-- > from;)
            d->free_slots[d->n_free_slots++] = i;
        d->n_ready = to;
        spin_unlock(&d->free_lock);
    }
    pthread_mutex_unlock(&d->growing);
    return e;
}

enum err dialogs_file_take(struct dialogs *d, bool is_new, uint32_t *slot)
{
    size_t wanted = is_new ? SPARE_SLOTS + 1 : 1;

    for (;;) {
        bool found;

        spin_lock(&d->free_lock);
        if ((found = d->n_free_slots >= wanted))
            *slot = d->free_slots[--d->n_free_slots];
        spin_unlock(&d->free_lock);
        if (found)
            return ERR_OK;
        if (grow(d, wanted))
            return ERR_FULL;
    }
}

void dialogs_file_give(struct dialogs *d, uint32_t slot)
{
    atomic_store_explicit(&dialogs_file_slot(d, slot)->serial, 0, memory_order_release);
    spin_lock(&d->free_lock);
    d->free_slots[d->n_free_slots++] = slot;
    spin_unlock(&d->free_lock);
}
