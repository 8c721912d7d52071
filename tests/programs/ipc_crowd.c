/* Very many threads wait for one thing that only the kernel knows of; others run meanwhile; then each gets it.
 * Arguments: what, how many, a directory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/syscall.h>
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
    int number;
};

struct shared {
    sem_t sem;
    pthread_mutex_t mutex;
    pthread_rwlock_t rwlock;
};

static const char *what;
static char path[300];
static int count, queue, set, locked, tell[2], began, passed, stop, inside;
static long ticks;
static mqd_t mq;
static struct shared *shared;
static pid_t child;

static int is(const char *name)
{
    return strcmp(what, name) == 0;
}

static void exclusive(void)
{
    CHECK(__atomic_fetch_add(&inside, 1, __ATOMIC_SEQ_CST) == 0);
    __atomic_fetch_sub(&inside, 1, __ATOMIC_SEQ_CST);
}

static void wait_for_it(void)
{
    struct message m = {1, 7};
    struct sembuf op = {0, -1, 0}, zero = {0, 0, 0}, undo = {0, -1, SEM_UNDO};
    struct flock l = {.l_type = F_WRLCK, .l_len = 10};
    if (is("flock")) {
        int fd = open(path, O_RDWR);
        CHECK(fd >= 0);
        __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
        CHECK(flock(fd, LOCK_EX) == 0);
        exclusive();
        CHECK(flock(fd, LOCK_UN) == 0);
        CHECK(close(fd) == 0);
        return;
    }
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    if (is("fcntl"))
        CHECK(fcntl(locked, F_SETLKW, &l) == 0);
    else if (is("lockf"))
        CHECK(lockf(locked, F_LOCK, 10) == 0);
    else if (is("msgrcv"))
        CHECK(msgrcv(queue, &m, sizeof m.number, -5, 0) == sizeof m.number && m.number == 7);
    else if (is("msgsnd"))
        CHECK(msgsnd(queue, &m, sizeof m.number, 0) == 0);
    else if (is("semop"))
        CHECK(semop(set, &op, 1) == 0);
    else if (is("syscall"))
        CHECK(syscall(SYS_semtimedop, set, &op, 1, NULL) == 0);
    else if (is("undo"))
        CHECK(semop(set, &undo, 1) == 0);
    else if (is("zero"))
        CHECK(semop(set, &zero, 1) == 0);
    else if (is("mq_receive"))
        CHECK(mq_receive(mq, (char *)&m, sizeof m, NULL) == sizeof m && m.number == 7);
    else if (is("mq_send"))
        CHECK(mq_send(mq, (char *)&m, sizeof m, 0) == 0);
    else if (is("sem"))
        CHECK(sem_wait(&shared->sem) == 0);
    else if (is("mutex")) {
        CHECK(pthread_mutex_lock(&shared->mutex) == 0);
        exclusive();
        CHECK(pthread_mutex_unlock(&shared->mutex) == 0);
    } else {
        CHECK(pthread_rwlock_wrlock(&shared->rwlock) == 0);
        exclusive();
        CHECK(pthread_rwlock_unlock(&shared->rwlock) == 0);
    }
}

static void *waiter(void *arg)
{
    wait_for_it();
    __atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST);
    return arg;
}

static void *tick(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        usleep(1000);
        __atomic_fetch_add(&ticks, 1, __ATOMIC_SEQ_CST);
    }
    return arg;
}

static void fill_queue(void)
{
    struct message m = {1, 7};
    while (msgsnd(queue, &m, sizeof m.number, IPC_NOWAIT) == 0)
        ;
    CHECK(errno == EAGAIN);
}

/* Holds the locks until it is told. */
static void hold(int ready)
{
    char c = 'x';
    locked = open(path, O_RDWR);
    CHECK(lockf(locked, F_LOCK, 0) == 0 && flock(locked, LOCK_EX) == 0 && write(ready, &c, 1) == 1);
    CHECK(read(tell[0], &c, 1) == 1);
    _exit(0);
}

