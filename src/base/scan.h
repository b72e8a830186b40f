/* scan.h - octets four, eight, sixteen and sixty-four at a time. Pure.
 *
 * Nothing is read but what is named: a text may end where its page does. */
#ifndef BASE_SCAN_H
#define BASE_SCAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCAN_EACH 0x0101010101010101u

static inline uint64_t scan_load4_(const char *p)
{
    uint32_t w;

    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap32(w);
#endif
    return w;
}

/* Eight octets as a number, the first one lowest on any machine. */
static inline uint64_t scan_word(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    return w;
}

static inline void scan_put_word(char *p, uint64_t w)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    w = __builtin_bswap64(w);
#endif
    memcpy(p, &w, sizeof w);
}

/* The first n of them, the others zero. Over eight are eight. */
static inline uint64_t scan_word_of(const char *p, size_t n)
{
    const unsigned char *u = (const unsigned char *)p;

    if (n >= 8)
        return scan_word(p);
    if (n >= 4)
        return scan_load4_(p) | scan_load4_(p + n - 4) << 8 * (n - 4);
    return n ? u[0] | (uint64_t)u[n / 2] << 8 * (n / 2) | (uint64_t)u[n - 1] << 8 * (n - 1) : 0;
}

/* Where in w the first c stands; 8: nowhere. The subtraction may borrow from octets behind the first one only. */
static inline unsigned scan_find(uint64_t w, char c)
{
    uint64_t differ = w ^ (unsigned char)c * SCAN_EACH, hit = (differ - SCAN_EACH) & ~differ & 0x80 * SCAN_EACH;

    return hit ? (unsigned)__builtin_ctzll(hit) / 8 : 8;
}

/* Each capital letter as its small one: bit 5 is set (of no octet of another alphabet). Sums of seven bits do not run over
 * into the next octet. */
static inline uint64_t scan_lower(uint64_t w)
{
    const uint64_t low = 0x7f * SCAN_EACH;
    uint64_t       from_a = (w & low) + (0x80 - 'A') * SCAN_EACH, behind_z = (w & low) + (0x7f - 'Z') * SCAN_EACH;

    return w | ((from_a & ~behind_z & ~w & 0x80 * SCAN_EACH) >> 2);
}

/* Bit i is set where octet i of n is c; n is at most 64. */
static inline uint64_t scan_where_of(const char *p, size_t n, char c)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)(p[i] == c) << i;
    return bits;
}

/* The same of eight, with no octet's sum running over into the next: the highest bits are gathered by a product. */
static inline uint64_t scan_where8(const char *p, char c)
{
    uint64_t differ = scan_word(p) ^ (unsigned char)c * SCAN_EACH, low = 0x7f * SCAN_EACH;
    uint64_t same = ~(((differ & low) + low) | differ | low);

    return (same >> 7) * 0x0102040810204080u >> 56;
}

/* The same of 16. */
static inline uint64_t scan_where16(const char *p, char c)
{
#ifdef __SSE2__
    typedef char v16 __attribute__((vector_size(16)));
    v16          v, want;

    memcpy(&v, p, sizeof v);
    memset(&want, c, sizeof want);
    return (unsigned)__builtin_ia32_pmovmskb128((v16)(v == want));
#else
    return scan_where8(p, c) | scan_where8(p + 8, c) << 8;
#endif
}

/* Bit i is set where octet i of n is CR or below it: a line end, an HTAB, or what hardly any text has; n is at most 64. */
static inline uint64_t scan_low_of(const char *p, size_t n)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++)
        bits |= (uint64_t)((unsigned char)p[i] <= '\r') << i;
    return bits;
}

/* The same of eight. */
static inline uint64_t scan_low8(const char *p)
{
    uint64_t w = scan_word(p), low = 0x7f * SCAN_EACH, above = ((w & low) + (0x7f - '\r') * SCAN_EACH) | w;

    return (~above & 0x80 * SCAN_EACH) / 0x80 * 0x0102040810204080u >> 56;
}

