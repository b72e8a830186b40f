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
        pool_close(&b->workers[i].pool, &b->st);
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

/* ---- blocks ---- */

static char *take_block(struct bench *b, size_t n)
{
    char *p;

    b->sh.holder = &b->workers[0];
    assert_non_null(p = mem_alloc(&b->sh.heap.mem, n));
    return memset(p, 'b', n);
}

static void what_a_table_leaves_serves_others(void **state)
{
    enum { BLOCK = 256 * 1024 };
    struct bench *b = bench_open(true);
    char         *table = take_block(b, BLOCK), *half;
    size_t        seen = atomic_load(&b->below.octets);

    (void)state;
    mem_free(&b->sh.heap.mem, table, BLOCK);
    assert_ptr_equal(half = take_block(b, BLOCK / 2), table);
    assert_ptr_equal(take_block(b, BLOCK / 4), table + BLOCK / 2);
    assert_ptr_equal(take_filled(b, 0, 'x'), table + BLOCK / 2 + BLOCK / 4); /* so is a piece, where no smaller block is left */
    assert_int_equal(atomic_load(&b->below.octets), seen);
    mem_free(&b->sh.heap.mem, half, BLOCK / 2);
    assert_ptr_equal(take_block(b, BLOCK / 2), half);
    assert_int_equal(atomic_load(&b->below.octets), seen);
    bench_close(b);
}

static void what_is_no_power_of_two_is_one_of_below(void **state)
{
    enum { ODD = 256 * 1024 + 8 };
    struct bench *b = bench_open(true);
    char         *p = take_block(b, ODD);

    (void)state;
    assert_int_equal(atomic_load(&b->below.octets), ODD);
    mem_free(&b->sh.heap.mem, p, ODD);
    assert_int_equal(atomic_load(&b->below.octets), 0);
    bench_close(b);
}

/* Until it has as much as a large chunk, in small ones. */
static void who_has_much_takes_more_at_a_time(void **state)
{
    enum { BLOCKS = 200, BLOCK = 32 * 1024 };
    struct bench       *b = bench_open(true);
    struct heap_counted large;
    size_t              most = 0;

    (void)state;
    heap_counted_init(&large, NULL, 0);
    b->st.config.large = &large.mem;
    for (size_t i = 1; i <= BLOCKS; i++) {
        take_block(b, BLOCK);
        if (!atomic_load(&large.octets))
            assert_true((most = i * BLOCK) <= STACK_LARGE_OCTETS);
    }
    assert_int_equal(most, STACK_LARGE_OCTETS);
    assert_int_equal(atomic_load(&large.octets), (BLOCKS * BLOCK - most + STACK_LARGE_OCTETS - 1) / STACK_LARGE_OCTETS * STACK_LARGE_OCTETS);
    bench_close(b);
    assert_int_equal(atomic_load(&large.octets), 0);
}

/* Each that is asked of below fails once: nothing is lost, and the next time there is some. */
static void without_memory_there_is_none_until_there_is(void **state)
{
    struct bench       *b = bench_open(true);
    struct heap_failing failing;

    (void)state;
    for (uint64_t nth = 1; nth <= 2; nth++) {
        heap_failing_init(&failing, &b->below.mem, nth);
        b->st.config.mem = &failing.mem;
        assert_null(mem_alloc(&b->sh.heap.mem, 64 * 1024));
        assert_int_equal(atomic_load(&b->below.octets), 0);
    }
    take_block(b, 64 * 1024);
    bench_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_given_up_last_is_taken_first),
        cmocka_unit_test(one_worker_takes_and_the_other_gives_up),
        cmocka_unit_test(without_keeping_each_is_one_of_below),
        cmocka_unit_test(while_nobody_holds_it_its_home_stands_for_a_holder),
        cmocka_unit_test(what_a_table_leaves_serves_others),
        cmocka_unit_test(what_is_no_power_of_two_is_one_of_below),
        cmocka_unit_test(who_has_much_takes_more_at_a_time),
        cmocka_unit_test(without_memory_there_is_none_until_there_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
