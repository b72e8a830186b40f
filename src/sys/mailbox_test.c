/* mailbox_test.c - order, who must wake, and memory that runs out. */
#include "sys/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sys/heap.h"

static struct mailbox box;
static uintptr_t      next;
static size_t         ran;

static void in_order(void *arg)
{
    assert_int_equal((uintptr_t)arg, next);
    next++;
    ran++;
}

static void put_again(void *arg)
{
    bool first = false;

    ran++;
    if ((uintptr_t)arg > 0)
        assert_int_equal(mailbox_put(&box, put_again, (void *)((uintptr_t)arg - 1), &first), ERR_OK);
}

static void first_in_first_out(void **state)
{
    struct heap_counted heap;
    bool                first;

    (void)state;
    next = ran = 0;
    heap_counted_init(&heap, NULL, 0);
    assert_int_equal(mailbox_open(&box, &heap.mem), ERR_OK);
    assert_false(mailbox_waiting(&box));
    assert_int_equal(mailbox_run(&box, NULL, NULL), 0);
    for (uintptr_t i = 0; i < 1000; i++) { /* more than a chunk */
        assert_int_equal(mailbox_put(&box, in_order, (void *)i, &first), ERR_OK);
        assert_int_equal(first, i == 0);
    }
    assert_true(mailbox_waiting(&box) && mailbox_several(&box));
    assert_int_equal(mailbox_run(&box, NULL, NULL), 1000);
    assert_int_equal(ran, 1000);
    assert_false(mailbox_waiting(&box));
    {
        size_t octets = heap.octets;

        for (uintptr_t i = 1000; i < 5000; i++) {
            assert_int_equal(mailbox_put(&box, in_order, (void *)i, NULL), ERR_OK);
            if (i % 500 == 0)
                mailbox_run(&box, NULL, NULL);
        }
        mailbox_run(&box, NULL, NULL);
        assert_int_equal(heap.octets, octets); /* letters are used again */
    }
    assert_int_equal(next, 5000);
    mailbox_put(&box, in_order, NULL, NULL); /* dropped */
    mailbox_close(&box);
    mailbox_close(&box);
    assert_int_equal(heap.octets, 0);
}

static void what_a_letter_leaves_waits(void **state)
{
    struct mem mem;

    (void)state;
    ran = 0;
    heap_mem(&mem);
    assert_int_equal(mailbox_open(&box, &mem), ERR_OK);
    assert_false(mailbox_several(&box));
    assert_int_equal(mailbox_put(&box, put_again, (void *)3, NULL), ERR_OK);
    assert_false(mailbox_several(&box));
    for (size_t i = 1; i <= 4; i++) {
        assert_int_equal(mailbox_run(&box, NULL, NULL), 1);
        assert_int_equal(ran, i);
    }
    assert_int_equal(mailbox_run(&box, NULL, NULL), 0);
    mailbox_close(&box);
}

static void without_memory(void **state)
{
    struct heap_failing failing;

    (void)state;
    next = ran = 0;
    heap_failing_init(&failing, NULL, 1);
    assert_int_equal(mailbox_open(&box, &failing.mem), ERR_NOMEM);
    heap_failing_init(&failing, NULL, 2);
    assert_int_equal(mailbox_open(&box, &failing.mem), ERR_OK);
    for (uintptr_t i = 0; i < MAILBOX_CHUNK; i++)
        assert_int_equal(mailbox_put(&box, in_order, (void *)i, NULL), ERR_OK);
    assert_int_equal(mailbox_put(&box, in_order, NULL, NULL), ERR_NOMEM);
    assert_int_equal(mailbox_run(&box, NULL, NULL), MAILBOX_CHUNK);
    assert_int_equal(mailbox_put(&box, in_order, (void *)next, NULL), ERR_OK);
    mailbox_close(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_in_first_out),
        cmocka_unit_test(what_a_letter_leaves_waits),
        cmocka_unit_test(without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
