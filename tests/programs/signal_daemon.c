/* A daemon whose threads all block a signal: main lets it in for one ppoll, waits for it by other means afterwards, and
 * takes it each time it comes. It kills nobody, though a worker was in flock meanwhile. The argument says how main
 * takes it: "sigwait" or "signalfd". Its file is in the current directory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5 };

static sigset_t set;

static int open_locked(void)
{
    return open("signal_daemon.lock", O_RDWR | O_CREAT, 0600);
}

static void *locks(void *arg)
{
    flock(open_locked(), LOCK_EX);
    return arg;
}

static int take(int fd)
{
    struct signalfd_siginfo info = {.ssi_signo = 0};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int sig = 0;
    if (fd < 0)
        sigwait(&set, &sig);
    else if (poll(&p, 1, 1000) == 1 && read(fd, &info, sizeof info) == sizeof info)
        sig = (int)info.ssi_signo;
    return sig;
}

int main(int argc, char **argv)
{
    const struct timespec soon = {0, 50000000};
    int held = open_locked(), fd = -1;
    sigset_t none;
    pthread_t thread;
    if (argc != 2)
        return 2;
    sigemptyset(&none);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    flock(held, LOCK_EX);
    if (strcmp(argv[1], "signalfd") == 0)
        fd = signalfd(-1, &set, SFD_NONBLOCK);
    pthread_create(&thread, NULL, locks, NULL);
    ppoll(NULL, 0, &soon, &none);
    for (int i = 0; i < ROUNDS; i++) {
        kill(getpid(), SIGUSR1);
        printf("%s\n", take(fd) == SIGUSR1 ? "taken" : "not taken");
        fflush(stdout);
    }
    flock(held, LOCK_UN);
    pthread_join(thread, NULL);
    puts("ends");
    return 0;
}
