/*
 * A name service that is slow, or never comes back (tests/modules):
 *   many N      N threads ask at once, others go on; each gets its answer
 *   limit MS THREADS  what never comes back ends by the limit (not bare)
 *   cancel N    a thread that waits is cancelled, N times; another still gets answers
 *   race N      cancelled at any time, N rounds
 *   jump THREADS  a handler jumps out of a look-up
 *   fork N      forks in the middle of look-ups; the child looks up, too
 *   handler N   a handler that has interrupted a look-up forks; parent and child get the answer
 *   groups N    initgroups in N threads, one after the other
 */
#define _GNU_SOURCE
#include <aliases.h>
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/ether.h>
#include <nss.h>
#include <pthread.h>
#include <pwd.h>
#include <setjmp.h>
#include <shadow.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

extern int __nss_configure_lookup(const char *database, const char *services);

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static atomic_int stop;
static long ticks;

static void *ticker(void *unused)
{
    while (!stop) {
        usleep(1000);
        ticks++;
    }
    return NULL;
}

/* ---- many ---- */

static void *slow(void *arg)
{
    struct passwd e, *found;
    char buf[500];
    errno = (int)(long)arg;
    CHECK(getpwnam_r("slow", &e, buf, sizeof buf, &found) == 0 && found == &e && !strcmp(e.pw_dir, "/homes/slow"));

    struct servent s, *service;
    CHECK(getservbyname_r("slow", "tcp", &s, buf, sizeof buf, &service) == 0 && service == &s);
    return NULL;
}

static void many(int n)
{
    pthread_t t[n], tick;
    double start = now();
    CHECK(pthread_create(&tick, NULL, ticker, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, slow, (void *)(long)(i + 1)) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    stop = 1;
    CHECK(pthread_join(tick, NULL) == 0);
    CHECK(now() - start >= 0.4);
    CHECK(ticks >= 50);
    printf("%d answers\n", n);
}

/* ---- limit ---- */

static double limit;

#define LATE(x)                                                                                                        \
    do {                                                                                                               \
        double start = now();                                                                                          \
        errno = 0;                                                                                                     \
        CHECK(x);                                                                                                      \
        CHECK(now() - start >= limit * 0.99);                                                                          \
    } while (0)

static void *late(void *unused)
{
    struct passwd e, *found;
    struct netent net, *network;
    struct ether_addr addr = {{2, 0, 0, 0, 0, 8}};
    gid_t groups[10];
    int n = 10, h = 0;
    char buf[500], host[100];
    LATE(getpwnam_r("hang", &e, buf, sizeof buf, &found) == ETIMEDOUT && found == NULL);
    LATE(getpwuid(8) == NULL && errno == ETIMEDOUT);
    LATE(getgrnam("hang") == NULL && errno == ETIMEDOUT);
    LATE(getspnam("hang") == NULL && errno == ETIMEDOUT);
    LATE(getservbyname("hang", NULL) == NULL && errno == ETIMEDOUT);
    LATE(getprotobynumber(8) == NULL && errno == ETIMEDOUT);
    LATE(getrpcbynumber(8) == NULL && errno == ETIMEDOUT);
    LATE(getaliasbyname("hang") == NULL && errno == ETIMEDOUT);
    LATE(getnetbyname_r("hang", &net, buf, sizeof buf, &network, &h) == EAGAIN && h == TRY_AGAIN);
    LATE(getnetbyaddr(8, 2) == NULL && h_errno == TRY_AGAIN);
    LATE(getgrouplist("hang", 1, groups, &n) == -1 && errno == ETIMEDOUT && n == 10);
    LATE(initgroups("hang", 1) == -1 && errno == ETIMEDOUT);
    LATE(ether_hostton("hang", &addr) == -1 && errno == ETIMEDOUT);
    LATE(ether_ntohost(host, &addr) == -1 && errno == ETIMEDOUT);
    LATE(getpw(8, buf) == -1 && errno == ETIMEDOUT);
    LATE(innetgr("hang", NULL, NULL, NULL) == 0 && errno == ETIMEDOUT);
    CHECK(getpwnam_r("alice", &e, buf, sizeof buf, &found) == 0 && found == &e); /* and others are answered */
    return NULL;
}

/* ---- cancel ---- */

static atomic_int waits;

static void *polling(void *arg)
{
    struct passwd e, *found;
    char buf[500];
    waits++;
    getpwnam_r("poll", &e, buf, sizeof buf, &found);
    return NULL;
}

static void cancel(int n)
{
    struct passwd e, *found;
    char buf[500];
    for (int i = 0; i < n; i++) {
        pthread_t t;
        void *result;
        CHECK(pthread_create(&t, NULL, polling, NULL) == 0);
        while (waits <= i)
            usleep(100);
        usleep(i % 3 * 3000);
        CHECK(pthread_cancel(t) == 0);
        CHECK(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED);
    }
    CHECK(getpwnam_r("alice", &e, buf, sizeof buf, &found) == 0 && found == &e && e.pw_uid == 4711);
    printf("%d cancelled\n", n);
}

/* ---- race ---- */

static void *short_ones(void *arg)
{
    struct passwd e, *found;
    char buf[500];
    for (;;) {
        CHECK(getpwnam_r("alice", &e, buf, sizeof buf, &found) == 0 && !strcmp(e.pw_gecos, "the alice"));
        struct group *g = getgrgid(5);
        CHECK(g != NULL);
        pthread_testcancel();
    }
}

static void race(int n)
{
    unsigned seed = 1;
    for (int i = 0; i < n; i++) {
        pthread_t t[3];
        for (int k = 0; k < 3; k++)
            CHECK(pthread_create(&t[k], NULL, short_ones, NULL) == 0);
        for (int k = 0; k < 3; k++) {
            void *result;
            usleep(rand_r(&seed) % 300);
            CHECK(pthread_cancel(t[k]) == 0);
            CHECK(pthread_join(t[k], &result) == 0 && result == PTHREAD_CANCELED);
        }
    }
    printf("%d rounds\n", n);
}

/* ---- jump ---- */

static sigjmp_buf back;

static void on_alarm(int sig)
{
    siglongjmp(back, 1);
}

static void *other(void *unused)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    return ticker(NULL);
}

