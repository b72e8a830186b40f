/* hash.c - SipHash-2-4, fed piece by piece so that they need not be joined.
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

static inline void sip_word(struct sip_state *s, uint64_t w)
{
    s->v3 ^= w;
    sip_round(s);
    sip_round(s);
    s->v0 ^= w;
}

static uint64_t sip_end(struct sip_state *s)
{
    sip_word(s, s->word | s->n << 56);
    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* n more octets, of at most 8, lie in w: behind those that are held. */
static inline void sip_part(struct sip_state *s, uint64_t w, size_t n)
{
    unsigned held = 8 * (unsigned)(s->n & 7); /* bits */

    s->word |= w << held;
    s->n += n;
    if (held + 8 * n < 64)
        return;
    sip_word(s, s->word);
    s->word = held ? w >> (64 - held) : 0;
}

/* Whole words, also where no block begins: each completes the one before and leaves the rest. */
static void feed(struct sip_state *to, struct slice in)
{
    struct sip_state s = *to; /* in registers, which stores to *to would not allow */
    const char      *p = in.p;
    size_t           n = in.n;

    for (; n >= 8; p += 8, n -= 8)
        sip_part(&s, scan_word(p), 8);
    if (n)
        sip_part(&s, scan_word_of(p, n), n);
    *to = s;
}

uint64_t hash_octets(const struct hash_key *key, struct slice s)
{
    struct sip_state st;

    sip_begin(&st, key);
    feed(&st, s);
    return sip_end(&st);
}

uint64_t hash_octets_lower(const struct hash_key *key, struct slice s)
{
    struct sip_state st;

    sip_begin(&st, key);
    for (size_t i = 0; i < s.n; i++)
        sip_part(&st, (unsigned char)ascii_lower(s.p[i]), 1);
    return sip_end(&st);
}

static void feed_pieces(struct sip_state *s, const struct slice *pieces, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            sip_part(s, 0, 1);
        feed(s, pieces[i]);
    }
}

uint64_t hash_pieces(const struct hash_key *key, const struct slice *pieces, size_t n)
{
    struct sip_state st;

    sip_begin(&st, key);
    feed_pieces(&st, pieces, n);
    return sip_end(&st);
}

struct hash_wide hash_pieces_wide(const struct hash_key *key, const struct slice *pieces, size_t n)
{
    struct sip_state st;
    struct hash_wide h;

    sip_begin(&st, key);
    st.v1 ^= 0xee;
    feed_pieces(&st, pieces, n);
    sip_word(&st, st.word | st.n << 56);
    st.v2 ^= 0xee;
    for (int i = 0; i < 4; i++)
        sip_round(&st);
    h.a = st.v0 ^ st.v1 ^ st.v2 ^ st.v3;
    st.v1 ^= 0xdd;
    for (int i = 0; i < 4; i++)
        sip_round(&st);
    h.b = st.v0 ^ st.v1 ^ st.v2 ^ st.v3;
    return h;
}

uint64_t hash_pair(const struct hash_key *key, struct slice a, struct slice b)
{
    const struct slice pieces[] = {a, b};

    return hash_pieces(key, pieces, 2);
}
