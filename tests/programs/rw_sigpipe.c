/*
 * SIGPIPE: ignored, handled (in the thread that wrote), blocked (pending in that thread), default (it kills).
 * usage: rw_sigpipe ignored|handled|blocked|default-pipe|default-socket|default-blocked-writer THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
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

static const char *mode;
static __thread volatile int seen;

static void on_pipe(int sig)
{
    seen += sig == SIGPIPE;
}

/* Each must give EPIPE and, but for MSG_NOSIGNAL, one SIGPIPE. */
static void broken(int fd, int socket_too)
{
    struct iovec v = {"x", 1};
    struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
    int want = 0;
    for (int i = 0; i < (socket_too ? 7 : 4); i++) {
        ssize_t n;
        switch (i) {
        case 0:
            n = write(fd, "x", 1);
            break;
        case 1:
            n = writev(fd, &v, 1);
            break;
        case 2:
            n = pwritev2(fd, &v, 1, -1, 0);
            break;
        case 3:
            n = write(fd, "xyz", 3);
            break;
        case 4:
            n = send(fd, "x", 1, 0);
            break;
        case 5:
            n = sendmsg(fd, &m, 0);
            break;
        default:
            n = send(fd, "x", 1, MSG_NOSIGNAL);
            want--;
        }
        CHECK(n == -1 && errno == EPIPE);
        want++;
        if (!strcmp(mode, "handled"))
            CHECK(seen == want);
        if (!strcmp(mode, "blocked")) {
            sigset_t pending, pipe_only;
            sigemptyset(&pipe_only);
            sigaddset(&pipe_only, SIGPIPE);
            CHECK(sigpending(&pending) == 0);
            CHECK(sigismember(&pending, SIGPIPE) == (i < 6));
            if (i < 6) {
                struct timespec zero = {0};
                CHECK(sigtimedwait(&pipe_only, NULL, &zero) == SIGPIPE);
            }
        }
    }
    seen = 0;
}

static void close_later(void *arg)
{
    int *fd = arg;
    drop(fd[1]);
    usleep(20000);
    CHECK(close(fd[0]) == 0);
}

/* The reader goes away while a writer is blocked. */
static void blocked_writer(void)
{
    int fd[2];
    struct peer peer;
    char *block = calloc(1, 65536);
    CHECK(pipe(fd) == 0);
    CHECK(fcntl(fd[1], F_SETPIPE_SZ, 65536) == 65536);
    CHECK(write(fd[1], block, 65536) == 65536);
    peer_start(&peer, close_later, fd);
    drop(fd[0]);
    CHECK(write(fd[1], block, 10) == -1 && errno == EPIPE);
    if (!strcmp(mode, "handled"))
        CHECK(seen == 1);
    seen = 0;
    if (!strcmp(mode, "blocked")) {
        struct timespec zero = {0};
        sigset_t pipe_only;
        sigemptyset(&pipe_only);
        sigaddset(&pipe_only, SIGPIPE);
        CHECK(sigtimedwait(&pipe_only, NULL, &zero) == SIGPIPE);
    }
    peer_join(&peer);
    CHECK(close(fd[1]) == 0);
    free(block);
}

static void *scenario(void *unused)
{
    int fd[2];
    CHECK(pipe(fd) == 0 && close(fd[0]) == 0);
    broken(fd[1], 0);
    CHECK(close(fd[1]) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0 && close(fd[0]) == 0);
    broken(fd[1], 1);
    CHECK(close(fd[1]) == 0);
    blocked_writer();
    return NULL;
}

static void *die(void *unused)
{
    int fd[2];
    if (!strcmp(mode, "default-blocked-writer"))
        blocked_writer();
    else if (!strcmp(mode, "default-pipe")) {
        CHECK(pipe(fd) == 0 && close(fd[0]) == 0);
        write(fd[1], "x", 1);
    } else {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0 && close(fd[0]) == 0);
        write(fd[1], "x", 1);
    }
    puts("still here");
    return NULL;
}

int main(int argc, char **argv)
{
    sigset_t set;
    CHECK(argc == 3);
    mode = argv[1];
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    if (!strncmp(mode, "default", 7)) {
        signal(SIGPIPE, SIG_DFL);
        puts("about to write");
        fflush(stdout);
        crowd(atoi(argv[2]), die);
        return 0;
    }
    if (!strcmp(mode, "ignored"))
        signal(SIGPIPE, SIG_IGN);
    if (!strcmp(mode, "handled"))
        signal(SIGPIPE, on_pipe);
    if (!strcmp(mode, "blocked"))
        CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
    crowd(atoi(argv[2]), scenario);
    printf("SIGPIPE %s ok\n", mode);
    return 0;
}
