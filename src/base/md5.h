/* md5.h - MD5 (RFC 1321), which phones' digests are made of. Pure.
 *
 * It is here because a hash of two or three blocks costs as much again on its way through OpenSSL. For digests only: what
 * is ours alone takes SipHash (base/hash.h) or SHA-256. */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include "base/slice.h"

#define MD5_OCTETS 16

/* Of the pieces as one text. Nothing of them is left behind in memory. */
void md5(const struct slice *pieces, size_t n, unsigned char out[MD5_OCTETS]);

#endif
