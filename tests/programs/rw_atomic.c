/*
 * Writes of up to PIPE_BUF bytes by many writers to one pipe never mix.
 * usage: rw_atomic WRITERS THREADS (THREADS 0: the writers are child processes)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
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

enum { RECORDS = 200, WRITERS_MOST = 26 };

struct writer {
    int fd;
    int number;
};

/* A record: its writer's letter, two bytes of length, then the letter to the end. */
static void write_records(void *arg)
{
    struct writer *w = arg;
    unsigned char *buf = malloc(PIPE_BUF);
    for (int i = 0; i < RECORDS; i++) {
        size_t n = i % 4 ? 3 + (i * 7919 + w->number * 104729) % (PIPE_BUF - 3) : PIPE_BUF;
        struct iovec v[3] = {{buf, 1}, {buf + 1, 2}, {buf + 3, n - 3}};
        memset(buf, 'a' + w->number, n);
        buf[1] = n >> 8;
        buf[2] = n & 255;
        CHECK((i % 2 ? write(w->fd, buf, n) : writev(w->fd, v, 3)) == (ssize_t)n);
    }
    free(buf);
}

static void read_all(int fd, unsigned char *buf, size_t n)
{
    while (n > 0) {
        ssize_t got = read(fd, buf, n);
        CHECK(got > 0);
        buf += got;
        n -= got;
    }
}

int main(int argc, char **argv)
{
    int fd[2], count[WRITERS_MOST] = {0}, writers;
    struct peer peer[WRITERS_MOST];
    struct writer w[WRITERS_MOST];
    unsigned char buf[PIPE_BUF];
    CHECK(argc == 3);
    writers = atoi(argv[1]);
    threaded = atoi(argv[2]);
    CHECK(writers <= WRITERS_MOST);
    CHECK(pipe(fd) == 0 && fcntl(fd[1], F_SETPIPE_SZ, 8192) == 8192);
    for (int i = 0; i < writers; i++) {
        w[i] = (struct writer){fd[1], i};
        peer_start(&peer[i], write_records, &w[i]);
    }
    for (int i = 0; i < writers * RECORDS; i++) {
        read_all(fd[0], buf, 3);
        int who = buf[0] - 'a', n = buf[1] << 8 | buf[2];
        CHECK(who >= 0 && who < writers && n >= 3 && n <= PIPE_BUF);
        read_all(fd[0], buf, n - 3);
        for (int k = 0; k < n - 3; k++)
            CHECK(buf[k] == 'a' + who);
        count[who]++;
    }
    for (int i = 0; i < writers; i++) {
        peer_join(&peer[i]);
        CHECK(count[i] == RECORDS);
    }
    printf("%d writers, %d whole records each\n", writers, RECORDS);
    return 0;
}
