/* auth_fuzz.c - digest header fields: the first octet says which one; what parses is written and parses the same. */
#include <assert.h>
#include <string.h>

#include "sip/auth/auth.h"

enum { BLOCK_OCTETS = 1 << 17, OUT_OCTETS = 1 << 17, KINDS = 3 };

static char block[BLOCK_OCTETS], out[OUT_OCTETS];

/* Not a hash, but different for different texts, and the same each time. */
static void mix(void *ctx, enum digest_alg alg, const struct slice *pieces, size_t n, unsigned char *to)
{
    uint32_t h = 2166136261u;

    (void)ctx;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < pieces[i].n; k++)
            h = (h ^ (unsigned char)pieces[i].p[k]) * 16777619u;
    for (size_t i = 0; i < DIGESTER_OCTETS(alg); i++)
        to[i] = (unsigned char)(h >> i % 4 * 8);
}

static void mix_hmac(void *ctx, struct slice key, const struct slice *pieces, size_t n, unsigned char *to)
{
    (void)key;
    mix(ctx, DIGEST_SHA256, pieces, n, to);
}

static const struct digester digester = {mix, mix_hmac, NULL};

static void challenge(struct arena *a, struct slice in)
{
    struct auth_challenge   c, d;
    struct auth_credentials cr;
    struct auth_hash        ha1;
    struct buf              b = BUF_ON(out);
    struct auth_login       login = {.challenge = &c, .username = S("1\"001"), .password = S("p"), .method = S("INVITE"),
                                     .uri = S("sip:a"), .cnonce = S("c"), .nc = 0x1234abcd};

    if (auth_challenge_parse(a, in, &c) || c.alg == AUTH_ALG_OTHER)
        return;
    auth_put_challenge(&b, &c);
    assert(buf_err(&b) == ERR_OK && auth_challenge_parse(a, buf_slice(&b), &d) == ERR_OK);
    assert(slice_eq(c.realm, d.realm) || slice_find_any(c.realm, S("\r\n")) != SIZE_MAX);
    assert(c.alg == d.alg && c.stale == d.stale && c.qop_auth == d.qop_auth && c.qop_auth_int == d.qop_auth_int);
    c = d;
    buf_init(&b, out + OUT_OCTETS / 2, OUT_OCTETS / 2);
    if (auth_put_credentials(&b, &digester, &login))
        return;
    assert(auth_credentials_parse(a, buf_slice(&b), &cr) == ERR_OK);
    auth_ha1(&digester, auth_digest_of(c.alg), (const struct slice[3]){cr.username, cr.realm, S("p")}, &ha1);
    assert(auth_verify(&digester, &cr, &(struct auth_asked){.ha1 = auth_hash_text(&ha1), .method = S("INVITE")}) == ERR_OK);
}

static void credentials(struct arena *a, struct slice in)
{
    struct auth_credentials cr;
    struct auth_asked       asked = {.ha1 = S("0123456789abcdef0123456789abcdef"), .method = S("BYE"), .body = S("body")};
    struct auth_nonce made;

    if (auth_credentials_parse(a, in, &cr))
        return;
    assert(cr.username.n && cr.nonce.n && cr.response.n);
    assert(cr.qop == AUTH_QOP_NONE || cr.nc);
    (void)auth_verify(&digester, &cr, &asked);
    (void)auth_nonce_read(&(struct hash_key){1, 2}, cr.nonce, &made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice           in = {(const char *)data, size}, rest;
    struct auth_nonce made;
    struct arena           a;

    if (!size)
        return 0;
    arena_init_fixed(&a, block, sizeof block);
    rest = slice_from(in, 1);
    switch (data[0] % KINDS) {
    case 0:
        challenge(&a, rest);
        break;
    case 1:
        credentials(&a, rest);
        break;
    default:
        (void)auth_nonce_read(&(struct hash_key){1, 2}, rest, &made);
        break;
    }
    return 0;
}
