#include "core/schedule.h"
#include "core/mem.h"
#include "core/promote.h"
#include "core/rt.h"
#include "core/sys.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

/* No carrier is ever changed, so any of them shows what the process was started with. */
static int carrier_tid(void)
{
    return ((struct kthread *)(__atomic_load_n(&rt.baton.owner, __ATOMIC_ACQUIRE) & ~(uintptr_t)BATON_IN_CORE))->tid;
}

void schedule_carrier_cpus(cpu_set_t *cpus)
{
    CPU_ZERO(cpus);
    (void)sys(SYS_sched_getaffinity, rt.coop ? carrier_tid() : 0, sizeof *cpus, cpus);
}

struct fiber *schedule_target(struct fiber *self, int pid)
{
    if (!rt.coop)
        return NULL;
    if (pid == 0)
        return self != NULL ? self : promote_record();
    if (self == NULL && fiber_record == NULL)
        return NULL;
    return fiber_by_tid(self, pid);
}

static bool gone(const struct fiber *f)
{
    return f->state == FIBER_DONE || f->state == FIBER_FREE;
}

/* A kernel thread of its own for the caller or for who has one; 0: not now. */
static int own_tid(struct fiber *self, struct fiber *target)
{
    if (!target->promoted && target == self)
        promote(self, true);
    if (!target->promoted)
        return 0;
    target->tainted = true;
    return target->kt->tid;
}

int schedule_tid(struct fiber *self, struct fiber *target, bool change)
{
    if (change)
        return own_tid(self, target);
    return target->promoted ? target->kt->tid : carrier_tid();
}

/* ---- policy ---- */

static int check_policy(int policy, const struct sched_param *param)
{
    long least = sys(SYS_sched_get_priority_min, policy), most = sys(SYS_sched_get_priority_max, policy);
    if (least < 0 || param->sched_priority < least || param->sched_priority > most)
        return EINVAL;
    struct rlimit limit = {0, 0};
    (void)sys(SYS_prlimit64, 0, RLIMIT_RTPRIO, NULL, &limit);
    bool real_time = policy == SCHED_FIFO || policy == SCHED_RR;
    if (real_time && sys(SYS_geteuid) != 0 && (rlim_t)param->sched_priority > limit.rlim_cur)
        return EPERM;
    return 0;
}

int schedule_set_policy(struct fiber *self, struct fiber *target, int policy, const struct sched_param *param)
{
    const int plain = policy & ~SCHED_RESET_ON_FORK;
    if (gone(target))
        return ESRCH;
    if (!mem_readable(param, 8))
        return param == NULL ? EINVAL : EFAULT;
    if (!target->promoted) {
        int now;
        struct sched_param has;
        int e = check_policy(plain, param);
        if (e != 0)
            return e;
        e = schedule_get_policy(target, &now, &has);
        if (e == 0 && now == policy && has.sched_priority == param->sched_priority)
            return 0;
    }
    int tid = own_tid(self, target);
    if (tid != 0)
        return -(int)sys(SYS_sched_setscheduler, tid, policy, param);
    target->policy = policy;
    target->param = *param;
    __atomic_fetch_or(&target->asked, ASK_POLICY, __ATOMIC_SEQ_CST);
    return 0;
}

int schedule_get_policy(const struct fiber *target, int *policy, struct sched_param *param)
{
    if (gone(target))
        return ESRCH;
    if (!target->promoted && (target->asked & ASK_POLICY) != 0) {
        *policy = target->policy;
        *param = target->param;
        return 0;
    }
    int tid = target->promoted ? target->kt->tid : carrier_tid();
    long r = sys(SYS_sched_getscheduler, tid);
    if (r < 0)
        return -(int)r;
    *policy = (int)r;
    return -(int)sys(SYS_sched_getparam, tid, param);
}

/* ---- processors ---- */

int schedule_get_affinity(const struct fiber *target, size_t size, cpu_set_t *cpus)
{
    long r = sys(SYS_sched_getaffinity, target->promoted ? target->kt->tid : carrier_tid(), size, cpus);
    if (r < 0)
        return -(int)r;
    memset((char *)cpus + r, 0, size - (size_t)r);
    if (!target->promoted && (target->asked & ASK_AFFINITY) != 0)
        memcpy(cpus, &target->affinity, size < 8 ? size : 8);
    return 0;
}

int schedule_set_affinity(struct fiber *self, struct fiber *target, size_t size, const cpu_set_t *cpus)
{
    cpu_set_t all, want;
    if (gone(target))
        return ESRCH;
    if (!target->promoted) {
        if (size >= 8 && !mem_readable(cpus, size))
            return EFAULT;
        schedule_carrier_cpus(&all);
        CPU_ZERO(&want);
        memcpy(&want, cpus, size < sizeof want ? size : sizeof want);
        CPU_AND(&want, &want, &all);
        if (CPU_COUNT(&want) == 0)
            return EINVAL;
        if (CPU_EQUAL(&want, &all) && (target->asked & ASK_AFFINITY) == 0)
            return 0;
    }
    int tid = own_tid(self, target);
    if (tid != 0)
        return -(int)sys(SYS_sched_setaffinity, tid, size, cpus);
    memcpy(&target->affinity, &want, sizeof target->affinity);
    __atomic_fetch_or(&target->asked, ASK_AFFINITY, __ATOMIC_SEQ_CST);
    return 0;
}

/* ---- nice ---- */

int schedule_set_nice(struct fiber *self, struct fiber *target, int nice)
{
    if (gone(target))
        return ESRCH;
    int tid = own_tid(self, target);
    if (tid != 0)
        return -(int)sys(SYS_setpriority, PRIO_PROCESS, tid, nice);
    target->nice = nice;
    __atomic_fetch_or(&target->asked, ASK_NICE, __ATOMIC_SEQ_CST);
    return 0;
}

int schedule_get_nice(const struct fiber *target, int *nice)
{
    if (gone(target))
        return ESRCH;
    if (!target->promoted && (target->asked & ASK_NICE) != 0) {
        *nice = target->nice;
        return 0;
    }
    long r = sys(SYS_getpriority, PRIO_PROCESS, target->promoted ? target->kt->tid : carrier_tid());
    *nice = 20 - (int)r;
    return r < 0 ? -(int)r : 0;
}

void schedule_apply(struct fiber *self)
{
    uint8_t asked = __atomic_exchange_n(&self->asked, 0, __ATOMIC_SEQ_CST);
    int tid = self->kt->tid;
    if ((asked & ASK_AFFINITY) != 0)
        (void)sys(SYS_sched_setaffinity, tid, sizeof self->affinity, &self->affinity);
    if ((asked & ASK_NICE) != 0)
        (void)sys(SYS_setpriority, PRIO_PROCESS, tid, self->nice);
    if ((asked & ASK_POLICY) != 0)
        (void)sys(SYS_sched_setscheduler, tid, self->policy, &self->param);
    if (asked != 0)
        self->tainted = true;
}
