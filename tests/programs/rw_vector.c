/*
 * Vectors: zero length, empty parts, IOV_MAX and one more, lengths that overflow, short reads that end within a part.
 * With threads each reader is blocked before its writer comes.
 * usage: rw_vector THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

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

static void send_eleven(void *arg)
{
    struct iovec v[4] = {{"hello", 5}, {NULL, 0}, {" ", 1}, {"world", 5}};
    usleep(20000);
    CHECK(writev(*(int *)arg, v, 4) == 11);
}

static void scattered(int in, int out)
{
    char a[4], b[4], c[20];
    struct iovec v[4] = {{a, 4}, {NULL, 0}, {b, 4}, {c, 20}};
    struct peer peer;
    memset(c, '.', sizeof c);
    peer_start(&peer, send_eleven, &out);
    CHECK(readv(in, v, 4) == 11);
    CHECK(!memcmp(a, "hell", 4) && !memcmp(b, "o wo", 4) && !memcmp(c, "rld.", 4));
    peer_join(&peer);

    /* Less than the first part. */
    CHECK(write(out, "xy", 2) == 2);
    memset(a, '.', 4);
    CHECK(readv(in, v, 4) == 2 && !memcmp(a, "xy..", 4));
}

static void many_parts(int in, int out, int whole)
{
    static __thread char data[IOV_MAX + 1], back[IOV_MAX + 1];
    struct iovec *v = calloc(IOV_MAX + 1, sizeof *v);
    for (int i = 0; i <= IOV_MAX; i++) {
        data[i] = i % 251;
        v[i] = (struct iovec){&data[i], 1};
    }
    CHECK(writev(out, v, IOV_MAX + 1) == -1 && errno == EINVAL);
    CHECK(readv(in, v, IOV_MAX + 1) == -1 && errno == EINVAL);
    CHECK(writev(out, v, IOV_MAX) == IOV_MAX);
    for (int i = 0; i <= IOV_MAX; i++)
        v[i].iov_base = &back[i];
    CHECK(readv(in, v, IOV_MAX) == IOV_MAX && !memcmp(data, back, IOV_MAX));
    (void)whole;
    free(v);
}

static void odd_lengths(int in, int out)
{
    char c[8];
    struct iovec huge[2] = {{c, SSIZE_MAX}, {c, SSIZE_MAX}}, negative = {c, (size_t)-1};
    struct iovec none[2] = {{NULL, 0}, {c, 0}};
    CHECK(readv(in, none, 0) == 0);
    CHECK(readv(in, NULL, 0) == 0);
    CHECK(writev(out, NULL, 0) == 0);
    CHECK(readv(in, none, -1) == -1 && errno == EINVAL);
    CHECK(writev(out, none, -1) == -1 && errno == EINVAL);
    CHECK(readv(in, none, INT_MAX) == -1 && errno == EINVAL);
    CHECK(readv(in, &negative, 1) == -1 && errno == EINVAL);
    CHECK(writev(out, &negative, 1) == -1 && errno == EINVAL);
    /* Nothing to do: at once, even with nothing there. */
    CHECK(readv(in, none, 2) == 0);
    CHECK(writev(out, none, 2) == 0);
    CHECK(preadv2(in, none, 2, -1, 0) == 0);
    CHECK(pwritev2(out, none, 2, -1, 0) == 0);
    /* More than one call can move: cut, not refused; so there must be data. */
    CHECK(write(out, "12345678", 8) == 8);
    huge[0].iov_len = 4;
    huge[1].iov_base = c + 4;
    huge[1].iov_len = 4;
    CHECK(readv(in, huge, 2) == 8 && !memcmp(c, "12345678", 8));
    CHECK(read(in, c, 0) == 0 && write(out, c, 0) == 0);
}

static void *scenario(void *unused)
{
    int fd[2];
    CHECK(pipe(fd) == 0);
    scattered(fd[0], fd[1]);
    odd_lengths(fd[0], fd[1]);
    many_parts(fd[0], fd[1], 1);
    CHECK(close(fd[0]) == 0 && close(fd[1]) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    scattered(fd[0], fd[1]);
    odd_lengths(fd[0], fd[1]);
    many_parts(fd[0], fd[1], 1);
    CHECK(close(fd[0]) == 0 && close(fd[1]) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("vectors ok");
    return 0;
}
