/* A signal handler posts: the waiter comes out, whichever thread ran the handler. And a handler without SA_RESTART ends
   a wait with EINTR. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t s;
static volatile int handled;

static void posts(int sig)
{
    handled++;
    sem_post(&s);
}

static void only_counts(int sig)
{
    handled++;
}

static void *kills(void *arg)
{
    pthread_t *who = arg;
    usleep(5000);
    if (who)
        EQ(pthread_kill(*who, SIGUSR1), 0);
    else
        EQ(kill(getpid(), SIGUSR1), 0);
    return NULL;
}

static volatile int done;

/* Until it has worked: the first may come before the thread waits. */
static void *kills_on(void *arg)
{
    while (!done)
        kills(arg);
    return NULL;
}

static void *waits(void *arg)
{
    EQ(sem_wait(&s), 0);
    return NULL;
}

static void *interrupted(void *arg)
{
    struct timespec far = {time(NULL) + 1000, 0};
    EQ(arg ? sem_timedwait(&s, &far) : sem_wait(&s), -1);
    EQ(errno, EINTR);
    done = 1;
    return NULL;
}

static void handle(void (*f)(int), int flags)
{
    struct sigaction a;
    memset(&a, 0, sizeof a);
    a.sa_handler = f;
    a.sa_flags = flags;
    EQ(sigaction(SIGUSR1, &a, NULL), 0);
}

int main(void)
{
    pthread_t main_thread = pthread_self(), t, w;
    EQ(sem_init(&s, 0, 0), 0);

    handle(posts, SA_RESTART);
    EQ(pthread_create(&t, NULL, kills, NULL), 0);
    EQ(sem_wait(&s), 0); /* SA_RESTART: goes on, and finds the post */
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_create(&w, NULL, waits, NULL), 0);
    EQ(pthread_create(&t, NULL, kills, NULL), 0);
    EQ(pthread_join(w, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_create(&w, NULL, waits, NULL), 0);
    EQ(pthread_create(&t, NULL, kills, &w), 0);
    EQ(pthread_join(w, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(handled, 3);

    handle(only_counts, 0);
    EQ(pthread_create(&t, NULL, kills_on, &main_thread), 0);
    EQ(sem_wait(&s), -1);
    EQ(errno, EINTR);
    done = 1;
    EQ(pthread_join(t, NULL), 0);
    for (long i = 0; i < 2; i++) {
        done = 0;
        EQ(pthread_create(&w, NULL, interrupted, (void *)i), 0);
        EQ(pthread_create(&t, NULL, kills_on, &w), 0);
        EQ(pthread_join(t, NULL), 0);
        EQ(pthread_join(w, NULL), 0);
    }
    EQ(handled >= 6, 1);
    EQ(sem_trywait(&s), -1);
    puts("ok");
    return 0;
}
