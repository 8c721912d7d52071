/*
 * shutdown, and an end that goes away, wake whoever waits on the socket, in this process or the other.
 * usage: sock_shutdown THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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

static void tcp(int fd[2])
{
    struct sockaddr_in where = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof where;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(listener >= 0 && bind(listener, (void *)&where, n) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    CHECK((fd[1] = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(fd[1], (void *)&where, n) == 0);
    CHECK((fd[0] = accept(listener, NULL, NULL)) >= 0);
    CHECK(close(listener) == 0);
}

struct shut {
    int fd, how;
};

static void shut_later(void *arg)
{
    struct shut *s = arg;
    usleep(20000);
    CHECK(shutdown(s->fd, s->how) == 0);
}

static void woken(int kind)
{
    int fd[2];
    char c, *block = calloc(1, 8 << 20);
    struct peer peer;
    struct shut s;
    for (int round = 0; round < 6; round++) {
        if (kind)
            tcp(fd);
        else
            CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
        struct pollfd p = {fd[0], POLLIN, 0};
        ssize_t n;
        switch (round) {
        case 0: /* the other end stops sending */
            s = (struct shut){fd[1], SHUT_WR};
            peer_start(&peer, shut_later, &s);
            CHECK(read(fd[0], &c, 1) == 0);
            break;
        case 1: /* this end stops receiving */
            s = (struct shut){fd[0], SHUT_RD};
            peer_start(&peer, shut_later, &s);
            CHECK(recv(fd[0], &c, 1, 0) == 0);
            break;
        case 2:
            s = (struct shut){fd[0], SHUT_RDWR};
            peer_start(&peer, shut_later, &s);
            CHECK(recv(fd[0], &c, 1, MSG_WAITALL) == 0);
            break;
        case 3: /* a poll */
            s = (struct shut){fd[1], SHUT_WR};
            peer_start(&peer, shut_later, &s);
            CHECK(poll(&p, 1, -1) == 1 && (p.revents & POLLIN));
            CHECK(read(fd[0], &c, 1) == 0);
            break;
        case 4: /* a writer that waits for room */
            s = (struct shut){fd[0], SHUT_WR};
            peer_start(&peer, shut_later, &s);
            n = write(fd[0], block, 8 << 20);
            CHECK((n > 0 && n < 8 << 20) || (n == -1 && errno == EPIPE));
            break;
        default: /* the same, from an end that has written before */
            CHECK(write(fd[1], "x", 1) == 1);
            s = (struct shut){fd[1], SHUT_WR};
            peer_start(&peer, shut_later, &s);
            CHECK(read(fd[0], &c, 1) == 1);
            CHECK(read(fd[0], &c, 1) == 0);
        }
        peer_join(&peer);
        if (round == 4)
            CHECK(write(fd[0], block, 1) == -1 && errno == EPIPE);
        close(fd[0]);
        close(fd[1]);
    }
    free(block);
}

static void reset_later(void *arg)
{
    struct shut *s = arg;
    struct linger now_or_never = {1, 0};
    drop(s->how);
    usleep(20000);
    CHECK(setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &now_or_never, sizeof now_or_never) == 0);
    CHECK(close(s->fd) == 0);
}

static void reset(void)
{
    int fd[2];
    char c;
    struct peer peer;
    for (int round = 0; round < 2; round++) {
        tcp(fd);
        struct shut s = {fd[1], fd[0]};
        peer_start(&peer, reset_later, &s);
        drop(fd[1]);
        if (round) {
            struct pollfd p = {fd[0], POLLIN, 0};
            CHECK(poll(&p, 1, -1) == 1 && p.revents == (POLLIN | POLLERR | POLLHUP));
        }
        CHECK(read(fd[0], &c, 1) == -1 && errno == ECONNRESET);
        CHECK(read(fd[0], &c, 1) == 0);
        peer_join(&peer);
        close(fd[0]);
    }
}

static void *scenario(void *unused)
{
    woken(0);
    woken(1);
    reset();
    return NULL;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("shutdown and reset ok");
    return 0;
}
