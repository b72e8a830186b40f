/* keyring_test.c - against a plain array: hashes that meet, memory that fails, room that is promised. */
#include "base/keyring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_test.h"

enum { ELEMENTS = 3000 };

static struct counted heap;

static int setup(void **state)
{
    (void)state;
    counted_begin(&heap);
    return 0;
}

static bool has(const struct keyring *x, uint64_t hash, uint32_t number)
{
    struct keyring_search s;
    unsigned              times = 0;

    for (uint32_t found = keyring_find(x, hash, &s); found; found = keyring_find_next(x, &s))
        times += found == number;
    assert_in_range(times, 0, 1);
    return times == 1;
}

/* `spread` says how many hashes there are: few meet all the time. The upper half of a hash does not matter. */
static void against_an_array(uint64_t spread)
{
    static uint64_t hash[ELEMENTS + 1];
    static bool     in[ELEMENTS + 1];
    struct keyring    x;
    uint64_t        random = 7;
    size_t          n = 0;

    memset(in, 0, sizeof in);
    keyring_init(&x, &heap.mem);
    for (unsigned step = 0; step < 60000; step++) {
        uint32_t i;

        random = random * 6364136223846793005u + 1442695040888963407u;
        i = (uint32_t)(random >> 33) % ELEMENTS + 1;
        if (in[i]) {
            keyring_remove(&x, hash[i], i);
            keyring_give_back(&x, 1);
            n--;
        } else {
            hash[i] = (random >> 7) % spread * 0x9e3779b97f4a7c15u;
            assert_int_equal(keyring_promise(&x, 1), ERR_OK);
            keyring_add(&x, hash[i], i);
            n++;
        }
        in[i] = !in[i];
        assert_int_equal(x.n, n);
        assert_true(has(&x, hash[i], i) == in[i]);
    }
    for (uint32_t i = 1; i <= ELEMENTS; i++)
        assert_true(has(&x, hash[i], i) == in[i]);
    keyring_close(&x);
    assert_int_equal(heap.octets, 0);
}

static void finds_what_is_there(void **state)
{
    (void)state;
    against_an_array(UINT32_MAX);
}

static void finds_it_among_many_that_meet(void **state)
{
    (void)state;
    against_an_array(100);
}

static void one_number_may_stand_under_two_hashes(void **state)
{
    struct keyring x;

    (void)state;
    keyring_init(&x, &heap.mem);
    assert_false(has(&x, 5, 1));
    assert_int_equal(keyring_promise(&x, 3), ERR_OK);
    keyring_add(&x, 5, 1);
    keyring_add(&x, 6, 1);
    keyring_add(&x, 5 + 32, 2); /* begins where the first one stands */
    assert_true(has(&x, 5, 1) && has(&x, 6, 1) && has(&x, 37, 2));
    keyring_remove(&x, 5, 1);
    assert_true(!has(&x, 5, 1) && has(&x, 6, 1) && has(&x, 37, 2));
    keyring_close(&x);
}

/* What was promised is there, though nothing more can be had. */
static void keeps_its_promise_without_memory(void **state)
{
    struct keyring x;
    uint32_t     n = 0;

    (void)state;
    keyring_init(&x, &heap.mem);
    heap.fails = true;
    assert_int_equal(keyring_promise(&x, 1), ERR_NOMEM);
    heap.fails = false;
    assert_int_equal(keyring_promise(&x, 1000), ERR_OK);
    heap.fails = true;
    while (keyring_promise(&x, 1) == ERR_OK)
        n++;
    for (uint32_t i = 1; i <= 1000 + n; i++)
        keyring_add(&x, i * 7919, i);
    for (uint32_t i = 1; i <= 1000 + n; i++)
        assert_true(has(&x, i * 7919, i));
    keyring_close(&x);
    assert_int_equal(heap.octets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(finds_what_is_there, setup),
        cmocka_unit_test_setup(finds_it_among_many_that_meet, setup),
        cmocka_unit_test_setup(one_number_may_stand_under_two_hashes, setup),
        cmocka_unit_test_setup(keeps_its_promise_without_memory, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
