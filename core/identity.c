#include "core/identity.h"
#include "core/enter.h"
#include "core/kick.h"
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

/* ---- cancellation ---- */

static bool cancelled_from_outside;

/* A signal would end some calls early that are not to be cancelled: who has disabled it looks when it enables it. */
static void kick(struct fiber *target)
{
    if (target->state == FIBER_READY && tls_is_async(target->fs))
        target->sig.due = true; /* it looks when it runs */
    if (target->state == FIBER_PARKED || target->state == FIBER_READY || wait_is_away(target))
        wait_cancel(target);
    else if (!target->cancel_disabled)
        kick_out(target);
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
    int e = kick_prepare();
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
        __atomic_store_n(&cancelled_from_outside, true, __ATOMIC_SEQ_CST);
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
    if (!__atomic_exchange_n(&cancelled_from_outside, false, __ATOMIC_SEQ_CST))
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

/* Main's kernel thread stays until the process ends. */
static bool nameless(const struct fiber *f)
{
    return f->state >= FIBER_DONE && !f->main;
}

int identity_set_name(struct fiber *target, const char *name)
{
    size_t n = strlen(name);
    if (n >= sizeof target->name)
        return ERANGE;
    if (nameless(target))
        return ENOENT;
    memset(target->name, 0, sizeof target->name);
    memcpy(target->name, name, n);
    if (!target->main && !target->promoted)
        return 0;
    if (target == fiber_record && (target->promoted || sys_gettid() == tls_tid(target->fs)))
        return -(int)sys(SYS_prctl, PR_SET_NAME, target->name);
    long r = comm_of(target, target->name, n, true);
    return r < 0 ? -(int)r : 0;
}

int identity_get_name(const struct fiber *target, char *name)
{
    if (nameless(target))
        return ENOENT;
    memcpy(name, target->name, sizeof target->name);
    if (!target->main && !target->promoted)
        return 0;
    long r = comm_of(target, name, sizeof target->name, false);
    if (r > 0)
        name[r - 1] = '\0';
    return 0;
}
