/* The older names of signal calls, by way of the newer ones. Without fibers they are libc's. */
#include "shim/hook.h"

#include <string.h>

/* A set of one; -1 and EINVAL if there is no such signal. */
static int only(sigset_t *set, int sig)
{
    sigemptyset(set);
    return sigaddset(set, sig);
}

static int hold(int how, int sig)
{
    sigset_t set;
    return only(&set, sig) != 0 ? -1 : sigprocmask(how, &set, NULL);
}

EXPORT int sighold(int sig)
{
    return hook_enter() == NULL ? real.sighold(sig) : hold(SIG_BLOCK, sig);
}

EXPORT int sigrelse(int sig)
{
    return hook_enter() == NULL ? real.sigrelse(sig) : hold(SIG_UNBLOCK, sig);
}

EXPORT int sigignore(int sig)
{
    struct sigaction act = {.sa_handler = SIG_IGN};
    return hook_enter() == NULL ? real.sigignore(sig) : sigaction(sig, &act, NULL);
}

EXPORT sighandler_t sigset(int sig, sighandler_t handler)
{
    struct sigaction act = {.sa_handler = handler}, old;
    sigset_t set, was;
    if (hook_enter() == NULL)
        return real.sigset(sig, handler);
    bool held = handler == SIG_HOLD;
    if (only(&set, sig) != 0 || sigaction(sig, held ? NULL : &act, &old) != 0)
        return SIG_ERR;
    sigprocmask(held ? SIG_BLOCK : SIG_UNBLOCK, &set, &was);
    return sigismember(&was, sig) == 1 ? SIG_HOLD : old.sa_handler;
}

/* Masks of one word, of the first 32 signals. */
static int word_mask(int how, int word)
{
    sigset_t set, old;
    unsigned bits = (unsigned)word;
    sigemptyset(&set);
    memcpy(&set, &bits, sizeof bits);
    sigprocmask(how, &set, &old);
    memcpy(&bits, &old, sizeof bits);
    return (int)bits;
}

EXPORT int sigblock(int mask)
{
    return hook_enter() == NULL ? real.sigblock(mask) : word_mask(SIG_BLOCK, mask);
}

EXPORT int sigsetmask(int mask)
{
    return hook_enter() == NULL ? real.sigsetmask(mask) : word_mask(SIG_SETMASK, mask);
}

EXPORT int siggetmask(void)
{
    return hook_enter() == NULL ? real.siggetmask() : word_mask(SIG_BLOCK, 0);
}

/* Waits with a mask of one word, or with the present mask without one signal. */
static int pause_with(int value, bool is_signal)
{
    sigset_t set;
    unsigned bits = (unsigned)value;
    if (is_signal) {
        sigprocmask(SIG_BLOCK, NULL, &set);
        if (sigdelset(&set, value) != 0)
            return -1;
    } else {
        sigemptyset(&set);
        memcpy(&set, &bits, sizeof bits);
    }
    return sigsuspend(&set);
}

EXPORT int __sigpause(int value, int is_signal)
{
    return hook_enter() == NULL ? real.__sigpause(value, is_signal) : pause_with(value, is_signal != 0);
}

EXPORT int __xpg_sigpause(int sig)
{
    return hook_enter() == NULL ? real.__xpg_sigpause(sig) : pause_with(sig, true);
}

/* Headers give the name sigpause to one of the two above. */
extern int pause_with_mask(int mask) __asm__("sigpause") EXPORT;
int pause_with_mask(int mask)
{
    return hook_enter() == NULL ? real.__sigpause(mask, 0) : pause_with(mask, false);
}
