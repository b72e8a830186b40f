/* transfer.h - three phones and a transfer, in words: A talks with B, who sends it on to C. A flow that is about one of these
 * steps writes it out. */
#ifndef KIT_TRANSFER_H
#define KIT_TRANSFER_H

#include "kit/talk.h"
#include "sdp/sdp.h"

struct three {
    struct kit  *k;
    struct peer *a, *b, *c; /* 1001, 1002, 1003 */
};
struct three three_begin(const struct kit_options *o); /* NULL: all zero */
struct three three_talking(void);                      /* ... and A has called B */

struct three three_talking_in(enum dialog_mode mode); /* ... where transfers are in that mode; with a story */

/* What B sends; what A tells B of it (RFC 3515 2.4.4). */
#define REFER_TO_C "REFER\nRefer-To: <sip:1003@" KIT_DOMAIN ">\nReferred-By: <sip:1002@" KIT_DOMAIN ">"
#define NOTIFY_TRYING                                                                                                           \
    "NOTIFY\nEvent: refer\nSubscription-State: active;expires=60\nContent-Type: message/sipfrag\n\nSIP/2.0 100 Trying\n"
#define NOTIFY_DONE                                                                                                             \
    "NOTIFY\nEvent: refer\nSubscription-State: terminated;reason=noresource\nContent-Type: message/sipfrag;version=2.0\n\n"     \
    "SIP/2.0 200 OK\r\n"

/* B asks, P says 202, and A has the REFER. */
void ask_to_refer(struct three *t);
/* The transferor is told how it ended, by a NOTIFY that is the last one; not answered yet. */
const struct msg *expect_told(struct peer *transferor, unsigned status);
void              expect_notify(struct peer *transferor, unsigned status); /* ... and answered */

/* ---- the exchange executes it (PROTOCOL 6.2) ---- */

/* Step 1: A is asked for an offer, and its answer comes with the ACK at once; where that INVITE has been expected already. */
void expect_to_be_asked(struct three *t);
void be_asked(struct three *t, const struct msg *invite);
/* Steps 2 and 3: C is rung with A's offer and answers, A is moved to it: sound goes straight. */
void ring_and_answer(struct three *t, uint64_t rings_ms);
/* B asks, and A's answer ("603 REFER") makes the exchange act: up to step 1. */
void refuse_to_refer(struct three *t, const char *answer);
/* From step 2 to the end: B has been told, and hangs up. */
void finish_transfer(struct three *t);
/* All of it; and from the beginning. */
void         execute(struct three *t, const char *answer);
struct three executed(const char *answer);

/* The two that it has joined: one offers anew, and what the other answers comes back, each in its own call. */
void offer_anew(struct peer *from, struct peer *to);
/* One of the two, whose peer is the exchange, sends the other on to D (1004), who is joined with it. */
void send_on_to_d(struct peer *transferor);
void expect_to_move(struct peer *kept, struct peer *target);

/* What is said of the sound's end in a description: address, direction, and who says so. */
struct said {
    char         host[64], origin[128];
    uint16_t     port;
    enum sdp_dir dir;
    uint64_t     version;
};
struct said said(const struct msg *m);

/* ---- attended ---- */

/* A call, as Replaces names it: by how the called end sees it. */
struct named {
    char call_id[128], to[64], from[64];
};
struct named name_of(const struct msg *response); /* that the caller has received */
struct named consult(struct three *t, const char *answer); /* B calls C too, who answers that: "200" */

/* ---- the REFER goes end to end (mode relay) ---- */

/* A tells B, by a NOTIFY that passes. */
void tell(struct peer *from, struct peer *to, const char *notify);
/* B asks, A accepts and says that it has begun. What A was asked. */
const struct msg *asked(struct three *t, const char *refer);
void              told(struct three *t, unsigned code); /* the last NOTIFY, in the call that A and B have */
/* To the end: B has heard of it and has gone, A talks with C; the ladder has that verdict. */
#define BLIND "B sent A on to C; A and C are still connected. Nothing is wrong."
#define ATTENDED "B sent A on to C with consultation; A and C are still connected. Nothing is wrong."
void went_well(struct three *t, const char *verdict);

#endif
