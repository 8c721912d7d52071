/*
 * What is done with a terminal besides reading and writing, each thread with one of its own: attributes, flow, flush,
 * drain, break, sessions and process groups, stops of background jobs, errors; a call that blocks in the kernel.
 * usage: term_calls THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

#define FAILS(call, error)                                                                                             \
    do {                                                                                                               \
        errno = 0;                                                                                                     \
        CHECK((call) == -1 && errno == (error));                                                                       \
    } while (0)

static void attributes(int m, int s)
{
    struct termios t, u;
    char c[8];
    CHECK(tcgetattr(s, &t) == 0 && (t.c_lflag & ICANON));
    static const int whens[] = {TCSANOW, TCSADRAIN, TCSAFLUSH};
    for (int i = 0; i < 3; i++) {
        t.c_lflag ^= ECHO;
        CHECK(tcsetattr(s, whens[i], &t) == 0);
        CHECK(tcgetattr(m, &u) == 0 && u.c_lflag == t.c_lflag);
    }
    t.c_lflag &= ~ECHO;
    CHECK(tcsetattr(s, TCSANOW, &t) == 0);
    CHECK(write(m, "li", 2) == 2 && write(m, "ne\n", 3) == 3);
    CHECK(read(s, c, sizeof c) == 5 && !memcmp(c, "line\n", 5));
    cfmakeraw(&t);
    CHECK(tcsetattr(s, TCSADRAIN, &t) == 0);
    for (int i = 0; i < 2; i++) {
        int n = 0;
        CHECK(write(m, "lost", 4) == 4);
        while (n < 4) /* it comes by a thread of the kernel's */
            CHECK(ioctl(s, FIONREAD, &n) == 0 && usleep(100) == 0);
        CHECK((i ? tcflush(s, TCIFLUSH) : tcsetattr(s, TCSAFLUSH, &t)) == 0);
        CHECK(ioctl(s, FIONREAD, &n) == 0 && n == 0);
    }
    CHECK(write(m, "r", 1) == 1);
    CHECK(read(s, c, sizeof c) == 1 && c[0] == 'r');
    CHECK(write(s, "out", 3) == 3);
    CHECK(tcdrain(s) == 0 && tcsendbreak(s, 0) == 0);
    CHECK(read(m, c, sizeof c) == 3);
    CHECK(tcflush(s, TCIOFLUSH) == 0 && tcflush(m, TCOFLUSH) == 0);
}

static void errors(int s)
{
    struct termios t;
    int null = open("/dev/null", O_RDWR);
    CHECK(null >= 0 && tcgetattr(s, &t) == 0);
    FAILS(tcgetattr(null, &t), ENOTTY);
    FAILS(tcsetattr(null, TCSADRAIN, &t), ENOTTY);
    FAILS(tcdrain(null), ENOTTY);
    FAILS(tcflow(null, TCOOFF), ENOTTY);
    FAILS(tcflow(null, TCIOFF), ENOTTY);
    FAILS(tcflush(null, TCIFLUSH), ENOTTY);
    FAILS(tcsendbreak(null, 0), ENOTTY);
    FAILS(tcgetpgrp(null), ENOTTY);
    FAILS(tcsetpgrp(null, 1), ENOTTY);
    FAILS(tcgetsid(null), ENOTTY);
    close(null);
    FAILS(tcgetattr(-1, &t), EBADF);
    FAILS(tcsetattr(-1, TCSAFLUSH, &t), EBADF);
    FAILS(tcdrain(-1), EBADF);
    FAILS(tcflow(-1, TCION), EBADF);
    FAILS(tcflush(-1, TCIFLUSH), EBADF);
    FAILS(tcsendbreak(-1, 0), EBADF);
    FAILS(tcgetpgrp(-1), EBADF);
    FAILS(tcgetsid(-1), EBADF);
    FAILS(tcsetattr(s, 77, &t), EINVAL);
    FAILS(tcflow(s, 77), EINVAL);
    FAILS(tcflush(s, 77), EINVAL);
    FAILS(tcgetpgrp(s), ENOTTY); /* not our session's */
}

/* Another process's write is stopped and holds the terminal's lock for writing; a stop character waits for that. */
static atomic_int done;

static void *stop_character(void *s)
{
    CHECK(tcflow((int)(long)s, TCIOFF) == 0);
    done = 1;
    return NULL;
}

static void blocks(int m, int s, int threaded)
{
    char c[200];
    pthread_t t;
    int status, ticks = 0;
    CHECK(tcflow(s, TCOOFF) == 0);
    fflush(stdout);
    pid_t writer = fork(), other = 0;
    CHECK(writer >= 0);
    if (writer == 0) {
        memset(c, 'x', 100);
        _exit(write(s, c, 100) != 100);
    }
    usleep(30000);
    if (threaded)
        CHECK(pthread_create(&t, NULL, stop_character, (void *)(long)s) == 0);
    else if ((other = fork()) == 0)
        _exit(stop_character((void *)(long)s) != NULL);
    for (; ticks < 30; ticks++)
        usleep(1000);
    CHECK(!done);
    CHECK(tcflow(s, TCOON) == 0);
    CHECK(waitpid(writer, &status, 0) == writer && status == 0);
    if (threaded)
        CHECK(pthread_join(t, NULL) == 0 && done);
    else
        CHECK(waitpid(other, &status, 0) == other && status == 0);
    ssize_t n = 0;
    while (n < 101)
        n += read(m, c + n, sizeof c - n);
    CHECK(n == 101 && c[0] == 'x' && c[100] == 19);
}

/* In a session of its own, with the terminal as its own; exits. */
static void session(int s)
{
    int status;
    CHECK(setsid() > 0 && ioctl(s, TIOCSCTTY, 0) == 0);
    pid_t self = getpid();
    CHECK(tcgetsid(s) == self && tcgetpgrp(s) == self);
    pid_t job = fork();
    CHECK(job >= 0);
    if (job == 0) {
        struct termios t;
        CHECK(setpgid(0, 0) == 0);
        CHECK(tcgetattr(s, &t) == 0);
        CHECK(tcsetattr(s, TCSADRAIN, &t) == 0); /* stops, in the background */
        CHECK(tcgetpgrp(s) == getpid());
        _exit(5);
    }
    setpgid(job, job);
    CHECK(waitpid(job, &status, WUNTRACED) == job && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTOU);
    CHECK(tcsetpgrp(s, job) == 0);
    CHECK(kill(-job, SIGCONT) == 0);
    CHECK(waitpid(job, &status, 0) == job && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    signal(SIGTTOU, SIG_IGN);
    CHECK(tcsetpgrp(s, self) == 0 && tcgetpgrp(s) == self);
    FAILS(tcsetpgrp(s, 0x7ffffff), ESRCH);
    _exit(6);
}

static int threads;

static void *scenario(void *unused)
{
    int m, s, status;
    CHECK(openpty(&m, &s, NULL, NULL, NULL) == 0);
    attributes(m, s);
    errors(s);
    if (threads <= 1)
        blocks(m, s, threads);
    pid_t leader = fork();
    CHECK(leader >= 0);
    if (leader == 0)
        session(s);
    CHECK(waitpid(leader, &status, 0) == leader && WIFEXITED(status) && WEXITSTATUS(status) == 6);
    close(m);
    close(s);
    return NULL;
}

int main(int argc, char **argv)
{
    threads = atoi(argv[1]);
    pthread_t t[threads + 1];
    if (!threads)
        scenario(NULL);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_create(&t[i], NULL, scenario, NULL) == 0);
    for (int i = 0; i < threads; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("good");
    return 0;
}
