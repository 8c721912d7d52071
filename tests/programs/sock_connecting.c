/*
 * A connect that waits for its answer, while something else happens to its socket.
 * usage: sock_connecting shutdown | signal | restart
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
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

enum { FILLERS = 6 };

static struct sockaddr_in where;
static int listener, waiting, fill[FILLERS];
static pthread_t caller;
static volatile int seen;

/* Its queue is full: who comes is not answered until somebody accepts. */
static void listen_full(void)
{
    socklen_t n = sizeof where;
    where = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK((listener = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    CHECK(bind(listener, (void *)&where, n) == 0 && listen(listener, 0) == 0);
    CHECK(getsockname(listener, (void *)&where, &n) == 0);
    for (int i = 0; i < FILLERS; i++) {
        CHECK((fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)) >= 0);
        CHECK(connect(fill[i], (void *)&where, n) == 0 || errno == EINPROGRESS);
    }
}

static int connect_waiting(void)
{
    return connect(waiting, (void *)&where, sizeof where);
}

static void *shut(void *unused)
{
    usleep(50000);
    CHECK(shutdown(waiting, SHUT_RDWR) == 0);
    return NULL;
}

/* Newer kernels say EPIPE. */
static void shut_down(void)
{
    CHECK(connect_waiting() == -1 && (errno == ECONNRESET || errno == EPIPE));
}

static void handler(int sig)
{
}

static void handle(int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

/* Until it is seen: the first may come before the caller waits. */
static void *interrupt(void *unused)
{
    usleep(100000);
    while (!seen) {
        CHECK(pthread_kill(caller, SIGUSR1) == 0);
        usleep(100000);
    }
    return NULL;
}

/* Whoever is in the queue goes, so that the one who waits is answered, after its next try. */
static void *drain(void *unused)
{
    usleep(50000);
    for (int i = 0; i < FILLERS; i++)
        close(fill[i]);
    for (int i = 0; i < 2; i++)
        CHECK(close(accept(listener, NULL, NULL)) == 0);
    return NULL;
}

/* Called again, connect waits for the connection that is under way. */
static void interrupted(void)
{
    pthread_t other;
    handle(0);
    CHECK(connect_waiting() == -1 && errno == EINTR);
    seen = 1;
    CHECK(pthread_create(&other, NULL, drain, NULL) == 0);
    CHECK(connect_waiting() == 0);
    CHECK(pthread_join(other, NULL) == 0);
    CHECK(connect_waiting() == -1 && errno == EISCONN);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

/* With a time of its own it is not restarted; what is under way is waited for as long. */
static void restarted(void)
{
    struct timeval long_time = {10, 0}, tenth = {0, 100000};
    handle(SA_RESTART);
    CHECK(setsockopt(waiting, SOL_SOCKET, SO_SNDTIMEO, &long_time, sizeof long_time) == 0);
    CHECK(connect_waiting() == -1 && errno == EINTR);
    seen = 1;
    CHECK(setsockopt(waiting, SOL_SOCKET, SO_SNDTIMEO, &tenth, sizeof tenth) == 0);
    double start = now();
    CHECK(connect_waiting() == -1 && errno == EALREADY);
    CHECK(now() - start > 0.09);
}

static const struct {
    const char *name;
    void *(*other)(void *);
    void (*run)(void);
} scenarios[] = {
    {"shutdown", shut, shut_down},
    {"signal", interrupt, interrupted},
    {"restart", interrupt, restarted},
};

int main(int argc, char **argv)
{
    pthread_t other;
    CHECK(argc > 1);
    listen_full();
    CHECK((waiting = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
    caller = pthread_self();
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (strcmp(scenarios[i].name, argv[1]) != 0)
            continue;
        CHECK(pthread_create(&other, NULL, scenarios[i].other, NULL) == 0);
        scenarios[i].run();
        CHECK(pthread_join(other, NULL) == 0);
        printf("%s ok\n", argv[1]);
    }
    return 0;
}
