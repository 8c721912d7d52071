/* Sending signals to fibers, and waiting for them. See signals.h. */
#include "core/alone.h"
#include "core/enter.h"
#include "core/kick.h"
#include "core/mem.h"
#include "core/pending.h"

#include <errno.h>
#include <string.h>

/* What the receiver of pthread_kill or pthread_sigqueue (value) is told. */
static void describe(siginfo_t *info, int sig, const union sigval *value)
{
    memset(info, 0, sizeof *info);
    info->si_signo = sig;
    info->si_code = value != NULL ? SI_QUEUE : SI_TKILL;
    info->si_pid = sys_getpid();
    info->si_uid = (uid_t)sys(SYS_getuid);
    if (value != NULL)
        info->si_value = *value;
}

/* The kernel does all of it. One that has just ended is no error. */
static int kill_promoted(const struct fiber *target, int sig, const siginfo_t *info)
{
    long r = info->si_code != SI_TKILL ? sys(SYS_rt_tgsigqueueinfo, sys_getpid(), target->kt->tid, sig, info)
                                       : sys(SYS_tgkill, sys_getpid(), target->kt->tid, sig);
    return r == -ESRCH ? 0 : -(int)r;
}

/* A fiber of ours takes no signals: what is sent to it is for the process. */
static int kill_process(int sig, const siginfo_t *info)
{
    return -(int)(info->si_code == SI_TKILL ? sys(SYS_kill, sys_getpid(), sig)
                                            : sys(SYS_rt_sigqueueinfo, sys_getpid(), sig, info));
}

/* A signal for one fiber that all block is of no use to anybody but a signalfd and sigwait. The kernel shows signalfd
 * what is the process's, so where there is one for it, it becomes that; when its fiber unblocks it, it goes there. */
static uint64_t in_descriptors;

void signals_described(uint64_t set)
{
    __atomic_fetch_or(&in_descriptors, set, __ATOMIC_SEQ_CST);
}

static bool awaited(int sig)
{
    for (struct list *l = rt.fibers.all.next; l != &rt.fibers.all; l = l->next)
        if ((container_of(l, struct fiber, all)->sig.waited & signal_bit(sig)) != 0)
            return true;
    return false;
}

/* Inside the core. The kernel believes what the first thread says of itself; of others it says that it was kill(). */
bool signals_show(const struct pending_signal *p)
{
    if ((__atomic_load_n(&in_descriptors, __ATOMIC_SEQ_CST) & rt.signals.kernel_mask & signal_bit(p->sig)) == 0 ||
        awaited(p->sig))
        return false;
    return sys(SYS_rt_sigqueueinfo, sys_getpid(), p->sig, &p->info) == 0 || sys(SYS_kill, sys_getpid(), p->sig) == 0;
}

/* Sends what `info` says, 1 to SIGNALS. */
static int send(struct fiber *self, struct fiber *target, int sig, const siginfo_t *info)
{
    if (__atomic_load_n(&target->promoted, __ATOMIC_ACQUIRE))
        return kill_promoted(target, sig, info);
    if (target->service)
        return kill_process(sig, info);
    struct sigaction act = {.sa_handler = SIG_DFL};
    signals_action(sig, NULL, &act);
    if (!has_handler(sig) && !blocks(target, sig) && (target->sig.waited & signal_bit(sig)) == 0) {
        if (act.sa_handler == SIG_IGN || ignored_by_default(sig))
            return 0;
        return -(int)sys(SYS_tgkill, sys_getpid(), sys_gettid(), sig); /* ends or stops all of us */
    }
    if (self == NULL) { /* the carrier gives it */
        struct pending_signal *sent = pending_take(sig, info, target);
        signals_arrive(sent);
        loop_kick();
        return sent == NULL ? EAGAIN : 0;
    }
    core_enter(self);
    struct pending_signal *p = pending_take(sig, info, target);
    if (p != NULL)
        signals_give(target, p);
    core_leave(self);
    return p == NULL ? EAGAIN : 0;
}

static long by_kernel(int sig, const siginfo_t *info)
{
    return info->si_code == SI_USER ? sys(SYS_kill, info->si_pid, sig)
                                    : sys(SYS_rt_sigqueueinfo, info->si_pid, sig, info);
}

