/* pthread_kill of before glibc 2.34 does not find a thread that has ended; the one of today finds it and does nothing.
 * Both are asked for by their version. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

extern int kill_old(pthread_t, int), kill_new(pthread_t, int);
__asm__(".symver kill_old, pthread_kill@GLIBC_2.2.5\n"
        ".symver kill_new, pthread_kill@GLIBC_2.34");

static volatile sig_atomic_t got;
static int to_thread[2];

static void handler(int sig)
{
    got++;
}

static void *thread(void *arg)
{
    char c;
    while (got < 2)
        if (read(to_thread[0], &c, 1) == 1)
            break;
    return NULL;
}

int main(void)
{
    pthread_t t;
    struct sigaction act = {.sa_handler = handler};
    sigaction(SIGUSR1, &act, NULL);
    pipe(to_thread);
    pthread_create(&t, NULL, thread, NULL);
    printf("runs: %d %d\n", kill_old(t, 0), kill_new(t, 0));
    printf("signals: %d", kill_old(t, SIGUSR1));
    while (got < 1)
        usleep(1000);
    printf(" %d\n", kill_new(t, SIGUSR1));
    while (got < 2)
        usleep(1000);
    write(to_thread[1], "x", 1);
    while (pthread_tryjoin_np(t, NULL) == EBUSY)
        usleep(1000);
    pthread_create(&t, NULL, thread, NULL);
    usleep(100000); /* it has ended: nobody has joined it */
    printf("ended: %s %d\n", kill_old(t, 0) == ESRCH ? "ESRCH" : "?", kill_new(t, 0));
    printf("ended: %s %d\n", kill_old(t, SIGUSR1) == ESRCH ? "ESRCH" : "?", kill_new(t, SIGUSR1));
    printf("ended, no such signal: %s %s\n", strerror(kill_old(t, 100)), strerror(kill_new(t, 100)));
    printf("ended, libc's own: %s %s\n", strerror(kill_old(t, 33)), strerror(kill_new(t, 33)));
    printf("ended, queued: %s\n", strerror(pthread_sigqueue(t, SIGUSR1, (union sigval){.sival_int = 1})));
    pthread_join(t, NULL);
    printf("self: %d", kill_old(pthread_self(), SIGUSR1));
    printf(" %d, %d signals\n", kill_new(pthread_self(), SIGUSR1), (int)got);
    return 0;
}
