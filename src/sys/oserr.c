/* oserr.c - errno in our words. Room sys. */
#include "sys/oserr.h"

#include <errno.h>
#include <string.h>

enum err oserr(int errnum)
{
    switch (errnum) {
    case 0:
        return ERR_OK;
    case ENOMEM:
    case ENOBUFS:
        return ERR_NOMEM;
    case EADDRINUSE:
    case EBUSY:
    case ETXTBSY:
        return ERR_BUSY;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERR_DENIED;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EINVAL:
        return ERR_INVALID;
    case EMFILE:
    case ENFILE:
    case EMSGSIZE:
    case ENAMETOOLONG:
    case EFBIG:
        return ERR_LIMIT;
    case ENOSPC:
    case EDQUOT:
        return ERR_FULL;
    case ENOENT:
    case ENOTDIR:
        return ERR_NOTFOUND;
    case EEXIST:
        return ERR_EXISTS;
    case EAGAIN:
        return ERR_AGAIN;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
        return ERR_CLOSED;
    case ETIMEDOUT:
        return ERR_TIMEOUT;
    default:
        return ERR_IO;
    }
}

void oserr_put(struct buf *b, int errnum)
{
    char        text[128];
    const char *said = strerror_r(errnum, text, sizeof text); /* GNU's: safe for all threads */

    buf_put(b, slice_z(said));
}
