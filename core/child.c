#include "core/child.h"
#include "core/cancel.h"
#include "core/enter.h"
#include "core/io.h"
#include "core/promote.h"
#include "shim/real.h"

#include <errno.h>
#include <poll.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int waiting;
static bool traced;

void child_traced(void)
{
    __atomic_store_n(&traced, true, __ATOMIC_RELAXED);
}

int child_wait_count(void)
{
    return __atomic_load_n(&waiting, __ATOMIC_RELAXED);
}

/* A helper that sleeps until some child has something to report, and leaves it there. */
struct watch {
    struct job job;
    idtype_t type;
    id_t id;
    int options;
};

static void watch_run(struct job *job)
{
    const struct watch *w = container_of(job, struct watch, job);
    siginfo_t info;
    (void)sys(SYS_waitid, w->type, w->id, &info, (w->options & ~WNOHANG) | WNOWAIT, NULL);
}

static void watch_drop(struct job *job)
{
    real.free(container_of(job, struct watch, job));
}

static int wait_any(struct fiber *self, idtype_t type, id_t id, int options, uint64_t at, struct wait_first *first)
{
    struct watch *w = real.malloc(sizeof *w);
    if (w == NULL)
        return -ENOMEM;
    *w = (struct watch){{.run = watch_run, .drop = watch_drop, .first = first, .endless = true}, type, id, options};
    int r = pool_run(self, &w->job, at, WAIT_CANCEL | WAIT_INTR, "wait");
    if (r == 0)
        real.free(w);
    return r;
}

/* A process that only ends is watched through a descriptor. -ENOSYS: not here. */
static int wait_pidfd(struct fiber *self, pid_t pid, uint64_t at, struct wait_first *first)
{
    if (!feature_on(FEATURE_PIDFD) || __atomic_load_n(&traced, __ATOMIC_RELAXED))
        return -ENOSYS;
    long fd = sys(SYS_pidfd_open, pid, 0);
    if (fd == -ENOSYS || fd == -EPERM)
        feature_off(FEATURE_PIDFD);
    if (fd < 0)
        return -ENOSYS;
    int own = loop_own_fd((int)fd);
    if (own < 0)
        return -ENOSYS;
    struct fd_entry *e = fdtab_peek(own);
    struct io_limit limit = {.at = at, .error = ETIMEDOUT, .counted = true, .first = first};
    int r = e == NULL ? -ENOSYS : io_wait(self, own, e, DIR_IN, e->seq, &limit, "waitpid");
    fdtab_closing(own);
    fdtab_forget_own(own);
    (void)sys(SYS_close, own);
    return r;
}

typedef long child_attempt(void *arg);

/* The kernel looks for a child before a handler of SIGCHLD runs, which may take it. */
static long wait_child(struct fiber *self, child_attempt *attempt, void *arg, idtype_t type, id_t id, int options,
                       bool ends_only)
{
    struct wait_first first = {attempt, arg, 0};
    long r = attempt(arg);
    if (r != 0)
        return r;
    uint64_t ns = rt.config.timeout[OP_WAIT], at = ns == 0 ? CLOCK_NEVER : clock_after(ns);
    __atomic_fetch_add(&waiting, 1, __ATOMIC_RELAXED);
    while (r == 0) {
        int w = -ENOSYS;
        if (type == P_PID && ends_only)
            w = wait_pidfd(self, (pid_t)id, at, &first);
        if (w == -ENOSYS)
            w = wait_any(self, type, id, options, at, &first);
        if (w == -EINTR && self != NULL && signals_restarts(self))
            w = 0;
        r = first.result != 0 ? first.result : attempt(arg); /* a real result wins over a deadline */
        if (r == 0)
            r = w;
        else if (w == -ECANCELED && self != NULL)
            cancel_put_back(self);
    }
    __atomic_fetch_sub(&waiting, 1, __ATOMIC_RELAXED);
    return r;
}

/* Without the word that asks for one's own children: those of a fiber were forked by whatever kernel thread ran. */
static int children_of(const struct fiber *self)
{
    return self == NULL ? ~0 : ~__WNOTHREAD;
}

struct wait4_args {
    pid_t pid;
    int *status, options;
    struct rusage *usage;
};

static long try_wait4(void *arg)
{
    const struct wait4_args *a = arg;
    return sys(SYS_wait4, a->pid, a->status, a->options | WNOHANG, a->usage);
}

