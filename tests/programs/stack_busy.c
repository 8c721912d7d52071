/* Threads go deep once and then take turns without end: what they hold is still there. argv[1]: a file for VmRSS in kB
 * when they have done so for a while. */
#include <pthread.h>
#include <sched.h>
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

enum { THREADS = 100, DEEP = 200 << 10 };

static volatile int stop;

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
    CHECK(deep(with) == 2u * with);
    while (!stop) {
        sched_yield();
        for (unsigned i = 0; i < sizeof mine; i++)
            CHECK(mine[i] == with);
    }
    CHECK(deep(with) == 2u * with);
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
    usleep(2500000);
    if (argc > 1) {
        FILE *f = fopen(argv[1], "w");
        fprintf(f, "%ld\n", resident());
        fclose(f);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("ok");
    return 0;
}
