#include "core/monitor.h"
#include "core/alone.h"
#include "core/enter.h"
#include "core/method.h"
#include "core/notify.h"
#include "core/promote.h"
#include "core/shadow.h"
#include "core/task.h"
#include "core/thread_timer.h"

#include <sys/prctl.h>

enum {
    TICK_US = 1000,
    SUSPECT_S = 1,     /* after a call was found blocked, or was one that asks somebody: see mounts.h */
    QUIET_TICKS = 16,  /* the carrier waits in the loop for so long: the monitor sleeps */
    SLICE_MS = 3,      /* processor time a fiber may take when somebody else could run */
    SHORT_MS = 1,      /* the same for a fiber that is known to compute */
    CROWD_MS = 20,     /* the same when every processor computes already */
    BLIND_TICKS = 5,   /* the kernel cannot be asked (no /proc, no descriptor): who gets no time for so long waits */
    LINGER_TICKS = 50, /* nobody else can run yet: let a spare wait in the loop */
};

struct watch {
    uintptr_t owner;
    unsigned long switches;
    unsigned ticks; /* since the last change of either */
    uint64_t cpu;   /* processor time of the owner's kernel thread then, ns */
    uint64_t last;  /* the same at the last look */
    unsigned quiet;
    uint32_t call; /* the owner's kernel thread's word */
};

static unsigned computing(void)
{
    unsigned n = 0;
    lock_take(&rt.baton.lock);
    for (struct kthread *k = rt.baton.all; k != NULL; k = k->next)
        if (__atomic_load_n(&k->running, __ATOMIC_RELAXED) != NULL && task_look(k->tid).state == 'R')
            n++;
    lock_drop(&rt.baton.lock);
    return n;
}

static bool somebody_waits(void)
{
    return __atomic_load_n(&rt.sched.ready, __ATOMIC_RELAXED) > 0 ||
           __atomic_load_n(&rt.loop.queued, __ATOMIC_RELAXED) != 0 || loop_has_events();
}

static uint32_t call_of(uintptr_t owner)
{
    return __atomic_load_n(&((struct kthread *)(owner & ~(uintptr_t)BATON_IN_CORE))->call, __ATOMIC_RELAXED);
}

static void look(struct watch *w)
{
    uintptr_t owner = __atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE);
    unsigned long switches = __atomic_load_n(&rt.sched.switches, __ATOMIC_RELAXED);
    if (__atomic_load_n(&rt.loop.blocked, __ATOMIC_RELAXED) == 0) /* fibers that keep being ready may run for long */
        __atomic_store_n(&rt.sched.look, true, __ATOMIC_RELAXED);
    if (owner != w->owner || switches != w->switches) {
        *w = (struct watch){.owner = owner, .switches = switches};
        w->call = call_of(owner);
        return;
    }
    if ((owner & BATON_IN_CORE) != 0) {
        w->ticks = 0;
        w->quiet += __atomic_load_n(&rt.loop.blocked, __ATOMIC_RELAXED) != 0;
        return;
    }
    struct kthread *k = (struct kthread *)owner;
    uint32_t call = call_of(owner);
    bool same = call == w->call;
    bool stuck = same && method_in_call(call); /* who would have to run may be a timer's: let somebody look */
    w->call = call;
    uint64_t now = clock_of_thread(k->tid), ran = now - w->last;
    w->last = now;
    if (!same)
        w->ticks = 0;
    else if (w->ticks++ == 0)
        w->cpu = now;
    if (method_is(call, METHOD_NONE))
        return;
    bool others = __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1 || promote_waits() || notify_waits() ||
                  __atomic_load_n(&rt.loop.queued, __ATOMIC_RELAXED) != 0; /* a signal for it, say */
    if (!others || !(stuck || somebody_waits() || w->ticks >= LINGER_TICKS))
        return;
    __atomic_store_n(&rt.sched.spent, switches, __ATOMIC_RELAXED);
    sched_slice_over();
    if (!same) /* its calls on files come and go: at the next it yields */
        return;
    /* Who runs is not asked for its state: that takes a descriptor for a moment, whose number it might want. */
    char state = ran > TICK_US * 1000 / 2 ? 'R' : task_look(k->tid).state;
    uint64_t used = now - w->cpu;
    bool idles = __atomic_load_n(&rt.baton.returned, __ATOMIC_RELAXED) != NULL; /* a processor, for want of the baton */
    uint64_t slice = idles || (k->running != NULL && k->running->computes != 0) ? SHORT_MS : SLICE_MS;
    bool blind = state == '?' && w->ticks >= BLIND_TICKS && used == 0;
    if (state == 'S' || state == 'D' || blind) {
        if (stuck)
            method_found_blocked();
        k->cpu = 0;
        baton_take_over(owner);
    } else if (!rt.config.strict && used >= slice * NS_PER_MS &&
               (used >= CROWD_MS * NS_PER_MS || computing() <= rt.ncpus)) {
        k->cpu = w->cpu;
        baton_take_over(owner);
        signals_left_away(k);
    }
}

