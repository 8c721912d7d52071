#include "core/enter.h"
#include "core/alone.h"
#include "core/cancel.h"
#include "core/handover.h"
#include "core/identity.h"
#include "core/kick.h"
#include "core/method.h"
#include "core/switch.h"

#include <errno.h>

enum { POLL_EVERY = 61 }; /* picks between two looks at the descriptors while fibers keep being ready */

void sched_ready(struct fiber *f)
{
    struct run_queue *q = likely(f->computes == 0) ? &rt.sched.soon : &rt.sched.late;
    f->state = FIBER_READY;
    f->next = NULL;
    if (q->tail != NULL)
        q->tail->next = f;
    else
        q->head = f;
    q->tail = f;
    rt.sched.ready++;
}

void sched_ready_first(struct fiber *f)
{
    struct run_queue *q = &rt.sched.soon;
    f->state = FIBER_READY;
    f->next = q->head;
    q->head = f;
    if (q->tail == NULL)
        q->tail = f;
    rt.sched.ready++;
}

static struct fiber *take(struct sched *s)
{
    struct run_queue *q = &s->soon;
    if (unlikely(q->head == NULL || (s->turn && !s->was_late)) && s->late.head != NULL) {
        q = &s->late;
        s->turn = false;
    }
    s->was_late = q == &s->late;
    struct fiber *f = q->head;
    if (f == NULL)
        return NULL;
    q->head = f->next;
    if (q->head == NULL)
        q->tail = NULL;
    s->ready--;
    return f;
}

/* What other kernel threads and signal handlers have asked for. */
static void drain(void)
{
    __atomic_store_n(&rt.loop.queued, 0, __ATOMIC_SEQ_CST);
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
        if (unlikely(__atomic_load_n(&rt.loop.queued, __ATOMIC_ACQUIRE)))
            drain();
        if (unlikely(++s->tick >= POLL_EVERY || __atomic_load_n(&s->look, __ATOMIC_RELAXED))) {
            s->tick = 0;
            s->turn = s->turn || s->look;
            __atomic_store_n(&s->look, false, __ATOMIC_RELAXED);
            loop_poll();
        }
        struct fiber *f = take(s);
        if (likely(f != NULL))
            return f;
        loop_wait();
    }
}

