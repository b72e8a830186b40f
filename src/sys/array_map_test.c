/* array_map_test.c - against a plain array, with colliding hashes, and a table that is short. */
#include "sys/array_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_test.h"

enum { ITEMS = 500, ALIKE = 3 /* of a hash */, NODES = 3 /* so long is an element */ };

/* Two nodes in one element, of which the second is used: so others are several nodes away. */
struct item {
    struct array_node other, node;
    uint64_t          in, none; /* so that it is a multiple of a node's size */
};

static struct counted heap;
static struct item    items[ITEMS];

static int begin(void **state)
{
    (void)state;
    counted_begin(&heap);
    memset(items, 0, sizeof items);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(heap.octets, 0);
    return 0;
}

/* A bad hash on purpose: so many share one. */
static uint64_t hash_of(size_t i)
{
    return i / ALIKE * 0x9e3779b97f4a7c15u;
}

/* Each that is in is found by its hash, once; and nothing else is. */
static void check_all(const struct array_map *m)
{
    for (size_t i = 0; i < ITEMS; i += ALIKE) {
        unsigned found = 0;

        for (const struct array_node *x = array_map_find(m, hash_of(i)); x; x = array_map_find_next(m, x)) {
            size_t which = (size_t)(x - &items[0].node) / NODES - i;

            assert_true(which < ALIKE && items[i + which].in);
            found |= 1u << which;
        }
        for (size_t k = 0; k < ALIKE && i + k < ITEMS; k++)
            assert_int_equal(found >> k & 1, items[i + k].in);
    }
}

static void churn(struct array_map *m, uint64_t x, unsigned steps)
{
    for (unsigned i = 0; i < steps; i++) {
        size_t which = ((x = x * 6364136223846793005u + 1442695040888963407u) >> 33) % ITEMS;

        if (items[which].in)
            array_map_remove(m, &items[which].node);
        else
            array_map_insert(m, &items[which].node, hash_of(which));
        items[which].in = !items[which].in;
        if (i % 97 == 0)
            check_all(m);
    }
    check_all(m);
}

static void the_same_as_an_array(void **state)
{
    struct array_map m;

    (void)state;
    assert_int_equal(array_map_init(&m, &heap.mem, &items[0].node, ITEMS), ERR_OK);
    assert_in_range(m.mask + 1, ITEMS, 2 * ITEMS);
    churn(&m, 1, 5000);
    array_map_close(&m);
    array_map_close(&m); /* a closed one may be closed */
}

static void in_a_short_table_chains_are_longer(void **state)
{
    struct array_map m;

    (void)state;
    assert_int_equal(array_map_init(&m, &heap.mem, &items[0].node, 0), ERR_OK);
    assert_int_equal(m.mask + 1, 1 << ARRAY_MAP_APART_BITS); /* no lock is there for less than a bucket */
    churn(&m, 2, 5000);
    array_map_close(&m);
    heap.fails = true;
    assert_int_equal(array_map_init(&m, &heap.mem, &items[0].node, 9), ERR_NOMEM);
}

/* What is fetched ahead changes nothing, whether there is anything or not. */
static void it_may_be_expected_at_any_time(void **state)
{
    struct array_map m;

    (void)state;
    assert_int_equal(array_map_init(&m, &heap.mem, &items[0].node, ITEMS), ERR_OK);
    for (int i = 0; i < 2; i++) {
        array_map_expect(&m, 7);
        array_map_expect_node(&m, 7);
        assert_ptr_equal(array_map_find(&m, 7), i ? &items[3].node : NULL);
        if (!i)
            array_map_insert(&m, &items[3].node, 7);
    }
    array_map_close(&m);
}

static bool is_as_it_was(const struct array_node *a, const struct array_node *b)
{
    return a->next == b->next && a->prev == b->prev && a->hash == b->hash;
}

/* All have one hash, and the first that came leaves: it is the last of a long chain. */
static void who_leaves_touches_its_neighbours_alone(void **state)
{
    struct array_map   m;
    static struct item was[ITEMS];
    unsigned           touched = 0;

    (void)state;
    assert_int_equal(array_map_init(&m, &heap.mem, &items[0].node, ITEMS), ERR_OK);
    for (size_t i = 0; i < ITEMS; i++)
        array_map_insert(&m, &items[i].node, 7);
    memcpy(was, items, sizeof was);
    array_map_remove(&m, &items[0].node);
    array_map_remove(&m, &items[ITEMS / 2].node);
    for (size_t i = 1; i < ITEMS; i++)
        touched += i != ITEMS / 2 && !is_as_it_was(&items[i].node, &was[i].node);
    assert_int_equal(touched, 3);
    array_map_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_as_an_array, begin, end),
        cmocka_unit_test_setup_teardown(in_a_short_table_chains_are_longer, begin, end),
        cmocka_unit_test_setup_teardown(it_may_be_expected_at_any_time, begin, end),
        cmocka_unit_test_setup_teardown(who_leaves_touches_its_neighbours_alone, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