/* Of whom the shadow has told that it waits in a call by `switch`. */
static void leave_behind(uintptr_t owner, uint32_t call)
{
    if (owner != __atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE) || call != call_of(owner))
        return;
    method_found_blocked();
    ((struct kthread *)owner)->cpu = 0;
    baton_take_over(owner);
}

static void doze(void)
{
    const uint64_t until = clock_after(TICK_US * 1000);
    uintptr_t owner;
    uint32_t call;
    for (uint64_t now; (now = clock_now()) < until; rt.methods.looks++)
        if (shadow_nap(until - now, &owner, &call))
            leave_behind(owner, call);
}

/* ---- the monitor ---- */

static void calm(void)
{
    uint64_t at = __atomic_load_n(&rt.methods.blocked, __ATOMIC_RELAXED);
    if (unlikely(at != 0) && clock_now() - at > SUSPECT_S * NS_PER_S)
        method_trusts(&rt.methods);
}

static void *monitor(void *unused)
{
    struct watch w = {0};
    struct solitude s = {0};
    (void)unused;
    (void)sys(SYS_prctl, PR_SET_TIMERSLACK, 1); /* the usual slack is as long as its shortest sleep */
    for (;;) {
        if ((alone_long(&s) || alone_hurry()) && alone_dismiss()) {
            shadow_dismiss();
            return NULL;
        }
        bool armed = __atomic_load_n(&rt.timers_of_threads.armed, __ATOMIC_SEQ_CST) != 0;
        if (!armed && w.quiet >= QUIET_TICKS && (s.ticks == 0 || alone_long(&s))) {
            __atomic_store_n(&rt.baton.monitor_word, 0, __ATOMIC_SEQ_CST);
            armed = __atomic_load_n(&rt.timers_of_threads.armed, __ATOMIC_SEQ_CST) != 0;
            if (__atomic_load_n(&rt.loop.blocked, __ATOMIC_SEQ_CST) && !armed)
                sys_futex_wait(&rt.baton.monitor_word, 0, NULL);
            __atomic_store_n(&rt.baton.monitor_word, 1, __ATOMIC_SEQ_CST);
            w.quiet = 0;
        }
        doze();
        look(&w);
        thread_timer_look();
        shadow_mind();
        calm();
        alone_count(&s);
    }
    return NULL;
}

int monitor_make(void)
{
    lock_take(&rt.baton.lock);
    bool on = rt.baton.monitor_on;
    rt.baton.monitor_on = true;
    lock_drop(&rt.baton.lock);
    int e = on ? 0 : baton_spawn(monitor, NULL, PTHREAD_CREATE_DETACHED);
    if (e != 0)
        rt.baton.monitor_on = false;
    return e;
}

void monitor_wake(void)
{
    if (__atomic_load_n(&rt.baton.monitor_word, __ATOMIC_RELAXED) == 0) {
        __atomic_store_n(&rt.baton.monitor_word, 1, __ATOMIC_SEQ_CST);
        sys_futex_wake(&rt.baton.monitor_word, 1);
    }
}
