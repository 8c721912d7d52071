/*
 * Copies of a descriptor share the file: a wait on one ends by what comes through the other, closing one leaves the
 * other's waiter alone, dup2 replaces without a word.
 * usage: fd_dup THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern int __dup2(int, int);

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

static void send_late(void *arg)
{
    usleep(20000);
    CHECK(write(*(int *)arg, "late", 4) == 4);
}

struct change {
    int close_this, then_write;
};

static void close_then_write(void *arg)
{
    struct change *c = arg;
    usleep(20000);
    CHECK(close(c->close_this) == 0);
    usleep(20000);
    CHECK(write(c->then_write, "late", 4) == 4);
}

static void *scenario(void *unused)
{
    int p[2], q[2], a, b;
    char c[8];
    struct peer peer;

    /* A wait on the copy, a write on the copy of the other end. */
    CHECK(pipe(p) == 0 && (a = dup(p[0])) >= 0 && (b = fcntl(p[1], F_DUPFD, 0)) >= 0);
    peer_start(&peer, send_late, &b);
    CHECK(read(a, c, 8) == 4);
    peer_join(&peer);

    /* The original goes, the waiter on the copy stays. */
    struct change change = {p[0], p[1]};
    peer_start(&peer, close_then_write, &change);
    CHECK(read(a, c, 8) == 4);
    peer_join(&peer);
    if (!threaded)
        close(p[0]);
    CHECK(fcntl(p[0], F_GETFD) == -1 || threaded);

    /* End of file only when the last copy of the writing end is gone. */
    CHECK(close(p[1]) == 0);
    CHECK(write(b, "x", 1) == 1 && read(a, c, 8) == 1);
    CHECK(close(b) == 0);
    CHECK(read(a, c, 8) == 0);
    CHECK(close(a) == 0);

    /* The same number is now another file, and of another kind. */
    CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, q) == 0);
    CHECK(write(p[1], "from pipe", 9) == 9 && write(q[1], "from socket", 11) == 11);
    char text[16];
    CHECK(dup2(q[0], p[0]) == p[0]);
    CHECK(read(p[0], text, 16) == 11 && !memcmp(text, "from socket", 11));
    peer_start(&peer, send_late, &q[1]);
    CHECK(recv(p[0], c, 8, 0) == 4);
    peer_join(&peer);
    CHECK(__dup2(p[1], p[0]) == p[0]);
    CHECK(recv(p[0], c, 8, 0) == -1 && errno == ENOTSOCK);
    CHECK(dup3(q[1], p[0], O_CLOEXEC) == p[0]);
    peer_start(&peer, send_late, &q[0]);
    CHECK(read(p[0], c, 8) == 4);
    peer_join(&peer);
    close(p[0]);
    close(p[1]);
    close(q[0]);
    close(q[1]);

    /* One position. */
    char path[256];
    snprintf(path, sizeof path, "%s/dupXXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK((a = mkstemp(path)) >= 0 && unlink(path) == 0);
    CHECK(write(a, "0123456789", 10) == 10 && lseek(a, 2, SEEK_SET) == 2 && (b = dup(a)) >= 0);
    CHECK(read(b, c, 3) == 3 && lseek(a, 0, SEEK_CUR) == 5);
    CHECK(close(a) == 0 && read(b, c, 8) == 5 && close(b) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("copies ok");
    return 0;
}
