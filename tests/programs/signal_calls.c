/* A handler comes while a thread waits in a call: which calls end early, with and without SA_RESTART, how long before
   their time, and what is left. Argument: who sends: "thread" (pthread_kill), "process" (kill; the others block it), or
   "timer" (a timer of the process); these two without SA_RESTART alone. A call that goes on is ended by what it waits for. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <pty.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (errno %d)\n", __FILE__, __LINE__, #e, errno);                                       \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int p[2], full[2], sp[2], listener, epfd, ev, fifo_fd;
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, cmutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int went, tty, master, crowded, guests[2];
static char lock_name[64], fifo_name[64];
static pthread_t sleeper;
static pid_t child;
static volatile sig_atomic_t handled, by;
static pthread_t waiter;
static __thread int number;
static volatile int inside;

static void on_signal(int sig)
{
    handled++;
    by = number;
}

static struct timespec in(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

enum { LONG = 400 }; /* ms, of calls with a time */

static long c_read(void)
{
    char c;
    return read(p[0], &c, 1);
}
static long c_readv(void)
{
    char c;
    struct iovec v = {&c, 1};
    return readv(p[0], &v, 1);
}
static long c_write(void)
{
    static char much[65536];
    return write(full[1], much, sizeof much);
}
static long c_recv(void)
{
    char c;
    return recv(sp[0], &c, 1, 0);
}
static long c_recvmsg(void)
{
    char c;
    struct iovec v = {&c, 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    return recvmsg(sp[0], &m, 0);
}
static long c_accept(void)
{
    int fd = accept(listener, NULL, NULL);
    return fd < 0 ? -1 : close(fd);
}
static long c_poll(void)
{
    struct pollfd f = {p[0], POLLIN};
    return poll(&f, 1, LONG);
}
static long c_poll_ever(void)
{
    struct pollfd f = {p[0], POLLIN};
    return poll(&f, 1, -1);
}
static long c_ppoll(void)
{
    struct pollfd f = {p[0], POLLIN};
    struct timespec t = {0, LONG * 1000000};
    return ppoll(&f, 1, &t, NULL);
}
static long c_select(void)
{
    fd_set s;
    struct timeval t = {0, LONG * 1000};
    FD_ZERO(&s);
    FD_SET(p[0], &s);
    return select(p[0] + 1, &s, NULL, NULL, &t);
}
static long c_pselect(void)
{
    fd_set s;
    FD_ZERO(&s);
    FD_SET(p[0], &s);
    return pselect(p[0] + 1, &s, NULL, NULL, NULL, NULL);
}
static long c_epoll(void)
{
    struct epoll_event e;
    return epoll_wait(epfd, &e, 1, -1);
}
static long c_eventfd(void)
{
    uint64_t n;
    return read(ev, &n, 8);
}
static long c_nanosleep(void)
{
    struct timespec t = {0, LONG * 1000000}, left = {9, 9};
    long r = nanosleep(&t, &left);
    return r != 0 ? (left.tv_sec == 0 && left.tv_nsec > 0 && left.tv_nsec < LONG * 1000000 ? -1 : -77) : 0;
}
static long c_clock_nanosleep(void)
{
    struct timespec t = in(LONG);
    int e = clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
    errno = e;
    return e ? -1 : 0;
}
static long c_usleep(void)
{
    return usleep(LONG * 1000);
}
static long c_sleep(void)
{
    return sleep(2);
}
static long c_sem_wait(void)
{
    return sem_wait(&sem);
}
static long c_sem_timedwait(void)
{
    struct timespec t = in(3000);
    return sem_timedwait(&sem, &t);
}
static long error(int e)
{
    errno = e;
    return e ? -1 : 0;
}
static long c_mutex(void)
{
    int e = pthread_mutex_lock(&mutex);
    if (e == 0)
        pthread_mutex_unlock(&mutex);
    return error(e);
}
static long c_mutex_timed(void)
{
    struct timespec t = in(3000);
    int e = pthread_mutex_timedlock(&mutex, &t);
    if (e == 0)
        pthread_mutex_unlock(&mutex);
    return error(e);
}
static long c_cond(void)
{
    int e = 0;
    pthread_mutex_lock(&cmutex);
    while (!went && e == 0)
        e = pthread_cond_wait(&cond, &cmutex);
    went = 0;
    pthread_mutex_unlock(&cmutex);
    return error(e);
}
static long c_cond_timed(void)
{
    struct timespec t = in(3000);
    int e = 0;
    pthread_mutex_lock(&cmutex);
    while (!went && e == 0)
        e = pthread_cond_timedwait(&cond, &cmutex, &t);
    went = 0;
    pthread_mutex_unlock(&cmutex);
    return error(e);
}
static long c_rdlock(void)
{
    int e = pthread_rwlock_rdlock(&rwlock);
    if (e == 0)
        pthread_rwlock_unlock(&rwlock);
    return error(e);
}
static long c_waitpid(void)
{
    int status;
    return waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : -1;
}
static long c_wait(void)
{
    int status;
    return wait(&status) == child ? WEXITSTATUS(status) : -1;
}
static long c_waitid(void)
{
    siginfo_t info;
    return waitid(P_PID, (id_t)child, &info, WEXITED) == 0 ? info.si_status : -1;
}
static long c_pause(void)
{
    return pause();
}
static long c_sigsuspend(void)
{
    sigset_t s;
    sigemptyset(&s);
    return sigsuspend(&s);
}
static long c_sigtimedwait(void)
{
    sigset_t s;
    struct timespec t = {0, LONG * 1000000};
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    return sigtimedwait(&s, NULL, &t);
}
static long c_flock(void)
{
    int fd = open(lock_name, O_RDONLY);
    long r = flock(fd, LOCK_EX);
    int e = errno;
    close(fd);
    errno = e;
    return r;
}
static long c_recv_timeo(void)
{
    struct timeval t = {2, 0}, none = {0, 0};
    char c;
    setsockopt(sp[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    long r = recv(sp[0], &c, 1, 0);
    int e = errno;
    setsockopt(sp[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    errno = e;
    return r;
}
static long c_recv_read_timeo(void)
{
    struct timeval t = {2, 0}, none = {0, 0};
    char c;
    setsockopt(sp[0], SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    long r = read(sp[0], &c, 1);
    int e = errno;
    setsockopt(sp[0], SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    errno = e;
    return r;
}
static long c_accept_timeo(void)
{
    struct timeval t = {2, 0}, none = {0, 0};
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
    int fd = accept(listener, NULL, NULL);
    int e = errno;
    setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof none);
    errno = e;
    return fd < 0 ? -1 : close(fd);
}
static long send_full(int timed)
{
    static char much[1 << 20];
    struct timeval t = {timed ? 2 : 0, 0}, none = {0, 0};
    setsockopt(sp[0], SOL_SOCKET, SO_SNDTIMEO, &t, sizeof t);
    while (send(sp[0], much, sizeof much, MSG_DONTWAIT) > 0)
        ;
    errno = 0;
    long r = send(sp[0], much, 1, 0);
    int e = errno;
    setsockopt(sp[0], SOL_SOCKET, SO_SNDTIMEO, &none, sizeof none);
    errno = e;
    return r;
}
static long c_send(void)
{
    return send_full(0);
}
static long c_send_timeo(void)
{
    return send_full(1);
}
static uint32_t word;
static long c_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT, 0, NULL, NULL, 0);
}
static long c_futex_timed(void)
{
    struct timespec t = {3, 0};
    return syscall(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 0, &t, NULL, 0);
}
static long c_sem_clockwait(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += 3;
    return sem_clockwait(&sem, CLOCK_MONOTONIC, &t);
}
static long c_fcntl(void)
{
    struct flock l = {.l_type = F_WRLCK};
    int fd = open(lock_name, O_RDWR);
    long r = fcntl(fd, F_OFD_SETLKW, &l);
    int e = errno;
    close(fd);
    errno = e;
    return r;
}
static long c_tty(void)
{
    char c;
    return read(tty, &c, 1);
}
static long c_splice(void)
{
    return splice(p[0], NULL, sp[1], NULL, 1, 0);
}
static long c_sigwaitinfo(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    return sigwaitinfo(&s, NULL);
}
static long c_sigwait(void)
{
    sigset_t s;
    int sig;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR2);
    return error(sigwait(&s, &sig));
}
static long c_join(void)
{
    return error(pthread_join(sleeper, NULL));
}
static long c_connect_full(void)
{
    struct sockaddr_in a;
    socklen_t n = sizeof a;
    getsockname(crowded, (struct sockaddr *)&a, &n);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    long r = connect(fd, (struct sockaddr *)&a, n);
    int e = errno;
    close(fd);
    errno = e;
    return r;
}
static mqd_t mq;
static long c_mq_receive(void)
{
    char b[8];
    return mq_receive(mq, b, 8, NULL);
}
static int semid, msgid;
static long c_semop(void)
{
    struct sembuf b = {0, -1, 0};
    return semop(semid, &b, 1);
}
static long c_msgrcv(void)
{
    struct {
        long type;
        char c;
    } m;
    return msgrcv(msgid, &m, 1, 0, 0);
}
static FILE *stream;
static long c_fgetc(void)
{
    int c = fgetc(stream);
    if (c == EOF) {
        int e = errno;
        clearerr(stream);
        errno = e;
    }
    return c == EOF ? -1 : 1;
}
static long c_open_fifo(void)
{
    int fd = open(fifo_name, O_RDONLY);
    return fd < 0 ? -1 : close(fd);
}
static long c_thrd_sleep(void)
{
    struct timespec t = {0, LONG * 1000000};
    return thrd_sleep(&t, NULL);
}

/* What each waits for is given. */
static void give(const char *name)
{
    static char much[65536];
    if (!strcmp(name, "write"))
        CHECK(read(full[0], much, sizeof much) > 0);
    else if (!strncmp(name, "recv", 4))
        CHECK(write(sp[1], "x", 1) == 1);
    else if (!strncmp(name, "send", 4))
        while (recv(sp[1], much, sizeof much, MSG_DONTWAIT) > 0)
            ;
    else if (!strncmp(name, "futex", 5)) {
        word = 1;
        syscall(SYS_futex, &word, FUTEX_WAKE | (strcmp(name, "futex") ? FUTEX_PRIVATE_FLAG : 0), 1, NULL, NULL, 0);
    } else if (!strcmp(name, "fcntl")) {
        struct flock l = {.l_type = F_UNLCK};
        CHECK(fcntl(fifo_fd, F_OFD_SETLK, &l) == 0);
    } else if (!strcmp(name, "tty"))
        CHECK(write(master, "x\n", 2) == 2);
    else if (!strncmp(name, "sigwait", 7))
        pthread_kill(waiter, SIGUSR2);
    else if (!strcmp(name, "join"))
        sem_post(&sem);
    else if (!strncmp(name, "accept", 6)) {
        struct sockaddr_in a;
        socklen_t n = sizeof a;
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        getsockname(listener, (struct sockaddr *)&a, &n);
        CHECK(connect(fd, (struct sockaddr *)&a, n) == 0);
        close(fd);
    } else if (!strcmp(name, "eventfd")) {
        uint64_t one = 1;
        CHECK(write(ev, &one, 8) == 8);
    } else if (!strncmp(name, "sem_", 4))
        sem_post(&sem);
    else if (!strncmp(name, "mutex", 5))
        pthread_mutex_unlock(&mutex);
    else if (!strncmp(name, "cond", 4)) {
        pthread_mutex_lock(&cmutex);
        went = 1;
        pthread_cond_signal(&cond);
        pthread_mutex_unlock(&cmutex);
    } else if (!strcmp(name, "rdlock"))
        pthread_rwlock_unlock(&rwlock);
    else if (!strncmp(name, "wait", 4))
        CHECK(kill(child, SIGCONT) == 0 && write(p[1], "x", 1) == 1);
    else if (!strcmp(name, "flock"))
        flock(fifo_fd, LOCK_UN);
    else if (!strcmp(name, "mq_receive"))
        CHECK(mq_send(mq, "x", 1, 0) == 0);
    else if (!strcmp(name, "semop")) {
        struct sembuf b = {0, 1, 0};
        CHECK(semop(semid, &b, 1) == 0);
    } else if (!strcmp(name, "msgrcv")) {
        struct {
            long type;
            char c;
        } m = {1, 'x'};
        CHECK(msgsnd(msgid, &m, 1, 0) == 0);
    } else if (!strcmp(name, "open_fifo")) {
        int fd = open(fifo_name, O_WRONLY | O_NONBLOCK);
        if (fd >= 0)
            close(fd);
    } else
        CHECK(write(p[1], "x", 1) == 1);
}

static void fill(int fd)
{
    static char much[65536];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (write(fd, much, sizeof much) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

static void empty(int fd)
{
    static char much[65536];
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (read(fd, much, sizeof much) > 0)
        ;
    fcntl(fd, F_SETFL, 0);
}

struct call {
    const char *name;
    long (*fn)(void);
    int given; /* what it waits for can be given */
};
static const struct call calls[] = {
    {"read", c_read, 1},          {"readv", c_readv, 1},
    {"write", c_write, 1},        {"recv", c_recv, 1},
    {"recvmsg", c_recvmsg, 1},    {"accept", c_accept, 1},
    {"poll", c_poll, 0},          {"poll_ever", c_poll_ever, 1},
    {"ppoll", c_ppoll, 0},        {"select", c_select, 0},
    {"pselect", c_pselect, 1},    {"epoll", c_epoll, 1},
    {"eventfd", c_eventfd, 1},    {"nanosleep", c_nanosleep, 0},
    {"clock", c_clock_nanosleep}, {"usleep", c_usleep, 0},
    {"sleep", c_sleep, 0},        {"sem_wait", c_sem_wait, 1},
    {"sem_timed", c_sem_timedwait, 1}, {"mutex", c_mutex, 1},
    {"mutex_timed", c_mutex_timed, 1}, {"cond", c_cond, 1},
    {"cond_timed", c_cond_timed, 1},   {"rdlock", c_rdlock, 1},
    {"waitpid", c_waitpid, 1},    {"wait", c_wait, 1},
    {"waitid", c_waitid, 1},      {"pause", c_pause, 0},
    {"sigsuspend", c_sigsuspend}, {"sigtimedwait", c_sigtimedwait, 0},
    {"flock", c_flock, 1},        {"mq_receive", c_mq_receive, 1},
    {"semop", c_semop, 1},        {"msgrcv", c_msgrcv, 1},
    {"recv_timeo", c_recv_timeo, 1}, {"recv_read_timeo", c_recv_read_timeo, 1},
    {"accept_timeo", c_accept_timeo, 1}, {"send", c_send, 1}, {"send_timeo", c_send_timeo, 1},
    {"futex", c_futex, 1}, {"futex_timed", c_futex_timed, 1}, {"sem_clock", c_sem_clockwait, 1},
    {"fcntl", c_fcntl, 1}, {"tty", c_tty, 1}, {"splice", c_splice, 1}, {"sigwaitinfo", c_sigwaitinfo, 1},
    {"sigwait", c_sigwait, 1}, {"join", c_join, 1}, {"connect_full", c_connect_full, 0},
    {"open_fifo", c_open_fifo, 1},
    {"fgetc", c_fgetc, 1},        {"thrd_sleep", c_thrd_sleep, 0},
};

static const struct call *current;
static long result;
static int error_of;

static void *waits(void *arg)
{
    sigset_t s;
    number = 2;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &s, NULL);
    inside = 1;
    errno = 0;
    result = current->fn();
    error_of = errno;
    inside = 2;
    return NULL;
}

static void *sleeps(void *arg)
{
    while (sem_wait(&sem) != 0)
        ;
    return NULL;
}

static void prepare(const char *name)
{
    if (!strcmp(name, "write"))
        fill(full[1]);
    if (!strncmp(name, "mutex", 5))
        pthread_mutex_lock(&mutex);
    if (!strcmp(name, "rdlock"))
        pthread_rwlock_wrlock(&rwlock);
    if (!strcmp(name, "flock"))
        CHECK(flock(fifo_fd, LOCK_EX) == 0);
    word = 0;
    if (!strcmp(name, "fcntl")) {
        struct flock l = {.l_type = F_WRLCK};
        CHECK(fcntl(fifo_fd, F_OFD_SETLK, &l) == 0);
    }
    if (!strcmp(name, "join"))
        CHECK(pthread_create(&sleeper, NULL, sleeps, NULL) == 0);
    if (!strncmp(name, "wait", 4) && (child = fork()) == 0) {
        char c;
        signal(SIGUSR1, SIG_IGN);
        alarm(20);
        _exit(read(p[0], &c, 1) == 1 ? 42 : 1);
    }
}

static void clean(const char *name, int ended)
{
    int status;
    if (ended && !strncmp(name, "mutex", 5))
        pthread_mutex_unlock(&mutex);
    if (ended && !strcmp(name, "rdlock"))
        pthread_rwlock_unlock(&rwlock);
    if (!strncmp(name, "wait", 4) && result == -1) {
        CHECK(write(p[1], "x", 1) == 1);
        CHECK(waitpid(child, &status, 0) == child);
    }
    flock(fifo_fd, LOCK_UN);
    struct flock l = {.l_type = F_UNLCK};
    fcntl(fifo_fd, F_OFD_SETLK, &l);
    empty(tty);
    empty(sp[1]);
    empty(p[0]);
    empty(full[0]);
    empty(sp[0]);
    while (sem_trywait(&sem) == 0)
        ;
}

int main(int argc, char **argv)
{
    static const int flags[] = {0, SA_RESTART};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event e = {.events = EPOLLIN};
    struct mq_attr attr = {.mq_maxmsg = 4, .mq_msgsize = 8};
    sigset_t s;
    char name[64];
    setvbuf(stdout, NULL, _IOLBF, 0);
    CHECK(pipe(p) == 0 && pipe(full) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sp) == 0);
    CHECK((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && bind(listener, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(listen(listener, 5) == 0 && (epfd = epoll_create1(0)) >= 0);
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, p[0], &e) == 0 && (ev = eventfd(0, 0)) >= 0 && sem_init(&sem, 0, 0) == 0);
    snprintf(lock_name, sizeof lock_name, "lock.%d", (int)getpid());
    snprintf(fifo_name, sizeof fifo_name, "fifo.%d", (int)getpid());
    CHECK((fifo_fd = open(lock_name, O_RDWR | O_CREAT, 0600)) >= 0 && mkfifo(fifo_name, 0600) == 0);
    CHECK(openpty(&master, &tty, NULL, NULL, NULL) == 0);
    CHECK((crowded = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && bind(crowded, (struct sockaddr *)&a, sizeof a) == 0);
    CHECK(listen(crowded, 0) == 0);
    for (int i = 0; i < 2; i++) { /* the queue is full: who connects waits */
        socklen_t n = sizeof a;
        struct sockaddr_in to;
        getsockname(crowded, (struct sockaddr *)&to, &n);
        guests[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        connect(guests[i], (struct sockaddr *)&to, n);
    }
    usleep(20000);
    CHECK((stream = fdopen(dup(p[0]), "r")) != NULL);
    setvbuf(stream, NULL, _IONBF, 0);
    snprintf(name, sizeof name, "/coax-signal-calls-%d", (int)getpid());
    CHECK((mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr)) != (mqd_t)-1 && mq_unlink(name) == 0);
    CHECK((semid = semget(IPC_PRIVATE, 1, 0600)) >= 0 && (msgid = msgget(IPC_PRIVATE, 0600)) >= 0);
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    sigaddset(&s, SIGUSR2);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0);
    for (int f = 0; f < (strcmp(argv[1], "thread") ? 1 : 2); f++)
        for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
            struct sigaction act;
            timer_t timer;
            struct sigevent sev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
            struct itimerspec soon = {.it_value = {0, 1000000}};
            int early = 0;
            if (argc > 2 && strcmp(argv[2], calls[i].name) != 0) /* one alone */
                continue;
            if (f == 1 && calls[i].fn == c_connect_full) /* it would take minutes */
                continue;
            memset(&act, 0, sizeof act);
            act.sa_handler = on_signal;
            act.sa_flags = flags[f];
            CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
            current = &calls[i];
            handled = by = inside = 0;
            prepare(current->name);
            CHECK(timer_create(CLOCK_MONOTONIC, &sev, &timer) == 0);
            CHECK(pthread_create(&waiter, NULL, waits, NULL) == 0);
            while (!inside)
                usleep(1000);
            usleep(8000);
            if (strcmp(argv[1], "thread") == 0)
                CHECK(pthread_kill(waiter, SIGUSR1) == 0);
            else if (strcmp(argv[1], "process") == 0)
                CHECK(kill(getpid(), SIGUSR1) == 0);
            else
                CHECK(timer_settime(timer, 0, &soon, NULL) == 0);
            for (int n = 0; n < 1000 && !handled; n++)
                usleep(1000);
            for (int n = 0; n < 25 && inside != 2; n++)
                usleep(1000);
            early = inside == 2;
            if (!early && current->given)
                give(current->name);
            CHECK(pthread_join(waiter, NULL) == 0);
            CHECK(timer_delete(timer) == 0);
            clean(current->name, early);
            printf("%s %s: %s, %ld, %s, handled %d by %d\n", f ? "restart" : "plain", current->name,
                   early ? "ended" : "went on", current->fn == c_write && result > 0 ? 1 : result,
                   result < 0 ? strerror(error_of) : "-", handled, by);
        }
    semctl(semid, 0, IPC_RMID);
    msgctl(msgid, IPC_RMID, NULL);
    unlink(lock_name);
    unlink(fifo_name);
    return 0;
}
