#include "core/turn.h"
#include "core/enter.h"
#include "core/identity.h"

#include <errno.h>

struct turn_wait {
    struct wait wait;
    struct list link;
};

static void unlink_wait(struct wait *w)
{
    list_remove(&container_of(w, struct turn_wait, wait)->link);
}

void turn_init(void)
{
    for (int i = 0; i < TURNS; i++) {
        rt.turns.locks[i].owner = NULL;
        rt.turns.locks[i].depth = 0;
        list_init(&rt.turns.locks[i].waiting);
    }
}

/* Like libc's lock it is neither a cancellation point nor ended by a handler. */
void turn_take(struct fiber *self, enum turn turn, const char *call)
{
    struct turn_lock *l = &rt.turns.locks[turn];
    if (self == NULL)
        return;
    int saved = errno;
    core_enter(self);
    while (l->owner != NULL && l->owner != self) {
        struct turn_wait w;
        wait_init(&w.wait, self, unlink_wait);
        list_append(&l->waiting, &w.link);
        if (wait_park(&w.wait, CLOCK_NEVER, 0, call) == -E_CANCELLED) { /* asynchronously */
            core_leave(self);
            identity_test_cancel(self);
            core_enter(self);
        }
    }
    if (l->depth++ == 0) {
        __atomic_store_n(&l->owner, self, __ATOMIC_SEQ_CST); /* others may look: see stdio_all.c */
        self->turns++;
    }
    core_leave(self);
    errno = saved;
}

static void free_turn(struct turn_lock *l)
{
    l->owner->turns--;
    l->owner = NULL;
    l->depth = 0;
    struct turn_wait *first = NULL; /* that is not in a handler, if there is one */
    for (struct list *i = l->waiting.next; i != &l->waiting && (first == NULL || first->wait.busy); i = i->next) {
        struct turn_wait *w = container_of(i, struct turn_wait, link);
        if (first == NULL || !w->wait.busy)
            first = w;
    }
    if (first == NULL)
        return;
    unlink_wait(&first->wait);
    wait_wake(&first->wait, 0);
}

static void drop(void *lock)
{
    struct turn_lock *l = lock;
    if (l->owner != NULL && --l->depth == 0) /* in a fork's child it is nobody's */
        free_turn(l);
}

void turn_drop(struct fiber *self, enum turn turn)
{
    if (self == NULL || !rt.coop)
        return;
    int saved = errno;
    fiber_inside(self->promoted ? NULL : self, drop, &rt.turns.locks[turn]);
    errno = saved;
}

void turn_left(struct fiber *f)
{
    for (int i = 0; i < TURNS && f->turns != 0; i++)
        if (rt.turns.locks[i].owner == f)
            free_turn(&rt.turns.locks[i]);
}
