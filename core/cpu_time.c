#include "core/cpu_time.h"
#include "core/enter.h"

#include <errno.h>
#include <string.h>

/* ---- ticks ---- */

/* The rate is taken once: a time that has been told must not shrink with a better one. */
static struct {
    uint64_t ticks, ns; /* when we began */
    uint64_t rate;      /* ns a tick, in 1/2^32; 0: not known yet */
} scale;

enum { LEARN_NS = 200000 }; /* so long apart two looks tell it well enough */

static uint64_t rate(void)
{
    uint64_t known = __atomic_load_n(&scale.rate, __ATOMIC_RELAXED), none = 0;
    if (likely(known != 0))
        return known;
    uint64_t ns, ticks;
    do {
        ns = clock_now() - scale.ns;
        ticks = cpu_ticks() - scale.ticks;
    } while (ns < LEARN_NS);
    known = ticks == 0 ? 1 : (uint64_t)(((unsigned __int128)ns << 32) / ticks);
    return __atomic_compare_exchange_n(&scale.rate, &none, known, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED) ? known
                                                                                                             : none;
}

static uint64_t to_ns(uint64_t ticks)
{
    return (uint64_t)(((unsigned __int128)ticks * rate()) >> 32);
}

/* ---- slices ---- */

uint64_t cpu_time_here(void)
{
    struct timespec t = {0, 0};
    (void)sys(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &t);
    return clock_from_timespec(&t);
}

/* What the running slice has had so far: what the kernel's clock has gained beyond short slices, and no more than went
 * by on the wall. */
static uint64_t gained(const struct cpu_slice *s, uint64_t clock, uint64_t now)
{
    uint64_t begun = __atomic_load_n(&s->begun, __ATOMIC_RELAXED);
    uint64_t before = s->base + to_ns(begun - s->origin), wall = to_ns(now - begun);
    uint64_t gain = clock > before ? clock - before : 0;
    wall += wall >> 10; /* the rate is not exact */
    return gain < wall ? gain : wall;
}

