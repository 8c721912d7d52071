#include "core/identity.h"
#include "core/enter.h"
#include "core/log.h"
#include "core/mem.h"
#include "shim/real.h"

#include <errno.h>
#include <ucontext.h>
#include <string.h>

enum { SIGNAL_CANCEL = 32, SIGNAL_SETXID = 33 }; /* libc keeps them for itself */

bool identity_own_stack(const void *stack, size_t size)
{
    return (uintptr_t)stack + size != 0; /* libc shows an unset stack as one that ends at address 0 */
}

static void process_cpus(cpu_set_t *cpus)
{
    CPU_ZERO(cpus);
    (void)sys(SYS_sched_getaffinity, sys_getpid(), sizeof *cpus, cpus);
}

bool identity_narrow(const cpu_set_t *cpus)
{
    cpu_set_t all, both;
    process_cpus(&all);
    CPU_AND(&both, &all, cpus);
    return CPU_COUNT(cpus) != 0 && !CPU_EQUAL(&both, &all);
}

size_t identity_default_stack(size_t *guard)
{
    pthread_attr_t attr;
    size_t size = 8 << 20;
    if (guard != NULL)
        *guard = 4096;
    if (real.pthread_getattr_default_np(&attr) != 0)
        return size;
    real.pthread_attr_getstacksize(&attr, &size);
    if (guard != NULL)
        real.pthread_attr_getguardsize(&attr, guard);
    real.pthread_attr_destroy(&attr);
    return size;
}

bool identity_start_fibers(void)
{
    int e = fiber_start_core();
    if (e == 0)
        return true;
    rt.no_fibers = true;
    log_line(LOG_ERROR, "running on kernel threads because %s",
             rt.tls.failure != NULL ? rt.tls.failure : "the core could not start (descriptors, memory or threads)");
    return false;
}

/* ---- setuid and kin ---- */

/* As rt_sigaction takes it. */
struct kernel_action {
    void *handler;
    unsigned long flags;
    void *restorer;
    uint64_t mask;
};

static void (*libc_setxid)(int, siginfo_t *, void *);

/* The block that libc lists for this kernel thread: the main thread's for the first, its own for the others. */
static uintptr_t listed_block(void)
{
    int tid = sys_gettid();
    for (struct kthread *k = rt.baton.all; k != NULL; k = k->next)
        if (k->tid == tid)
            return k == &rt.baton.first ? rt.fibers.leader_block : k->fs;
    return 0;
}

/* libc signals every thread on its list and waits until each has marked itself done: a fiber's block is not the one
 * that it looks at. Inside the core, too: who asks holds libc's lock of the list. */
static void on_setxid(int sig, siginfo_t *info, void *context)
{
    uintptr_t here = tls_pointer(), listed = listed_block();
    if (listed != 0 && listed != here)
        (void)sys(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, listed);
    libc_setxid(sig, info, context);
    if (listed != 0 && listed != here)
        (void)sys(SYS_arch_prctl, 0x1002, here);
}

void identity_wrap_setxid(void)
{
    struct kernel_action act;
    if (sys(SYS_rt_sigaction, SIGNAL_SETXID, NULL, &act, 8) != 0 || act.handler == NULL ||
        act.handler == (void *)on_setxid)
        return;
    *(void **)&libc_setxid = act.handler;
    *(void (**)(int, siginfo_t *, void *)) & act.handler = on_setxid;
    (void)sys(SYS_rt_sigaction, SIGNAL_SETXID, &act, NULL, 8);
}

/* ---- cancellation ---- */

static struct {
    bool kicked;
    bool installed;
    void (*libc)(int, siginfo_t *, void *);
} cancel;

/* On a fiber that runs away from the carrier: in its own code with asynchronous cancellation, or inside a call of libc
 * that is a cancellation point (libc marks itself asynchronous around those). */
static void on_cancel(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self;
    if (self == NULL) {
        cancel.libc(sig, info, context);
        return;
    }
    if (self->kt->in_core || !self->cancel_pending || self->cancel_disabled || self->exiting)
        return;
    if (tls_is_async(self->fs)) {
        memcpy(&((ucontext_t *)context)->uc_sigmask, &self->kt->kernel_mask, 8);
        identity_test_cancel(self);
    }
}

