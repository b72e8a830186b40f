/* grace.c - when nobody reads any more what was put by.
 *
 * Room      sys.
 * Why so    a reader counts itself in on a seat of its thread's and looks whether the age is still the same: only then it counts.
 *           The age after its own may begin while it reads; the one after that not before it has left.
 * Touches   the struct grace. */
#include "sys/grace.h"

#include <sched.h>

#define TURNS 16 /* things put by for each look at all seats */

_Thread_local unsigned grace_my_seat;

unsigned grace_take_seat(void)
{
    static atomic_uint next;

    grace_my_seat = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed) % GRACE_SEATS + 1;
    return grace_my_seat;
}

/* The age ends, if nobody is left who began in the one before: those have the other parity. */
static void end_age(struct grace *g, uint32_t age)
{
    for (unsigned i = 0; i < GRACE_SEATS; i++)
        if (atomic_load(&g->seats[i].in[(age + 1) % 2]) > 0)
            return;
    atomic_compare_exchange_strong(&g->age, &age, age + 1); /* else somebody was faster */
}

bool grace_is_over(struct grace *g, uint32_t age)
{
    for (int i = 0; i < 2; i++) {
        uint32_t now = atomic_load(&g->age);

        if (now - age >= 2)
            return true;
        end_age(g, now);
    }
    return atomic_load(&g->age) - age >= 2;
}

void grace_wait(struct grace *g)
{
    uint32_t age = atomic_load(&g->age);

    while (!grace_is_over(g, age))
        sched_yield();
}

unsigned grace_shelf(struct grace *g, struct grace_shelves *s, bool *over)
{
    uint32_t age = atomic_load(&g->age);
    unsigned at = age % GRACE_SHELVES;

    if (++s->turns % TURNS == 0)
        end_age(g, age);
    *over = s->age[at] != age; /* then it is three ages old, or more */
    s->age[at] = age;
    return at;
}
