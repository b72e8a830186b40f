/* span.c - timers of a few lengths: a queue for each.
 *
 * Room      base (pure).
 * Touches   *s, its wheel, and the timers in it. */
#include "base/span.h"

#include <assert.h>

/* All that are late together are so until the same instants. */
static void arm(struct span *span, const struct span_timer *t)
{
    uint64_t late = span->all->running < SPAN_MANY ? 0 : span->all->late_ms - 1;

    wheel_start(span->all->wheel, &span->first, (t->at_ms + late) & ~late);
}

static void leave(struct spans *s, struct span_timer *t)
{
    list_remove(&t->node);
    s->running--;
}

static void fire_due(void *arg)
{
    struct span  *span = arg;
    struct wheel *w = span->all->wheel;
    uint64_t      now = w->now_ms;

    for (struct list_node *n; (n = list_first(&span->timers));) {
        struct span_timer *t = LIST_OF(n, struct span_timer, node);

        if (t->at_ms > now) {
            arm(span, t);
            return;
        }
        leave(span->all, t);
        span->all->fire(t);
    }
    wheel_stop(w, &span->first); /* one may have been started meanwhile, and stopped, or fired just now */
}

void spans_init(struct spans *s, struct wheel *wheel, void (*fire)(struct span_timer *t), uint32_t late_ms)
{
    *s = (struct spans){.wheel = wheel, .fire = fire, .late_ms = late_ms};
    for (size_t i = 0; i < SPAN_LENGTHS; i++) {
        struct span *span = &s->span[i];

        span->all = s;
        list_init(&span->timers);
        span->first.fire = fire_due;
        span->first.arg = span;
    }
}

/* A length that nobody uses any more makes room for a new one. */
static struct span *new_length(struct spans *s, uint32_t ms)
{
    size_t i = s->n;

    if (i < SPAN_LENGTHS)
        s->n++;
    else
        for (i = 0; i < SPAN_LENGTHS && !list_empty(&s->span[i].timers);)
            i++;
    assert(i < SPAN_LENGTHS);
    s->span[i].ms = ms;
    return &s->span[i];
}

static struct span *span_of(struct spans *s, uint32_t ms)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->span[i].ms == ms)
            return &s->span[i];
    return new_length(s, ms);
}

void span_start(struct spans *s, struct span_timer *t, uint64_t now_ms, uint32_t ms)
{
    struct span *span = span_of(s, ms);

    span_stop(s, t);
    t->at_ms = now_ms + ms;
    list_append(&span->timers, &t->node);
    s->running++;
    if (!wheel_running(&span->first))
        arm(span, t);
}

void span_stop(struct spans *s, struct span_timer *t)
{
    if (!span_running(t))
        return;
    if (t->node.prev == t->node.next) /* alone in its queue: nobody needs to look there any more */
        wheel_stop(s->wheel, &LIST_OF((struct list_node *)(void *)t->node.prev, struct span, timers.head)->first);
    leave(s, t);
}
