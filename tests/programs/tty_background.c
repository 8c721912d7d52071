/*
 * A background job reads its terminal: with SIGTTIN ignored, blocked, handled, and by default, which stops it; then it
 * goes on in the foreground.
 * usage: tty_background THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static volatile sig_atomic_t handled;

static void handle(int sig)
{
    (void)sig;
    handled++;
}

/* SIGTTIN. The reader alone lets it in: if another thread took it, the read would be made again, and again. */
static sigset_t set;

static void *read_line(void *terminal)
{
    int s = (int)(long)terminal;
    char c[8];
    signal(SIGTTIN, SIG_IGN);
    CHECK(read(s, c, sizeof c) == -1 && errno == EIO);

    CHECK(signal(SIGTTIN, SIG_DFL) == SIG_IGN);
    CHECK(read(s, c, sizeof c) == -1 && errno == EIO);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);

    struct sigaction act = {.sa_handler = handle};
    CHECK(sigaction(SIGTTIN, &act, NULL) == 0);
    CHECK(read(s, c, sizeof c) == -1 && errno == EINTR && handled > 0);

    signal(SIGTTIN, SIG_DFL);
    CHECK(read(s, c, sizeof c) == 5 && memcmp(c, "line\n", 5) == 0); /* stops, in the background */
    return NULL;
}

static void *idle(void *unused)
{
    for (;;)
        usleep(1000);
    return unused;
}

static void job(int s, int threads)
{
    pthread_t t;
    sigemptyset(&set);
    sigaddset(&set, SIGTTIN);
    CHECK(setpgid(0, 0) == 0 && pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    for (int i = 1; i < threads; i++)
        CHECK(pthread_create(&t, NULL, idle, NULL) == 0);
    if (threads > 0)
        CHECK(pthread_create(&t, NULL, read_line, (void *)(long)s) == 0 && pthread_join(t, NULL) == 0);
    else
        read_line((void *)(long)s);
    _exit(5);
}

static void session(int m, int s, int threads)
{
    int status;
    CHECK(setsid() > 0 && ioctl(s, TIOCSCTTY, 0) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0)
        job(s, threads);
    setpgid(pid, pid);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == SIGTTIN);
    CHECK(tcsetpgrp(s, pid) == 0 && kill(-pid, SIGCONT) == 0);
    CHECK(write(m, "line\n", 5) == 5);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 5);
    _exit(6);
}

int main(int argc, char **argv)
{
    int m, s, status;
    CHECK(argc == 2 && openpty(&m, &s, NULL, NULL, NULL) == 0);
    pid_t leader = fork();
    CHECK(leader >= 0);
    if (leader == 0)
        session(m, s, atoi(argv[1]));
    CHECK(waitpid(leader, &status, 0) == leader && WIFEXITED(status) && WEXITSTATUS(status) == 6);
    puts("good");
    return 0;
}
