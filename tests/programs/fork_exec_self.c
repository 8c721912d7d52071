/* A thread replaces the whole program; the others are gone, the descriptors and the process id are not. */
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

static char **own;

static void *sleeps(void *arg)
{
    sleep(1000);
    return NULL;
}

static void *naps(void *arg)
{
    usleep(1000);
    return NULL;
}

static void *execs(void *arg)
{
    char pid[20];
    snprintf(pid, sizeof pid, "%d", (int)getpid());
    fflush(stdout);
    execl("/proc/self/exe", own[0], "again", pid, NULL);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    own = argv;
    if (argc > 1) {
        CHECK(strcmp(argv[1], "again") == 0);
        CHECK(atoi(argv[2]) == getpid());
        CHECK(pthread_create(&t, NULL, naps, NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
        puts("again");
        return 6;
    }
    puts("first");
    for (int i = 0; i < 10; i++)
        CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
    CHECK(pthread_create(&t, NULL, execs, NULL) == 0);
    sleep(1000);
    return 1;
}
