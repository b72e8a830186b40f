/* pool_test.c - shards' memory: kept for the next use, whichever worker gave it up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sys/heap.h"

#include "sip/stack/stack_priv.h"

enum { OCTETS = 200, AT_ONCE = 3 * POOL_LIST + 1, ROUNDS = 100 };

/* Two workers, and a shard that either may hold. */
struct bench {
    struct heap_counted below;
    struct worker       workers[2];
    struct stack        st;
    struct shard        sh;
};

static struct bench *bench_open(bool keeps)
{
    static struct bench b;

    memset(&b, 0, sizeof b);
    heap_counted_init(&b.below, NULL, 0);
    b.st.config.mem = &b.below.mem;
    b.st.config.keeps_memory = keeps;
    b.st.workers = b.workers;
    b.sh.st = &b.st;
    shard_heap_open(&b.sh);
    return &b;
}

static void bench_close(struct bench *b)
{
    for (int i = 0; i < 2; i++)
        pool_close(&b->workers[i].pool, &b->below.mem);
    assert_int_equal(atomic_load(&b->below.octets), 0);
}

static void *take_filled(struct bench *b, int worker, char with)
{
    void *p;

    b->sh.holder = &b->workers[worker];
    assert_non_null(p = mem_alloc(&b->sh.heap.mem, OCTETS));
    return memset(p, with, OCTETS);
}

static void give_checked(struct bench *b, int worker, char *p, char with)
{
    b->sh.holder = &b->workers[worker];
    for (int i = 0; i < OCTETS; i++)
        assert_int_equal(p[i], with);
    mem_free(&b->sh.heap.mem, p, OCTETS);
}

static void run(struct bench *b, int taker, int giver)
{
    char *piece[AT_ONCE];

    for (int i = 0; i < AT_ONCE; i++)
        piece[i] = take_filled(b, taker, (char)i);
    assert_int_equal(atomic_load(&b->sh.heap.octets), AT_ONCE * OCTETS);
    for (int i = 0; i < AT_ONCE; i++)
        give_checked(b, giver, piece[i], (char)i);
    assert_int_equal(atomic_load(&b->sh.heap.octets), 0);
}

static void what_was_given_up_last_is_taken_first(void **state)
{
    struct bench *b = bench_open(true);
    void         *x = take_filled(b, 0, 'x'), *y = take_filled(b, 0, 'y');

    (void)state;
    give_checked(b, 0, x, 'x');
    give_checked(b, 0, y, 'y');
    assert_ptr_equal(take_filled(b, 0, 'z'), y);
    assert_ptr_equal(take_filled(b, 0, 'z'), x);
    bench_close(b);
}

static void one_worker_takes_and_the_other_gives_up(void **state)
{
    struct bench *b = bench_open(true);
    uint64_t      seen;

    (void)state;
    for (int i = 0; i < POOL_LIST; i++) /* lists fill by one piece a round */
        run(b, 0, 1);
    seen = atomic_load(&b->below.octets);
    for (int i = 0; i < ROUNDS; i++)
        run(b, 0, 1);
    assert_int_equal(atomic_load(&b->below.octets), seen);
    for (int i = 0; i < ROUNDS; i++)
        run(b, i & 1, i >> 1 & 1);
    assert_in_range(atomic_load(&b->below.octets), seen, 2 * seen);
    bench_close(b);
}

static void without_keeping_each_is_one_of_below(void **state)
{
    struct bench *b = bench_open(false);
    char         *p = take_filled(b, 0, 'x');

    (void)state;
    assert_int_equal(atomic_load(&b->below.octets), OCTETS);
    give_checked(b, 1, p, 'x');
    assert_int_equal(atomic_load(&b->below.octets), 0);
    bench_close(b);
}

static void while_nobody_holds_it_its_home_stands_for_a_holder(void **state)
{
    struct bench *b = bench_open(true);
    void         *p;

    (void)state;
    b->sh.home = 1;
    assert_non_null(p = mem_alloc(&b->sh.heap.mem, OCTETS));
    mem_free(&b->sh.heap.mem, p, OCTETS);
    assert_ptr_equal(take_filled(b, 1, 'x'), p);
    bench_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_up_last_is_taken_first),
        cmocka_unit_test(one_worker_takes_and_the_other_gives_up),
        cmocka_unit_test(without_keeping_each_is_one_of_below),
        cmocka_unit_test(while_nobody_holds_it_its_home_stands_for_a_holder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