/* These also take others back that are pending. */
static bool stops(int sig)
{
    return sig == SIGCONT || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU;
}

static bool kept(int sig)
{
    return (__atomic_load_n(&rt.signals.held, __ATOMIC_SEQ_CST) & signal_bit(sig)) != 0 || pending_scarce();
}

/* Among kernel threads the kernel would choose the first, on which another fiber may run just now: a signal for the
 * caller would be handled after the call. Not what nobody takes now or somebody awaits, nor what the kernel keeps for
 * us. Without the main thread the kernel chooses who calls. */
static bool by_us(struct fiber *self, int sig, const siginfo_t *info)
{
    if (sig < 1 || sig > SIGNALS || !has_handler(sig) || stops(sig) || rt.fibers.main->promoted)
        return false;
    core_enter(self);
    signals_route();
    struct fiber *f = NULL;
    if (!kept(sig) && !awaited(sig))
        f = signals_main_alive() || blocks(self, sig) ? signals_choose(sig) : self;
    struct pending_signal *p = f == NULL ? NULL : pending_take(sig, info, NULL);
    if (p != NULL)
        signals_give(f, p);
    core_leave(self);
    return p != NULL;
}

long signals_kill_process(struct fiber *self, int sig, const union sigval *value)
{
    siginfo_t info;
    describe(&info, sig, value);
    if (value == NULL)
        info.si_code = SI_USER;
    return by_us(self, sig, &info) ? 0 : by_kernel(sig, &info);
}

static bool ended(const struct fiber *f)
{
    return f->state == FIBER_DONE || f->state == FIBER_FREE;
}

int signals_kill(struct fiber *self, struct fiber *target, int sig, const union sigval *value)
{
    siginfo_t info;
    if (sig == 32 || sig == 33)
        return EINVAL;
    /* libc's pthread_kill finds one that has ended, its pthread_sigqueue does not. */
    if (ended(target))
        return target->state == FIBER_FREE || value != NULL ? ESRCH : 0;
    if (sig < 0 || sig > SIGNALS)
        return EINVAL;
    if (sig == 0)
        return 0;
    describe(&info, sig, value);
    return send(self, target, sig, &info);
}

/* As the kernel: only to oneself anything may be said. */
int signals_queue(struct fiber *self, struct fiber *target, int sig, const siginfo_t *given)
{
    siginfo_t info;
    if (!mem_readable(given, sizeof info))
        return EFAULT;
    info = *given;
    info.si_signo = sig;
    if ((info.si_code >= 0 || info.si_code == SI_TKILL) && target != fiber_record)
        return EPERM;
    if (ended(target))
        return ESRCH;
    if (sig < 0 || sig > SIGNALS)
        return EINVAL;
    return sig == 0 || sig == 32 || sig == 33 ? 0 : send(self, target, sig, &info);
}

/* Waits for a handler, with another mask meanwhile (NULL: as it is). */
long signals_suspend(struct fiber *self, const uint64_t *mask)
{
    struct wait w;
    core_enter(self);
    uint64_t was = self->sig.mask;
    wait_init(&w, self, NULL);
    if (mask != NULL)
        signals_change_mask(self, *mask);
    int r = wait_park(&w, CLOCK_NEVER, WAIT_CANCEL | WAIT_INTR, mask != NULL ? "sigsuspend" : "pause");
    if (mask != NULL)
        signals_change_mask(self, was);
    core_leave(self);
    return r;
}

uint64_t signals_pending(struct fiber *self)
{
    uint64_t set = 0;
    (void)sys(SYS_rt_sigpending, &set, 8);
    core_enter(self);
    signals_route();
    for (struct pending_signal *p = self->sig.queue; p != NULL; p = p->next)
        set |= signal_bit(p->sig);
    for (struct pending_signal *p = rt.signals.queue; p != NULL; p = p->next)
        set |= signal_bit(p->sig);
    core_leave(self);
    return set;
}

/* The lowest number first, as the kernel does. */
static struct pending_signal *take_waited(struct pending_signal **queue, uint64_t set)
{
    struct pending_signal **least = NULL;
    for (; *queue != NULL; queue = &(*queue)->next)
        if ((set & signal_bit((*queue)->sig)) != 0 && (least == NULL || (*queue)->sig < (*least)->sig))
            least = queue;
    if (least == NULL)
        return NULL;
    struct pending_signal *p = *least;
    *least = p->next;
    return p;
}

