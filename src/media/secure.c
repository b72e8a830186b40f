/* secure.c - SRTP and SRTCP by libsrtp2, where the build has it.
 *
 * Room      media.
 * Touches   *s. The library is set up once for the process. */
#include "media/secure.h"

#include <string.h>

static void wipe(void *p, size_t n)
{
    volatile char *c = p;

    while (n--)
        *c++ = 0;
}

static bool same_key(const struct media_keys *a, const struct media_keys *b, bool sending)
{
    const uint8_t *x = sending ? a->send : a->receive, *y = sending ? b->send : b->receive;

    return a->suite == b->suite && !memcmp(x, y, MEDIA_MAX_KEY_OCTETS);
}

#ifdef HAVE_LIBSRTP2

#include <pthread.h>
#include <srtp2/srtp.h>

#define REPLAY_PACKETS 256 /* remembered of those that came: more than the jitter buffer would still take */

_Static_assert(SECURE_MORE_OCTETS >= SRTP_MAX_TRAILER_LEN + 4, "room for what the library may write");

static pthread_once_t once = PTHREAD_ONCE_INIT;
static srtp_err_status_t started;

static void start(void)
{
    started = srtp_init();
}

bool secure_is_there(void)
{
    pthread_once(&once, start);
    return started == srtp_err_status_ok;
}

/* RFC 4568 §6.2: in the suites whose name ends in 32, SRTCP keeps its tag of 80 bits. */
static bool set_policy(srtp_policy_t *p, enum media_suite suite)
{
    switch (suite) {
    case MEDIA_AES_128_80: srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p->rtp); break;
    case MEDIA_AES_128_32: srtp_crypto_policy_set_aes_cm_128_hmac_sha1_32(&p->rtp); break;
    case MEDIA_AES_256_80: srtp_crypto_policy_set_aes_cm_256_hmac_sha1_80(&p->rtp); break;
    case MEDIA_CLEAR:
    case MEDIA_SUITES: return false;
    }
    p->rtcp = p->rtp;
    if (suite == MEDIA_AES_128_32)
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&p->rtcp);
    return true;
}

static enum err make(enum media_suite suite, const uint8_t *key, bool sending, void **out)
{
    unsigned char     octets[MEDIA_MAX_KEY_OCTETS];
    srtp_policy_t     p;
    srtp_t            t = NULL;
    srtp_err_status_t e;

    memset(&p, 0, sizeof p);
    if (!secure_is_there() || !set_policy(&p, suite))
        return ERR_UNSUPPORTED;
    memcpy(octets, key, sizeof octets);
    p.ssrc.type = sending ? ssrc_any_outbound : ssrc_any_inbound;
    p.key = octets;
    p.window_size = REPLAY_PACKETS;
    e = srtp_create(&t, &p);
    wipe(octets, sizeof octets);
    if (e == srtp_err_status_ok) {
        *out = t;
        return ERR_OK;
    }
    return e == srtp_err_status_alloc_fail ? ERR_NOMEM : ERR_UNSUPPORTED;
}

static void end(void *context)
{
    if (context)
        srtp_dealloc(context);
}

enum err secure_seal(struct secure *s, bool rtcp, char *block, size_t *n)
{
    int len = (int)*n;

    if (!secure_is_on(s))
        return ERR_OK;
    if ((rtcp ? srtp_protect_rtcp(s->seal, block, &len) : srtp_protect(s->seal, block, &len)) != srtp_err_status_ok)
        return ERR_INVALID;
    *n = (size_t)len;
    return ERR_OK;
}

enum err secure_open(struct secure *s, bool rtcp, char *room, struct slice *octets)
{
    int len = (int)octets->n;

    if (!secure_is_on(s))
        return ERR_OK;
    if (octets->n > SECURE_MAX_OCTETS)
        return ERR_SYNTAX;
    memcpy(room, octets->p, octets->n);
    switch (rtcp ? srtp_unprotect_rtcp(s->open, room, &len) : srtp_unprotect(s->open, room, &len)) {
    case srtp_err_status_ok: break;
    case srtp_err_status_replay_fail:
    case srtp_err_status_replay_old: return ERR_EXISTS;
    case srtp_err_status_auth_fail: return ERR_DENIED;
    default: return ERR_SYNTAX;
    }
    *octets = (struct slice){room, (size_t)len};
    return ERR_OK;
}

#else

bool secure_is_there(void)
{
    return false;
}

static enum err make(enum media_suite suite, const uint8_t *key, bool sending, void **out)
{
    (void)suite;
    (void)key;
    (void)sending;
    (void)out;
    return ERR_UNSUPPORTED;
}

static void end(void *context)
{
    (void)context;
}

enum err secure_seal(struct secure *s, bool rtcp, char *block, size_t *n)
{
    (void)s;
    (void)rtcp;
    (void)block;
    (void)n;
    return ERR_OK;
}

enum err secure_open(struct secure *s, bool rtcp, char *room, struct slice *octets)
{
    (void)s;
    (void)rtcp;
    (void)room;
    (void)octets;
    return ERR_OK;
}

#endif

static enum err renew(const struct secure *s, const struct media_keys *k, bool sending, void **out)
{
    *out = sending ? s->seal : s->open;
    if (same_key(&s->keys, k, sending))
        return ERR_OK;
    *out = NULL;
    return k->suite == MEDIA_CLEAR ? ERR_OK : make(k->suite, sending ? k->send : k->receive, sending, out);
}

enum err secure_set(struct secure *s, const struct media_keys *k)
{
    void    *seal, *open;
    enum err e = renew(s, k, true, &seal);

    if (e)
        return e;
    if ((e = renew(s, k, false, &open))) {
        if (seal != s->seal)
            end(seal);
        return e;
    }
    if (seal != s->seal)
        end(s->seal);
    if (open != s->open)
        end(s->open);
    s->seal = seal;
    s->open = open;
    s->keys = *k;
    return ERR_OK;
}

void secure_close(struct secure *s)
{
    end(s->seal);
    end(s->open);
    wipe(s, sizeof *s);
}
