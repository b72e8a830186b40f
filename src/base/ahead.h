/* ahead.h - what will be looked at soon, and has left the processor's caches, is fetched while there is something else to do. Pure.
 *
 * To be worth it there must be some hundred instructions in between. Nothing waits for it, and nothing happens where there is no memory. */
#ifndef BASE_AHEAD_H
#define BASE_AHEAD_H

#include <stddef.h>

enum { CACHE_LINE = 64 };

/* n octets, at least one; p may be NULL. */
static inline void ahead_fetch(const void *p, size_t n)
{
    const char *at = p;

    for (; n > CACHE_LINE; n -= CACHE_LINE, at += CACHE_LINE)
        __builtin_prefetch(at);
    __builtin_prefetch(at);
}

#endif
