/* glance.h - what can be seen of a message without parsing it: is it something new, and is it the same as before? Pure. Part of
 * the door sip/overload/overload.h.
 *
 * One pass over the lines of the head, of which only the first octets are looked at. What is broken in it is found by whoever
 * parses it; a message that lies here is treated as what it seems to be. */
#ifndef SIP_OVERLOAD_GLANCE_H
#define SIP_OVERLOAD_GLANCE_H

#include "sip/msg/msg.h"

enum overload_kind {
    OVERLOAD_GOES_ON, /* a response, or a request within a dialog, or one that only goes on with something */
    OVERLOAD_ACK,
    OVERLOAD_ASKS     /* a request for something new */
};

struct overload_glance {
    enum overload_kind kind;
    /* Of ACK and what asks. All point into the message, and may be empty. */
    enum method        method;
    struct slice       uri;      /* the Request-URI                                                         */
    struct slice       to;       /* value of the first To                                                   */
    struct slice       to_tag;
    struct slice       branch;   /* of the first Via; without one all of its value. The same when it comes again (§17.1.1.2) */
    bool               answers_challenge; /* it brings credentials                                          */
};
void overload_glance(struct slice octets, struct overload_glance *out);

#endif
