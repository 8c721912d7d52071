/* What the program wants done on a signal, and what the kernel is told instead. See signals.h. */
#include "core/pending.h"
#include "shim/real.h"

#include <errno.h>
#include <string.h>

bool signals_all_restart(void)
{
    for (int sig = 1; sig <= SIGNALS; sig++) {
        struct kernel_action act;
        if (sys(SYS_rt_sigaction, sig, NULL, &act, 8) == 0 && (uintptr_t)act.handler > (uintptr_t)SIG_IGN &&
            (act.flags & SA_RESTART) == 0)
            return false;
    }
    return true;
}

static bool watched(int sig)
{
    return (rt.signals.watched & signal_bit(sig)) != 0;
}

int signals_install(int sig, const struct sigaction *act)
{
    struct sigaction ours = *act;
    struct sigaction with_us;
    bool handler = is_handler(act);
    if (handler || watched(sig)) {
        memset(&ours.sa_mask, act->sa_flags & SA_ONSTACK ? 0xff : 0, sizeof ours.sa_mask); /* see altstack.h */
        ours.sa_sigaction = signals_trampoline;
        ours.sa_flags = (act->sa_flags & (SA_NOCLDSTOP | SA_NOCLDWAIT | SA_ONSTACK | SA_RESTART)) | SA_SIGINFO;
    }
    if (!handler && watched(sig)) /* as little as can be seen of it: no call ends early, no child stays */
        ours.sa_flags |= SA_RESTART | (sig == SIGCHLD && act->sa_handler == SIG_IGN ? SA_NOCLDWAIT : 0);
    return real.sigaction(sig, &ours, &with_us);
}

static void note_ours(int sig)
{
    struct signals *s = &rt.signals;
    bool ours = is_handler(&s->acts[sig]) || watched(sig);
    s->ours = ours ? s->ours | signal_bit(sig) : s->ours & ~signal_bit(sig);
}

int signals_watch(int sig, bool on)
{
    struct signals *s = &rt.signals;
    uint64_t was = s->watched;
    s->watched = on ? was | signal_bit(sig) : was & ~signal_bit(sig);
    if (signals_install(sig, &s->acts[sig]) != 0) {
        s->watched = was;
        return -EINVAL;
    }
    note_ours(sig);
    return 0;
}

int signals_action(int sig, const struct sigaction *act, struct sigaction *old)
{
    struct signals *s = &rt.signals;
    if (sig < 1 || sig > SIGNALS)
        return real.sigaction(sig, act, old);
    bool had = has_handler(sig);
    struct sigaction was = s->acts[sig];
    if (act != NULL) {
        struct sigaction want = *act;
        s->acts[sig] = want;
        if (signals_install(sig, &want) != 0) {
            s->acts[sig] = was;
            return -1;
        }
        note_ours(sig);
    }
    if (old == NULL)
        return 0;
    if (had) {
        *old = was;
        return 0;
    }
    if (act == NULL)
        return real.sigaction(sig, NULL, old);
    *old = was;
    return 0;
}
