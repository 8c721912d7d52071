/* Locks on files, System V IPC and message queues in a program with threads: what is refused, what a handler does, what
 * is removed while it is waited for, deadlocks. Says what each call says. Argument: a directory. */
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct message {
    long type;
    char text[8];
};

static char path[300];
static int locked, queue, set, handled, tell[2], told[2];
static mqd_t mq, quick;
static sem_t *sem;

static void say(const char *call, long r)
{
    int e = errno;
    if (r < 0)
        printf("%s: %s\n", call, strerrorname_np(e));
    else
        printf("%s: %ld\n", call, r);
}
#define SAY(e) (errno = 0, say(#e, (long)(e)))

static void handler(int sig)
{
    handled++;
}

static void *sleeps(void *arg)
{
    for (;;)
        pause();
    return arg;
}

/* ---- refused at once ---- */

static void refused(void)
{
    struct message m = {1, "abc"}, bad = {0, "abc"};
    struct sembuf op = {0, -1, 0}, far = {9, -1, 0}, nowait = {0, -1, IPC_NOWAIT}, ops[3] = {{0, 1, 0}, {1, -1, 0}, {0, 0, 0}};
    struct sembuf many[600] = {{0, 1, 0}};
    struct flock l = {.l_type = F_WRLCK}, odd = {.l_type = 77}, before = {.l_type = F_WRLCK, .l_start = -5};
    struct timespec late = {0, 20000000}, none = {0, 0}, wrong = {0, 2000000000}, negative = {-1, 0};
    struct timespec long_ago = {1, 0};
    char buf[16], *gone = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int readonly = open(path, O_RDONLY), pipes[2];
    unsigned priority = 0;

    SAY(flock(-1, LOCK_EX));
    SAY(flock(999, LOCK_SH));
    SAY(flock(locked, 0));
    SAY(flock(locked, LOCK_EX | LOCK_SH));
    SAY(flock(readonly, LOCK_EX));
    SAY(flock(locked, LOCK_EX | LOCK_NB));
    SAY(flock(readonly, LOCK_UN));
    SAY(flock(locked, LOCK_EX));
    SAY(flock(locked, LOCK_SH));
    SAY(flock(locked, LOCK_UN));
    SAY(lockf(-1, F_LOCK, 0));
    SAY(lockf(readonly, F_LOCK, 0));
    SAY(lockf(locked, 77, 0));
    SAY(lockf(locked, F_LOCK, -5));
    SAY(lockf(locked, F_LOCK, 5));
    SAY(lockf(locked, F_TEST, 5));
    SAY(lockf(locked, F_ULOCK, 0));
    SAY(fcntl(-1, F_SETLKW, &l));
    SAY(fcntl(locked, F_SETLKW, NULL));
    SAY(fcntl(locked, F_SETLKW, (void *)gone));
    SAY(fcntl(locked, F_SETLKW, &odd));
    SAY(fcntl(locked, F_SETLKW, &before));
    SAY(fcntl(readonly, F_SETLKW, &l));
    SAY(fcntl(readonly, F_OFD_SETLKW, &l));
    l.l_pid = 5;
    SAY(fcntl(locked, F_OFD_SETLKW, &l));
    l.l_pid = 0;
    SAY(pipe(pipes));
    SAY(flock(pipes[0], LOCK_EX));
    SAY(flock(pipes[0], LOCK_UN));

    SAY(msgsnd(-1, &m, 3, 0));
    SAY(msgsnd(queue, &bad, 3, 0));
    SAY(msgsnd(queue, &m, -1, 0));
    SAY(msgsnd(queue, &m, 1 << 20, 0));
    SAY(msgsnd(queue, gone, 3, 0));
    SAY(msgrcv(-1, &m, 3, 0, 0));
    SAY(msgrcv(queue, &m, -1, 0, 0));
    SAY(msgrcv(queue, &m, 3, 0, IPC_NOWAIT));
    SAY(msgrcv(queue, &m, 3, 0, 040000 /* MSG_COPY */));
    SAY(msgsnd(queue, &m, 4, 0));
    SAY(msgrcv(queue, &m, 2, 0, 0));
    SAY(msgrcv(queue, gone, 8, 0, 0));
    SAY(msgsnd(queue, &m, 4, 0));
    SAY(msgrcv(queue, &m, 2, 0, MSG_NOERROR));

    SAY(semop(-1, &op, 1));
    SAY(semop(set, &far, 1));
    SAY(semop(set, &op, 0));
    SAY(semop(set, many, 600));
    SAY(semop(set, (void *)gone, 1));
    SAY(semop(set, NULL, 1));
    SAY(semop(set, &nowait, 1));
    SAY(semtimedop(set, &op, 1, &none));
    SAY(semtimedop(set, &op, 1, &late));
    SAY(semtimedop(set, &op, 1, &wrong));
    SAY(semtimedop(set, &op, 1, &negative));
    SAY(semtimedop(set, &op, 1, (void *)gone));
    SAY(semtimedop(set, ops, 3, &late));
    ops[1].sem_flg = IPC_NOWAIT;
    SAY(semop(set, ops, 3));
    /* at the edges of what can be read */
    char *page = mmap(NULL, 3 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page + 4096, 4096, PROT_READ | PROT_WRITE);
    struct sembuf *first = (struct sembuf *)(page + 4096), *last = (struct sembuf *)(page + 8192) - 1;
    memcpy(first, &op, sizeof op);
    memcpy(last, &op, sizeof op);
    SAY(semtimedop(set, first, 1, &late));
    SAY(semtimedop(set, last, 1, &late));
    SAY(semtimedop(set, last, 2, &late));
    SAY(semctl(set, 0, GETVAL));
    SAY(semctl(set, 0, GETPID) == getpid());
    SAY(semctl(set, 0, GETNCNT));
    SAY(semctl(set, 9, GETNCNT));
    SAY(semctl(-1, 0, GETZCNT));

    SAY(mq_receive(-1, buf, sizeof buf, NULL));
    SAY(mq_receive(locked, buf, sizeof buf, NULL));
    SAY(mq_receive(mq, buf, 1, NULL));
    SAY(mq_send(mq, buf, 100, 0));
    SAY(mq_send(mq, "x", 1, 1u << 20));
    SAY(mq_send(mq, gone, 3, 0));
    SAY(mq_timedreceive(mq, buf, sizeof buf, NULL, &long_ago));
    SAY(mq_timedreceive(mq, buf, sizeof buf, NULL, &wrong));
    SAY(mq_timedreceive(mq, buf, sizeof buf, NULL, (void *)gone));
    SAY(mq_receive(quick, buf, sizeof buf, NULL));
    SAY(mq_send(mq, "abc", 3, 7));
    SAY(mq_timedsend(mq, "abc", 3, 0, &long_ago));
    SAY(mq_send(quick, "abc", 3, 0));
    SAY(mq_receive(mq, gone, 16, NULL));
    SAY(mq_send(mq, "abc", 3, 7));
    SAY(mq_receive(mq, buf, sizeof buf, &priority));
    SAY(priority);
    SAY(sem_timedwait(sem, &long_ago));
    SAY(sem_timedwait(sem, &wrong));
    SAY(aio_suspend(NULL, 0, &late) * 0);
}

