/* hash.c - SipHash-2-4 and -1-3, fed piece by piece so that they need not be joined.
 *
 * Room      base (pure).
 * Touches   its own state only. */
#include "base/hash.h"

#include "base/scan.h"

struct sip_state {
    uint64_t v0, v1, v2, v3;
    uint64_t word; /* the octets of the block so far, little endian */
    uint64_t n;    /* all octets so far */
};

static inline uint64_t rotl(uint64_t x, unsigned b)
{
    return x << b | x >> (64 - b);
}

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static void sip_begin(struct sip_state *s, const struct hash_key *key)
{
    *s = (struct sip_state){
        key->k0 ^ 0x736f6d6570736575u, key->k1 ^ 0x646f72616e646f6du,
        key->k0 ^ 0x6c7967656e657261u, key->k1 ^ 0x7465646279746573u, 0, 0};
}

/* `rounds` for each word: 2, or 1. Known when it is compiled, so that each way in has a loop of its own. */
static inline void sip_word(struct sip_state *s, uint64_t w, int rounds)
{
    s->v3 ^= w;
    sip_round(s);
    if (rounds == 2)
        sip_round(s);
    s->v0 ^= w;
}

static inline uint64_t sip_say(struct sip_state *s, int rounds)
{
    for (int i = 0; i < rounds; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Two rounds more at the end than for a word. */
static inline uint64_t sip_end(struct sip_state *s, int rounds)
{
    sip_word(s, s->word | s->n << 56, rounds);
    s->v2 ^= 0xff;
    return sip_say(s, rounds + 2);
}

/* n more octets, of at most 8, lie in w: behind those that are held. */
static inline void sip_part(struct sip_state *s, uint64_t w, size_t n, int rounds)
{
    unsigned held = 8 * (unsigned)(s->n & 7); /* bits */

    s->word |= w << held;
    s->n += n;
    if (held + 8 * n < 64)
        return;
    sip_word(s, s->word, rounds);
    s->word = held ? w >> (64 - held) : 0;
}

/* Whole words, also where no block begins: each completes the one before and leaves the rest. */
static inline __attribute__((always_inline)) void feed(struct sip_state *to, struct slice in, int rounds)
{
    struct sip_state s = *to; /* in registers, which stores to *to would not allow */
    unsigned         held = 8 * (unsigned)(s.n & 7);
    const char      *p = in.p;
    size_t           n = in.n;

    s.n += n & ~(size_t)7;
    for (; n >= 8; p += 8, n -= 8) {
        uint64_t w = scan_word(p);

        sip_word(&s, s.word | w << held, rounds);
        s.word = w >> 1 >> (63 - held);
    }
    if (n)
        sip_part(&s, scan_word_of(p, n), n, rounds);
    *to = s;
}

static inline __attribute__((always_inline)) void feed_pieces(struct sip_state *s, const struct slice *pieces, size_t n, int rounds)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            sip_part(s, 0, 1, rounds);
        feed(s, pieces[i], rounds);
    }
}

/* ---- SipHash-1-3 ---- */

uint64_t hash_name(const struct hash_key *key, struct slice s)
{
    struct sip_state st;

    sip_begin(&st, key);
    feed(&st, s, 1);
    return sip_end(&st, 1);
}

struct hash_wide hash_names_wide(const struct hash_key *key, const struct slice *names, size_t n)
{
    struct sip_state st;
    struct hash_wide h;

    sip_begin(&st, key);
    st.v1 ^= 0xee;
    feed_pieces(&st, names, n, 1);
    sip_word(&st, st.word | st.n << 56, 1);
    st.v2 ^= 0xee;
    h.a = sip_say(&st, 3);
    st.v1 ^= 0xdd;
    h.b = sip_say(&st, 3);
    return h;
}

/* ---- SipHash-2-4 ---- */

uint64_t hash_octets(const struct hash_key *key, struct slice s)
{
    return hash_pieces(key, &s, 1);
}

uint64_t hash_octets_lower(const struct hash_key *key, struct slice s)
{
    struct sip_state st;

    sip_begin(&st, key);
    for (size_t i = 0; i < s.n; i++)
        sip_part(&st, (unsigned char)ascii_lower(s.p[i]), 1, 2);
    return sip_end(&st, 2);
}

uint64_t hash_pieces(const struct hash_key *key, const struct slice *pieces, size_t n)
{
    struct sip_state st;

    sip_begin(&st, key);
    feed_pieces(&st, pieces, n, 2);
    return sip_end(&st, 2);
}

uint64_t hash_pair(const struct hash_key *key, struct slice a, struct slice b)
{
    const struct slice pieces[] = {a, b};

    return hash_pieces(key, pieces, 2);
}
