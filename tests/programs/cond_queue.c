/* Many producers and consumers on a bounded queue: every item arrives exactly once. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { PRODUCERS = 20, CONSUMERS = 30, ITEMS = 600, TOTAL = PRODUCERS * ITEMS, ROOM = 16 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t not_empty = PTHREAD_COND_INITIALIZER, not_full = PTHREAD_COND_INITIALIZER;
static int queue[ROOM], head, count, consumed, seen[TOTAL];

static void *producer(void *arg)
{
    int base = (int)(long)arg * ITEMS;
    for (int i = 0; i < ITEMS; i++) {
        EQ(pthread_mutex_lock(&mutex), 0);
        while (count == ROOM)
            EQ(pthread_cond_wait(&not_full, &mutex), 0);
        queue[(head + count++) % ROOM] = base + i;
        EQ(pthread_cond_signal(&not_empty), 0);
        EQ(pthread_mutex_unlock(&mutex), 0);
        if (i % 50 == 0)
            sched_yield();
    }
    return NULL;
}

static void *consumer(void *arg)
{
    for (;;) {
        EQ(pthread_mutex_lock(&mutex), 0);
        while (count == 0 && consumed < TOTAL)
            EQ(pthread_cond_wait(&not_empty, &mutex), 0);
        if (count == 0)
            break;
        int item = queue[head];
        head = (head + 1) % ROOM;
        count--;
        EQ(seen[item]++, 0);
        if (++consumed == TOTAL)
            EQ(pthread_cond_broadcast(&not_empty), 0);
        EQ(pthread_cond_signal(&not_full), 0);
        EQ(pthread_mutex_unlock(&mutex), 0);
    }
    EQ(pthread_mutex_unlock(&mutex), 0);
    return NULL;
}

int main(void)
{
    pthread_t t[PRODUCERS + CONSUMERS];
    for (long i = 0; i < PRODUCERS + CONSUMERS; i++)
        EQ(pthread_create(&t[i], NULL, i < PRODUCERS ? producer : consumer, (void *)i), 0);
    for (int i = 0; i < PRODUCERS + CONSUMERS; i++)
        EQ(pthread_join(t[i], NULL), 0);
    for (int i = 0; i < TOTAL; i++)
        EQ(seen[i], 1);
    printf("%d\n", consumed);
    return 0;
}
