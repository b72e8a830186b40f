/* digester.h - hashes, as a pure room is given them: sys/digest.h has the real ones (OpenSSL). Pure.
 *
 * A call hashes several pieces as one text. `out` gets DIGESTER_OCTETS(alg) octets. They cannot fail: the real ones fetch
 * their algorithms at start, and end the program there when that fails. */
#ifndef BASE_DIGESTER_H
#define BASE_DIGESTER_H

#include "base/slice.h"

enum digest_alg { DIGEST_MD5, DIGEST_SHA256, DIGEST_ALG_N };

#define DIGESTER_MAX_OCTETS 32
#define DIGESTER_OCTETS(alg) ((alg) == DIGEST_MD5 ? 16u : 32u)

struct digester {
    void (*hash)(void *ctx, enum digest_alg alg, const struct slice *pieces, size_t n, unsigned char *out);
    /* HMAC-SHA-256 (RFC 2104), 32 octets. */
    void (*hmac)(void *ctx, struct slice key, const struct slice *pieces, size_t n, unsigned char *out);
    void *ctx;
};

/* Are the two equal? Takes as long whatever they hold (their lengths may show). */
bool digest_same(struct slice a, struct slice b);

#endif
