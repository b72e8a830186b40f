/* err.h - the one way in which a function says that it failed. Pure.
 *
 * Fallible functions return `enum err` and nothing else; results go out by pointer and are written on ERR_OK only.
 * Bad input from the wire is not an error of ours: it is an outcome that the caller counts and answers. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
    ERR_OK = 0,
    ERR_NOMEM,       /* no memory, or a given block is used up            */
    ERR_SYNTAX,      /* octets do not fit the grammar                     */
    ERR_LIMIT,       /* over a named limit                                */
    ERR_INVALID,     /* grammatical, but meaningless or contradictory     */
    ERR_NOTFOUND,    /* what was named does not exist                     */
    ERR_EXISTS,      /* what was to be made exists already                */
    ERR_BUSY,        /* in use by somebody else; may work later           */
    ERR_AGAIN,       /* not yet: more octets or more time are needed      */
    ERR_FULL,        /* a queue or table has no room                      */
    ERR_CLOSED,      /* the other end, or the thing itself, has gone      */
    ERR_TIMEOUT,     /* nothing came in time                              */
    ERR_DENIED,      /* not allowed (permissions, authentication)         */
    ERR_UNSUPPORTED, /* known, but not done here                          */
    ERR_IO,          /* the system said no (disk, socket)                 */
    ERR_STALE,       /* was right once, is too old now                    */
    ERR_N
};

/* A short English text for messages to people, such as "not found". Never NULL. */
const char *err_text(enum err e);

#endif
