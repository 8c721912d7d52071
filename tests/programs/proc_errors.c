/*
 * What the waits for children refuse, bad pointers included (the child is taken even so, as bare).
 * usage: proc_errors 0|1 (1: in a second thread)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t __waitpid(pid_t, int *, int);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* Pointers no call may follow: low, unmapped, without access, and (to be written to) read-only. */
static char *nobody, *readonly;
#define LOW ((void *)8)

static void make_bad(void)
{
    CHECK((nobody = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
    CHECK((readonly = mmap(NULL, 65536, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
}

#define SHOW(call)                                                                                                     \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        long result_ = (long)(call);                                                                                   \
        printf("%s: %ld %s\n", #call, result_, result_ == -1 ? strerrorname_np(errno) : "");                           \
    } while (0)

static pid_t child(int delay)
{
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        usleep(delay * 1000);
        _exit(5);
    }
    return pid;
}

static void *scenario(void *unused)
{
    int status;
    siginfo_t info;
    pid_t pid, self = getpid(), first = 1;
    puts("no child");
    SHOW(wait(NULL));
    SHOW(waitpid(-1, &status, 0));
    SHOW(waitpid(-1, &status, WNOHANG));
    SHOW(waitpid(self, &status, 0));
    SHOW(waitpid(first, &status, 0));
    SHOW(__waitpid(0, &status, 0));
    SHOW(waitpid(INT_MIN, &status, 0));
    SHOW(wait3(&status, 0, NULL));
    SHOW(wait4(-1, &status, 0, NULL));
    SHOW(waitid(P_ALL, 0, &info, WEXITED));
    SHOW(waitid(P_PID, self, &info, WEXITED));
    puts("bad options");
    SHOW(waitpid(-1, &status, 0x4000));
    SHOW(waitid(P_ALL, 0, &info, 0));
    SHOW(waitid(P_ALL, 0, &info, WNOHANG));
    SHOW(waitid(P_ALL, 0, &info, WEXITED | 0x4000));
    SHOW(waitid(77, 0, &info, WEXITED));
    SHOW(waitid(P_PID, 0, &info, WEXITED));
    SHOW(waitid(P_PID, -1, &info, WEXITED));
    SHOW(waitid(P_PIDFD, 700, &info, WEXITED));
    SHOW(waitid(P_PIDFD, 0, &info, WEXITED));
    puts("bad pointers");
    for (int delay = 0; delay <= 30; delay += 30) {
        pid = child(delay);
        SHOW(waitpid(pid, LOW, 0));
        SHOW(waitpid(pid, &status, 0));
        pid = child(delay);
        SHOW(wait4(pid, &status, 0, LOW));
        SHOW(waitpid(pid, &status, 0));
        pid = child(delay);
        SHOW(wait((void *)readonly));
        SHOW(waitpid(pid, &status, 0));
        pid = child(delay);
        SHOW(waitid(P_PID, pid, LOW, WEXITED));
        SHOW(waitpid(pid, &status, 0));
        pid = child(delay);
        SHOW(waitid(P_PID, pid, NULL, WEXITED));
        SHOW(waitpid(pid, &status, 0));
        pid = child(delay);
        SHOW(waitid(P_ALL, 0, (void *)nobody, WEXITED));
        SHOW(waitpid(pid, &status, 0));
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    make_bad();
    if (argc > 1 && atoi(argv[1]))
        CHECK(pthread_create(&t, NULL, scenario, NULL) == 0 && pthread_join(t, NULL) == 0);
    else
        scenario(NULL);
    return 0;
}
