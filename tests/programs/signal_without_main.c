/* The main thread has ended. What a thread that alone lets a signal in sends to its process is handled before the call
 * returns, also when others compute and it has changed its kernel thread. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 40, COMPUTING = 3, LONG = 8000000, PIECE = 300000 };

static atomic_int handled;
static sigset_t set;
static pthread_t main_thread;

static void handler(int sig)
{
    (void)sig;
    handled++;
}

static void compute(int n)
{
    for (volatile int i = 0; i < n; i++)
        ;
}

static void *others(void *pause)
{
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    for (;;) {
        compute(PIECE);
        if (pause != NULL)
            usleep(100);
    }
    return NULL;
}

static void *sends(void *arg)
{
    int missed = 0;
    pthread_join(main_thread, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        usleep(1000);
        compute(LONG);
        handled = 0;
        kill(getpid(), SIGUSR1);
        missed += handled != 1;
    }
    printf("%d of %d missed\n", missed, ROUNDS);
    exit(0);
    return arg;
}

int main(void)
{
    pthread_t thread;
    main_thread = pthread_self();
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    signal(SIGUSR1, handler);
    for (int i = 0; i < COMPUTING; i++)
        pthread_create(&thread, NULL, others, i > 0 ? &set : NULL);
    pthread_create(&thread, NULL, sends, NULL);
    pthread_exit(NULL);
}
