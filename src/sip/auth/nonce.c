/* nonce.c - a server's nonces, known again by their MAC; and which nc of one were used. RFC 7616 §3.3, §3.4.3, §5.4.
 *
 * Room      sip/auth (pure).
 * In        key, time, a number; a nonce that came back; its nc.
 * Out       text; ours or not, too old or not, used before or not.
 * Not here  the table of windows by nonce: it is shared by workers (server rooms).
 *
 *   0        6            16                32
 *   | time ms | unique 10  | MAC, first 16   |   -> base64url, 43 characters */
#include "sip/auth/auth_priv.h"

#include <string.h>

enum { TIME_OCTETS = 6, UNIQUE_OCTETS = 10, MAC_OCTETS = 16, FRONT_OCTETS = TIME_OCTETS + UNIQUE_OCTETS };

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

static void mac_of(const struct digester *d, struct slice key, const unsigned char *front, unsigned char *mac)
{
    const struct slice pieces[] = {S("sip nonce"), {(const char *)front, FRONT_OCTETS}};

    d->hmac(d->ctx, key, pieces, 2, mac);
}

void auth_nonce_make(struct buf *b, const struct digester *d, struct slice key, uint64_t now_ms, uint64_t unique)
{
    unsigned char octets[FRONT_OCTETS + MAC_OCTETS], mac[DIGESTER_MAX_OCTETS];

    put_number(octets, TIME_OCTETS, now_ms);
    put_number(octets + TIME_OCTETS, UNIQUE_OCTETS, unique);
    mac_of(d, key, octets, mac);
    memcpy(octets + FRONT_OCTETS, mac, MAC_OCTETS);
    buf_put_base64url(b, (struct slice){(const char *)octets, sizeof octets});
}

enum err auth_nonce_check(const struct digester *d, const struct auth_nonce_rule *rule, struct slice nonce)
{
    unsigned char octets[FRONT_OCTETS + MAC_OCTETS], mac[DIGESTER_MAX_OCTETS];
    struct buf    b;
    uint64_t      made_ms;

    buf_init(&b, octets, sizeof octets);
    if (nonce.n != AUTH_NONCE_OCTETS || buf_put_unbase64(&b, nonce) || b.n != sizeof octets)
        return ERR_DENIED;
    mac_of(d, rule->key, octets, mac);
    if (!digest_same((struct slice){(const char *)mac, MAC_OCTETS},
                     (struct slice){(const char *)octets + FRONT_OCTETS, MAC_OCTETS}))
        return ERR_DENIED;
    made_ms = get_number(octets, TIME_OCTETS);
    if (made_ms > rule->now_ms)
        return made_ms - rule->now_ms > rule->max_age_ms ? ERR_STALE : ERR_OK;
    return rule->now_ms - made_ms > rule->max_age_ms ? ERR_STALE : ERR_OK;
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
