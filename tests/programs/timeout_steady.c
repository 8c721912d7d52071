/*
 * A slow peer is not a silent one: a byte every 200 ms (or a reader that takes some every 200 ms) keeps a read or a
 * write alive for longer than its time limit of 1 s.
 * usage: timeout_steady THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

static int listen_tcp(struct sockaddr_in *where, int backlog)
{
    socklen_t n = sizeof *where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (void *)where, n) == 0 && listen(fd, backlog) == 0);
    CHECK(getsockname(fd, (void *)where, &n) == 0);
    return fd;
}

/* A connected pair of its kind: read from fd[0], write to fd[1]. */
static void make_pair(const char *kind, int fd[2])
{
    struct sockaddr_in where;
    if (!strcmp(kind, "pipe"))
        CHECK(pipe(fd) == 0);
    else if (!strcmp(kind, "unix"))
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
    else {
        int listener = listen_tcp(&where, 1);
        CHECK((fd[1] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
        CHECK(connect(fd[1], (void *)&where, sizeof where) == 0);
        CHECK((fd[0] = accept(listener, NULL, NULL)) >= 0);
        close(listener);
    }
}

enum { BYTES = 8, BIG = 4 << 20 };

static void drip(void *arg)
{
    for (int i = 0; i < BYTES; i++) {
        usleep(200000);
        CHECK(write(*(int *)arg, "x", 1) == 1);
    }
}

static void sip(void *arg)
{
    char *c = malloc(BIG);
    for (int n = 0; n < BIG;) {
        if (n < BIG / 2)
            usleep(200000);
        ssize_t got = read(*(int *)arg, c, BIG / 16);
        CHECK(got > 0);
        n += got;
    }
    free(c);
}

static void *scenario(void *unused)
{
    int fd[2];
    char c[BYTES], *big = calloc(1, BIG);
    struct peer peer;
    make_pair("tcp", fd);
    peer_start(&peer, drip, &fd[1]);
    CHECK(recv(fd[0], c, BYTES, MSG_WAITALL) == BYTES); /* one call, as long as the bytes take */
    peer_join(&peer);
    peer_start(&peer, drip, &fd[1]);
    for (int i = 0; i < BYTES; i++) {
        struct pollfd p = {fd[0], POLLIN, 0};
        CHECK(poll(&p, 1, -1) == 1 && read(fd[0], c, 1) == 1);
    }
    peer_join(&peer);
    close(fd[0]);
    close(fd[1]);
    make_pair("unix", fd);
    peer_start(&peer, sip, &fd[0]);
    CHECK(write(fd[1], big, BIG) == BIG); /* one call, as long as the reader takes */
    peer_join(&peer);
    free(big);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("slow, but steady");
    return 0;
}