void sched_park(struct fiber *self)
{
    if (unlikely(self->awaited != 0))
        handover_stops(self);
    struct fiber *next = sched_pick();
    if (next != self) {
        struct kthread *k = self->kt;
        if (unlikely(!cpu_slice_end(&k->slice, &self->cpu)))
            cpu_time_settle(k, self);
        k->running = next;
        method_lost(k);
        next->kt = k;
        next->state = FIBER_RUNNING;
        rt.sched.switches++;
        sched_slice_begins();
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
    sched_slice_begins();
    bool alone = rt.sched.ready == 0;
    if (alone) { /* look for events, and leave the processor to other processes */
        if (__atomic_load_n(&rt.loop.queued, __ATOMIC_ACQUIRE))
            drain();
        loop_poll();
        alone = rt.sched.ready == 0;
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

int wait_give_up(struct wait *w, int result)
{
    if (w->unlink != NULL)
        w->unlink(w);
    w->woken = true;
    return w->result = result;
}

/* From here on it is the fiber's wait; it may be over at once. Returns its deadline. */
static uint64_t begin(struct wait *w, uint64_t deadline, int flags, const char *call)
{
    struct fiber *self = w->fiber;
    w->outer = self->wait;
    w->outer_call = self->call;
    w->flags = flags;
    self->wait = w;
    self->call = call;
    if (!self->sig.masked && !self->sig.begun)
        self->sig.interrupted = false;
    else if (self->sig.interrupted && (flags & WAIT_INTR) != 0 && !w->woken)
        wait_give_up(w, -EINTR); /* between the change of the mask, or the begin of the call, and here */
    self->sig.begun = false;
    w->bounded = unlikely(self->deadline != 0) && self->deadline < deadline && can_end(flags);
    if (w->bounded) {
        deadline = self->deadline;
        if (!w->woken && clock_now() >= deadline)
            wait_give_up(w, -E_DEADLINE);
    }
    if (deadline != CLOCK_NEVER && !w->woken)
        timer_arm(&w->timer, deadline);
    return deadline;
}

/* The handler may not come back to it, and nobody may say so (an exception, a language's own way to leave): nothing
 * that is over refers to its stack then. */
static void leave_for_handler(struct wait *w)
{
    wait_give_up(w, (w->flags & WAIT_INTR) != 0 ? -EINTR : -E_AGAIN);
    timer_disarm(&w->timer);
    w->fiber->wait = w->outer;
    w->fiber->call = w->outer_call;
}

static bool has_come(const struct wait *w)
{
    struct wait_first *first = w->first;
    if (likely(first == NULL))
        return false;
    if (first->result == 0)
        first->result = first->fn(first->arg);
    return first->result != 0;
}

/* Before it sleeps: what has come that ends it, or handlers to run. True: look again. */
static inline bool look(struct wait *w)
{
    struct fiber *self = w->fiber;
    if (unlikely(cancelled(self, w->flags))) {
        wait_give_up(w, -E_CANCELLED);
    } else if (unlikely(self->stop) && stoppable(self, w->flags)) {
        wait_give_up(w, stopped(self));
    } else if (unlikely(self->sig.due) && has_come(w)) {
        wait_give_up(w, -E_AGAIN); /* who waits has it from there */
    } else if (unlikely(self->sig.due)) {
        /* A handler runs on this fiber's own stack. A call that it interrupts is over before: the handler may wait for
         * the same. Others (locks, conditions) stay linked, so nothing is lost meanwhile, behind those that could use
         * at once what they wait for. */
        if (((w->flags & WAIT_INTR) != 0 || w->held) && signals_handles(self))
            leave_for_handler(w);
        w->busy = true;
        core_leave(self);
        core_enter(self);
        w->busy = false;
        if (self->sig.interrupted && (w->flags & WAIT_INTR) != 0 && !w->woken)
            wait_give_up(w, -EINTR);
    } else {
        return false;
    }
    return true;
}

static int end(struct wait *w)
{
    (void)has_come(w);
    timer_disarm(&w->timer);
    w->fiber->wait = w->outer;
    w->fiber->call = w->outer_call;
    if (unlikely(w->bounded) && w->result == -ETIMEDOUT)
        w->result = -E_DEADLINE;
    return w->result;
}

int wait_park(struct wait *w, uint64_t deadline, int flags, const char *call)
{
    struct fiber *self = w->fiber;
    begin(w, deadline, flags, call);
    while (!w->woken) {
        if (!look(w) && (likely(rt.fibers.live > 1) || !alone_home(self))) {
            self->state = FIBER_PARKED;
            sched_park(self);
        }
    }
    return end(w);
}

/* ---- waits in the kernel ---- */

enum { FIRST_PAUSE = NS_PER_MS, LAST_PAUSE = 100 * NS_PER_MS };

bool wait_in_handler(const struct wait *w)
{
    return w->frames != __atomic_load_n(&w->fiber->sig.frames, __ATOMIC_SEQ_CST);
}

bool wait_is_away(const struct fiber *f)
{
    return f->wait != NULL && f->wait->away && !wait_in_handler(f->wait);
}

/* The first reason counts. The timer comes back as long as the call does not. */
static void end_away(struct wait *w, int result)
{
    if (!w->woken) {
        w->woken = true;
        w->result = result;
        w->pause = FIRST_PAUSE;
    }
    if (!wait_in_handler(w))
        kick_out(w->fiber);
    timer_disarm(&w->timer);
    timer_arm(&w->timer, clock_after(w->pause));
    w->pause = w->pause * 2 < LAST_PAUSE ? w->pause * 2 : LAST_PAUSE;
}

/* One call. A handler that wants it restarted has it restarted by the kernel. A handler that has become due on the way
 * out of the core was announced to somebody who was still inside: no call now. */
static long go_away(struct wait *w, wait_call *fn, void *arg)
{
    struct fiber *self = w->fiber;
    w->away = true;
    if ((w->flags & WAIT_HERE) != 0) {
        core_leave(self);
    } else if (!baton_step_away(self)) {
        w->away = false;
        return -E_NO_THREAD;
    }
    long r = likely(!self->sig.due) ? fn(arg) : -EINTR;
    core_enter(self);
    w->away = false;
    return r;
}

/* The end of the call has come before the call: it is made, and kicked as one that does not come back. */
static bool overdue(struct wait *w)
{
    struct fiber *self = w->fiber;
    if ((w->flags & WAIT_TRY) == 0)
        return false;
    if (unlikely(self->stop) && !w->woken && stoppable(self, w->flags))
        wait_give_up(w, stopped(self));
    if (likely(!w->woken))
        return false;
    kick_prepare();
    w->pause = FIRST_PAUSE;
    timer_disarm(&w->timer);
    timer_arm(&w->timer, clock_after(FIRST_PAUSE));
    return true;
}

/* Else it was interrupted for somebody else. */
static bool interrupted(const struct wait *w, long r)
{
    return r == -EINTR && w->fiber->sig.interrupted && (w->flags & WAIT_INTR) != 0;
}

/* r: what the call has given, -EINTR if it has not been made. */
static long go_away_again(struct wait *w, long r, wait_call *fn, void *arg)
{
    bool late = overdue(w);
    while ((late || !w->woken) && r == -EINTR) {
        if (!late && look(w))
            continue;
        r = go_away(w, fn, arg);
        late = false;
        if (interrupted(w, r))
            break;
        if (r == -EINTR && !w->woken && (w->flags & WAIT_ONCE) != 0)
            r = -E_AGAIN;
    }
    return r;
}

/* What the whole has given. */
static long end_of_away(struct wait *w, long r)
{
    struct fiber *self = w->fiber;
    bool ended = w->woken;
    int result = end(w);
    if (r == -EINTR)
        return ended ? result : r;
    if (ended && result == -ECANCELED) /* too late for this call */
        cancel_put_back(self);
    return r;
}

long wait_away(struct wait *w, uint64_t deadline, int flags, const char *call, wait_call *fn, void *arg)
{
    w->frames = w->fiber->sig.frames;
    w->fiber->sig.begun = false; /* the call has not been tried: it may not wait at all */
    if (begin(w, deadline, flags, call) != CLOCK_NEVER)
        kick_prepare();
    return end_of_away(w, go_away_again(w, -EINTR, fn, arg));
}

/* Nothing ends a wait that it begins, or makes a handler run, but what is still to come. */
static bool undisturbed(const struct fiber *self)
{
    return self->care == 0 && !self->stop && !self->sig.due && !self->sig.masked && self->deadline == 0;
}

bool wait_here_begins(struct wait *w, struct fiber *self, int flags, const char *call)
{
    core_enter(self);
    self->sig.begun = false;
    bool begins = undisturbed(self);
    if (likely(begins)) {
        *w = (struct wait){.fiber = self,
                           .outer = self->wait,
                           .outer_call = self->call,
                           .frames = self->sig.frames,
                           .flags = flags,
                           .away = true};
        self->wait = w;
        self->call = call;
        self->sig.interrupted = false;
    }
    core_leave(self);
    return begins;
}

long wait_here_ends(struct wait *w, long r, wait_call *fn, void *arg)
{
    struct fiber *self = w->fiber;
    core_enter(self);
    w->away = false;
    if (likely(r != -EINTR && !w->woken)) {
        self->wait = w->outer;
        self->call = w->outer_call;
    } else {
        bool over = w->woken || interrupted(w, r);
        r = end_of_away(w, over ? r : go_away_again(w, r, fn, arg));
    }
    core_leave(self);
    return r;
}

long wait_away_now(struct fiber *self, uint64_t deadline, int flags, const char *call, wait_call *fn, void *arg)
{
    struct wait w;
    if (self == NULL)
        return fn(arg);
    long r;
    do {
        wait_init(&w, self, NULL);
        core_enter(self);
        r = wait_away(&w, deadline, flags, call, fn, arg);
        core_leave(self);
    } while (r == -EINTR && (flags & WAIT_RESTART) != 0 && signals_restarts(self));
    return r == -E_NO_THREAD ? fn(arg) : r;
}

void wait_cancel(struct fiber *f)
{
    if (f->wait != NULL && cancelled(f, f->wait->flags))
        wait_wake(f->wait, -E_CANCELLED);
}

void wait_stop(struct fiber *f)
{
    struct wait *w = f->wait;
    if (w != NULL && !w->woken && (f->state == FIBER_PARKED || wait_is_away(f)) && stoppable(f, w->flags))
        wait_wake(w, stopped(f));
}

void wait_wake(struct wait *w, int result)
{
    if (unlikely(w->away)) {
        end_away(w, result);
        return;
    }
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
        sched_slice_over();
    } else {
        sched_ready(f);
    }
}
