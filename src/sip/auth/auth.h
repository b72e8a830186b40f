/* auth.h - digest challenges and credentials (RFC 3261 §22, RFC 2617, RFC 7616, RFC 8760), both sides. Pure.
 *
 * Hashes come in as a struct digester, time and random numbers as arguments. Passwords and hashes are only passed
 * through. Comparison of hashes takes as long whatever they hold; for an unknown user, verify against any HA1 all the
 * same, so that neither answer nor time tells it from a wrong password. */
#ifndef SIP_AUTH_H
#define SIP_AUTH_H

#include "base/arena.h"
#include "base/digester.h"
#include "base/hash.h"
#include "sip/msg/msg.h"

enum {
    AUTH_MAX_PARAMS = 32,   /* of one challenge or one set of credentials */
    AUTH_MAX_VALUE = 1024,  /* octets of one of them                      */
    AUTH_HEX_OCTETS = 64    /* of the longest hash as text                */
};

enum auth_alg { AUTH_MD5, AUTH_MD5_SESS, AUTH_SHA256, AUTH_SHA256_SESS, AUTH_ALG_OTHER };
enum auth_qop { AUTH_QOP_NONE, AUTH_QOP_AUTH, AUTH_QOP_AUTH_INT, AUTH_QOP_OTHER };

enum auth_alg   auth_alg_find(struct slice text); /* case ignored; empty is MD5 */
struct slice    auth_alg_name(enum auth_alg alg);
enum digest_alg auth_digest_of(enum auth_alg alg); /* not for AUTH_ALG_OTHER */

/* --- hashes ------------------------------------------------------------------------------------------------------- */

struct auth_hash { /* lower-case hex text */
    char   hex[AUTH_HEX_OCTETS];
    size_t n;
};
struct slice auth_hash_text(const struct auth_hash *h);

/* H(user:realm:password): what a directory keeps. The same for an algorithm and its -sess form. */
void auth_ha1(const struct digester *d, enum digest_alg alg, const struct slice user_realm_password[3], struct auth_hash *out);

/* H(method:uri) as credentials without auth-int want it. It holds no secret, and all that register at one name have the same. */
void auth_ha2(const struct digester *d, enum digest_alg alg, struct slice method, struct slice uri, struct auth_hash *out);

/* --- challenges ----------------------------------------------------------------------------------------------------- */

struct auth_challenge {
    struct slice  realm;    /* all texts without quotes and escapes            */
    struct slice  nonce;
    struct slice  opaque;   /* empty = none                                    */
    struct slice  domain;   /* empty = none                                    */
    enum auth_alg alg;
    bool          stale;
    bool          qop_auth; /* neither: a challenge without qop (RFC 2069)     */
    bool          qop_auth_int;
    bool          qop_other; /* a qop was offered that is neither              */
};

/* Value of one (WWW|Proxy)-Authenticate. ERR_UNSUPPORTED: a scheme other than Digest; ERR_SYNTAX: realm or nonce missing,
 * or not the grammar; ERR_LIMIT; ERR_NOMEM. Texts with escapes are undone into the arena. */
enum err auth_challenge_parse(struct arena *a, struct slice value, struct auth_challenge *out);
/* The value of such a field. qop is left out when neither is set. */
void auth_put_challenge(struct buf *b, const struct auth_challenge *c);

/* Which challenge of a 401 or 407 to answer: the topmost one whose algorithm and qop we know (RFC 8760 §2.4), of that
 * realm where `realm` is not empty. ERR_NOTFOUND. */
enum err auth_choose(struct arena *a, const struct msg *m, enum hdr_id id, struct slice realm, struct auth_challenge *out);

/* --- credentials ---------------------------------------------------------------------------------------------------- */

struct auth_credentials {
    struct slice  username, realm, nonce, uri, response, cnonce, opaque; /* without quotes and escapes; empty = absent */
    enum auth_alg alg;
    enum auth_qop qop;
    uint32_t      nc;      /* 0 = absent; RFC 2617 counts from 1 */
    bool          proxy;   /* stood in Proxy-Authorization       */
};

