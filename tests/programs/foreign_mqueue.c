/* A message queue's notification function, on libc's thread, hands each message to a thread of the program. */
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
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

enum { MESSAGES = 20 };

static mqd_t queue;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t arrived;
static int pipes[2], got, last;

static void watch(void);

static void notified(union sigval v)
{
    char text[32];
    long n = mq_receive(queue, text, sizeof text, NULL);
    CHECK(n > 0);
    watch();
    CHECK(pthread_mutex_lock(&mutex) == 0);
    got++;
    last = atoi(text);
    CHECK(pthread_cond_signal(&cond) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(write(pipes[1], text, 1) == 1);
    CHECK(sem_post(&arrived) == 0);
}

static void watch(void)
{
    struct sigevent e;
    memset(&e, 0, sizeof e);
    e.sigev_notify = SIGEV_THREAD;
    e.sigev_notify_function = notified;
    CHECK(mq_notify(queue, &e) == 0);
}

static void *by_cond(void *arg)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    for (int i = 1; i <= MESSAGES; i++)
        while (got < i)
            CHECK(pthread_cond_wait(&cond, &mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return NULL;
}

static void *by_pipe(void *arg)
{
    char c;
    for (int i = 0; i < MESSAGES; i++)
        CHECK(read(pipes[0], &c, 1) == 1);
    return NULL;
}

int main(void)
{
    struct mq_attr attr = {.mq_maxmsg = 5, .mq_msgsize = 32};
    char name[60], text[32];
    pthread_t a, b;
    snprintf(name, sizeof name, "/victim-%d", (int)getpid());
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    CHECK(queue >= 0 && mq_unlink(name) == 0);
    CHECK(pipe(pipes) == 0);
    sem_init(&arrived, 0, 0);
    CHECK(pthread_create(&a, NULL, by_cond, NULL) == 0);
    CHECK(pthread_create(&b, NULL, by_pipe, NULL) == 0);
    watch();
    for (int i = 1; i <= MESSAGES; i++) {
        snprintf(text, sizeof text, "%d", i);
        CHECK(mq_send(queue, text, strlen(text) + 1, 0) == 0);
        CHECK(sem_wait(&arrived) == 0);
        CHECK(last == i);
    }
    CHECK(pthread_join(a, NULL) == 0);
    CHECK(pthread_join(b, NULL) == 0);
    CHECK(mq_close(queue) == 0);
    printf("%d\n", got);
    return 0;
}
