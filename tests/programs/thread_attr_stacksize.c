/* A thread can use nearly all of the stack it asked for, whatever the size. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define EQ(e, want)                                                                                                    \
    do {                                                                                                               \
        long got_ = (long)(e);                                                                                         \
        if (got_ != (long)(want)) {                                                                                    \
            printf("FAIL %s:%d %s is %ld\n", __FILE__, __LINE__, #e, got_);                                            \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Touches a byte of every 256 down to `bytes` below the frame, without calling anything on the way. */
static __attribute__((noinline)) long use(size_t bytes)
{
    volatile char *p = __builtin_alloca(bytes);
    long sum = 0;
    for (size_t i = bytes; i > 0; i -= i < 256 ? i : 256)
        p[i - 1] = 1;
    for (size_t i = bytes; i > 0; i -= i < 256 ? i : 256)
        sum += p[i - 1];
    return sum;
}

/* libc keeps the thread's own block on the same stack: 4.4 kB on glibc 2.36. Of a large stack the loader may want some
 * kB more for the variables of its libraries. */
static size_t usable(size_t size)
{
    return size - (size < 1 << 20 ? 6144 : 10240);
}

static void *thread(void *arg)
{
    return (void *)use(usable((size_t)arg));
}

int main(void)
{
    static const size_t kb[] = {16, 20, 32, 64, 100, 256, 1000, 1024, 3000, 8192, 16384, 65536, 16};
    pthread_attr_t a;
    EQ(pthread_attr_init(&a), 0);
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < sizeof kb / sizeof *kb; i++) {
            size_t size = kb[i] << 10;
            pthread_t t;
            void *r;
            EQ(pthread_attr_setstacksize(&a, size), 0);
            EQ(pthread_create(&t, &a, thread, (void *)size), 0);
            EQ(pthread_join(t, &r), 0);
            EQ(r, (usable(size) + 255) / 256);
            printf("%zu kB\n", kb[i]);
        }
    return 0;
}
