/* span.c - timers of a few lengths: a queue for each.
 *
 * Room      base (pure).
 * Touches   *s and the timers in it.
 * Invariant due_ms of a span is UINT64_MAX iff it has no timer; next_ms is the least of all. */
#include "base/span.h"

#include <assert.h>

/* All that are late together are so until the same instants. */
static uint64_t due_of(const struct spans *s, const struct span_timer *t)
{
    uint64_t late = s->running < SPAN_MANY ? 0 : s->late_ms - 1;

    return (t->at_ms + late) & ~late;
}

static void find_next(struct spans *s)
{
    s->next_ms = UINT64_MAX;
    for (size_t i = 0; i < s->n; i++)
        if (s->span[i].due_ms < s->next_ms)
            s->next_ms = s->span[i].due_ms;
}

static void leave(struct spans *s, struct span_timer *t)
{
    list_remove(&t->node);
    s->running--;
}

static const struct span_timer *next_in(const struct span *span, const struct span_timer *t)
{
    return LIST_OF(list_next(&span->timers, &t->node), const struct span_timer, node);
}

static void look_ahead(const struct spans *s, const struct span *span, const struct span_timer *firing)
{
    const struct span_timer *next = s->soon ? next_in(span, firing) : NULL;

    if (next)
        s->soon(next, next_in(span, next));
}

static void fire_due(struct spans *s, struct span *span, uint64_t now_ms)
{
    for (struct list_node *n; (n = list_first(&span->timers));) {
        struct span_timer *t = LIST_OF(n, struct span_timer, node);

        if (t->at_ms > now_ms) {
            span->due_ms = due_of(s, t);
            return;
        }
        look_ahead(s, span, t);
        leave(s, t);
        s->fire(t);
    }
    span->due_ms = UINT64_MAX;
}

void spans_init(struct spans *s, void (*fire)(struct span_timer *t), uint32_t late_ms)
{
    *s = (struct spans){.fire = fire, .late_ms = late_ms, .next_ms = UINT64_MAX};
    for (size_t i = 0; i < SPAN_LENGTHS; i++) {
        list_init(&s->span[i].timers);
        s->span[i].due_ms = UINT64_MAX;
    }
}

void spans_look_ahead(struct spans *s, void (*soon)(const struct span_timer *t, const struct span_timer *later))
{
    s->soon = soon;
}

void spans_fire(struct spans *s, uint64_t now_ms)
{
    if (s->next_ms > now_ms)
        return;
    for (size_t i = 0; i < s->n; i++)
        if (s->span[i].due_ms <= now_ms)
            fire_due(s, &s->span[i], now_ms);
    find_next(s);
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
    if (span->due_ms != UINT64_MAX)
        return;
    span->due_ms = due_of(s, t);
    if (span->due_ms < s->next_ms)
        s->next_ms = span->due_ms;
}

/* t is alone in its queue: nobody needs to look there any more. */
static void leave_empty(struct spans *s, struct span *span)
{
    bool was_next = span->due_ms == s->next_ms;

    span->due_ms = UINT64_MAX;
    if (was_next)
        find_next(s);
}

void span_stop(struct spans *s, struct span_timer *t)
{
    if (!span_running(t))
        return;
    if (t->node.prev == t->node.next)
        leave_empty(s, LIST_OF((struct list_node *)(void *)t->node.prev, struct span, timers.head));
    leave(s, t);
}
