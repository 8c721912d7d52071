/* A signal that was sent to one thread, which all threads block, is read from a signalfd by that thread: by read, after
 * poll and epoll_wait, before and after it waits. One that it unblocks instead comes to its handler, there. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sigset_t set;
static int fd, set_fd;
static sem_t go, came;
static pthread_t handled_by;
static volatile int handled, value;

static void handler(int sig, siginfo_t *info, void *context)
{
    handled++;
    handled_by = pthread_self();
}

static void take(int sig)
{
    struct signalfd_siginfo i;
    CHECK(read(fd, &i, sizeof i) == sizeof i);
    CHECK(i.ssi_signo == sig && i.ssi_pid == getpid() && i.ssi_uid == getuid());
    value = i.ssi_int;
}

static void *reads(void *arg)
{
    struct pollfd p = {.events = POLLIN};
    struct epoll_event e;
    p.fd = fd;
    for (int i = 0; i < 2; i++) { /* before it is sent, and when it has been */
        sem_post(&came);
        if (i == 1)
            sem_wait(&go);
        take(SIGUSR1);
        sem_post(&came);
        if (i == 1)
            sem_wait(&go);
        CHECK(poll(&p, 1, -1) == 1 && p.revents == POLLIN);
        take(SIGUSR1);
        sem_post(&came);
        if (i == 1)
            sem_wait(&go);
        CHECK(epoll_wait(set_fd, &e, 1, -1) == 1 && e.events == EPOLLIN);
        take(SIGUSR2);
        CHECK(value == 42);
    }
    sem_post(&came);
    sem_wait(&go);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
    CHECK(handled == 1 && handled_by == pthread_self());
    return arg;
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
    struct epoll_event e = {.events = EPOLLIN};
    pthread_t t;
    alarm(50);
    sem_init(&go, 0, 0);
    sem_init(&came, 0, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    sigaction(SIGUSR1, &act, NULL);
    fd = signalfd(-1, &set, 0);
    set_fd = epoll_create1(0);
    CHECK(fd >= 0 && epoll_ctl(set_fd, EPOLL_CTL_ADD, fd, &e) == 0);
    CHECK(pthread_create(&t, NULL, reads, NULL) == 0);
    for (int i = 0; i < 7; i++) {
        sem_wait(&came);
        if (i < 3)
            usleep(10000); /* it waits */
        if (i % 3 == 2)
            CHECK(pthread_sigqueue(t, SIGUSR2, (union sigval){.sival_int = 42}) == 0);
        else
            CHECK(pthread_kill(t, SIGUSR1) == 0);
        if (i >= 3)
            sem_post(&go);
    }
    CHECK(pthread_join(t, NULL) == 0);
    puts("all read");
    return 0;
}
