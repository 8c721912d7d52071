/* However often threads come and go, a new one finds no value of an old one, in keys and in thread-local variables. */
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

enum { ROUNDS = 2000, KEYS = 40 };

static pthread_key_t keys[KEYS];
static __thread int zero, seven = 7;
static __thread char text[100] = "initial";

static void *thread(void *arg)
{
    long n = (long)arg;
    CHECK(zero == 0 && seven == 7 && text[0] == 'i' && text[99] == 0);
    for (int i = 0; i < KEYS; i++)
        CHECK(pthread_getspecific(keys[i]) == NULL);
    for (int i = n % 3; i < KEYS; i += 3)
        CHECK(pthread_setspecific(keys[i], (void *)n) == 0);
    zero = seven = n;
    text[0] = text[99] = 'x';
    return NULL;
}

int main(void)
{
    pthread_t t[2];
    for (int i = 0; i < KEYS; i++)
        CHECK(pthread_key_create(&keys[i], NULL) == 0);
    for (long i = 1; i <= ROUNDS; i++) {
        CHECK(pthread_create(&t[0], NULL, thread, (void *)i) == 0);
        CHECK(pthread_create(&t[1], NULL, thread, (void *)(i + 1)) == 0);
        CHECK(pthread_join(t[1], NULL) == 0);
        CHECK(pthread_join(t[0], NULL) == 0);
    }
    puts("ok");
    return 0;
}
