/* mapped.c - the mapped file of subscriptions: made, grown, its slots taken and given.
 *
 * Room      server/presence.
 * Grown     by GROW_SLOTS with posix_fallocate(): the disk's blocks are there before anything is written through the map,
 *           since a mapped write on a full disk ends the process (SIGBUS). On a full disk new subscriptions live in memory
 *           only.
 * Mapped    once, for as many slots as there may ever be: address space costs nothing, and slots never move.
 * Touches   struct file. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/presence/presence_priv.h"

enum { HEAD_OCTETS = 4096, GROW_SLOTS = 64 };

struct head {
    char     magic[8];
    uint32_t version, slot_octets;
};
static const struct head HEAD = {{'S', 'T', 'R', 'O', 'S', 'U', 'B', '\n'}, 1, SLOT_OCTETS};

struct slot *mapped_slot(const struct file *f, uint32_t number)
{
    return (struct slot *)(void *)(f->map + HEAD_OCTETS) + (number - 1);
}

static size_t octets_of(uint32_t slots)
{
    return HEAD_OCTETS + (size_t)slots * SLOT_OCTETS;
}

static enum err of_errno(int number)
{
    return number == EACCES || number == EPERM || number == EROFS ? ERR_DENIED : ERR_IO;
}

static enum err reserve(struct file *f, uint32_t slots)
{
    int rc = f->fd < 0 ? 0 : posix_fallocate(f->fd, 0, (off_t)octets_of(slots));

    return rc == 0 ? ERR_OK : rc == ENOSPC || rc == EDQUOT ? ERR_FULL : of_errno(rc);
}

/* How many whole slots the file has; one that is not ours is begun anew. */
static enum err measure(struct file *f)
{
    struct head h;
    struct stat st;

    if (fstat(f->fd, &st) != 0)
        return of_errno(errno);
    if (pread(f->fd, &h, sizeof h, 0) == (ssize_t)sizeof h && memcmp(&h, &HEAD, sizeof h) == 0) {
        size_t n = st.st_size > HEAD_OCTETS ? ((size_t)st.st_size - HEAD_OCTETS) / SLOT_OCTETS : 0;

        f->n_ready = n < MAX_SLOTS ? (uint32_t)n : MAX_SLOTS;
        return reserve(f, f->n_ready); /* holes from an earlier life (a copied file) are filled here */
    }
    if (ftruncate(f->fd, 0) != 0 || pwrite(f->fd, &HEAD, sizeof HEAD, 0) != (ssize_t)sizeof HEAD)
        return of_errno(errno);
    return ERR_OK;
}

static enum err map_it(struct file *f)
{
    int   flags = f->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    void *map = mmap(NULL, octets_of(MAX_SLOTS), PROT_READ | PROT_WRITE, flags, f->fd, 0);

    if (map == MAP_FAILED)
        return ERR_NOMEM;
    f->map = map;
    return ERR_OK;
}

enum err mapped_open(struct file *f, struct mem *mem, const char *path)
{
    enum err e = ERR_OK;

    f->fd = -1;
    f->mem = mem;
    f->serial = 1;
    pthread_mutex_init(&f->growing, NULL);
    if (!(f->free_slots = mem_alloc(mem, MAX_SLOTS * sizeof *f->free_slots)))
        return ERR_NOMEM;
    if (path && (f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        return of_errno(errno);
    if (path)
        e = measure(f);
    return e ? (e == ERR_FULL ? ERR_IO : e) : map_it(f);
}

void mapped_close(struct file *f)
{
    if (!f->mem)
        return;
    if (f->map)
        munmap(f->map, octets_of(MAX_SLOTS));
    if (f->fd >= 0)
        close(f->fd);
    mem_free(f->mem, f->free_slots, MAX_SLOTS * sizeof *f->free_slots);
    pthread_mutex_destroy(&f->growing);
}

/* More slots, unless another thread has made them meanwhile. */
static enum err grow(struct file *f)
{
    uint32_t from, to;
    enum err e = ERR_OK;

    pthread_mutex_lock(&f->growing);
    spin_lock(&f->free_lock);
    from = to = f->n_ready;
    if (f->n_free == 0)
        to = from + GROW_SLOTS < MAX_SLOTS ? from + GROW_SLOTS : MAX_SLOTS;
    spin_unlock(&f->free_lock);
    if (to > from)
        e = reserve(f, to);
    if (!e) {
        spin_lock(&f->free_lock);
        for (uint32_t i = to; i > from; i--)
            f->free_slots[f->n_free++] = i;
        f->n_ready = to;
        e = f->n_free ? ERR_OK : ERR_FULL;
        spin_unlock(&f->free_lock);
    }
    pthread_mutex_unlock(&f->growing);
    return e;
}

static enum err take(struct file *f, uint32_t *number)
{
    for (;;) {
        bool     found;
        enum err e;

        spin_lock(&f->free_lock);
        if ((found = f->n_free > 0))
            *number = f->free_slots[--f->n_free];
        spin_unlock(&f->free_lock);
        if (found)
            return ERR_OK;
        if ((e = grow(f)))
            return e;
    }
}

static struct spin *lock_of(struct file *f, uint32_t number)
{
    return &f->locks[number % STRIPES];
}

void mapped_give(struct file *f, uint32_t number)
{
    if (number == NO_SLOT)
        return;
    spin_lock(lock_of(f, number));
    atomic_store_explicit(&mapped_slot(f, number)->serial, 0, memory_order_release);
    spin_unlock(lock_of(f, number));
    spin_lock(&f->free_lock);
    f->free_slots[f->n_free++] = number;
    spin_unlock(&f->free_lock);
}

enum err mapped_put(struct file *f, const struct kept *k, uint32_t *number)
{
    uint32_t fresh, old = *number;
    enum err e = take(f, &fresh);

    if (e)
        return e;
    if ((e = kept_write(mapped_slot(f, fresh), k))) {
        mapped_give(f, fresh);
        return e;
    }
    kept_make_valid(mapped_slot(f, fresh), atomic_fetch_add(&f->serial, 1));
    *number = fresh;
    mapped_give(f, old);
    return ERR_OK;
}

void mapped_note(struct file *f, uint32_t number, uint32_t local_cseq, uint32_t version)
{
    struct slot *s;

    if (number == NO_SLOT)
        return;
    s = mapped_slot(f, number);
    spin_lock(lock_of(f, number));
    s->local_cseq = local_cseq;
    s->version = version;
    spin_unlock(lock_of(f, number));
}

uint32_t mapped_count(struct file *f)
{
    uint32_t n;

    spin_lock(&f->free_lock);
    n = f->n_ready;
    spin_unlock(&f->free_lock);
    return n;
}

enum err mapped_copy(struct file *f, uint32_t number, struct slot *out)
{
    const struct slot *s = mapped_slot(f, number);
    enum err           e = ERR_NOTFOUND;

    spin_lock(lock_of(f, number));
    if (atomic_load_explicit(&s->serial, memory_order_acquire) != 0 && s->used <= sizeof *out) {
        memcpy((void *)out, (const void *)s, s->used);
        e = ERR_OK;
    }
    spin_unlock(lock_of(f, number));
    return e;
}
