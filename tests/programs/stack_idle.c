/* Threads go deep, then wait for long: what they hold is still there when they go on. argv[1]: a file for VmRSS in kB
 * while they wait. */
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

enum { THREADS = 100, DEEP = 200 << 10, ROUNDS = 2 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static int round_now, waiting;

static __attribute__((noinline)) unsigned deep(unsigned char with)
{
    unsigned char room[DEEP];
    memset(room, with, sizeof room);
    __asm__ volatile("" : : "r"(room) : "memory");
    return room[0] + room[DEEP - 1];
}

static void *run(void *arg)
{
    unsigned char mine[3000], with = (unsigned char)(size_t)arg;
    memset(mine, with, sizeof mine);
    for (int r = 1; r <= ROUNDS; r++) {
        CHECK(deep(with) == 2u * with);
        pthread_mutex_lock(&lock);
        waiting++;
        while (round_now < r)
            pthread_cond_wait(&change, &lock);
        pthread_mutex_unlock(&lock);
        for (unsigned i = 0; i < sizeof mine; i++)
            CHECK(mine[i] == with);
    }
    return NULL;
}

static long resident(void)
{
    char line[200];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        sscanf(line, "VmRSS: %ld", &kb);
    fclose(f);
    return kb;
}

int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, run, (void *)i) == 0);
    for (int r = 1; r <= ROUNDS; r++) {
        for (int all = 0; !all; usleep(10000)) {
            pthread_mutex_lock(&lock);
            all = waiting == r * THREADS;
            pthread_mutex_unlock(&lock);
        }
        usleep(2500000);
        if (r == ROUNDS && argc > 1) {
            FILE *f = fopen(argv[1], "w");
            fprintf(f, "%ld\n", resident());
            fclose(f);
        }
        pthread_mutex_lock(&lock);
        round_now = r;
        pthread_cond_broadcast(&change);
        pthread_mutex_unlock(&lock);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    puts("ok");
    return 0;
}
