/* Joining and detaching: see fiber.h. */
#include "core/enter.h"
#include "core/identity.h"
#include "core/promote.h"

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

/* What a thread that has ended leaves. */
static void collect(const struct fiber *target, struct ending *end)
{
    end->result = target->result;
    end->stopped = target->stopped != 0;
}

/* The target has ended. Inside the core, but not while its kernel thread is waited for. */
static int finish(struct fiber *self, struct fiber *target, struct ending *end)
{
    target->joiner = NULL;
    target->join_wait = NULL;
    if (target->promoted) {
        core_leave(self);
        promote_await(self, target);
        core_enter(self);
        if (target->state != FIBER_DONE) /* somebody else was there meanwhile */
            return EINVAL;
    }
    collect(target, end);
    fiber_recycle(target);
    return 0;
}

int fiber_join(struct fiber *self, struct fiber *target, struct ending *end, uint64_t deadline)
{
    core_enter(self);
    int e;
    do {
        e = may_join(self, target);
        if (e != EBUSY || deadline == 0)
            break;
        struct join_wait w = {.target = target};
        wait_init(&w.wait, self, leave_join);
        target->join_wait = &w.wait;
        target->joiner = self;
        e = -wait_park(&w.wait, deadline, WAIT_CANCEL, "pthread_join");
    } while (e == E_AGAIN);
    if (e == 0)
        e = finish(self, target, end);
    core_leave(self);
    return e;
}

/* ---- the first of several ---- */

struct any_wait {
    struct wait wait;
    struct fiber *self, **targets;
    size_t n;
};

static void leave_any(struct wait *wait)
{
    struct any_wait *w = container_of(wait, struct any_wait, wait);
    for (size_t i = 0; i < w->n; i++) {
        if (w->targets[i]->joiner != w->self)
            continue;
        w->targets[i]->join_wait = NULL;
        w->targets[i]->joiner = NULL;
    }
}

/* Stands at all of them: EBUSY; 0: one has ended already; or why one cannot be joined, and then at none. */
static int stand_at_all(struct any_wait *w)
{
    int e = EBUSY;
    size_t n = w->n;
    for (w->n = 0; w->n < n; w->n++) {
        struct fiber *t = w->targets[w->n];
        int may = may_join(w->self, t);
        if (may != 0 && may != EBUSY) {
            leave_any(&w->wait);
            return may;
        }
        if (may == 0)
            e = 0;
        t->join_wait = &w->wait;
        t->joiner = w->self;
    }
    return e;
}

int fiber_join_first(struct fiber *self, struct fiber **targets, size_t n, size_t *winner, struct ending *end)
{
    struct any_wait w = {.self = self, .targets = targets, .n = n};
    core_enter(self);
    int e;
    do {
        wait_init(&w.wait, self, leave_any);
        e = stand_at_all(&w);
        if (e == EBUSY)
            e = -wait_park(&w.wait, CLOCK_NEVER, WAIT_CANCEL, "coax_pick");
    } while (e == E_AGAIN);
    if (e == 0) {
        leave_any(&w.wait);
        for (*winner = 0; targets[*winner]->state != FIBER_DONE;)
            ++*winner;
        e = finish(self, targets[*winner], end);
    }
    core_leave(self);
    return e;
}

/* ---- who is no fiber ---- */

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

/* In a fork's child, before it has threads of its own. */
static int join_alone(struct fiber *target, struct ending *end)
{
    int e = may_join(NULL, target);
    if (e != 0)
        return e == EBUSY ? EDEADLK : e; /* itself: nobody else lives */
    collect(target, end);
    fiber_recycle(target);
    return 0;
}

/* A promoted thread can be cancelled meanwhile: its signal interrupts the wait, or the next look finds it. */
int fiber_join_foreign(struct fiber *target, struct ending *end, uint64_t deadline)
{
    struct fiber *self = fiber_record;
    struct foreign_join j = {self, target, 0};
    const uint64_t look = 50 * NS_PER_MS;
    if (!rt.coop)
        return join_alone(target, end);
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
    if (target->promoted)
        promote_await(NULL, target);
    collect(target, end);
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
    if (rt.coop)
        fiber_inside(self, detach_here, &d);
    else
        detach_here(&d);
    return d.error;
}

/* ---- fork ---- */

static void end_others(const struct list *list, const struct fiber *self)
{
    for (const struct list *l = list->next; l != list; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        f->joiner = NULL;
        f->join_wait = NULL;
        f->foreign_joiners = 0;
        if (f == self)
            continue;
        f->state = FIBER_DONE;
        f->done = 1;
        f->promoted = false;
        f->result = NULL;
        tls_set_tid(f->fs, 0);
    }
}

void join_forked(const struct fiber *self)
{
    end_others(&rt.fibers.all, self);
    end_others(&rt.fibers.promoted, self);
}
