/* talk.h - what most call flows have in common, in words. A flow that is about one of these steps writes them out. */
#ifndef KIT_TALK_H
#define KIT_TALK_H

#include "kit/kit.h"

/* The exchange and two phones, registered as alice and bob. */
struct two {
    struct kit  *k;
    struct peer *alice, *bob;
};
struct two two_begin(const struct kit_options *o); /* NULL: all zero */

/* `invite` ("INVITE bob") rings, is answered and acknowledged. */
void set_up(struct peer *caller, struct peer *callee, const char *invite);
/* The same without ringing. In a call: "INVITE", which is offered anew. */
void set_up_at_once(struct peer *caller, struct peer *callee, const char *invite);
/* The INVITE that the callee has received: 200 and ACK. */
void answer(struct peer *callee, struct peer *caller);
/* ... or this final response, "486", and each side's own ACK. */
void refuse(struct peer *callee, struct peer *caller, const char *response);
/* The callee's half of that, where somebody else hears of it or nobody does; and the caller's, whoever has refused. */
void decline(struct peer *callee, const char *response);
void refused(struct peer *caller, const char *status);
/* The callee's INVITE is cancelled. */
void cancelled(struct peer *callee);
/* Any other request to the other phone, and the response that comes back: pass(alice, bob, "INFO", "200"). */
void pass(struct peer *from, struct peer *to, const char *request, const char *response);
void hang_up(struct peer *from, struct peer *to);

/* ---- where the other end is the exchange itself ---- */

/* It calls, or offers anew: 200 and its ACK. */
void agree(struct peer *p);
/* It is called ("INVITE 801") and answers: that 200. */
const struct msg *dial(struct peer *p, const char *invite);
void leave(struct peer *p);   /* the phone hangs up */
void put_out(struct peer *p); /* the exchange does  */

uint32_t cseq_of(const struct msg *m); /* its number */

#endif
