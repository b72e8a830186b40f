/* wheel.h - a hierarchical timer wheel: many timers, most of which never fire. Pure.
 *
 * Time is a number of milliseconds that the caller brings. Start, stop and restart cost O(1). A timer fires at or after
 * its time, never before; timers of one instant fire in the order in which they were started. The wheel owns nothing: a
 * timer is a part of what it belongs to, and must be stopped before that is freed. Not for two threads at once. */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H

#include <stdint.h>

#include "base/list.h"

#define WHEEL_LEVELS 6
#define WHEEL_SLOT_BITS 6
#define WHEEL_SLOTS (1u << WHEEL_SLOT_BITS) /* 64^6 ms: more than two years */

struct wheel_timer {
    struct list_node node;
    uint64_t         at_ms;
    void (*fire)(void *arg); /* may start and stop any timer, this one too */
    void *arg;
};

struct wheel {
    uint64_t    now_ms;
    uint64_t    next_ms; /* what wheel_next_ms() says */
    size_t      n;
    struct list slots[WHEEL_LEVELS][WHEEL_SLOTS];
    uint64_t    used[WHEEL_LEVELS]; /* a bit for each slot that may hold something */
};

void wheel_init(struct wheel *w, uint64_t now_ms);

/* Start t, or restart it when it runs, to fire `fire(arg)` at `at_ms` (in the past: at the next wheel_advance). */
void wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t at_ms);
void wheel_stop(struct wheel *w, struct wheel_timer *t); /* nothing happens when it does not run */
bool wheel_running(const struct wheel_timer *t);

/* Move to now_ms and fire what is due, in order. A now_ms in the past changes nothing. */
void wheel_advance(struct wheel *w, uint64_t now_ms);

/* A time not after the first timer's (exact, or earlier by at most the width of its slot: a wake-up then finds nothing due
 * and asks again); UINT64_MAX when no timer runs. It is known at once: to ask for each message costs nothing. */
static inline uint64_t wheel_next_ms(const struct wheel *w) { return w->next_ms; }

#endif
