/* md5.c - MD5 as RFC 1321 has it: four rounds of sixteen steps for each block of 64 octets. Room base (pure). */
#include "base/md5.h"

#include <string.h>

#include "base/scan.h"

enum { BLOCK = 64, LENGTH_AT = BLOCK - 8 };

struct state {
    uint32_t a, b, c, d;
};

/* RFC 1321 §3.4: the sine of 1, 2, ... 64 radians, without its sign, times 2^32. */
static const uint32_t sines[64] = {
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
};

static inline uint32_t step(uint32_t a, uint32_t b, uint32_t mixed, uint32_t added, unsigned turn)
{
    a += mixed + added;
    return b + (a << turn | a >> (32 - turn));
}

/* The functions of the four rounds, with one operation less than they are written with. */
#define F(x, y, z) ((z) ^ ((x) & ((y) ^ (z))))
#define G(x, y, z) ((y) ^ ((z) & ((x) ^ (y))))
#define H(x, y, z) ((x) ^ (y) ^ (z))
#define I(x, y, z) ((y) ^ ((x) | ~(z)))

/* Steps i to i + 3 of round r: the k-th takes word `first + k * by` of the block, modulo 16. */
#define FOUR_STEPS(mix, r, i, first, by, t0, t1, t2, t3)                                                      \
    do {                                                                                                      \
        a = step(a, b, mix(b, c, d), w[(first + (i)*by) & 15] + sines[16 * r + (i)], t0);                     \
        d = step(d, a, mix(a, b, c), w[(first + ((i) + 1) * by) & 15] + sines[16 * r + (i) + 1], t1);         \
        c = step(c, d, mix(d, a, b), w[(first + ((i) + 2) * by) & 15] + sines[16 * r + (i) + 2], t2);         \
        b = step(b, c, mix(c, d, a), w[(first + ((i) + 3) * by) & 15] + sines[16 * r + (i) + 3], t3);         \
    } while (0)

static void take_block(struct state *s, const char *block)
{
    uint32_t w[16], a = s->a, b = s->b, c = s->c, d = s->d;

    for (unsigned i = 0; i < 16; i++)
        w[i] = (uint32_t)scan_word_of(block + 4 * i, 4);
    for (unsigned i = 0; i < 16; i += 4)
        FOUR_STEPS(F, 0, i, 0, 1, 7, 12, 17, 22);
    for (unsigned i = 0; i < 16; i += 4)
        FOUR_STEPS(G, 1, i, 1, 5, 5, 9, 14, 20);
    for (unsigned i = 0; i < 16; i += 4)
        FOUR_STEPS(H, 2, i, 5, 3, 4, 11, 16, 23);
    for (unsigned i = 0; i < 16; i += 4)
        FOUR_STEPS(I, 3, i, 0, 7, 6, 10, 15, 21);
    *s = (struct state){s->a + a, s->b + b, s->c + c, s->d + d};
    explicit_bzero(w, sizeof w);
}

/* A piece behind the n octets of a block that is not yet full. Returns how many there are then. */
static size_t take(struct state *s, char *block, size_t n, struct slice piece)
{
    while (piece.n) {
        struct slice fits = slice_to(piece, BLOCK - n);

        memcpy(block + n, fits.p, fits.n);
        piece = slice_from(piece, fits.n);
        if ((n += fits.n) < BLOCK)
            break;
        take_block(s, block);
        n = 0;
    }
    return n;
}

/* The lowest octet first, as MD5 has all its numbers. */
static void put_number(unsigned char to[8], uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (unsigned char)(v >> 8 * i);
}

void md5(const struct slice *pieces, size_t n, unsigned char out[MD5_OCTETS])
{
    struct state s = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
    char         block[BLOCK];
    size_t       used = 0;
    uint64_t     octets = 0;

    for (size_t i = 0; i < n; octets += pieces[i++].n)
        used = take(&s, block, used, pieces[i]);
    used = take(&s, block, used, S("\x80"));
    if (used > LENGTH_AT) {
        memset(block + used, 0, BLOCK - used);
        take_block(&s, block);
        used = 0;
    }
    memset(block + used, 0, LENGTH_AT - used);
    put_number((unsigned char *)block + LENGTH_AT, 8 * octets);
    take_block(&s, block);
    put_number(out, s.a | (uint64_t)s.b << 32);
    put_number(out + 8, s.c | (uint64_t)s.d << 32);
    explicit_bzero(block, sizeof block);
}
