/* Signals waited for, message queues, FIFOs, file locks: cancellation points while they block. Argument: a directory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t ready;
static sigset_t usr1;
static char fifo[200], file[200];
static int locked, messages, full;
static mqd_t mq, fullmq;
static struct timespec never;
static int cleaned;

static void do_sigwait(void)
{
    int s;
    sigwait(&usr1, &s);
}
static void do_sigwaitinfo(void)
{
    sigwaitinfo(&usr1, NULL);
}
static void do_sigtimedwait(void)
{
    struct timespec far = {1000, 0};
    sigtimedwait(&usr1, NULL, &far);
}
static void do_sigsuspend(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigsuspend(&none);
}
static void do_msgrcv(void)
{
    char m[100];
    msgrcv(messages, m, 50, 0, 0);
}
static void do_mq_receive(void)
{
    char m[100];
    mq_receive(mq, m, sizeof m, NULL);
}
static void do_mq_timedreceive(void)
{
    char m[100];
    mq_timedreceive(mq, m, sizeof m, NULL, &never);
}
static void do_mq_send(void)
{
    mq_send(fullmq, "x", 1, 0);
}
static void do_open(void)
{
    open(fifo, O_RDONLY);
}
static void do_openat(void)
{
    openat(AT_FDCWD, fifo, O_WRONLY);
}
static void do_fcntl(void)
{
    struct flock l = {.l_type = F_WRLCK};
    fcntl(locked, F_SETLKW, &l);
}
static void do_lockf(void)
{
    lockf(locked, F_LOCK, 0);
}

#define POINT(name)                                                                                                    \
    {                                                                                                                  \
#name, do_##name                                                                                               \
    }
static const struct point {
    const char *name;
    void (*call)(void);
} points[] = {
    POINT(sigwait), POINT(sigwaitinfo), POINT(sigtimedwait),    POINT(sigsuspend),
    POINT(msgrcv),  POINT(mq_receive),  POINT(mq_timedreceive), POINT(mq_send),
    POINT(open),    POINT(openat),      POINT(fcntl),           POINT(lockf),
};

static void cleanup(void *arg)
{
    cleaned++;
}

static void *blocks(void *arg)
{
    pthread_cleanup_push(cleanup, NULL);
    sem_post(&ready);
    ((const struct point *)arg)->call();
    pthread_cleanup_pop(0);
    return NULL;
}

int main(int argc, char **argv)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 10};
    int started[2], status;
    char c;
    sem_init(&ready, 0, 0);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    snprintf(fifo, sizeof fifo, "%s/fifo", argv[1]);
    snprintf(file, sizeof file, "%s/file", argv[1]);
    unlink(fifo);
    CHECK(mkfifo(fifo, 0600) == 0);
    messages = msgget(IPC_PRIVATE, 0600);
    CHECK(messages >= 0);
    char name[50];
    snprintf(name, sizeof name, "/cancel-points-%d", getpid());
    mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(mq >= 0 && mq_unlink(name) == 0);
    fullmq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(fullmq >= 0 && mq_unlink(name) == 0);
    CHECK(mq_send(fullmq, "full", 4, 0) == 0);
    never.tv_sec = time(NULL) + 1000;
    /* A child holds the file's lock. */
    locked = open(file, O_RDWR | O_CREAT, 0600);
    CHECK(locked >= 0 && pipe(started) == 0);
    pid_t child = fork();
    if (child == 0) {
        lockf(locked, F_LOCK, 0);
        write(started[1], "x", 1);
        pause();
    }
    CHECK(read(started[0], &c, 1) == 1);

    for (unsigned i = 0; i < sizeof points / sizeof *points; i++) {
        pthread_t t;
        void *r;
        cleaned = 0;
        CHECK(pthread_create(&t, NULL, blocks, (void *)&points[i]) == 0);
        sem_wait(&ready);
        usleep(5000);
        CHECK(pthread_cancel(t) == 0);
        CHECK(pthread_join(t, &r) == 0);
        CHECK(r == PTHREAD_CANCELED);
        CHECK(cleaned == 1);
        puts(points[i].name);
    }
    kill(child, SIGKILL);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(lockf(locked, F_TEST, 0) == 0);
    CHECK(msgctl(messages, IPC_RMID, NULL) == 0);
    return 0;
}
