/* slice.c - octets by pointer and length.
 *
 * Room      base (pure).
 * Touches   its arguments only. */
#include "base/slice.h"

#include <string.h>

#include "base/scan.h"

int hex_value(char c)
{
    if (ascii_is_digit(c))
        return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct slice slice_z(const char *z)
{
    return z ? (struct slice){z, strlen(z)} : SLICE_NONE;
}

/* Most are written alike, or differ in more than a letter's case. */
static bool same_word(uint64_t a, uint64_t b)
{
    return a == b || (!((a ^ b) & ~(0x20 * SCAN_EACH)) && scan_lower(a) == scan_lower(b));
}

/* Eight or four at a time; the last ones overlap those before. */
bool slice_same_(const char *a, const char *b, size_t n)
{
    if (n < 8)
        return n == 0 || same_word(scan_word_of(a, n), scan_word_of(b, n));
    for (size_t i = 0; i + 8 <= n; i += 8)
        if (!same_word(scan_word(a + i), scan_word(b + i)))
            return false;
    return same_word(scan_word(a + n - 8), scan_word(b + n - 8));
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int    c = n ? memcmp(a.p, b.p, n) : 0;

    if (c)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool slice_ends(struct slice s, struct slice suffix)
{
    return s.n >= suffix.n && slice_eq(slice_from(s, s.n - suffix.n), suffix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct slice slice_trim_blanks_(struct slice s)
{
    while (s.n && is_blank(s.p[0]))
        s = slice_from(s, 1);
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t slice_find_last(struct slice s, char c)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == c)
            return i - 1;
    return SIZE_MAX;
}

size_t slice_find_slice(struct slice s, struct slice what)
{
    if (what.n == 0)
        return 0;
    for (size_t at = 0; s.n - at >= what.n && at < s.n;) {
        size_t step = slice_find(slice_from(s, at), what.p[0]);

        if (step == SIZE_MAX)
            break;
        at += step;
        if (slice_starts(slice_from(s, at), what))
            return at;
        at++;
    }
    return SIZE_MAX;
}

static size_t find_either(struct slice s, char c)
{
    size_t at = slice_find(s, ascii_lower(c)), upper;

    if (!ascii_is_alpha(c))
        return at;
    upper = slice_find(slice_to(s, at), (char)(c & ~('a' - 'A')));
    return upper < at ? upper : at;
}

size_t slice_ifind_slice(struct slice s, struct slice what)
{
    if (what.n == 0)
        return 0;
    for (size_t at = 0; s.n - at >= what.n && at < s.n; at++) {
        size_t step = find_either(slice_from(s, at), what.p[0]);

        if (step == SIZE_MAX)
            break;
        at += step;
        if (slice_istarts(slice_from(s, at), what))
            return at;
    }
    return SIZE_MAX;
}

size_t slice_find_any(struct slice s, struct slice set)
{
    for (size_t i = 0; i < s.n; i++)
        if (slice_find(set, s.p[i]) != SIZE_MAX)
            return i;
    return SIZE_MAX;
}

bool slice_cut(struct slice *s, char c, struct slice *head)
{
    size_t at = slice_find(*s, c);

    if (at == SIZE_MAX) {
        *head = *s;
        *s = slice_from(*s, s->n);
        return false;
    }
    *head = slice_to(*s, at);
    *s = slice_from(*s, at + 1);
    return true;
}

bool slice_line(struct slice *s, struct slice *line)
{
    if (s->n == 0)
        return false;
    slice_cut(s, '\n', line);
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    return true;
}

enum { SURE_DIGITS = 19 }; /* these fit in any case */

/* The digits from p on up to `end`, behind the nineteenth; n is what those before are. False: another octet, or it does not fit. */
static enum err more_digits(const char *p, const char *end, uint64_t n, uint64_t *out)
{
    bool over = false;

    for (; p < end; p++) {
        unsigned digit = (unsigned char)*p - (unsigned)'0';

        if (digit > 9)
            return ERR_SYNTAX;
        over |= n > UINT64_MAX / 10 || n * 10 > UINT64_MAX - digit;
        n = n * 10 + digit;
    }
    *out = n;
    return over ? ERR_LIMIT : ERR_OK;
}

enum err slice_u64(struct slice s, uint64_t max, uint64_t *out)
{
    const char *p = s.p, *end = slice_end(s), *sure = s.n > SURE_DIGITS ? p + SURE_DIGITS : end;
    uint64_t    v = 0;
    enum err    e;

    if (s.n == 0)
        return ERR_SYNTAX;
    for (; p < sure; p++) {
        unsigned digit = (unsigned char)*p - (unsigned)'0';

        if (digit > 9)
            return ERR_SYNTAX;
        v = v * 10 + digit;
    }
    if (p < end && (e = more_digits(p, end, v, &v)))
        return e;
    if (v > max)
        return ERR_LIMIT;
    *out = v;
    return ERR_OK;
}

enum err slice_u32(struct slice s, uint32_t *out)
{
    uint64_t v;
    enum err e = slice_u64(s, UINT32_MAX, &v);

    if (e == ERR_OK)
        *out = (uint32_t)v;
    return e;
}

enum err slice_u16(struct slice s, uint16_t *out)
{
    uint64_t v;
    enum err e = slice_u64(s, UINT16_MAX, &v);

    if (e == ERR_OK)
        *out = (uint16_t)v;
    return e;
}

enum err slice_hex64(struct slice s, uint64_t *out)
{
    uint64_t v = 0;

    if (s.n == 0)
        return ERR_SYNTAX;
    if (s.n > 16)
        return ERR_LIMIT;
    for (size_t i = 0; i < s.n; i++) {
        int digit = hex_value(s.p[i]);

        if (digit < 0)
            return ERR_SYNTAX;
        v = v << 4 | (unsigned)digit;
    }
    *out = v;
    return ERR_OK;
}
