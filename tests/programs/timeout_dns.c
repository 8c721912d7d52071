/*
 * A name server that never answers, on a loopback of our own (to be run in network and mount namespaces of its own,
 * with a resolv.conf that names 127.0.0.1): lookups end with "try again"; other threads go on meanwhile.
 * usage: timeout_dns LIMIT THREADS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
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

/* The scenario in n threads at once; with n = 0 once, in the only thread there is. */
static void crowd(int n, void *(*scenario)(void *))
{
    pthread_t t[n + 1];
    threaded = n > 0;
    if (!threaded)
        scenario(NULL);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static int limit; /* ms; 0: none is set, and the peer answers in time */

/* It ended when its time was up: not before, not much later. */
static int in_time(double start)
{
    double ms = (now() - start) * 1000;
    return ms > limit * 0.95 && ms < limit + 10000;
}

static atomic_int ticks, over;

static void *tick(void *unused)
{
    while (!atomic_load(&over)) {
        usleep(10000);
        atomic_fetch_add(&ticks, 1);
    }
    return NULL;
}

static void *scenario(void *arg)
{
    struct addrinfo *list;
    struct sockaddr_in who = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000201)};
    struct hostent h, *found;
    char name[64], buf[1024];
    int error;
    double start;

#define AGAIN(call)                                                                                                    \
    do {                                                                                                               \
        start = now();                                                                                                 \
        CHECK((call));                                                                                                 \
        CHECK(!limit || in_time(start));                                                                               \
    } while (0)

    snprintf(name, sizeof name, "silent%ld.example", (long)arg);
    AGAIN(getaddrinfo(name, "80", NULL, &list) == EAI_AGAIN);
    AGAIN(getnameinfo((void *)&who, sizeof who, buf, sizeof buf, NULL, 0, NI_NAMEREQD) == EAI_AGAIN);
    AGAIN(gethostbyname_r(name, &h, buf, sizeof buf, &found, &error) != 0 || !found);
    CHECK(error == TRY_AGAIN);
    AGAIN(gethostbyname2_r(name, AF_INET, &h, buf, sizeof buf, &found, &error) != 0 || !found);
    CHECK(error == TRY_AGAIN);
    AGAIN(gethostbyaddr_r(&who.sin_addr, 4, AF_INET, &h, buf, sizeof buf, &found, &error) != 0 || !found);
    CHECK(error == TRY_AGAIN);
    AGAIN(gethostbyname(name) == NULL && h_errno == TRY_AGAIN);
    AGAIN(gethostbyname2(name, AF_INET) == NULL && h_errno == TRY_AGAIN);
    AGAIN(gethostbyaddr(&who.sin_addr, 4, AF_INET) == NULL && h_errno == TRY_AGAIN);
    CHECK(getaddrinfo("127.0.0.1", "80", NULL, &list) == 0); /* what needs no server is as ever */
    freeaddrinfo(list);
    return NULL;
}

int main(int argc, char **argv)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x7f000001)};
    struct ifreq lo = {.ifr_name = "lo"};
    pthread_t t;
    CHECK(argc == 3);
    limit = atoi(argv[1]);
    int n = atoi(argv[2]), fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(ioctl(fd, SIOCGIFFLAGS, &lo) == 0);
    lo.ifr_flags |= IFF_UP;
    CHECK(ioctl(fd, SIOCSIFFLAGS, &lo) == 0);
    CHECK(bind(fd, (void *)&server, sizeof server) == 0);
    if (n)
        CHECK(pthread_create(&t, NULL, tick, NULL) == 0);
    double start = now();
    crowd(n, scenario);
    if (n) {
        CHECK(ticks > (now() - start) * 10); /* a tenth of what is possible */
        atomic_store(&over, 1);
        CHECK(pthread_join(t, NULL) == 0);
    }
    puts("try again");
    return 0;
}
