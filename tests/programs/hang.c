/* Hangs on purpose: threads wait for a mutex, a condition, a pipe, a long sleep and a join that never ends. With an
   argument the one thread there is reads what never comes. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER, mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t never = PTHREAD_COND_INITIALIZER;
static int pipes[2];

static void *locks(void *arg)
{
    pthread_mutex_lock(&held);
    return arg;
}

static void *waits(void *arg)
{
    pthread_mutex_lock(&mutex);
    while (1)
        pthread_cond_wait(&never, &mutex);
    return arg;
}

static void *reads(void *arg)
{
    char c;
    read(pipes[0], &c, 1);
    return arg;
}

static void *sleeps(void *arg)
{
    sleep(100000);
    return arg;
}

int main(int argc, char **argv)
{
    static void *(*const start[])(void *) = {locks, waits, reads, sleeps};
    static const char *const name[] = {"locks", "waits", "reads", "sleeps"};
    pthread_t t[4];
    pipe(pipes);
    puts("ready");
    fflush(stdout);
    if (argc > 1)
        reads(argv);
    pthread_mutex_lock(&held);
    for (int i = 0; i < 4; i++) {
        pthread_create(&t[i], NULL, start[i], NULL);
        pthread_setname_np(t[i], name[i]);
    }
    pthread_join(t[0], NULL);
    return 0;
}
