/*
 * fork in a thread while others wait in reads, sleeps and for their own children: the child has one thread, sees the
 * memory as it was, and can read, sleep, poll, resolve names, start threads and fork again.
 * usage: proc_fork THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

extern pid_t __fork(void);

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

static __thread int mine = 1;
static int waiting[2];

static void *echo(void *arg)
{
    int fd = *(int *)arg;
    char c;
    while (read(fd, &c, 1) == 1)
        CHECK(write(fd, &c, 1) == 1);
    return NULL;
}

static void use_threads(void)
{
    int s[2];
    pthread_t t;
    char c;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    CHECK(pthread_create(&t, NULL, echo, &s[0]) == 0);
    for (int i = 0; i < 10; i++)
        CHECK(write(s[1], "x", 1) == 1 && read(s[1], &c, 1) == 1);
    CHECK(shutdown(s[1], SHUT_WR) == 0 && pthread_join(t, NULL) == 0);
    close(s[0]);
    close(s[1]);
}

static void in_child(int depth, int out)
{
    int p[2], set;
    char c = 'c';
    struct pollfd f;
    struct epoll_event e = {EPOLLIN, {0}};
    struct addrinfo *list;
    CHECK(mine == 2);
    CHECK(pipe(p) == 0);
    f = (struct pollfd){p[0], POLLIN, 0};
    CHECK(poll(&f, 1, 5) == 0);
    CHECK((set = epoll_create1(0)) >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, p[0], &e) == 0);
    CHECK(epoll_wait(set, &e, 1, 5) == 0);
    usleep(1000);
    CHECK(write(p[1], &c, 1) == 1 && poll(&f, 1, -1) == 1 && epoll_wait(set, &e, 1, -1) == 1 && read(p[0], &c, 1) == 1);
    CHECK(getaddrinfo("127.0.0.1", "80", NULL, &list) == 0);
    freeaddrinfo(list);
    use_threads();
    if (depth < 2) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            in_child(depth + 1, out);
            _exit(7);
        }
        CHECK(waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 7);
    }
    CHECK(wait(NULL) == -1 && errno == ECHILD); /* the parent's children are not its own */
    CHECK(write(out, "done", 4) == 4);
}

static void *scenario(void *arg)
{
    int out[2], status, n = 0;
    char c[16];
    mine = 2;
    CHECK(pipe(out) == 0);
    fflush(stdout);
    pid_t pid = (long)arg % 2 ? fork() : __fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        in_child(0, out[1]);
        _exit(3);
    }
    close(out[1]);
    while (n < 12) {
        ssize_t got = read(out[0], c, 4);
        CHECK(got > 0);
        n += got;
    }
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 3);
    /* Others that forked meanwhile may still hold the writing end. */
    close(out[0]);
    CHECK(mine == 2);
    return NULL;
}

static void *wait_in_read(void *unused)
{
    char c;
    CHECK(read(waiting[0], &c, 1) == 1);
    return NULL;
}

static void *wait_in_sleep(void *unused)
{
    usleep(100000);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[3];
    CHECK(pipe(waiting) == 0);
    if (n) {
        CHECK(pthread_create(&t[0], NULL, wait_in_read, NULL) == 0);
        CHECK(pthread_create(&t[1], NULL, wait_in_sleep, NULL) == 0);
        usleep(5000);
    }
    crowd(n, scenario);
    if (n) {
        CHECK(write(waiting[1], "x", 1) == 1);
        CHECK(pthread_join(t[0], NULL) == 0 && pthread_join(t[1], NULL) == 0);
    }
    puts("children work");
    return 0;
}
