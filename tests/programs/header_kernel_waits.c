/* coax_cancel and coax_with_timeout in waits that only the kernel can make: each fails, has done nothing, and a thread
 * that waits behind another is ended as well. Says one line a wait; a line that begins with "wrong" if something is.
 * Argument: a directory. */
#define _GNU_SOURCE
#include <aio.h>
#include <coax.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct shared {
    sem_t sem;
    pthread_mutex_t mutex, with_cond;
    pthread_rwlock_t rwlock;
    pthread_cond_t cond;
    uint32_t word;
};

struct message {
    long type;
    char text[8];
};

static char path[300];
static int locked, other, queue, full_queue, set, event, full_event, timer, signals, notify, started[2], pipes[2];
static int busy_listener, full_socket;
static struct sockaddr_un busy;
static mqd_t mq, full_mq;
static struct shared *shared;
static struct aiocb pending;
static pid_t child;
static sigset_t usr1;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(int good, const char *what, const char *detail)
{
    if (!good)
        printf("wrong: %s: %s\n", what, detail);
}

static struct timespec far(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 1000;
    return t;
}

static int number(int e)
{
    if (e == 0)
        return 0;
    errno = e;
    return -1;
}

static int w_flock(void) { return flock(locked, LOCK_EX); }
static int w_flock_shared(void) { return flock(other, LOCK_SH); }
static int w_lockf(void) { return lockf(locked, F_LOCK, 0); }
static int w_setlkw(void)
{
    struct flock l;
    memset(&l, 0, sizeof l);
    l.l_type = F_RDLCK;
    l.l_len = 5;
    return fcntl(locked, F_SETLKW, &l);
}
static int w_ofd(void)
{
    struct flock l;
    memset(&l, 0, sizeof l);
    l.l_type = F_WRLCK;
    return fcntl(other, F_OFD_SETLKW, &l);
}
static int w_msgrcv(void) { struct message m; return (int)msgrcv(queue, &m, sizeof m.text, 3, 0); }
static int w_msgsnd(void) { struct message m; memset(&m, 0, sizeof m); m.type = 1; return msgsnd(full_queue, &m, sizeof m.text, 0); }
static int w_semop(void) { struct sembuf op = {0, -1, SEM_UNDO}; return semop(set, &op, 1); }
static int w_semop_zero(void) { struct sembuf op = {1, 0, 0}; return semop(set, &op, 1); }
static int w_semtimedop(void) { struct sembuf op = {0, -2, 0}; struct timespec t = {1000, 0}; return semtimedop(set, &op, 1, &t); }
static int w_mq_receive(void) { char m[8]; return (int)mq_receive(mq, m, sizeof m, NULL); }
static int w_mq_timed(void) { char m[8]; struct timespec t = far(); return (int)mq_timedreceive(mq, m, sizeof m, NULL, &t); }
static int w_mq_send(void) { return mq_send(full_mq, "x", 1, 0); }
static int w_mq_timedsend(void) { struct timespec t = far(); return mq_timedsend(full_mq, "x", 1, 0, &t); }
static int w_sem(void) { return sem_wait(&shared->sem); }
static int w_sem_timed(void) { struct timespec t = far(); return sem_timedwait(&shared->sem, &t); }
static int w_mutex(void) { struct timespec t = far(); return number(pthread_mutex_timedlock(&shared->mutex, &t)); }
static int w_rdlock(void) { struct timespec t = far(); return number(pthread_rwlock_timedrdlock(&shared->rwlock, &t)); }
static int w_wrlock(void) { struct timespec t = far(); return number(pthread_rwlock_timedwrlock(&shared->rwlock, &t)); }
static int w_futex(void) { return (int)syscall(SYS_futex, &shared->word, FUTEX_WAIT, 0, NULL, NULL, 0); }
static int w_sigwait(void) { int s; return number(sigwait(&usr1, &s)); }
static int w_sigtimedwait(void) { struct timespec t = {1000, 0}; return sigtimedwait(&usr1, NULL, &t); }
static int w_aio(void) { const struct aiocb *list[1]; list[0] = &pending; return aio_suspend(list, 1, NULL); }
static int w_eventfd(void) { uint64_t v; return (int)read(event, &v, sizeof v); }
static int w_eventfd_write(void) { uint64_t v = 1; return (int)write(full_event, &v, sizeof v); }
static int w_timerfd(void) { uint64_t v; return (int)read(timer, &v, sizeof v); }
static int w_signalfd(void) { struct signalfd_siginfo i; return (int)read(signals, &i, sizeof i); }
static int w_inotify(void) { char b[4096]; return (int)read(notify, b, sizeof b); }
static int w_connect(void) { return connect(full_socket, (struct sockaddr *)&busy, sizeof busy); }
static int w_cpu_clock(void) { struct timespec t = {1000, 0}; return number(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &t, NULL)); }

