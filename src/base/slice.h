/* slice.h - octets by pointer and length: the only form in which wire text is handled. Pure.
 *
 * A slice owns nothing; what it points into must outlive it. It is never NUL-terminated by contract. Pass by value.
 * All comparisons that ignore case do so for ASCII letters only, as RFC 3261 §7.3.1 means it. What every octet of every
 * message passes is inline. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

struct slice {
    const char *p; /* may be NULL when n is 0 */
    size_t      n;
};

#define S(lit) ((struct slice){"" lit, sizeof(lit) - 1})
#define SARG(s) (int)(s).n, (s).p /* printf("%.*s", SARG(x)) */
#define SLICE_NONE ((struct slice){0, 0})

/* From a NUL-terminated string of our own (argv, a literal in a variable); NULL gives SLICE_NONE. Never for wire text. */
struct slice slice_z(const char *z);

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}
bool slice_same_(const char *a, const char *b, size_t n); /* the octets, ignoring ASCII case */
static inline bool slice_ieq(struct slice a, struct slice b) /* ignoring ASCII case */
{
    return a.n == b.n && slice_same_(a.p, b.p, a.n);
}
int  slice_cmp(struct slice a, struct slice b);            /* <0, 0, >0 by octets, shorter first */
static inline bool slice_starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}
static inline bool slice_istarts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_same_(s.p, prefix.p, prefix.n);
}
bool slice_ends(struct slice s, struct slice suffix);

/* Behind the last octet. */
static inline const char *slice_end(struct slice s)
{
    return s.n ? s.p + s.n : s.p; /* NULL + 0 is undefined */
}

/* Sub-slices; offsets beyond the end are clamped, never an error. */
static inline struct slice slice_from(struct slice s, size_t from) /* without the first `from` octets */
{
    size_t skip = from < s.n ? from : s.n;

    return (struct slice){skip ? s.p + skip : s.p, s.n - skip}; /* NULL + 0 is undefined */
}
static inline struct slice slice_to(struct slice s, size_t n) /* the first n octets at most */
{
    return (struct slice){s.p, n < s.n ? n : s.n};
}
static inline struct slice slice_between(const char *from, const char *to)
{
    return (struct slice){from, to > from ? (size_t)(to - from) : 0};
}
struct slice slice_trim_blanks_(struct slice s);
static inline struct slice slice_trim(struct slice s) /* SP, HTAB, CR, LF off both ends */
{
    /* mostly there is nothing to trim: all four are below '!' */
    return !s.n || ((unsigned char)s.p[0] > ' ' && (unsigned char)s.p[s.n - 1] > ' ') ? s : slice_trim_blanks_(s);
}

/* Offset of the first c (or of `what`, or of any octet of `set`) in s, or SIZE_MAX. */
static inline size_t slice_find(struct slice s, char c)
{
    const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

    return at ? (size_t)(at - s.p) : SIZE_MAX;
}
size_t slice_find_last(struct slice s, char c);
size_t slice_find_slice(struct slice s, struct slice what);
size_t slice_ifind_slice(struct slice s, struct slice what); /* ignoring ASCII case */
size_t slice_find_any(struct slice s, struct slice set);

/* Cut at the first c: *head gets what is before it, *s what is behind it; true when there was one.
 * Without c: *head gets all, *s becomes empty, false. */
bool slice_cut(struct slice *s, char c, struct slice *head);

/* Take the next line off *s; its LF or CRLF is removed too. False when *s is empty. */
bool slice_line(struct slice *s, struct slice *line);

/* All of s as an unsigned decimal number, digits only, no sign, no space.
 * ERR_SYNTAX when empty or another octet occurs, ERR_LIMIT when over max. */
enum err slice_u64(struct slice s, uint64_t max, uint64_t *out);
enum err slice_u32(struct slice s, uint32_t *out);
enum err slice_u16(struct slice s, uint16_t *out);
enum err slice_hex64(struct slice s, uint64_t *out);       /* 1 to 16 hex digits, either case */

/* Value 0-15 of a hex digit, or -1. */
int hex_value(char c);
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}
static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
static inline bool ascii_is_alnum(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}

#endif
