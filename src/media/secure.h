/* secure.h - SRTP and SRTCP of one stream, by keys that were agreed elsewhere (RFC 3711, by libsrtp2).
 *
 * Each direction has a context of its own, with its roll-over counter and its memory of packets that came (replay). One lives
 * as long as its key: where the same key is agreed again, it goes on where it is, since the same numbers must not be used
 * twice with one key (RFC 3711 §9.1); a new key begins anew. libsrtp takes its memory from the system's heap. */
#ifndef MEDIA_SECURE_H
#define MEDIA_SECURE_H

#include "base/slice.h"
#include "media/media.h"

#define SECURE_MORE_OCTETS 160  /* what sealing adds at most: tag, and index and flag of SRTCP */
#define SECURE_MAX_OCTETS 2048  /* of a packet that is opened; longer: it is none of ours */

struct secure {
    struct media_keys keys;
    void             *seal, *open; /* contexts; NULL where there are no keys */
};

bool secure_is_there(void); /* this build has libsrtp2 */

/* From now on these keys, MEDIA_CLEAR: none. On failure all stays as it was. ERR_UNSUPPORTED: this build has no SRTP, or not that
 * suite; ERR_NOMEM. */
enum err secure_set(struct secure *s, const struct media_keys *keys);
void     secure_close(struct secure *s); /* the keys are wiped */

static inline bool secure_is_on(const struct secure *s) { return s->keys.suite != MEDIA_CLEAR; }

/* Seal a packet in place: its block has SECURE_MORE_OCTETS more than *n. ERR_INVALID: it cannot be sent (the key has been used
 * for as many packets as it may). Without keys nothing happens. */
enum err secure_seal(struct secure *s, bool rtcp, char *block, size_t *n);

/* Open a packet that came, into `room` of SECURE_MAX_OCTETS; *octets is the plain one then. ERR_EXISTS: it has come before (or is
 * too old to tell); ERR_DENIED: it is not of who has the key; ERR_SYNTAX. Without keys nothing happens. */
enum err secure_open(struct secure *s, bool rtcp, char *room, struct slice *octets);

#endif
