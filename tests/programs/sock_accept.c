/*
 * accept and accept4: several acceptors on one listener, each connection to exactly one; flags, addresses, errors;
 * shutdown of the listener wakes (TCP).
 * usage: sock_accept tcp|unix THREADS (0: child processes accept and connect)
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
#include <sys/un.h>
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

enum { EACH = 10, MOST = 32 };
static int is_tcp;
static int listener;
static union {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_un un;
} where;
static socklen_t where_len;

static int stream(int flags)
{
    int fd = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM | flags, 0);
    CHECK(fd >= 0);
    return fd;
}

static void listen_somewhere(int backlog)
{
    memset(&where, 0, sizeof where);
    where_len = is_tcp ? sizeof where.in : sizeof(sa_family_t); /* unix: the kernel picks a name */
    where.any.sa_family = is_tcp ? AF_INET : AF_UNIX;
    if (is_tcp)
        where.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = stream(0);
    CHECK(bind(listener, &where.any, where_len) == 0 && listen(listener, backlog) == 0);
    where_len = sizeof where;
    CHECK(getsockname(listener, &where.any, &where_len) == 0);
}

/* Says which acceptor served it: its number comes back on the connection. */
static void acceptor(void *arg)
{
    char me = (long)arg;
    for (int i = 0; i < EACH; i++) {
        struct sockaddr_storage from;
        socklen_t len = sizeof from;
        int fd = i % 2 ? accept(listener, (void *)&from, &len) : accept4(listener, (void *)&from, &len, SOCK_CLOEXEC);
        CHECK(fd >= 0);
        CHECK(fcntl(fd, F_GETFD) == (i % 2 ? 0 : FD_CLOEXEC));
        CHECK(!(fcntl(fd, F_GETFL) & O_NONBLOCK));
        CHECK(from.ss_family == where.any.sa_family && len == (is_tcp ? sizeof(struct sockaddr_in) : 2));
        CHECK(write(fd, &me, 1) == 1);
        CHECK(read(fd, &me, 1) == 0);
        CHECK(close(fd) == 0);
    }
}

static void many(int n)
{
    struct peer peer[MOST];
    int served[MOST] = {0}, fd[MOST];
    listen_somewhere(MOST);
    for (long i = 0; i < n; i++)
        peer_start(&peer[i], acceptor, (void *)i);
    for (int round = 0; round < EACH; round++) {
        for (int i = 0; i < n; i++) {
            fd[i] = stream(0);
            CHECK(connect(fd[i], &where.any, where_len) == 0);
        }
        for (int i = 0; i < n; i++) {
            char who;
            CHECK(read(fd[i], &who, 1) == 1 && who >= 0 && who < n);
            served[(int)who]++;
            CHECK(close(fd[i]) == 0);
        }
    }
    for (int i = 0; i < n; i++) {
        peer_join(&peer[i]);
        CHECK(served[i] == EACH);
    }
    CHECK(close(listener) == 0);
}

static void edges(void)
{
    int fd, conn;
    listen_somewhere(5);
    CHECK(accept4(listener, NULL, NULL, 0x40) == -1 && errno == EINVAL); /* at once, though nobody comes */
    CHECK(fcntl(listener, F_SETFL, O_NONBLOCK) == 0);
    CHECK(accept(listener, NULL, NULL) == -1 && errno == EAGAIN);
    CHECK(accept4(listener, NULL, NULL, SOCK_NONBLOCK) == -1 && errno == EAGAIN);
    CHECK((fcntl(listener, F_GETFL) & ~O_RDWR) == O_NONBLOCK);
    fd = stream(0);
    CHECK(connect(fd, &where.any, where_len) == 0);
    CHECK((conn = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    CHECK((fcntl(conn, F_GETFL) & O_NONBLOCK) && fcntl(conn, F_GETFD) == 0);
    close(conn);
    close(fd);
    CHECK(accept4(listener, NULL, NULL, 0x40) == -1 && errno == EINVAL);
    CHECK(accept(-1, NULL, NULL) == -1 && errno == EBADF);
    CHECK(accept(999999, NULL, NULL) == -1 && errno == EBADF);
    fd = stream(0);
    CHECK(accept(fd, NULL, NULL) == -1 && errno == EINVAL); /* does not listen */
    close(fd);
    close(listener);
}

static void shut_later(void *unused)
{
    usleep(20000);
    CHECK(shutdown(listener, SHUT_RDWR) == 0);
}

static void shut(void)
{
    struct peer peer;
    listen_somewhere(5);
    peer_start(&peer, shut_later, NULL);
    CHECK(accept(listener, NULL, NULL) == -1 && errno == EINVAL);
    peer_join(&peer);
    close(listener);
}

static void connect_late(void *unused)
{
    int fd = stream(0);
    char c;
    usleep(20000);
    CHECK(connect(fd, &where.any, where_len) == 0);
    CHECK(read(fd, &c, 1) == 1);
    CHECK(close(fd) == 0);
}

/* A short address buffer is filled as far as it goes, and the full length told. */
static void short_address(void)
{
    struct peer peer;
    unsigned char buf[8] = {0, 0, 0xee, 0xee};
    socklen_t len = 2;
    int fd;
    listen_somewhere(5);
    peer_start(&peer, connect_late, NULL);
    CHECK((fd = accept(listener, (void *)buf, &len)) >= 0);
    CHECK(len == (is_tcp ? sizeof(struct sockaddr_in) : 2) && buf[2] == 0xee);
    CHECK(write(fd, "x", 1) == 1);
    peer_join(&peer);
    close(fd);
    close(listener);
}

static void *alone(void *unused)
{
    edges();
    shut();
    short_address();
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    is_tcp = !strcmp(argv[1], "tcp");
    int n = atoi(argv[2]);
    threaded = n > 0;
    many(n ? n : 4);
    if (threaded) {
        pthread_t t;
        CHECK(pthread_create(&t, NULL, alone, NULL) == 0 && pthread_join(t, NULL) == 0);
    } else
        alone(NULL);
    printf("accept on %s ok\n", argv[1]);
    return 0;
}