static void change(struct cpu_slice *s)
{
    __atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static void changed(struct cpu_slice *s)
{
    __atomic_store_n(&s->seq, s->seq + 1, __ATOMIC_RELEASE);
}

void cpu_time_settle(struct kthread *k, struct fiber *f)
{
    struct cpu_slice *s = &k->slice;
    uint64_t clock = cpu_time_here(), now = cpu_ticks(), gain = gained(s, clock, now);
    change(s);
    if (f != NULL)
        f->cpu.ns += gain;
    s->base = clock;
    s->begun = s->origin = s->looked = now;
    changed(s);
}

void cpu_time_pause(struct kthread *k, struct fiber *f)
{
    if (f != NULL && !cpu_slice_end(&k->slice, &f->cpu))
        cpu_time_settle(k, f);
}

/* What the kernel thread has used meanwhile is not known: nobody's, if the next who asks for a long slice is bounded by
 * its wall. */
void cpu_time_resume(struct kthread *k)
{
    struct cpu_slice *s = &k->slice;
    uint64_t now = cpu_ticks(), idle = now - s->begun;
    if (now - s->looked - idle >= SLICE_DRIFT) {
        cpu_time_settle(k, NULL);
        return;
    }
    change(s);
    s->begun = now;
    s->origin += idle;
    s->looked += idle;
    changed(s);
}

void cpu_time_look(struct kthread *k)
{
    if (cpu_ticks() - k->slice.looked >= SLICE_DRIFT)
        cpu_time_settle(k, k->running);
}

void cpu_time_start(struct kthread *k, struct fiber *main)
{
    if (scale.ticks == 0) {
        scale.ns = clock_now();
        scale.ticks = cpu_ticks();
    }
    uint64_t clock = cpu_time_here(), now = cpu_ticks();
    main->cpu = (struct cpu_time){.ns = clock};
    k->slice = (struct cpu_slice){.begun = now, .base = clock, .origin = now, .looked = now};
}

void cpu_time_promote(struct kthread *k)
{
    __atomic_store_n(&k->slice.base, UINT64_MAX, __ATOMIC_RELAXED); /* it has not begun */
}

void cpu_time_begin_promoted(struct kthread *k)
{
    __atomic_store_n(&k->slice.base, cpu_time_here(), __ATOMIC_RELAXED);
}

/* ---- asking ---- */

/* Never less than before: short slices are guessed until the kernel is asked. */
static uint64_t tell(struct fiber *f, uint64_t ns)
{
    uint64_t told = __atomic_load_n(&f->cpu.told, __ATOMIC_RELAXED);
    while (told < ns && !__atomic_compare_exchange_n(&f->cpu.told, &told, ns, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
    return told < ns ? ns : told;
}

static uint64_t counted(const struct fiber *f)
{
    uint64_t ticks = __atomic_load_n(&f->cpu.ticks, __ATOMIC_ACQUIRE);
    return __atomic_load_n(&f->cpu.ns, __ATOMIC_RELAXED) + to_ns(ticks);
}

static uint64_t of_promoted(struct fiber *f, uint64_t clock)
{
    uint64_t base = __atomic_load_n(&f->kt->slice.base, __ATOMIC_RELAXED);
    return tell(f, counted(f) + (clock > base ? clock - base : 0));
}

static bool runs_on(const struct fiber *f, const struct kthread *k)
{
    return k != NULL && __atomic_load_n(&f->state, __ATOMIC_RELAXED) == FIBER_RUNNING &&
           __atomic_load_n(&k->running, __ATOMIC_RELAXED) == f;
}

uint64_t cpu_time_of(struct fiber *f)
{
    uint64_t ns, begun;
    uint32_t seq;
    struct kthread *k;
    if (f->promoted)
        return of_promoted(f, clock_of_thread(f->kt->tid));
    do {
        k = __atomic_load_n(&f->kt, __ATOMIC_RELAXED);
        if (k == NULL)
            return 0; /* it has not run yet */
        seq = __atomic_load_n(&k->slice.seq, __ATOMIC_ACQUIRE) & ~1u;
        ns = counted(f);
        begun = __atomic_load_n(&k->slice.begun, __ATOMIC_ACQUIRE);
        if (runs_on(f, k)) {
            uint64_t clock = clock_of_thread(k->tid);
            ns += gained(&k->slice, clock, cpu_ticks());
        }
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (seq != __atomic_load_n(&k->slice.seq, __ATOMIC_RELAXED) ||
             begun != __atomic_load_n(&k->slice.begun, __ATOMIC_RELAXED) ||
             k != __atomic_load_n(&f->kt, __ATOMIC_RELAXED));
    return tell(f, ns);
}

uint64_t cpu_time_mine(struct fiber *self, struct fiber *record)
{
    if (self == NULL)
        return of_promoted(record, cpu_time_here());
    struct kthread *k = self->kt;
    k->in_core = true; /* a handler might have it run elsewhere; the baton is not needed, and may be with others */
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    cpu_time_settle(k, self);
    uint64_t ns = tell(self, counted(self));
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    k->in_core = false;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (unlikely(k->deferred | self->sig.due))
        signals_deliver(self);
    return ns;
}

/* ---- usage ---- */

static uint64_t from_timeval(const struct timeval *t)
{
    return (uint64_t)t->tv_sec * NS_PER_S + (uint64_t)t->tv_usec * 1000;
}

static struct timeval to_timeval(uint64_t ns)
{
    return (struct timeval){.tv_sec = (time_t)(ns / NS_PER_S), .tv_usec = (long)(ns % NS_PER_S / 1000)};
}

/* The sum is the fiber's. How much of it was in the kernel is not known of each: as much as of whom `usage` is of. As
 * the kernel does, neither part is ever less than it was. */
static void divide(struct cpu_time *t, uint64_t ns, struct rusage *usage)
{
    uint64_t system = from_timeval(&usage->ru_stime), all = from_timeval(&usage->ru_utime) + system;
    system = all == 0 ? 0 : (uint64_t)((unsigned __int128)ns * system / all);
    if (system < t->system)
        system = t->system;
    if (system > ns - t->user)
        system = ns - t->user;
    t->system = system;
    t->user = ns - system;
    usage->ru_utime = to_timeval(t->user);
    usage->ru_stime = to_timeval(t->system);
}

/* The counts beside the times are the kernel's: of a fiber, those of all threads. */
long cpu_time_usage(struct fiber *self, struct fiber *record, struct rusage *usage)
{
    long r = sys(SYS_getrusage, self != NULL ? RUSAGE_SELF : RUSAGE_THREAD, usage);
    if (r == 0)
        divide(&record->cpu, cpu_time_mine(self, record), usage);
    return r;
}

/* ---- clocks ---- */

struct clock_search {
    clockid_t clock;
    struct fiber *found;
    uint64_t ns;
};

static void find_owner(void *arg)
{
    struct clock_search *s = arg;
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all && s->found == NULL; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (cpu_clock_id(tls_tid(f->fs)) == s->clock)
            s->found = f;
    }
    for (struct list *l = rt.fibers.promoted.next; l != &rt.fibers.promoted && s->found == NULL; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (cpu_clock_id(f->fake_tid) == s->clock || cpu_clock_id(f->kt->tid) == s->clock)
            s->found = f;
    }
}

struct fiber *cpu_clock_owner(struct fiber *self, struct fiber *record, clockid_t clock)
{
    const clockid_t own = cpu_clock_id(0);
    struct clock_search s = {.clock = clock};
    if (clock == CLOCK_THREAD_CPUTIME_ID || clock == own)
        return record;
    if (self != NULL && cpu_clock_id(tls_tid(self->fs)) == clock)
        return self;
    fiber_inside(self, find_owner, &s);
    return s.found;
}

static void read_owner(void *arg)
{
    struct clock_search *s = arg;
    s->ns = cpu_time_of(s->found);
}

bool cpu_clock_read(struct fiber *self, struct fiber *owner, uint64_t *ns)
{
    struct clock_search s = {.found = owner};
    if (owner == fiber_record) {
        *ns = cpu_time_mine(self, owner);
        return true;
    }
    fiber_inside(self, read_owner, &s);
    *ns = s.ns;
    return owner->state != FIBER_DONE && owner->state != FIBER_FREE;
}
