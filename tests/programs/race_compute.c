/* Threads that compute for up to five milliseconds at a time pass work round through queues, while others only pass it
 * on: each item comes through each stage once, whoever ran where. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { STAGES = 4, WORKERS = 3, ITEMS = 400, ROOM = ITEMS + WORKERS };

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t change;
    int item[ROOM], head, tail;
};

static struct queue queues[STAGES + 1];
static int seen[STAGES][ITEMS];
static int out[STAGES][2];

static void put(struct queue *q, int item)
{
    pthread_mutex_lock(&q->lock);
    CHECK(q->tail < ROOM);
    q->item[q->tail++] = item;
    pthread_cond_signal(&q->change);
    pthread_mutex_unlock(&q->lock);
}

static int take(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    while (q->head == q->tail)
        pthread_cond_wait(&q->change, &q->lock);
    int item = q->item[q->head++];
    pthread_mutex_unlock(&q->lock);
    return item;
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Half of the stages compute, the others hand on at once. */
static void *work(void *arg)
{
    int stage = (int)(size_t)arg;
    unsigned seed = (unsigned)stage * 7919u;
    for (int item; (item = take(&queues[stage])) >= 0;) {
        CHECK(item < ITEMS);
        __atomic_fetch_add(&seen[stage][item], 1, __ATOMIC_SEQ_CST);
        if (stage % 2 == 0) {
            double until = cpu_ms() + rand_r(&seed) % 5;
            while (cpu_ms() < until)
                for (volatile int i = 0; i < 20000; i++)
                    ;
        }
        if (item % 8 == 0) { /* and now and then by a pipe */
            CHECK(write(out[stage][1], &item, sizeof item) == sizeof item);
            CHECK(read(out[stage][0], &item, sizeof item) == sizeof item);
        }
        put(&queues[stage + 1], item);
    }
    return NULL;
}

int main(void)
{
    pthread_t t[STAGES][WORKERS];
    long sum = 0;
    for (int s = 0; s < STAGES; s++)
        CHECK(pipe(out[s]) == 0);
    for (int s = 0; s <= STAGES; s++) {
        pthread_mutex_init(&queues[s].lock, NULL);
        pthread_cond_init(&queues[s].change, NULL);
    }
    for (int s = 0; s < STAGES; s++)
        for (int w = 0; w < WORKERS; w++)
            CHECK(pthread_create(&t[s][w], NULL, work, (void *)(size_t)s) == 0);
    for (int i = 0; i < ITEMS; i++)
        put(&queues[0], i);
    for (int i = 0; i < ITEMS; i++)
        sum += take(&queues[STAGES]);
    CHECK(sum == (long)ITEMS * (ITEMS - 1) / 2);
    for (int s = 0; s < STAGES; s++) {
        for (int w = 0; w < WORKERS; w++)
            put(&queues[s], -1);
        for (int w = 0; w < WORKERS; w++)
            CHECK(pthread_join(t[s][w], NULL) == 0);
        for (int i = 0; i < ITEMS; i++)
            CHECK(seen[s][i] == 1);
    }
    puts("ok");
    return 0;
}
