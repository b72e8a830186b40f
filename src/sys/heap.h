/* heap.h - memory from the system as a struct mem: plain, counted, and failing.
 *
 * The plain one may be used by all threads at once, the others too (their counts are atomic). */
#ifndef SYS_HEAP_H
#define SYS_HEAP_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/mem.h"

/* malloc and free. */
void heap_mem(struct mem *out);

/* For whole multiples of HEAP_LARGE_OCTETS, which then stand on the system's large pages, where it has any: what is looked up here
 * and there in hundreds of megabytes finds its page without a look into the system's tables. What is touched at all is in memory
 * from its first octet to its last. */
enum { HEAP_LARGE_OCTETS = 2 * 1024 * 1024 };
void heap_large_mem(struct mem *out);

/* A layer over another mem that knows what is in use, and may set a limit. Its `mem` is what is handed out; the object
 * must outlive everything taken from it. It relies on the size at free being the one asked for. */
struct heap_counted {
    struct mem    mem;
    struct mem    below;
    atomic_size_t octets; /* in use now             */
    atomic_size_t pieces; /* in use now             */
    atomic_size_t peak;   /* most octets ever in use */
    atomic_ullong taken;  /* pieces that were ever taken */
    size_t        limit;  /* 0: none; over it alloc gives NULL */
};

/* below NULL: the plain one. */
void heap_counted_init(struct heap_counted *h, struct mem *below, size_t limit_octets);

/* A layer in which the n-th allocation from now fails, and no other: for tests that let each fail once. */
struct heap_failing {
    struct mem       mem;
    struct mem       below;
    atomic_ullong    left;   /* allocations until the one that fails; 0: none fails any more */
    atomic_bool      failed; /* it has happened */
};

void heap_failing_init(struct heap_failing *h, struct mem *below, uint64_t nth); /* nth 1: the next; 0: never */

#endif
