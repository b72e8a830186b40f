/* arena_test.c - blocks, limits, alignment, and memory that runs out. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem_test.h"

static int begin(void **state)
{
    static struct counted c;

    counted_begin(&c);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    assert_int_equal(((struct counted *)*state)->octets, 0);
    return 0;
}

static void pieces_are_apart_and_aligned(void **state)
{
    struct counted *c = *state;
    struct arena    a;
    char           *p[100];

    arena_init(&a, &c->mem, 256, 0);
    assert_int_equal(c->calls, 0); /* nothing until it is asked */
    for (size_t i = 0; i < 100; i++) {
        p[i] = arena_alloc(&a, i);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % alignof(max_align_t), 0);
        memset(p[i], (int)i, i);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal(p[i][k], i);
    assert_non_null(arena_alloc(&a, 100000)); /* larger than a block */
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX / 2 + 1));
    arena_close(&a);
    assert_int_equal(c->octets, 0);
    assert_non_null(arena_alloc(&a, 1)); /* it may be used again */
    arena_close(&a);
}

static void reset_keeps_one_block(void **state)
{
    struct counted *c = *state;
    struct arena    a;
    size_t          calls;

    arena_init(&a, &c->mem, 256, 0);
    arena_reset(&a);
    for (int i = 0; i < 10; i++)
        assert_non_null(arena_alloc(&a, 200));
    arena_reset(&a);
    calls = c->calls;
    for (int i = 0; i < 1000; i++) {
        assert_non_null(arena_alloc(&a, 200));
        arena_reset(&a);
    }
    assert_int_equal(c->calls, calls);
    assert_true(c->octets < 512);
    arena_close(&a);
}

static void the_limit_holds(void **state)
{
    struct counted *c = *state;
    struct arena    a;
    unsigned        n = 0;

    arena_init(&a, &c->mem, 256, 1000);
    while (n < 1000 && arena_alloc(&a, 16))
        n++;
    assert_in_range(n, 40, 62);
    assert_true(c->octets <= 1000);
    arena_close(&a);
    arena_init(&a, &c->mem, 4096, 1000); /* one block alone would be over it */
    assert_non_null(arena_alloc(&a, 100));
    assert_null(arena_alloc(&a, 1000));
    arena_close(&a);
}

static void copies(void **state)
{
    struct counted *c = *state;
    struct arena    a;
    struct slice    s = S("unchanged"), before = s;

    arena_init(&a, &c->mem, 64, 0);
    assert_int_equal(arena_dup(&a, SLICE_NONE, &s), ERR_OK);
    assert_int_equal(s.n, 0);
    s = before;
    c->fail_at = c->calls + 1;
    assert_int_equal(arena_dup(&a, S("x"), &s), ERR_NOMEM);
    assert_ptr_equal(s.p, before.p);
    assert_int_equal(arena_dup(&a, S("a\0b"), &s), ERR_OK);
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 3);
    assert_string_equal(arena_z(&a, S("text")), "text");
    assert_string_equal(arena_z(&a, SLICE_NONE), "");
    c->fail_at = c->calls + 1;
    assert_null(arena_z(&a, (struct slice){(char[200]){0}, 200}));
    assert_null(arena_zalloc(&a, SIZE_MAX));
    {
        char *z = arena_zalloc(&a, 50);

        for (int i = 0; i < 50; i++)
            assert_int_equal(z[i], 0);
    }
    arena_close(&a);
}

static void one_given_block(void **state)
{
    alignas(16) char block[128];
    struct arena     a;
    unsigned         n = 0;

    (void)state;
    arena_init_fixed(&a, block + 1, sizeof block - 1);
    for (char *p; (p = arena_alloc(&a, 16)); n++)
        assert_true(p > block && p + 16 <= block + sizeof block && (uintptr_t)p % alignof(max_align_t) == 0);
    assert_int_equal(n, 7);
    arena_close(&a);
    arena_init_fixed(&a, block + 1, 3);
    assert_null(arena_alloc(&a, 1));
}

static void a_given_block_is_used_again_after_reset(void **state)
{
    alignas(16) char block[64];
    struct arena     a;

    (void)state;
    arena_init_fixed(&a, block, sizeof block);
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(arena_alloc(&a, 48), block);
        assert_null(arena_alloc(&a, 48));
        arena_reset(&a);
    }
    assert_ptr_equal(arena_alloc(&a, 48), block);
    arena_close(&a); /* "starts from nothing" */
    assert_ptr_equal(arena_alloc(&a, 48), block);
}

static void a_given_block_and_then_others(void **state)
{
    struct counted *c = *state;
    struct arena    a;
    alignas(max_align_t) char block[64];

    arena_init_in(&a, block, sizeof block, &c->mem, 128, 300);
    assert_ptr_equal(arena_alloc(&a, 48), block);
    assert_int_equal(c->calls, 0);
    assert_non_null(arena_alloc(&a, 48));
    assert_int_equal(c->calls, 1);
    assert_null(arena_alloc(&a, 300)); /* the limit is on what was taken */
    arena_close(&a);
    assert_int_equal(c->octets, 0);
    assert_non_null(arena_alloc(&a, 16)); /* not in the block any more: it may be gone */
    assert_int_equal(c->calls, 2);
    arena_close(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_are_apart_and_aligned, begin, end),
        cmocka_unit_test_setup_teardown(reset_keeps_one_block, begin, end),
        cmocka_unit_test_setup_teardown(the_limit_holds, begin, end),
        cmocka_unit_test_setup_teardown(copies, begin, end),
        cmocka_unit_test(one_given_block),
        cmocka_unit_test_setup_teardown(a_given_block_and_then_others, begin, end),
        cmocka_unit_test(a_given_block_is_used_again_after_reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
