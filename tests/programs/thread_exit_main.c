/* main leaves by pthread_exit while others run: the process lives until the last one ends. Argument: how that one ends
   (return: status 0; exit: its own status; detached: as return, nobody can join it; cancel: cancelled). */
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

static const char *how;
static pthread_t first;

static void at_end(void)
{
    puts("exit handler");
}

static void cleanup(void *arg)
{
    puts("cleanup of main");
}

static void destructor(void *arg)
{
    printf("key of main: %s\n", (char *)arg);
}

static void *thread(void *arg)
{
    void *r;
    if (arg)
        CHECK(pthread_join(*(pthread_t *)arg, &r) == 0);
    else
        usleep(50000);
    printf("%s thread ends\n", arg ? "second" : "first");
    if (arg && strcmp(how, "exit") == 0)
        exit(7);
    if (arg && strcmp(how, "cancel") == 0) {
        pthread_cancel(pthread_self());
        pthread_testcancel();
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    pthread_key_t key;
    how = argv[1];
    atexit(at_end);
    CHECK(pthread_key_create(&key, destructor) == 0);
    CHECK(pthread_setspecific(key, "value") == 0);
    CHECK(pthread_create(&first, NULL, thread, NULL) == 0);
    CHECK(pthread_create(&t, NULL, thread, &first) == 0);
    if (strcmp(how, "detached") == 0)
        CHECK(pthread_detach(t) == 0);
    pthread_cleanup_push(cleanup, NULL);
    pthread_exit((void *)3);
    pthread_cleanup_pop(0);
}
