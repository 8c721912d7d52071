/* Two threads more than there are CPUs spin for a flag that yet another thread sets, after it has slept, locked and
   written. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static volatile int flag;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int pipes[2];

static void *spins(void *arg)
{
    while (!flag)
        ;
    return NULL;
}

static void *sets(void *arg)
{
    char c = 'x';
    for (int i = 0; i < 3; i++) {
        usleep(1000);
        CHECK(pthread_mutex_lock(&mutex) == 0);
        CHECK(write(pipes[1], &c, 1) == 1 && read(pipes[0], &c, 1) == 1);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    flag = 1;
    return NULL;
}

int main(void)
{
    int n = sysconf(_SC_NPROCESSORS_ONLN) + 2;
    pthread_t *t = calloc(n, sizeof *t), setter;
    CHECK(pipe(pipes) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, spins, NULL) == 0);
    CHECK(pthread_create(&setter, NULL, sets, NULL) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(pthread_join(setter, NULL) == 0);
    puts("ok");
    return 0;
}
