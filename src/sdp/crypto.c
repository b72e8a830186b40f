/* crypto.c - keys for SRTP in descriptions: a=crypto (RFC 4568, suites of RFC 4568 §6.2 and RFC 6188).
 *
 * Room      sdp (pure).
 * Touches   its arguments only.
 * Must hold the tag of a line of ours is the number of its suite, so that an answer names the suite by its tag. */
#include "sdp/sdp_priv.h"

#include <string.h>

static const struct {
    struct slice name;
    size_t       octets; /* of master key and salt */
} suites[SDP_SUITES] = {
    [SDP_CLEAR] = {{"", 0}, 0},
    [SDP_AES_128_80] = {{"AES_CM_128_HMAC_SHA1_80", 23}, 30},
    [SDP_AES_128_32] = {{"AES_CM_128_HMAC_SHA1_32", 23}, 30},
    [SDP_AES_256_80] = {{"AES_256_CM_HMAC_SHA1_80", 23}, 46},
};

struct slice sdp_suite_name(enum sdp_suite s)
{
    return suites[s].name;
}

size_t sdp_suite_key_octets(enum sdp_suite s)
{
    return suites[s].octets;
}

static enum sdp_suite suite_of(struct slice name)
{
    for (int i = SDP_AES_128_80; i < SDP_SUITES; i++)
        if (slice_ieq(name, suites[i].name))
            return (enum sdp_suite)i;
    return SDP_CLEAR;
}

/* "inline:KEY", "inline:KEY|2^31". A key with an identifier (MKI) is not understood, nor several: then each packet would name
 * its own. */
static bool read_key(struct slice params, struct sdp_crypto *c)
{
    struct buf   b;
    struct slice key;

    if (!slice_istarts(params, S("inline:")) || slice_find(params, ';') != SIZE_MAX)
        return false;
    params = slice_from(params, 7);
    slice_cut(&params, '|', &key);
    if (slice_find(params, ':') != SIZE_MAX)
        return false;
    memset(c->key, 0, sizeof c->key);
    buf_init(&b, (char *)c->key, sizeof c->key);
    return buf_put_unbase64(&b, key) == ERR_OK && b.n == suites[c->suite].octets;
}

/* RFC 4568 §6.3: a window's size and what may be ignored matter to nobody; whatever else changes what packets are. */
static bool may_ignore(struct slice params)
{
    while (params.n) {
        struct slice word = sdp_word(&params);

        if (!slice_istarts(word, S("WSH=")) && !slice_starts(word, S("-")))
            return false;
    }
    return true;
}

bool sdp_crypto_read(struct slice value, struct sdp_crypto *out)
{
    struct sdp_crypto c;
    struct slice      tag = sdp_word(&value);

    if (tag.n > 9 || slice_u32(tag, &c.tag))
        return false;
    c.suite = suite_of(sdp_word(&value));
    if (c.suite == SDP_CLEAR || !read_key(sdp_word(&value), &c) || !may_ignore(value))
        return false;
    *out = c;
    return true;
}

bool sdp_crypto_choose(const struct sdp_media *m, struct sdp_crypto *out)
{
    for (size_t i = 0; i < m->n_crypto; i++)
        if (sdp_crypto_read(m->crypto[i], out))
            return true;
    return false;
}

void sdp_crypto_put(struct buf *b, uint32_t tag, enum sdp_suite suite, const uint8_t *key)
{
    buf_put(b, S("a=crypto:"));
    buf_putu(b, tag);
    buf_puts(b, S(" "), suites[suite].name, S(" inline:"));
    buf_put_base64(b, (struct slice){(const char *)key, suites[suite].octets});
    buf_put(b, S("\r\n"));
}

void sdp_fresh_keys(struct sdp_local *l, struct rng *rng)
{
    for (int i = SDP_AES_128_80; i < SDP_SUITES && l->srtp != SDP_SRTP_OFF; i++)
        if ((enum sdp_suite)i != l->suite)
            rng_fill(rng, l->srtp_key[i], sizeof l->srtp_key[i]);
}

void sdp_mask_keys(char *octets, size_t n)
{
    for (size_t at = 0; at < n; at++) {
        if (!slice_istarts((struct slice){octets + at, n - at}, S("inline:")))
            continue;
        for (at += 7; at < n && slice_find(S("|; \t\r\n"), octets[at]) == SIZE_MAX; at++)
            octets[at] = '*';
    }
}
