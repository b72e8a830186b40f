/* err.c - texts of enum err.
 *
 * Room      base (pure).
 * Touches   nothing. */
#include "base/err.h"

const char *err_text(enum err e)
{
    static const char *const text[ERR_N] = {
        [ERR_OK] = "ok",
        [ERR_NOMEM] = "out of memory",
        [ERR_SYNTAX] = "syntax error",
        [ERR_LIMIT] = "over a limit",
        [ERR_INVALID] = "invalid",
        [ERR_NOTFOUND] = "not found",
        [ERR_EXISTS] = "exists already",
        [ERR_BUSY] = "busy",
        [ERR_AGAIN] = "not ready yet",
        [ERR_FULL] = "full",
        [ERR_CLOSED] = "closed",
        [ERR_TIMEOUT] = "timed out",
        [ERR_DENIED] = "not allowed",
        [ERR_UNSUPPORTED] = "not supported",
        [ERR_IO] = "input/output error",
        [ERR_STALE] = "out of date",
    };

    return (unsigned)e < ERR_N ? text[e] : "unknown error";
}
