#include "core/monitor.h"
#include "core/alone.h"
#include "core/enter.h"
#include "core/log.h"
#include "core/notify.h"
#include "core/promote.h"

enum {
    TICK_US = 1000,
    QUIET_TICKS = 16,  /* the carrier waits in the loop for so long: the monitor sleeps */
    SHORT_MS = 1,      /* the same for a fiber that is known to compute */
    SLICE_MS = 3,      /* processor time a fiber may take when somebody else could run */
    CROWD_MS = 20,     /* the same when every processor computes already */
    LINGER_TICKS = 50, /* nobody else can run yet: let a spare wait in the loop */
};

struct watch {
    uintptr_t owner;
    unsigned long switches;
    unsigned ticks; /* since the last change of either */
    uint64_t cpu;   /* processor time of the owner's kernel thread then, ns */
    unsigned quiet;
};

static char state_of(const struct kthread *k)
{
    char path[64], text[512];
    log_text(path, sizeof path, "/proc/self/task/%u/stat", (unsigned long)k->tid);
    long fd = sys(SYS_open, path, 0);
    if (fd < 0)
        return 'R';
    long got = sys(SYS_read, fd, text, sizeof text - 1);
    (void)sys(SYS_close, fd);
    for (long i = got - 3; i > 0; i--)
        if (text[i] == ')')
            return text[i + 2];
    return 'R';
}

static unsigned computing(void)
{
    unsigned n = 0;
    lock_take(&rt.baton.lock);
    for (struct kthread *k = rt.baton.all; k != NULL; k = k->next)
        if (__atomic_load_n(&k->running, __ATOMIC_RELAXED) != NULL && state_of(k) == 'R')
            n++;
    lock_drop(&rt.baton.lock);
    return n;
}

static bool somebody_waits(void)
{
    return __atomic_load_n(&rt.sched.ready, __ATOMIC_RELAXED) > 0 ||
           __atomic_load_n(&rt.loop.todo, __ATOMIC_RELAXED) != 0 || loop_has_events();
}

static void look(struct watch *w)
{
    uintptr_t owner = __atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE);
    unsigned long switches = __atomic_load_n(&rt.sched.switches, __ATOMIC_RELAXED);
    if (owner != w->owner || switches != w->switches) {
        *w = (struct watch){.owner = owner, .switches = switches};
        return;
    }
    if ((owner & BATON_IN_CORE) != 0) {
        w->ticks = 0;
        w->quiet += __atomic_load_n(&rt.loop.blocked, __ATOMIC_RELAXED) != 0;
        return;
    }
    struct kthread *k = (struct kthread *)owner;
    if (w->ticks++ == 0)
        w->cpu = clock_of_thread(k->tid);
    bool others = __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1 || promote_waits() || notify_waits();
    if (!others || !(somebody_waits() || w->ticks >= LINGER_TICKS))
        return;
    __atomic_store_n(&rt.sched.slice_over, 1, __ATOMIC_RELAXED);
    char state = state_of(k);
    uint64_t used = clock_of_thread(k->tid) - w->cpu;
    uint64_t slice = k->running != NULL && k->running->computes != 0 ? SHORT_MS : SLICE_MS;
    if (state == 'S' || state == 'D') {
        k->cpu = 0;
        baton_take_over(owner);
    } else if (!rt.config.strict && used >= slice * NS_PER_MS &&
               (used >= CROWD_MS * NS_PER_MS || computing() <= rt.ncpus)) {
        k->cpu = w->cpu;
        baton_take_over(owner);
    }
}

static void *monitor(void *unused)
{
    struct watch w = {0};
    struct solitude s = {0};
    const struct timespec tick = {0, TICK_US * 1000};
    (void)unused;
    for (;;) {
        if (alone_long(&s) && alone_dismiss())
            return NULL;
        if (w.quiet >= QUIET_TICKS && (s.ticks == 0 || alone_long(&s))) {
            __atomic_store_n(&rt.baton.monitor_word, 0, __ATOMIC_SEQ_CST);
            if (__atomic_load_n(&rt.loop.blocked, __ATOMIC_SEQ_CST))
                sys_futex_wait(&rt.baton.monitor_word, 0, NULL);
            __atomic_store_n(&rt.baton.monitor_word, 1, __ATOMIC_SEQ_CST);
            w.quiet = 0;
        }
        (void)sys(SYS_nanosleep, &tick, NULL);
        look(&w);
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
