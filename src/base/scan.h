/* scan.h - octets four, eight and sixty-four at a time. Pure.
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

/* The same of 64. */
static inline uint64_t scan_where(const char *p, char c)
{
    return scan_where16(p, c) | scan_where16(p + 16, c) << 16 | scan_where16(p + 32, c) << 32 | scan_where16(p + 48, c) << 48;
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
    typedef char          mask16 __attribute__((vector_size(16)));
    v16                   v, from_a, from_0, from_minus;

    memcpy(&v, p, sizeof v);
    from_a = (v | 0x20) - 'a';
    from_0 = v - '0';
    from_minus = v - '-';
    return (unsigned)__builtin_ia32_pmovmskb128((mask16)((from_a < 26) | (from_0 < 10) | (from_minus < 2) | (v == '_')));
#else
    return scan_plain_of(p, 16);
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
