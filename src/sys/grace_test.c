/* grace_test.c - what was put by stays until all have done who may know it, and no longer. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sys/grace.h"

#define READERS 4
#define ROUNDS 20000
#define MANY 1000 /* more than two ages take */

static struct grace grace;

/* Once for each time that it has entered. */
static void a_reader_holds_up_what_it_may_know(void **state)
{
    grace_stay *first = grace_enter(&grace), *second = grace_enter(&grace);
    uint32_t    age = grace.age;

    (void)state;
    for (int i = 0; i < MANY; i++)
        assert_false(grace_is_over(&grace, age));
    grace_leave(first);
    for (int i = 0; i < MANY; i++)
        assert_false(grace_is_over(&grace, age));
    grace_leave(second);
    assert_true(grace_is_over(&grace, age));
}

static void a_reader_does_not_hold_up_what_was_gone_before_it_came(void **state)
{
    grace_stay *early = grace_enter(&grace), *late;
    uint32_t    age = grace.age;

    (void)state;
    assert_false(grace_is_over(&grace, age)); /* but the next age has begun */
    late = grace_enter(&grace);
    grace_leave(early);
    assert_true(grace_is_over(&grace, age));
    grace_leave(late);
}

/* One thing, put by when turn 0 was: is it among what the next `turns` turns take off? */
static bool is_taken_off(struct grace_shelves *s, unsigned its_shelf, int turns)
{
    bool over;

    for (int i = 0; i < turns; i++)
        if (grace_shelf(&grace, s, &over) == its_shelf && over)
            return true;
    return false;
}

static void a_shelf_is_emptied_when_its_things_have_had_their_grace(void **state)
{
    struct grace_shelves shelves = {0};
    grace_stay          *stay;
    unsigned             at;
    bool                 over;

    (void)state;
    is_taken_off(&shelves, GRACE_SHELVES, MANY); /* all three have been used */
    stay = grace_enter(&grace);
    at = grace_shelf(&grace, &shelves, &over);
    assert_false(is_taken_off(&shelves, at, MANY));
    grace_leave(stay);
    assert_true(is_taken_off(&shelves, at, MANY));
}

/* ---- with threads ---- */
struct thing {
    struct thing *next; /* put by before it */
    uint64_t      a, b; /* alike while it may be read */
};

static _Atomic(struct thing *) shown;
static atomic_uint             wrong, reading;

static void *read_it(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        grace_stay         *stay = grace_enter(&grace);
        const struct thing *t = atomic_load(&shown);

        atomic_fetch_add_explicit(&wrong, t->a != t->b || t->a == 0, memory_order_relaxed);
        grace_leave(stay);
    }
    atomic_fetch_sub(&reading, 1);
    return NULL;
}

static void things_free(struct thing **list)
{
    for (struct thing *t = *list, *next; t; t = next) {
        next = t->next;
        t->a = 0;
        free(t);
    }
    *list = NULL;
}

static struct thing *thing_make(uint64_t n)
{
    struct thing *t = calloc(1, sizeof *t);

    assert_non_null(t);
    t->a = t->b = n;
    return t;
}

static void replace_until_nobody_reads(struct thing *put_by[GRACE_SHELVES])
{
    struct grace_shelves shelves = {0};

    for (uint64_t n = 2; n < MANY || atomic_load(&reading); n++) {
        struct thing *old = atomic_exchange(&shown, thing_make(n));
        bool          over;
        unsigned      at = grace_shelf(&grace, &shelves, &over);

        if (over)
            things_free(&put_by[at]);
        old->next = put_by[at];
        put_by[at] = old;
    }
}

static void readers_see_nothing_that_was_freed(void **state)
{
    struct thing *put_by[GRACE_SHELVES] = {0};
    pthread_t     readers[READERS];

    (void)state;
    shown = thing_make(1);
    reading = READERS;
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_it, NULL), 0);
    replace_until_nobody_reads(put_by);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(wrong, 0);
    grace_wait(&grace);
    for (int i = 0; i < GRACE_SHELVES; i++)
        things_free(&put_by[i]);
    free(shown);
}

/* More threads than seats: none is left out. */
static void *come_and_stay(void *arg)
{
    grace_stay **stay = arg;

    *stay = grace_enter(&grace);
    return NULL;
}

static void threads_share_seats(void **state)
{
    grace_stay *stays[3 * GRACE_SEATS];
    uint32_t    age = grace.age;
    pthread_t   t;

    (void)state;
    for (int i = 0; i < 3 * GRACE_SEATS; i++) {
        assert_int_equal(pthread_create(&t, NULL, come_and_stay, &stays[i]), 0);
        pthread_join(t, NULL);
    }
    for (int i = 0; i < 3 * GRACE_SEATS; i++) {
        assert_false(grace_is_over(&grace, age));
        grace_leave(stays[i]);
    }
    assert_true(grace_is_over(&grace, age));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_holds_up_what_it_may_know),
        cmocka_unit_test(a_reader_does_not_hold_up_what_was_gone_before_it_came),
        cmocka_unit_test(a_shelf_is_emptied_when_its_things_have_had_their_grace),
        cmocka_unit_test(readers_see_nothing_that_was_freed),
        cmocka_unit_test(threads_share_seats),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
