/* A kernel thread made by clone() alone, without a thread block of its own, that makes raw system calls only. Argument:
   what the program's threads wait for: pipe (it writes), futex (it wakes a word by the system call), exit (the kernel
   wakes the word when it ends, CLONE_CHILD_CLEARTID). */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MOST = 3, ROUNDS = 5, STACK = 64 << 10 };

static int pipes[2], word, ctid, threads = MOST;
static const char *how;
static pthread_barrier_t barrier;

static long raw(long n, long a, long b, long c, long d)
{
#if defined __x86_64__
    register long r10 __asm__("r10") = d;
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
    return r;
#elif defined __aarch64__
    register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
    return x0;
#endif
}

static __attribute__((noinline, optimize("no-stack-protector"))) int kernel_thread(void *arg)
{
    struct timespec pause = {0, 10000000};
    raw(SYS_nanosleep, (long)&pause, 0, 0, 0);
    if (arg == (void *)1)
        raw(SYS_write, pipes[1], (long)"xxxxxxxxxx", threads, 0);
    if (arg == (void *)2) {
        __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
        raw(SYS_futex, (long)&word, FUTEX_WAKE_PRIVATE, 1000, 0);
    }
    raw(SYS_exit, 0, 0, 0, 0);
    return 0;
}

static void *thread(void *arg)
{
    char c;
    pthread_barrier_wait(&barrier);
    if (strcmp(how, "pipe") == 0)
        CHECK(read(pipes[0], &c, 1) == 1);
    if (strcmp(how, "futex") == 0)
        while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
            syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL);
    if (strcmp(how, "exit") == 0) {
        int tid;
        while ((tid = __atomic_load_n(&ctid, __ATOMIC_SEQ_CST)) != 0)
            syscall(SYS_futex, &ctid, FUTEX_WAIT, tid, NULL);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
    long what = 0;
    how = argv[1];
    if (strcmp(how, "pipe") == 0)
        what = 1;
    if (strcmp(how, "futex") == 0)
        what = 2;
    if (what == 0)
        threads = 1; /* the kernel wakes one */
    CHECK(pipe(pipes) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, threads + 1) == 0);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t t[MOST];
        char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        word = 0;
        ctid = 1;
        for (int i = 0; i < threads; i++)
            CHECK(pthread_create(&t[i], NULL, thread, NULL) == 0);
        CHECK(clone(kernel_thread, stack + STACK, flags | (what ? 0 : CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID),
                    (void *)what, NULL, NULL, &ctid) > 0);
        pthread_barrier_wait(&barrier);
        for (int i = 0; i < threads; i++)
            CHECK(pthread_join(t[i], NULL) == 0);
    }
    printf("%s ok\n", how);
    return 0;
}
