/* eventfd_read and eventfd_write: waiting, semaphores, non-blocking, errors.
 * usage: fd_eventfd THREADS */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int there, back;

static void *echo(void *unused)
{
    eventfd_t v;
    for (int i = 0; i < 200; i++) {
        CHECK(eventfd_read(there, &v) == 0 && v == 1);
        CHECK(eventfd_write(back, 3) == 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[1]), nowait = eventfd(0, EFD_NONBLOCK);
    pthread_t t[16];
    eventfd_t v = 0, sum = 0;
    CHECK(nowait >= 0 && (there = eventfd(0, EFD_SEMAPHORE)) >= 0 && (back = eventfd(0, 0)) >= 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, echo, NULL) == 0);
    CHECK(eventfd_write(there, 200 * n) == 0);
    while (n > 0 && sum < (eventfd_t)n * 600) {
        CHECK(eventfd_read(back, &v) == 0);
        sum += v;
    }
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(eventfd_read(nowait, &v) == -1 && errno == EAGAIN);
    CHECK(eventfd_write(nowait, 7) == 0 && eventfd_read(nowait, &v) == 0 && v == 7);
    CHECK(eventfd_write(nowait, -1) == -1 && errno == EINVAL);
    CHECK(eventfd_write(nowait, -2) == 0 && eventfd_write(nowait, 1) == -1 && errno == EAGAIN);
    CHECK(eventfd_read(-1, &v) == -1 && errno == EBADF && eventfd_write(-1, 1) == -1 && errno == EBADF);
    CHECK(eventfd_read(nowait, (eventfd_t *)8) == -1 && errno == EFAULT);
    printf("sum %lu\n", (unsigned long)sum);
    return 0;
}
