/* A signal comes while the only thread computes, and once more while its handler runs on an alternate stack and
 * computes, too: both are handled, and on that stack. Another process sends them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 65536, LIMIT = 5 };

static char *stack;
static volatile int handled, on_it;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void compute(double seconds, int until)
{
    for (double end = now() + seconds; handled < until && now() < end;)
        ;
}

static void handler(int sig)
{
    char here;
    handled++;
    on_it += &here >= stack && &here < stack + SIZE;
    compute(0.1, 1000);
}

static void *ends(void *arg)
{
    return arg;
}

static void send_two(pid_t to)
{
    usleep(400000);
    kill(to, SIGUSR1);
    usleep(30000);
    kill(to, SIGUSR1);
    _exit(0);
}

int main(void)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    stack_t alt = {.ss_size = SIZE};
    pthread_t t;
    alt.ss_sp = stack = malloc(SIZE);
    pthread_create(&t, NULL, ends, NULL);
    pthread_join(t, NULL);
    sigaltstack(&alt, NULL);
    sigaction(SIGUSR1, &act, NULL);
    pid_t self = getpid(), child = fork();
    if (child == 0)
        send_two(self);
    usleep(300000);
    compute(LIMIT, 2);
    printf("%d handled, %d on the stack\n", handled, on_it);
    waitpid(child, NULL, 0);
    return 0;
}
