#include "core/enter.h"
#include "core/alone.h"
#include "core/altstack.h"
#include "core/identity.h"
#include "core/scope.h"
#include "core/switch.h"

#include <errno.h>

enum { POLL_EVERY = 61 }; /* picks between two looks at the descriptors while fibers keep being ready */

void sched_ready(struct fiber *f)
{
    struct sched *s = &rt.sched;
    f->state = FIBER_READY;
    f->next = NULL;
    if (s->tail != NULL)
        s->tail->next = f;
    else
        s->head = f;
    s->tail = f;
    s->ready++;
}

void sched_ready_first(struct fiber *f)
{
    struct sched *s = &rt.sched;
    f->state = FIBER_READY;
    f->next = s->head;
    s->head = f;
    if (s->tail == NULL)
        s->tail = f;
    s->ready++;
}

/* What other kernel threads and signal handlers have asked for. */
static void drain(void)
{
    __atomic_store_n(&rt.loop.todo, 0, __ATOMIC_SEQ_CST);
    baton_drain();
    fiber_drain();
    addr_drain();
    pool_drain();
    identity_drain();
    promote_drain();
    notify_drain();
    signals_route();
}

struct fiber *sched_pick(void)
{
    struct sched *s = &rt.sched;
    for (;;) {
        if (unlikely(__atomic_load_n(&rt.loop.todo, __ATOMIC_ACQUIRE)))
            drain();
        if (unlikely(++s->tick >= POLL_EVERY)) {
            s->tick = 0;
            loop_poll();
        }
        struct fiber *f = s->head;
        if (likely(f != NULL)) {
            s->head = f->next;
            if (s->head == NULL)
                s->tail = NULL;
            s->ready--;
            return f;
        }
        loop_wait();
    }
}

void sched_park(struct fiber *self)
{
    struct fiber *next = sched_pick();
    if (next != self) {
        struct kthread *k = self->kt;
        k->running = next;
        next->kt = k;
        next->state = FIBER_RUNNING;
        rt.sched.switches++;
        __atomic_store_n(&rt.sched.slice_over, 0, __ATOMIC_RELAXED);
        switch_to(&self->sp, next->sp, next->fs);
    }
    self->state = FIBER_RUNNING;
    self->trimmed = false;
    if (unlikely(self->computes != 0))
        self->computes--;
}

void sched_yield_now(struct fiber *self)
{
    core_enter(self);
    __atomic_store_n(&rt.sched.slice_over, 0, __ATOMIC_RELAXED);
    bool alone = rt.sched.head == NULL;
    if (alone) { /* look for events, and leave the processor to other processes */
        if (__atomic_load_n(&rt.loop.todo, __ATOMIC_ACQUIRE))
            drain();
        loop_poll();
        alone = rt.sched.head == NULL;
    }
    if (!alone) {
        sched_ready(self);
        sched_park(self);
    }
    core_leave(self);
    if (alone)
        (void)sys(SYS_sched_yield);
}

static bool cancelled(const struct fiber *f, int flags)
{
    return f->cancel_pending && !f->cancel_disabled && !f->exiting &&
           ((flags & WAIT_CANCEL) != 0 || tls_is_async(f->fs));
}

/* Who is shielded has no deadline but those that were set since. */
static bool can_end(int flags)
{
    return (flags & (WAIT_CANCEL | WAIT_STOP)) != 0;
}

static bool stoppable(const struct fiber *f, int flags)
{
    return can_end(flags) && f->shielded == 0;
}

/* Takes the request. */
static int stopped(struct fiber *f)
{
    f->stop = false;
    f->stopped++;
    return -ECANCELED;
}

/* Ends the wait here and now. */
static int give_up(struct wait *w, int result)
{
    if (w->unlink != NULL)
        w->unlink(w);
    w->woken = true;
    return w->result = result;
}

int wait_park(struct wait *w, uint64_t deadline, int flags, const char *call)
{
    struct fiber *self = w->fiber;
    struct wait *outer = w->outer = self->wait;
    const char *outer_call = self->call;
    w->flags = flags;
    self->wait = w;
    self->call = call;
    if (!self->sig.masked)
        self->sig.interrupted = false;
    else if (self->sig.interrupted && (flags & WAIT_INTR) != 0 && !w->woken)
        give_up(w, -EINTR); /* between the change of the mask and here */
    bool bounded = unlikely(self->deadline != 0) && self->deadline < deadline && can_end(flags);
    if (bounded) {
        deadline = self->deadline;
        if (!w->woken && clock_now() >= deadline)
            give_up(w, -E_DEADLINE);
    }
    if (deadline != CLOCK_NEVER && !w->woken)
        timer_arm(&w->timer, deadline);
    while (!w->woken) {
        if (unlikely(cancelled(self, flags))) {
            give_up(w, -E_CANCELLED);
        } else if (unlikely(self->stop) && stoppable(self, flags)) {
            give_up(w, stopped(self));
        } else if (unlikely(self->sig.due)) {
            /* A handler runs on this fiber's own stack. A call that it interrupts is over before: the handler may wait
             * for the same. Others (locks, conditions) stay linked, so nothing is lost meanwhile. */
            if ((flags & WAIT_INTR) != 0 && signals_handles(self))
                give_up(w, -EINTR);
            core_leave(self);
            core_enter(self);
            if (self->sig.interrupted && (flags & WAIT_INTR) != 0 && !w->woken)
                give_up(w, -EINTR);
        } else if (likely(rt.fibers.live > 1) || !alone_home(self)) {
            self->state = FIBER_PARKED;
            sched_park(self);
        }
    }
    timer_disarm(&w->timer);
    self->wait = outer;
    self->call = outer_call;
    if (unlikely(bounded) && w->result == -ETIMEDOUT)
        w->result = -E_DEADLINE;
    return w->result;
}

void wait_abandon(struct fiber *self, uintptr_t sp)
{
    if (unlikely(self->scope != NULL))
        scope_abandon(self, sp);
    if (likely(self->wait == NULL))
        return;
    core_enter(self);
    while (self->wait != NULL && altstack_left(self, (uintptr_t)self->wait, sp)) {
        struct wait *w = self->wait;
        if (!w->woken)
            give_up(w, -EINTR);
        timer_disarm(&w->timer);
        self->wait = w->outer;
    }
    core_leave(self);
}

void wait_cancel(struct fiber *f)
{
    if (f->wait != NULL && cancelled(f, f->wait->flags))
        wait_wake(f->wait, -E_CANCELLED);
}

void wait_stop(struct fiber *f)
{
    struct wait *w = f->wait;
    if (w != NULL && !w->woken && f->state == FIBER_PARKED && stoppable(f, w->flags))
        wait_wake(w, stopped(f));
}

void wait_wake(struct wait *w, int result)
{
    if (w->woken)
        return;
    if (result < 0 && w->unlink != NULL)
        w->unlink(w);
    w->woken = true;
    w->result = result;
    struct fiber *f = w->fiber;
    if (f->wait != w || f->state != FIBER_PARKED)
        return;
    if (w->hungry) { /* and who runs yields at its next hook */
        sched_ready_first(f);
        __atomic_store_n(&rt.sched.slice_over, 1, __ATOMIC_RELAXED);
    } else {
        sched_ready(f);
    }
}
