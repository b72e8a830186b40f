/* heap_test.c - memory that is counted, limited, or fails at the n-th call. */
#include "sys/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void plain(void **state)
{
    struct mem m;
    char      *p;

    (void)state;
    heap_mem(&m);
    p = mem_zalloc(&m, 100);
    assert_non_null(p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    mem_free(&m, p, 100);
    p = mem_alloc(&m, 0);
    assert_non_null(p); /* so that NULL always means that there is none */
    mem_free(&m, p, 0);
    mem_free(&m, NULL, 7);
}

static void large(void **state)
{
    enum { N = 3 * HEAP_LARGE_OCTETS };
    struct mem m;
    char      *p[2];

    (void)state;
    heap_large_mem(&m);
    for (int i = 0; i < 2; i++) {
        assert_non_null(p[i] = mem_alloc(&m, N));
        assert_int_equal((uintptr_t)p[i] % HEAP_LARGE_OCTETS, 0);
        memset(p[i], 'a' + i, N);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(p[i][0], 'a' + i);
        assert_int_equal(p[i][N - 1], 'a' + i);
        mem_free(&m, p[i], N);
    }
    assert_null(mem_alloc(&m, SIZE_MAX / 2 / HEAP_LARGE_OCTETS * HEAP_LARGE_OCTETS)); /* more than there can be */
}

static void counted(void **state)
{
    struct heap_counted h;
    void               *a, *b;

    (void)state;
    heap_counted_init(&h, NULL, 150);
    a = mem_alloc(&h.mem, 100);
    b = mem_alloc(&h.mem, 50);
    assert_int_equal(h.octets, 150);
    assert_int_equal(h.pieces, 2);
    assert_null(mem_alloc(&h.mem, 1)); /* over the limit */
    assert_int_equal(h.octets, 150);
    mem_free(&h.mem, a, 100);
    assert_int_equal(h.octets, 50);
    mem_free(&h.mem, b, 50);
    assert_int_equal(h.octets, 0);
    assert_int_equal(h.pieces, 0);
    assert_int_equal(h.peak, 150);
}

static void failing(void **state)
{
    struct heap_counted below;
    struct heap_failing h;
    void               *p[5];

    (void)state;
    heap_counted_init(&below, NULL, 0);
    heap_failing_init(&h, &below.mem, 3);
    for (int i = 0; i < 5; i++)
        p[i] = mem_alloc(&h.mem, 10);
    assert_non_null(p[0]);
    assert_non_null(p[1]);
    assert_null(p[2]);
    assert_non_null(p[3]);
    assert_non_null(p[4]);
    assert_true(h.failed);
    for (int i = 0; i < 5; i++)
        mem_free(&h.mem, p[i], 10);
    assert_int_equal(below.octets, 0);
    heap_failing_init(&h, NULL, 0);
    p[0] = mem_alloc(&h.mem, 10);
    assert_non_null(p[0]);
    assert_false(h.failed);
    mem_free(&h.mem, p[0], 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain),
        cmocka_unit_test(large),
        cmocka_unit_test(counted),
        cmocka_unit_test(failing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
