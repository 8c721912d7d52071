#include "core/alone.h"
#include "core/enter.h"

#include <sys/stat.h>

bool alone_home(struct fiber *self)
{
    struct kthread *first = &rt.baton.first;
    if (likely(self->kt == first) || !baton_take_idle(first))
        return false;
    __atomic_store_n(&rt.baton.owner, (uintptr_t)first | BATON_IN_CORE, __ATOMIC_SEQ_CST);
    baton_wake_kthread(first, WAKE_CARRY);
    baton_return(self);
    return true;
}

/* The lock is between this and baton_staff. */
bool alone_dismiss(void)
{
    struct baton *b = &rt.baton;
    struct kthread *leaving = NULL;
    lock_take(&b->lock);
    bool alone = __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) == 1 &&
                 __atomic_load_n(&rt.fibers.threads, __ATOMIC_RELAXED) == 1 && rt.notify.known == 0 &&
                 __atomic_load_n(&rt.timers_of_threads.armed, __ATOMIC_SEQ_CST) == 0 &&
                 __atomic_load_n(&rt.timers_of_threads.receives, __ATOMIC_RELAXED) == 0 && !promote_waits() &&
                 b->nidle == b->nthreads - 1;
    for (struct kthread *k = b->idle; k != NULL; k = k->next_idle)
        alone = alone && k != &b->first;
    if (alone) {
        leaving = b->idle;
        b->idle = NULL;
        b->all = &b->first; /* who still walks the list from one that leaves comes there, too */
        b->nidle = 0;
        b->nthreads = 1;
        b->monitor_on = false;
    }
    lock_drop(&b->lock);
    while (leaving != NULL) {
        struct kthread *next = leaving->next_idle; /* its own from the wake on */
        baton_wake_kthread(leaving, WAKE_LEAVE);
        leaving = next;
    }
    return alone;
}

void alone_count(struct solitude *s)
{
    unsigned long created = __atomic_load_n(&rt.fibers.created, __ATOMIC_RELAXED);
    unsigned long handoffs = __atomic_load_n(&rt.baton.handoffs, __ATOMIC_RELAXED);
    bool alone = __atomic_load_n(&rt.fibers.threads, __ATOMIC_RELAXED) == 1 &&
                 __atomic_load_n(&rt.notify.known, __ATOMIC_RELAXED) == 0;
    if (!alone || created != s->created || handoffs != s->handoffs)
        *s = (struct solitude){.created = created, .handoffs = handoffs, .ticks = alone};
    else
        s->ticks++;
}

bool alone_hurry(void)
{
    return __atomic_load_n(&rt.baton.hurry, __ATOMIC_RELAXED);
}

/* They end a moment after they are told, helpers without work a second after the last. The kernel counts a directory
 * for each thread, and two names for the one that they are in. */
static bool only_one(void)
{
    struct stat tasks;
    lock_take(&rt.baton.lock);
    bool one = rt.baton.nthreads == 1 && !rt.baton.monitor_on;
    lock_drop(&rt.baton.lock);
    return one && (sys(SYS_stat, "/proc/self/task", &tasks) != 0 || tasks.st_nlink <= 3);
}

bool alone_wait(struct fiber *self)
{
    const uint64_t until = clock_after(10 * NS_PER_S);
    bool one = false;
    while (!one && __atomic_load_n(&rt.fibers.threads, __ATOMIC_RELAXED) == 1 && rt.notify.known == 0 &&
           clock_now() < until) {
        struct wait w;
        __atomic_store_n(&rt.baton.hurry, true, __ATOMIC_RELAXED);
        core_enter(self);
        wait_init(&w, self, NULL);
        wait_park(&w, clock_after(2 * NS_PER_MS), 0, "unshare");
        one = only_one(); /* inside the core: no handler comes while the lock is held */
        core_leave(self);
    }
    __atomic_store_n(&rt.baton.hurry, false, __ATOMIC_RELAXED);
    return one;
}
