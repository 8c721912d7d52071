#include "core/thread_timer.h"
#include "core/enter.h"
#include "core/mem.h"
#include "core/monitor.h"
#include "core/pending.h"
#include "shim/real.h"

#include <errno.h>

struct thread_timer {
    struct thread_timer *next;
    bool used;
    timer_t id;
    struct fiber *owner, *target; /* either may have ended, and be another thread by now: */
    int owner_tid, target_tid;
    uint64_t at, interval; /* on the owner's clock, ns; at 0: not armed */
};

/* ---- the list ---- */

static uint64_t take(void)
{
    const uint64_t all = ALL_SIGNALS;
    uint64_t mask;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    lock_take(&rt.timers_of_threads.lock);
    return mask;
}

static void drop(uint64_t mask)
{
    lock_drop(&rt.timers_of_threads.lock);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

static struct thread_timer *find(timer_t id)
{
    struct thread_timer *t = rt.timers_of_threads.all;
    while (t != NULL && !(t->used && t->id == id))
        t = t->next;
    return t;
}

static struct thread_timer *find_free(void)
{
    struct thread_timers *s = &rt.timers_of_threads;
    struct thread_timer *t = s->all;
    while (t != NULL && t->used)
        t = t->next;
    if (t != NULL)
        return t;
    enum { PAGE = 4096, MANY = PAGE / sizeof *t };
    struct thread_timer *more = mem_map(PAGE);
    for (unsigned i = 0; more != NULL && i < MANY; i++) {
        more[i].next = s->all;
        s->all = &more[i];
    }
    return more != NULL ? s->all : NULL;
}

static int tid_of(const struct fiber *f)
{
    return f == NULL ? 0 : f->promoted ? f->fake_tid : tls_tid(f->fs);
}

static bool is_still(const struct fiber *f, int tid)
{
    return f != NULL && f->state != FIBER_DONE && f->state != FIBER_FREE && tid_of(f) == tid;
}

static void arm(struct thread_timer *t, uint64_t at)
{
    if (at != 0 && t->at == 0)
        __atomic_fetch_add(&rt.timers_of_threads.armed, 1, __ATOMIC_SEQ_CST);
    else if (at == 0 && t->at != 0)
        __atomic_fetch_sub(&rt.timers_of_threads.armed, 1, __ATOMIC_SEQ_CST);
    t->at = at;
}

bool thread_timer_add(timer_t id, struct fiber *owner, struct fiber *target)
{
    uint64_t mask = take();
    struct thread_timer *t = find_free();
    if (t != NULL) {
        t->id = id;
        t->owner = owner;
        t->target = target;
        t->owner_tid = tid_of(owner);
        t->target_tid = tid_of(target);
        t->at = t->interval = 0;
        t->used = true;
        __atomic_fetch_add(&rt.timers_of_threads.known, 1, __ATOMIC_SEQ_CST);
    }
    drop(mask);
    return t != NULL;
}

void thread_timer_remove(timer_t id)
{
    uint64_t mask = take();
    struct thread_timer *t = find(id);
    bool receives = t != NULL && t->target != NULL;
    if (t != NULL) {
        arm(t, 0);
        t->used = false;
        __atomic_fetch_sub(&rt.timers_of_threads.known, 1, __ATOMIC_SEQ_CST);
    }
    drop(mask);
    if (receives)
        thread_timer_release();
}

/* ---- on processor time ---- */

struct fiber *thread_timer_owner(timer_t id)
{
    uint64_t mask = take();
    const struct thread_timer *t = find(id);
    struct fiber *owner = t != NULL && is_still(t->owner, t->owner_tid) ? t->owner : NULL;
    drop(mask);
    return owner;
}

bool thread_timer_known(timer_t id)
{
    uint64_t mask = take();
    const struct thread_timer *t = find(id);
    bool known = t != NULL && t->owner != NULL;
    drop(mask);
    return known;
}

/* One that is due has a ns left, as the kernel says it. */
static void tell(const struct thread_timer *t, uint64_t now, struct itimerspec *left)
{
    uint64_t rest = t->at == 0 ? 0 : t->at > now ? t->at - now : 1;
    *left = (struct itimerspec){.it_value = clock_to_timespec(rest), .it_interval = clock_to_timespec(t->interval)};
}

static bool valid(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

static void keep_monitor(void *error)
{
    *(int *)error = monitor_make();
}

long thread_timer_set(timer_t id, uint64_t now, int flags, const struct itimerspec *want, struct itimerspec *old)
{
    if (!valid(&want->it_value) || !valid(&want->it_interval))
        return -EINVAL;
    const struct itimerspec off = {.it_value = {0, 0}};
    uint64_t value = clock_from_timespec(&want->it_value);
    uint64_t mask = take();
    struct thread_timer *t = find(id);
    bool alive = t != NULL && is_still(t->owner, t->owner_tid);
    if (alive) {
        if (old != NULL)
            tell(t, now, old);
        real.timer_settime(id, 0, &off, NULL); /* it may be about to fire */
        t->interval = clock_from_timespec(&want->it_interval);
        arm(t, value == 0 || (flags & TIMER_ABSTIME) != 0 ? value : now + value);
    }
    drop(mask);
    if (!alive)
        return -ESRCH;
    int e = 0;
    if (value != 0) /* inside the core: no handler may come while the lock of the baton is held */
        fiber_inside(fiber_self, keep_monitor, &e);
    if (e != 0)
        return -EAGAIN;
    monitor_wake();
    return 0;
}

void thread_timer_get(timer_t id, uint64_t now, struct itimerspec *left)
{
    uint64_t mask = take();
    const struct thread_timer *t = find(id);
    *left = (struct itimerspec){.it_value = {0, 0}}; /* as of a thread that has ended */
    if (t != NULL && is_still(t->owner, t->owner_tid))
        tell(t, now, left);
    drop(mask);
}

static void look_at(struct thread_timer *t)
{
    const struct itimerspec at_once = {.it_value = {0, 1}};
    uint64_t now = is_still(t->owner, t->owner_tid) ? cpu_time_of(t->owner) : 0;
    if (now < t->at)
        return;
    real.timer_settime(t->id, 0, &at_once, NULL);
    uint64_t missed = t->interval == 0 ? 0 : (now - t->at) / t->interval;
    arm(t, t->interval == 0 ? 0 : t->at + (missed + 1) * t->interval);
}

void thread_timer_look(void)
{
    struct thread_timers *s = &rt.timers_of_threads;
    if (likely(__atomic_load_n(&s->armed, __ATOMIC_RELAXED) == 0))
        return;
    lock_take(&s->lock);
    for (struct thread_timer *t = s->all; t != NULL; t = t->next)
        if (t->used && t->at != 0)
            look_at(t);
    lock_drop(&s->lock);
}

/* ---- for a fiber ---- */

/* Nobody has a handler, and the fiber does not block it: as the kernel, which ends or stops all of us, or nobody. */
static bool default_takes(const struct fiber *f, int sig)
{
    const struct sigaction *act = &rt.signals.acts[sig];
    if (has_handler(sig) || blocks(f, sig) || (f->sig.waited & signal_bit(sig)) != 0)
        return false;
    if (act->sa_handler == SIG_DFL && !ignored_by_default(sig))
        (void)sys(SYS_kill, sys_getpid(), sig);
    return true;
}

static void give(const siginfo_t *info)
{
    lock_take(&rt.timers_of_threads.lock);
    const struct thread_timer *t = find((timer_t)(long)info->si_timerid);
    struct fiber *f = t != NULL && is_still(t->target, t->target_tid) ? t->target : NULL;
    lock_drop(&rt.timers_of_threads.lock);
    if (f == NULL || default_takes(f, info->si_signo))
        return;
    signals_arrive(pending_take(info->si_signo, info, f));
    loop_kick();
    monitor_wake(); /* it may compute for long */
}

/* It leaves when nobody needs it: for some calls a process must have one kernel thread. */
static bool leaves(void)
{
    struct thread_timers *s = &rt.timers_of_threads;
    lock_take(&s->lock);
    bool idle = s->receives == 0;
    if (idle)
        s->receiver = 0;
    lock_drop(&s->lock);
    return idle;
}

static void *receive(void *unused)
{
    const uint64_t set = ALL_SIGNALS & ~(1ull << 31); /* libc's two are none of the program's */
    (void)unused;
    __atomic_store_n(&rt.timers_of_threads.receiver, sys_gettid(), __ATOMIC_RELEASE);
    sys_futex_wake(&rt.timers_of_threads.receiver, 1);
    for (;;) {
        siginfo_t info;
        long r = sys(SYS_rt_sigtimedwait, &set, &info, NULL, sizeof set);
        if (r > 0 && info.si_code == SI_TIMER)
            give(&info);
        else if (leaves())
            return NULL;
    }
}

int thread_timer_receiver(void)
{
    struct thread_timers *s = &rt.timers_of_threads;
    uint64_t mask = take();
    bool made = s->receiver != 0;
    if (!made && baton_spawn(receive, NULL, PTHREAD_CREATE_DETACHED) == 0) {
        while (__atomic_load_n(&s->receiver, __ATOMIC_ACQUIRE) == 0)
            sys_futex_wait(&s->receiver, 0, NULL);
        made = true;
    }
    s->receives += made;
    int tid = s->receiver;
    drop(mask);
    int e;
    if (made) /* who is signalled may compute: see give */
        fiber_inside(fiber_self, keep_monitor, &e);
    return tid;
}

void thread_timer_release(void)
{
    struct thread_timers *s = &rt.timers_of_threads;
    uint64_t mask = take();
    if (--s->receives == 0)
        (void)sys(SYS_tgkill, sys_getpid(), s->receiver, SIGURG);
    drop(mask);
}

/* Timers are not inherited. */
void thread_timer_forked(void)
{
    struct thread_timers *s = &rt.timers_of_threads;
    for (struct thread_timer *t = s->all; t != NULL; t = t->next)
        t->used = false;
    *s = (struct thread_timers){.all = s->all};
}