/* As libc does: who waits for a signal sees a thread's kill as a process's. */
static void fold(siginfo_t *info)
{
    if (info != NULL && info->si_code == SI_TKILL)
        info->si_code = SI_USER;
}

struct awaited {
    uint64_t set;
    siginfo_t *info;
    uint64_t at;
};

static long await(void *arg)
{
    const struct awaited *a = arg;
    uint64_t now = a->at == CLOCK_NEVER ? 0 : clock_now();
    struct timespec left = clock_to_timespec(now < a->at ? a->at - now : 0);
    return sys(SYS_rt_sigtimedwait, &a->set, a->info, a->at == CLOCK_NEVER ? NULL : &left, 8);
}

/* Inside the core: what has come for the fiber already, or -E_AGAIN, and it is one that waits. */
static long take_or_wait(struct fiber *self, const struct awaited *a, struct pending_signal **found)
{
    signals_route();
    signals_let_in(self->kt);
    *found = take_waited(&self->sig.queue, a->set);
    if (*found == NULL)
        *found = take_waited(&rt.signals.queue, a->set);
    self->sig.waited = *found == NULL ? a->set : 0;
    return *found == NULL ? -E_AGAIN : (*found)->sig;
}

/* On a kernel thread of its own: the kernel knows what is pending for the process. Between the look at what is there
 * and the kernel's wait the core is not left: who sends it one later ends that wait, and it looks again. */
static long wait_for(struct fiber *self, struct awaited *a, struct pending_signal **found)
{
    long r;
    kick_prepare();
    do {
        struct wait w;
        wait_init(&w, self, NULL);
        core_enter(self);
        while (self->sig.due) {
            core_leave(self);
            core_enter(self);
        }
        if (self->main) {
            (void)alone_home(self); /* which the kernel prefers */
            signals_reserve(self, a->set);
        }
        r = take_or_wait(self, a, found);
        if (r == -E_AGAIN)
            r = wait_away(&w, CLOCK_NEVER, WAIT_CANCEL | WAIT_INTR | WAIT_ONCE, "sigwait", await, a);
        if ((r == -EAGAIN || r == -EINTR) && (*found = take_waited(&self->sig.queue, a->set)) != NULL)
            r = (*found)->sig; /* it came while the wait ended otherwise */
        self->sig.waited = 0;
        if (self->main)
            signals_reserve(self, 0);
        signals_pass_on(self);
        core_leave(self);
    } while (r == -E_AGAIN);
    return r;
}

static bool time_good(const struct timespec *t)
{
    return t->tv_sec >= 0 && t->tv_nsec >= 0 && t->tv_nsec < 1000000000;
}

long signals_wait(struct fiber *self, const sigset_t *set, siginfo_t *info, const struct timespec *timeout)
{
    struct awaited a = {0, info, CLOCK_NEVER};
    struct pending_signal *p;
    long r;
    if (!mem_readable(set, sizeof a.set) || (timeout != NULL && !mem_readable(timeout, sizeof *timeout)))
        return -EFAULT;
    memcpy(&a.set, set, sizeof a.set);
    if (timeout != NULL)
        a.at = clock_after(clock_from_timespec(timeout));
    bool at_once = timeout != NULL && (!time_good(timeout) || (timeout->tv_sec == 0 && timeout->tv_nsec == 0));
    if (at_once) {
        core_enter(self);
        r = take_or_wait(self, &a, &p);
        self->sig.waited = 0;
        core_leave(self);
        if (r == -E_AGAIN)
            return sys(SYS_rt_sigtimedwait, &a.set, info, timeout, 8);
    } else {
        r = wait_for(self, &a, &p);
        if (r == -E_NO_THREAD)
            r = await(&a);
    }
    bool told = r <= 0 || info == NULL || p == NULL || mem_writable(info, sizeof *info);
    if (p != NULL) {
        if (info != NULL && told)
            *info = p->info;
        pending_put(p);
    }
    if (r > 0 && told)
        fold(info);
    return told ? r : -EFAULT;
}
