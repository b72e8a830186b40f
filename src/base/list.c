/* list.c - doubly linked lists. Room base (pure). */
#include "base/list.h"

#include <assert.h>

void list_init(struct list *l)
{
    l->head.prev = l->head.next = &l->head;
}

void list_insert_before(struct list_node *at, struct list_node *n)
{
    assert(!list_linked(n));
    n->prev = at->prev;
    n->next = at;
    at->prev->next = n;
    at->prev = n;
}

void list_append(struct list *l, struct list_node *n)
{
    list_insert_before(&l->head, n);
}

void list_prepend(struct list *l, struct list_node *n)
{
    list_insert_before(l->head.next, n);
}

struct list_node *list_last(const struct list *l)
{
    return list_empty(l) ? NULL : l->head.prev;
}

struct list_node *list_next(const struct list *l, const struct list_node *n)
{
    return n->next == &l->head ? NULL : n->next;
}
