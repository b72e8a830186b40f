/* guard.c - octets against a forbidden page. Room sys. */
#include "sys/guard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum err guard_open(struct guard *g, size_t max_octets)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t room = (max_octets + page - 1) / page * page;
    char  *p = mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED)
        return ERR_NOMEM;
    if (mprotect(p + room, page, PROT_NONE)) {
        munmap(p, room + page);
        return ERR_NOMEM;
    }
    *g = (struct guard){p, room + page};
    return ERR_OK;
}

void guard_close(struct guard *g)
{
    if (g->pages)
        munmap(g->pages, g->octets);
    *g = (struct guard){0};
}

struct slice guard_copy(struct guard *g, struct slice s)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t n = s.n < g->octets - page ? s.n : g->octets - page;
    char  *to = g->pages + g->octets - page - n;

    if (n)
        memcpy(to, s.p, n);
    return (struct slice){to, n};
}
