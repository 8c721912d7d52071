/*
 * Threads of which each has a personality of its own, a base of GS, an io_uring to which no other may submit, and waits
 * for its own children only, while another one computes.
 * usage: promote_settings THREADS
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { ROUNDS = 30, SINGLE_ISSUER = 1 << 12, DEFER_TASKRUN = 1 << 13, GET_EVENTS = 1 };

int arch_prctl(int code, unsigned long address);

static atomic_int stop;
static pthread_barrier_t all;

static void *inherited(void *persona)
{
    CHECK(personality(0xffffffff) == (int)(long)persona);
    return NULL;
}

static void *with_personality(void *number)
{
    long mine = (long)number % 2 == 0 ? ADDR_NO_RANDOMIZE : SHORT_INODE;
    pthread_t t;
    CHECK(personality(0xffffffff) == 0);
    pthread_barrier_wait(&all);
    CHECK(personality((unsigned long)mine) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        usleep(500);
        CHECK(personality(0xffffffff) == (int)mine);
    }
    CHECK(pthread_create(&t, NULL, inherited, (void *)mine) == 0 && pthread_join(t, NULL) == 0);
    return NULL;
}

static long through_gs(void)
{
    long value;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(value));
    return value;
}

static void *with_gs(void *number)
{
    long mine = (long)number;
    unsigned long base = 1;
    CHECK(arch_prctl(ARCH_GET_GS, (unsigned long)&base) == 0 && base == 0);
    pthread_barrier_wait(&all);
    if (mine % 2 == 0)
        CHECK(arch_prctl(ARCH_SET_GS, (unsigned long)&mine) == 0);
    else
        CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, &mine) == 0);
    for (int i = 0; i < ROUNDS; i++) {
        usleep(500);
        CHECK(through_gs() == mine);
    }
    return NULL;
}

static void *with_ring(void *number)
{
    uint32_t parameters[30] = {0};
    parameters[2] = SINGLE_ISSUER | DEFER_TASKRUN;
    int ring = (int)syscall(SYS_io_uring_setup, 4, parameters);
    pthread_barrier_wait(&all);
    for (int i = 0; i < ROUNDS && ring >= 0; i++) { /* some kernels have none, or not for us */
        usleep(500);
        CHECK(syscall(SYS_io_uring_enter, ring, 0, 0, GET_EVENTS, NULL, 0) == 0);
    }
    if (ring >= 0)
        close(ring);
    return number;
}

static void *with_children(void *number)
{
    int status, code = (int)(long)number + 1;
    for (int i = 0; i < ROUNDS; i++) {
        pid_t pid = fork();
        CHECK(pid >= 0);
        if (pid == 0)
            _exit(code);
        usleep(500);
        CHECK(wait4(pid, &status, __WNOTHREAD, NULL) == pid && WIFEXITED(status) && WEXITSTATUS(status) == code);
    }
    return NULL;
}

static void *compute(void *unused)
{
    while (!stop)
        ;
    return unused;
}

static void run(int n, void *(*use)(void *))
{
    pthread_t t[n];
    pthread_barrier_init(&all, NULL, (unsigned)n);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, use, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
}

int main(int argc, char **argv)
{
    pthread_t busy;
    unsigned long base = 1;
    CHECK(argc == 2 && pthread_create(&busy, NULL, compute, NULL) == 0);
    static void *(*const uses[])(void *) = {with_personality, with_gs, with_ring, with_children};
    for (int i = 0; i < 4; i++)
        run(atoi(argv[1]), uses[i]);
    stop = 1;
    CHECK(pthread_join(busy, NULL) == 0);
    CHECK(personality(0xffffffff) == 0);
    CHECK(arch_prctl(ARCH_GET_GS, (unsigned long)&base) == 0 && base == 0);
    puts("own");
    return 0;
}