static int w_cond(void)
{
    int e;
    pthread_mutex_lock(&shared->with_cond);
    e = pthread_cond_wait(&shared->cond, &shared->with_cond);
    check(pthread_mutex_unlock(&shared->with_cond) == 0, "shared condition", "the mutex is not held");
    return number(e);
}

static const struct kind {
    const char *name;
    int (*wait)(void);
    int timed_only;
} kinds[] = {
    {"flock", w_flock, 0}, {"flock, shared", w_flock_shared, 0}, {"lockf", w_lockf, 0}, {"F_SETLKW", w_setlkw, 0},
    {"F_OFD_SETLKW", w_ofd, 0}, {"msgrcv", w_msgrcv, 0}, {"msgsnd", w_msgsnd, 0}, {"semop", w_semop, 0},
    {"semop, for zero", w_semop_zero, 0}, {"semtimedop", w_semtimedop, 0}, {"mq_receive", w_mq_receive, 0},
    {"mq_timedreceive", w_mq_timed, 0}, {"mq_send", w_mq_send, 0}, {"mq_timedsend", w_mq_timedsend, 0},
    {"shared sem_wait", w_sem, 0}, {"shared sem_timedwait", w_sem_timed, 0},
    {"shared pthread_mutex_timedlock", w_mutex, 0}, {"shared pthread_rwlock_timedrdlock", w_rdlock, 0},
    {"shared pthread_rwlock_timedwrlock", w_wrlock, 0}, {"shared futex", w_futex, 0}, {"sigwait", w_sigwait, 0},
    {"sigtimedwait", w_sigtimedwait, 0}, {"aio_suspend", w_aio, 0}, {"eventfd read", w_eventfd, 0},
    {"eventfd write", w_eventfd_write, 0}, {"timerfd read", w_timerfd, 0}, {"signalfd read", w_signalfd, 0},
    {"inotify read", w_inotify, 0}, {"connect of a shared socket", w_connect, 0},
    {"clock_nanosleep of a processor's clock", w_cpu_clock, 0}, {"shared pthread_cond_wait", w_cond, 1},
};

struct waiter {
    const struct kind *kind;
    int r, error, again, again_error;
    double took, again_took;
};

static void *wait_once(void *arg)
{
    struct waiter *w = arg;
    w->r = w->kind->wait();
    w->error = errno;
    return w;
}

/* Two wait for the same; the second is ended first, then the first. */
static void cancelled(const struct kind *kind)
{
    struct waiter w[2];
    pthread_t t[2];
    int i;
    memset(w, 0, sizeof w);
    for (i = 0; i < 2; i++) {
        w[i].kind = kind;
        pthread_create(&t[i], NULL, wait_once, &w[i]);
        usleep(5000);
    }
    for (i = 1; i >= 0; i--) {
        void *result = NULL;
        int r;
        check(coax_cancel(t[i]) == 0, kind->name, "coax_cancel");
        r = coax_join(t[i], &result);
        check(r == -1 && errno == ECANCELED, kind->name, "coax_join does not tell");
        if (w[i].r != -1 || w[i].error != ECANCELED)
            printf("wrong: %s: %d %s\n", kind->name, w[i].r, strerror(w[i].error));
    }
}

static int wait_twice(void *arg)
{
    struct waiter *w = arg;
    double before = now();
    w->r = w->kind->wait();
    w->error = errno;
    w->took = now() - before;
    before = now();
    w->again = w->kind->wait();
    w->again_error = errno;
    w->again_took = now() - before;
    return 42;
}

