/*
 * O_NONBLOCK set by the program stays its own: EAGAIN when there is nothing or no room, short counts when there is
 * little, the flag where it was, also for a child that shares the descriptor; and never set when the program did not.
 * usage: rw_nonblock THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

extern ssize_t __read(int, void *, size_t);
extern ssize_t __write(int, const void *, size_t);
extern ssize_t __read_chk(int, void *, size_t, size_t);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/* The other end of a conversation: a thread in a threaded run, a child process in a single-threaded one. */
static int threaded;

struct peer {
    void (*run)(void *);
    void *arg;
    pthread_t thread;
    pid_t pid;
};

static void *peer_thread(void *p)
{
    ((struct peer *)p)->run(((struct peer *)p)->arg);
    return NULL;
}

static void peer_start(struct peer *p, void (*run)(void *), void *arg)
{
    p->run = run;
    p->arg = arg;
    if (threaded) {
        CHECK(pthread_create(&p->thread, NULL, peer_thread, p) == 0);
        return;
    }
    fflush(stdout);
    CHECK((p->pid = fork()) >= 0);
    if (p->pid == 0) {
        run(arg);
        _exit(0);
    }
}

static void peer_join(struct peer *p)
{
    int status = 0;
    if (threaded)
        CHECK(pthread_join(p->thread, NULL) == 0);
    else
        CHECK(waitpid(p->pid, &status, 0) == p->pid);
    CHECK(status == 0);
}

/* The scenario in n threads at once; with n = 0 once, in the only thread there is. */
static void crowd(int n, void *(*scenario)(void *))
{
    pthread_t t[n + 1];
    threaded = n > 0;
    if (!threaded)
        scenario(NULL);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

#define AGAIN(call) CHECK((call) == -1 && errno == EAGAIN)

static void child_sees(int fd, int flags)
{
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        _exit(fcntl(fd, F_GETFL) == flags ? 0 : 9);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

static void empty(int fd)
{
    char c[64];
    struct iovec v = {c, sizeof c};
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags & O_NONBLOCK);
    for (int i = 0; i < 3; i++) {
        AGAIN(read(fd, c, sizeof c));
        AGAIN(__read(fd, c, sizeof c));
        AGAIN(__read_chk(fd, c, sizeof c, sizeof c));
        AGAIN(readv(fd, &v, 1));
        AGAIN(preadv2(fd, &v, 1, -1, 0));
    }
    CHECK(fcntl(fd, F_GETFL) == flags);
    child_sees(fd, flags);
}

/* Fills, then EAGAIN; what went in is what comes out. */
static size_t fill(int fd)
{
    static const char block[40000];
    struct iovec v = {(void *)block, sizeof block};
    size_t sum = 0;
    ssize_t n;
    int flags = fcntl(fd, F_GETFL);
    CHECK(flags & O_NONBLOCK);
    while ((n = write(fd, block, sizeof block)) > 0)
        sum += n;
    CHECK(n == -1 && errno == EAGAIN);
    AGAIN(__write(fd, block, sizeof block));
    AGAIN(writev(fd, &v, 1));
    AGAIN(pwritev2(fd, &v, 1, -1, 0));
    CHECK(fcntl(fd, F_GETFL) == flags);
    child_sees(fd, flags);
    return sum;
}

static void drain(int fd, size_t sum)
{
    char buf[50000];
    ssize_t n;
    while (sum > 0) {
        n = read(fd, buf, sizeof buf);
        CHECK(n > 0);
        sum -= n;
    }
}

static void non_blocking(int fd)
{
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

static void both(int fd[2])
{
    non_blocking(fd[0]);
    non_blocking(fd[1]);
    empty(fd[0]);
    drain(fd[0], fill(fd[1]));
    empty(fd[0]);
    close(fd[0]);
    close(fd[1]);
}

static void send_late(void *arg)
{
    usleep(30000);
    CHECK(write(*(int *)arg, "late", 4) == 4);
}

/* One descriptor that blocks beside its dup: the flag belongs to what they share. */
static void shared_flag(void)
{
    int fd[2], copy;
    char c[8];
    struct peer peer;
    CHECK(pipe(fd) == 0);
    CHECK((copy = dup(fd[0])) >= 0);
    non_blocking(copy);
    AGAIN(read(fd[0], c, sizeof c));
    CHECK(fcntl(fd[0], F_SETFL, 0) == 0);
    peer_start(&peer, send_late, &fd[1]);
    CHECK(read(copy, c, sizeof c) == 4);
    peer_join(&peer);
    CHECK(!(fcntl(copy, F_GETFL) & O_NONBLOCK));
    close(fd[0]);
    close(fd[1]);
    close(copy);
}

struct blocked {
    int fd, flags;
    int go;
};

/* Looks at the flags while the other side sits in a blocking read. */
static void look_then_send(void *arg)
{
    struct blocked *b = arg;
    usleep(30000);
    CHECK(fcntl(b->fd, F_GETFL) == b->flags);
    if (threaded)
        child_sees(b->fd, b->flags);
    CHECK(write(b->go, "12345678", 8) == 8);
}

static void blocked_is_not_flagged(int in, int out)
{
    struct blocked b = {in, fcntl(in, F_GETFL), out};
    struct peer peer;
    char c[8];
    CHECK(!(b.flags & O_NONBLOCK));
    peer_start(&peer, look_then_send, &b);
    CHECK(read(in, c, 8) == 8);
    peer_join(&peer);
    CHECK(fcntl(in, F_GETFL) == b.flags);
    close(in);
    if (out != in)
        close(out);
}

static void *scenario(void *unused)
{
    int fd[2], e;
    uint64_t most = 0xfffffffffffffffeull;
    CHECK(pipe(fd) == 0);
    both(fd);
    CHECK(pipe2(fd, O_NONBLOCK) == 0);
    both(fd);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    both(fd);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, fd) == 0);
    both(fd);
    CHECK((e = eventfd(0, EFD_NONBLOCK)) >= 0);
    empty(e);
    CHECK(write(e, &most, 8) == 8);
    most = 1;
    AGAIN(write(e, &most, 8));
    close(e);
    CHECK((e = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)) >= 0);
    empty(e);
    close(e);
    CHECK((e = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK)) >= 0);
    empty(e);
    close(e);
    shared_flag();
    CHECK(pipe(fd) == 0);
    blocked_is_not_flagged(fd[0], fd[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    blocked_is_not_flagged(fd[0], fd[1]);
    CHECK((e = eventfd(0, 0)) >= 0);
    blocked_is_not_flagged(e, e);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("O_NONBLOCK ok");
    return 0;
}
