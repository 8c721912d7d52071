#include "core/pool.h"
#include "core/enter.h"
#include "core/promote.h"
#include "shim/real.h"

#include <errno.h>
#include <signal.h>

enum { HELPER_STACK = 512 << 10, IDLE_SECONDS = 1 };

static struct job *take(void)
{
    struct pool *p = &rt.pool;
    struct job *job = p->head;
    if (job != NULL) {
        p->head = job->next;
        if (p->head == NULL)
            p->tail = NULL;
        p->queued--;
    }
    return job;
}

/* A helper at work. */
struct helper {
    bool lost; /* not counted any more */
};

static bool spawn(void);

static void finish(struct job *job);

/* One that was counted could not be made. If it was to be the only one, those who have queued make their calls
 * themselves. */
static void count_one_less(void)
{
    struct job *job = NULL;
    lock_take(&rt.pool.lock);
    if (--rt.pool.threads == 0) {
        job = rt.pool.head;
        rt.pool.head = rt.pool.tail = NULL;
        rt.pool.queued = 0;
    }
    lock_drop(&rt.pool.lock);
    while (job != NULL) {
        struct job *next = job->next;
        job->refused = true;
        finish(job);
        job = next;
    }
}

/* The caller has gone. Inside the core, or all signals blocked. True: no helper has begun with it, and none will. */
static bool take_back(struct job *job)
{
    struct pool *p = &rt.pool;
    struct job *before = NULL, *at;
    bool next = false; /* those that wait have no helper left */
    lock_take(&p->lock);
    for (at = p->head; at != NULL && at != job; at = at->next)
        before = at;
    if (at != NULL) {
        *(before != NULL ? &before->next : &p->head) = job->next;
        if (p->tail == job)
            p->tail = before;
        p->queued--;
    } else if (job->endless && job->helper != NULL && !job->helper->lost) {
        job->helper->lost = true;
        next = p->queued > p->idle;
        p->threads -= !next;
    }
    lock_drop(&p->lock);
    if (next && !spawn())
        count_one_less();
    return at != NULL;
}

static void finish(struct job *job)
{
    /* A caller that is no fiber sleeps on `done`, unless it has given up: then the job is ours to drop. */
    if (!job->fiber) {
        if (__atomic_exchange_n(&job->claimed, 1, __ATOMIC_SEQ_CST) != 0) {
            job->drop(job);
            return;
        }
        __atomic_store_n(&job->done, 1, __ATOMIC_SEQ_CST);
        sys_futex_wake(&job->done, 1);
        return;
    }
    struct job *head = __atomic_load_n(&rt.pool.finished, __ATOMIC_RELAXED);
    do
        job->next = head;
    while (!__atomic_compare_exchange_n(&rt.pool.finished, &head, job, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    loop_kick();
}

static void *helper(void *unused)
{
    struct pool *p = &rt.pool;
    const struct timespec idle = {IDLE_SECONDS, 0};
    struct helper me = {false};
    (void)unused;
    lock_take(&p->lock);
    for (;;) {
        struct job *job = take();
        if (job != NULL) {
            job->helper = &me;
            lock_drop(&p->lock);
            uint64_t before = cpu_time_here();
            job->run(job);
            job->cpu = cpu_time_here() - before;
            lock_take(&p->lock);
            job->helper = NULL;
            bool again = !me.lost; /* for the next job, which may come before this one's end is told */
            p->idle += again;
            lock_drop(&p->lock);
            finish(job);
            lock_take(&p->lock);
            p->idle -= again;
            continue;
        }
        if (me.lost)
            break;
        if (p->threads > rt.config.pool_size)
            break;
        uint32_t seen = p->signal;
        p->idle++;
        lock_drop(&p->lock);
        long r = sys_futex_wait(&p->signal, seen, &idle);
        lock_take(&p->lock);
        p->idle--;
        if (r == -ETIMEDOUT && p->head == NULL)
            break;
    }
    if (!me.lost)
        p->threads--;
    lock_drop(&p->lock);
    return NULL;
}

static bool spawn(void)
{
    uint64_t all = ALL_SIGNALS, old;
    pthread_attr_t attr;
    pthread_t thread;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof all);
    real.pthread_attr_init(&attr);
    real.pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    real.pthread_attr_setstacksize(&attr, HELPER_STACK + tls_room());
    int e = real.pthread_create(&thread, &attr, helper, NULL);
    real.pthread_attr_destroy(&attr);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    return e == 0;
}

/* Queues for an idle helper or a new one; false: there is none and the limit is reached. Who has a limit of his own
 * then waits until some helper is done: made by himself the call could not be ended. All signals are blocked. */
static bool enqueue(struct job *job, bool bounded)
{
    struct pool *p = &rt.pool;
    lock_take(&p->lock);
    bool grow = p->queued >= p->idle;
    if (grow && p->threads >= rt.config.pool_size) {
        if (!bounded || p->threads == 0) {
            lock_drop(&p->lock);
            return false;
        }
        grow = false;
    }
    job->next = NULL;
    if (p->tail != NULL)
        p->tail->next = job;
    else
        p->head = job;
    p->tail = job;
    p->queued++;
    __atomic_fetch_add(&p->signal, 1, __ATOMIC_SEQ_CST);
    if (grow && ++p->threads > p->most)
        p->most = p->threads;
    lock_drop(&p->lock);
    sys_futex_wake(&p->signal, 1);
    if (grow && !spawn())
        count_one_less();
    return true;
}

/* Outside the core a handler may come, and submit, too: not while this holds the lock. */
static bool submit(struct job *job, bool bounded)
{
    uint64_t all = ALL_SIGNALS, old;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof all);
    bool queued = enqueue(job, bounded);
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    return queued;
}

