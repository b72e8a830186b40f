/* oserr.h - what the system's errno means in our words. */
#ifndef SYS_OSERR_H
#define SYS_OSERR_H

#include "base/buf.h"
#include "base/err.h"

/* EADDRINUSE: ERR_BUSY; EACCES, EPERM, EROFS: ERR_DENIED; EADDRNOTAVAIL, EINVAL: ERR_INVALID; EMFILE, ENFILE, EMSGSIZE:
 * ERR_LIMIT; ENOSPC, EDQUOT: ERR_FULL; ... anything else: ERR_IO. 0 is ERR_OK. */
enum err oserr(int errnum);

/* The system's own text for it: "No space left on device". */
void oserr_put(struct buf *b, int errnum);

#endif
