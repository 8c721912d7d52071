/*
 * System calls by number: they wait as the functions do, their results and structures are the kernel's, and they are no
 * cancellation points.
 *   calls THREADS   each of them, in each thread
 *   exit WHO        a thread, the last thread, or main ends by SYS_exit
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

#define FAILS(call, error)                                                                                             \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK((call) == -1 && errno == (error));                                                                       \
    } while (0)

static void *bad;

/* ---- the other end, which comes late ---- */

struct late {
    int fd, ms;
    pthread_t thread;
};

static void *write_late(void *arg)
{
    struct late *l = arg;
    struct timespec t = {0, l->ms * 1000000};
    CHECK(syscall(SYS_nanosleep, &t, NULL) == 0);
    CHECK(syscall(SYS_write, l->fd, "x", 1) == 1);
    return NULL;
}

static void late(struct late *l, int fd)
{
    *l = (struct late){fd, 3};
    CHECK(pthread_create(&l->thread, NULL, write_late, l) == 0);
}

static void arrived(struct late *l, int fd)
{
    char c = 0;
    CHECK(syscall(SYS_read, fd, &c, 1) == 1 && c == 'x');
    CHECK(pthread_join(l->thread, NULL) == 0);
}

static void data(void)
{
    int p[2];
    char c[4];
    struct late l;
    struct iovec v = {c, 2};
    CHECK(syscall(SYS_pipe2, p, O_CLOEXEC) == 0);
    late(&l, p[1]);
    arrived(&l, p[0]);
    CHECK(syscall(SYS_writev, p[1], &(struct iovec){"ab", 2}, 1) == 2);
    CHECK(syscall(SYS_readv, p[0], &v, 1) == 2 && !memcmp(c, "ab", 2));
    FAILS(syscall(SYS_pread64, p[0], c, 1, 0), ESPIPE);
    FAILS(syscall(SYS_preadv, p[0], &v, 1, 0, 0), ESPIPE);
    FAILS(syscall(SYS_read, -1, c, 1), EBADF);
    CHECK(write(p[1], "x", 1) == 1);
    FAILS(syscall(SYS_read, p[0], bad, 1), EFAULT);
    int copy = syscall(SYS_dup, p[1]);
    CHECK(copy >= 0 && syscall(SYS_dup3, p[1], copy, 0) == copy && syscall(SYS_dup2, copy, copy) == copy);
    CHECK((syscall(SYS_fcntl, p[0], F_GETFD) & FD_CLOEXEC) && syscall(SYS_fcntl, p[0], F_SETFD, 0) == 0);
    CHECK(!(fcntl(p[0], F_GETFD) & FD_CLOEXEC));
    CHECK(syscall(SYS_close, p[1]) == 0 && syscall(SYS_close, copy) == 0);
    CHECK(read(p[0], c, 4) == 1 && syscall(SYS_read, p[0], c, 4) == 0);
    CHECK(syscall(SYS_close, p[0]) == 0);
    FAILS(syscall(SYS_close, -1), EBADF);
}

static void *connect_late(void *addr)
{
    struct timespec t = {0, 3000000};
    int s = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0);
    CHECK(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &t, NULL) == 0);
    CHECK(syscall(SYS_connect, s, addr, sizeof(struct sockaddr_in)) == 0);
    CHECK(syscall(SYS_sendto, s, "hello", 5, 0, NULL, 0) == 5);
    CHECK(syscall(SYS_shutdown, s, SHUT_WR) == 0);
    close(s);
    return NULL;
}

