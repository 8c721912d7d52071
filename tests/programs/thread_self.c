/* Each thread has its own handle and thread id, the same for as long as it lives. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 50 };

static pthread_barrier_t barrier;
static struct {
    pthread_t self;
    pid_t tid;
} seen[THREADS];

static void *thread(void *arg)
{
    long n = (long)arg;
    pthread_t self = pthread_self();
    pid_t tid = gettid();
    seen[n].self = self;
    seen[n].tid = tid;
    CHECK(tid > 0);
    for (int i = 0; i < 20; i++) {
        CHECK(pthread_equal(self, pthread_self()));
        CHECK(gettid() == tid);
        CHECK(syscall(SYS_gettid) == tid);
        sched_yield();
    }
    pthread_barrier_wait(&barrier);
    CHECK(pthread_equal(self, pthread_self()));
    CHECK(getpid() != tid);
    return NULL;
}

int main(void)
{
    pthread_t t[THREADS];
    CHECK(gettid() == getpid());
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, thread, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_equal(seen[i].self, t[i]));
        CHECK(!pthread_equal(seen[i].self, pthread_self()));
        for (int j = 0; j < i; j++) {
            CHECK(!pthread_equal(seen[i].self, seen[j].self));
            CHECK(seen[i].tid != seen[j].tid);
        }
    }
    CHECK(gettid() == getpid());
    puts("ok");
    return 0;
}
