/* Handlers of pthread_atfork: prepare in reverse order, parent and child in order, in whichever thread forks. */
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

static int log_size;
static char log_text[100];
static pthread_t forker;

#define HANDLER(name, letter)                                                                                          \
    static void name(void)                                                                                             \
    {                                                                                                                  \
        CHECK(pthread_equal(pthread_self(), forker));                                                                  \
        log_text[log_size++] = letter;                                                                                 \
    }
HANDLER(prepare_1, '1')
HANDLER(prepare_2, '2')
HANDLER(prepare_3, '3')
HANDLER(parent_1, 'a')
HANDLER(parent_2, 'b')
HANDLER(child_1, 'A')
HANDLER(child_3, 'C')

static void forks(void)
{
    int status;
    fflush(stdout);
    forker = pthread_self();
    log_size = 0;
    pid_t pid = fork();
    if (pid == 0) {
        log_text[log_size] = 0;
        printf("child  %s\n", log_text);
        exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    log_text[log_size] = 0;
    printf("parent %s\n", log_text);
}

static void *thread(void *arg)
{
    forks();
    return NULL;
}

int main(void)
{
    pthread_t t;
    CHECK(pthread_atfork(prepare_1, parent_1, child_1) == 0);
    CHECK(pthread_atfork(prepare_2, parent_2, NULL) == 0);
    CHECK(pthread_atfork(prepare_3, NULL, child_3) == 0);
    forks();
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&t, NULL, thread, NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
    }
    return 0;
}