static void sockets(void)
{
    struct sockaddr_in addr = {AF_INET, 0, {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof addr;
    pthread_t t;
    char c[8];
    int s = syscall(SYS_socket, AF_INET, SOCK_STREAM, 0), pair[2];
    CHECK(bind(s, (void *)&addr, sizeof addr) == 0 && syscall(SYS_listen, s, 5) == 0);
    CHECK(getsockname(s, (void *)&addr, &len) == 0);
    CHECK(pthread_create(&t, NULL, connect_late, &addr) == 0);
    int a = syscall(SYS_accept4, s, NULL, NULL, SOCK_CLOEXEC);
    CHECK(a >= 0 && (fcntl(a, F_GETFD) & FD_CLOEXEC));
    CHECK(syscall(SYS_recvfrom, a, c, 5, MSG_WAITALL, NULL, NULL) == 5 && !memcmp(c, "hello", 5));
    struct msghdr m = {.msg_iov = &(struct iovec){c, 8}, .msg_iovlen = 1};
    CHECK(syscall(SYS_recvmsg, a, &m, 0) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    close(a);
    close(s);
    CHECK(syscall(SYS_socketpair, AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    struct timeval limit = {0, 5000};
    CHECK(syscall(SYS_setsockopt, pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
    FAILS(syscall(SYS_recvfrom, pair[0], c, 8, 0, NULL, NULL), EAGAIN);
    m.msg_iov->iov_len = 3;
    CHECK(syscall(SYS_sendmsg, pair[1], &m, 0) == 3);
    CHECK(syscall(SYS_recvfrom, pair[0], c, 8, 0, NULL, NULL) == 3);
    close(pair[0]);
    close(pair[1]);
}

/* What is left is written back, which libc's functions do not. */
static void polls(void)
{
    int p[2];
    struct late l;
    CHECK(pipe(p) == 0);
    struct pollfd f = {p[0], POLLIN};
    struct timespec left = {0, 5000000};
    CHECK(syscall(SYS_poll, &f, 1, 5) == 0);
    CHECK(syscall(SYS_ppoll, &f, 1, &left, NULL, 8) == 0 && left.tv_sec == 0 && left.tv_nsec == 0);
    left.tv_sec = 100;
    late(&l, p[1]);
    CHECK(syscall(SYS_ppoll, &f, 1, &left, NULL, 8) == 1 && f.revents == POLLIN);
    CHECK(left.tv_sec == 99 || (left.tv_sec > 0 && left.tv_sec < 99)); /* a loaded machine */
    arrived(&l, p[0]);
    sigset_t none;
    sigemptyset(&none);
    FAILS(syscall(SYS_ppoll, &f, 1, &left, &none, 128), EINVAL);
    FAILS(syscall(SYS_ppoll, &f, 1, bad, NULL, 8), EFAULT);

    fd_set set;
    struct {
        const sigset_t *mask;
        size_t size;
    } mask = {&none, 8};
    FD_ZERO(&set);
    FD_SET(p[0], &set);
    left = (struct timespec){100, 0};
    late(&l, p[1]);
    CHECK(syscall(SYS_pselect6, p[0] + 1, &set, NULL, NULL, &left, &mask) == 1 && FD_ISSET(p[0], &set));
    CHECK(left.tv_sec < 100);
    arrived(&l, p[0]);
    struct timeval tv = {0, 2000};
    CHECK(syscall(SYS_select, p[0] + 1, &set, NULL, NULL, &tv) == 0 && !FD_ISSET(p[0], &set));

    int e = epoll_create1(0);
    struct epoll_event event = {EPOLLIN, {.u64 = 77}};
    CHECK(syscall(SYS_epoll_ctl, e, EPOLL_CTL_ADD, p[0], &event) == 0);
    event.data.u64 = 0;
    CHECK(syscall(SYS_epoll_wait, e, &event, 1, 2) == 0);
    late(&l, p[1]);
    CHECK(syscall(SYS_epoll_pwait, e, &event, 1, -1, &none, 8) == 1 && event.data.u64 == 77);
    arrived(&l, p[0]);
    FAILS(syscall(SYS_epoll_pwait, e, &event, 1, -1, &none, 4), EINVAL);
    close(e);
    close(p[0]);
    close(p[1]);
}

static void times(void)
{
    struct timespec t = {0, 2000000}, wrong = {0, 1000000000};
    CHECK(syscall(SYS_nanosleep, &t, NULL) == 0);
    FAILS(syscall(SYS_nanosleep, &wrong, NULL), EINVAL);
    FAILS(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &wrong, NULL), EINVAL);
    FAILS(syscall(SYS_clock_nanosleep, 77, 0, &t, NULL), EINVAL);
    CHECK(syscall(SYS_sched_yield) == 0);
}

static void children(void)
{
    struct timespec t = {0, 3000000};
    struct rusage usage;
    siginfo_t info;
    int status;
    static const long how[] = {SYS_fork, SYS_clone, SYS_vfork};
    for (int i = 0; i < 2; i++) {
        pid_t pid = syscall(how[i], SIGCHLD, 0, 0, 0, 0);
        CHECK(pid >= 0);
        if (pid == 0) {
            syscall(SYS_nanosleep, &t, NULL);
            syscall(SYS_exit_group, 7 + i);
        }
        memset(&usage, 0xff, sizeof usage);
        if (i == 0) {
            CHECK(syscall(SYS_wait4, pid, &status, 0, &usage) == pid);
            CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
        } else {
            CHECK(syscall(SYS_waitid, P_PID, pid, &info, WEXITED, &usage) == 0);
            CHECK(info.si_pid == pid && info.si_status == 8);
        }
        CHECK(usage.ru_utime.tv_sec == 0);
    }
    FAILS(syscall(SYS_wait4, 0x7ffffff, NULL, 0, NULL), ECHILD);
}

static __thread volatile sig_atomic_t handled;

static void handler(int sig)
{
    handled = sig;
}

static void signals(void)
{
    unsigned long mask = 1ul << (SIGUSR2 - 1), old = 0, pending = 0;
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        unsigned long mask;
    } act = {0};
    siginfo_t info;
    int tid = syscall(SYS_gettid);
    CHECK(tid == gettid());
    CHECK(syscall(SYS_rt_sigaction, SIGUSR2, NULL, &act, 8) == 0 && act.handler == (void *)handler);
    CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, &old, 8) == 0 && !(old & mask));
    CHECK(syscall(SYS_tgkill, getpid(), tid, SIGUSR2) == 0 && !handled);
    CHECK(syscall(SYS_rt_sigpending, &pending, 8) == 0 && (pending & mask));
    CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, 8) == 0 && handled == SIGUSR2);
    handled = 0;
    CHECK(syscall(SYS_tkill, tid, SIGUSR2) == 0 && handled == SIGUSR2);
    CHECK(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8) == 0);
    CHECK(syscall(SYS_tkill, tid, SIGUSR2) == 0);
    CHECK(syscall(SYS_rt_sigtimedwait, &mask, &info, NULL, 8) == SIGUSR2 && info.si_pid == getpid());
    handled = 0;
    CHECK(syscall(SYS_tkill, tid, SIGUSR2) == 0);
    FAILS(syscall(SYS_rt_sigsuspend, &old, 8), EINTR);
    CHECK(handled == SIGUSR2);
    CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old, NULL, 8) == 0);
    FAILS(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 128), EINVAL);
    FAILS(syscall(SYS_tgkill, getpid(), tid, 99), EINVAL);
}

