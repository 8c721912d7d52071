/* In the child, the thread that forked returns from its start function, or leaves by pthread_exit: the child ends with
   status 0 and has run its destructors. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_key_t key;

static void destructor(void *value)
{
    printf("%s\n", (char *)value);
}

static void *forks(void *exits)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        CHECK(pthread_setspecific(key, exits ? "child exits" : "child returns") == 0);
        if (exits)
            pthread_exit(NULL);
        return NULL;
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
    return NULL;
}

int main(void)
{
    pthread_t t;
    CHECK(pthread_key_create(&key, destructor) == 0);
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&t, NULL, forks, i ? "exits" : NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
    }
    puts("parent");
    return 0;
}
