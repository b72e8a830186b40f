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
/* Any other request to the other phone, and the response that comes back: pass(alice, bob, "INFO", "200"). */
void pass(struct peer *from, struct peer *to, const char *request, const char *response);
void hang_up(struct peer *from, struct peer *to);

#endif
