/*
 * A send to a unix datagram socket whose queue is full, from one that is not connected to it: poll calls the sender
 * writable all the while. It waits without computing, for as long as it may, and can be cancelled.
 * usage: sock_full threads | limit
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int receiver, sender;
static struct sockaddr_un where = {.sun_family = AF_UNIX};
static socklen_t size = sizeof(sa_family_t);

static ssize_t send_one(int flags)
{
    return sendto(sender, "x", 1, flags, (void *)&where, size);
}

static void fill(void)
{
    while (send_one(MSG_DONTWAIT) == 1)
        continue;
    CHECK(errno == EAGAIN);
}

static double processor_time(void)
{
    struct rusage use;
    CHECK(getrusage(RUSAGE_SELF, &use) == 0);
    return use.ru_utime.tv_sec + use.ru_stime.tv_sec + (use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void *take_later(void *unused)
{
    char c;
    usleep(800000);
    CHECK(recv(receiver, &c, 1, 0) == 1);
    return NULL;
}

static void *send_without_end(void *unused)
{
    (void)send_one(0);
    return NULL;
}

static void *fails(void *unused)
{
    CHECK(send_one(0) == -1);
    puts(strerror(errno));
    return NULL;
}

static void waits(void)
{
    pthread_t other;
    double used = processor_time();
    CHECK(pthread_create(&other, NULL, take_later, NULL) == 0);
    CHECK(send_one(0) == 1);
    CHECK(processor_time() - used < 0.4);
    CHECK(pthread_join(other, NULL) == 0);
}

static void is_cancelled(void)
{
    void *result = NULL;
    pthread_t other;
    CHECK(pthread_create(&other, NULL, send_without_end, NULL) == 0);
    usleep(50000);
    CHECK(pthread_cancel(other) == 0);
    CHECK(pthread_join(other, &result) == 0 && result == PTHREAD_CANCELED);
}

static void times_out(void)
{
    struct timeval tenth = {0, 100000};
    CHECK(setsockopt(sender, SOL_SOCKET, SO_SNDTIMEO, &tenth, sizeof tenth) == 0);
    double start = now();
    CHECK(send_one(0) == -1 && errno == EAGAIN);
    CHECK(now() - start > 0.09);
}

int main(int argc, char **argv)
{
    CHECK(argc > 1);
    CHECK((receiver = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0 && (sender = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0);
    CHECK(bind(receiver, (void *)&where, size) == 0);
    size = sizeof where;
    CHECK(getsockname(receiver, (void *)&where, &size) == 0);
    fill();
    if (strcmp(argv[1], "limit") == 0) {
        pthread_t other;
        fails(NULL);
        CHECK(pthread_create(&other, NULL, fails, NULL) == 0 && pthread_join(other, NULL) == 0);
        return 0;
    }
    waits();
    is_cancelled();
    times_out();
    puts("full ok");
    return 0;
}