static int install(void)
{
    struct kernel_action act;
    if (cancel.installed)
        return 0;
    int e = tls_learn_cancel(); /* libc installs its handler, and shows how signals return */
    if (e != 0)
        return e;
    if (sys(SYS_rt_sigaction, SIGNAL_CANCEL, NULL, &act, 8) != 0 || act.handler == NULL)
        return EAGAIN;
    *(void **)&cancel.libc = act.handler;
    *(void (**)(int, siginfo_t *, void *)) & act.handler = on_cancel;
    act.flags &= ~(unsigned long)SA_RESTART;
    (void)sys(SYS_rt_sigaction, SIGNAL_CANCEL, &act, NULL, 8);
    cancel.installed = true;
    return 0;
}

/* A signal would end some calls early that are not to be cancelled: who has disabled it looks when it enables it. */
static void kick(struct fiber *target)
{
    if (target->state == FIBER_PARKED)
        sched_ready_first(target); /* its wait decides */
    else if (baton_is_away(target) && !target->cancel_disabled)
        (void)sys(SYS_tgkill, sys_getpid(), target->kt->tid, SIGNAL_CANCEL);
}

void identity_test_cancel(struct fiber *self)
{
    if (!self->cancel_pending || self->cancel_disabled || self->exiting)
        return;
    wait_abandon(self, UINTPTR_MAX);
    real.pthread_testcancel();
}

int identity_cancel(struct fiber *self, struct fiber *target)
{
    if (target->state == FIBER_DONE || target->state == FIBER_FREE)
        return 0;
    int e = install();
    if (e != 0)
        return e;
    tls_set_cancelled(target->fs);
    __atomic_store_n(&target->cancel_pending, true, __ATOMIC_SEQ_CST);
    if (self == target) {
        if (tls_is_async(self->fs))
            identity_test_cancel(self);
        return 0;
    }
    if (self == NULL) {
        __atomic_store_n(&cancel.kicked, true, __ATOMIC_SEQ_CST);
        loop_kick();
        return 0;
    }
    core_enter(self);
    kick(target);
    core_leave(self);
    return 0;
}

void identity_drain(void)
{
    if (!__atomic_exchange_n(&cancel.kicked, false, __ATOMIC_SEQ_CST))
        return;
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (f->cancel_pending)
            kick(f);
    }
}

/* ---- scheduling and processors ---- */

int identity_set_sched(struct fiber *self, struct fiber *target, int policy, const struct sched_param *param)
{
    (void)self;
    long least = sys(SYS_sched_get_priority_min, policy), most = sys(SYS_sched_get_priority_max, policy);
    if (least < 0 || param->sched_priority < least || param->sched_priority > most)
        return EINVAL;
    if (policy != SCHED_OTHER && policy != SCHED_BATCH && policy != SCHED_IDLE && sys(SYS_geteuid) != 0)
        return EPERM;
    target->policy = policy;
    target->param = *param;
    return 0;
}

int identity_get_affinity(const struct fiber *target, size_t size, cpu_set_t *cpus)
{
    long r = sys(SYS_sched_getaffinity, sys_getpid(), size, cpus);
    if (r < 0)
        return -(int)r;
    memset((char *)cpus + r, 0, size - (size_t)r);
    if (target->affinity != 0)
        memcpy(cpus, &target->affinity, size < 8 ? size : 8);
    return 0;
}

int identity_set_affinity(struct fiber *target, size_t size, const cpu_set_t *cpus)
{
    cpu_set_t all, want;
    if (size >= 8 && !mem_readable(cpus, size))
        return EFAULT;
    process_cpus(&all);
    CPU_ZERO(&want);
    memcpy(&want, cpus, size < sizeof want ? size : sizeof want);
    CPU_AND(&want, &want, &all);
    if (CPU_COUNT(&want) == 0)
        return EINVAL;
    memcpy(&target->affinity, &want, sizeof target->affinity);
    return 0;
}
