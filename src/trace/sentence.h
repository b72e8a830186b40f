/* sentence.h - what the files that write sentences share. Private to trace.
 *
 * sentence.c (rows, reasons, pieces) - sentence_request.c - sentence_response.c - sentence_event.c (subscriptions). */
#ifndef TRACE_SENTENCE_H
#define TRACE_SENTENCE_H

#include "trace/trace_priv.h"

struct telling {
    struct trace_inside *t;
    const struct item   *i;
    struct buf          *b;
};

void sentence_put(struct telling *s, struct slice text);
void sentence_put_end(struct telling *s, size_t end);
void sentence_put_from(struct telling *s, struct slice text); /* the sender, and text */
void sentence_put_to(struct telling *s, struct slice text);
void sentence_put_number(struct telling *s, struct slice uri); /* number or host, for people */
const struct call *sentence_call(const struct telling *s);
/* The other end of the call, seen from `end`; NONE. */
size_t sentence_partner(const struct telling *s, size_t end);
/* Who made a message that was passed on since. */
size_t sentence_maker(const struct trace_inside *t, size_t item);
/* Did the exchange make this itself, in a call between others? */
bool sentence_by_exchange(const struct telling *s);
bool sentence_has_sdp(const struct item *i);

void sentence_of_request(struct telling *s);
void sentence_of_response(struct telling *s);
void sentence_of_subscribe(struct telling *s);
void sentence_of_notify(struct telling *s);
void sentence_of_publish(struct telling *s);

#endif
