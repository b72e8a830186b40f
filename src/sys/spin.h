/* spin.h - a lock for a few instructions: a pointer swap, a short copy. Never held over an allocation, a system call or a
 * callback. Waiting costs no system call unless its holder was taken off its core: then the waiter gives its own away.
 *
 * A zeroed struct spin is an open lock. Not recursive; nobody holds two unless the rooms say in which order. */
#ifndef SYS_SPIN_H
#define SYS_SPIN_H

#include <sched.h>
#include <stdatomic.h>

#define SPIN_TRIES 200 /* about a microsecond: longer than what a lock is held for */

struct spin {
    atomic_bool held;
};

static inline void spin_lock(struct spin *s)
{
    while (atomic_exchange_explicit(&s->held, 1, memory_order_acquire))
        for (int i = 0; atomic_load_explicit(&s->held, memory_order_relaxed); i++)
            if (i >= SPIN_TRIES) {
                sched_yield();
                i = 0;
            }
}

static inline void spin_unlock(struct spin *s)
{
    atomic_store_explicit(&s->held, 0, memory_order_release);
}

#endif
