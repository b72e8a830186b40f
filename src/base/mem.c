/* mem.c - what every memory source can do. Room base (pure). */
#include "base/mem.h"

#include <string.h>

void *mem_zalloc(struct mem *m, size_t n)
{
    void *p = mem_alloc(m, n);

    if (p)
        memset(p, 0, n);
    return p;
}
