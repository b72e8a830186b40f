/* grace.h - readers that take no lock, and writers that free nothing while somebody may be reading it.
 *
 * A writer makes the new thing aside, shows it by one atomic pointer, and puts the old one by. A reader says when it begins and
 * when it has done. What was put by is freed when all who may have seen it have done: their period of grace. Readers wait for
 * nobody; writers wait for readers in grace_wait() only, which few need.
 *
 * Ages: grace counts them. One ends when nobody is left who began in the one before. So who reads has begun in this age or
 * in the last, and what was put by two ages ago is known to nobody.
 *
 * Between grace_enter() and grace_leave() a reader may do all but wait for a writer. It may enter again.
 *
 * Order: what a reader is led by is loaded, and what leads to it stored, by plain atomic_load() and atomic_store() (sequentially
 * consistent); with less it could miss that a thing was put by. Threads: any, for every function. A zeroed struct is ready. */
#ifndef SYS_GRACE_H
#define SYS_GRACE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define GRACE_SEATS 32 /* more threads than that share them */
#define GRACE_SHELVES 3

struct grace_seat {
    _Atomic uint32_t in[2]; /* who is reading here since an even age, since an odd one */
    char             apart[56];
};

struct grace {
    _Atomic uint32_t  age;
    char              apart[60];
    struct grace_seat seats[GRACE_SEATS];
};

extern _Thread_local unsigned grace_my_seat; /* from 1; 0: none yet */
unsigned                      grace_take_seat(void);

typedef _Atomic uint32_t grace_stay;

static inline grace_stay *grace_enter(struct grace *g)
{
    struct grace_seat *seat = &g->seats[(grace_my_seat ? grace_my_seat : grace_take_seat()) - 1];

    for (;;) {
        uint32_t    age = atomic_load(&g->age);
        grace_stay *in = &seat->in[age % 2];

        atomic_fetch_add(in, 1);
        if (atomic_load(&g->age) == age) /* else that age may have ended without us */
            return in;
        atomic_fetch_sub_explicit(in, 1, memory_order_release);
    }
}

static inline void grace_leave(grace_stay *in)
{
    atomic_fetch_sub_explicit(in, 1, memory_order_release);
}

/* Has everybody done who may know what was put by in that age? Ends ages as far as it can. */
bool grace_is_over(struct grace *g, uint32_t age);

/* Until everybody has done who reads now; not while reading oneself. */
void grace_wait(struct grace *g);

/* For what is put by: three shelves, one after the other, under a lock of the owner's. Which one is it now? *over: all that lies
 * there has had its grace; what is left lying gets another one. Now and then an age is ended by this. */
struct grace_shelves {
    uint32_t age[GRACE_SHELVES], turns;
};
unsigned grace_shelf(struct grace *g, struct grace_shelves *s, bool *over);

#endif
