/* All keys there are, in several threads at once: every value is its own, every destructor runs. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 20 };

static pthread_key_t keys[PTHREAD_KEYS_MAX + 1];
static int count, destroyed;

static void destructor(void *value)
{
    __atomic_add_fetch(&destroyed, 1, __ATOMIC_SEQ_CST);
}

static void *thread(void *arg)
{
    long base = (long)arg * 10000;
    for (int i = 0; i < count; i++) {
        CHECK(pthread_getspecific(keys[i]) == NULL);
        CHECK(pthread_setspecific(keys[i], (void *)(base + i + 1)) == 0);
        if (i % 100 == 0)
            sched_yield();
    }
    for (int i = 0; i < count; i++) {
        CHECK(pthread_getspecific(keys[i]) == (void *)(base + i + 1));
        if (i % 100 == 0)
            sched_yield();
    }
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    /* libraries may hold some */
    while (pthread_key_create(&keys[count], destructor) == 0)
        count++;
    CHECK(pthread_key_create(&keys[count], destructor) == EAGAIN);
    CHECK(count > PTHREAD_KEYS_MAX - 24);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(destroyed == THREADS * count);
    for (int i = 0; i < count; i++) {
        CHECK(pthread_getspecific(keys[i]) == NULL);
        CHECK(pthread_key_delete(keys[i]) == 0);
    }
    CHECK(pthread_key_delete(keys[0]) == EINVAL);
    puts("ok");
    return 0;
}