/* The same of 16. */
static inline uint64_t scan_low16(const char *p)
{
#ifdef __SSE2__
    typedef unsigned char v16 __attribute__((vector_size(16)));
    typedef char          mask16 __attribute__((vector_size(16)));
    v16                   v;

    memcpy(&v, p, sizeof v);
    return (unsigned)__builtin_ia32_pmovmskb128((mask16)(v <= '\r'));
#else
    return scan_low8(p) | scan_low8(p + 8) << 8;
#endif
}

/* The same of 64. */
static inline uint64_t scan_low(const char *p)
{
    return scan_low16(p) | scan_low16(p + 16) << 16 | scan_low16(p + 32) << 32 | scan_low16(p + 48) << 48;
}

/* Bit i is set where octet i of n is a letter, a digit, '-', '.' or '_', as in most names; n is at most 64. */
static inline uint64_t scan_plain_of(const char *p, size_t n)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];

        bits |= (uint64_t)((unsigned)(c | 0x20) - 'a' < 26 || (unsigned)c - '0' < 10 || (unsigned)c - '-' < 2 || c == '_') << i;
    }
    return bits;
}

/* The same of 16. */
static inline uint64_t scan_plain16(const char *p)
{
#ifdef __SSE2__
    typedef unsigned char v16 __attribute__((vector_size(16)));
    typedef signed char   s16 __attribute__((vector_size(16)));
    typedef char          mask16 __attribute__((vector_size(16)));
    v16                   v;

    /* what is moved so that `to` is the largest number with a sign is at least as large as `from`, which then is this */
#define SCAN_IS_IN_(v, from, to) ((s16)((v) + (0x7f - (to))) > (0x7f - (to) + (from)-1))
    memcpy(&v, p, sizeof v);
    return (unsigned)__builtin_ia32_pmovmskb128(
        (mask16)(SCAN_IS_IN_(v | 0x20, 'a', 'z') | SCAN_IS_IN_(v, '0', '9') | SCAN_IS_IN_(v, '-', '.') | (s16)(v == '_')));
#undef SCAN_IS_IN_
#else
    return scan_plain_of(p, 16);
#endif
}

/* Bit i is set where octet i of n is SP or below it, '"', '<', '>' or DEL: what stands round a URI and never in one; n is at most 64. */
static inline uint64_t scan_edge_of(const char *p, size_t n)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];

        bits |= (uint64_t)(c <= ' ' || c == '"' || (c | 2) == '>' || c == 0x7f) << i;
    }
    return bits;
}

/* The same of 16. */
static inline uint64_t scan_edge16(const char *p)
{
#ifdef __SSE2__
    typedef unsigned char v16 __attribute__((vector_size(16)));
    typedef char          mask16 __attribute__((vector_size(16)));
    v16                   v;

    memcpy(&v, p, sizeof v);
    return (unsigned)__builtin_ia32_pmovmskb128((mask16)((v <= ' ') | (v == '"') | ((v | 2) == '>') | (v == 0x7f)));
#else
    return scan_edge_of(p, 16);
#endif
}

/* Where from p to end is the first octet whose class (by a table of 256) has no bit of `class`. */
static inline const char *scan_behind(const char *p, const char *end, const uint8_t class_of[256], uint8_t class)
{
#define SCAN_IS_(i) (class_of[(unsigned char)p[i]] & class)
    for (; end - p >= 4; p += 4) {
        if (!SCAN_IS_(0))
            return p;
        if (!SCAN_IS_(1))
            return p + 1;
        if (!SCAN_IS_(2))
            return p + 2;
        if (!SCAN_IS_(3))
            return p + 3;
    }
    while (p < end && SCAN_IS_(0))
        p++;
    return p;
#undef SCAN_IS_
}

/* The same of a class that has all plain octets, where it may go on for long. */
static inline const char *scan_far_behind(const char *p, const char *end, const uint8_t class_of[256], uint8_t class)
{
    while (end - p >= 16) {
        uint64_t odd = ~scan_plain16(p) & 0xffff;

        p += odd ? __builtin_ctzll(odd) : 16;
        if (odd && !(class_of[(unsigned char)*p] & class))
            return p;
        p += odd != 0;
    }
    return scan_behind(p, end, class_of, class);
}

#endif
