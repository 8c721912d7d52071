/* The context that a handler is given, while its thread waits in this call and that: the stack pointer is in the stack
 * of the thread, and a value that only a local variable has is found in the registers or above it, as collectors of
 * garbage look for it. What the handler changes there holds: the thread goes on in another function, which comes back.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SECRET 0x5eed0000c0ffeeULL

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int pipe_ends[2], ready, released;
static char *low, *high;
static volatile int inside, found, code, handled, hopped;

/* Like a function of a language's run time that a handler makes its thread call: it changes no register, and returns to
 * where the thread was. */
__attribute__((noinline)) void count_hop(void);
void count_hop(void)
{
    hopped++;
}
void hop(void);
__asm__(".text\n"
        ".globl hop\n"
        "hop:\n"
        "    pushfq\n"
        "    pushq %rax\n    pushq %rcx\n    pushq %rdx\n    pushq %rsi\n    pushq %rdi\n"
        "    pushq %r8\n    pushq %r9\n    pushq %r10\n    pushq %r11\n"
        "    pushq %rbp\n    movq %rsp, %rbp\n    andq $-16, %rsp\n"
        "    call count_hop\n"
        "    movq %rbp, %rsp\n    popq %rbp\n"
        "    popq %r11\n    popq %r10\n    popq %r9\n    popq %r8\n"
        "    popq %rdi\n    popq %rsi\n    popq %rdx\n    popq %rcx\n    popq %rax\n"
        "    popfq\n"
        "    ret $128\n");

static void look(int sig, siginfo_t *info, void *arg)
{
    ucontext_t *context = arg;
    greg_t *r = context->uc_mcontext.gregs;
    char *sp = (char *)(uintptr_t)r[REG_RSP];
    (void)sig;
    (void)info;
    inside = sp >= low && sp < high;
    found = 0;
    for (int i = 0; i < NGREG; i++)
        found |= (uint64_t)r[i] == SECRET + 1;
    for (uint64_t *p = (uint64_t *)(void *)sp; inside && p < (uint64_t *)(void *)high; p++)
        found |= *p == SECRET + 1;
    code = r[REG_RIP] != 0;
    uint64_t *top = (uint64_t *)(void *)(sp - 128) - 1; /* below what a leaf function may use */
    *top = (uint64_t)r[REG_RIP];
    r[REG_RSP] = (greg_t)(uintptr_t)top;
    r[REG_RIP] = (greg_t)(uintptr_t)hop;
    handled = 1;
}

static void wait_in(int which)
{
    char c;
    struct timespec t = {0, 200 * 1000 * 1000}, until;
    struct pollfd p = {pipe_ends[0], POLLIN, 0};
    switch (which) {
    case 0:
        nanosleep(&t, NULL);
        break;
    case 1:
        (void)!read(pipe_ends[0], &c, 1);
        break;
    case 2:
        poll(&p, 1, 200);
        break;
    case 3:
        sem_wait(&sem);
        break;
    case 4:
        pthread_mutex_lock(&mutex);
        while (!released)
            pthread_cond_wait(&cond, &mutex);
        pthread_mutex_unlock(&mutex);
        break;
    case 5:
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec++;
        pthread_mutex_timedlock(&mutex, &until);
        pthread_mutex_unlock(&mutex);
        break;
    default:
        pause();
    }
}

static void *thread(void *arg)
{
    pthread_attr_t a;
    void *base;
    size_t size;
    uint64_t secret = SECRET;
    pthread_getattr_np(pthread_self(), &a);
    pthread_attr_getstack(&a, &base, &size);
    pthread_attr_destroy(&a);
    low = base;
    high = low + size;
    __asm__ volatile("incq %0" : "+r"(secret));
    __atomic_store_n(&ready, 1, __ATOMIC_SEQ_CST);
    wait_in((int)(intptr_t)arg);
    __asm__ volatile("" : : "r"(secret));
    return NULL;
}

int main(void)
{
    static const char *names[] = {
        "nanosleep", "read", "poll", "sem_wait", "pthread_cond_wait", "pthread_mutex_timedlock", "pause"};
    struct sigaction act;
    memset(&act, 0, sizeof act);
    act.sa_sigaction = look;
    act.sa_flags = SA_SIGINFO | SA_RESTART;
    sigaction(SIGUSR1, &act, NULL);
    (void)!pipe(pipe_ends);
    sem_init(&sem, 0, 0);
    for (int i = 0; i < (int)(sizeof names / sizeof *names); i++) {
        pthread_t t;
        ready = released = handled = hopped = 0;
        if (i == 5)
            pthread_mutex_lock(&mutex);
        pthread_create(&t, NULL, thread, (void *)(intptr_t)i);
        while (!__atomic_load_n(&ready, __ATOMIC_SEQ_CST))
            usleep(1000);
        usleep(20000);
        pthread_kill(t, SIGUSR1);
        while (!handled || !hopped)
            usleep(1000);
        (void)!write(pipe_ends[1], "x", 1);
        sem_post(&sem);
        if (i != 5)
            pthread_mutex_lock(&mutex);
        released = 1;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
        pthread_join(t, NULL);
        while (sem_trywait(&sem) == 0)
            ;
        char c;
        struct pollfd p = {pipe_ends[0], POLLIN, 0};
        while (poll(&p, 1, 0) > 0)
            (void)!read(pipe_ends[0], &c, 1);
        printf("%s: stack pointer %s, value %s, address %s, hops %d\n", names[i], inside ? "inside" : "outside",
               found ? "found" : "lost", code ? "there" : "none", hopped);
    }
    return 0;
}
