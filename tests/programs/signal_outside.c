/* Waits for SIGTERM from outside in the way daemons do: a handler sets a flag and writes to a pipe, main polls it while
   threads work and block. Prints "ready" first. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static volatile sig_atomic_t stop;
static int wake[2], silent[2];

static void handler(int sig)
{
    stop = 1;
    write(wake[1], "x", 1);
}

static void *works(void *arg)
{
    while (!stop)
        usleep(1000);
    return NULL;
}

static void *reads(void *arg)
{
    char c;
    read(silent[0], &c, 1);
    return NULL;
}

int main(void)
{
    pthread_t t, r;
    CHECK(pipe(wake) == 0 && pipe(silent) == 0);
    CHECK(signal(SIGTERM, handler) != SIG_ERR);
    CHECK(pthread_create(&t, NULL, works, NULL) == 0);
    CHECK(pthread_create(&r, NULL, reads, NULL) == 0);
    puts("ready");
    fflush(stdout);
    struct pollfd p = {.fd = wake[0], .events = POLLIN};
    while (!stop)
        CHECK(poll(&p, 1, -1) == 1 || errno == EINTR);
    CHECK(pthread_join(t, NULL) == 0);
    puts("terminated in good order");
    return 0;
}
