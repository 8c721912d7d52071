/* 100,000 threads one after the other, each with memory, a key and output formatting of its own: the memory of the
   process does not grow. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 100000 };

static pthread_key_t key;
static int destroyed;

static void destructor(void *value)
{
    free(value);
    destroyed++;
}

static void *thread(void *arg)
{
    char *text = malloc(100 + (long)arg % 1000);
    CHECK(pthread_getspecific(key) == NULL);
    CHECK(pthread_setspecific(key, text) == 0);
    snprintf(text, 100, "%f", (double)(long)arg);
    free(malloc(5000));
    return (void *)strlen(text);
}

static long resident_kb(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f && fscanf(f, "%*d %ld", &pages) == 1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int main(void)
{
    long early = 0, length = 0;
    CHECK(pthread_key_create(&key, destructor) == 0);
    for (long i = 0; i < THREADS; i++) {
        pthread_t t;
        void *r;
        CHECK(pthread_create(&t, NULL, thread, (void *)i) == 0);
        CHECK(pthread_join(t, &r) == 0);
        length += (long)r;
        if (i == THREADS / 10)
            early = resident_kb();
    }
    long late = resident_kb();
    if (late > early + 2048)
        printf("resident: %ld kB after a tenth, %ld kB at the end\n", early, late);
    printf("%ld %d\n", length, destroyed);
    return 0;
}
