/*
 * Megabytes through one kind of descriptor, many pairs at once: every byte in order, every call full, every twin of
 * read and write, and O_NONBLOCK as the program left it, before, during and after.
 * usage: rw_bulk pipe|fifo|stream|seqpacket|dgram|tcp|ptyin|ptyout KILOBYTES THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
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

static const char *kind;
static size_t total;
static size_t largest; /* message */

struct pair {
    int in, out; /* read from in, write to out */
    int in_flags, out_flags;
    unsigned char seed;
};

static unsigned char byte_at(size_t k, unsigned char seed)
{
    return (unsigned char)((k * 2654435761u) >> 13) ^ seed;
}

static void raw(int fd)
{
    struct termios t;
    CHECK(tcgetattr(fd, &t) == 0);
    cfmakeraw(&t);
    CHECK(tcsetattr(fd, TCSANOW, &t) == 0);
}

static void pty(int *master, int *slave)
{
    char name[64];
    CHECK((*master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    CHECK(grantpt(*master) == 0 && unlockpt(*master) == 0);
    CHECK(ptsname_r(*master, name, sizeof name) == 0);
    CHECK((*slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
    raw(*slave);
}

static void tcp(int *a, int *b)
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, (void *)&where, n) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    CHECK((*b = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(*b, (void *)&where, n) == 0);
    CHECK((*a = accept(listener, NULL, NULL)) >= 0);
    CHECK(close(listener) == 0);
}

static void fifo(int *in, int *out)
{
    const char *dir = getenv("TMPDIR");
    char path[256];
    snprintf(path, sizeof path, "%s/fifoXXXXXX", dir ? dir : "/tmp");
    CHECK(mkdtemp(path) != NULL);
    strcat(path, "/f");
    CHECK(mkfifo(path, 0600) == 0);
    CHECK((*in = open(path, O_RDONLY | O_NONBLOCK)) >= 0);
    CHECK((*out = open(path, O_WRONLY)) >= 0);
    CHECK(fcntl(*in, F_SETFL, 0) == 0);
    CHECK(unlink(path) == 0);
    *strrchr(path, '/') = 0;
    CHECK(rmdir(path) == 0);
}

static void make_pair(struct pair *p)
{
    int fd[2];
    if (!strcmp(kind, "pipe")) {
        CHECK(pipe(fd) == 0);
        CHECK(fcntl(fd[1], F_SETPIPE_SZ, 4096) == 4096);
    } else if (!strcmp(kind, "fifo"))
        fifo(&fd[0], &fd[1]);
    else if (!strcmp(kind, "tcp"))
        tcp(&fd[0], &fd[1]);
    else if (!strcmp(kind, "ptyin"))
        pty(&fd[1], &fd[0]);
    else if (!strcmp(kind, "ptyout"))
        pty(&fd[0], &fd[1]);
    else
        CHECK(socketpair(AF_UNIX,
                         !strcmp(kind, "stream")  ? SOCK_STREAM
                         : !strcmp(kind, "dgram") ? SOCK_DGRAM
                                                  : SOCK_SEQPACKET,
                         0, fd) == 0);
    p->in = fd[0];
    p->out = fd[1];
    p->in_flags = fcntl(p->in, F_GETFL);
    p->out_flags = fcntl(p->out, F_GETFL);
    CHECK(!(p->in_flags & O_NONBLOCK) && !(p->out_flags & O_NONBLOCK));
}

static void flags_unchanged(struct pair *p)
{
    CHECK(fcntl(p->in, F_GETFL) == p->in_flags);
    CHECK(fcntl(p->out, F_GETFL) == p->out_flags);
}

static void split(struct iovec v[3], unsigned char *buf, size_t n)
{
    v[0] = (struct iovec){buf, n / 3};
    v[1] = (struct iovec){buf + n / 3, 0};
    v[2] = (struct iovec){buf + n / 3, n - n / 3};
}

static ssize_t write_any(int how, int fd, unsigned char *buf, size_t n)
{
    struct iovec v[3];
    split(v, buf, n);
    switch (how % 5) {
    case 0:
        return write(fd, buf, n);
    case 1:
        return __write(fd, buf, n);
    case 2:
        return writev(fd, v, 3);
    case 3:
        return pwritev2(fd, v, 3, -1, 0);
    default:
        return pwritev64v2(fd, v, 3, -1, 0);
    }
}

static ssize_t read_any(int how, int fd, unsigned char *buf, size_t n)
{
    struct iovec v[3];
    split(v, buf, n);
    switch (how % 6) {
    case 0:
        return read(fd, buf, n);
    case 1:
        return __read(fd, buf, n);
    case 2:
        return __read_chk(fd, buf, n, n);
    case 3:
        return readv(fd, v, 3);
    case 4:
        return preadv2(fd, v, 3, -1, 0);
    default:
        return preadv64v2(fd, v, 3, -1, 0);
    }
}

static void writer(void *arg)
{
    struct pair *p = arg;
    unsigned char *buf = malloc(largest);
    unsigned random = p->seed;
    int how = 0;
    for (size_t done = 0; done < total; how++) {
        random = random * 1103515245 + 12345;
        size_t n = 1 + (random >> 8) % (how % 8 ? largest / 16 : largest);
        if (n > total - done)
            n = total - done;
        for (size_t k = 0; k < n; k++)
            buf[k] = byte_at(done + k, p->seed);
        CHECK(write_any(how, p->out, buf, n) == (ssize_t)n);
        done += n;
        if (how % 32 == 0)
            flags_unchanged(p);
    }
    free(buf);
}

static void reader(void *arg)
{
    struct pair *p = arg;
    unsigned char *buf = malloc(largest);
    int how = p->seed;
    for (size_t done = 0; done < total; how++) {
        ssize_t n = read_any(how, p->in, buf, largest);
        CHECK(n > 0);
        for (ssize_t k = 0; k < n; k++)
            CHECK(buf[k] == byte_at(done + k, p->seed));
        done += n;
        if (how % 32 == 0)
            flags_unchanged(p);
    }
    free(buf);
}

static void *scenario(void *arg)
{
    struct pair p = {.seed = (long)arg * 17};
    struct peer peer;
    for (int round = 0; round < 2; round++) {
        make_pair(&p);
        peer_start(&peer, round ? reader : writer, &p);
        (round ? writer : reader)(&p);
        peer_join(&peer);
        flags_unchanged(&p);
        CHECK(close(p.out) == 0);
        CHECK(close(p.in) == 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    kind = argv[1];
    total = atol(argv[2]) * 1024;
    largest = !strcmp(kind, "dgram") || !strcmp(kind, "seqpacket") ? 8000 : 60000;
    crowd(atoi(argv[3]), scenario);
    printf("%s: %zu bytes each way, in order\n", kind, total);
    return 0;
}
