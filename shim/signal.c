/* Signals. Without fibers they are the kernel's. */
#include "core/altstack.h"
#include "shim/hook.h"
#include "core/fdtab.h"

#include <string.h>

GATED(int, sigaction, (int sig, const struct sigaction *restrict act, struct sigaction *restrict old), (sig, act, old))
{
    struct fiber *self = hook_enter();
    if (self == NULL && !rt.coop)
        return real.sigaction(sig, act, old);
    if (self != NULL && act != NULL && sig >= 1 && sig <= SIGNALS)
        signals_settle(self, signal_bit(sig));
    int r = signals_action(sig, act, old);
    if (self != NULL && r == 0 && act != NULL && act->sa_handler == SIG_IGN)
        signals_forget(self, sig);
    return r;
}
TWIN(__sigaction, sigaction);

/* What siginterrupt has said: signal() leaves SA_RESTART out for these. */
static uint64_t interrupting;

EXPORT int siginterrupt(int sig, int on)
{
    hook_enter();
    struct sigaction act;
    int r = real.siginterrupt(sig, on);
    if (r != 0)
        return r;
    if (on != 0)
        __atomic_fetch_or(&interrupting, signal_bit(sig), __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&interrupting, ~signal_bit(sig), __ATOMIC_RELAXED);
    if (!rt.coop || sigaction(sig, NULL, &act) != 0)
        return r;
    act.sa_flags = on != 0 ? act.sa_flags & ~SA_RESTART : act.sa_flags | SA_RESTART;
    return sigaction(sig, &act, NULL);
}

static int restart_flag(int sig)
{
    uint64_t without = __atomic_load_n(&interrupting, __ATOMIC_RELAXED);
    return sig >= 1 && sig <= SIGNALS && (without & signal_bit(sig)) != 0 ? 0 : SA_RESTART;
}

static sighandler_t set_handler(int sig, sighandler_t handler, int flags)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags}, old;
    if (handler == SIG_ERR) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if ((flags & SA_RESETHAND) == 0)
        sigaddset(&act.sa_mask, sig);
    return sigaction(sig, &act, &old) != 0 ? SIG_ERR : old.sa_handler;
}

EXPORT sighandler_t signal(int sig, sighandler_t handler)
{
    hook_enter();
    return rt.coop ? set_handler(sig, handler, restart_flag(sig)) : real.signal(sig, handler);
}
TWIN(bsd_signal, signal);
TWIN(ssignal, signal);

EXPORT sighandler_t __sysv_signal(int sig, sighandler_t handler)
{
    hook_enter();
    return rt.coop ? set_handler(sig, handler, SA_RESETHAND | SA_NODEFER) : real.__sysv_signal(sig, handler);
}
TWIN(sysv_signal, __sysv_signal);

GATED(int, pthread_sigmask, (int how, const sigset_t *restrict set, sigset_t *restrict old), (how, set, old))
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.pthread_sigmask(how, set, old) : signals_mask(self, how, set, old);
}

GATED(int, sigprocmask, (int how, const sigset_t *restrict set, sigset_t *restrict old), (how, set, old))
{
    struct fiber *self = hook_enter();
    if (self == NULL)
        return real.sigprocmask(how, set, old);
    return (int)hook_result(-signals_mask(self, how, set, old));
}

EXPORT int sigaltstack(const stack_t *restrict set, stack_t *restrict old)
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.sigaltstack(set, old) : (int)hook_result(altstack_set(self, set, old));
}

EXPORT int sigpending(sigset_t *set)
{
    struct fiber *self = hook_enter();
    if (self == NULL)
        return real.sigpending(set);
    if (!mem_writable(set, sizeof(uint64_t)))
        return (int)hook_result(-EFAULT);
    uint64_t bits = signals_pending(self) & self->sig.mask;
    memset(set, 0, sizeof *set);
    memcpy(set, &bits, sizeof bits);
    return 0;
}

