#include "core/job.h"
#include "core/cancel.h"
#include "core/enter.h"
#include "core/mem.h"
#include "core/method_call.h"

#include <errno.h>

enum state { QUEUED, RUNNING, ENDED, LEFT };

/* Two hold it: the caller, and the pool until it has run or dropped it. Kept for the next one, never freed: the pool
 * drops it where libc's free may be the thing that was interrupted. */
struct call {
    struct job job;
    struct call *next;
    struct job_functions fns;
    void *arg;
    struct fiber *caller; /* NULL: no fiber */
    uint32_t state;
    uint32_t holders;
};

enum { BATCH = 4096 / sizeof(struct call) };

/* The next two are no one's to interrupt: a caller that is no fiber has its signals blocked meanwhile. */
static uint64_t guard(const struct fiber *self)
{
    uint64_t all = ALL_SIGNALS, mask = 0;
    if (self != NULL)
        core_enter((struct fiber *)self);
    else
        (void)sys(SYS_rt_sigprocmask, SIG_BLOCK, &all, &mask, sizeof mask);
    lock_take(&rt.job.lock);
    return mask;
}

static void unguard(const struct fiber *self, uint64_t mask)
{
    lock_drop(&rt.job.lock);
    if (self != NULL)
        core_leave((struct fiber *)self);
    else
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

static struct call *call_get(const struct fiber *self)
{
    uint64_t mask = guard(self);
    if (rt.job.spare == NULL) {
        struct call *batch = mem_map(BATCH * sizeof *batch);
        for (size_t i = 0; batch != NULL && i < BATCH; i++) {
            batch[i].next = rt.job.spare;
            rt.job.spare = &batch[i];
        }
    }
    struct call *c = rt.job.spare;
    if (c != NULL)
        rt.job.spare = c->next;
    unguard(self, mask);
    return c;
}

/* Inside the core, on a helper, or guarded. */
static void put(struct call *c)
{
    if (__atomic_sub_fetch(&c->holders, 1, __ATOMIC_SEQ_CST) != 0)
        return;
    c->next = rt.job.spare;
    rt.job.spare = c;
}

void job_forked(void)
{
    rt.job = (struct jobs){.spare = NULL}; /* somebody may have been about to change it */
}

static void drop(struct job *job)
{
    lock_take(&rt.job.lock);
    put(container_of(job, struct call, job));
    lock_drop(&rt.job.lock);
}

static bool change(struct call *c, enum state from, enum state to)
{
    uint32_t seen = from;
    return __atomic_compare_exchange_n(&c->state, &seen, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void release(const struct job_functions *fns, void *arg)
{
    if (fns->free != NULL)
        fns->free(arg);
}

static void run(struct job *job)
{
    struct call *c = container_of(job, struct call, job);
    if (!change(c, QUEUED, RUNNING))
        return; /* the caller has left, and has freed it */
    c->fns.run(c->arg);
    if (!change(c, RUNNING, ENDED))
        release(&c->fns, c->arg);
}

/* The wait has failed. 0: the job has ended all the same. *mine: it is the caller's to free. */
static int leave(struct call *c, int error, bool *mine)
{
    *mine = true;
    if (change(c, QUEUED, LEFT))
        return error;
    *mine = !change(c, RUNNING, LEFT);
    if (!*mine)
        return error;
    if (error == -ECANCELED)
        cancel_put_back(c->caller);
    return 0;
}

static int run_on_helper(struct fiber *self, const struct job_functions *fns, void *arg, bool *mine)
{
    struct call *c = call_get(self);
    if (c == NULL)
        return -ENOMEM;
    *c = (struct call){.job = {.run = run, .drop = drop}, .fns = *fns, .arg = arg, .caller = self, .holders = 2};
    int e = pool_run(self, &c->job, CLOCK_NEVER, WAIT_CANCEL, "coax_execute_job");
    bool waited = e == 0;
    if (!waited)
        e = leave(c, e, mine);
    uint64_t mask = guard(self);
    if (waited) /* the pool drops only what was left */
        put(c);
    put(c);
    unguard(self, mask);
    return e;
}

int job_execute(struct fiber *self, enum job_place place, const struct job_functions *fns, void *job, int *value)
{
    bool mine = true;
    int e = 0;
    if (place == JOB_HELPER) {
        e = run_on_helper(self, fns, job, &mine);
    } else {
        struct method_call c = {.self = place == JOB_SWITCH ? self : NULL};
        if (c.self != NULL)
            c.outer = method_mark(self->kt, METHOD_SWITCH);
        fns->run(job);
        method_end(&c);
    }
    if (e == 0)
        *value = fns->result != NULL ? fns->result(job) : 0;
    if (mine)
        release(fns, job);
    return e;
}
