/* quality_priv.h - what the files of server/quality share. */
#ifndef SERVER_QUALITY_PRIV_H
#define SERVER_QUALITY_PRIV_H

#include "server/quality/quality.h"
#include "vq/vq.h"

_Static_assert(VQ_UNKNOWN == STORE_UNKNOWN, "figures are taken over as they are");

static inline enum store_side other_side(enum store_side s)
{
    return s == STORE_CALLER ? STORE_CALLEE : STORE_CALLER;
}

/* own.c: into the store, and the log. Without memory it is lost. */
void quality_put(const struct quality *q, const struct store_quality *row);

#endif
