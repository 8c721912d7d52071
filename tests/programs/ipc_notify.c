/* mq_notify in a process whose threads wait in mq_receive: while one does, a message is its own, and nobody is told; the
 * next message, which nobody waits for, is told of. */
#define _GNU_SOURCE
#include <errno.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static mqd_t mq;
static volatile int told;
static int began;

static void handler(int sig)
{
    told++;
}

static void *receives(void *arg)
{
    char m[8];
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    CHECK(mq_receive(mq, m, sizeof m, NULL) == 1);
    return arg;
}

static void wait_begun(int n)
{
    while (__atomic_load_n(&began, __ATOMIC_SEQ_CST) < n)
        usleep(1000);
    usleep(20000);
}

int main(void)
{
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 8};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    pthread_t t[2];
    char name[60], m[8];
    alarm(50);
    signal(SIGUSR1, handler);
    snprintf(name, sizeof name, "/notify-%d", (int)getpid());
    mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(mq >= 0 && mq_unlink(name) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, receives, NULL) == 0);
    wait_begun(2);
    CHECK(mq_notify(mq, &event) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(mq_send(mq, "x", 1, 0) == 0);
        usleep(50000);
        printf("told: %d\n", told);
    }
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(mq_send(mq, "x", 1, 0) == 0);
    for (int i = 0; i < 1000 && !told; i++)
        usleep(1000);
    printf("told: %d\n", told);
    CHECK(mq_receive(mq, m, sizeof m, NULL) == 1);
    CHECK(pthread_create(&t[0], NULL, receives, NULL) == 0);
    wait_begun(3);
    CHECK(mq_notify(mq, &event) == 0 && mq_send(mq, "x", 1, 0) == 0);
    CHECK(pthread_join(t[0], NULL) == 0);
    printf("told: %d\n", told);
    CHECK(mq_notify(mq, NULL) == 0 && mq_close(mq) == 0);
    return 0;
}
