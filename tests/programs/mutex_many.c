/* Many mutexes, many waiters on each: every hand-over arrives where it belongs. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MUTEXES = 1000, THREADS = 4000 };

static struct {
    pthread_mutex_t mutex;
    int passed;
} m[MUTEXES];
static pthread_attr_t attr;

static void *thread(void *arg)
{
    long n = (long)arg % MUTEXES;
    CHECK(pthread_mutex_lock(&m[n].mutex) == 0);
    m[n].passed++;
    CHECK(pthread_mutex_unlock(&m[n].mutex) == 0);
    return NULL;
}

int main(void)
{
    static pthread_t t[THREADS];
    CHECK(pthread_attr_init(&attr) == 0);
    CHECK(pthread_attr_setstacksize(&attr, 64 << 10) == 0);
    for (int i = 0; i < MUTEXES; i++) {
        CHECK(pthread_mutex_init(&m[i].mutex, NULL) == 0);
        CHECK(pthread_mutex_lock(&m[i].mutex) == 0);
    }
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], &attr, thread, (void *)i) == 0);
    for (int i = MUTEXES - 1; i >= 0; i--)
        CHECK(pthread_mutex_unlock(&m[i].mutex) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < MUTEXES; i++) {
        CHECK(m[i].passed == THREADS / MUTEXES);
        CHECK(pthread_mutex_destroy(&m[i].mutex) == 0);
    }
    puts("ok");
    return 0;
}
