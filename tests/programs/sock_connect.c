/*
 * connect: done, refused, twice, to nothing, without blocking, dissolved; on unix sockets a full queue makes it wait
 * until somebody accepts (or EAGAIN when the program asked not to wait).
 * usage: sock_connect THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

static int listen_tcp(struct sockaddr_in *where)
{
    socklen_t n = sizeof *where;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    *where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(fd >= 0 && bind(fd, (void *)where, n) == 0 && listen(fd, 5) == 0);
    CHECK(getsockname(fd, (void *)where, &n) == 0);
    return fd;
}

static int error_of(int fd)
{
    int e = -1;
    socklen_t n = sizeof e;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &e, &n) == 0);
    return e;
}

static void tcp(void)
{
    struct sockaddr_in where, gone;
    struct sockaddr nowhere = {.sa_family = AF_UNSPEC};
    int listener = listen_tcp(&where), other = listen_tcp(&gone), fd;
    char c;
    close(other);

    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(fd, (void *)&where, sizeof where) == 0);
    CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    CHECK(connect(fd, (void *)&where, sizeof where) == -1 && errno == EISCONN);
    CHECK(connect(fd, &nowhere, sizeof nowhere) == 0);
    CHECK(__connect(fd, (void *)&where, sizeof where) == 0);
    close(fd);

    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(fd, (void *)&gone, sizeof gone) == -1 && errno == ECONNREFUSED);
    CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
    CHECK(error_of(fd) == 0);
    CHECK(connect(fd, (void *)&gone, sizeof gone) == -1 && errno == ECONNREFUSED);
    CHECK(connect(fd, (void *)&where, sizeof where) == 0); /* the socket is still good */
    close(fd);

    /* Asked not to wait: loopback may be done at once. */
    CHECK((fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
    if (connect(fd, (void *)&where, sizeof where) == -1) {
        struct pollfd p = {fd, POLLOUT, 0};
        CHECK(errno == EINPROGRESS);
        CHECK(poll(&p, 1, 30000) == 1 && p.revents == POLLOUT);
    }
    CHECK(error_of(fd) == 0);
    CHECK(read(fd, &c, 1) == -1 && errno == EAGAIN);
    close(fd);
    CHECK((fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
    if (connect(fd, (void *)&gone, sizeof gone) == -1 && errno == EINPROGRESS) {
        struct pollfd p = {fd, POLLOUT, 0};
        CHECK(poll(&p, 1, 30000) == 1 && (p.revents & (POLLERR | POLLHUP)));
        CHECK(error_of(fd) == ECONNREFUSED);
        CHECK(error_of(fd) == 0);
    } else
        CHECK(errno == ECONNREFUSED);
    close(fd);

    CHECK((fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(send(fd, "x", 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
    CHECK(recv(fd, &c, 1, 0) == -1 && errno == ENOTCONN);
    CHECK(connect(fd, (void *)&where, 3) == -1 && errno == EINVAL);
    where.sin_family = 1234;
    CHECK(connect(fd, (void *)&where, sizeof where) == -1 && errno == EAFNOSUPPORT);
    close(fd);
    CHECK(connect(-1, (void *)&where, sizeof where) == -1 && errno == EBADF);
    CHECK(connect(999999, (void *)&where, sizeof where) == -1 && errno == EBADF);
    int p[2];
    CHECK(pipe(p) == 0 && connect(p[0], (void *)&where, sizeof where) == -1 && errno == ENOTSOCK);
    close(p[0]);
    close(p[1]);
    close(listener);
}

struct queue {
    int listener;
    struct sockaddr_un where;
    socklen_t len;
};

static void accept_slowly(void *arg)
{
    struct queue *q = arg;
    char c;
    for (int i = 0; i < 4; i++) {
        usleep(20000);
        int fd = accept(q->listener, NULL, NULL);
        CHECK(fd >= 0 && read(fd, &c, 1) == 1 && c == 'c');
        CHECK(write(fd, "a", 1) == 1);
        close(fd);
    }
}

static void queue_unix(void)
{
    struct queue q = {.where = {.sun_family = AF_UNIX}, .len = sizeof(sa_family_t)};
    struct peer peer;
    int fd[4], extra;
    char c;
    CHECK((q.listener = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
    CHECK(bind(q.listener, (void *)&q.where, q.len) == 0 && listen(q.listener, 0) == 0);
    q.len = sizeof q.where;
    CHECK(getsockname(q.listener, (void *)&q.where, &q.len) == 0);
    for (int i = 0; i < 4; i++)
        CHECK((fd[i] = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
    CHECK(connect(fd[0], (void *)&q.where, q.len) == 0);
    CHECK((extra = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
    CHECK(connect(extra, (void *)&q.where, q.len) == -1 && errno == EAGAIN);
    CHECK(write(fd[0], "c", 1) == 1);
    peer_start(&peer, accept_slowly, &q);
    for (int i = 1; i < 4; i++) {
        CHECK(connect(fd[i], (void *)&q.where, q.len) == 0); /* waits for room */
        CHECK(!(fcntl(fd[i], F_GETFL) & O_NONBLOCK));
        CHECK(write(fd[i], "c", 1) == 1);
    }
    for (int i = 0; i < 4; i++)
        CHECK(read(fd[i], &c, 1) == 1 && c == 'a');
    peer_join(&peer);
    CHECK(connect(fd[0], (void *)&q.where, q.len) == -1 && errno == EISCONN);
    close(q.listener);
    CHECK(connect(extra, (void *)&q.where, q.len) == -1 && errno == ECONNREFUSED);
    strcpy(q.where.sun_path, "/nonexistent/socket");
    CHECK(connect(extra, (void *)&q.where, sizeof q.where) == -1 && errno == ENOENT);
    CHECK((q.listener = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
    CHECK(connect(q.listener, (void *)&q.where, sizeof q.where) == -1 && errno == ENOENT);
    close(q.listener);
    close(extra);
    for (int i = 0; i < 4; i++)
        close(fd[i]);
}

static void *scenario(void *unused)
{
    tcp();
    queue_unix();
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("connect ok");
    return 0;
}
