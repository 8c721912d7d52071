/* A handler jumps out of sem_post, after each of its instructions in turn: the posts that follow still wake who waits.
 * The handler is that of single steps. It makes the calls that block signals itself, and does not jump where they are
 * blocked, as no other signal would come there. */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>

enum { TRAP_FLAG = 0x100, INSTRUCTIONS = 200, ANSWERS = 3 };

static const double SLICE = 0.003, LIMIT = 2;

static sem_t often, question, answer;
static sigjmp_buf out;
static uint64_t blocked;
static int steps, last;

static void change_mask(greg_t *r)
{
    uint64_t set = r[REG_RSI] != 0 ? *(const uint64_t *)r[REG_RSI] : 0;
    if (r[REG_RDX] != 0)
        *(uint64_t *)r[REG_RDX] = blocked;
    if (r[REG_RSI] != 0)
        blocked = r[REG_RDI] == SIG_BLOCK ? blocked | set : r[REG_RDI] == SIG_UNBLOCK ? blocked & ~set : set;
    r[REG_RAX] = 0;
    r[REG_RIP] += 2;
}

static void on_step(int sig, siginfo_t *info, void *context)
{
    greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)r[REG_RIP];
    if (info->si_code == SI_KERNEL) /* int3: begin, or end */
        r[REG_EFL] ^= TRAP_FLAG;
    else if (at[0] == 0x0f && at[1] == 0x05 && r[REG_RAX] == SYS_rt_sigprocmask)
        change_mask(r);
    else if (blocked == 0 && steps++ >= last)
        siglongjmp(out, 1);
}

static void *takes(void *arg)
{
    for (;;)
        sem_wait(&often);
    return arg;
}

static void *answers(void *arg)
{
    for (;;) {
        sem_wait(&question);
        sem_post(&answer);
    }
    return arg;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void compute(double seconds)
{
    for (double end = now() + seconds; now() < end;)
        ;
}

/* While this computes, the others go on elsewhere, and wait. */
static void leave_others(void)
{
    sem_post(&often);
    compute(SLICE);
}

static void jump_out(void)
{
    leave_others();
    steps = 0;
    if (sigsetjmp(out, 1) != 0)
        return;
    __asm__ volatile("int3" ::: "memory");
    sem_post(&often);
    __asm__ volatile("int3" ::: "memory");
}

static int answered(void)
{
    leave_others();
    sem_post(&question);
    for (double end = now() + LIMIT; now() < end;)
        if (sem_trywait(&answer) == 0)
            return 1;
    return 0;
}

int main(void)
{
    struct sigaction act = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    pthread_t t;
    int good = 0;
    sem_init(&often, 0, 0);
    sem_init(&question, 0, 0);
    sem_init(&answer, 0, 0);
    pthread_create(&t, NULL, takes, NULL);
    pthread_create(&t, NULL, answers, NULL);
    sigaction(SIGTRAP, &act, NULL);
    for (last = 0; last < INSTRUCTIONS; last++)
        jump_out();
    while (good < ANSWERS && answered())
        good++;
    printf("%d answers\n", good);
    return 0;
}
