/* feedback.h - what a server tells those who send to it, so that they send less (RFC 7339, with its default algorithm: loss). Pure.
 * Part of the door sip/overload/overload.h.
 *
 * A client offers it by parameters of its Via (OVERLOAD_OFFER), the server answers by parameters in the same place. The report is
 * for the next hop alone. */
#ifndef SIP_OVERLOAD_FEEDBACK_H
#define SIP_OVERLOAD_FEEDBACK_H

#include "sip/msg/msg.h"

#define OVERLOAD_OFFER ";oc;oc-algo=\"loss\""

enum {
    OVERLOAD_VALID_MS = 500 /* of a report that does not say it (§4.3) */
};

struct overload_report {
    unsigned loss;     /* percent of new work that should not be sent; 0 to 100 */
    uint32_t valid_ms; /* 0: from now on nothing is to be held back             */
    uint64_t seq;      /* thousandths; only newer reports count; 0: not given   */
};

/* Does the sender of that Via take reports, by the algorithm that we have? */
bool overload_is_offered(const struct via *v);
/* The Via as the server hands it back: its report in place of the offer. */
void overload_put_report(struct buf *b, const struct via *v, const struct overload_report *r);
/* What stands in our own Via that came back. ERR_NOTFOUND: no report; ERR_UNSUPPORTED: by another algorithm; ERR_SYNTAX. */
enum err overload_read_report(const struct via *v, struct overload_report *out);

/* How much a client holds back towards one server. Zeroed: nothing. */
struct overload_throttle {
    unsigned loss;
    uint64_t until_ms, seq;
};
void overload_throttle_hear(struct overload_throttle *t, const struct overload_report *r, uint64_t now_ms);
/* May one more piece of new work be sent there? `random`: any number, evenly. What is urgent, or goes on with something, is not
 * asked about (§5.10.1). */
bool overload_throttle_lets(const struct overload_throttle *t, uint64_t now_ms, uint64_t random);

#endif