long child_wait4(struct fiber *self, pid_t pid, int *status, int options, struct rusage *usage)
{
    options &= children_of(self);
    struct wait4_args a = {pid, status, options, usage};
    if ((options & ~(WUNTRACED | WCONTINUED)) != 0) /* WNOHANG; __WALL and such are rare */
        return sys(SYS_wait4, pid, status, options, usage);
    idtype_t type = pid > 0 ? P_PID : pid == -1 ? P_ALL : P_PGID;
    id_t id = pid > 0 ? (id_t)pid : pid == 0 ? (id_t)sys(SYS_getpgid, 0) : pid == -1 ? 0 : (id_t)-pid;
    return wait_child(self, try_wait4, &a, type, id, WEXITED | options, options == 0);
}

struct waitid_args {
    idtype_t type;
    id_t id;
    siginfo_t *info;
    int options;
};

/* waitid says 0 both for a child and for none: the info tells. */
static long try_waitid(void *arg)
{
    const struct waitid_args *a = arg;
    siginfo_t seen = {.si_pid = 0}, look = {.si_pid = 0};
    if (a->info == NULL) {
        long r = sys(SYS_waitid, a->type, a->id, &seen, a->options | WNOHANG, NULL);
        return r == 0 && seen.si_pid != 0 ? 1 : r;
    }
    /* A look that leaves the status, then the kernel writes into the caller's memory itself. */
    long r = sys(SYS_waitid, a->type, a->id, &look, a->options | WNOHANG | WNOWAIT, NULL);
    if (r != 0 || look.si_pid == 0)
        return r;
    r = sys(SYS_waitid, a->type, a->id, a->info, a->options | WNOHANG, NULL);
    return r == 0 ? 1 : r;
}

long child_waitid(struct fiber *self, idtype_t type, id_t id, siginfo_t *info, int options)
{
    options &= children_of(self);
    struct waitid_args a = {type, id, info, options};
    if ((options & WNOHANG) != 0 || (options & ~(WEXITED | WSTOPPED | WCONTINUED | WNOWAIT)) != 0 || type == P_PIDFD)
        return sys(SYS_waitid, type, id, info, options, NULL);
    long r = wait_child(self, try_waitid, &a, type, id, options & ~WNOWAIT, (options & (WSTOPPED | WCONTINUED)) == 0);
    return r > 0 ? 0 : r;
}

/* ---- fork ---- */

void child_fork_prepare(void)
{
    struct fiber *self = fiber_self;
    fdtab_shared();
    if (rt.coop && self != NULL && !self->kt->in_core)
        core_enter(self);
    else if (rt.coop && promote_record() != NULL)
        promote_fork_prepare();
    lock_take(&rt.pool.lock);
}

void child_fork_parent(void)
{
    struct fiber *self = fiber_self;
    lock_drop(&rt.pool.lock);
    if (rt.coop && self != NULL)
        core_leave(self);
    else if (rt.coop && promote_record() != NULL)
        promote_fork_parent();
}

/* Only the forking fiber is left, as only the forking thread would be. It is solo until it makes a thread. */
void child_fork_child(void)
{
    struct fiber *self = fiber_self, *promoted = promote_record();
    pool_forked();
    if (rt.coop && self != NULL)
        wait_forked(self);
    line_forked();
    job_forked();
    notify_forked();
    on_signal_forked();
    thread_timer_forked();
    if (!rt.coop)
        return;
    join_forked(self != NULL ? self : promoted);
    rt.coop = false;
    real_gate_set(REAL_FIBERS | REAL_SLICE | REAL_ASKS | REAL_NONE | REAL_SHADOW, false);
    fiber_self = NULL;
    promote_forked(self != NULL ? self : promoted);
    rt.sched = (struct sched){.ready = 0};
    timer_forget_all();
    rt.mounts.lock = (struct lock){.word = 0}; /* somebody may have been reading */
    fdtab_forked();
    loop_forked();
    rt.fibers.live = rt.fibers.threads = 1;
    rt.fibers.reaped = NULL;
    rt.fibers.main = self != NULL ? self : promoted;
    for (unsigned i = 0; i < ADDR_BUCKETS; i++)
        rt.addr.buckets[i] = (struct addr_bucket){.waiters = 0};
    rt.addr.asked = NULL;
    waiting = 0;
    if (self == NULL) {
        signals_forked(NULL);
        return;
    }
    self->next = NULL;
    self->turns = 0;
    self->kt->in_core = false;
    signals_forked(self);
}
