/* Doubly linked lists with the links inside the elements: unlink in O(1), no memory of their own. */
#ifndef COAX_LIST_H
#define COAX_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
    head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
    return head->next == head;
}

static inline bool list_linked(const struct list *e)
{
    return e->next != NULL;
}

static inline void list_insert(struct list *e, struct list *before)
{
    e->next = before;
    e->prev = before->prev;
    before->prev->next = e;
    before->prev = e;
}

static inline void list_append(struct list *head, struct list *e)
{
    list_insert(e, head);
}

static inline void list_remove(struct list *e)
{
    e->prev->next = e->next;
    e->next->prev = e->prev;
    e->next = e->prev = NULL;
}

#endif
