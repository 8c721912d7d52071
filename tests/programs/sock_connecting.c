/*
 * A connect that waits for its answer, while something else happens to its socket.
 * usage: sock_connecting shutdown
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
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

static const struct {
    const char *name;
    void *(*other)(void *);
    void (*run)(void);
} scenarios[] = {{"shutdown", shut, shut_down}};

int main(int argc, char **argv)
{
    pthread_t other;
    CHECK(argc > 1);
    listen_full();
    CHECK((waiting = socket(AF_INET, SOCK_STREAM, 0)) >= 0);
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
