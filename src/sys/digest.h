/* digest.h - the real hashes behind base/digester.h: OpenSSL 3.
 *
 * Algorithms are fetched once and contexts are kept for each thread: fetching at each use costs three times the hash. */
#ifndef SYS_DIGEST_H
#define SYS_DIGEST_H

#include "base/digester.h"

/* Safe for all threads at once. Ends the program when OpenSSL has no MD5, SHA-256 or HMAC, or no memory for them: at the
 * first call on each thread, not in mid-call. */
void digest_open(struct digester *out);

#endif
