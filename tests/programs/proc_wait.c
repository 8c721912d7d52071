/*
 * Every call that waits for a child: exit codes, signals, usage of resources, in many threads at once, each of which
 * gets the status of its own child and no other.
 * usage: proc_wait THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t __waitpid(pid_t, int *, int);
extern pid_t __fork(void);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int threads;

static pid_t child(int code, int delay, int how)
{
    pid_t pid = how % 3 == 0 ? fork() : how % 3 == 1 ? __fork() : _Fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        struct timespec t = {0, delay * 1000000L};
        nanosleep(&t, NULL);
        if (code < 0)
            raise(-code);
        _exit(code);
    }
    return pid;
}

static void check(int status, int code)
{
    if (code < 0)
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == -code);
    else
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == code);
}

static void *scenario(void *arg)
{
    long me = (long)arg;
    for (int how = 0; how < 14; how++) {
        int status = -1, code = how % 3 == 2 ? -SIGKILL : (me * 14 + how) % 256, delay = how % 2 ? 20 : 0;
        siginfo_t info;
        struct rusage usage;
        memset(&info, 0, sizeof info);
        memset(&usage, 0xff, sizeof usage);
        pid_t pid = child(code, delay, how);
        switch (how / 2) {
        case 0:
            CHECK(waitpid(pid, &status, 0) == pid);
            break;
        case 1:
            CHECK(__waitpid(pid, &status, 0) == pid);
            break;
        case 2:
            CHECK(wait4(pid, &status, 0, &usage) == pid);
            CHECK(usage.ru_maxrss > 0 && usage.ru_utime.tv_sec >= 0);
            break;
        case 3:
            CHECK(wait4(pid, NULL, 0, NULL) == pid);
            CHECK(waitpid(pid, NULL, 0) == -1 && errno == ECHILD);
            continue;
        case 4: { /* look, then take */
            CHECK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT) == 0);
            CHECK(info.si_pid == pid && info.si_signo == SIGCHLD);
            memset(&info, 0, sizeof info);
            CHECK(waitid(P_PID, pid, &info, WEXITED) == 0);
            break;
        }
        case 5: {
            int fd = syscall(SYS_pidfd_open, pid, 0);
            if (fd >= 0) {
                CHECK(waitid(P_PIDFD, fd, &info, WEXITED) == 0);
                close(fd);
            } else
                CHECK(waitid(P_PID, pid, &info, WEXITED) == 0);
            break;
        }
        default: /* looks in from time to time */
            for (pid_t got; (got = waitpid(pid, &status, WNOHANG)) != pid;) {
                CHECK(got == 0);
                usleep(1000);
            }
        }
        if (info.si_pid) {
            CHECK(info.si_pid == pid && info.si_uid == getuid());
            CHECK(code < 0 ? info.si_code == CLD_KILLED && info.si_status == -code
                           : info.si_code == CLD_EXITED && info.si_status == code);
        } else
            check(status, code);
        CHECK(waitpid(pid, &status, 0) == -1 && errno == ECHILD); /* once */
    }
    return NULL;
}

int main(int argc, char **argv)
{
    threads = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[threads + 1];
    if (!threads)
        scenario(NULL);
    for (long i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, (void *)i) == 0);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
    puts("each its own child");
    return 0;
}
