/* wheel.c - a hierarchical timer wheel.
 *
 * Room      base (pure).
 * Touches   *w and the timers in it.
 *
 * Level l holds the timers whose time differs from now first in the l-th digit (to the base 64, from below); its slot is that
 * digit. When the clock enters a slot of a higher level, that slot's timers are sorted again into the lower ones. So level 0
 * holds only timers of exactly one millisecond per slot, in order of start. The highest level also holds what is further away
 * than it reaches: such a timer is sorted into its slot again each time round.
 *
 * A bit of `used` is set exactly while its slot holds a timer, but for the slot that is being fired. next_ms is next_event()
 * as of the last change. */
#include "base/wheel.h"

#include <assert.h>
#include <string.h>

void wheel_init(struct wheel *w, uint64_t now_ms)
{
    memset(w, 0, sizeof *w);
    w->now_ms = now_ms;
    w->next_ms = UINT64_MAX;
    for (unsigned l = 0; l < WHEEL_LEVELS; l++)
        for (unsigned s = 0; s < WHEEL_SLOTS; s++)
            list_init(&w->slots[l][s]);
}

static unsigned digit_of(uint64_t ms, unsigned level)
{
    return (unsigned)(ms >> level * WHEEL_SLOT_BITS) & (WHEEL_SLOTS - 1);
}

/* When the clock enters the slot of a timer of that level. */
static uint64_t entry_of(uint64_t at_ms, unsigned level)
{
    return at_ms >> level * WHEEL_SLOT_BITS << level * WHEEL_SLOT_BITS;
}

static unsigned place(struct wheel *w, struct wheel_timer *t)
{
    uint64_t at = t->at_ms > w->now_ms ? t->at_ms : w->now_ms;
    unsigned level = 0;
    unsigned slot;

    while (level < WHEEL_LEVELS - 1 && at >> (level + 1) * WHEEL_SLOT_BITS != w->now_ms >> (level + 1) * WHEEL_SLOT_BITS)
        level++;
    slot = digit_of(at, level);
    list_append(&w->slots[level][slot], &t->node);
    w->used[level] |= (uint64_t)1 << slot;
    return level;
}

/* The first slot of a level from `from` on that holds something, or WHEEL_SLOTS. */
static unsigned next_used(const struct wheel *w, unsigned level, unsigned from)
{
    uint64_t bits = from < WHEEL_SLOTS ? w->used[level] >> from : 0;

    return bits ? from + (unsigned)__builtin_ctzll(bits) : WHEEL_SLOTS;
}

/* When the clock next enters a used slot of the highest level after the round that it is in. */
static uint64_t next_round(const struct wheel *w)
{
    unsigned shift = (WHEEL_LEVELS - 1) * WHEEL_SLOT_BITS;
    uint64_t base = ((w->now_ms >> (shift + WHEEL_SLOT_BITS)) + 1) << (shift + WHEEL_SLOT_BITS);
    unsigned slot = next_used(w, WHEEL_LEVELS - 1, 0);

    return slot < WHEEL_SLOTS ? base + ((uint64_t)slot << shift) : UINT64_MAX;
}

/* The next instant after now at which something may be due or must be sorted down. All of a level comes before anything of a
 * higher one. */
static uint64_t next_event(const struct wheel *w)
{
    for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
        unsigned slot = next_used(w, l, digit_of(w->now_ms, l) + 1);
        unsigned shift = l * WHEEL_SLOT_BITS;
        uint64_t base = w->now_ms >> (shift + WHEEL_SLOT_BITS) << (shift + WHEEL_SLOT_BITS);

        if (slot < WHEEL_SLOTS)
            return base + ((uint64_t)slot << shift);
    }
    return next_round(w);
}

void wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t at_ms)
{
    unsigned level;
    uint64_t entry;

    wheel_stop(w, t);
    t->at_ms = at_ms > w->now_ms ? at_ms : w->now_ms + 1;
    level = place(w, t);
    w->n++;
    entry = level < WHEEL_LEVELS - 1 ? entry_of(t->at_ms, level) : next_event(w); /* in the highest it may be a later round's */
    if (entry < w->next_ms)
        w->next_ms = entry;
}

/* t is alone in its slot: the clock need not look there. */
static void leave_empty(struct wheel *w, const struct wheel_timer *t)
{
    size_t   i = (size_t)((struct list *)t->node.prev - &w->slots[0][0]);
    unsigned level = (unsigned)(i / WHEEL_SLOTS), slot = (unsigned)(i % WHEEL_SLOTS);

    w->used[level] &= ~((uint64_t)1 << slot);
    if (level == WHEEL_LEVELS - 1 || entry_of(t->at_ms, level) <= w->next_ms)
        w->next_ms = next_event(w);
}

void wheel_stop(struct wheel *w, struct wheel_timer *t)
{
    if (!wheel_running(t))
        return;
    if (t->node.prev == t->node.next)
        leave_empty(w, t);
    list_remove(&t->node);
    w->n--;
}

bool wheel_running(const struct wheel_timer *t)
{
    return list_linked(&t->node);
}

/* Sort the slots that the clock has just entered into the levels below. Higher levels first: they feed the lower. */
static void cascade(struct wheel *w)
{
    for (unsigned l = WHEEL_LEVELS - 1; l > 0; l--) {
        uint64_t    below = ((uint64_t)1 << l * WHEEL_SLOT_BITS) - 1;
        unsigned    slot = digit_of(w->now_ms, l);
        struct list moved;

        if (w->now_ms & below)
            continue;
        list_init(&moved);
        for (struct list_node *n; (n = list_pop(&w->slots[l][slot]));)
            list_append(&moved, n);
        w->used[l] &= ~((uint64_t)1 << slot);
        for (struct list_node *n; (n = list_pop(&moved));)
            place(w, LIST_OF(n, struct wheel_timer, node));
    }
}

static void fire_now(struct wheel *w)
{
    unsigned slot = digit_of(w->now_ms, 0);
    struct list *due = &w->slots[0][slot];

    for (struct list_node *n; (n = list_pop(due));) {
        struct wheel_timer *t = LIST_OF(n, struct wheel_timer, node);

        assert(t->at_ms <= w->now_ms);
        w->n--;
        t->fire(t->arg);
    }
    w->used[0] &= ~((uint64_t)1 << slot);
}

void wheel_advance(struct wheel *w, uint64_t now_ms)
{
    while (w->next_ms <= now_ms) {
        w->now_ms = w->next_ms;
        cascade(w);
        fire_now(w);
        w->next_ms = next_event(w);
    }
    if (w->now_ms < now_ms)
        w->now_ms = now_ms;
}
