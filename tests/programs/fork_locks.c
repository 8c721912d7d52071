/* Forks while other threads hold the program's lock, allocate and print: handlers bring the lock over, and the child
   can use all of it at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 4, FORKS = 30 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int shared_a, shared_b;
static volatile int stop;
static FILE *nowhere;

static void prepare(void)
{
    pthread_mutex_lock(&lock);
}

static void release(void)
{
    pthread_mutex_unlock(&lock);
}

static void *works(void *arg)
{
    while (!stop) {
        CHECK(pthread_mutex_lock(&lock) == 0);
        shared_a++;
        usleep(100); /* holds it while another thread forks */
        shared_b++;
        CHECK(pthread_mutex_unlock(&lock) == 0);
        char *text = malloc(1000);
        memset(text, 1, 1000);
        fprintf(nowhere, "%d %f\n", shared_a, 1.5);
        free(text);
    }
    return NULL;
}

static void *in_child(void *arg)
{
    CHECK(pthread_mutex_lock(&lock) == 0);
    CHECK(shared_a == shared_b);
    CHECK(pthread_mutex_unlock(&lock) == 0);
    char *text = malloc(100000);
    CHECK(text);
    fprintf(nowhere, "%p\n", (void *)text);
    free(text);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    int good = 0;
    nowhere = fopen("/dev/null", "w");
    CHECK(nowhere && pthread_atfork(prepare, release, release) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, works, NULL) == 0);
    for (int i = 0; i < FORKS; i++) {
        int status;
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0) {
            pthread_t c;
            in_child(NULL);
            CHECK(pthread_create(&c, NULL, in_child, NULL) == 0);
            CHECK(pthread_join(c, NULL) == 0);
            _exit(7);
        }
        CHECK(waitpid(pid, &status, 0) == pid);
        good += WIFEXITED(status) && WEXITSTATUS(status) == 7;
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("%d\n", good);
    return 0;
}