/* ---- handlers ---- */

static int ended, restarts;

static void give(void)
{
    struct message m = {2, "late"};
    struct sembuf op = {0, 1, 0};
    msgsnd(queue, &m, 5, 0);
    semop(set, &op, 1);
    mq_send(mq, "late", 4, 0);
    sem_post(sem);
    write(tell[1], "u", 1);
}

/* Until the call ends; one that is restarted ends when what it waits for comes. */
static void *interrupts(void *arg)
{
    for (int i = 0; !__atomic_load_n(&ended, __ATOMIC_SEQ_CST); i++) {
        usleep(10000);
        if (restarts && i == 3)
            give();
        else if (!restarts || i < 3)
            pthread_kill(*(pthread_t *)arg, SIGUSR1);
    }
    return NULL;
}

static void interrupted(int flags)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
    struct message m;
    struct sembuf op = {0, -1, 0};
    char buf[16];
    for (int call = 0; call < 6; call++) {
        pthread_t self = pthread_self(), t;
        long r = 0;
        handled = ended = 0;
        restarts = flags != 0 && call >= 2;
        sigaction(SIGUSR1, &act, NULL);
        pthread_create(&t, NULL, interrupts, &self);
        errno = 0;
        r = call == 0   ? msgrcv(queue, &m, sizeof m.text, 2, 0)
            : call == 1 ? semop(set, &op, 1)
            : call == 2 ? mq_receive(mq, buf, sizeof buf, NULL)
            : call == 3 ? sem_wait(sem)
            : call == 4 ? flock(locked, LOCK_EX)
                        : lockf(locked, F_LOCK, 0);
        int e = errno;
        __atomic_store_n(&ended, 1, __ATOMIC_SEQ_CST);
        pthread_join(t, NULL);
        errno = e;
        printf("handler %d%s, call %d: ", handled > 0, flags ? ", restart" : "", call);
        say("says", r);
        /* as before */
        if (!restarts)
            continue;
        while (msgrcv(queue, &m, sizeof m.text, 0, IPC_NOWAIT) >= 0)
            ;
        semctl(set, 0, SETVAL, 0);
        while (mq_receive(quick, buf, sizeof buf, NULL) >= 0)
            ;
        while (sem_trywait(sem) == 0)
            ;
        flock(locked, LOCK_UN);
        lockf(locked, F_ULOCK, 0);
        write(tell[1], "l", 1);
        read(told[0], buf, 1);
    }
}

