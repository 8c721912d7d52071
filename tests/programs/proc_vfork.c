/*
 * vfork and exec, the child closing and moving descriptors on the way: the parent's are as they were, also in the
 * threads that wait on them; a child that cannot exec tells.
 * usage: proc_vfork THREADS
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
#include <sys/wait.h>
#include <unistd.h>

extern pid_t __vfork(void);

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

static void write_late(void *arg)
{
    usleep(50000);
    CHECK(write(*(int *)arg, "late", 4) == 4);
}

static void *scenario(void *arg)
{
    int in[2], s[2], status;
    char c[64];
    pid_t pid;
    CHECK(pipe2(in, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s) == 0);

    /* As a shell starts a command: its output to the pipe, everything else closed. */
    for (int round = 0; round < 10; round++) {
        char *args[] = {"echo", "hello", NULL};
        if ((pid = round % 2 ? vfork() : __vfork()) == 0) {
            dup2(in[1], 1);
            close(in[0]);
            close(in[1]);
            close(s[0]);
            close(s[1]);
            dup2(0, s[1]);
            close_range(3, ~0u, 0);
            execv("/bin/echo", args);
            _exit(99);
        }
        CHECK(pid > 0);
        CHECK(read(in[0], c, sizeof c) == 6 && !memcmp(c, "hello\n", 6));
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        /* Nothing of that happened here. */
        CHECK(fcntl(in[0], F_GETFD) == FD_CLOEXEC && fcntl(s[0], F_GETFD) == FD_CLOEXEC);
        CHECK(write(in[1], "own", 3) == 3 && read(in[0], c, sizeof c) == 3);
        CHECK(send(s[1], "own", 3, 0) == 3 && recv(s[0], c, sizeof c, 0) == 3);
    }

    if ((pid = vfork()) == 0) {
        close(s[0]);
        execl("/nonexistent", "nonexistent", NULL);
        _exit(errno == ENOENT ? 44 : 45);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 44);

    if ((pid = vfork()) == 0) {
        raise(SIGKILL);
        _exit(1);
    }
    CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);

    /* While somebody waits on the descriptor that the child closes. */
    struct peer peer;
    peer_start(&peer, write_late, &s[1]);
    if ((pid = vfork()) == 0) {
        close(s[0]);
        execl("/bin/true", "true", NULL);
        _exit(99);
    }
    CHECK(recv(s[0], c, sizeof c, 0) == 4);
    peer_join(&peer);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    close(in[0]);
    close(in[1]);
    close(s[0]);
    close(s[1]);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("vfork ok");
    return 0;
}
