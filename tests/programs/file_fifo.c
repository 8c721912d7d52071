/* Opening a FIFO waits for its other end; meanwhile other threads go on. Handlers and pthread_cancel end the wait. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { PAIRS = 20, ROUNDS = 200 };

static char paths[PAIRS][200];
static volatile int handled, over;

static void *reader(void *path)
{
    char c = 0;
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && read(fd, &c, 1) == 1);
    CHECK(close(fd) == 0);
    return (void *)(long)c;
}

static void *writer(void *path)
{
    int fd = open(path, O_WRONLY);
    CHECK(fd >= 0 && write(fd, "x", 1) == 1);
    CHECK(close(fd) == 0);
    return NULL;
}

static void pairs(void)
{
    pthread_t r[PAIRS], w[PAIRS];
    void *c;
    for (int i = 0; i < PAIRS; i++)
        CHECK(pthread_create(&r[i], NULL, i % 2 ? reader : writer, paths[i]) == 0);
    usleep(20000);
    for (int i = 0; i < PAIRS; i++)
        CHECK(pthread_create(&w[i], NULL, i % 2 ? writer : reader, paths[i]) == 0);
    for (int i = 0; i < PAIRS; i++) {
        CHECK(pthread_join(i % 2 ? r[i] : w[i], &c) == 0 && c == (void *)'x');
        CHECK(pthread_join(i % 2 ? w[i] : r[i], &c) == 0);
    }
    printf("pairs\n");
}

static void at_once(void)
{
    CHECK(open(paths[0], O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO);
    int r = open(paths[0], O_RDONLY | O_NONBLOCK);
    CHECK(r >= 0);
    int w = open(paths[0], O_WRONLY); /* there is a reader */
    CHECK(w >= 0 && write(w, "y", 1) == 1);
    close(r), close(w);
    r = open(paths[0], O_RDWR);
    CHECK(r >= 0);
    close(r);
    printf("at once\n");
}

/* Threads that wait do not stop one that counts. */
static void *sleeper(void *arg)
{
    for (int i = 0; i < 20; i++)
        usleep(1000);
    return arg;
}

static void others(void)
{
    pthread_t r, s[5];
    CHECK(pthread_create(&r, NULL, reader, paths[1]) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_create(&s[i], NULL, sleeper, NULL) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_join(s[i], NULL) == 0);
    writer(paths[1]);
    CHECK(pthread_join(r, NULL) == 0);
    printf("others\n");
}

static void handler(int sig)
{
    handled++;
}

static void *interrupted(void *path)
{
    int fd = open(path, O_RDONLY);
    long r = fd < 0 ? -errno : 0;
    if (fd >= 0)
        close(fd);
    return (void *)r;
}

static void handlers(void)
{
    pthread_t t;
    void *r;
    struct sigaction act = {.sa_handler = handler};
    CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
    act.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGUSR2, &act, NULL) == 0);
    CHECK(pthread_create(&t, NULL, interrupted, paths[2]) == 0);
    do { /* the first may come before the call */
        usleep(20000);
        pthread_kill(t, SIGUSR1);
        usleep(20000);
    } while (pthread_tryjoin_np(t, &r) != 0);
    CHECK(handled > 0 && r == (void *)-EINTR);
    handled = 0;
    CHECK(pthread_create(&t, NULL, interrupted, paths[2]) == 0);
    usleep(20000);
    CHECK(pthread_kill(t, SIGUSR2) == 0);
    while (handled == 0)
        usleep(1000);
    usleep(20000);
    int w = open(paths[2], O_WRONLY);
    CHECK(w >= 0 && pthread_join(t, &r) == 0 && r == NULL);
    close(w);
    printf("handlers\n");
}

static void cancelled(void)
{
    pthread_t t;
    void *r;
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&t, NULL, reader, paths[3]) == 0);
        usleep(i * 300);
        CHECK(pthread_cancel(t) == 0 && pthread_join(t, &r) == 0 && r == PTHREAD_CANCELED);
    }
    CHECK(open(paths[3], O_WRONLY | O_NONBLOCK) == -1 && errno == ENXIO);
    printf("cancelled\n");
}

/* Signals come while the other end is opened: no thread stays behind, and no descriptor. (A writer that has met a reader
   whose open a signal then ended has written for nobody: bare, too.) */
static sem_t done;

static void *again(void *path)
{
    while (!over) {
        char c;
        int fd = open(path, O_RDONLY);
        if (fd < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        ssize_t n;
        while ((n = read(fd, &c, 1)) < 0)
            CHECK(errno == EINTR);
        CHECK(fd < 50 && close(fd) == 0);
        if (n == 1)
            sem_post(&done);
    }
    return NULL;
}

static int written(void)
{
    struct timespec until;
    int fd = open(paths[4], O_WRONLY);
    CHECK(fd >= 0);
    ssize_t n = write(fd, "x", 1);
    CHECK((n == 1 || errno == EPIPE) && close(fd) == 0);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return sem_timedwait(&done, &until) == 0;
}

static void race(void)
{
    pthread_t t;
    signal(SIGPIPE, SIG_IGN);
    CHECK(pthread_create(&t, NULL, again, paths[4]) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        usleep(rand() % 300);
        pthread_kill(t, SIGUSR1);
        if (i % 2)
            usleep(rand() % 300);
        while (!written())
            ;
    }
    over = 1;
    int fd;
    while (pthread_tryjoin_np(t, NULL) != 0)
        if ((fd = open(paths[4], O_WRONLY | O_NONBLOCK)) >= 0)
            close(fd);
        else
            usleep(1000);
    printf("race\n");
}

int main(int argc, char **argv)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", argv[1], argv[1]);
    CHECK(system(command) == 0);
    for (int i = 0; i < PAIRS; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/fifo%d", argv[1], i);
        CHECK(mkfifo(paths[i], 0600) == 0);
    }
    pairs();
    at_once();
    others();
    handlers();
    cancelled();
    race();
    return 0;
}
