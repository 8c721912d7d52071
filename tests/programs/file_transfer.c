/* sendfile, splice, tee and vmsplice between threads: bytes go through chains of pipes and sockets, each end in a thread of
   its own, and all arrive. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { SIZE = 3 << 20, CHAINS = 4 };

struct chain {
    int file, source[2], middle[2], copy[2], sock[2];
    pthread_t threads[5];
    unsigned copied, arrived;
};

static unsigned char at(long i)
{
    return (unsigned char)(i * 31 + i / 257);
}

/* The file goes into a socket, or is mapped into a pipe. */
static void *source(void *arg)
{
    struct chain *c = arg;
    off_t from = 0;
    CHECK(sendfile(c->sock[1], c->file, &from, SIZE) == SIZE && from == SIZE);
    CHECK(shutdown(c->sock[1], SHUT_WR) == 0);
    return NULL;
}

static void *first(void *arg)
{
    struct chain *c = arg;
    for (ssize_t n; (n = splice(c->sock[0], NULL, c->source[1], NULL, 1 << 16, 0)) != 0;)
        CHECK(n > 0);
    CHECK(close(c->source[1]) == 0);
    return NULL;
}

/* Each piece into the copy as well. */
static void *second(void *arg)
{
    struct chain *c = arg;
    for (ssize_t n; (n = tee(c->source[0], c->copy[1], 1 << 16, 0)) != 0;) {
        CHECK(n > 0);
        while (n > 0) {
            ssize_t m = splice(c->source[0], NULL, c->middle[1], NULL, n, 0);
            CHECK(m > 0);
            n -= m;
        }
    }
    CHECK(close(c->middle[1]) == 0 && close(c->copy[1]) == 0);
    return NULL;
}

static void *drain(int fd)
{
    static __thread unsigned char buf[30000];
    long total = 0;
    for (ssize_t n; (n = read(fd, buf, sizeof buf)) != 0; total += n) {
        CHECK(n > 0);
        for (ssize_t i = 0; i < n; i++)
            if (buf[i] != at(total + i)) {
                printf("byte %ld is wrong\n", total + i);
                exit(1);
            }
    }
    return (void *)total;
}

static void *third(void *arg)
{
    return drain(((struct chain *)arg)->middle[0]);
}

static void *fourth(void *arg)
{
    return drain(((struct chain *)arg)->copy[0]);
}

static void chains(const char *path)
{
    static struct chain c[CHAINS];
    static void *(*const starts[5])(void *) = {fourth, third, second, first, source};
    for (int i = 0; i < CHAINS; i++) {
        c[i].file = open(path, O_RDONLY);
        CHECK(c[i].file >= 0 && pipe(c[i].source) == 0 && pipe(c[i].middle) == 0 && pipe(c[i].copy) == 0);
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, c[i].sock) == 0);
        for (int t = 0; t < 5; t++)
            CHECK(pthread_create(&c[i].threads[t], NULL, starts[t], &c[i]) == 0);
    }
    for (int i = 0; i < CHAINS; i++)
        for (int t = 0; t < 5; t++) {
            void *r;
            CHECK(pthread_join(c[i].threads[t], &r) == 0 && r == (t < 2 ? (void *)(long)SIZE : NULL));
        }
    printf("chains\n");
}

/* vmsplice: memory into a full pipe, out of an empty one. */
static int p[2];

static void *pours(void *arg)
{
    static char text[200000];
    struct iovec v = {text, sizeof text};
    memset(text, 'v', sizeof text);
    while (v.iov_len > 0) {
        ssize_t n = vmsplice(p[1], &v, 1, 0);
        CHECK(n > 0);
        v.iov_base = (char *)v.iov_base + n;
        v.iov_len -= n;
    }
    CHECK(close(p[1]) == 0);
    return NULL;
}

static void memory(void)
{
    char buf[3000];
    long total = 0;
    struct iovec v = {buf, sizeof buf};
    pthread_t t;
    CHECK(pipe(p) == 0 && pthread_create(&t, NULL, pours, NULL) == 0);
    for (ssize_t n; (n = total % 2 ? vmsplice(p[0], &v, 1, 0) : read(p[0], buf, 2999)) != 0; total += n)
        CHECK(n > 0 && buf[n - 1] == 'v');
    CHECK(total == 200000 && pthread_join(t, NULL) == 0);
    printf("memory\n");
}

/* Who does not want to wait is told so. */
static void impatient(const char *path)
{
    int q[2], r[2];
    int file = open(path, O_RDONLY);
    CHECK(pipe2(q, O_NONBLOCK) == 0 && pipe(r) == 0);
    CHECK(splice(q[0], NULL, r[1], NULL, 10, 0) == -1 && errno == EAGAIN);
    CHECK(splice(r[0], NULL, q[1], NULL, 10, SPLICE_F_NONBLOCK) == -1 && errno == EAGAIN);
    CHECK(tee(q[0], r[1], 10, 0) == -1 && errno == EAGAIN);
    ssize_t n = sendfile(q[1], file, NULL, SIZE);
    CHECK(n > 0 && n < SIZE && lseek(file, 0, SEEK_CUR) == n);
    CHECK(sendfile(q[1], file, NULL, SIZE) == -1 && errno == EAGAIN);
    close(q[0]), close(q[1]), close(r[0]);
    CHECK(sendfile(r[1], file, NULL, SIZE) == -1 && errno == EPIPE);
    close(r[1]), close(file);
    printf("impatient\n");
}

int main(int argc, char **argv)
{
    FILE *f = fopen(argv[1], "w");
    for (long i = 0; i < SIZE; i++)
        putc(at(i), f);
    fclose(f);
    signal(SIGPIPE, SIG_IGN);
    chains(argv[1]);
    memory();
    impatient(argv[1]);
    return 0;
}