static void jump(int threads)
{
    struct passwd e, *found;
    char buf[500];
    pthread_t t[threads + 1];
    signal(SIGALRM, on_alarm);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, other, NULL) == 0);
    for (int i = 0; i < 5; i++) {
        if (sigsetjmp(back, 1) == 0) {
            ualarm(20000, 0);
            getpwnam_r("poll", &e, buf, sizeof buf, &found);
            CHECK(0);
        }
        CHECK(getpwnam_r("bob", &e, buf, sizeof buf, &found) == 0 && found == &e && !strcmp(e.pw_name, "bob"));
    }
    stop = 1;
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("5 jumps\n");
}

/* ---- fork ---- */

static void *asking(void *unused)
{
    struct passwd e, *found;
    char buf[500];
    while (!stop)
        CHECK(getpwnam_r("alice", &e, buf, sizeof buf, &found) == 0 && found == &e);
    return NULL;
}

static volatile pid_t handler_child;

static void on_fork(int sig)
{
    handler_child = fork();
}

static void *asks_slowly(void *arg)
{
    struct passwd e, *found;
    char buf[500];
    CHECK(getpwnam_r("slowly", &e, buf, sizeof buf, &found) == 0 && found == &e && !strcmp(e.pw_name, "slowly"));
    if (handler_child == 0)
        _exit(7);
    return arg;
}

