/* A thread blocks in a read that nobody takes over, until another one has written, and the kernel cannot be asked what
 * the thread does: "full", no descriptor is left; "root DIRECTORY", the root has no /proc. */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 10 };

static int fds[2];

static long raw(long number, long fd, void *buf, long size)
{
#if defined __x86_64__
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(number), "D"(fd), "S"(buf), "d"(size) : "rcx", "r11", "memory");
    return r;
#elif defined __aarch64__
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = fd, x1 __asm__("x1") = (long)buf,
                     x2 __asm__("x2") = size;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
#endif
}

static void *writes(void *arg)
{
    CHECK(raw(SYS_write, fds[1], "x", 1) == 1);
    return arg;
}

static void round_of_two(void)
{
    pthread_t t;
    char c;
    CHECK(pthread_create(&t, NULL, writes, NULL) == 0);
    CHECK(raw(SYS_read, fds[0], &c, 1) == 1);
    CHECK(pthread_join(t, NULL) == 0);
}

/* The last one. */
static int take_all_descriptors(void)
{
    struct rlimit few = {64, 64};
    int last = -1;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    for (int fd; (fd = dup(fds[0])) >= 0;)
        last = fd;
    return last;
}

int main(int argc, char **argv)
{
    int last = -1;
    CHECK(argc > 1 && pipe(fds) == 0);
    round_of_two();
    if (strcmp(argv[1], "full") == 0)
        last = take_all_descriptors();
    else
        CHECK(chroot(argv[2]) == 0 && chdir("/") == 0);
    for (int i = 0; i < ROUNDS; i++)
        round_of_two();
    CHECK(last < 0 || close(last) == 0);
    printf("%d reads\n", ROUNDS);
    return 0;
}
