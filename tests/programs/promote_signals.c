/* Signals of a thread that has become a kernel thread of its own: its mask and what was pending stay, its number is the
   kernel's, pthread_kill, tgkill and sigqueue reach it and it reaches others, sigwait and sigsuspend work. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready, go;
static pthread_t self_of[3];
static volatile int got[65], wrong, value;
static __thread int mine;

static void handler(int sig, siginfo_t *info, void *context)
{
    sigset_t set;
    got[sig]++;
    wrong += mine != 1;
    if (info->si_code == SI_QUEUE)
        value = info->si_value.sival_int;
    pthread_sigmask(SIG_BLOCK, NULL, &set);
    wrong += !sigismember(&set, sig) || !sigismember(&set, SIGUSR2);
}

static void become(void)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
}

static int listed(int tid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d", tid);
    return access(path, F_OK) == 0;
}

static int tid_of_thread;

static void *receives(void *unused)
{
    sigset_t set;
    mine = 1;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGRTMIN);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    union sigval v = {.sival_int = 42};
    CHECK(pthread_kill(pthread_self(), SIGTERM) == 0);
    CHECK(pthread_sigqueue(pthread_self(), SIGRTMIN, v) == 0);
    become();
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0);
    CHECK(sigismember(&set, SIGTERM) && sigismember(&set, SIGRTMIN) && !sigismember(&set, SIGUSR1));
    CHECK(sigpending(&set) == 0 && sigismember(&set, SIGTERM) && sigismember(&set, SIGRTMIN));
    CHECK(got[SIGTERM] == 0 && got[SIGRTMIN] == 0);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGRTMIN);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(got[SIGTERM] == 1 && got[SIGRTMIN] == 1 && value == 42);

    int tid = gettid();
    CHECK(tid == syscall(SYS_gettid) && listed(tid));
    CHECK(tgkill(getpid(), tid, SIGUSR1) == 0);
    CHECK(got[SIGUSR1] == 1);
    CHECK(syscall(SYS_tgkill, getpid(), tid, SIGUSR1) == 0);
    CHECK(got[SIGUSR1] == 2);
    CHECK(raise(SIGUSR1) == 0);
    CHECK(got[SIGUSR1] == 3);
    tid_of_thread = tid;
    sem_post(&ready);
    while (got[SIGUSR1] < 6) /* from main: by handle, by number, with a value */
        usleep(500);
    CHECK(value == 7);

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    sem_post(&ready);
    int sig;
    CHECK(sigwait(&set, &sig) == 0 && sig == SIGUSR2);
    sem_post(&ready);
    sigemptyset(&set);
    CHECK(sigsuspend(&set) == -1 && errno == EINTR);
    CHECK(got[SIGUSR2] == 1);
    /* The other way round. */
    CHECK(pthread_kill(self_of[1], SIGALRM) == 0);
    CHECK(pthread_kill(self_of[1], 0) == 0);
    sem_post(&go);
    return NULL;
}

static volatile int alarmed, in_right_thread;
static __thread int target;

static void on_alarm(int sig)
{
    alarmed++;
    in_right_thread = target;
}

static void *target_of_kill(void *unused)
{
    target = 1;
    sem_post(&ready);
    sem_wait(&go);
    while (!alarmed)
        usleep(500);
    return NULL;
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaddset(&act.sa_mask, SIGUSR2);
    const int sigs[] = {SIGTERM, SIGUSR1, SIGUSR2, SIGRTMIN};
    for (int i = 0; i < 4; i++)
        CHECK(sigaction(sigs[i], &act, NULL) == 0);
    signal(SIGALRM, on_alarm);
    sem_init(&ready, 0, 0);
    sem_init(&go, 0, 0);
    CHECK(pthread_create(&self_of[1], NULL, target_of_kill, NULL) == 0);
    sem_wait(&ready);
    CHECK(pthread_create(&self_of[0], NULL, receives, NULL) == 0);
    sem_wait(&ready);
    CHECK(listed(tid_of_thread));
    CHECK(pthread_kill(self_of[0], SIGUSR1) == 0);
    while (got[SIGUSR1] < 4)
        usleep(500);
    CHECK(tgkill(getpid(), tid_of_thread, SIGUSR1) == 0);
    while (got[SIGUSR1] < 5)
        usleep(500);
    union sigval v = {.sival_int = 7};
    CHECK(pthread_sigqueue(self_of[0], SIGUSR1, v) == 0);
    sem_wait(&ready);
    CHECK(pthread_kill(self_of[0], SIGUSR2) == 0);
    sem_wait(&ready);
    CHECK(pthread_kill(self_of[0], SIGUSR2) == 0);
    CHECK(pthread_join(self_of[0], NULL) == 0);
    CHECK(pthread_join(self_of[1], NULL) == 0);
    printf("%d wrong, alarm in the right thread %d\n", wrong, in_right_thread);
    /* A signal to the process is main's. */
    mine = 1;
    for (int i = 0; i < 20; i++)
        CHECK(kill(getpid(), SIGUSR1) == 0);
    while (got[SIGUSR1] < 7)
        usleep(500);
    printf("%d wrong\n", wrong);
    return 0;
}
