/* Threads that have allocated wait less than a page deep. argv[1]: a file for the bytes of stacks and thread blocks that
 * one of them takes, with what it has allocated. */
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

enum { THREADS = 500, DEEP = 2900 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t change = PTHREAD_COND_INITIALIZER;
static int go, waiting;

static void *run(void *arg)
{
    unsigned char mine[DEEP], with = (unsigned char)(size_t)arg;
    char *one = malloc(100), *two = malloc(100);
    free(one);
    one = malloc(100);
    memset(one, with, 100);
    memset(mine, with, sizeof mine);
    pthread_mutex_lock(&lock);
    waiting++;
    while (!go)
        pthread_cond_wait(&change, &lock);
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < sizeof mine; i++)
        CHECK(mine[i] == with && (i >= 100 || one[i] == (char)with));
    free(two);
    free(one);
    return NULL;
}

static long resident(void)
{
    char line[200];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, f))
        sscanf(line, "RssAnon: %ld", &kb);
    fclose(f);
    return kb;
}

/* Twice: the second time all is used again. */
int main(int argc, char **argv)
{
    pthread_t t[THREADS];
    for (int round = 0; round < 2; round++) {
        long before = resident();
        go = waiting = 0;
        for (long i = 0; i < THREADS; i++)
            CHECK(pthread_create(&t[i], NULL, run, (void *)(i + round)) == 0);
        for (int all = 0; !all; usleep(10000)) {
            pthread_mutex_lock(&lock);
            all = waiting == THREADS;
            pthread_mutex_unlock(&lock);
        }
        if (round == 0 && argc > 1) {
            FILE *f = fopen(argv[1], "w");
            fprintf(f, "%ld\n", (resident() - before) * 1024 / THREADS);
            fclose(f);
        }
        pthread_mutex_lock(&lock);
        go = 1;
        pthread_cond_broadcast(&change);
        pthread_mutex_unlock(&lock);
        for (int i = 0; i < THREADS; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
    }
    puts("ok");
    return 0;
}
