/* Signals that are pending while threads exist: SIGCONT takes the stop signals back, and they it; a signal that is
 * ignored from now on is forgotten; one to the thread and one of its number to the process are two; of several
 * real-time signals that are let in at once the handlers run as the kernel's frames lie. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { NUMBERS = 3 };

static sem_t end;
static volatile int handled, values[64];

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static void on_queued(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    values[handled++] = info->si_value.sival_int;
}

static void *waits(void *arg)
{
    sem_wait(&end);
    return arg;
}

static int is_pending(int sig)
{
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, sig);
}

static void change(int how, int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    pthread_sigmask(how, &set, NULL);
}

/* A stop signal without a handler is never let in: it would stop us. */
static void stop_and_go(const char *name, int sig)
{
    handled = 0;
    signal(SIGCONT, handler);
    change(SIG_BLOCK, sig);
    kill(getpid(), sig);
    printf("%s: pending %d", name, is_pending(sig));
    kill(getpid(), SIGCONT);
    printf(", SIGCONT handled %d, pending %d\n", handled, is_pending(sig));
    signal(sig, handler);
    change(SIG_UNBLOCK, sig);
    change(SIG_BLOCK, SIGCONT);
    kill(getpid(), SIGCONT);
    printf("SIGCONT: pending %d", is_pending(SIGCONT));
    kill(getpid(), sig);
    printf(", %s handled %d, pending %d\n", name, handled, is_pending(SIGCONT));
    change(SIG_UNBLOCK, SIGCONT);
}

static void ignored(void)
{
    handled = 0;
    change(SIG_BLOCK, SIGUSR1);
    signal(SIGUSR1, handler);
    raise(SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    printf("ignored: pending %d", is_pending(SIGUSR1));
    signal(SIGUSR1, handler);
    change(SIG_UNBLOCK, SIGUSR1);
    printf(", handled %d", handled);
    change(SIG_BLOCK, SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    printf("; while blocked: pending %d", is_pending(SIGUSR1));
    signal(SIGUSR1, handler);
    change(SIG_UNBLOCK, SIGUSR1);
    printf(", handled %d\n", handled);
}

static void on_first(int sig)
{
    if (handled++ == 0) {
        raise(sig);
        kill(getpid(), sig);
    }
}

static void two_of_a_number(void)
{
    handled = 0;
    signal(SIGUSR2, on_first);
    kill(getpid(), SIGUSR2);
    printf("one, then one of each: handled %d\n", handled);
}

/* The value is the place in the order of sending. */
static void in_order(const char *numbers)
{
    sigset_t set;
    sigemptyset(&set);
    for (int i = 0; i < NUMBERS; i++)
        sigaddset(&set, SIGRTMIN + i);
    handled = 0;
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; numbers[i] != '\0'; i++)
        sigqueue(getpid(), SIGRTMIN + numbers[i] - '0', (union sigval){.sival_int = i});
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    printf("%s:", numbers);
    for (int i = 0; i < handled; i++)
        printf(" %d", values[i]);
    putchar('\n');
}

static void orders(void)
{
    struct sigaction act = {.sa_sigaction = on_queued, .sa_flags = SA_SIGINFO};
    for (int i = 0; i < NUMBERS; i++)
        sigaction(SIGRTMIN + i, &act, NULL);
    in_order("210");
    in_order("2100");
    in_order("1001");
    in_order("0011");
    in_order("00110022");
}

static pthread_t start_blocked(void)
{
    sigset_t all, old;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pthread_create(&thread, NULL, waits, NULL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return thread;
}

int main(void)
{
    sem_init(&end, 0, 0);
    pthread_t thread = start_blocked();
    usleep(1000);
    stop_and_go("SIGTSTP", SIGTSTP);
    stop_and_go("SIGTTIN", SIGTTIN);
    stop_and_go("SIGTTOU", SIGTTOU);
    ignored();
    two_of_a_number();
    orders();
    sem_post(&end);
    pthread_join(thread, NULL);
    return 0;
}
