/* A thread starts with its creator's signal mask, or with the one in its attributes. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static void *members(void *arg)
{
    sigset_t set;
    long bits = 0;
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0);
    for (int s = 1; s < 32; s++)
        if (sigismember(&set, s))
            bits |= 1l << s;
    return (void *)bits;
}

static long mask_of_new(pthread_attr_t *a)
{
    pthread_t t;
    void *r;
    CHECK(pthread_create(&t, a, members, NULL) == 0);
    CHECK(pthread_join(t, &r) == 0);
    return (long)r;
}

int main(void)
{
    sigset_t set, got;
    pthread_attr_t a;

    printf("inherited: %lx\n", mask_of_new(NULL));
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
    printf("inherited: %lx\n", mask_of_new(NULL));

    CHECK(pthread_attr_init(&a) == 0);
    CHECK(pthread_attr_getsigmask_np(&a, &got) == PTHREAD_ATTR_NO_SIGMASK_NP);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGHUP);
    CHECK(pthread_attr_setsigmask_np(&a, &set) == 0);
    CHECK(pthread_attr_getsigmask_np(&a, &got) == 0);
    CHECK(sigismember(&got, SIGUSR2) && sigismember(&got, SIGHUP) && !sigismember(&got, SIGUSR1));
    printf("own: %lx\n", mask_of_new(&a));
    CHECK(pthread_attr_setsigmask_np(&a, NULL) == 0);
    printf("inherited: %lx\n", mask_of_new(&a));
    printf("creator: %lx\n", (long)members(NULL));
    CHECK(pthread_attr_destroy(&a) == 0);
    return 0;
}
