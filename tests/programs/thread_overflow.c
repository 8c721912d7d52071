/* A stack overflow is SIGSEGV. Arguments: "thread" or "main" overflows; "handled": a thread does, and a handler on an
   alternate stack sees it; "children": threads overflow in child processes, and this one reports how they died. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static __attribute__((noinline)) long deeper(long n)
{
    volatile char frame[500];
    frame[n % 500] = n;
    return deeper(n + 1) + frame[(n + 1) % 500];
}

static void *overflows(void *arg)
{
    printf("%ld\n", deeper(0));
    return NULL;
}

static void on_segv(int sig, siginfo_t *info, void *context)
{
    static const char text[] = "overflow handled\n";
    write(1, text, sizeof text - 1);
    _exit(3);
}

static void *overflows_handled(void *arg)
{
    static char alternate[64 << 10];
    stack_t s = {.ss_sp = alternate, .ss_size = sizeof alternate};
    CHECK(sigaltstack(&s, NULL) == 0);
    return overflows(NULL);
}

static void *parent_of(void *arg)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        pthread_attr_t a;
        pthread_t t;
        pthread_attr_init(&a);
        pthread_attr_setstacksize(&a, (size_t)arg);
        pthread_create(&t, &a, overflows, NULL);
        pthread_join(t, NULL);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return (void *)(long)(WIFSIGNALED(status) ? WTERMSIG(status) : 0);
}

int main(int argc, char **argv)
{
    static const struct rlimit no_core = {0, 0};
    pthread_t t;
    setrlimit(RLIMIT_CORE, &no_core);
    if (strcmp(argv[1], "main") == 0)
        overflows(NULL);
    if (strcmp(argv[1], "handled") == 0) {
        struct sigaction a;
        memset(&a, 0, sizeof a);
        a.sa_sigaction = on_segv;
        a.sa_flags = SA_SIGINFO | SA_ONSTACK;
        CHECK(sigaction(SIGSEGV, &a, NULL) == 0);
    }
    if (strcmp(argv[1], "children") == 0) {
        static const size_t sizes[] = {16 << 10, 64 << 10, 1 << 20, 8 << 20};
        for (int i = 0; i < 4; i++) {
            void *r;
            CHECK(pthread_create(&t, NULL, parent_of, (void *)sizes[i]) == 0);
            CHECK(pthread_join(t, &r) == 0);
            CHECK(r == (void *)SIGSEGV);
        }
        puts("ok");
        return 0;
    }
    CHECK(pthread_create(&t, NULL, strcmp(argv[1], "handled") ? overflows : overflows_handled, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    return 0;
}