/* ---- no cancellation point ---- */

static atomic_int reached;

static void *not_cancelled(void *arg)
{
    char c;
    CHECK(syscall(SYS_read, *(int *)arg, &c, 1) == 1);
    reached++;
    for (;;)
        pthread_testcancel();
}

static void cancellation(void)
{
    int p[2], before = reached;
    pthread_t t;
    void *result;
    CHECK(pipe(p) == 0);
    CHECK(pthread_create(&t, NULL, not_cancelled, p) == 0);
    usleep(2000);
    CHECK(pthread_cancel(t) == 0);
    usleep(2000);
    CHECK(write(p[1], "x", 1) == 1);
    CHECK(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED && reached > before);
    close(p[0]);
    close(p[1]);
}

static void *scenario(void *unused)
{
    data();
    sockets();
    polls();
    times();
    children();
    signals();
    cancellation();
    return NULL;
}

/* ---- SYS_exit ---- */

static const char *who;
static pthread_t main_thread;
static atomic_int others;

static void at_end(void *unused)
{
    printf("destructor\n");
}

static void *exits(void *unused)
{
    pthread_key_t key;
    CHECK(pthread_key_create(&key, at_end) == 0 && pthread_setspecific(key, &key) == 0);
    if (!strcmp(who, "main"))
        usleep(20000);
    if (!strcmp(who, "last") || !strcmp(who, "main")) {
        printf("last\n");
        fflush(stdout);
    }
    if (!strcmp(who, "last"))
        CHECK(pthread_join(main_thread, NULL) == 0);
    syscall(SYS_exit, 5);
    return NULL;
}

static void *goes_on(void *unused)
{
    usleep(10000);
    others++;
    return NULL;
}

static void end_by_exit(void)
{
    pthread_t t, other;
    main_thread = pthread_self();
    CHECK(pthread_create(&other, NULL, goes_on, NULL) == 0);
    CHECK(pthread_create(&t, NULL, exits, NULL) == 0);
    if (!strcmp(who, "last"))
        pthread_exit(NULL);
    if (!strcmp(who, "main"))
        syscall(SYS_exit, 3);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(pthread_join(other, NULL) == 0 && others == 1);
    printf("joined\n");
}

int main(int argc, char **argv)
{
    bad = (void *)8;
    if (!strcmp(argv[1], "exit")) {
        who = argv[2];
        end_by_exit();
        return 0;
    }
    int n = atoi(argv[2]);
    pthread_t t[n + 1];
    signal(SIGUSR2, handler);
    if (!n)
        scenario(NULL);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("good");
    return 0;
}
