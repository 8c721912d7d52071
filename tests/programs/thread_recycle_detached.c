/* 20,000 detached threads, some at once, with stacks of many sizes: the memory of the process does not grow. */
#include <pthread.h>
#include <semaphore.h>
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

enum { THREADS = 20000, AT_ONCE = 50 };

static sem_t places;
static int ended;

static void *thread(void *arg)
{
    char local[3000];
    memset(local, 1, sizeof local);
    if ((long)arg % 100 == 0)
        usleep(100);
    __atomic_add_fetch(&ended, local[77], __ATOMIC_SEQ_CST);
    sem_post(&places);
    return NULL;
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
    static const int kb[] = {16, 64, 256, 1024, 8192};
    pthread_attr_t a;
    long early = 0;
    CHECK(sem_init(&places, 0, AT_ONCE) == 0);
    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED) == 0);
    for (long i = 0; i < THREADS; i++) {
        pthread_t t;
        CHECK(sem_wait(&places) == 0);
        CHECK(pthread_attr_setstacksize(&a, kb[i % 5] << 10) == 0);
        CHECK(pthread_create(&t, &a, thread, (void *)i) == 0);
        if (i == THREADS / 4)
            early = resident_kb();
    }
    for (int i = 0; i < AT_ONCE; i++)
        CHECK(sem_wait(&places) == 0);
    long late = resident_kb();
    if (late > early + 4096)
        printf("resident: %ld kB after a quarter, %ld kB at the end\n", early, late);
    printf("%d\n", ended);
    return 0;
}
