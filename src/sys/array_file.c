/* array_file.c - a mapped file of elements: made, measured, grown. See array_file.h.
 *
 * Room      sys.
 * Touches   the file, and what struct array_file holds. */
#include "sys/array_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/oserr.h"

struct head {
    char     magic[8];
    uint32_t version, octets;
};

static size_t octets_of(const struct array_file *a, uint32_t n)
{
    return ARRAY_FILE_HEAD_OCTETS + (size_t)n * a->octets;
}

/* The disk's blocks for this many elements. */
static enum err reserve(const struct array_file *a, uint32_t n)
{
    return a->fd < 0 ? ERR_OK : oserr(posix_fallocate(a->fd, 0, (off_t)octets_of(a, n)));
}

/* How many whole elements the file has; one that is not ours is begun anew. */
static enum err measure(struct array_file *a, const struct array_file_conf *conf)
{
    struct head ours = {.version = conf->version, .octets = conf->octets}, h;
    struct stat st;
    size_t      n;

    memcpy(ours.magic, conf->magic, sizeof ours.magic);
    if (fstat(a->fd, &st) != 0)
        return oserr(errno);
    if (pread(a->fd, &h, sizeof h, 0) != (ssize_t)sizeof h || memcmp(&h, &ours, sizeof h) != 0) {
        if (ftruncate(a->fd, 0) != 0 || pwrite(a->fd, &ours, sizeof ours, 0) != (ssize_t)sizeof ours)
            return oserr(errno);
        return ERR_OK;
    }
    n = st.st_size > ARRAY_FILE_HEAD_OCTETS ? ((size_t)st.st_size - ARRAY_FILE_HEAD_OCTETS) / a->octets : 0;
    a->ready = n < a->max ? (uint32_t)n : a->max;
    return reserve(a, a->ready); /* holes from an earlier life (a copied file) are filled here */
}

static enum err map_file(struct array_file *a)
{
    int   flags = a->fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE : MAP_SHARED;
    void *map = mmap(NULL, octets_of(a, a->max), PROT_READ | PROT_WRITE, flags, a->fd, 0);

    if (map == MAP_FAILED)
        return ERR_NOMEM;
    a->map = map;
    return ERR_OK;
}

static enum err open_file(struct array_file *a, const struct array_file_conf *conf)
{
    enum err e;

    if (!conf->path)
        return ERR_OK;
    if ((a->fd = open(conf->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600)) < 0)
        e = oserr(errno);
    else
        e = measure(a, conf);
    return e == ERR_OK || e == ERR_DENIED ? e : ERR_IO;
}

enum err array_file_open(struct array_file *a, const struct array_file_conf *conf)
{
    enum err e;

    *a = (struct array_file){.fd = -1, .octets = conf->octets, .max = conf->max};
    if ((e = open_file(a, conf)) == ERR_OK)
        e = map_file(a);
    if (e && a->fd >= 0)
        close(a->fd);
    return e;
}

void array_file_close(struct array_file *a)
{
    if (!a->map)
        return;
    munmap(a->map, octets_of(a, a->max));
    if (a->fd >= 0)
        close(a->fd);
    a->map = NULL;
}

enum err array_file_sync(struct array_file *a)
{
    if (!a->map || a->fd < 0)
        return ERR_OK;
    return msync(a->map, octets_of(a, a->ready), MS_SYNC) == 0 ? ERR_OK : ERR_IO;
}

enum err array_file_grow(struct array_file *a, uint32_t n)
{
    uint32_t ready = atomic_load(&a->ready);

    if (n > a->max)
        return ERR_FULL;
    if (n > ready && reserve(a, n)) /* the same blocks twice, for two threads at once, are the same blocks */
        return ERR_IO;
    while (n > ready && !atomic_compare_exchange_weak(&a->ready, &ready, n))
        ;
    return ERR_OK;
}
