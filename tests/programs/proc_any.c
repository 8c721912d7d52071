/*
 * Waits for any child, by several threads at once and by every call that can: each child is told of once, the sum is
 * right, and when none is left it is ECHILD for all.
 * usage: proc_any THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t __wait(int *);
extern pid_t __waitpid(pid_t, int *, int);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { CHILDREN = 60 };
static atomic_int codes[CHILDREN], told;

static void *collect(void *arg)
{
    for (long how = (long)arg;; how++) {
        int status = -1;
        siginfo_t info = {0};
        pid_t pid;
        switch (how % 7) {
        case 0:
            pid = wait(&status);
            break;
        case 1:
            pid = __wait(&status);
            break;
        case 2:
            pid = wait3(&status, 0, NULL);
            break;
        case 3:
            pid = wait4(-1, &status, 0, NULL);
            break;
        case 4:
            pid = __waitpid(-1, &status, 0);
            break;
        case 5:
            pid = waitpid(0, &status, 0);
            break;
        default:
            pid = waitid(P_ALL, 0, &info, WEXITED) == 0 ? info.si_pid : -1;
            status = info.si_status << 8;
        }
        if (pid == -1) {
            CHECK(errno == ECHILD);
            return NULL;
        }
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) < CHILDREN);
        atomic_fetch_add(&codes[WEXITSTATUS(status)], 1);
        atomic_fetch_add(&told, 1);
    }
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];
    for (int i = 0; i < CHILDREN; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            usleep(i % 10 * 5000);
            _exit(i);
        }
    }
    if (!n)
        collect(NULL);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, collect, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < CHILDREN; i++)
        CHECK(codes[i] == 1);
    printf("%d children, each told of once\n", told);
    return 0;
}
