/* text.c - text that is set again and again, in one block that grows.
 *
 * Room      ua.
 * Touches   the struct text that it is given. */
#include <string.h>

#include "ua/ua_priv.h"

enum err text_set(struct mem *mem, struct text *t, struct slice s)
{
    if (s.n > t->cap) {
        char *p = mem_alloc(mem, s.n);

        if (!p)
            return ERR_NOMEM;
        memcpy(p, s.p, s.n); /* before the old block goes: s may be a part of it */
        mem_free(mem, t->p, t->cap);
        *t = (struct text){p, s.n, s.n};
        return ERR_OK;
    }
    if (s.n)
        memmove(t->p, s.p, s.n);
    t->n = s.n;
    return ERR_OK;
}

void text_free(struct mem *mem, struct text *t)
{
    mem_free(mem, t->p, t->cap);
    *t = (struct text){0};
}
