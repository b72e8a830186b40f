/* guard.h - a copy of some octets whose next octet lies on a page that nobody may touch: for tests of parsers. */
#ifndef SYS_GUARD_H
#define SYS_GUARD_H

#include "base/err.h"
#include "base/slice.h"

struct guard {
    char  *pages;
    size_t octets; /* of all pages, the forbidden one included */
};

enum err guard_open(struct guard *g, size_t max_octets); /* ERR_NOMEM */
void     guard_close(struct guard *g);

/* A copy of s (at most max_octets, else the end is cut off) that ends at the forbidden page; valid until the next. */
struct slice guard_copy(struct guard *g, struct slice s);

#endif
