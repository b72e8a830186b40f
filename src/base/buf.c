/* buf.c - text written into a block, every write checked.
 *
 * Room      base (pure).
 * Touches   *b and its block. */
#include "base/buf.h"

#include <string.h>

#include "base/scan.h"

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

static const char pairs[] =
    "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
    "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/* Two digits a step: a division is the dear part of each. */
void buf_putu_wide(struct buf *b, uint64_t v, unsigned width)
{
    char  digits[20];
    char *end = digits + sizeof digits, *p = end;

    for (; v >= 100; v /= 100)
        memcpy(p -= 2, pairs + 2 * (v % 100), 2);
    if (v >= 10)
        memcpy(p -= 2, pairs + 2 * v, 2);
    else
        *--p = (char)('0' + v);
    while (p > digits && end - p < (ptrdiff_t)width)
        *--p = '0';
    if ((size_t)(end - p) > buf_room(b))
        b->overflow = true;
    else
        b->n = (size_t)(buf_write(b->p + b->n, slice_between(p, end)) - b->p);
}

char *buf_write_u(char *to, unsigned v)
{
    if (v >= 100) {
        *to++ = (char)('0' + v / 100);
        v %= 100;
    } else if (v < 10) {
        *to = (char)('0' + v);
        return to + 1;
    }
    memcpy(to, pairs + 2 * v, 2);
    return to + 2;
}

void buf_putu(struct buf *b, uint64_t v)
{
    if (v < 1000 && buf_room(b) >= 3)
        b->n = (size_t)(buf_write_u(b->p + b->n, (unsigned)v) - b->p);
    else
        buf_putu_wide(b, v, 1);
}

/* Each half of an octet becomes a digit of its own, the highest one the first. */
static void put_hex32(char to[8], uint32_t v)
{
    uint64_t x = v;

    x = (x << 16 | x) & 0x0000ffff0000ffffu;
    x = (x << 8 | x) & 0x00ff00ff00ff00ffu;
    x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0fu;
    x += '0' * SCAN_EACH + ((x + 6 * SCAN_EACH) >> 4 & SCAN_EACH) * ('a' - '0' - 10);
    scan_put_word(to, __builtin_bswap64(x));
}

void buf_puthex(struct buf *b, struct slice octets)
{
    char *to, digits[8];

    if (octets.n > buf_room(b) / 2) {
        b->overflow = true;
        return;
    }
    if (!octets.n)
        return;
    to = b->p + b->n;
    b->n += 2 * octets.n;
    for (; octets.n >= 4; octets = slice_from(octets, 4), to += 8)
        put_hex32(to, __builtin_bswap32((uint32_t)scan_word_of(octets.p, 4)));
    if (octets.n) {
        put_hex32(digits, __builtin_bswap32((uint32_t)scan_word_of(octets.p, octets.n)));
        memcpy(to, digits, 2 * octets.n);
    }
}

void buf_puthex64(struct buf *b, uint64_t v)
{
    char     digits[16];
    unsigned n = (67 - (unsigned)__builtin_clzll(v | 1)) / 4;

    put_hex32(digits, (uint32_t)(v >> 32));
    put_hex32(digits + 8, (uint32_t)v);
    buf_put(b, (struct slice){digits + sizeof digits - n, n});
}

void buf_put_lower(struct buf *b, struct slice s)
{
    char *to;

    if (s.n > buf_room(b)) {
        b->overflow = true;
        return;
    }
    if (!s.n)
        return;
    to = b->p + b->n;
    b->n += s.n;
    for (; s.n >= 8; s = slice_from(s, 8), to += 8)
        scan_put_word(to, scan_lower(scan_word(s.p)));
    for (size_t i = 0; i < s.n; i++)
        to[i] = ascii_lower(s.p[i]);
}

void buf_put_all(struct buf *b, const struct slice *s, size_t n)
{
    size_t octets = 0;
    char  *to;

    for (size_t i = 0; i < n; i++)
        octets += s[i].n;
    if (b->overflow || octets > b->cap - b->n) {
        b->overflow = true;
        return;
    }
    if (!octets)
        return; /* a block of no octets may be NULL */
    to = b->p + b->n;
    for (size_t i = 0; i < n; i++)
        to = buf_write(to, s[i]);
    b->n += octets;
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

/* A table, since what comes is any of them: branches would be guessed wrongly. 0: none; else one more than its value. */
static const uint8_t sextets[256] = {
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8, ['I'] = 9,
    ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18,
    ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27,
    ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45,
    ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54,
    ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
    ['/'] = 64, ['-'] = 63, ['_'] = 64,
};

/* Four characters from p as 24 bits. *bad gets bits above the lowest eight where one of them is none. */
static uint32_t read_four(const unsigned char *p, uint32_t *bad)
{
    uint32_t a = sextets[p[0]] - 1u, b = sextets[p[1]] - 1u, c = sextets[p[2]] - 1u, d = sextets[p[3]] - 1u;

    *bad |= a | b | c | d;
    return a << 18 | b << 12 | c << 6 | d;
}

enum err buf_put_unbase64(struct buf *b, struct slice text)
{
    unsigned char last[4] = "AAAA"; /* noughts */
    const char   *end;
    uint32_t      v, bad = 0;
    size_t        left;
    char         *to;

    while (text.n && text.p[text.n - 1] == '=')
        text.n--;
    left = text.n % 4;
    if (left == 1)
        return ERR_SYNTAX;
    if (text.n / 4 * 3 + left * 3 / 4 > buf_room(b)) {
        b->overflow = true;
        return ERR_LIMIT;
    }
    to = b->p + b->n;
    for (; text.n >= 4; text = slice_from(text, 4), to += 3) {
        v = read_four((const unsigned char *)text.p, &bad);
        to[0] = (char)(v >> 16 & 255);
        to[1] = (char)(v >> 8 & 255);
        to[2] = (char)(v & 255);
    }
    if (left)
        memcpy(last, text.p, left);
    v = read_four(last, &bad);
    if (bad > 255)
        return ERR_SYNTAX;
    for (end = to + left * 3 / 4; to < end; v <<= 8)
        *to++ = (char)(v >> 16 & 255);
    b->n = (size_t)(to - b->p);
    return buf_err(b);
}

enum { PLAIN = 1 };
static const uint8_t plain[256] = {[' '] = PLAIN, ['!'] = PLAIN, ['#' ... '\\' - 1] = PLAIN, ['\\' + 1 ... '~'] = PLAIN};

void buf_put_escaped(struct buf *b, struct slice s)
{
    while (s.n) {
        size_t n = (size_t)(scan_behind(s.p, s.p + s.n, plain, PLAIN) - s.p);

        buf_put(b, slice_to(s, n));
        s = slice_from(s, n);
        if (!s.n)
            return;
        buf_puts(b, S("\\x"));
        buf_puthex(b, slice_to(s, 1));
        s = slice_from(s, 1);
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
