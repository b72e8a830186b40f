/* span.h - timers of a few lengths, in thousands. Pure.
 *
 * Of two timers of one length the one that was started later ends later. So each length is a queue, and only the first in it has
 * to be watched. Starting, stopping and firing touch a timer and its neighbours, once, where a wheel sorts again and again what is
 * far away: that matters where most timers have long left the processor's caches when they are due.
 *
 * Where SPAN_MANY and more are running, they may wait for each other: then one waking serves many.
 *
 * Whoever is touched by a timer's end may be told of it a step before, and fetch what that needs.
 *
 * A timer is a part of what it belongs to, and must be stopped before that is freed. Those of one length fire in the order in
 * which they were started, never before their time. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdint.h>

#include "base/list.h"

enum {
    SPAN_LENGTHS = 12, /* that may be in use at the same time */
    SPAN_MANY = 64
};

struct span_timer {
    struct list_node node;
    uint64_t         at_ms;
};

struct span {
    uint32_t    ms;
    struct list timers;
    uint64_t    due_ms; /* of the first of them, or of one that was there; UINT64_MAX: there is none */
};

struct spans {
    void (*fire)(struct span_timer *t); /* it does not run any more; may start and stop any timer */
    void (*soon)(const struct span_timer *t, const struct span_timer *later); /* NULL: none */
    uint32_t    late_ms;
    size_t      running;
    uint64_t    next_ms; /* what spans_next_ms() says */
    size_t      n;       /* lengths that were ever used */
    struct span span[SPAN_LENGTHS];
};

/* late_ms: so late may one of many be; a power of two. 1: none is late. */
void spans_init(struct spans *s, void (*fire)(struct span_timer *t), uint32_t late_ms);

/* While one is fired, soon() is told of the next two of its length, t and, unless it is NULL, `later`, of which nothing may be read yet: to
 * fetch `later` itself, and what t refers to, as t was fetched as the later one of the firing before. Both may be stopped before they
 * fire, or not be due yet. */
void spans_look_ahead(struct spans *s, void (*soon)(const struct span_timer *t, const struct span_timer *later));

/* When spans_fire() is wanted next; UINT64_MAX: never. Nothing may be due then, where a timer was stopped. */
static inline uint64_t spans_next_ms(const struct spans *s) { return s->next_ms; }
void spans_fire(struct spans *s, uint64_t now_ms); /* what is due */

/* Start t, or restart it when it runs, to fire ms after now_ms, which never goes back. */
void span_start(struct spans *s, struct span_timer *t, uint64_t now_ms, uint32_t ms);
void span_stop(struct spans *s, struct span_timer *t); /* nothing happens when it does not run */
static inline bool span_running(const struct span_timer *t) { return list_linked(&t->node); }

#endif
