/*
 * Stream sockets through every send and receive call, many connections at once, each byte checked.
 * usage: sock_stream unix|tcp|tcp6 KILOBYTES THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern ssize_t __send(int, const void *, size_t, int);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
extern int __connect(int, const struct sockaddr *, socklen_t);

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

static const char *kind;
static size_t total;
enum { LARGEST = 50000 };

struct pair {
    int in, out;
    unsigned char seed;
};

static unsigned char byte_at(size_t k, unsigned char seed)
{
    return (unsigned char)((k * 2654435761u) >> 13) ^ seed;
}

static int has_ipv6(void)
{
    struct sockaddr_in6 where = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    int yes = fd >= 0 && bind(fd, (void *)&where, sizeof where) == 0;
    if (fd >= 0)
        close(fd);
    return yes;
}

static void connected(int family, int *a, int *b)
{
    struct sockaddr_in6 where6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in where4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *where = family == AF_INET6 ? (void *)&where6 : (void *)&where4;
    socklen_t n = family == AF_INET6 ? sizeof where6 : sizeof where4;
    int listener = socket(family, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, where, n) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, where, &n) == 0);
    CHECK((*b = socket(family, SOCK_STREAM, 0)) >= 0);
    CHECK(__connect(*b, where, n) == 0);
    CHECK((*a = accept4(listener, NULL, NULL, 0)) >= 0);
    CHECK(close(listener) == 0);
}

static ssize_t send_any(int how, int fd, unsigned char *buf, size_t n)
{
    struct iovec v[2] = {{buf, n / 2}, {buf + n / 2, n - n / 2}};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = v, .msg_iovlen = 2}};
    switch (how % 6) {
    case 0:
        return send(fd, buf, n, 0);
    case 1:
        return __send(fd, buf, n, 0);
    case 2:
        return sendto(fd, buf, n, 0, NULL, 0);
    case 3:
        return sendmsg(fd, &m.msg_hdr, 0);
    case 4:
        CHECK(sendmmsg(fd, &m, 1, 0) == 1);
        return m.msg_len;
    default:
        return write(fd, buf, n);
    }
}

static ssize_t recv_any(int how, int fd, unsigned char *buf, size_t n)
{
    struct iovec v[2] = {{buf, n / 2}, {buf + n / 2, n - n / 2}};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = v, .msg_iovlen = 2}};
    switch (how % 7) {
    case 0:
        return recv(fd, buf, n, 0);
    case 1:
        return __recv_chk(fd, buf, n, n, 0);
    case 2:
        return recvfrom(fd, buf, n, 0, NULL, NULL);
    case 3:
        return __recvfrom_chk(fd, buf, n, n, 0, NULL, NULL);
    case 4:
        return recvmsg(fd, &m.msg_hdr, 0);
    case 5:
        CHECK(recvmmsg(fd, &m, 1, 0, NULL) == 1);
        return m.msg_len;
    default:
        return read(fd, buf, n);
    }
}

static void sender(void *arg)
{
    struct pair *p = arg;
    unsigned char *buf = malloc(LARGEST);
    unsigned random = p->seed;
    int how = 0;
    drop(p->in);
    for (size_t done = 0; done < total; how++) {
        random = random * 1103515245 + 12345;
        size_t n = 1 + (random >> 8) % (how % 8 ? LARGEST / 16 : LARGEST);
        if (n > total - done)
            n = total - done;
        for (size_t k = 0; k < n; k++)
            buf[k] = byte_at(done + k, p->seed);
        CHECK(send_any(how, p->out, buf, n) == (ssize_t)n);
        done += n;
    }
    CHECK(shutdown(p->out, SHUT_WR) == 0);
    free(buf);
}

static void receiver(void *arg)
{
    struct pair *p = arg;
    unsigned char *buf = malloc(LARGEST);
    size_t done = 0;
    ssize_t n;
    drop(p->out);
    for (int how = p->seed;; how++) {
        n = recv_any(how, p->in, buf, LARGEST);
        CHECK(n >= 0);
        if (n == 0)
            break;
        for (ssize_t k = 0; k < n; k++)
            CHECK(buf[k] == byte_at(done + k, p->seed));
        done += n;
    }
    CHECK(done == total);
    free(buf);
}

static void *scenario(void *arg)
{
    struct pair p = {.seed = (long)arg * 17};
    struct peer peer;
    int fd[2];
    for (int round = 0; round < 2; round++) {
        if (!strcmp(kind, "unix"))
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
        else
            connected(!strcmp(kind, "tcp6") && has_ipv6() ? AF_INET6 : AF_INET, &fd[0], &fd[1]);
        p.in = fd[0];
        p.out = fd[1];
        peer_start(&peer, round ? receiver : sender, &p);
        (round ? sender : receiver)(&p);
        peer_join(&peer);
        close(p.in);
        close(p.out);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    kind = argv[1];
    total = atol(argv[2]) * 1024;
    crowd(atoi(argv[3]), scenario);
    printf("%s: %zu bytes each way, in order\n", kind, total);
    return 0;
}
