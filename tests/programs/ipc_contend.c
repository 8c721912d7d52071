/* Two processes, each with threads, contend for a file's locks and a semaphore and pass messages: a counter in a file
 * counts right. "fork DIR" is both; "first DIR" makes everything and waits for "second DIR". */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
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

enum { THREADS = 4, ROUNDS = 60, WAYS = 4 };

struct shared {
    int ready, attached, done, looked, queue, set;
    int inside[WAYS], counted[WAYS], passed[2];
    char mq[40];
} * shared;

struct message {
    long type;
    int number;
};

static char lock_path[300];
static int process_lock;
static mqd_t mq;

static void lock(int way, int fd, int on)
{
    struct flock l = {.l_type = on ? F_WRLCK : F_UNLCK, .l_len = 8};
    struct sembuf op = {0, (short)(on ? -1 : 1), SEM_UNDO};
    switch (way) {
    case 0:
        CHECK(flock(fd, on ? LOCK_EX : LOCK_UN) == 0);
        break;
    case 1:
        CHECK(fcntl(fd, F_OFD_SETLKW, &l) == 0);
        break;
    case 2:
        CHECK(semop(shared->set, &op, 1) == 0);
        break;
    default:
        CHECK(lockf(process_lock, on ? F_LOCK : F_ULOCK, 8) == 0);
    }
}

/* Of a lock of the process's, threads of it have it together: one at a time asks. */
static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;

static void *contend(void *arg)
{
    long me = (long)arg;
    unsigned seed = (unsigned)me;
    int fd = open(lock_path, O_RDWR);
    CHECK(fd >= 0);
    for (int i = 0; i < ROUNDS; i++) {
        int way = (int)((i + me) % WAYS);
        if (way == 3)
            pthread_mutex_lock(&one);
        lock(way, fd, 1);
        CHECK(__atomic_fetch_add(&shared->inside[way], 1, __ATOMIC_SEQ_CST) == 0);
        shared->counted[way]++;
        if (rand_r(&seed) % 4 == 0)
            usleep(rand_r(&seed) % 300);
        __atomic_fetch_sub(&shared->inside[way], 1, __ATOMIC_SEQ_CST);
        lock(way, fd, 0);
        if (way == 3)
            pthread_mutex_unlock(&one);
        /* A message to the other process, and one from it. */
        int side = me >= THREADS;
        struct message m = {1 + side, i}, got;
        CHECK(msgsnd(shared->queue, &m, sizeof m.number, 0) == 0);
        CHECK(msgrcv(shared->queue, &got, sizeof got.number, 2 - side, 0) == sizeof got.number);
        CHECK(mq_send(mq, (char *)&m, sizeof m, 0) == 0);
        CHECK(mq_receive(mq, (char *)&got, sizeof got, NULL) == sizeof got);
        __atomic_fetch_add(&shared->passed[side], 1, __ATOMIC_SEQ_CST);
    }
    return NULL; /* closing the file would end the process's lock, which another thread may have */
}

static void init(struct shared *s)
{
    struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = sizeof(struct message)};
    s->queue = msgget(IPC_PRIVATE, 0600);
    s->set = semget(IPC_PRIVATE, 1, 0600);
    CHECK(s->queue >= 0 && s->set >= 0 && semctl(s->set, 0, SETVAL, 1) == 0);
    snprintf(s->mq, sizeof s->mq, "/contend-%d", (int)getpid());
    mqd_t made = mq_open(s->mq, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(made >= 0 && mq_close(made) == 0);
}

static void attach(const char *role, const char *directory)
{
    int fd, mine = strcmp(role, "second") != 0;
    char path[300];
    snprintf(path, sizeof path, "%s/contend", directory);
    snprintf(lock_path, sizeof lock_path, "%s/contend-lock", directory);
    if (mine) {
        unlink(path);
        CHECK((fd = open(lock_path, O_RDWR | O_CREAT, 0600)) >= 0 && close(fd) == 0);
    }
    while ((fd = open(path, O_RDWR | (mine ? O_CREAT | O_TRUNC : 0), 0600)) < 0)
        usleep(2000);
    if (mine)
        CHECK(ftruncate(fd, sizeof(struct shared)) == 0);
    while (lseek(fd, 0, SEEK_END) < (off_t)sizeof(struct shared))
        usleep(2000);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(shared != MAP_FAILED && close(fd) == 0);
    if (mine) {
        init(shared);
        __atomic_store_n(&shared->ready, 1, __ATOMIC_SEQ_CST);
    }
    while (!__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST))
        usleep(2000);
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    int child = 0, forked = strcmp(argv[1], "fork") == 0, status;
    long side = strcmp(argv[1], "second") == 0;
    alarm(50);
    attach(argv[1], argv[2]);
    if (forked) {
        child = fork();
        side = child == 0;
        alarm(50);
    }
    process_lock = open(lock_path, O_RDWR);
    mq = mq_open(shared->mq, O_RDWR);
    CHECK(process_lock >= 0 && mq >= 0);
    __atomic_add_fetch(&shared->attached, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&shared->attached, __ATOMIC_SEQ_CST) < 2)
        usleep(1000);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, contend, (void *)(side * THREADS + i)) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    __atomic_add_fetch(&shared->done, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&shared->done, __ATOMIC_SEQ_CST) < 2)
        usleep(1000);
    for (int i = 0; i < WAYS; i++)
        CHECK(shared->counted[i] == 2 * THREADS * ROUNDS / WAYS);
    CHECK(semctl(shared->set, 0, GETVAL) == 1);
    __atomic_add_fetch(&shared->looked, 1, __ATOMIC_SEQ_CST);
    if (forked && side == 1)
        _exit(0);
    printf("passed %d and %d\n", shared->passed[0], shared->passed[1]);
    if (forked)
        CHECK(waitpid(child, &status, 0) == child && status == 0);
    if (side == 0) {
        while (__atomic_load_n(&shared->looked, __ATOMIC_SEQ_CST) < 2)
            usleep(1000);
        CHECK(msgctl(shared->queue, IPC_RMID, NULL) == 0 && semctl(shared->set, 0, IPC_RMID) == 0);
        mq_unlink(shared->mq);
    }
    return 0;
}