/* Value of one (Proxy-)Authorization. Errors as auth_challenge_parse; also ERR_SYNTAX when username, nonce, uri or
 * response is missing, or qop is there without nc and cnonce. */
enum err auth_credentials_parse(struct arena *a, struct slice value, struct auth_credentials *out);

/* The i-th (from 0) readable credentials for that realm, Authorization before Proxy-Authorization: both count wherever
 * they stand (PROTOCOL: phones answer a 401 in either). ERR_NOTFOUND. */
enum err auth_find_credentials(struct arena *a, const struct msg *m, struct slice realm, size_t i,
                               struct auth_credentials *out);

/* Do the credentials of a request show knowledge of the password behind HA1 (hex, of the algorithm's hash)?
 * method: the request's; body: its body (for auth-int). Says nothing about the nonce: see below.
 * ERR_OK; ERR_DENIED: no; ERR_UNSUPPORTED: algorithm or qop unknown, or `ha1` is of another length. */
struct auth_asked {
    struct slice ha1;
    struct slice method;
    struct slice body;
    struct slice ha2; /* auth_ha2() of these credentials, where it is known already; empty: it is made */
};
enum err auth_verify(const struct digester *d, const struct auth_credentials *c, const struct auth_asked *asked);

/* A client's answer: value of (Proxy-)Authorization. `password` or `ha1` (where not empty it is taken).
 * qop is auth when offered, else auth-int, else none. ERR_UNSUPPORTED; ERR_LIMIT: b is too small. */
struct auth_login {
    const struct auth_challenge *challenge;
    struct slice username, password, ha1;
    struct slice method, uri, body;
    struct slice cnonce;   /* fresh random text */
    uint32_t     nc;       /* 1 for the first use of this nonce, then one more each time */
};
enum err auth_put_credentials(struct buf *b, const struct digester *d, const struct auth_login *login);

/* May a request of this method be challenged? Not ACK and CANCEL, which cannot be sent again (RFC 3261 §22.1); they
 * repeat the INVITE's credentials, and no nc check is made of those. */
bool auth_may_challenge(enum method method);

/* --- a server's nonces ---------------------------------------------------------------------------------------------- */

enum { AUTH_NONCE_OCTETS = 32 }; /* of its text: 24 octets in base64url */

/* Time, a number and a MAC over both: a server knows its own without having kept it. The MAC is a keyed SipHash of 64 bits:
 * its key shows nowhere, and who guesses one has only a nonce of his choice, not a password.
 * key      made of the server's stored secret for nonces alone, so that they outlive a restart
 * now_ms   wall clock
 * unique   differs between nonces of one millisecond (a counter or random) */
void auth_nonce_key(const struct digester *d, struct slice stored, struct hash_key *out);
void auth_nonce_make(struct buf *b, const struct hash_key *key, uint64_t now_ms, uint64_t unique);

struct auth_nonce {
    uint64_t made_ms;
    uint64_t mac; /* a keyed hash of all that it says: what a table of nonces may know it by */
};
/* ERR_OK: ours; ERR_DENIED: not ours, and nothing may be made of *out. */
enum err auth_nonce_read(const struct hash_key *key, struct slice nonce, struct auth_nonce *out);
/* Older than max_age_ms, or of the future by more than that? */
bool auth_nonce_is_stale(uint64_t made_ms, uint64_t now_ms, uint64_t max_age_ms);

/* Which nc values of a nonce were seen: the highest and the 63 below it. Requests of one phone reach different workers
 * and overtake each other, so order within the window does not matter. All zero: none seen. */
struct auth_nc_window {
    uint64_t seen;    /* bit i: highest - i was seen */
    uint32_t highest;
};
/* Note nc as used. ERR_OK; ERR_EXISTS: seen before, or too far below to know; ERR_INVALID: nc is 0. */
enum err auth_nc_use(struct auth_nc_window *w, uint32_t nc);

#endif
