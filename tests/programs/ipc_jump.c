/* A handler jumps out of a wait that only the kernel can make, of the first in line and of one behind it; a thread is
 * cancelled there, exits from a handler, and a process forks meanwhile: the others in line are served, and nothing is
 * lost. Argument: a directory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

struct message {
    long type;
    char text[8];
};

static char path[300];
static int queue, set, held, kind, served, left, ready;
static __thread sigjmp_buf out;
static __thread int may_jump;

static void handler(int sig)
{
    if (may_jump)
        siglongjmp(out, 1);
}

static void exits(int sig)
{
    pthread_exit((void *)5);
}

static void wait_once(int fd)
{
    struct message m;
    struct sembuf op = {0, -1, 0};
    if (kind == 0)
        CHECK(msgrcv(queue, &m, sizeof m.text, 0, 0) == 2);
    else if (kind == 1)
        CHECK(semop(set, &op, 1) == 0);
    else
        CHECK(flock(fd, LOCK_EX) == 0);
    if (kind == 2)
        CHECK(flock(fd, LOCK_UN) == 0);
    __atomic_fetch_add(&served, 1, __ATOMIC_SEQ_CST);
}

static void *waits(void *arg)
{
    int fd = open(path, O_RDWR);
    if (sigsetjmp(out, 1) == 0) {
        may_jump = 1;
        __atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
        wait_once(fd);
    } else {
        __atomic_fetch_add(&left, 1, __ATOMIC_SEQ_CST);
    }
    may_jump = 0;
    close(fd);
    return arg;
}

static void *waits_alone(void *arg)
{
    struct sembuf op = {1, -1, 0};
    CHECK(semop(set, &op, 1) == 0);
    return arg;
}

static void give(int n)
{
    struct message m = {1, "a"};
    struct sembuf op = {0, 1, 0};
    if (kind == 2)
        CHECK(flock(held, LOCK_UN) == 0);
    for (int i = 0; i < n; i++) {
        if (kind == 0)
            CHECK(msgsnd(queue, &m, 2, 0) == 0);
        if (kind == 1)
            CHECK(semop(set, &op, 1) == 0);
    }
}

static int left_over(void)
{
    struct msqid_ds ds;
    CHECK(msgctl(queue, IPC_STAT, &ds) == 0);
    return (int)ds.msg_qnum + semctl(set, 0, GETVAL);
}

/* 0, 1, 2: the first, the second, both jump; 3: the first exits; 4: it is cancelled; 5: fork. */
static void round_of(int who)
{
    struct sigaction act = {.sa_handler = who == 3 ? exits : handler};
    pthread_t t[4];
    int status, leaves = who == 2 ? 2 : who == 5 ? 0 : 1;
    sigaction(SIGUSR1, &act, NULL);
    served = left = ready = 0;
    CHECK(flock(held, LOCK_EX) == 0);
    for (long i = 0; i < 4; i++) {
        CHECK(pthread_create(&t[i], NULL, waits, NULL) == 0);
        while (__atomic_load_n(&ready, __ATOMIC_SEQ_CST) <= i)
            usleep(500);
        usleep(3000);
    }
    if (who == 0 || who == 2 || who == 3)
        CHECK(pthread_kill(t[0], SIGUSR1) == 0);
    if (who == 1 || who == 2)
        CHECK(pthread_kill(t[1], SIGUSR1) == 0);
    if (who == 4) {
        if (kind == 0)
            CHECK(pthread_cancel(t[0]) == 0);
        else
            leaves = 0; /* no cancellation points */
    }
    if (who == 5) {
        pid_t child = fork();
        if (child == 0) {
            struct sembuf one = {1, 1, 0};
            pthread_t mine;
            CHECK(pthread_create(&mine, NULL, waits_alone, NULL) == 0);
            usleep(3000);
            CHECK(semop(set, &one, 1) == 0);
            CHECK(pthread_join(mine, NULL) == 0);
            _exit(0);
        }
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    }
    /* Who leaves has left before anything is given: else he may be served. */
    bool ends = who == 3 || (who == 4 && leaves == 1);
    void *r;
    while (who < 3 && __atomic_load_n(&left, __ATOMIC_SEQ_CST) < leaves)
        usleep(500);
    if (ends)
        CHECK(pthread_join(t[0], &r) == 0 && (who != 3 || r == (void *)5));
    usleep(20000);
    give(4 - leaves);
    for (int i = ends ? 1 : 0; i < 4; i++)
        CHECK(pthread_join(t[i], &r) == 0);
    printf("kind %d, case %d: served %d, jumped %d, left over %d\n", kind, who, served, left, left_over());
    CHECK(flock(held, LOCK_UN) == 0);
}

int main(int argc, char **argv)
{
    setbuf(stdout, NULL);
    alarm(50);
    snprintf(path, sizeof path, "%s/jump", argv[1]);
    held = open(path, O_RDWR | O_CREAT, 0600);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 2, 0600);
    CHECK(held >= 0 && queue >= 0 && set >= 0);
    for (kind = 0; kind < 3; kind++)
        for (int who = 0; who < 6; who++)
            round_of(who);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
    return 0;
}