/* Holds both kinds of lock; gives them up for a moment when told so. */
static void holder(void)
{
    int fd = open(path, O_RDWR);
    char c = 'x';
    for (;;) {
        lockf(fd, F_LOCK, 0);
        flock(fd, LOCK_EX);
        write(told[1], &c, 1);
        do {
            if (read(tell[0], &c, 1) != 1 || c == 'e')
                _exit(0);
        } while (c != 'u');
        lockf(fd, F_ULOCK, 0);
        flock(fd, LOCK_UN);
        do {
            if (read(tell[0], &c, 1) != 1 || c == 'e')
                _exit(0);
        } while (c != 'l');
    }
}

/* ---- removed ---- */

static int doomed_queue, doomed_full, doomed_set, began;

static void *waits_removed(void *arg)
{
    struct message m = {1, "x"};
    struct sembuf op = {0, -1, 0};
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    long i = (long)arg, r = i < 3 ? msgrcv(doomed_queue, &m, 8, 0, 0) : i < 6 ? semop(doomed_set, &op, 1) : msgsnd(doomed_full, &m, 8, 0);
    return (void *)(long)(r < 0 ? errno : 0);
}

static void removed(void)
{
    struct message m = {1, "x"};
    pthread_t t[9];
    void *e;
    doomed_queue = msgget(IPC_PRIVATE, 0600);
    doomed_full = msgget(IPC_PRIVATE, 0600);
    doomed_set = semget(IPC_PRIVATE, 1, 0600);
    while (msgsnd(doomed_full, &m, 8, IPC_NOWAIT) == 0)
        ;
    for (long i = 0; i < 9; i++)
        pthread_create(&t[i], NULL, waits_removed, (void *)i);
    while (__atomic_load_n(&began, __ATOMIC_SEQ_CST) < 9)
        usleep(1000);
    usleep(30000);
    msgctl(doomed_queue, IPC_RMID, NULL);
    msgctl(doomed_full, IPC_RMID, NULL);
    semctl(doomed_set, 0, IPC_RMID);
    for (int i = 0; i < 9; i++) {
        pthread_join(t[i], &e);
        printf("removed: %s\n", strerrorname_np((int)(long)e));
    }
}