static void prepare(void)
{
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = sizeof(struct message)};
    struct message m = {1, 7};
    pthread_mutexattr_t ma;
    pthread_rwlockattr_t ra;
    int ready[2];
    char name[60], c;
    locked = open(path, O_RDWR | O_CREAT, 0600);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
    CHECK(locked >= 0 && queue >= 0 && set >= 0 && pipe(tell) == 0 && pipe(ready) == 0);
    snprintf(name, sizeof name, "/crowd-%d", (int)getpid());
    mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    CHECK(mq >= 0 && mq_unlink(name) == 0);
    if (is("zero"))
        CHECK(semctl(set, 0, SETVAL, 1) == 0);
    if (is("msgsnd"))
        fill_queue();
    if (is("mq_send"))
        CHECK(mq_send(mq, (char *)&m, sizeof m, 0) == 0 && mq_send(mq, (char *)&m, sizeof m, 0) == 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(&shared->sem, 1, 0);
    pthread_mutexattr_init(&ma);
    pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &ma);
    pthread_rwlockattr_init(&ra);
    pthread_rwlockattr_setpshared(&ra, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&shared->rwlock, &ra);
    CHECK(pthread_mutex_lock(&shared->mutex) == 0 && pthread_rwlock_rdlock(&shared->rwlock) == 0);
    child = fork();
    if (child == 0)
        hold(ready[1]);
    CHECK(read(ready[0], &c, 1) == 1);
}

static void release(void)
{
    struct message m = {3, 7};
    struct sembuf give = {0, (short)count, 0}, take = {0, -1, 0};
    if (is("msgrcv"))
        for (int i = 0; i < count; i++)
            CHECK(msgsnd(queue, &m, sizeof m.number, 0) == 0);
    if (is("msgsnd"))
        for (int i = 0; i < count; i++)
            CHECK(msgrcv(queue, &m, sizeof m.number, 0, 0) == sizeof m.number);
    if (is("semop") || is("undo") || is("syscall"))
        CHECK(semop(set, &give, 1) == 0);
    if (is("zero"))
        CHECK(semop(set, &take, 1) == 0);
    for (int i = 0; i < count; i++) {
        if (is("mq_receive"))
            CHECK(mq_send(mq, (char *)&m, sizeof m, 0) == 0);
        if (is("mq_send"))
            CHECK(mq_receive(mq, (char *)&m, sizeof m, NULL) == sizeof m);
        if (is("sem"))
            CHECK(sem_post(&shared->sem) == 0);
    }
    CHECK(pthread_mutex_unlock(&shared->mutex) == 0 && pthread_rwlock_unlock(&shared->rwlock) == 0);
    CHECK(write(tell[1], "x", 1) == 1);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    pthread_attr_t small;
    pthread_t ticker;
    int status;
    what = argv[1];
    count = atoi(argv[2]);
    snprintf(path, sizeof path, "%s/crowd", argv[3]);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    prepare();
    pthread_t *threads = calloc((size_t)count, sizeof *threads);
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    CHECK(pthread_create(&ticker, NULL, tick, NULL) == 0);
    for (int i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], &small, waiter, NULL) == 0);
    while (__atomic_load_n(&began, __ATOMIC_SEQ_CST) < count)
        usleep(1000);
    long before = __atomic_load_n(&ticks, __ATOMIC_SEQ_CST);
    if (is("semop") || is("undo") || is("syscall") || is("zero")) { /* the last of them may be on their way */
        for (int i = 0; i < 1000 && semctl(set, 0, is("zero") ? GETZCNT : GETNCNT) < count; i++)
            usleep(1000);
        printf("waiting: %d\n", semctl(set, 0, is("zero") ? GETZCNT : GETNCNT));
    }
    while (__atomic_load_n(&ticks, __ATOMIC_SEQ_CST) < before + 20)
        usleep(1000);
    printf("passed before: %d\n", __atomic_load_n(&passed, __ATOMIC_SEQ_CST));
    release();
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_join(ticker, NULL) == 0);
    printf("passed: %d\n", passed);
    if (is("undo"))
        printf("value: %d\n", semctl(set, 0, GETVAL));
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(msgctl(queue, IPC_RMID, NULL) == 0 && semctl(set, 0, IPC_RMID) == 0);
    return 0;
}
