#include "core/shadow.h"
#include "core/baton.h"
#include "core/method.h"
#include "core/rt.h"
#include "core/task.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

enum {
    ASK_US = 10,  /* in one call for so long, while this thread runs: the kernel is asked whether the carrier waits */
    LOOP_US = 10, /* to go on, in case it does not wait in the loop for longer */
    SPIN_US = 50, /* to run at a stretch, when the carrier has not been found waiting: it runs elsewhere, or shares */
    REST_US = 5,  /* between two looks: this thread did not run at a stretch */
    NAP_US = 1000,
    NAPS = 16,  /* without a call by `switch`, until it sleeps */
    FOLLOW = 4, /* naps, until it looks where the carrier is even if nothing says that it is elsewhere */
    SLICE_US = 100,
    /* The monitor's ticks. */
    CROWD_TICKS = 250,
    AGAIN_TICKS = 4000,
    /* A thread waits for a processor for so much of its time, or the part: others want it. */
    CROWD_MS = 4,
    CROWD_SHARE = 16,
};

static bool is(uint32_t state)
{
    return __atomic_load_n(&rt.shadow.state, __ATOMIC_SEQ_CST) == state;
}

static bool turns(uint32_t from, uint32_t to)
{
    return __atomic_compare_exchange_n(&rt.shadow.state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* ---- the thread ---- */

struct scene {
    uintptr_t owner;
    uint32_t call;
    bool in_call; /* by `switch` */
};

static struct scene scene(void)
{
    uintptr_t owner = __atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE);
    struct kthread *k = (struct kthread *)(owner & ~(uintptr_t)BATON_IN_CORE);
    uint32_t call = __atomic_load_n(&k->call, __ATOMIC_RELAXED);
    return (struct scene){owner, call, (owner & BATON_IN_CORE) == 0 && method_is(call, METHOD_SWITCH)};
}

static bool same(const struct scene *a, const struct scene *b)
{
    return a->owner == b->owner && a->call == b->call;
}

static int carrier_of(const struct scene *s)
{
    return ((struct kthread *)(s->owner & ~(uintptr_t)BATON_IN_CORE))->tid;
}

static void tell_if_it_waits(const struct scene *s)
{
    char state = task_look(carrier_of(s)).state;
    if (state != 'S' && state != 'D')
        return;
    rt.shadow.owner = s->owner;
    rt.shadow.call = s->call;
    __atomic_store_n(&rt.shadow.alarm, 1, __ATOMIC_SEQ_CST);
    sys_futex_wake(&rt.shadow.alarm, 1);
}

/* A slice that is short lets the kernel choose it sooner where the processor is wanted: its death is waited for. */
static bool become_idle(void)
{
    const struct {
        uint32_t size, policy;
        uint64_t flags;
        int32_t nice;
        uint32_t priority;
        uint64_t runtime, deadline, period;
    } idle = {.size = 48, .policy = SCHED_IDLE, .runtime = SLICE_US * 1000};
    (void)sys(SYS_prctl, PR_SET_TIMERSLACK, 1);
    return sys(SYS_sched_setattr, 0, &idle, 0) == 0;
}

static void follow(const struct scene *s, int *processor)
{
    int now = task_look(carrier_of(s)).processor;
    cpu_set_t cpus;
    if (now < 0 || now == *processor || now >= CPU_SETSIZE)
        return;
    *processor = now;
    CPU_ZERO(&cpus);
    CPU_SET(now, &cpus);
    (void)sys(SYS_sched_setaffinity, 0, sizeof cpus, &cpus);
}

static void sleep_until_called(void)
{
    if (!turns(SHADOW_AWAKE, SHADOW_ASLEEP))
        return;
    real_gate_set(REAL_SHADOW, method_may_be(METHOD_SWITCH));
    if (scene().in_call) /* it began before it could see that */
        turns(SHADOW_ASLEEP, SHADOW_AWAKE);
    while (is(SHADOW_ASLEEP))
        sys_futex_wait(&rt.shadow.state, SHADOW_ASLEEP, NULL);
    real_gate_set(REAL_SHADOW, false);
}

static void watch(void)
{
    const struct timespec nap = {0, NAP_US * 1000};
    struct scene last = {0}, seen;
    uint64_t now = 0, before, since = 0, begin = 0;
    unsigned naps = 0, all = 0;
    int processor = -1;
    bool asked = false, moved = true;
    while (is(SHADOW_AWAKE)) {
        before = now;
        now = clock_now();
        seen = scene();
        if (!same(&seen, &last)) {
            last = seen;
            moved = true; /* while this thread ran, if at a stretch: it is not where the carrier is */
            since = now;
            asked = false;
        }
        if (now - before > REST_US * 1000) {
            begin = now;
            moved = false;
        }
        if (seen.in_call)
            naps = 0;
        if (seen.in_call && !asked && now - since >= ASK_US * 1000 &&
            __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1) {
            tell_if_it_waits(&seen);
            asked = true;
        } else if (now - begin >= LOOP_US * 1000 && __atomic_load_n(&rt.loop.blocked, __ATOMIC_RELAXED) != 0) {
            sleep_until_called();
        } else if (now - begin >= SPIN_US * 1000) {
            if (moved || all++ % FOLLOW == 0)
                follow(&seen, &processor);
            if (naps++ == NAPS)
                sleep_until_called();
            else
                (void)sys(SYS_nanosleep, &nap, NULL);
            asked = false;
        }
        for (int i = 0; i < 10; i++)
            __builtin_ia32_pause();
    }
}

static void *shadow(void *unused)
{
    (void)unused;
    if (become_idle())
        watch();
    real_gate_set(REAL_SHADOW, false);
    __atomic_store_n(&rt.shadow.state, SHADOW_NONE, __ATOMIC_SEQ_CST);
    return NULL;
}

/* ---- for others ---- */

void shadow_wake(void)
{
    if (!turns(SHADOW_ASLEEP, SHADOW_AWAKE))
        return;
    real_gate_set(REAL_SHADOW, false);
    sys_futex_wake(&rt.shadow.state, 1);
}

/* Since it was asked last, or since the thread began. Where the kernel does not count that, nobody can say so. */
static bool crowded(struct shadow *s)
{
    int tid = ((struct kthread *)(__atomic_load_n(&rt.baton.owner, __ATOMIC_RELAXED) & ~(uintptr_t)BATON_IN_CORE))->tid;
    uint64_t waited, ran, now = clock_now();
    if (task_waited(tid, &waited, &ran) != 0)
        return false;
    bool again = tid == s->tid;
    uint64_t more = again ? waited - s->waited : waited, of = again ? now - s->at : waited + ran;
    s->tid = tid;
    s->waited = waited;
    s->at = now;
    return more > CROWD_MS * NS_PER_MS && more > of / CROWD_SHARE;
}

void shadow_dismiss(void)
{
    uint32_t was = __atomic_load_n(&rt.shadow.state, __ATOMIC_RELAXED);
    while (was != SHADOW_NONE && was != SHADOW_LEAVES && !turns(was, SHADOW_LEAVES))
        was = __atomic_load_n(&rt.shadow.state, __ATOMIC_RELAXED);
    sys_futex_wake(&rt.shadow.state, 1);
}

void shadow_mind(void)
{
    struct shadow *s = &rt.shadow;
    if (likely(s->state == SHADOW_NONE && !method_may_be(METHOD_SWITCH)))
        return;
    if (s->ticks != 0 && --s->ticks != 0)
        return;
    bool crowd = crowded(s);
    s->ticks = crowd ? AGAIN_TICKS : CROWD_TICKS;
    if (crowd) {
        shadow_dismiss();
    } else if (is(SHADOW_NONE)) {
        __atomic_store_n(&s->state, SHADOW_AWAKE, __ATOMIC_SEQ_CST);
        if (baton_spawn(shadow, NULL, PTHREAD_CREATE_DETACHED) != 0)
            __atomic_store_n(&s->state, SHADOW_NONE, __ATOMIC_SEQ_CST);
    } else if (is(SHADOW_ASLEEP) && method_may_be(METHOD_SWITCH)) { /* the method may have become one that needs it */
        real_gate_set(REAL_SHADOW, true);
    }
}

bool shadow_nap(uint64_t ns, uintptr_t *owner, uint32_t *call)
{
    const struct timespec t = {0, (long)ns};
    sys_futex_wait(&rt.shadow.alarm, 0, &t);
    if (likely(__atomic_exchange_n(&rt.shadow.alarm, 0, __ATOMIC_SEQ_CST) == 0))
        return false;
    *owner = rt.shadow.owner;
    *call = rt.shadow.call;
    return true;
}
