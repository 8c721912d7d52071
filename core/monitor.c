#include "core/monitor.h"
#include "core/alone.h"
#include "core/enter.h"
#include "core/log.h"
#include "core/method.h"
#include "core/notify.h"
#include "core/promote.h"
#include "core/thread_timer.h"

#include <sys/prctl.h>

enum {
    TICK_US = 1000,
    CLOSE_US = 25,     /* to sleep between looks at calls by switch while they are found blocked */
    WARM_US = 200,     /* while they are not, at best */
    LOOK_CALLS = 64,   /* a look is paid for by so many calls then */
    CREDIT_LOOKS = 8,  /* looks that may be saved up, or owed */
    CLOSE_TICKS = 16,  /* after the last call by switch */
    CLOSE_MS = 100,    /* after a call was found blocked */
    SUSPECT_S = 1,     /* after a call was found blocked, or was one that asks somebody: see mounts.h */
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
    uint32_t call; /* the owner's kernel thread's word */
};

/* "TID (name) S numbers...": the name has up to 15 letters, a parenthesis may be one of them. */
static char state_of(const struct kthread *k)
{
    static char path[64];
    static int named; /* by path: as a rule it is the same again */
    char text[48];
    if (named != k->tid)
        log_text(path, sizeof path, "/proc/self/task/%u/stat", (unsigned long)k->tid);
    named = k->tid;
    long fd = sys(SYS_open, path, 0);
    if (fd < 0)
        return 'R';
    long got = sys(SYS_read, fd, text, sizeof text);
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
    if (!same)
        w->ticks = 0;
    else if (w->ticks++ == 0)
        w->cpu = clock_of_thread(k->tid);
    if (method_is(call, METHOD_NONE))
        return;
    bool others = __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1 || promote_waits() || notify_waits();
    if (!others || !(stuck || somebody_waits() || w->ticks >= LINGER_TICKS))
        return;
    sched_slice_over();
    if (!same) /* its calls on files come and go: at the next it yields */
        return;
    char state = state_of(k);
    uint64_t used = clock_of_thread(k->tid) - w->cpu;
    uint64_t slice = k->running != NULL && k->running->computes != 0 ? SHORT_MS : SLICE_MS;
    if (state == 'S' || state == 'D') {
        if (stuck)
            method_found_blocked();
        k->cpu = 0;
        baton_take_over(owner);
    } else if (!rt.config.strict && used >= slice * NS_PER_MS &&
               (used >= CROWD_MS * NS_PER_MS || computing() <= rt.ncpus)) {
        k->cpu = w->cpu;
        baton_take_over(owner);
    }
}

/* ---- calls by switch ---- */

/* How calls by switch are watched. While calls are found blocked, who waits in one is left behind at the first look. A
 * warm program shall not pay for that: there looks are rarer, for each costs some 10 us of a processor, they are paid
 * for by calls that have come and gone since the look before, and only who is in the same call at two is asked whether
 * it waits. */
struct close_watch {
    uintptr_t owner;
    uint32_t call;
    bool in_call;     /* by switch, as of the last look */
    int credit;       /* calls */
    unsigned us;      /* until the next look */
    unsigned ticks;   /* left of looking closely at all */
    uint64_t blocked; /* ns, when the last call was found blocked */
};

static unsigned longer(unsigned us)
{
    return us < TICK_US ? us * 2 : us;
}

static bool blocked_lately(const struct close_watch *c)
{
    return c->blocked != 0 && clock_now() - c->blocked < CLOSE_MS * NS_PER_MS;
}

/* The time until the next look, while none is found blocked. */
static void earn(struct close_watch *c, unsigned calls)
{
    const int most = CREDIT_LOOKS * LOOK_CALLS;
    c->credit += (calls < (unsigned)most ? (int)calls : most) - LOOK_CALLS;
    if (c->credit > most)
        c->credit = most;
    if (c->credit < -most)
        c->credit = -most;
    if (c->credit >= 0 || c->us < WARM_US)
        c->us = WARM_US;
    else
        c->us = longer(c->us);
}

static void judge(struct close_watch *c)
{
    struct kthread *k = (struct kthread *)c->owner;
    char state = state_of(k);
    if ((state == 'S' || state == 'D') && __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1) {
        method_found_blocked();
        c->blocked = clock_now();
        k->cpu = 0;
        baton_take_over(c->owner);
    }
}

static void look_closely(struct close_watch *c)
{
    uintptr_t owner = __atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE);
    uint32_t call = call_of(owner);
    unsigned calls = owner == c->owner ? method_calls(c->call, call) : 0;
    bool same = c->in_call && owner == c->owner && call == c->call;
    c->owner = owner;
    c->call = call;
    c->in_call = method_is(call, METHOD_SWITCH) && (owner & BATON_IN_CORE) == 0;
    if (calls != 0)
        c->ticks = CLOSE_TICKS;
    bool lately = blocked_lately(c);
    if (lately)
        c->us = same ? longer(c->us) : CLOSE_US; /* the same: it computes there */
    else
        earn(c, calls);
    if (same || (c->in_call && lately))
        judge(c);
}

static void nap(uint64_t ns)
{
    const struct timespec t = {0, (long)ns};
    (void)sys(SYS_nanosleep, &t, NULL);
    rt.methods.looks++;
}

/* A tick, in pieces while calls are made by switch. */
static void doze(struct close_watch *c)
{
    const uint64_t tick = TICK_US * 1000;
    if (!method_may_be(METHOD_SWITCH)) {
        nap(tick);
        return;
    }
    uint64_t begin = clock_now(), gone = 0;
    while (c->ticks != 0 && gone < tick) {
        uint64_t piece = c->us * 1000ul;
        if (gone + piece > tick)
            break;
        nap(piece);
        look_closely(c);
        gone = clock_now() - begin;
    }
    if (gone < tick)
        nap(tick - gone);
    c->ticks -= c->ticks != 0;
    look_closely(c);
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
    struct close_watch c = {.us = WARM_US};
    (void)unused;
    (void)sys(SYS_prctl, PR_SET_TIMERSLACK, 1); /* the usual slack is as long as its shortest sleep */
    for (;;) {
        if ((alone_long(&s) || alone_hurry()) && alone_dismiss())
            return NULL;
        bool armed = __atomic_load_n(&rt.timers_of_threads.armed, __ATOMIC_SEQ_CST) != 0;
        if (!armed && w.quiet >= QUIET_TICKS && (s.ticks == 0 || alone_long(&s))) {
            __atomic_store_n(&rt.baton.monitor_word, 0, __ATOMIC_SEQ_CST);
            if (__atomic_load_n(&rt.loop.blocked, __ATOMIC_SEQ_CST))
                sys_futex_wait(&rt.baton.monitor_word, 0, NULL);
            __atomic_store_n(&rt.baton.monitor_word, 1, __ATOMIC_SEQ_CST);
            w.quiet = 0;
        }
        doze(&c);
        look(&w);
        thread_timer_look();
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
