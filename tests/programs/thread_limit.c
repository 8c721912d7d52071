/* When the address space ends, pthread_create says EAGAIN, the threads there are go on, and it works again later. */
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MOST = 3000 };

static sem_t go;
static pthread_t t[MOST];

static void *thread(void *arg)
{
    sem_wait(&go);
    return arg;
}

static void fill(pthread_attr_t *a)
{
    int n = 0, r;
    void *v;
    while ((r = pthread_create(&t[n], a, thread, (void *)(long)n)) == 0)
        CHECK(++n < MOST);
    CHECK(r == EAGAIN);
    CHECK(n >= 2);
    CHECK(pthread_create(&t[n], a, thread, NULL) == EAGAIN);
    for (int i = 0; i < n; i++)
        CHECK(sem_post(&go) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], &v) == 0 && v == (void *)(long)i);
}

int main(void)
{
    pthread_attr_t a;
    struct rlimit limit;
    long pages;
    CHECK(sem_init(&go, 0, 0) == 0);
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setstacksize(&a, 1ul << 47) == 0);
    CHECK(pthread_create(&t[0], &a, thread, NULL) == EAGAIN);
    CHECK(pthread_create(&t[0], NULL, thread, NULL) == 0);
    CHECK(sem_post(&go) == 0);
    CHECK(pthread_join(t[0], NULL) == 0);

    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f && fscanf(f, "%ld", &pages) == 1);
    fclose(f);
    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    limit.rlim_cur = pages * sysconf(_SC_PAGESIZE) + (100l << 20);
    CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
    CHECK(pthread_attr_setstacksize(&a, 8 << 20) == 0);
    fill(&a);
    fill(&a);
    CHECK(pthread_attr_setstacksize(&a, 256 << 10) == 0);
    fill(&a);
    CHECK(pthread_attr_setstacksize(&a, 64 << 20) == 0);
    int r = pthread_create(&t[0], &a, thread, NULL);
    CHECK(r == 0 || r == EAGAIN);
    if (r == 0) {
        CHECK(sem_post(&go) == 0);
        CHECK(pthread_join(t[0], NULL) == 0);
    }
    CHECK(pthread_attr_setstacksize(&a, 8 << 20) == 0);
    fill(&a);
    puts("ok");
    return 0;
}