/* True: the job is the pool's to drop, or has been dropped. Until it is claimed it is the caller's. */
static bool leave_foreign(struct job *job)
{
    uint64_t all = ALL_SIGNALS, old;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &old, sizeof all);
    bool left = take_back(job);
    if (left)
        job->drop(job);
    else
        left = __atomic_exchange_n(&job->claimed, 1, __ATOMIC_SEQ_CST) == 0;
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, sizeof old);
    return left;
}

/* Without a fiber: a handler ends the wait as it would end the call itself. */
static int wait_foreign(struct job *job, uint64_t deadline, int flags)
{
    long r = 0;
    while (!__atomic_load_n(&job->done, __ATOMIC_SEQ_CST)) {
        uint64_t now = clock_now();
        struct timespec left = clock_to_timespec(now < deadline ? deadline - now : 0);
        if (r == -EINTR && (flags & WAIT_INTR) != 0 && !signals_all_restart() && leave_foreign(job))
            return -EINTR;
        if (now < deadline)
            r = sys_futex_wait(&job->done, 0, deadline == CLOCK_NEVER ? NULL : &left);
        else if (leave_foreign(job))
            return -ETIMEDOUT;
    }
    return job->refused ? -E_AGAIN : 0;
}

struct pool_wait {
    struct wait wait;
    struct job *job;
};

static void abandon(struct wait *wait)
{
    struct pool_wait *w = container_of(wait, struct pool_wait, wait);
    struct job *job = w->job;
    job->waiter = NULL;
    if (rt.pool.most == 0) /* in a fork's child nobody else has it */
        return;
    w->job = NULL;
    if (take_back(job))
        job->drop(job);
}

static int run_here(struct fiber *self, struct job *job, const char *call)
{
    if (self != NULL)
        baton_away(self, call);
    job->run(job);
    if (self != NULL)
        baton_back(self);
    return 0;
}

int pool_run(struct fiber *self, struct job *job, uint64_t deadline, int flags, const char *call)
{
    job->done = job->claimed = 0;
    job->helper = NULL;
    job->waiter = NULL;
    job->fiber = self != NULL;
    job->refused = false;
    if (self == NULL) {
        /* A helper would have the ids and namespaces of who made it, and work with those of others. */
        bool queued = promote_record() == NULL && submit(job, deadline != CLOCK_NEVER);
        int r = queued ? wait_foreign(job, deadline, flags) : -E_AGAIN;
        return r == -E_AGAIN ? run_here(self, job, call) : r;
    }
    struct pool_wait w = {.job = job};
    wait_init(&w.wait, self, abandon);
    w.wait.first = job->first;
    job->waiter = &w.wait;
    if (!submit(job, deadline != CLOCK_NEVER || self->deadline != 0))
        return run_here(self, job, call);
    core_enter(self);
    int r = wait_park(&w.wait, deadline, flags, call);
    core_leave(self);
    if (r == -E_AGAIN)
        return w.job != NULL ? run_here(self, job, call) : -EINTR;
    return r;
}

void pool_drain(void)
{
    struct job *job = __atomic_exchange_n(&rt.pool.finished, NULL, __ATOMIC_SEQ_CST);
    while (job != NULL) {
        struct job *next = job->next;
        if (job->waiter != NULL) {
            job->waiter->fiber->cpu.ns += job->cpu;
            if (job->refused)
                job->waiter->unlink = NULL; /* it keeps its job, to make the call itself */
            wait_wake(job->waiter, job->refused ? -E_AGAIN : 0);
        } else {
            job->drop(job);
        }
        job = next;
    }
}

unsigned pool_limit(void)
{
    return __atomic_load_n(&rt.config.pool_size, __ATOMIC_RELAXED);
}

/* Outside the core, under the lock, signals blocked: see lock.h. */
void pool_set_limit(unsigned limit)
{
    struct pool *p = &rt.pool;
    uint64_t all = ALL_SIGNALS, mask;
    (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    lock_take(&p->lock);
    __atomic_store_n(&rt.config.pool_size, limit, __ATOMIC_RELAXED);
    __atomic_fetch_add(&p->signal, 1, __ATOMIC_SEQ_CST);
    lock_drop(&p->lock);
    sys_futex_wake(&p->signal, POOL_MOST); /* who is idle looks whether it is one too many */
    (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

unsigned pool_threads(void)
{
    return __atomic_load_n(&rt.pool.threads, __ATOMIC_RELAXED);
}

unsigned pool_idle(void)
{
    return __atomic_load_n(&rt.pool.idle, __ATOMIC_RELAXED);
}

void pool_forked(void)
{
    rt.pool = (struct pool){.head = NULL};
}
