/*
 * The fortified calls let through what fits and end the program when the buffer is known to be too small.
 * usage: rw_fortify THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
extern ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *, size_t, size_t, int, struct sockaddr *, socklen_t *);
extern int __poll_chk(struct pollfd *, nfds_t, int, size_t);
extern int __ppoll_chk(struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);

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

static void overflow(int which, int fd)
{
    static char c[8];
    static struct pollfd p[4];
    struct timespec zero = {0};
    switch (which) {
    case 0:
        __read_chk(fd, c, 9, 8);
        break;
    case 1:
        __pread_chk(fd, c, 9, 0, 8);
        break;
    case 2:
        __pread64_chk(fd, c, 9, 0, 8);
        break;
    case 3:
        __recv_chk(fd, c, 9, 8, 0);
        break;
    case 4:
        __recvfrom_chk(fd, c, 9, 8, 0, NULL, NULL);
        break;
    case 5:
        __poll_chk(p, 4, 0, sizeof(struct pollfd) * 3);
        break;
    case 6:
        __ppoll_chk(p, 4, &zero, NULL, sizeof(struct pollfd) * 3);
        break;
    }
}

static void *scenario(void *unused)
{
    for (int i = 0; i < 7; i++) {
        int fd[2], status;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0);
        CHECK(write(fd[1], "0123456789", 10) == 10);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            struct rlimit none = {0, 0};
            setrlimit(RLIMIT_CORE, &none);
            close(2);
            overflow(i, fd[0]);
            _exit(0);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        close(fd[0]);
        close(fd[1]);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("fortified calls ok");
    return 0;
}
