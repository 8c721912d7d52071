/*
 * Programs that close every descriptor they may have, and go on: threads, reads, sockets, sleeps, polls, more threads.
 * The count of closes that worked is that of the program's own descriptors.
 * usage: fd_closeall loop|range|from|proc|cloexec-range|unshare THREADS
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
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

static int threads;

static void *worker(void *unused)
{
    int p[2], s[2], e;
    char c[8];
    CHECK(pipe(p) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    struct pollfd f = {p[0], POLLIN, 0};
    struct epoll_event v = {EPOLLIN, {0}};
    for (int i = 0; i < 10; i++) {
        CHECK(write(p[1], "a", 1) == 1 && poll(&f, 1, -1) == 1 && read(p[0], c, 8) == 1);
        CHECK(send(s[1], "a", 1, 0) == 1 && recv(s[0], c, 8, 0) == 1);
        usleep(1000);
    }
    CHECK((e = epoll_create1(0)) >= 0 && epoll_ctl(e, EPOLL_CTL_ADD, p[0], &v) == 0);
    CHECK(epoll_wait(e, &v, 1, 5) == 0);
    close(e);
    close(p[0]);
    close(p[1]);
    close(s[0]);
    close(s[1]);
    return NULL;
}

static void *other_end(void *arg)
{
    int *fd = arg;
    char c;
    for (int i = 0; i < 100; i++) {
        CHECK(read(fd[0], &c, 1) == 1);
        CHECK(write(fd[1], &c, 1) == 1);
    }
    return NULL;
}

/* Threads that block on each other. */
static void talk(void)
{
    int a[2], b[2], one[2], two[2];
    pthread_t t;
    char c;
    CHECK(pipe(a) == 0 && pipe(b) == 0);
    one[0] = a[0];
    one[1] = b[1];
    two[0] = b[0];
    two[1] = a[1];
    CHECK(pthread_create(&t, NULL, other_end, one) == 0);
    for (int i = 0; i < 100; i++) {
        c = i;
        CHECK(write(two[1], &c, 1) == 1);
        CHECK(read(two[0], &c, 1) == 1 && c == (char)i);
    }
    CHECK(pthread_join(t, NULL) == 0);
    close(a[0]);
    close(a[1]);
    close(b[0]);
    close(b[1]);
}

static void work(void)
{
    pthread_t t[threads + 1];
    if (!threads)
        worker(NULL);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, worker, NULL) == 0);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    if (threads)
        talk();
}

static int close_all(const char *how)
{
    int closed = 0;
    if (!strcmp(how, "loop")) {
        for (int i = 3; i < sysconf(_SC_OPEN_MAX) && i < 70000; i++) {
            errno = 0;
            if (close(i) == 0)
                closed++;
            else
                CHECK(errno == EBADF);
        }
    } else if (!strcmp(how, "range"))
        CHECK(close_range(3, ~0u, 0) == 0);
    else if (!strcmp(how, "from"))
        closefrom(3);
    else if (!strcmp(how, "unshare"))
        CHECK(close_range(3, ~0u, CLOSE_RANGE_UNSHARE) == 0);
    else if (!strcmp(how, "cloexec-range"))
        CHECK(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC) == 0);
    else {
        DIR *d = opendir("/proc/self/fd");
        int list[256], n = 0;
        for (struct dirent *e; (e = readdir(d)) && n < 256;) {
            int fd = atoi(e->d_name);
            if (e->d_name[0] != '.' && fd > 2 && fd != dirfd(d))
                list[n++] = fd;
        }
        closedir(d);
        for (int i = 0; i < n; i++)
            close(list[i]);
    }
    return closed;
}

int main(int argc, char **argv)
{
    int mine[5];
    CHECK(argc == 3);
    threads = atoi(argv[2]);
    closefrom(3); /* whatever was inherited */
    work();
    for (int i = 0; i < 5; i++)
        CHECK((mine[i] = dup(0)) == 3 + i);
    for (int round = 0; round < 3; round++) {
        int closed = close_all(argv[1]);
        if (!strcmp(argv[1], "loop"))
            CHECK(closed == 5);
        for (int i = 0; i < 5; i++)
            CHECK(fcntl(mine[i], F_GETFD) == (strcmp(argv[1], "cloexec-range") ? -1 : FD_CLOEXEC));
        work();
        if (strcmp(argv[1], "cloexec-range"))
            for (int i = 0; i < 5; i++)
                CHECK((mine[i] = dup(0)) == 3 + i);
    }
    /* And in a child. */
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        close_all(argv[1]);
        work();
        _exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    printf("closed all by %s and went on\n", argv[1]);
    return 0;
}
