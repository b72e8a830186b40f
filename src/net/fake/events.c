/* events.c - virtual time: a binary heap of events by time, then by order of setting.
 *
 * Room      net/fake.
 * Touches   the heap and the clock. An event knows its place, so that it can be cancelled or moved. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/fake/fake_priv.h"

static bool before(const struct event *a, const struct event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void put_at(struct fake *w, size_t place, struct event *e)
{
    w->heap[place - 1] = e;
    e->place = place;
}

static void rise(struct fake *w, struct event *e)
{
    size_t place = e->place;

    for (; place > 1 && before(e, w->heap[place / 2 - 1]); place /= 2)
        put_at(w, place, w->heap[place / 2 - 1]);
    put_at(w, place, e);
}

static void sink(struct fake *w, struct event *e)
{
    size_t place = e->place;

    for (size_t child; (child = 2 * place) <= w->n_events; place = child) {
        if (child < w->n_events && before(w->heap[child], w->heap[child - 1]))
            child++;
        if (!before(w->heap[child - 1], e))
            break;
        put_at(w, place, w->heap[child - 1]);
    }
    put_at(w, place, e);
}

static void grow(struct fake *w)
{
    size_t         cap = w->cap_events ? 2 * w->cap_events : 256;
    struct event **bigger = fake_alloc(w, cap * sizeof *bigger);

    if (w->n_events)
        memcpy(bigger, w->heap, w->n_events * sizeof *bigger);
    fake_free(w, w->heap, w->cap_events * sizeof *bigger);
    w->heap = bigger;
    w->cap_events = cap;
}

void fake_event_cancel(struct fake *w, struct event *e)
{
    struct event *last;

    if (!e->place)
        return;
    last = w->heap[--w->n_events];
    if (last != e) {
        put_at(w, e->place, last);
        rise(w, last);
        sink(w, last);
    }
    e->place = 0;
}

void fake_event_set(struct fake *w, struct event *e, uint64_t at_us)
{
    fake_event_cancel(w, e);
    if (w->n_events == w->cap_events)
        grow(w);
    e->at_us = at_us > w->now_us ? at_us : w->now_us;
    e->order = ++w->order;
    put_at(w, ++w->n_events, e);
    rise(w, e);
}

uint64_t fake_now_us(const struct fake *w)
{
    return w->now_us;
}

uint64_t fake_next_us(const struct fake *w)
{
    return w->n_events ? w->heap[0]->at_us : UINT64_MAX;
}

bool fake_step(struct fake *w)
{
    struct event *e = w->n_events ? w->heap[0] : NULL;

    if (!e)
        return false;
    w->at_once = e->at_us == w->now_us ? w->at_once + 1 : 0;
    if (w->at_once > FAKE_MAX_AT_ONCE) {
        fputs("strowger: virtual time stands still: events make each other for ever\n", stderr);
        abort();
    }
    w->now_us = e->at_us;
    fake_event_cancel(w, e);
    e->run(w, e);
    return true;
}

bool fake_run_until_done(struct fake *w, uint64_t us, bool (*done)(void *ctx), void *ctx)
{
    while (fake_next_us(w) <= us && fake_step(w))
        if (done(ctx))
            return true;
    if (w->now_us < us)
        w->now_us = us;
    return false;
}

void fake_run_until(struct fake *w, uint64_t us)
{
    while (fake_next_us(w) <= us && fake_step(w))
        continue;
    if (w->now_us < us)
        w->now_us = us;
}

bool fake_idle_until(struct fake *w, uint64_t us)
{
    while (fake_next_us(w) <= us && fake_step(w))
        continue;
    if (w->n_events == 0)
        return true;
    if (w->now_us < us)
        w->now_us = us;
    return false;
}
