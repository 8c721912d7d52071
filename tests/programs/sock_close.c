/*
 * A thread closes a descriptor that another thread waits on. The kernel lets the wait go on, on a file that has no
 * number any more ("bare"); under coax it ends with EBADF ("coax").
 * usage: sock_close bare|coax
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int coax;

struct wait {
    const char *what;
    int fd;
    ssize_t result;
    int error;
    volatile pid_t tid;
};

static void *waiter(void *arg)
{
    struct wait *w = arg;
    static char block[1 << 20];
    char c[8];
    struct iovec v = {c, sizeof c};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    w->tid = gettid();
    errno = 0;
    if (!strcmp(w->what, "read"))
        w->result = read(w->fd, c, 8);
    else if (!strcmp(w->what, "readv"))
        w->result = readv(w->fd, &v, 1);
    else if (!strcmp(w->what, "recv"))
        w->result = recv(w->fd, c, 8, 0);
    else if (!strcmp(w->what, "recvmsg"))
        w->result = recvmsg(w->fd, &m, 0);
    else if (!strcmp(w->what, "write"))
        w->result = write(w->fd, block, sizeof block);
    else
        w->result = accept(w->fd, NULL, NULL);
    w->error = errno;
    return NULL;
}

/* Until it waits: bare, its state in /proc tells; under coax the others run while this one sleeps. */
static void until_asleep(struct wait *w)
{
    char path[64], state = 0;
    usleep(20000);
    for (int i = 0; i < 1000 && state != 'S' && !coax; i++) {
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", w->tid);
        FILE *f = w->tid ? fopen(path, "r") : NULL;
        if (f) {
            fscanf(f, "%*d (%*[^)]) %c", &state);
            fclose(f);
        }
        usleep(10000);
    }
    CHECK(coax || state == 'S');
}

/* Starts a wait, closes its descriptor, then does what would have ended the wait bare. */
static void round_of(const char *what, int fd, void (*release)(int), int arg, ssize_t bare_result)
{
    struct wait w = {what, fd, 0, 0, 0};
    pthread_t t;
    CHECK(pthread_create(&t, NULL, waiter, &w) == 0);
    until_asleep(&w);
    CHECK(close(fd) == 0);
    if (coax) {
        CHECK(pthread_join(t, NULL) == 0);
        printf("%s: %zd %s\n", what, w.result, strerrorname_np(w.error));
        CHECK(w.result == -1 && w.error == EBADF);
        return;
    }
    usleep(10000);
    release(arg);
    CHECK(pthread_join(t, NULL) == 0);
    CHECK(w.result == bare_result || (bare_result < 0 && w.result >= 0));
}

static void give(int fd)
{
    CHECK(write(fd, "12345678", 8) == 8);
}

static void take(int fd)
{
    char c[65536];
    for (int n = 0; n < 1 << 20;) {
        int got = read(fd, c, sizeof c);
        CHECK(got > 0);
        n += got;
    }
}

static struct sockaddr_in where;

static void join_in(int fd)
{
    CHECK(connect(fd, (void *)&where, sizeof where) == 0);
}

int main(int argc, char **argv)
{
    int fd[2], e;
    socklen_t n = sizeof where;
    static char block[65536];
    CHECK(argc == 2);
    coax = !strcmp(argv[1], "coax");
    CHECK(pipe(fd) == 0);
    round_of("read", fd[0], give, fd[1], 8);
    CHECK(pipe(fd) == 0);
    round_of("readv", fd[0], give, fd[1], 8);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    round_of("recv", fd[0], give, fd[1], 8);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    round_of("recvmsg", fd[0], give, fd[1], 8);
    CHECK((e = eventfd(0, 0)) >= 0 && (fd[1] = dup(e)) >= 0);
    round_of("read", e, give, fd[1], 8);
    CHECK(pipe(fd) == 0 && fcntl(fd[1], F_SETPIPE_SZ, 65536) == 65536 && write(fd[1], block, 65536) == 65536);
    /* With the pipe full from the start, nothing of the write went in. */
    if (coax)
        round_of("write", fd[1], NULL, 0, 0);
    else
        round_of("write", fd[1], take, fd[0], 1 << 20);
    where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK((e = socket(AF_INET, SOCK_STREAM, 0)) >= 0 && bind(e, (void *)&where, n) == 0 && listen(e, 1) == 0);
    CHECK(getsockname(e, (void *)&where, &n) == 0 && (fd[0] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    round_of("accept", e, join_in, fd[0], -1);
    puts("done");
    return 0;
}
