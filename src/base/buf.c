/* buf.c - text written into a block, every write checked.
 *
 * Room      base (pure).
 * Touches   *b and its block. */
#include "base/buf.h"

#include <string.h>

void buf_init(struct buf *b, void *block, size_t cap)
{
    *b = (struct buf){block, 0, cap, false};
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

size_t buf_room(const struct buf *b)
{
    return b->overflow ? 0 : b->cap - b->n;
}

void buf_putu_wide(struct buf *b, uint64_t v, unsigned width)
{
    char     digits[20];
    unsigned n = 0;

    do {
        digits[sizeof digits - ++n] = (char)('0' + v % 10);
        v /= 10;
    } while (v || (n < width && n < sizeof digits));
    buf_put(b, (struct slice){digits + sizeof digits - n, n});
}

void buf_putu(struct buf *b, uint64_t v)
{
    buf_putu_wide(b, v, 1);
}

static const char hex_digits[] = "0123456789abcdef";

void buf_puthex(struct buf *b, struct slice octets)
{
    size_t n = b->n;
    char  *p = b->p;

    if (octets.n > buf_room(b) / 2) {
        b->overflow = true;
        return;
    }
    for (size_t i = 0; i < octets.n; i++) {
        unsigned char o = (unsigned char)octets.p[i];

        p[n++] = hex_digits[o >> 4];
        p[n++] = hex_digits[o & 15];
    }
    b->n = n;
}

void buf_puthex64(struct buf *b, uint64_t v)
{
    char     digits[16];
    unsigned n = 0;

    do {
        digits[sizeof digits - ++n] = hex_digits[v & 15];
        v >>= 4;
    } while (v);
    buf_put(b, (struct slice){digits + sizeof digits - n, n});
}

void buf_put_lower(struct buf *b, struct slice s)
{
    size_t n = b->n;
    char  *p = b->p;

    if (s.n > buf_room(b)) {
        b->overflow = true;
        return;
    }
    for (size_t i = 0; i < s.n; i++)
        p[n++] = ascii_lower(s.p[i]);
    b->n = n;
}

void buf_put_all(struct buf *b, const struct slice *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_put(b, s[i]);
}

static void put_base64(struct buf *b, struct slice s, const char *alphabet, bool pad)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t               whole = s.n / 3, left = s.n % 3;
    uint32_t             v;
    char                *to;

    if (4 * whole + (left ? pad ? 4 : left + 1 : 0) > buf_room(b)) {
        b->overflow = true;
        return;
    }
    to = b->p + b->n;
    for (; whole; whole--, p += 3) {
        v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        *to++ = alphabet[v >> 6 & 63];
        *to++ = alphabet[v & 63];
    }
    if (left) {
        v = (uint32_t)p[0] << 16 | (left > 1 ? (uint32_t)p[1] << 8 : 0);
        *to++ = alphabet[v >> 18];
        *to++ = alphabet[v >> 12 & 63];
        if (left > 1)
            *to++ = alphabet[v >> 6 & 63];
        for (; pad && left < 3; left++)
            *to++ = '=';
    }
    b->n = (size_t)(to - b->p);
}

void buf_put_base64(struct buf *b, struct slice octets)
{
    put_base64(b, octets, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", true);
}

void buf_put_base64url(struct buf *b, struct slice octets)
{
    put_base64(b, octets, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", false);
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

enum err buf_put_unbase64(struct buf *b, struct slice text)
{
    uint32_t v = 0;
    unsigned bits = 0;

    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    if (text.n % 4 == 1)
        return ERR_SYNTAX;
    for (size_t i = 0; i < text.n; i++) {
        int sextet = base64_value(text.p[i]);

        if (sextet < 0)
            return ERR_SYNTAX;
        v = v << 6 | (unsigned)sextet;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            buf_putc(b, (char)(v >> bits & 255));
        }
    }
    return buf_err(b);
}

void buf_put_escaped(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (c >= 32 && c < 127 && c != '"' && c != '\\') {
            buf_putc(b, (char)c);
            continue;
        }
        buf_puts(b, S("\\x"));
        buf_puthex(b, (struct slice){s.p + i, 1});
    }
}

struct slice buf_slice(const struct buf *b)
{
    return b->overflow ? SLICE_NONE : (struct slice){b->p, b->n};
}

enum err buf_err(const struct buf *b)
{
    return b->overflow ? ERR_LIMIT : ERR_OK;
}
