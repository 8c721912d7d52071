/* Reads of a FIFO, each thread with one of its own: before there ever was a writer, with one, after it, and of an end
 * that writes, too.
 * usage: fifo_alone PATH THREADS */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { WRITE_US = 20000 };

static const char *directory;

static void *write_later(void *fd)
{
    CHECK(usleep(WRITE_US) == 0 && write((int)(long)fd, "late", 4) == 4);
    return NULL;
}

/* The read waits for another thread. */
static void waits(int from, int to)
{
    pthread_t t;
    char c[8];
    CHECK(pthread_create(&t, NULL, write_later, (void *)(long)to) == 0);
    CHECK(read(from, c, sizeof c) == 4 && memcmp(c, "late", 4) == 0);
    CHECK(pthread_join(t, NULL) == 0);
}

static void is_at_end(int fd)
{
    char c[8];
    struct iovec v[2] = {{c, 1}, {c + 1, 1}};
    for (int i = 0; i < 2; i++) {
        CHECK(read(fd, c, sizeof c) == 0);
        CHECK(readv(fd, v, 2) == 0);
    }
}

static void *use(void *number)
{
    char path[200], c[8];
    snprintf(path, sizeof path, "%s/alone%ld", directory, (long)number);
    CHECK(mkfifo(path, 0600) == 0);
    int fd = open(path, O_RDONLY | O_NONBLOCK);
    CHECK(fd >= 0);
    is_at_end(fd);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    is_at_end(fd);
    FILE *stream = fdopen(dup(fd), "r");
    CHECK(stream != NULL && fgetc(stream) == EOF && feof(stream) && fclose(stream) == 0);

    int to = open(path, O_WRONLY);
    CHECK(to >= 0);
    waits(fd, to);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK(read(fd, c, sizeof c) == -1 && errno == EAGAIN);
    CHECK(write(to, "rest", 4) == 4 && close(to) == 0);
    CHECK(read(fd, c, 1) == 1 && read(fd, c, sizeof c) == 3 && memcmp(c, "est", 3) == 0);
    is_at_end(fd);
    CHECK(fcntl(fd, F_SETFL, 0) == 0);
    is_at_end(fd);
    CHECK(close(fd) == 0);

    CHECK((fd = open(path, O_RDWR)) >= 0);
    waits(fd, fd);
    CHECK(close(fd) == 0 && unlink(path) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    directory = argv[1];
    int n = atoi(argv[2]);
    pthread_t t[n];
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, use, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("ended\n");
    return 0;
}
