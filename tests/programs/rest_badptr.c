/* Bad pointers to exec, spawn, futex, epoll_ctl, names of threads: EFAULT, and the program goes on.
 * usage: rest_badptr 0|1: in main, or in a thread */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void *bad;

static void says(const char *call, long r)
{
    printf("%s: %ld errno %d\n", call, r, errno);
    fflush(stdout);
    errno = 0;
}

static void *work(void *unused)
{
    char *argv[] = {"true", NULL}, *env[] = {NULL}, name[16] = "";
    int set = epoll_create1(0), p[2], here = 0, fd = open("/bin/true", O_RDONLY);
    struct timespec soon = {0, 1000000};
    pid_t pid;
    CHECK(set >= 0 && pipe(p) == 0 && fd >= 0);
    errno = 0;
    says("execve path", execve(bad, argv, env));
    says("execve argv", execve("/bin/true", bad, env));
    says("execve env", execve("/bin/true", argv, bad));
    says("execv", execv(bad, argv));
    says("fexecve", fexecve(fd, bad, env));
    says("execveat", execveat(AT_FDCWD, bad, argv, env, 0));
    says("posix_spawn path", posix_spawn(&pid, bad, NULL, NULL, argv, env));
    says("epoll_ctl add", epoll_ctl(set, EPOLL_CTL_ADD, p[0], bad));
    says("epoll_ctl mod", epoll_ctl(set, EPOLL_CTL_MOD, p[0], bad));
    says("epoll_ctl del", epoll_ctl(set, EPOLL_CTL_DEL, p[0], bad));
    says("futex wait", syscall(SYS_futex, bad, FUTEX_WAIT, 0, NULL, NULL, 0));
    says("futex wait private", syscall(SYS_futex, bad, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0));
    says("futex time", syscall(SYS_futex, &here, FUTEX_WAIT_PRIVATE, 0, bad, NULL, 0));
    says("futex wake", syscall(SYS_futex, bad, FUTEX_WAKE, 1, NULL, NULL, 0));
    says("futex requeue", syscall(SYS_futex, &here, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1, bad, 0));
    says("futex lock", syscall(SYS_futex, bad, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    says("futex, none of these", syscall(SYS_futex, &here, FUTEX_WAIT_PRIVATE, 0, &soon, NULL, 0));
    says("syscall read", syscall(SYS_read, p[0], bad, 0));
    CHECK(write(p[1], "x", 1) == 1);
    says("syscall read 1", syscall(SYS_read, p[0], bad, 1));
    says("pthread_getname_np", pthread_getname_np(pthread_self(), bad, 16));
    CHECK(pthread_getname_np(pthread_self(), name, 16) == 0);
    CHECK(fcntl(p[0], F_GETFD) == 0 && waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    bad = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (atoi(argv[1]) == 0) {
        work(NULL);
    } else {
        CHECK(pthread_create(&t, NULL, work, NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
    }
    return 0;
}
