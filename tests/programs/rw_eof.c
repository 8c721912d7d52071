/*
 * The other end closes: a blocked reader gets 0 (and again), a blocked writer EPIPE, a pty EIO; closed and one-way
 * descriptors are EBADF in every call.
 * usage: rw_eof THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

/* After a fork both processes hold both ends: each lets go of the one that is not its own. */
static void drop(int fd)
{
    if (!threaded)
        close(fd);
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

struct ends {
    int mine, other;
};

static void close_other(void *arg)
{
    struct ends *e = arg;
    drop(e->mine);
    usleep(20000);
    CHECK(close(e->other) == 0);
}

static void reader_sees_end(int mine, int other, int result, int error)
{
    struct ends e = {mine, other};
    struct peer peer;
    char c[16];
    struct iovec v = {c, sizeof c};
    peer_start(&peer, close_other, &e);
    drop(other);
    errno = 0;
    CHECK(read(mine, c, sizeof c) == result && errno == error);
    peer_join(&peer);
    errno = 0;
    CHECK(read(mine, c, sizeof c) == result && errno == error);
    CHECK(readv(mine, &v, 1) == result && errno == error);
    CHECK(close(mine) == 0);
}

static void writer_sees_end(int mine, int other)
{
    struct ends e = {mine, other};
    struct peer peer;
    char *c = calloc(1, 1 << 20);
    peer_start(&peer, close_other, &e);
    drop(other);
    /* What fits is counted first, the error comes with the next call. */
    ssize_t n = write(mine, c, 1 << 20);
    CHECK(n == -1 || (n > 0 && n < 1 << 20));
    if (n == -1)
        CHECK(errno == EPIPE || errno == ECONNRESET);
    peer_join(&peer);
    CHECK(write(mine, c, 1) == -1 && (errno == EPIPE || errno == ECONNRESET));
    CHECK(write(mine, c, 1) == -1 && errno == EPIPE);
    CHECK(close(mine) == 0);
    free(c);
}

static void pty(int *master, int *slave)
{
    char name[64];
    CHECK((*master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    CHECK(grantpt(*master) == 0 && unlockpt(*master) == 0);
    CHECK(ptsname_r(*master, name, sizeof name) == 0);
    CHECK((*slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
}

/* A hangup is 0 or EIO, as the kernel gets to it. */
static void slave_sees_hangup(int mine, int other)
{
    struct ends e = {mine, other};
    struct peer peer;
    char c[16];
    peer_start(&peer, close_other, &e);
    drop(other);
    ssize_t n = read(mine, c, sizeof c);
    CHECK(n == 0 || (n == -1 && errno == EIO));
    peer_join(&peer);
    CHECK(close(mine) == 0);
}

static void *scenario(void *unused)
{
    int fd[2];
    CHECK(pipe(fd) == 0);
    reader_sees_end(fd[0], fd[1], 0, 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    reader_sees_end(fd[0], fd[1], 0, 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) == 0);
    reader_sees_end(fd[0], fd[1], 0, 0);
    pty(&fd[0], &fd[1]);
    reader_sees_end(fd[0], fd[1], -1, EIO);
    pty(&fd[0], &fd[1]);
    slave_sees_hangup(fd[1], fd[0]);
    CHECK(pipe(fd) == 0);
    writer_sees_end(fd[1], fd[0]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    writer_sees_end(fd[1], fd[0]);
    return NULL;
}

#define BAD(call) CHECK((call) == -1 && errno == EBADF)

static void cannot_read(int fd)
{
    char c[16];
    struct iovec v = {c, sizeof c};
    BAD(read(fd, c, sizeof c));
    BAD(__read(fd, c, sizeof c));
    BAD(__read_chk(fd, c, sizeof c, sizeof c));
    BAD(read(fd, c, 0));
    BAD(readv(fd, &v, 1));
    BAD(preadv2(fd, &v, 1, -1, 0));
    BAD(preadv64v2(fd, &v, 1, -1, 0));
}

static void cannot_write(int fd)
{
    char c[16] = "";
    struct iovec v = {c, sizeof c};
    BAD(write(fd, c, sizeof c));
    BAD(__write(fd, c, sizeof c));
    BAD(write(fd, c, 0));
    BAD(writev(fd, &v, 1));
    BAD(pwritev2(fd, &v, 1, -1, 0));
    BAD(pwritev64v2(fd, &v, 1, -1, 0));
}

static void bad_descriptors(void)
{
    char c[16];
    struct iovec v = {c, sizeof c};
    int fd[2], never[] = {-1, -100, 999999, 0x7fffffff};
    for (int i = 0; i < 4; i++) {
        cannot_read(never[i]);
        cannot_write(never[i]);
        BAD(pread(never[i], c, 1, 0));
        BAD(pwrite(never[i], c, 1, 0));
        BAD(preadv(never[i], &v, 1, 0));
        BAD(pwritev(never[i], &v, 1, 0));
    }
    CHECK(pipe(fd) == 0);
    cannot_read(fd[1]);
    cannot_write(fd[0]);
    CHECK(close(fd[0]) == 0 && close(fd[1]) == 0);
    cannot_read(fd[0]);
    cannot_write(fd[1]);
    CHECK((fd[0] = open("/dev/null", O_WRONLY)) >= 0);
    cannot_read(fd[0]);
    BAD(pread(fd[0], c, 1, 0));
    CHECK(close(fd[0]) == 0);
    CHECK((fd[0] = open("/dev/zero", O_RDONLY)) >= 0);
    cannot_write(fd[0]);
    BAD(pwrite(fd[0], c, 1, 0));
    CHECK(close(fd[0]) == 0);
    CHECK((fd[0] = open("/", O_PATH)) >= 0);
    cannot_read(fd[0]);
    cannot_write(fd[0]);
    CHECK(close(fd[0]) == 0);
    CHECK((fd[0] = open("/", O_RDONLY)) >= 0);
    CHECK(read(fd[0], c, 1) == -1 && errno == EISDIR);
    CHECK(close(fd[0]) == 0);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    bad_descriptors();
    puts("ends ok");
    return 0;
}
