/* Signals whose default is to end the process do, whatever its threads are doing. Arguments: the signal's number, and
   who sends it: "itself" (kill from a thread), "raise", "abort". */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static int number;
static const char *how;

static void *sleeps(void *arg)
{
    sleep(1000);
    return NULL;
}

static void *computes(void *arg)
{
    for (volatile unsigned long n = 0;; n++)
        ;
}

static void *sends(void *arg)
{
    usleep(10000);
    if (strcmp(how, "itself") == 0)
        kill(getpid(), number);
    else if (strcmp(how, "raise") == 0)
        raise(number);
    else
        abort();
    sleep(1000);
    return NULL;
}

int main(int argc, char **argv)
{
    static const struct rlimit no_core = {0, 0};
    pthread_t t;
    number = atoi(argv[1]);
    how = argv[2];
    setrlimit(RLIMIT_CORE, &no_core);
    puts("starts");
    fflush(stdout);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
    CHECK(pthread_create(&t, NULL, computes, NULL) == 0);
    CHECK(pthread_create(&t, NULL, sends, NULL) == 0);
    pthread_exit(NULL);
}
