/* cert.h - certificates of our own making: for who has none yet, and for tests. */
#ifndef SYS_CERT_H
#define SYS_CERT_H

#include "base/buf.h"
#include "base/err.h"

enum {
    CERT_MAX_NAMES = 4096,    /* octets of all names that are asked for */
    CERT_MAX_PEM = 8192,      /* octets of what cert_make() writes, each */
    CERT_MAX_FINGERPRINT = 96 /* octets of cert_put_fingerprint()'s text */
};

struct cert {
    const char *name;   /* whose it is, in words (its subject) */
    const char *names;  /* what it is good for: "DNS:example.com,IP:192.0.2.1,URI:sip:example.com" */
    uint64_t    from_s; /* seconds since 1970 */
    uint64_t    days;
};

/* A new key (P-256) and a certificate for it that it has signed itself, both as PEM. ERR_INVALID: the names; ERR_NOMEM: or no room
 * in one of them. The key's copy in `key` is the caller's to wipe. */
enum err cert_make(const struct cert *c, struct buf *chain, struct buf *key);

/* SHA-256 of the first certificate in PEM, as people compare it: "4A:0F:...". ERR_SYNTAX. */
enum err cert_put_fingerprint(struct buf *b, struct slice pem);

#endif
