/* exec and spawn: the new program inherits the mask of the calling thread, which here is the fiber's, not the kernel
 * thread's. */
#include "shim/hook.h"

#include <stdarg.h>
#include <string.h>

struct mask {
    struct fiber *self;
    uint64_t kernel;
};

/* The kernel gets the fiber's mask for the time of the call. */
static struct mask mask_real(void)
{
    struct mask m = {.self = hook_enter()};
    fdtab_shared();
    if (m.self != NULL)
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &m.self->sig.mask, &m.kernel, 8);
    return m;
}

static int mask_back(const struct mask *m, int r)
{
    if (m->self != NULL)
        (void)sys(SYS_rt_sigprocmask, SIG_SETMASK, &m->self->kt->kernel_mask, NULL, 8);
    return r;
}

EXPORT int execve(const char *path, char *const argv[], char *const env[])
{
    struct mask m = mask_real();
    return mask_back(&m, real.execve(path, argv, env));
}

EXPORT int execv(const char *path, char *const argv[])
{
    struct mask m = mask_real();
    return mask_back(&m, real.execv(path, argv));
}

EXPORT int execvp(const char *file, char *const argv[])
{
    struct mask m = mask_real();
    return mask_back(&m, real.execvp(file, argv));
}

EXPORT int execvpe(const char *file, char *const argv[], char *const env[])
{
    struct mask m = mask_real();
    return mask_back(&m, real.execvpe(file, argv, env));
}

EXPORT int fexecve(int fd, char *const argv[], char *const env[])
{
    struct mask m = mask_real();
    return mask_back(&m, real.fexecve(fd, argv, env));
}

EXPORT int execveat(int dir, const char *path, char *const argv[], char *const env[], int flags)
{
    struct mask m = mask_real();
    return mask_back(&m, real.execveat(dir, path, argv, env, flags));
}

/* The list kinds: on this stack, as libc does. */
static int count(va_list args)
{
    int n = 1;
    while (va_arg(args, char *) != NULL)
        n++;
    return n;
}

static void collect(char **argv, const char *first, va_list args)
{
    *argv++ = (char *)first;
    while ((*argv++ = va_arg(args, char *)) != NULL)
        ;
}

#define LIST_TO_VECTOR(first)                                                                                          \
    va_list args, again;                                                                                               \
    va_start(args, first);                                                                                             \
    va_copy(again, args);                                                                                              \
    char **argv = __builtin_alloca((size_t)(count(again) + 1) * sizeof *argv);                                         \
    va_end(again);                                                                                                     \
    collect(argv, first, args)

EXPORT int execl(const char *path, const char *first, ...)
{
    LIST_TO_VECTOR(first);
    va_end(args);
    return execv(path, argv);
}

EXPORT int execlp(const char *file, const char *first, ...)
{
    LIST_TO_VECTOR(first);
    va_end(args);
    return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *first, ...)
{
    LIST_TO_VECTOR(first);
    char *const *env = va_arg(args, char *const *);
    va_end(args);
    return execve(path, argv, env);
}

EXPORT int posix_spawn(pid_t *restrict pid, const char *restrict path, const posix_spawn_file_actions_t *restrict acts,
                       const posix_spawnattr_t *restrict attr, char *const argv[restrict], char *const env[restrict])
{
    struct mask m = mask_real();
    return mask_back(&m, real.posix_spawn(pid, path, acts, attr, argv, env));
}

EXPORT int posix_spawnp(pid_t *restrict pid, const char *restrict file, const posix_spawn_file_actions_t *restrict acts,
                        const posix_spawnattr_t *restrict attr, char *const argv[restrict], char *const env[restrict])
{
    struct mask m = mask_real();
    return mask_back(&m, real.posix_spawnp(pid, file, acts, attr, argv, env));
}

EXPORT FILE *popen(const char *command, const char *type)
{
    struct mask m = mask_real();
    FILE *f = real.popen(command, type);
    mask_back(&m, 0);
    return f;
}
TWIN(_IO_popen, popen);

/* With a command in the words libc reads what a shell says, and waits for it. */
EXPORT int wordexp(const char *restrict words, wordexp_t *restrict result, int flags)
{
    struct fiber *self = hook_enter();
    if (self == NULL || (flags & WRDE_NOCMD) != 0 || (strchr(words, '`') == NULL && strstr(words, "$(") == NULL))
        return real.wordexp(words, result, flags);
    baton_away(self, "wordexp");
    struct mask m = mask_real();
    int r = mask_back(&m, real.wordexp(words, result, flags));
    baton_back(self);
    return r;
}

/* Before glibc 2.15: a file that is no program is given to the shell. */
EXPORT int posix_spawn_old(pid_t *restrict pid, const char *restrict path,
                           const posix_spawn_file_actions_t *restrict acts, const posix_spawnattr_t *restrict attr,
                           char *const argv[restrict], char *const env[restrict])
{
    struct mask m = mask_real();
    return mask_back(&m, real_old()->posix_spawn_old(pid, path, acts, attr, argv, env));
}
VERSION(posix_spawn_old, posix_spawn, "GLIBC_2.2.5");

EXPORT int posix_spawnp_old(pid_t *restrict pid, const char *restrict file,
                            const posix_spawn_file_actions_t *restrict acts, const posix_spawnattr_t *restrict attr,
                            char *const argv[restrict], char *const env[restrict])
{
    struct mask m = mask_real();
    return mask_back(&m, real_old()->posix_spawnp_old(pid, file, acts, attr, argv, env));
}
VERSION(posix_spawnp_old, posix_spawnp, "GLIBC_2.2.5");
