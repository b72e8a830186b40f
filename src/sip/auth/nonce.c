/* nonce.c - a server's nonces, known again by their MAC; and which nc of one were used. RFC 7616 §3.3, §3.4.3, §5.4.
 *
 * Room      sip/auth (pure).
 * In        key, time, a number; a nonce that came back; its nc.
 * Out       text; ours or not, too old or not, used before or not.
 * Not here  the table of windows by nonce: it is shared by workers (server rooms).
 *
 *   0        6            16        24
 *   | time ms | unique 10  | MAC     |   -> base64url, 32 characters */
#include "sip/auth/auth_priv.h"

enum { TIME_OCTETS = 6, UNIQUE_OCTETS = 10, MAC_OCTETS = 8, FRONT_OCTETS = TIME_OCTETS + UNIQUE_OCTETS };

static void put_number(unsigned char *to, size_t n, uint64_t v)
{
    for (size_t i = n; i > 0; i--, v >>= 8)
        to[i - 1] = (unsigned char)v;
}

static uint64_t get_number(const unsigned char *from, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | from[i];
    return v;
}

void auth_nonce_key(const struct digester *d, struct slice stored, struct hash_key *out)
{
    const struct slice use[] = {S("sip nonce 2")};
    unsigned char      octets[DIGESTER_MAX_OCTETS];

    d->hmac(d->ctx, stored, use, 1, octets);
    *out = (struct hash_key){get_number(octets, 8), get_number(octets + 8, 8)};
}

static uint64_t mac_of(const struct hash_key *key, const unsigned char *front)
{
    return hash_octets(key, (struct slice){(const char *)front, FRONT_OCTETS});
}

void auth_nonce_make(struct buf *b, const struct hash_key *key, uint64_t now_ms, uint64_t unique)
{
    unsigned char octets[FRONT_OCTETS + MAC_OCTETS];

    put_number(octets, TIME_OCTETS, now_ms);
    put_number(octets + TIME_OCTETS, UNIQUE_OCTETS, unique);
    put_number(octets + FRONT_OCTETS, MAC_OCTETS, mac_of(key, octets));
    buf_put_base64url(b, (struct slice){(const char *)octets, sizeof octets});
}

enum err auth_nonce_read(const struct hash_key *key, struct slice nonce, struct auth_nonce *out)
{
    unsigned char octets[FRONT_OCTETS + MAC_OCTETS];
    struct buf    b;

    buf_init(&b, octets, sizeof octets);
    if (nonce.n != AUTH_NONCE_OCTETS || buf_put_unbase64(&b, nonce) || b.n != sizeof octets)
        return ERR_DENIED;
    out->mac = mac_of(key, octets);
    if (out->mac != get_number(octets + FRONT_OCTETS, MAC_OCTETS)) /* words: takes as long whatever differs */
        return ERR_DENIED;
    out->made_ms = get_number(octets, TIME_OCTETS);
    return ERR_OK;
}

bool auth_nonce_is_stale(uint64_t made_ms, uint64_t now_ms, uint64_t max_age_ms)
{
    return (made_ms > now_ms ? made_ms - now_ms : now_ms - made_ms) > max_age_ms;
}

enum err auth_nc_use(struct auth_nc_window *w, uint32_t nc)
{
    uint32_t up, down;

    if (nc == 0)
        return ERR_INVALID;
    if (nc > w->highest) {
        up = nc - w->highest;
        w->seen = up < 64 ? w->seen << up : 0;
        w->seen |= 1;
        w->highest = nc;
        return ERR_OK;
    }
    down = w->highest - nc;
    if (down >= 64 || w->seen >> down & 1)
        return ERR_EXISTS;
    w->seen |= (uint64_t)1 << down;
    return ERR_OK;
}