static void *timed_waiter(void *arg)
{
    struct waiter *w = arg;
    const char *name = w->kind->name;
    check(coax_with_timeout(0.02, wait_twice, w) == 42, name, "what the function returns");
    check(w->r == -1 && w->again == -1, name, "it did not fail");
    if (w->error != ETIMEDOUT || w->again_error != ETIMEDOUT)
        printf("wrong: %s: %s, %s\n", name, strerror(w->error), strerror(w->again_error));
    if (w->took < 0.019 || w->took > 5 || w->again_took > 5)
        printf("wrong: %s: took %f and %f\n", name, w->took, w->again_took);
    return NULL;
}

static void timed(const struct kind *kind)
{
    struct waiter w[2];
    pthread_t t[2];
    int i;
    memset(w, 0, sizeof w);
    for (i = 0; i < 2; i++) {
        w[i].kind = kind;
        pthread_create(&t[i], NULL, timed_waiter, &w[i]);
    }
    for (i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
}

static volatile int stop;
static long ticks;

static void *tick(void *arg)
{
    while (!stop) {
        usleep(1000);
        ticks++;
    }
    return arg;
}

/* A child holds what it can hold. */
static void hold(void)
{
    struct message m;
    char c;
    check(flock(open(path, O_RDWR), LOCK_EX) == 0 && lockf(open(path, O_RDWR), F_LOCK, 0) == 0, "child", "locks");
    pthread_mutex_lock(&shared->mutex);
    pthread_rwlock_wrlock(&shared->rwlock);
    c = 'x';
    check(write(started[1], &c, 1) == 1, "child", "pipe");
    msgrcv(queue, &m, sizeof m.text, 99, 0);
    _exit(0);
}

static void setup(const char *directory)
{
    struct mq_attr attr;
    struct message m;
    struct msqid_ds ds;
    pthread_mutexattr_t ma;
    pthread_rwlockattr_t ra;
    pthread_condattr_t ca;
    char name[60], c;
    uint64_t most = UINT64_MAX - 1;
    int fd;
    snprintf(path, sizeof path, "%s/locked", directory);
    locked = open(path, O_RDWR | O_CREAT, 0600);
    other = open(path, O_RDWR);
    check(locked >= 0 && other >= 0 && pipe(started) == 0 && pipe(pipes) == 0, "files", strerror(errno));
    queue = msgget(IPC_PRIVATE, 0600);
    full_queue = msgget(IPC_PRIVATE, 0600);
    msgctl(full_queue, IPC_STAT, &ds);
    ds.msg_qbytes = 16;
    check(msgctl(full_queue, IPC_SET, &ds) == 0, "msgctl", strerror(errno));
    memset(&m, 0, sizeof m);
    m.type = 1;
    check(msgsnd(full_queue, &m, 8, 0) == 0 && msgsnd(full_queue, &m, 8, 0) == 0, "msgsnd", strerror(errno));
    set = semget(IPC_PRIVATE, 2, 0600);
    check(semctl(set, 1, SETVAL, 1) == 0, "semctl", strerror(errno));
    memset(&attr, 0, sizeof attr);
    attr.mq_maxmsg = 1;
    attr.mq_msgsize = 8;
    snprintf(name, sizeof name, "/kernel-waits-%d", (int)getpid());
    mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    mq_unlink(name);
    full_mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    mq_unlink(name);
    check(mq_send(full_mq, "full", 4, 0) == 0, "mq_send", strerror(errno));
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(&shared->sem, 1, 0);
    pthread_mutexattr_init(&ma);
    pthread_mutexattr_setpshared(&ma, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&shared->mutex, &ma);
    pthread_mutex_init(&shared->with_cond, &ma);
    pthread_rwlockattr_init(&ra);
    pthread_rwlockattr_setpshared(&ra, PTHREAD_PROCESS_SHARED);
    pthread_rwlock_init(&shared->rwlock, &ra);
    pthread_condattr_init(&ca);
    pthread_condattr_setpshared(&ca, PTHREAD_PROCESS_SHARED);
    pthread_cond_init(&shared->cond, &ca);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    event = eventfd(0, 0);
    full_event = eventfd(0, 0);
    check(write(full_event, &most, sizeof most) == sizeof most, "eventfd", strerror(errno));
    timer = timerfd_create(CLOCK_MONOTONIC, 0);
    signals = signalfd(-1, &usr1, 0);
    notify = inotify_init1(0);
    memset(&busy, 0, sizeof busy);
    busy.sun_family = AF_UNIX;
    snprintf(busy.sun_path, sizeof busy.sun_path, "%s/s", directory);
    busy_listener = socket(AF_UNIX, SOCK_STREAM, 0);
    check(bind(busy_listener, (struct sockaddr *)&busy, sizeof busy) == 0 && listen(busy_listener, 0) == 0, "socket",
          strerror(errno));
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    check(connect(fd, (struct sockaddr *)&busy, sizeof busy) == 0, "connect", strerror(errno));
    full_socket = socket(AF_UNIX, SOCK_STREAM, 0);
    child = fork();
    if (child == 0)
        hold();
    check(read(started[0], &c, 1) == 1, "child", "it has not begun");
    pending.aio_fildes = pipes[0];
    pending.aio_buf = malloc(1);
    pending.aio_nbytes = 1;
    check(aio_read(&pending) == 0, "aio_read", strerror(errno));
}

/* What was waited for is still there: nothing has been taken or done. */
static void nothing_done(void)
{
    struct message m, got;
    struct msqid_ds ds;
    struct sembuf none = {0, 0, IPC_NOWAIT};
    struct flock l;
    uint64_t v = 3;
    char text[8];
    int status, value;
    memset(&m, 0, sizeof m);
    m.type = 3;
    check(msgsnd(queue, &m, 8, 0) == 0 && msgrcv(queue, &got, 8, 3, IPC_NOWAIT) == 8, "msgrcv", "a message is lost");
    msgctl(full_queue, IPC_STAT, &ds);
    check(ds.msg_qnum == 2, "msgsnd", "a message was sent");
    check(semop(set, &none, 1) == 0 && semctl(set, 0, GETNCNT) == 0 && semctl(set, 1, GETZCNT) == 0, "semop", "somebody");
    check(mq_send(mq, "m", 1, 0) == 0 && mq_receive(mq, text, 8, NULL) == 1, "mq_receive", "a message is lost");
    sem_post(&shared->sem);
    check(sem_getvalue(&shared->sem, &value) == 0 && value == 1, "semaphore", "a post is lost");
    check(write(event, &v, 8) == 8 && read(event, &v, 8) == 8 && v == 3, "eventfd", "the count is lost");
    m.type = 99;
    msgsnd(queue, &m, 8, 0);
    check(waitpid(child, &status, 0) == child && status == 0, "child", "how it ended");
    check(flock(other, LOCK_EX | LOCK_NB) == 0, "flock", "somebody has it");
    memset(&l, 0, sizeof l);
    l.l_type = F_WRLCK;
    check(fcntl(other, F_OFD_GETLK, &l) == 0 && l.l_type == F_UNLCK, "F_SETLKW", "somebody has it");
    check(write(pipes[1], "a", 1) == 1, "aio", "pipe");
    check(w_aio() == 0 && aio_return(&pending) == 1, "aio", "the byte is lost");
    msgctl(queue, IPC_RMID, NULL);
    msgctl(full_queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
}

int main(int argc, char **argv)
{
    pthread_t ticker;
    unsigned i;
    (void)argc;
    setbuf(stdout, NULL);
    alarm(50);
    setup(argv[1]);
    pthread_create(&ticker, NULL, tick, NULL);
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        long before = ticks;
        if (!kinds[i].timed_only)
            cancelled(&kinds[i]);
        timed(&kinds[i]);
        check(ticks > before, kinds[i].name, "the others stood still");
        puts(kinds[i].name);
    }
    stop = 1;
    pthread_join(ticker, NULL);
    nothing_done();
    printf("%u kinds of waits\n", i);
    return 0;
}