static void handler(int n)
{
    struct sigaction act = {.sa_handler = on_fork, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &act, NULL);
    for (int i = 0; i < n; i++) {
        int status;
        pthread_t t;
        handler_child = -1;
        CHECK(pthread_create(&t, NULL, asks_slowly, NULL) == 0);
        usleep(50000);
        CHECK(pthread_kill(t, SIGUSR1) == 0);
        CHECK(pthread_join(t, NULL) == 0 && handler_child > 0);
        CHECK(waitpid(handler_child, &status, 0) == handler_child && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    printf("%d forks by a handler\n", n);
}

static void forks(int n)
{
    struct passwd e, *found;
    char buf[500];
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, asking, NULL) == 0);
    for (int i = 0; i < n; i++) {
        int status;
        usleep(500);
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            CHECK(getpwnam_r("carol", &e, buf, sizeof buf, &found) == 0 && !strcmp(e.pw_name, "carol"));
            pthread_t again;
            stop = 1;
            CHECK(pthread_create(&again, NULL, asking, NULL) == 0 && pthread_join(again, NULL) == 0);
            struct group *g = getgrnam("dave");
            CHECK(g && !strcmp(g->gr_name, "dave"));
            _exit(7);
        }
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d forks\n", n);
}

/* ---- groups ---- */

static void *init_groups(void *unused)
{
    gid_t groups[200];
    int r = initgroups("alice", 5), n = getgroups(200, groups);
    printf("%d %s", r, r ? strerrorname_np(errno) : "");
    for (int i = 0; i < n && !r; i++)
        printf(" %u", groups[i]);
    r = initgroups("none", 5);
    printf("\n%d %d\n", r, r ? 0 : getgroups(200, groups));
    return NULL;
}

/* The only helper is in a look-up that never comes back; who waits for one meanwhile gets it when that is given up. */
static void *hangs(void *unused)
{
    struct passwd e, *found;
    char buf[500];
    CHECK(getpwnam_r("hang", &e, buf, sizeof buf, &found) == ETIMEDOUT);
    return unused;
}

static void behind(int ms)
{
    pthread_t t;
    struct passwd e, *found;
    char buf[500];
    CHECK(pthread_create(&t, NULL, hangs, NULL) == 0);
    usleep(ms * 500);
    CHECK(getpwnam_r("alice", &e, buf, sizeof buf, &found) == 0 && found == &e);
    CHECK(pthread_join(t, NULL) == 0);
    printf("behind\n");
    fflush(stdout);
    _exit(0);
}

int main(int argc, char **argv)
{
    static const char *databases[] = {"passwd",    "group", "shadow",  "gshadow", "networks", "services",
                                      "protocols", "rpc",   "aliases", "ethers",  "netgroup", "initgroups"};
    int n = argc > 2 ? atoi(argv[2]) : 0;
    for (int i = 0; i < 12; i++)
        CHECK(__nss_configure_lookup(databases[i], "standin") == 0);
    if (!strcmp(argv[1], "many"))
        many(n);
    if (!strcmp(argv[1], "limit")) {
        int threads = argc > 3 ? atoi(argv[3]) : 0;
        pthread_t t[threads + 1];
        limit = n / 1000.0;
        for (int i = 0; i < threads; i++)
            CHECK(pthread_create(&t[i], NULL, late, NULL) == 0);
        for (int i = 0; i < threads; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
        if (!threads)
            late(NULL);
        printf("late\n");
        fflush(stdout);
        _exit(0);
    }
    if (!strcmp(argv[1], "behind"))
        behind(n);
    if (!strcmp(argv[1], "cancel"))
        cancel(n);
    if (!strcmp(argv[1], "race"))
        race(n);
    if (!strcmp(argv[1], "jump"))
        jump(n);
    if (!strcmp(argv[1], "fork"))
        forks(n);
    if (!strcmp(argv[1], "handler"))
        handler(n);
    if (!strcmp(argv[1], "groups")) {
        for (int i = 0; i < n; i++) {
            pthread_t t;
            CHECK(pthread_create(&t, NULL, init_groups, NULL) == 0 && pthread_join(t, NULL) == 0);
        }
        if (!n)
            init_groups(NULL);
    }
    return 0;
}
