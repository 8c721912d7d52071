/* A signal has no handler when a thread lets it in, and ends the process then. The argument says how that comes: it was
 * "raised" while it was blocked; its handler was taken back meanwhile ("replaced"); it is the second one of a handler
 * that is for one, to the process ("once") or the thread ("once-own"). Or its thread waits for another one in sigwait
 * ("awaits"). */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static sem_t never;
static sigset_t set;

static void handler(int sig)
{
    (void)sig;
}

static void *waits(void *arg)
{
    sem_wait(&never);
    return arg;
}

static void *awaits(void *arg)
{
    int sig;
    sigwait(&set, &sig);
    return arg;
}

static void tell_pending(int sig)
{
    sigset_t pending;
    sigpending(&pending);
    printf("pending: %d\n", sigismember(&pending, sig));
    fflush(stdout);
}

static void raised(int replaced)
{
    if (replaced)
        signal(SIGUSR1, handler);
    raise(SIGUSR1);
    if (replaced)
        signal(SIGUSR1, SIG_DFL);
    tell_pending(SIGUSR1);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void handled_once(int own)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESETHAND};
    sigaction(SIGRTMIN, &act, NULL);
    for (int i = 0; i < 2; i++) {
        if (own)
            pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = i});
        else
            sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
    }
    tell_pending(SIGRTMIN);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void awaits_another(void)
{
    pthread_t thread;
    pthread_create(&thread, NULL, awaits, NULL);
    usleep(50000);
    pthread_kill(thread, SIGTERM);
    usleep(100000);
}

int main(int argc, char **argv)
{
    pthread_t thread;
    if (argc != 2)
        return 2;
    sem_init(&never, 0, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, waits, NULL);
    usleep(1000);
    if (strncmp(argv[1], "once", 4) == 0)
        handled_once(strcmp(argv[1], "once-own") == 0);
    else if (strcmp(argv[1], "awaits") == 0)
        awaits_another();
    else
        raised(strcmp(argv[1], "replaced") == 0);
    puts("lives");
    return 0;
}
