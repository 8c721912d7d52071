/* A handler posts the semaphore that its own thread waits for: the wait fails with EINTR even so, unless the handler is
   restarted and the wait has no time; then it finds the post. The signal may come before the wait, so what is printed
   is whether one of many rounds ended with EINTR. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { WAIT, TIMED, CLOCK, WAYS, ROUNDS = 25 };
static const char *const names[] = {"sem_wait", "sem_timedwait", "sem_clockwait"};
static sem_t *sem;
static volatile int way, began;

static void posts(int sig)
{
    sem_post(sem);
}

static void *waits(void *arg)
{
    struct timespec far;
    int r;
    clock_gettime(way == CLOCK ? CLOCK_MONOTONIC : CLOCK_REALTIME, &far);
    far.tv_sec += 1000;
    began = 1;
    errno = 0;
    if (way == WAIT)
        r = sem_wait(sem);
    else
        r = way == TIMED ? sem_timedwait(sem, &far) : sem_clockwait(sem, CLOCK_MONOTONIC, &far);
    CHECK(r == 0 || errno == EINTR);
    *(int *)arg = r == 0 ? 0 : errno;
    return NULL;
}

/* What is left in the semaphore afterwards goes with the result. */
static int once(int pause)
{
    pthread_t t;
    int e, left = 0;
    began = 0;
    CHECK(pthread_create(&t, NULL, waits, &e) == 0);
    while (!began)
        usleep(100);
    usleep(pause);
    CHECK(pthread_kill(t, SIGUSR1) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    while (sem_trywait(sem) == 0)
        left++;
    CHECK(left == (e == EINTR));
    return e;
}

int main(void)
{
    struct sigaction act = {.sa_handler = posts};
    setbuf(stdout, NULL);
    sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int shared = 0; shared < 2; shared++)
        for (int restarts = 0; restarts < 2; restarts++)
            for (way = 0; way < WAYS; way++) {
                int interrupted = 0;
                CHECK(sem_init(sem, shared, 0) == 0);
                act.sa_flags = restarts ? SA_RESTART : 0;
                CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
                for (int i = 0; i < ROUNDS && !interrupted; i++)
                    interrupted = once(500 * (i + 1)) == EINTR;
                printf("%s%s%s: %s\n", names[way], shared ? ", shared" : "", restarts ? ", restarted" : "",
                       interrupted ? "EINTR" : "0");
            }
    puts("ok");
    return 0;
}