EXPORT int sigsuspend(const sigset_t *mask)
{
    struct fiber *self = hook_enter_cancel();
    uint64_t bits;
    if (self == NULL)
        return real.sigsuspend(mask);
    if (!mem_readable(mask, sizeof bits))
        return (int)hook_result(-EFAULT);
    memcpy(&bits, mask, sizeof bits);
    return (int)hook_result(signals_suspend(self, &bits));
}
TWIN(__sigsuspend, sigsuspend);

EXPORT int pause(void)
{
    struct fiber *self = hook_enter_cancel();
    return self == NULL ? real.pause() : (int)hook_result(signals_suspend(self, NULL));
}

EXPORT int sigtimedwait(const sigset_t *restrict set, siginfo_t *restrict info, const struct timespec *restrict timeout)
{
    struct fiber *self = hook_enter_cancel();
    if (self == NULL)
        return real.sigtimedwait(set, info, timeout);
    long r = signals_wait(self, set, info, timeout);
    if (r == -EINTR && self->cancel_pending)
        identity_test_cancel(self);
    return (int)hook_result(r);
}

EXPORT int sigwaitinfo(const sigset_t *restrict set, siginfo_t *restrict info)
{
    return hook_enter_cancel() == NULL ? real.sigwaitinfo(set, info) : sigtimedwait(set, info, NULL);
}

EXPORT int sigwait(const sigset_t *restrict set, int *restrict sig)
{
    siginfo_t info;
    int saved = errno, r;
    if (hook_enter_cancel() == NULL)
        return real.sigwait(set, sig);
    do
        r = sigtimedwait(set, &info, NULL);
    while (r < 0 && errno == EINTR);
    int e = r < 0 ? errno : 0;
    errno = saved;
    if (r >= 0)
        *sig = r;
    return e;
}

EXPORT int signalfd(int fd, const sigset_t *mask, int flags)
{
    uint64_t bits;
    if (hook_refused(hook_enter(), fd))
        return -1;
    int r = real.signalfd(fd, mask, flags);
    if (r < 0)
        return r;
    memcpy(&bits, mask, sizeof bits);
    signals_described(bits);
    if (rt.coop && fd < 0)
        fdtab_opened(r, FD_UNKNOWN);
    return r;
}

EXPORT int pthread_kill(pthread_t thread, int sig)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    return target == NULL ? real.pthread_kill(thread, sig) : signals_kill(self, target, sig, NULL);
}

/* Before glibc 2.34: a thread that has ended is not found. */
EXPORT int pthread_kill_old(pthread_t thread, int sig)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    if (target == NULL)
        return real_old()->pthread_kill_old(thread, sig);
    bool ended = __atomic_load_n(&target->done, __ATOMIC_ACQUIRE);
    int e = signals_kill(self, target, sig, NULL);
    return e == 0 && ended ? ESRCH : e;
}
VERSION(pthread_kill_old, pthread_kill, "GLIBC_2.2.5");

EXPORT int pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
    struct fiber *self = hook_enter(), *target = rt.coop ? fiber_of(thread) : NULL;
    return target == NULL ? real.pthread_sigqueue(thread, sig, value) : signals_kill(self, target, sig, &value);
}

EXPORT int raise(int sig)
{
    struct fiber *self = hook_enter();
    return self == NULL ? real.raise(sig) : (int)hook_result(-signals_kill(self, self, sig, NULL));
}
TWIN(gsignal, raise);

/* A fake thread id is one of ours. */
EXPORT int tgkill(pid_t pid, pid_t tid, int sig)
{
    struct fiber *self = hook_enter(), *target;
    bool known = self != NULL || (rt.coop && promote_record() != NULL);
    if (!known || pid != sys_getpid())
        return real.tgkill(pid, tid, sig);
    target = fiber_by_tid(self, tid);
    return target == NULL ? real.tgkill(pid, tid, sig) : (int)hook_result(-signals_kill(self, target, sig, NULL));
}
