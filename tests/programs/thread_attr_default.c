/* The default attributes can be read and changed, and later threads get them. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static void *stack_size(void *arg)
{
    pthread_attr_t a;
    size_t size;
    EQ(pthread_getattr_np(pthread_self(), &a), 0);
    EQ(pthread_attr_getstacksize(&a, &size), 0);
    EQ(pthread_attr_destroy(&a), 0);
    return (void *)size;
}

static size_t new_thread(void)
{
    pthread_t t;
    void *r;
    EQ(pthread_create(&t, NULL, stack_size, NULL), 0);
    EQ(pthread_join(t, &r), 0);
    return (size_t)r;
}

int main(void)
{
    pthread_attr_t a;
    struct rlimit limit;
    size_t size;

    EQ(getrlimit(RLIMIT_STACK, &limit), 0);
    EQ(pthread_getattr_default_np(&a), 0);
    EQ(pthread_attr_getstacksize(&a, &size), 0);
    if (limit.rlim_cur != RLIM_INFINITY)
        EQ(size, limit.rlim_cur);
    /* In growing order: libc may give a thread a cached stack that is larger than asked for. */
    EQ(pthread_attr_setstacksize(&a, 256 << 10), 0);
    EQ(pthread_setattr_default_np(&a), 0);
    EQ(new_thread(), 256 << 10);
    EQ(pthread_attr_setstacksize(&a, 3 << 20), 0);
    EQ(pthread_setattr_default_np(&a), 0);
    EQ(new_thread(), 3 << 20);
    EQ(pthread_attr_setstacksize(&a, size), 0);
    EQ(pthread_setattr_default_np(&a), 0);
    EQ(new_thread(), size);

    static char stack[64 << 10];
    EQ(pthread_attr_setstack(&a, stack, sizeof stack), 0);
    EQ(pthread_setattr_default_np(&a), EINVAL);
    EQ(pthread_attr_destroy(&a), 0);
    puts("ok");
    return 0;
}
