/* edge.h - an edge proxy of the kit's: it stands between a phone and the exchange, which is not its own (RFC 5626 §5, RFC 3327).
 *
 * It passes on what comes, statelessly (RFC 3261 §16.11): what has a Route to it or is an answer with its Via goes where that
 * says, anything else to the exchange. Registrations that pass get its Path, calls its Record-Route. */
#ifndef KIT_EDGE_H
#define KIT_EDGE_H

#include "kit/kit.h"

struct edge;

struct edge *edge_add(struct kit *k); /* lives until kit_end() */
const char  *edge_host(const struct edge *e);
/* Its flows to phones are gone: every request from the exchange is answered 430. */
void edge_lose_flows(struct edge *e);

/* The phone registers by way of it, as its flow of that number (reg-id); what it sends goes there from now on, or to whichever
 * edge it has heard from last. */
void edge_register(struct edge *e, struct peer *phone, unsigned flow);

#endif
