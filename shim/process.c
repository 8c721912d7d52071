/* fork, wait and system. fork itself needs no body: the handlers that init.c registers run around it, whoever calls it.
 */
#include "shim/hook.h"
#include "core/child.h"
#include "core/sync.h"
#include "shim/state.h"

#include <paths.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>

#include "shim/vfork.h"

EXPORT pid_t fork(void)
{
    state_forks(hook_enter());
    return real.fork();
}
TWIN(__fork, fork);

/* Async-signal-safe fork: runs no handlers. */
EXPORT pid_t _Fork(void)
{
    struct fiber *self = hook_enter();
    if (self == NULL)
        return real._Fork();
    state_forks(self);
    child_fork_prepare();
    pid_t pid = real._Fork();
    if (pid == 0)
        child_fork_child();
    else
        child_fork_parent();
    return pid;
}

/* A thread that is made behind libc's back wakes futexes by system calls that nobody sees, and the kernel does at its
 * end: from now on they are waited for in the kernel. */
EXPORT int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
    va_list args;
    va_start(args, arg);
    void *parent_tid = va_arg(args, void *), *tls = va_arg(args, void *), *child_tid = va_arg(args, void *);
    va_end(args);
    struct fiber *self = hook_enter();
    fdtab_shared();
    if ((flags & CLONE_VM) != 0 && (flags & CLONE_VFORK) == 0)
        futex_in_kernel(self);
    if ((flags & CLONE_VM) == 0)
        state_forks(self);
    return real.clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
}
TWIN(__clone, clone);

static bool tracked(const struct fiber *self)
{
    return self != NULL || rt.config.timeout[OP_WAIT] != 0;
}

GATED(pid_t, wait4, (pid_t pid, int *status, int options, struct rusage *usage), (pid, status, options, usage))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.wait4(pid, status, options, usage);
    return (pid_t)hook_result(child_wait4(self, pid, status, options, usage));
}

GATED(pid_t, waitpid, (pid_t pid, int *status, int options), (pid, status, options))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.waitpid(pid, status, options);
    return (pid_t)hook_result(child_wait4(self, pid, status, options, NULL));
}
TWIN(__waitpid, waitpid);

EXPORT pid_t wait(int *status)
{
    return waitpid(-1, status, 0);
}
TWIN(__wait, wait);

EXPORT pid_t wait3(int *status, int options, struct rusage *usage)
{
    return wait4(-1, status, options, usage);
}

GATED(int, waitid, (idtype_t type, id_t id, siginfo_t *info, int options), (type, id, info, options))
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self))
        return real.waitid(type, id, info, options);
    return (int)hook_result(child_waitid(self, type, id, info, options));
}

/* ---- system ---- */

/* SIGINT and SIGQUIT are ignored as long as somebody waits here, in whatever thread. */
static struct {
    pthread_mutex_t lock;
    unsigned users;
    struct sigaction interrupt, quit;
} shell = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void shell_begin(sigset_t *to_default)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    pthread_mutex_lock(&shell.lock);
    if (shell.users++ == 0) {
        sigaction(SIGINT, &ignore, &shell.interrupt);
        sigaction(SIGQUIT, &ignore, &shell.quit);
    }
    sigemptyset(to_default);
    if (shell.interrupt.sa_handler != SIG_IGN)
        sigaddset(to_default, SIGINT);
    if (shell.quit.sa_handler != SIG_IGN)
        sigaddset(to_default, SIGQUIT);
    pthread_mutex_unlock(&shell.lock);
}

static void shell_end(void)
{
    pthread_mutex_lock(&shell.lock);
    if (--shell.users == 0) {
        sigaction(SIGINT, &shell.interrupt, NULL);
        sigaction(SIGQUIT, &shell.quit, NULL);
    }
    pthread_mutex_unlock(&shell.lock);
}

static int shell_spawn(pid_t *pid, const char *line, const sigset_t *mask, const sigset_t *to_default)
{
    char *const argv[] = {"sh", "-c", (char *)line, NULL};
    const posix_spawnattr_t attr = {
        .__flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK, .__sd = *to_default, .__ss = *mask};
    return posix_spawn(pid, _PATH_BSHELL, NULL, &attr, argv, environ);
}

/* No handler ends the wait. Who is cancelled ends the shell. */
static long shell_wait(struct fiber *self, pid_t pid, int *status)
{
    long r;
    do
        r = child_wait4(self, pid, status, 0, NULL);
    while (r == -EINTR);
    if (r == -E_CANCELLED) {
        (void)sys(SYS_kill, pid, SIGKILL);
        (void)sys(SYS_wait4, pid, status, 0, NULL);
    }
    return r;
}

EXPORT int system(const char *line)
{
    struct fiber *self = hook_enter_cancel();
    if (!tracked(self) && !rt.coop) /* else kernel threads, too: the signals are put right in one place */
        return real.system(line);
    sigset_t to_default, child, mask;
    pid_t pid;
    int status = 127 << 8; /* no shell */
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    shell_begin(&to_default);
    pthread_sigmask(SIG_BLOCK, &child, &mask);
    int e = shell_spawn(&pid, line == NULL ? "exit 0" : line, &mask, &to_default);
    long r = e == 0 ? shell_wait(self, pid, &status) : 0;
    shell_end();
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    if (hook_result(r) < 0)
        status = -1;
    if (e != 0)
        errno = e;
    return line == NULL ? status == 0 : status;
}
