/*
 * A terminal: a line at a time, end of file by ^D, VMIN and VTIME (a read may end with nothing after a while), echo,
 * and many terminals at once.
 * usage: rw_tty THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
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

static void pty(int *master, int *slave)
{
    char name[64];
    CHECK((*master = posix_openpt(O_RDWR | O_NOCTTY)) >= 0);
    CHECK(grantpt(*master) == 0 && unlockpt(*master) == 0);
    CHECK(ptsname_r(*master, name, sizeof name) == 0);
    CHECK((*slave = open(name, O_RDWR | O_NOCTTY)) >= 0);
}

static void type(void *arg)
{
    int master = *(int *)arg;
    CHECK(write(master, "half a", 6) == 6);
    usleep(20000);
    CHECK(write(master, " line\nand more\n", 15) == 15);
    usleep(20000);
    CHECK(write(master, "no newline\004", 11) == 11);
    usleep(20000);
    CHECK(write(master, "\004", 1) == 1);
}

static void echo(int fd, int on)
{
    struct termios t;
    CHECK(tcgetattr(fd, &t) == 0);
    t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~ECHO;
    CHECK(tcsetattr(fd, TCSANOW, &t) == 0);
}

static void lines(int master, int slave)
{
    struct peer peer;
    char c[100];
    CHECK(write(master, "hi\n", 3) == 3);
    CHECK(read(slave, c, sizeof c) == 3 && !memcmp(c, "hi\n", 3));
    CHECK(read(master, c, sizeof c) == 4 && !memcmp(c, "hi\r\n", 4));
    echo(slave, 0);
    peer_start(&peer, type, &master);
    CHECK(read(slave, c, sizeof c) == 12 && !memcmp(c, "half a line\n", 12));
    CHECK(read(slave, c, 4) == 4 && !memcmp(c, "and ", 4));
    CHECK(read(slave, c, sizeof c) == 5 && !memcmp(c, "more\n", 5));
    CHECK(read(slave, c, sizeof c) == 10 && !memcmp(c, "no newline", 10));
    CHECK(read(slave, c, sizeof c) == 0);
    peer_join(&peer);
}

static void set(int fd, int min, int tenths)
{
    struct termios t;
    CHECK(tcgetattr(fd, &t) == 0);
    cfmakeraw(&t);
    t.c_cc[VMIN] = min;
    t.c_cc[VTIME] = tenths;
    CHECK(tcsetattr(fd, TCSANOW, &t) == 0);
}

static void type_slowly(void *arg)
{
    int master = *(int *)arg;
    for (int i = 0; i < 5; i++) {
        usleep(10000);
        CHECK(write(master, "x", 1) == 1);
    }
}

static void timed(int master, int slave)
{
    struct peer peer;
    char c[100];
    double start;

    set(slave, 0, 0); /* never waits */
    CHECK(read(slave, c, sizeof c) == 0);

    set(slave, 0, 2); /* waits 0.2 s for the first byte */
    start = now();
    CHECK(read(slave, c, sizeof c) == 0);
    CHECK(now() - start > 0.15 && now() - start < 10);
    CHECK(write(master, "ab", 2) == 2);
    start = now();
    CHECK(read(slave, c, sizeof c) == 2);

    set(slave, 5, 0); /* waits for five */
    peer_start(&peer, type_slowly, &master);
    CHECK(read(slave, c, sizeof c) == 5);
    peer_join(&peer);

    set(slave, 10, 2); /* after the first byte, a pause of 0.2 s ends it */
    peer_start(&peer, type_slowly, &master);
    for (int n = 0, got; n < 5; n += got)
        CHECK((got = read(slave, c, sizeof c)) > 0);
    peer_join(&peer);

    set(slave, 1, 0);
    CHECK(write(slave, "out", 3) == 3);
    CHECK(read(master, c, sizeof c) == 3 && !memcmp(c, "out", 3));
}

static void *scenario(void *unused)
{
    int master, slave;
    pty(&master, &slave);
    lines(master, slave);
    timed(master, slave);
    CHECK(close(slave) == 0 && close(master) == 0);
    return NULL;
}

int main(int argc, char **argv)
{
    crowd(argc > 1 ? atoi(argv[1]) : 0, scenario);
    puts("terminals ok");
    return 0;
}
