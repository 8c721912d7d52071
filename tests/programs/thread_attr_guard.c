/* Guards of any size: none, large, reported as asked, and touching one is a SIGSEGV. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static volatile int touch; /* how many bytes below the stack to write at; 0: not */

static void *thread(void *arg)
{
    pthread_attr_t a;
    void *low;
    size_t size, guard;
    EQ(pthread_getattr_np(pthread_self(), &a), 0);
    EQ(pthread_attr_getstack(&a, &low, &size), 0);
    EQ(pthread_attr_getguardsize(&a, &guard), 0);
    EQ(pthread_attr_destroy(&a), 0);
    char here;
    EQ(&here > (char *)low && &here < (char *)low + size, 1);
    *(volatile char *)low = 1;
    if (touch)
        *((volatile char *)low - touch) = 1;
    return (void *)guard;
}

static long run(size_t guard)
{
    pthread_attr_t a;
    pthread_t t;
    void *r;
    size_t got;
    EQ(pthread_attr_init(&a), 0);
    EQ(pthread_attr_setstacksize(&a, 2 << 20), 0);
    EQ(pthread_attr_setguardsize(&a, guard), 0);
    EQ(pthread_attr_getguardsize(&a, &got), 0);
    EQ(got, guard);
    EQ(pthread_create(&t, &a, thread, NULL), 0);
    EQ(pthread_join(t, &r), 0);
    EQ(pthread_attr_destroy(&a), 0);
    return (long)r;
}

static int status_of_touching(size_t guard, int below)
{
    int status;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        touch = below;
        run(guard);
        _exit(0);
    }
    EQ(waitpid(pid, &status, 0), pid);
    return status;
}

int main(void)
{
    static const size_t guards[] = {0, 4096, 64 << 10, 1 << 20, 4096};
    for (unsigned i = 0; i < sizeof guards / sizeof *guards; i++)
        printf("guard %zu: %ld\n", guards[i], run(guards[i]));
    EQ(WTERMSIG(status_of_touching(4096, 1)), SIGSEGV);
    EQ(WTERMSIG(status_of_touching(1 << 20, 1)), SIGSEGV);
    EQ(WTERMSIG(status_of_touching(1 << 20, (1 << 20) - 4096)), SIGSEGV);
    puts("ok");
    return 0;
}
