#include "core/shadow.h"
#include "core/baton.h"
#include "core/method.h"
#include "core/rt.h"
#include "core/task.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

enum {
    ASK_US = 10,  /* in one call for so long, while this thread runs: the kernel is asked whether the carrier waits */
    LOOP_US = 10, /* to go on, in case it does not wait in the loop for longer */
    SPIN_US = 50, /* to run at a stretch, when the carrier has not been found waiting: it runs elsewhere, or shares */
    REST_US = 5,  /* between two looks: this thread did not run at a stretch */
    NAP_US = 1000,
    NAPS = 16, /* without a call by `switch`, until it sleeps */
    SLICE_US = 100,
    AGAIN_TICKS = 4000, /* of the monitor, until it is made again after it has left by itself */
    CROWD_EVERY_MS = 250,
    /* A thread waits for a processor for so much of its time, or the part: others want it. */
    CROWD_MS = 4,
    CROWD_SHARE = 4,
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

static void tell(const struct scene *s)
{
    rt.shadow.owner = s->owner;
    rt.shadow.call = s->call;
    __atomic_store_n(&rt.shadow.alarm, 1, __ATOMIC_SEQ_CST);
    sys_futex_wake(&rt.shadow.alarm, 1);
}

/* It has a table of descriptors of its own, so that the program sees none of those that it needs for a moment, nor do
 * those of the program stay open here. Nothing in it but /proc/self/task; -errno. */
static int own_table(void)
{
    long e = sys(SYS_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE);
    return (int)(e < 0 ? e : sys(SYS_open, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
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

/* The carrier as the kernel sees it, and where this thread is. */
struct view {
    int tasks; /* /proc/self/task */
    int tid, fd;
    int processor;
};

static struct task look(struct view *v, const struct scene *s)
{
    int tid = carrier_of(s);
    if (tid != v->tid) {
        if (v->fd >= 0)
            (void)sys(SYS_close, v->fd);
        v->fd = task_open(v->tasks, tid);
        v->tid = tid;
    }
    return task_look_through(v->fd);
}

static void follow(struct view *v, const struct task *carrier)
{
    int to = carrier->processor;
    cpu_set_t cpus;
    if (to < 0 || to == v->processor || to >= CPU_SETSIZE)
        return;
    v->processor = to;
    CPU_ZERO(&cpus);
    CPU_SET(to, &cpus);
    (void)sys(SYS_sched_setaffinity, 0, sizeof cpus, &cpus);
}

static bool waits(const struct task *t)
{
    return t->state == 'S' || t->state == 'D';
}

/* Whether others want the processors: by how long the carrier has waited for one since it was asked last, or since it
 * began. Where the kernel does not count that, nobody can say so. */
struct crowd {
    int tid;
    uint64_t waited, at; /* ns */
};

static bool crowded(struct crowd *c, int tasks, const struct scene *s)
{
    uint64_t waited, ran, now = clock_now();
    if (c->at != 0 && now - c->at < CROWD_EVERY_MS * NS_PER_MS)
        return false;
    int tid = carrier_of(s);
    if (task_waited(tasks, tid, &waited, &ran) != 0)
        return false;
    bool first = c->at == 0, other = tid != c->tid;
    uint64_t more = waited - (first ? 0 : c->waited), of = first ? waited + ran : now - c->at;
    *c = (struct crowd){tid, waited, now};
    return (first || !other) && more > CROWD_MS * NS_PER_MS && more > of / CROWD_SHARE;
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

static void watch(int tasks)
{
    const struct timespec nap = {0, NAP_US * 1000};
    struct view view = {.tasks = tasks, .fd = -1, .processor = -1};
    struct crowd crowd = {0};
    struct scene last = {0}, seen = scene();
    uint64_t now = 0, before, since = 0, begin = 0;
    unsigned naps = 0;
    bool told = false;
    while (is(SHADOW_AWAKE) && !crowded(&crowd, tasks, &seen)) {
        before = now;
        now = clock_now();
        seen = scene();
        if (now - before > REST_US * 1000)
            begin = now;
        if (!same(&seen, &last)) {
            last = seen;
            since = now;
            told = false;
        }
        if (seen.in_call)
            naps = 0;
        bool ask = seen.in_call && !told && now - since >= ASK_US * 1000;
        if (now - begin >= LOOP_US * 1000 && __atomic_load_n(&rt.loop.blocked, __ATOMIC_RELAXED) != 0) {
            sleep_until_called();
        } else if (ask || now - begin >= SPIN_US * 1000) {
            struct task carrier = look(&view, &seen);
            told = ask && waits(&carrier);
            if (told && __atomic_load_n(&rt.fibers.live, __ATOMIC_RELAXED) > 1) {
                tell(&seen);
                continue;
            }
            follow(&view, &carrier);
            if (naps++ == NAPS)
                sleep_until_called();
            else
                (void)sys(SYS_nanosleep, &nap, NULL);
            told = false;
        }
        for (int i = 0; i < 10; i++)
            __builtin_ia32_pause();
    }
}

static void *shadow(void *unused)
{
    (void)unused;
    int tasks = own_table();
    if (tasks >= 0 && become_idle())
        watch(tasks);
    real_gate_set(REAL_SHADOW, false);
    rt.shadow.ticks = is(SHADOW_LEAVES) ? 0 : AGAIN_TICKS;
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
    if (likely(!method_may_be(METHOD_SWITCH)) || is(SHADOW_AWAKE))
        return;
    if (is(SHADOW_ASLEEP)) { /* the method may have become one that needs it */
        if ((real_gate & REAL_SHADOW) == 0)
            real_gate_set(REAL_SHADOW, true);
    } else if (s->ticks != 0) {
        s->ticks--;
    } else if (turns(SHADOW_NONE, SHADOW_AWAKE)) {
        if (baton_spawn(shadow, NULL, PTHREAD_CREATE_DETACHED) == 0)
            return;
        s->ticks = AGAIN_TICKS;
        __atomic_store_n(&s->state, SHADOW_NONE, __ATOMIC_SEQ_CST);
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
