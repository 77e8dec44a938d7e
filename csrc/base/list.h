/*
 * list.h - intrusive doubly linked list: eight inline functions, nothing else.
 *
 * The head is an orm_list too; an empty list points at itself. A node that is in no list
 * must be initialised (points at itself), so that removing it twice is harmless.
 */
#ifndef ORM_BASE_LIST_H
#define ORM_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

typedef struct orm_list {
    struct orm_list *next; /* itself when alone */
    struct orm_list *prev; /* itself when alone */
} orm_list;

/* The struct that contains this node. */
#define ORM_LIST_ENTRY(node, type, field) \
    ((type *)(void *)((char *)(node) - offsetof(type, field)))
/* Visit every node; the loop's body must not remove `it` (see ORM_LIST_EACH_SAFE). */
#define ORM_LIST_EACH(it, head) \
    for (orm_list *it = (head)->next; it != (head); it = it->next)
/* As above; `it` itself may be removed in the body. */
#define ORM_LIST_EACH_SAFE(it, following, head)                                     \
    for (orm_list *it = (head)->next, *following = it->next; it != (head);          \
         it = following, following = it->next)

static inline void
orm_list_init(orm_list *node)
{
    node->next = node->prev = node;
}

static inline bool
orm_list_empty(const orm_list *head)
{
    return head->next == head;
}

static inline void
orm_list_insert_before(orm_list *place, orm_list *node)
{
    node->next = place;
    node->prev = place->prev;
    place->prev->next = node;
    place->prev = node;
}

static inline void
orm_list_push_back(orm_list *head, orm_list *node)
{
    orm_list_insert_before(head, node);
}

static inline void
orm_list_push_front(orm_list *head, orm_list *node)
{
    orm_list_insert_before(head->next, node);
}

static inline void
orm_list_remove(orm_list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    orm_list_init(node);
}

/* The first node, taken out; NULL when the list is empty. */
static inline orm_list *
orm_list_pop_front(orm_list *head)
{
    orm_list *node = head->next;
    if (node == head) {
        return NULL;
    }
    orm_list_remove(node);
    return node;
}

/* Append all of `from` to `head`; `from` is empty afterwards. */
static inline void
orm_list_splice(orm_list *head, orm_list *from)
{
    if (orm_list_empty(from)) {
        return;
    }
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    orm_list_init(from);
}

#endif /* ORM_BASE_LIST_H */
