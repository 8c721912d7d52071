/* aio_suspend in threads: it ends when one of the list is done, at its time, by a handler; others run meanwhile. */
#define _GNU_SOURCE
#include <aio.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int a[2], b[2], handled;
static struct aiocb one, two;
static char from[2];
static pthread_t waiting;

static void handler(int sig)
{
    handled++;
}

static void *writes(void *arg)
{
    usleep(20000);
    CHECK(write(b[1], "b", 1) == 1);
    return arg;
}

static void *kills(void *arg)
{
    usleep(20000);
    CHECK(pthread_kill(waiting, SIGUSR1) == 0);
    return arg;
}

static void *waits(void *arg)
{
    const struct aiocb *list[3] = {&one, NULL, &two};
    const struct aiocb64 *list64[1] = {(struct aiocb64 *)&one};
    struct timespec soon = {0, 30000000}, late = {1000, 0};
    struct sigaction act = {.sa_handler = handler};
    pthread_t t;
    waiting = pthread_self();
    CHECK(pthread_create(&t, NULL, writes, NULL) == 0);
    CHECK(aio_suspend(list, 3, NULL) == 0);
    CHECK(aio_error(&two) == 0 && aio_return(&two) == 1 && from[1] == 'b' && aio_error(&one) == EINPROGRESS);
    CHECK(pthread_join(t, NULL) == 0);
    puts("one of two");
    CHECK(aio_suspend(list, 1, &soon) == -1 && errno == EAGAIN);
    CHECK(aio_suspend64(list64, 1, &soon) == -1 && errno == EAGAIN);
    puts("its time");
    sigaction(SIGUSR1, &act, NULL);
    CHECK(pthread_create(&t, NULL, kills, NULL) == 0);
    CHECK(aio_suspend64(list64, 1, &late) == -1 && errno == EINTR && handled == 1);
    CHECK(pthread_join(t, NULL) == 0);
    puts("a handler");
    CHECK(write(a[1], "a", 1) == 1);
    CHECK(aio_suspend(list, 1, &late) == 0 && aio_return(&one) == 1 && from[0] == 'a');
    puts("the other");
    return arg;
}

int main(void)
{
    pthread_t t;
    setbuf(stdout, NULL);
    alarm(50);
    CHECK(pipe(a) == 0 && pipe(b) == 0);
    one.aio_fildes = a[0];
    two.aio_fildes = b[0];
    one.aio_buf = &from[0];
    two.aio_buf = &from[1];
    one.aio_nbytes = two.aio_nbytes = 1;
    CHECK(aio_read(&one) == 0 && aio_read(&two) == 0);
    CHECK(pthread_create(&t, NULL, waits, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    return 0;
}
