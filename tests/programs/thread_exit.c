/* pthread_exit from deep inside: its value arrives, cleanup handlers and key destructors run, in that order. */
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

static pthread_key_t key;

static void say(void *text)
{
    puts(text);
}

static __attribute__((noinline)) void deep(int n)
{
    volatile int keep = n;
    pthread_cleanup_push(say, n == 3 ? "inner cleanup" : "cleanup");
    if (n == 0)
        pthread_exit("value");
    deep(n - 1);
    pthread_cleanup_pop(0);
    keep++;
}

static void *thread(void *arg)
{
    pthread_setspecific(key, "key destructor");
    pthread_cleanup_push(say, "outer cleanup");
    deep(3);
    pthread_cleanup_pop(0);
    return NULL;
}

static void *nested(void *arg)
{
    pthread_t t;
    void *r;
    CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
    CHECK(pthread_join(t, &r) == 0);
    pthread_exit(r);
}

int main(void)
{
    pthread_t t;
    void *r;
    CHECK(pthread_key_create(&key, say) == 0);
    CHECK(pthread_create(&t, NULL, nested, NULL) == 0);
    CHECK(pthread_join(t, &r) == 0);
    puts(r);
    return 0;
}
