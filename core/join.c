/* Joining and detaching: see fiber.h. */
#include "core/enter.h"
#include "core/identity.h"

#include <errno.h>

struct join_wait {
    struct wait wait;
    struct fiber *target;
};

static void leave_join(struct wait *w)
{
    struct fiber *target = container_of(w, struct join_wait, wait)->target;
    target->join_wait = NULL;
    target->joiner = NULL;
}

/* 0, EBUSY: it has not ended; or why it cannot be joined. Inside the core. */
static int may_join(const struct fiber *self, const struct fiber *target)
{
    if (target->state == FIBER_FREE)
        return target->detached ? EINVAL : ESRCH;
    if (target->detached)
        return EINVAL;
    if (self != NULL && (target == self || (self->joiner == target && !target->cancel_pending)))
        return EDEADLK;
    if (target->joiner != NULL)
        return EINVAL;
    return target->state != FIBER_DONE ? EBUSY : 0;
}

int fiber_join(struct fiber *self, struct fiber *target, void **result, uint64_t deadline)
{
    core_enter(self);
    int e = may_join(self, target);
    if (e == EBUSY && deadline != 0) {
        struct join_wait w = {.target = target};
        wait_init(&w.wait, self, leave_join);
        target->join_wait = &w.wait;
        target->joiner = self;
        e = -wait_park(&w.wait, deadline, WAIT_CANCEL, "pthread_join");
        if (e != 0 && e != ETIMEDOUT)
            e = E_CANCELLED;
    }
    if (e == 0) {
        if (result != NULL)
            *result = target->result;
        target->join_wait = NULL;
        fiber_recycle(target);
    }
    core_leave(self);
    return e;
}

struct foreign_join {
    struct fiber *self, *target; /* self: the record of a promoted thread */
    int error;
};

static struct fiber stranger; /* the joiner that has no record */

static void join_begin(void *arg)
{
    struct foreign_join *j = arg;
    j->error = may_join(j->self, j->target);
    if (j->error != 0 && j->error != EBUSY)
        return;
    j->target->joiner = j->self != NULL ? j->self : &stranger;
    j->target->foreign_joiners++;
}

static void join_leave(void *arg)
{
    struct foreign_join *j = arg;
    j->target->joiner = NULL;
    j->target->foreign_joiners--;
}

/* A promoted thread can be cancelled meanwhile: its signal interrupts the wait, or the next look finds it. */
int fiber_join_foreign(struct fiber *target, void **result, uint64_t deadline)
{
    struct fiber *self = fiber_record;
    struct foreign_join j = {self, target, 0};
    const uint64_t look = 50 * NS_PER_MS;
    if (deadline == 0 && !__atomic_load_n(&target->done, __ATOMIC_SEQ_CST))
        return EBUSY;
    promote_ask(join_begin, &j);
    if (j.error != 0 && j.error != EBUSY)
        return j.error;
    while (!__atomic_load_n(&target->done, __ATOMIC_SEQ_CST)) {
        uint64_t now = clock_now();
        bool cancelled = self != NULL && identity_cancelled(self);
        if (now >= deadline || cancelled) {
            promote_ask(join_leave, &j);
            return cancelled ? E_CANCELLED : ETIMEDOUT;
        }
        struct timespec left = clock_to_timespec(deadline - now);
        if (self != NULL && deadline - now > look)
            left = clock_to_timespec(look);
        sys_futex_wait(&target->done, 0, self == NULL && deadline == CLOCK_NEVER ? NULL : &left);
    }
    if (result != NULL)
        *result = target->result;
    fiber_reap(target);
    return 0;
}

struct detaching {
    struct fiber *target;
    int error;
};

static void detach_here(void *arg)
{
    struct detaching *d = arg;
    if (d->target->state == FIBER_FREE || d->target->detached) {
        d->error = EINVAL;
        return;
    }
    d->target->detached = true;
    if (d->target->state == FIBER_DONE)
        fiber_recycle(d->target);
}

int fiber_detach(struct fiber *self, struct fiber *target)
{
    struct detaching d = {target, 0};
    fiber_inside(self, detach_here, &d);
    return d.error;
}