/* ---- deadlock ---- */

static void *locks_second(void *arg)
{
    struct flock l = {.l_type = F_WRLCK, .l_start = 100, .l_len = 10};
    return (void *)(long)(fcntl(locked, F_SETLKW, &l) < 0 ? errno : 0);
}

/* The kernel says who waits for a lock. */
static void until_waiting(pid_t pid)
{
    char line[200], blocked[40];
    snprintf(blocked, sizeof blocked, " %d ", (int)pid);
    for (;;) {
        FILE *f = fopen("/proc/locks", "r");
        while (fgets(line, sizeof line, f))
            if (strstr(line, "-> POSIX") && strstr(line, blocked)) {
                fclose(f);
                return;
            }
        fclose(f);
        usleep(1000);
    }
}

/* The process has 0, a child 100, then each wants the other's: the second to ask is refused. */
static void deadlock(void)
{
    struct flock l = {.l_type = F_WRLCK, .l_len = 10};
    int go[2], done[2], status;
    pthread_t t[2];
    void *e;
    char c;
    pipe(go);
    pipe(done);
    SAY(fcntl(locked, F_SETLKW, &l));
    pid_t child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR);
        l.l_start = 100;
        fcntl(fd, F_SETLKW, &l);
        write(done[1], "x", 1);
        read(go[0], &c, 1);
        l.l_start = 0;
        int r = fcntl(fd, F_SETLKW, &l);
        _exit(r < 0 && errno == EDEADLK ? 7 : 1);
    }
    read(done[0], &c, 1);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, locks_second, NULL);
    until_waiting(getpid());
    write(go[1], "x", 1);
    waitpid(child, &status, 0);
    printf("the child's request: %d\n", WEXITSTATUS(status));
    for (int i = 0; i < 2; i++) {
        pthread_join(t[i], &e);
        printf("a thread's: %d\n", (int)(long)e);
    }
    l.l_type = F_UNLCK;
    l.l_len = 0;
    SAY(fcntl(locked, F_SETLKW, &l));
    /* And the other way round. */
    l.l_type = F_WRLCK;
    l.l_len = 10;
    SAY(fcntl(locked, F_SETLKW, &l));
    child = fork();
    if (child == 0) {
        int fd = open(path, O_RDWR);
        l.l_start = 100;
        fcntl(fd, F_SETLKW, &l);
        write(done[1], "x", 1);
        l.l_start = 0;
        fcntl(fd, F_SETLKW, &l);
        _exit(3);
    }
    read(done[0], &c, 1);
    until_waiting(child);
    pthread_create(&t[0], NULL, locks_second, NULL);
    pthread_join(t[0], &e);
    printf("a thread's: %s\n", strerrorname_np((int)(long)e));
    l.l_type = F_UNLCK;
    l.l_len = 0;
    SAY(fcntl(locked, F_SETLKW, &l));
    waitpid(child, &status, 0);
    printf("the child's request: %d\n", WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
    struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 16};
    pthread_t t;
    char name[60], c;
    int status;
    setbuf(stdout, NULL);
    alarm(50);
    snprintf(path, sizeof path, "%s/errors", argv[1]);
    locked = open(path, O_RDWR | O_CREAT, 0600);
    pthread_create(&t, NULL, sleeps, NULL);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 2, 0600);
    snprintf(name, sizeof name, "/errors-%d", (int)getpid());
    mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    quick = mq_open(name, O_RDWR | O_NONBLOCK);
    mq_unlink(name);
    sem = mmap(NULL, sizeof *sem, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(sem, 1, 0);
    refused();
    pipe(tell);
    pipe(told);
    pid_t child = fork();
    if (child == 0)
        holder();
    read(told[0], &c, 1);
    interrupted(0);
    interrupted(SA_RESTART);
    write(tell[1], "e", 1);
    waitpid(child, &status, 0);
    removed();
    deadlock();
    SAY(mq_close(mq));
    SAY(mq_close(mq));
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    return 0;
}
