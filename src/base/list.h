/* list.h - doubly linked lists through a node inside the element. Pure.
 *
 * The list owns nothing. An element is in at most one list per node. A zeroed node is in no list. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list_node {
    struct list_node *prev, *next; /* both NULL: in no list */
};

struct list {
    struct list_node head; /* prev: last, next: first; points at itself when empty */
};

/* The element that holds `node` as its `member`; NULL stays NULL. */
#define LIST_OF(node, type, member) ((type *)list_of_((node), offsetof(type, member)))

static inline void *list_of_(const struct list_node *node, size_t offset)
{
    return node ? (char *)(size_t)node - offset : NULL;
}

void list_init(struct list *l);
static inline bool list_empty(const struct list *l)
{
    return l->head.next == &l->head;
}
static inline bool list_linked(const struct list_node *n)
{
    return n->next != NULL;
}
void list_append(struct list *l, struct list_node *n);
void list_prepend(struct list *l, struct list_node *n);
void list_insert_before(struct list_node *at, struct list_node *n);
static inline void list_remove(struct list_node *n) /* nothing happens when it is in no list */
{
    if (!list_linked(n))
        return;
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = n->next = NULL;
}

/* First and next; NULL at the end. To remove while walking, take the next one first. */
static inline struct list_node *list_first(const struct list *l)
{
    return list_empty(l) ? NULL : l->head.next;
}
struct list_node *list_last(const struct list *l);
struct list_node *list_next(const struct list *l, const struct list_node *n);

/* Remove and return the first, or NULL. */
static inline struct list_node *list_pop(struct list *l)
{
    struct list_node *n = list_first(l);

    if (n)
        list_remove(n);
    return n;
}

#endif
