/* array_file.h - a file of elements of one size, mapped shared: what is written there outlives kill -9 without a system call.
 *
 * It is mapped once, for as many elements as there may ever be: address space costs nothing, and elements never move. It grows
 * with the disk's blocks reserved first, since a mapped write on a full disk ends the process (SIGBUS). Fresh elements are
 * zeroes. What stands in them, and whether a half-written one can be told, is the owner's affair. */
#ifndef SYS_ARRAY_FILE_H
#define SYS_ARRAY_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define ARRAY_FILE_HEAD_OCTETS 4096

struct array_file_conf {
    const char *path;     /* NULL: memory only; needed by array_file_open() only */
    char        magic[8]; /* with version and octets: whose file it is; one that differs is begun anew */
    uint32_t    version, octets; /* of an element */
    uint32_t    max;
};

struct array_file {
    char            *map; /* NULL: not open */
    int              fd;
    uint32_t         octets, max;
    _Atomic uint32_t ready; /* elements there are */
};

/* ERR_NOMEM, ERR_DENIED, ERR_IO (disk full, too). */
enum err array_file_open(struct array_file *a, const struct array_file_conf *conf);
void     array_file_close(struct array_file *a); /* what is in the file stays; of zeroes: nothing */
/* Waits until all is on disk: before something else says that it is. ERR_IO. */
enum err array_file_sync(struct array_file *a);

/* At least n elements, for any thread. ERR_FULL: over max; ERR_IO: no room on the disk. */
enum err array_file_grow(struct array_file *a, uint32_t n);

static inline void *array_file_at(const struct array_file *a, uint32_t n) /* n below `ready` */
{
    return a->map + ARRAY_FILE_HEAD_OCTETS + (size_t)n * a->octets;
}

#endif
