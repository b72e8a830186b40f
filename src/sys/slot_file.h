/* slot_file.h - slots that are taken and given back, in a mapped file (array_file.h): what is written there outlives kill -9
 * without a system call.
 *
 * Each slot begins with an _Atomic uint64_t serial: 0 when the slot is free. Whoever takes a slot fills it and stores the
 * serial last (memory_order_release): then it counts, also after a restart. What is changed is written into a fresh slot, and
 * the old one is given back: of two that mean the same thing the higher serial is the newer. A checksum, and whose it is, are
 * the owner's.
 *
 * The file grows by `grow` slots.
 *
 * Any thread may take and give. */
#ifndef SYS_SLOT_FILE_H
#define SYS_SLOT_FILE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "sys/array_file.h"
#include "sys/spin.h"

#define SLOT_FILE_HEAD_OCTETS ARRAY_FILE_HEAD_OCTETS

struct slot_file_conf {
    const char *path;    /* NULL: memory only; else it must outlive slot_file_open() */
    struct mem *mem;
    char        magic[8]; /* with version and slot_octets: whose file it is; one that differs is begun anew */
    uint32_t    version, slot_octets;
    uint32_t    max, grow;
};

struct slot_file {
    struct slot_file_conf conf; /* mem NULL: not open */
    struct array_file file;
    uint32_t         *free; /* a stack */
    uint32_t          n_free, n_ready;
    pthread_mutex_t   growing;
    struct spin       lock; /* of free, n_free, n_ready */
};

/* Slots that the file has already are neither free nor taken: the owner looks at each, 0 to slot_file_ready() - 1, and keeps it or
 * gives it. ERR_NOMEM, ERR_DENIED, ERR_IO (disk full, too). */
enum err slot_file_open(struct slot_file *s, const struct slot_file_conf *conf);
void     slot_file_close(struct slot_file *s); /* what is in the file stays; of zeroes: nothing */

static inline void *slot_file_at(const struct slot_file *s, uint32_t n)
{
    return array_file_at(&s->file, n);
}

/* A free slot, if `spare` others are left free then. ERR_FULL: there is none, and no disk or no room for more. */
enum err slot_file_take(struct slot_file *s, uint32_t spare, uint32_t *n);
/* Its serial becomes 0, and it is free. */
void     slot_file_give(struct slot_file *s, uint32_t n);

uint32_t slot_file_ready(struct slot_file *s); /* there are so many, free ones included */
uint32_t slot_file_used(struct slot_file *s);

#endif
