/* A program linked against the first version of condition variables, which libc still serves: waits that are signalled,
 * broadcast, timed out and cancelled. Their object holds a pointer only: what lies behind it here must stay. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

__asm__(".symver pthread_cond_init,pthread_cond_init@GLIBC_2.2.5\n"
        ".symver pthread_cond_destroy,pthread_cond_destroy@GLIBC_2.2.5\n"
        ".symver pthread_cond_wait,pthread_cond_wait@GLIBC_2.2.5\n"
        ".symver pthread_cond_timedwait,pthread_cond_timedwait@GLIBC_2.2.5\n"
        ".symver pthread_cond_signal,pthread_cond_signal@GLIBC_2.2.5\n"
        ".symver pthread_cond_broadcast,pthread_cond_broadcast@GLIBC_2.2.5\n");

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    pthread_cond_t *cond; /* all that there was of one */
    long behind;
} cond_room, ready_room = {NULL, 4711}, never_room;
#define cond (*(pthread_cond_t *)&cond_room)
#define ready (*(pthread_cond_t *)&ready_room) /* not initialised by a call */
#define never (*(pthread_cond_t *)&never_room)
static int waiting, generation, woken;

static void *thread(void *arg)
{
    struct timespec far = {time(NULL) + 1000, 0};
    EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 1; i <= 3; i++) {
        waiting++;
        EQ(pthread_cond_signal(&ready), 0);
        while (generation < i)
            EQ(arg ? pthread_cond_timedwait(&cond, &mutex, &far) : pthread_cond_wait(&cond, &mutex), 0);
        woken++;
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void unlock(void *unused)
{
    puts("unwinds");
    EQ(pthread_mutex_unlock(&mutex), 0);
}

static void *waits_for_ever(void *unused)
{
    EQ(pthread_mutex_lock(&mutex), 0);
    pthread_cleanup_push(unlock, NULL);
    waiting = -1;
    EQ(pthread_cond_signal(&ready), 0);
    for (;;)
        EQ(pthread_cond_wait(&never, &mutex), 0);
    pthread_cleanup_pop(0);
}

static void cancelled(void)
{
    pthread_t t;
    void *result;
    EQ(pthread_cond_init(&never, NULL), 0);
    EQ(pthread_create(&t, NULL, waits_for_ever, NULL), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    while (waiting != -1)
        EQ(pthread_cond_wait(&ready, &mutex), 0);
    EQ(pthread_mutex_unlock(&mutex), 0);
    EQ(pthread_cancel(t), 0);
    EQ(pthread_join(t, &result), 0);
    printf("%s\n", result == PTHREAD_CANCELED ? "cancelled" : "not cancelled");
    EQ(pthread_cond_destroy(&never), 0);
}

static void *late(void *unused)
{
    struct timespec soon;
    clock_gettime(CLOCK_REALTIME, &soon);
    soon.tv_nsec += 20000000;
    soon.tv_sec += soon.tv_nsec / 1000000000;
    soon.tv_nsec %= 1000000000;
    EQ(pthread_mutex_lock(&mutex), 0);
    EQ(pthread_cond_timedwait(&never, &mutex, &soon), ETIMEDOUT);
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

static void timed_out(void)
{
    pthread_t t;
    EQ(pthread_cond_init(&never, NULL), 0);
    EQ(pthread_create(&t, NULL, late, NULL), 0);
    EQ(pthread_join(t, NULL), 0);
    EQ(pthread_cond_destroy(&never), 0);
}

int main(void)
{
    pthread_t t[THREADS];
    struct timespec past = {1, 0};
    EQ(pthread_cond_init(&cond, NULL), 0);
    EQ(pthread_mutex_lock(&mutex), 0);
    EQ(pthread_cond_timedwait(&cond, &mutex, &past), ETIMEDOUT);
    for (long i = 0; i < THREADS; i++)
        EQ(pthread_create(&t[i], NULL, thread, (void *)(i % 2)), 0);
    for (int i = 1; i <= 3; i++) {
        while (waiting < i * THREADS)
            EQ(pthread_cond_wait(&ready, &mutex), 0);
        generation = i;
        EQ(pthread_cond_broadcast(&cond), 0);
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    for (int i = 0; i < THREADS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    EQ(pthread_cond_destroy(&cond), 0);
    timed_out();
    cancelled();
    EQ(cond_room.behind + never_room.behind, 0);
    EQ(ready_room.behind, 4711);
    printf("%d\n", woken);
    return 0;
}
