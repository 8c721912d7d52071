/* exit and return from main end the process at once, whatever the other threads do, and run exit handlers once.
   Argument: who ends it, "main" or "thread". */
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

static int pipes[2];

static void at_end(void)
{
    puts("exit handler");
}

static void *asleep(void *arg)
{
    sleep(1000);
    return NULL;
}

static void *reads(void *arg)
{
    char c;
    read(pipes[0], &c, 1);
    return NULL;
}

static void *ends(void *arg)
{
    usleep(20000);
    exit(9);
}

int main(int argc, char **argv)
{
    pthread_t t;
    atexit(at_end);
    CHECK(pipe(pipes) == 0);
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_create(&t, NULL, asleep, NULL) == 0);
        CHECK(pthread_create(&t, NULL, reads, NULL) == 0);
    }
    if (strcmp(argv[1], "thread") == 0) {
        CHECK(pthread_create(&t, NULL, ends, NULL) == 0);
        sleep(1000);
    }
    usleep(20000);
    return 5;
}
