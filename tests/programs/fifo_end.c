/* A thread reads a FIFO to its end while the other one opens and closes it, and never waits. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
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

enum { ROUNDS = 60, SHUT_US = 100 };

static sem_t opened;

static void *read_on(void *path)
{
    char c;
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0 && sem_post(&opened) == 0);
    CHECK(read(fd, &c, 1) == 0);
    CHECK(close(fd) == 0);
    return NULL;
}

static void compute(int us)
{
    struct timespec begin, now;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do
        clock_gettime(CLOCK_MONOTONIC, &now);
    while ((now.tv_sec - begin.tv_sec) * 1000000 + (now.tv_nsec - begin.tv_nsec) / 1000 < us);
}

int main(int argc, char **argv)
{
    CHECK(argc == 2 && mkfifo(argv[1], 0600) == 0);
    CHECK(sem_init(&opened, 0, 0) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t t;
        CHECK(pthread_create(&t, NULL, read_on, argv[1]) == 0);
        int fd = open(argv[1], O_WRONLY);
        CHECK(fd >= 0 && sem_wait(&opened) == 0);
        do {
            compute(rand() % SHUT_US);
            CHECK(close(fd) == 0);
            compute(rand() % SHUT_US);
        } while ((fd = open(argv[1], O_WRONLY | O_NONBLOCK)) >= 0);
        CHECK(errno == ENXIO && pthread_join(t, NULL) == 0);
    }
    CHECK(unlink(argv[1]) == 0);
    printf("ended\n");
    return 0;
}
