/* latch.h - who is listened to: the rule that media.h tells. */
#ifndef MEDIA_LATCH_H
#define MEDIA_LATCH_H

#include "base/addr.h"

struct latch {
    struct addr agreed;  /* family ADDR_NONE: nowhere */
    bool        allow;   /* another address may become the sender */
    struct addr sender;  /* family ADDR_NONE: nobody yet */
    uint64_t    last_ms; /* when it was heard last */
    struct addr candidate;
    uint32_t    candidate_ssrc;
    unsigned    candidate_packets;
};

/* Begin anew when the address is another one than before. */
void latch_agree(struct latch *l, const struct addr *agreed, bool allow);

enum latch_verdict {
    LATCH_FOREIGN, /* not to be heard */
    LATCH_HEARD,
    LATCH_CHANGED  /* heard, and from another address than the one before (or than the agreed one) */
};
enum latch_verdict latch_on_packet(struct latch *l, const struct addr *from, uint32_t ssrc, uint64_t now_ms);

/* May this RTCP be believed? */
bool latch_takes_rtcp(const struct latch *l, const struct addr *from);

/* Another address than the agreed one is the sender, so it is answered there. */
bool latch_is_elsewhere(const struct latch *l);

#endif
