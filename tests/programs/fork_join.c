/* A child joins and detaches the threads of its parent: those that lived have ended there, with no result; those that
   had ended have theirs; each can be joined once. Before the child has threads of its own, and afterwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { LIVE, LIVE_TRIED, LIVE_TIMED, LIVE_DETACHED, ENDED, ENDED_DETACHED, JOINED_BY_OTHER, THREADS };
static pthread_t t[THREADS];
static volatile int stop;

static void *lives(void *arg)
{
    while (!stop)
        usleep(1000);
    return arg;
}

static void *ends(void *arg)
{
    return arg;
}

static void *joins(void *arg)
{
    pthread_join(t[JOINED_BY_OTHER], NULL);
    return arg;
}

static void *r;

static void said(const char *what, int e)
{
    printf("%s: %s, %s\n", what, e == 0 ? "0" : strerrorname_np(e), r == NULL ? "NULL" : r == &stop ? "stop" : "?");
    r = t;
}

static void *in_child(void *own)
{
    struct timespec now = {0, 0};
    if (own) {
        pthread_t mine;
        CHECK(pthread_create(&mine, NULL, ends, NULL) == 0 && pthread_join(mine, NULL) == 0);
    }
    said("itself", pthread_join(pthread_self(), NULL));
    said("live", pthread_join(t[LIVE], &r));
    said("again", pthread_join(t[LIVE], NULL) != 0 ? 0 : EINVAL);
    said("live, tried", pthread_tryjoin_np(t[LIVE_TRIED], &r));
    said("live, timed", pthread_timedjoin_np(t[LIVE_TIMED], &r, &now));
    said("live, detached", pthread_detach(t[LIVE_DETACHED]));
    said("ended", pthread_join(t[ENDED], &r));
    said("ended, detached", pthread_detach(t[ENDED_DETACHED]));
    said("joined by another", pthread_join(t[JOINED_BY_OTHER], NULL));
    for (int i = 0; i < 20; i++) {
        pthread_t mine;
        CHECK(pthread_create(&mine, NULL, ends, &stop) == 0 && pthread_join(mine, &r) == 0 && r == &stop);
    }
    fflush(stdout);
    _exit(0);
}

static void *forks(void *own)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        in_child(own);
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    return NULL;
}

int main(void)
{
    pthread_t other, forker;
    pthread_attr_t small; /* so that libc keeps what has ended, and can tell of it */
    alarm(30);
    r = t;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 64 << 10);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], &small, i == ENDED || i == ENDED_DETACHED ? ends : lives, (void *)&stop) == 0);
    CHECK(pthread_create(&other, NULL, joins, NULL) == 0);
    usleep(30000);
    for (int own = 0; own < 2; own++) {
        forks(own ? &stop : NULL);
        CHECK(pthread_create(&forker, NULL, forks, own ? (void *)&stop : NULL) == 0);
        CHECK(pthread_join(forker, NULL) == 0);
    }
    stop = 1;
    for (int i = 0; i < THREADS; i++)
        CHECK(i == JOINED_BY_OTHER || pthread_join(t[i], NULL) == 0);
    CHECK(pthread_join(other, NULL) == 0);
    puts("ok");
    return 0;
}
