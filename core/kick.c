#include "core/kick.h"
#include "core/altstack.h"
#include "core/enter.h"
#include "core/identity.h"
#include "core/pending.h"
#include "core/promote.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

/* libc's own: for pthread_cancel, which ends calls, and for setuid and kin, which restarts them. */
enum { SIGNAL_CANCEL = 32, SIGNAL_SETXID = 33 };

typedef void handler(int, siginfo_t *, void *);

static struct {
    handler *cancel, *setxid; /* libc's; NULL: it has none yet */
    bool prepared;
} libc;

static char ours;

static void tell(int tid, int sig)
{
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_signo = sig;
    info.si_code = SI_QUEUE; /* libc would not take it for its own */
    info.si_pid = sys_getpid();
    info.si_value.sival_ptr = &ours;
    (void)sys(SYS_rt_tgsigqueueinfo, sys_getpid(), tid, sig, &info);
}

static bool is_kick(const siginfo_t *info)
{
    return info->si_code == SI_QUEUE && info->si_value.sival_ptr == &ours && info->si_pid == sys_getpid();
}

/* libc's handler, or ours. Ignored is what a program inherits that libc's posix_spawn has started. */
static bool ask_kernel(int sig, struct kernel_action *act)
{
    return sys(SYS_rt_sigaction, sig, NULL, act, 8) == 0 && (uintptr_t)act->handler > (uintptr_t)SIG_IGN;
}

static handler on_cancel, on_setxid;

/* libc has its handler only after the first pthread_cancel, and puts it over ours then. */
static bool have_cancel(void)
{
    struct kernel_action act;
    if (!ask_kernel(SIGNAL_CANCEL, &act) && !ask_kernel(SIGNAL_SETXID, &act))
        return false;
    if (act.handler == on_cancel)
        return true;
    if (act.handler != on_setxid)
        libc.cancel = act.handler;
    act.handler = on_cancel;
    act.flags &= ~(unsigned long)(SA_RESTART | SA_ONSTACK);
    act.mask = 0;
    return sys(SYS_rt_sigaction, SIGNAL_CANCEL, &act, NULL, 8) == 0;
}

/* Its kernel thread has lost the baton, and goes on with the fiber's mask, unless a call has one of its own. */
static void take_mask(const struct fiber *self, ucontext_t *context)
{
    uint64_t mask = signals_away_mask(self);
    if (memcmp(&context->uc_sigmask, &self->kt->kernel_mask, sizeof mask) != 0)
        return;
    __atomic_store_n(&self->kt->kernel_mask, mask, __ATOMIC_RELAXED);
    memcpy(&context->uc_sigmask, &mask, sizeof mask);
}

/* On a stack of the fiber's, in its own code. With asynchronous cancellation, or inside a call of libc that is a
 * cancellation point (libc marks itself asynchronous around those), it is cancelled here. */
static void look(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self;
    int saved = errno;
    (void)sig;
    (void)info;
    if (self->kt->in_core)
        return;
    if (baton_is_away(self))
        take_mask(self, context);
    if (self->sig.due)
        signals_interrupt(self, context);
    if (identity_cancelled(self) && !wait_is_away(self) && tls_is_async(self->fs)) { /* does not return from here */
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &self->kt->kernel_mask, NULL, sizeof self->kt->kernel_mask);
        identity_test_cancel(self);
    }
    errno = saved;
}

static void kicked(int sig, siginfo_t *info, void *context)
{
    struct fiber *self = fiber_self, *promoted = promote_record();
    if (promoted != NULL) {
        if (identity_cancelled(promoted) && tls_is_async(promoted->fs))
            real.pthread_testcancel();
    } else if (self != NULL && altstack_ours(self->kt, info, context) && !self->kt->in_core) {
        altstack_move(self, false, look, sig, info, context);
    } else if (self != NULL) {
        look(sig, info, context);
    }
}

static void on_cancel(int sig, siginfo_t *info, void *context)
{
    if (is_kick(info))
        kicked(sig, info, context);
    else if (libc.cancel != NULL)
        libc.cancel(sig, info, context);
}

/* ALL_SIGNALS are blocked: whoever did that, with a lock in his hand, say, lets this signal alone in, for libc. */
static bool shut(const void *context)
{
    uint64_t mask;
    memcpy(&mask, &((const ucontext_t *)context)->uc_sigmask, sizeof mask);
    return (mask & signal_bit(SIGNAL_CANCEL)) != 0;
}

static void kick_later(void)
{
    if (have_cancel())
        tell(sys_gettid(), SIGNAL_CANCEL);
}

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
    if (is_kick(info)) {
        if (shut(context))
            kick_later();
        else
            kicked(sig, info, context);
        return;
    }
    uintptr_t here = tls_pointer(), listed = listed_block();
    if (listed != 0 && listed != here)
        (void)sys(SYS_arch_prctl, 0x1002 /* ARCH_SET_FS */, listed);
    libc.setxid(sig, info, context);
    if (listed != 0 && listed != here)
        (void)sys(SYS_arch_prctl, 0x1002, here);
}

/* On an alternate stack, as all of ours: see altstack.h. What else it takes to return from a handler is libc's. */
void kick_start(void)
{
    struct kernel_action act;
    if (!ask_kernel(SIGNAL_SETXID, &act) || act.handler == on_setxid)
        return;
    libc.setxid = act.handler;
    act.handler = on_setxid;
    act.flags |= SA_ONSTACK | SA_RESTART;
    act.mask = ALL_SIGNALS;
    (void)sys(SYS_rt_sigaction, SIGNAL_SETXID, &act, NULL, 8);
}

void kick_look(const struct fiber *f, bool restart, bool alternate)
{
    bool ends = !restart && (!alternate || wait_is_away(f)) && have_cancel();
    tell(f->kt->tid, ends ? SIGNAL_CANCEL : SIGNAL_SETXID);
}

void kick_masks(int tid)
{
    tell(tid, SIGNAL_SETXID);
}

static void look_again(void *none)
{
    (void)none;
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next) {
        const struct fiber *f = container_of(l, struct fiber, all);
        if (f->sig.due && baton_is_away(f))
            tell(f->kt->tid, SIGNAL_SETXID);
    }
}

int kick_prepare(void)
{
    struct fiber *self = fiber_self;
    if (libc.prepared)
        return 0;
    int e = tls_learn_cancel(); /* libc installs its handler */
    if (e != 0)
        return e;
    if (!have_cancel())
        return EAGAIN;
    libc.prepared = true;
    if (self != NULL && !self->kt->in_core) /* some may have met libc's */
        fiber_inside(self, look_again, NULL);
    return 0;
}

/* Its kernel thread cannot begin with another fiber as long as the caller has the baton. */
void kick_out(const struct fiber *f)
{
    if (libc.prepared && baton_is_away(f) && f->kt->running == f)
        tell(f->kt->tid, SIGNAL_CANCEL);
}

void kick_promoted(const struct fiber *f)
{
    if (rt.tls.async_bits == 0 || tls_is_async(f->fs))
        tell(f->kt->tid, SIGNAL_CANCEL);
}
