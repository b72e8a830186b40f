/* list_test.c - order, removal while walking, nodes that know whether they are in a list. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct item {
    char             name;
    struct list_node node;
};

static void assert_order(const struct list *l, const char *want)
{
    struct list_node *n = list_first(l);

    for (; *want; want++, n = list_next(l, n)) {
        assert_non_null(n);
        assert_int_equal(LIST_OF(n, struct item, node)->name, *want);
    }
    assert_null(n);
}

static void order_is_kept(void **state)
{
    struct item a = {.name = 'a'}, b = {.name = 'b'}, c = {.name = 'c'}, d = {.name = 'd'};
    struct list l;

    (void)state;
    list_init(&l);
    assert_true(list_empty(&l));
    assert_null(list_first(&l));
    assert_null(list_last(&l));
    assert_null(list_pop(&l));
    assert_false(list_linked(&a.node));
    list_append(&l, &b.node);
    list_append(&l, &d.node);
    list_prepend(&l, &a.node);
    list_insert_before(&d.node, &c.node);
    assert_order(&l, "abcd");
    assert_true(list_linked(&a.node));
    assert_ptr_equal(list_last(&l), &d.node);
    list_remove(&b.node);
    list_remove(&b.node); /* nothing happens */
    assert_false(list_linked(&b.node));
    assert_order(&l, "acd");
    list_append(&l, &b.node);
    assert_order(&l, "acdb");
    assert_ptr_equal(list_pop(&l), &a.node);
    assert_false(list_linked(&a.node));
    assert_order(&l, "cdb");
    assert_null(LIST_OF((struct list_node *)NULL, struct item, node));
}

static void removal_while_walking(void **state)
{
    struct item items[9] = {{0}};
    struct list l;

    (void)state;
    list_init(&l);
    for (int i = 0; i < 9; i++) {
        items[i].name = (char)('0' + i);
        list_append(&l, &items[i].node);
    }
    for (struct list_node *n = list_first(&l), *next; n; n = next) {
        next = list_next(&l, n);
        if (LIST_OF(n, struct item, node)->name % 2)
            list_remove(n);
    }
    assert_order(&l, "02468");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(removal_while_walking),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
