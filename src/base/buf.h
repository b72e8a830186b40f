/* buf.h - a block of octets that text is written into, with every write checked. Pure.
 *
 * Once something did not fit, `overflow` is set, nothing more is written, and buf_slice() is empty: a half message never
 * leaves. So a writer may put many pieces and look once at the end (buf_err). */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>

#include "base/slice.h"

struct buf {
    char  *p;
    size_t n;   /* written */
    size_t cap; /* may be written */
    bool   overflow;
};

#define BUF_ON(array) ((struct buf){(array), 0, sizeof(array), false}) /* over a char array in scope */

void buf_init(struct buf *b, void *block, size_t cap);
void buf_reset(struct buf *b);

/* Inline: a message is written in many small pieces of known length. */
static inline void buf_put(struct buf *b, struct slice s)
{
    if (b->overflow || s.n > b->cap - b->n) {
        b->overflow = true;
        return;
    }
    if (s.n)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
}
static inline void buf_putc(struct buf *b, char c)
{
    buf_put(b, (struct slice){&c, 1});
}
void buf_putu(struct buf *b, uint64_t v);                   /* decimal */
void buf_putu_wide(struct buf *b, uint64_t v, unsigned width); /* decimal, zero-padded to width (at most 20) */
void buf_puthex(struct buf *b, struct slice octets);        /* two lower-case digits an octet */
void buf_puthex64(struct buf *b, uint64_t v);               /* no leading zeros, lower case */
void buf_put_lower(struct buf *b, struct slice s);          /* ASCII letters in lower case */

/* The octets of s, without a look at the room there; returns behind them. Most pieces of a message are short: those are copied as two
 * that may overlap, without a call. */
static inline char *buf_write(char *to, struct slice s)
{
    const char *p = s.p;
    size_t      n = s.n;

    if (n > 32) {
        memcpy(to, p, n);
    } else if (n >= 16) {
        memcpy(to, p, 16);
        memcpy(to + n - 16, p + n - 16, 16);
    } else if (n >= 8) {
        memcpy(to, p, 8);
        memcpy(to + n - 8, p + n - 8, 8);
    } else if (n >= 4) {
        memcpy(to, p, 4);
        memcpy(to + n - 4, p + n - 4, 4);
    } else if (n) {
        to[0] = p[0];
        to[n / 2] = p[n / 2];
        to[n - 1] = p[n - 1];
    }
    return to + n;
}

/* The same of a number below 1000: one to three digits. */
char *buf_write_u(char *to, unsigned v);

/* Several pieces: buf_puts(b, S("a"), x, S("b")). */
#define buf_puts(b, ...) \
    buf_put_all((b), (const struct slice[]){__VA_ARGS__}, sizeof((const struct slice[]){__VA_ARGS__}) / sizeof(struct slice))
void buf_put_all(struct buf *b, const struct slice *s, size_t n);

/* Base64 with the alphabet of RFC 4648 §4 and padding, or §5 (URL and file name safe) without. */
void buf_put_base64(struct buf *b, struct slice octets);
void buf_put_base64url(struct buf *b, struct slice octets);
/* The reverse of either; ERR_SYNTAX on any other octet, ERR_LIMIT when *b is too small. */
enum err buf_put_unbase64(struct buf *b, struct slice text);

/* Wire text for a log: printable ASCII as it is, all else and '"' and '\' as \xHH. */
void buf_put_escaped(struct buf *b, struct slice s);

struct slice buf_slice(const struct buf *b);                /* what was written; empty after an overflow */
enum err buf_err(const struct buf *b);                      /* ERR_OK or ERR_LIMIT */
size_t buf_room(const struct buf *b);                       /* octets that still fit */

#endif
