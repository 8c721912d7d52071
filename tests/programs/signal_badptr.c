/* Bad pointers to the calls for signals, where the kernel finds them: EFAULT, and the state afterwards.
 * usage: signal_badptr 0|1: in main, or in a thread */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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
    errno = 0;
}

static void *work(void *unused)
{
    sigset_t set, none, now;
    siginfo_t info;
    struct timespec soon = {0, 1000000};
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    errno = 0;
    says("sigpending", sigpending(bad));
    says("pthread_sigmask old", pthread_sigmask(SIG_BLOCK, &set, bad));
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &now) == 0);
    printf("blocked %d\n", sigismember(&now, SIGUSR1));
    says("sigprocmask old", sigprocmask(SIG_UNBLOCK, &set, bad));
    CHECK(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    says("sigsuspend", sigsuspend(bad));
    says("sigtimedwait set", sigtimedwait(bad, &info, &soon));
    says("sigtimedwait time", sigtimedwait(&set, &info, bad));
    says("sigwaitinfo set", sigwaitinfo(bad, NULL));
    CHECK(raise(SIGUSR1) == 0);
    says("sigtimedwait time, pending", sigtimedwait(&set, &info, bad));
    CHECK(sigpending(&now) == 0);
    printf("pending %d\n", sigismember(&now, SIGUSR1));
    says("sigtimedwait", sigtimedwait(&set, &info, &soon) == SIGUSR1);
    says("sigtimedwait, none", sigtimedwait(&set, &info, &soon));
    says("pthread_setaffinity_np", pthread_setaffinity_np(pthread_self(), 128, bad));
    says("pthread_getaffinity_np", pthread_getaffinity_np(pthread_self(), 128, bad));
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
