/* The one file that starts by itself: the constructor, the frame below main, the figures at the end. */
#include "shim/hook.h"
#include "core/child.h"
#include "core/stats.h"
#include "core/landing.h"
#include "core/stdio.h"
#include "shim/stdio.h"
#include "shim/vfork.h"

#include <string.h>

extern char **environ;

static pid_t first_vfork(void)
{
    return fork(); /* called before anything is bound: fork is allowed for vfork */
}

pid_t (*vfork_target)(void) = first_vfork;

static void before_fork(void)
{
    stdio_fork_prepare();
    child_fork_prepare();
}

static void after_fork_parent(void)
{
    child_fork_parent();
    stdio_fork_parent();
}

static void after_fork_child(void)
{
    child_fork_child();
    stdio_fork_child();
    vfork_target = real.vfork;
}

/* --no-follow: what this program executes is not preloaded. Our entry goes, others stay. */
static void unfollow(void)
{
    char *list = getenv("LD_PRELOAD");
    if (list == NULL)
        return;
    char *out = list;
    for (const char *p = list; *p != '\0';) {
        size_t n = strcspn(p, ": ");
        const char *end = p + n;
        bool ours = n >= 10 && memcmp(end - 10, "libcoax.so", 10) == 0;
        size_t whole = n + (*end != '\0');
        if (!ours) {
            memmove(out, p, whole);
            out += whole;
        }
        p += whole;
    }
    *out = '\0';
    if (*list == '\0')
        unsetenv("LD_PRELOAD");
}

/* Tells the launcher that we are here. */
static void report_in(void)
{
    if (rt.config.verify_fd < 0)
        return;
    (void)sys(SYS_write, rt.config.verify_fd, "!", 1);
    (void)sys(SYS_close, rt.config.verify_fd);
    unsetenv("COAX_VERIFY_FD");
}

__attribute__((constructor)) static void start(void)
{
    hook_bind(); /* the constructor of another library may have come first */
    config_init(&rt.config, environ);
    real_gate_set(REAL_LIMITS, rt.config.any_timeout);
    method_set_default(rt.config.method); /* fibers may run already, by the other */
    rt.no_fibers = rt.config.kernel_threads;
    vfork_target = real.vfork;
    pthread_atfork(before_fork, after_fork_parent, after_fork_child);
    if (!rt.config.follow)
        unfollow();
    if (rt.config.any_timeout)
        stdio_start();
    report_in();
}

__attribute__((destructor)) static void finish(void)
{
    stdio_settle();
    if (rt.config.stats != NULL)
        stats_write(rt.config.stats);
}

/* Where pthread_exit of the main thread lands: the process lives until its last thread ends. */

static int (*program)(int, char **, char **);

static int below_main(int argc, char **argv, char **env)
{
    struct landing landing;
    if (landing_set(&landing) == 0) {
        __pthread_register_cancel(&landing.buf);
        int status = program(argc, argv, env);
        __pthread_unregister_cancel(&landing.buf);
        return status;
    }
    struct fiber *self = rt.coop ? fiber_record : NULL;
    if (self != NULL) {
        if (!self->exiting)
            self->result = PTHREAD_CANCELED;
        fiber_exit(self);
    }
    __pthread_unwind_next(&landing.buf); /* no fibers: on to libc's own landing */
}

EXPORT int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void),
                             void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    hook_enter();
    program = main;
    return real.__libc_start_main(below_main, argc, argv, init, fini, rtld_fini, stack_end);
}
