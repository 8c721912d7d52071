#include "core/identity.h"
#include "core/enter.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/promote.h"
#include "core/schedule.h"
#include "shim/real.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <string.h>

enum { SIGNAL_CANCEL = 32, SIGNAL_SETXID = 33 }; /* libc keeps them for itself */

bool identity_own_stack(const void *stack, size_t size)
{
    return (uintptr_t)stack + size != 0; /* libc shows an unset stack as one that ends at address 0 */
}

bool identity_narrow(const cpu_set_t *cpus)
{
    cpu_set_t all, both;
    schedule_carrier_cpus(&all);
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
    if (e == 0) {
        notify_started(fiber_self);
        return true;
    }
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

/* On a fiber that runs away from the carrier, or a promoted thread: in its own code with asynchronous cancellation, or
 * inside a call of libc that is a cancellation point (libc marks itself asynchronous around those). */
static void on_cancel(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self, *promoted = promote_record();
    if (promoted != NULL) {
        if (identity_cancelled(promoted) && tls_is_async(promoted->fs))
            real.pthread_testcancel();
        return;
    }
    if (self == NULL) {
        cancel.libc(sig, info, context);
        return;
    }
    if (self->kt->in_core || !self->cancel_pending || self->cancel_disabled || self->exiting || wait_is_away(self))
        return;
    if (tls_is_async(self->fs)) {
        memcpy(&((ucontext_t *)context)->uc_sigmask, &self->kt->kernel_mask, 8);
        identity_test_cancel(self);
    }
}

int identity_can_kick(void)
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

/* As libc does: who is not inside a cancellation point finds out at its next. */
static void kick_promoted(const struct fiber *target)
{
    if (rt.tls.async_bits == 0 || tls_is_async(target->fs))
        (void)sys(SYS_tgkill, sys_getpid(), target->kt->tid, SIGNAL_CANCEL);
}

/* Its kernel thread cannot begin with another fiber as long as the caller has the baton. */
void identity_kick(const struct fiber *target)
{
    if (cancel.installed && baton_is_away(target) && target->kt->running == target)
        (void)sys(SYS_tgkill, sys_getpid(), target->kt->tid, SIGNAL_CANCEL);
}

/* A signal would end some calls early that are not to be cancelled: who has disabled it looks when it enables it. */
static void kick(struct fiber *target)
{
    if (target->state == FIBER_PARKED || target->state == FIBER_READY || wait_is_away(target))
        wait_cancel(target);
    else if (!target->cancel_disabled)
        identity_kick(target);
}

void identity_test_cancel(struct fiber *self)
{
    if (!identity_cancelled(self))
        return;
    wait_abandon(self, UINTPTR_MAX);
    real.pthread_testcancel();
}

bool identity_cancelled(const struct fiber *self)
{
    return self->cancel_pending && !self->cancel_disabled && !self->exiting;
}

static void test_async(struct fiber *self)
{
    if (tls_is_async(self->fs))
        identity_test_cancel(self);
}

int identity_cancel(struct fiber *self, struct fiber *target)
{
    if (target->state == FIBER_DONE || target->state == FIBER_FREE)
        return 0;
    int e = identity_can_kick();
    if (e != 0)
        return e;
    tls_set_cancelled(target->fs);
    __atomic_store_n(&target->cancel_pending, true, __ATOMIC_SEQ_CST);
    if (self == target) {
        test_async(self);
        return 0;
    }
    if (target->promoted) {
        if (target == fiber_record)
            test_async(target);
        else
            kick_promoted(target);
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
    for (struct list *l = rt.fibers.promoted.next; l != &rt.fibers.promoted; l = l->next) {
        struct fiber *f = container_of(l, struct fiber, all);
        if (f->cancel_pending)
            kick_promoted(f);
    }
}

/* ---- names ---- */

/* A fiber's name is in its record only. Main's is the first kernel thread's, which others may be running on, so it
 * goes by its number; a promoted thread's, too. */
static long comm_of(const struct fiber *f, char *name, size_t n, bool set)
{
    char path[64];
    log_text(path, sizeof path, "/proc/self/task/%u/comm", (unsigned long)(f->promoted ? f->kt->tid : tls_tid(f->fs)));
    long fd = sys(SYS_open, path, set ? O_WRONLY | O_CLOEXEC : O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fd;
    long r = set ? sys(SYS_write, fd, name, n) : sys(SYS_read, fd, name, n);
    (void)sys(SYS_close, fd);
    return r;
}

int identity_set_name(struct fiber *target, const char *name)
{
    size_t n = strlen(name);
    if (n >= sizeof target->name)
        return ERANGE;
    memset(target->name, 0, sizeof target->name);
    memcpy(target->name, name, n);
    if (!target->main && !target->promoted)
        return 0;
    if (target == fiber_record && (target->promoted || sys_gettid() == tls_tid(target->fs)))
        return -(int)sys(SYS_prctl, PR_SET_NAME, target->name);
    long r = comm_of(target, target->name, n, true);
    return r < 0 ? -(int)r : 0;
}

void identity_get_name(const struct fiber *target, char *name)
{
    memcpy(name, target->name, sizeof target->name);
    if (!target->main && !target->promoted)
        return;
    long r = comm_of(target, name, sizeof target->name, false);
    if (r > 0)
        name[r - 1] = '\0';
}
