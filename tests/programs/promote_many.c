/* Thousands of threads become kernel threads, one after the other and a few at a time, joined and detached: no memory
   is lost with any of them. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { WARM = 300, ROUNDS = 1200, AT_ONCE = 3, MOST_KB = 2000 };
static sem_t ended;

static void *becomes(void *arg)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
    if (arg == NULL)
        sem_post(&ended);
    return arg;
}

static void some(int n)
{
    for (int i = 0; i < n; i++) {
        pthread_t t[AT_ONCE];
        for (int k = 0; k < AT_ONCE; k++) {
            CHECK(pthread_create(&t[k], NULL, becomes, k == 0 ? NULL : &ended) == 0);
            if (k == 0)
                CHECK(pthread_detach(t[k]) == 0);
        }
        for (int k = 1; k < AT_ONCE; k++)
            CHECK(pthread_join(t[k], NULL) == 0);
        CHECK(sem_wait(&ended) == 0);
    }
}

static long resident_kb(void)
{
    long size, resident;
    FILE *f = fopen("/proc/self/statm", "r");
    CHECK(f != NULL && fscanf(f, "%ld %ld", &size, &resident) == 2);
    fclose(f);
    return resident * 4;
}

int main(void)
{
    CHECK(sem_init(&ended, 0, 0) == 0);
    some(WARM);
    long before = resident_kb();
    some(ROUNDS);
    long more = resident_kb() - before;
    printf("%s\n", more < MOST_KB ? "no more memory" : "more memory");
    return more >= MOST_KB;
}
