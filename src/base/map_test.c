/* map_test.c - against a plain array, with colliding hashes, and tables that cannot grow. */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_test.h"

struct item {
    struct map_node node;
    uint64_t        key;
    bool            in, seen;
};

static struct counted heap;

static int begin(void **state)
{
    (void)state;
    counted_begin(&heap);
    return 0;
}

static int end(void **state)
{
    (void)state;
    assert_int_equal(heap.octets, 0);
    return 0;
}

/* A bad hash on purpose: many keys share one. */
static uint64_t hash_of(uint64_t key)
{
    return key / 3 * 0x9e3779b97f4a7c15u;
}

static struct item *find(const struct map *m, uint64_t key)
{
    struct map_node *n = map_find(m, hash_of(key));

    while (n && MAP_OF(n, struct item, node)->key != key)
        n = map_find_next(n);
    return MAP_OF(n, struct item, node);
}

#define ITEMS 500

static struct item items[ITEMS];

static void check_all(const struct map *m)
{
    struct map_cursor cursor = {0};
    size_t            n = 0;

    for (size_t i = 0; i < ITEMS; i++) {
        assert_ptr_equal(find(m, i), items[i].in ? &items[i] : NULL);
        items[i].seen = false;
    }
    for (struct map_node *x; (x = map_walk(m, &cursor)); n++) {
        struct item *i = MAP_OF(x, struct item, node);

        assert_true(i->in && !i->seen);
        i->seen = true;
    }
    assert_int_equal(n, m->n);
}

static void churn(struct map *m, unsigned seed, unsigned steps)
{
    uint64_t x = seed;

    for (unsigned i = 0; i < steps; i++) {
        struct item *one;

        x = x * 6364136223846793005u + 1442695040888963407u;
        one = &items[(x >> 33) % ITEMS];
        if (one->in)
            map_remove(m, &one->node);
        else
            map_insert(m, &one->node, hash_of(one->key));
        one->in = !one->in;
        if (i % 97 == 0)
            check_all(m);
    }
    check_all(m);
}

static void the_same_as_an_array(void **state)
{
    struct map m;

    (void)state;
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < ITEMS; i++)
        items[i].key = i;
    assert_int_equal(map_init(&m, &heap.mem, 0), ERR_OK);
    churn(&m, 1, 5000);
    assert_true(m.n_buckets >= m.n / 2); /* it has grown */
    map_close(&m);
    map_close(&m); /* a closed one may be closed */
}

static void without_memory_chains_grow_longer(void **state)
{
    struct map m;

    (void)state;
    memset(items, 0, sizeof items);
    for (size_t i = 0; i < ITEMS; i++)
        items[i].key = i;
    assert_int_equal(map_init(&m, &heap.mem, 9), ERR_OK);
    assert_int_equal(m.n_buckets, 16);
    heap.fails = true;
    churn(&m, 2, 2000);
    assert_int_equal(m.n_buckets, 16);
    map_close(&m);
    assert_int_equal(map_init(&m, &heap.mem, 9), ERR_NOMEM);
}

static void what_a_walk_gives_may_be_removed(void **state)
{
    struct map        m;
    struct map_cursor cursor = {0};
    size_t            n = 0;

    (void)state;
    memset(items, 0, sizeof items);
    assert_int_equal(map_init(&m, &heap.mem, 64), ERR_OK);
    for (size_t i = 0; i < ITEMS; i++) {
        items[i].key = i;
        map_insert(&m, &items[i].node, hash_of(i));
    }
    for (struct map_node *x; (x = map_walk(&m, &cursor)); n++)
        map_remove(&m, x);
    assert_int_equal(n, ITEMS);
    assert_int_equal(m.n, 0);
    map_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_as_an_array, begin, end),
        cmocka_unit_test_setup_teardown(without_memory_chains_grow_longer, begin, end),
        cmocka_unit_test_setup_teardown(what_a_walk_gives_may_be_removed, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
