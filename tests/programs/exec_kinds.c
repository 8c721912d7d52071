/* Every way to exec and to spawn, from a thread that blocks SIGUSR1: the new program has its arguments, environment and
 * mask. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
extern int __clone(int (*)(void *), void *, int, void *, ...);

static int shows(char **argv)
{
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    printf("%s %s SIGUSR1 %s SIGUSR2 %s\n", argv[2], getenv("KIND") ? getenv("KIND") : "-",
           sigismember(&mask, SIGUSR1) ? "blocked" : "open", sigismember(&mask, SIGUSR2) ? "blocked" : "open");
    return 7;
}

static void run(int kind)
{
    char *me = "/proc/self/exe", *env[] = {"KIND=own", NULL};
    char *argv[] = {"exec_kinds", "after", "vector", NULL};
    switch (kind) {
    case 0: execve(me, argv, env); break;
    case 1: execv(me, argv); break;
    case 2: execvp(me, argv); break;
    case 3: execvpe(me, argv, env); break;
    case 4: execl(me, "exec_kinds", "after", "list", NULL); break;
    case 5: execlp(me, "exec_kinds", "after", "list", NULL); break;
    case 6: execle(me, "exec_kinds", "after", "list", NULL, env); break;
    case 7: fexecve(open(me, O_RDONLY), argv, env); break;
    case 8: execveat(AT_FDCWD, me, argv, env, 0); break;
    }
    _exit(99);
}

static int child(void *arg)
{
    _exit((int)(long)arg);
}

static void *thread(void *unused)
{
    char *argv[] = {"exec_kinds", "after", "spawned", NULL}, path[256] = "";
    char *stack = malloc(65536);
    sigset_t mask;
    pid_t pid;
    int status;
    sigemptyset(&mask);
    sigaddset(&mask, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &mask, NULL);
    readlink("/proc/self/exe", path, sizeof path - 1);
    for (int kind = 0; kind <= 12; kind++) {
        if (kind == 9)
            status = posix_spawn(&pid, path, NULL, NULL, argv, environ);
        else if (kind == 10)
            status = posix_spawnp(&pid, path, NULL, NULL, argv, environ);
        else if (kind == 11)
            pid = clone(child, stack + 65536, SIGCHLD, (void *)7);
        else if (kind == 12)
            pid = __clone(child, stack + 65536, SIGCHLD, (void *)7);
        else if ((pid = fork()) == 0)
            run(kind);
        if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
            printf("FAIL kind %d: status %x\n", kind, status);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    if (argc > 2 && !strcmp(argv[1], "after"))
        return shows(argv);
    pthread_create(&t, NULL, thread, NULL);
    pthread_join(t, NULL);
    execve("/nonexistent", argv, environ);
    perror("execve");
    return 0;
}
