/* A handler that has interrupted a wait for another thread forks. In the child the wait goes on as in the parent: a
   join is over, for the other threads are; a lock comes when somebody in the child gives it (a handler again); a time
   passes. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t condition_mutex = PTHREAD_MUTEX_INITIALIZER, *shared;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int word, tokens;
static pthread_t other;
static volatile int stop, began;
static volatile pid_t child;

static const struct timespec *in(long ms)
{
    static __thread struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms % 1000 * 1000000;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return &t;
}

static void give_nothing(void)
{
}

static long get_join(void)
{
    void *r = &r;
    int e = pthread_join(other, &r);
    return child == 0 ? e * 10 + (r == NULL) : e; /* in the parent it has a result */
}
static void give_join(void)
{
    stop = 1;
}

static long get_mutex(void)
{
    return pthread_mutex_lock(&mutex);
}
static long get_mutex_timed(void)
{
    return pthread_mutex_timedlock(&mutex, in(300));
}
static void give_mutex(void)
{
    pthread_mutex_unlock(&mutex);
}
static long get_shared(void)
{
    return pthread_mutex_lock(shared);
}
static void give_shared(void)
{
    pthread_mutex_unlock(shared);
}
static long get_write(void)
{
    return pthread_rwlock_wrlock(&rwlock);
}
static long get_write_timed(void)
{
    return pthread_rwlock_timedwrlock(&rwlock, in(300));
}
static void take_read(void)
{
    pthread_rwlock_rdlock(&rwlock);
}
static void give_write(void)
{
    pthread_rwlock_unlock(&rwlock);
}

/* A wake-up without a token would be seen. */
static long get_condition(void)
{
    pthread_mutex_lock(&condition_mutex);
    int e = pthread_cond_wait(&condition, &condition_mutex), had = tokens;
    pthread_mutex_unlock(&condition_mutex);
    return e * 10 + had;
}
static long get_condition_timed(void)
{
    pthread_mutex_lock(&condition_mutex);
    int e = pthread_cond_timedwait(&condition, &condition_mutex, in(300)), had = tokens;
    pthread_mutex_unlock(&condition_mutex);
    return e * 10 + had;
}
static void give_condition(void)
{
    pthread_mutex_lock(&condition_mutex);
    tokens = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&condition_mutex);
}
static long get_sem(void)
{
    return sem_wait(&sem);
}
static void give_sem(void)
{
    sem_post(&sem);
}
static long get_futex(void)
{
    return syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}
static void give_futex(void)
{
    word = 1;
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
static long get_stream(void)
{
    flockfile(stdin);
    return 0;
}
static void give_stream(void)
{
    funlockfile(stdin);
}

static const struct kind {
    const char *name;
    long (*get)(void);
    void (*give)(void); /* by main, who has it at first, and in the child by a handler */
    void (*take)(void);
} kinds[] = {
    {"join", get_join, give_join, NULL},
    {"mutex", get_mutex, give_mutex, (void (*)(void))get_mutex},
    {"mutex, timed", get_mutex_timed, give_nothing, (void (*)(void))get_mutex},
    {"mutex, shared", get_shared, give_shared, (void (*)(void))get_shared},
    {"rwlock", get_write, give_write, take_read},
    {"rwlock, timed", get_write_timed, give_nothing, take_read},
    {"condition", get_condition, give_condition, NULL},
    {"condition, timed", get_condition_timed, give_nothing, NULL},
    {"semaphore", get_sem, give_sem, NULL},
    {"futex", get_futex, give_futex, NULL},
    {"stream", get_stream, give_stream, (void (*)(void))get_stream},
};
static const struct kind *kind;

static void gives(int sig)
{
    int saved = errno;
    kind->give();
    errno = saved;
}

static void forks(int sig)
{
    struct sigaction act = {.sa_handler = gives, .sa_flags = SA_RESTART};
    struct itimerval soon = {.it_value = {0, 200000}};
    int saved = errno;
    pid_t pid = fork();
    child = pid;
    if (pid == 0 && kind->give != give_nothing && kind->get != get_shared) {
        sigaction(SIGALRM, &act, NULL);
        setitimer(ITIMER_REAL, &soon, NULL);
    }
    if (pid == 0 && kind->get == get_shared)
        alarm(20);
    errno = saved;
}

static void *lives(void *arg)
{
    while (!stop)
        usleep(1000);
    return arg;
}

static void *gives_back(void *arg)
{
    began++;
    CHECK(kind->get() == 0);
    kind->give();
    return arg;
}

static void *waits(void *arg)
{
    began++;
    long r = kind->get();
    if (kind->get == get_shared)
        kind->give();
    if (child != 0)
        return (void *)r;
    pthread_t t;
    int e, again = pthread_join(other, NULL); /* over, or joined above */
    stop = 1;
    CHECK(pthread_create(&t, NULL, lives, arg) == 0 && (e = pthread_join(t, &arg)) == 0);
    _exit(100 * (again != 0) + (r < 0 ? 90 : (int)r));
}

static void one(void)
{
    pthread_t t, ahead;
    void *r;
    int status, line = kind->get == get_shared;
    stop = tokens = word = began = 0;
    child = -1;
    CHECK(pthread_create(&other, NULL, lives, &other) == 0);
    if (kind->take != NULL)
        kind->take();
    if (line)
        CHECK(pthread_create(&ahead, NULL, gives_back, NULL) == 0);
    while (began < line)
        usleep(200);
    usleep(line * 20000);
    CHECK(pthread_create(&t, NULL, waits, &other) == 0);
    while (began < 1 + line)
        usleep(200);
    usleep(20000);
    CHECK(pthread_kill(t, SIGUSR1) == 0);
    while (child <= 0)
        usleep(500);
    if (line)
        kind->give();
    CHECK(waitpid(child, &status, 0) == child);
    if (!line)
        kind->give();
    CHECK(pthread_join(t, &r) == 0);
    printf("%s: parent %ld, child %d\n", kind->name, (long)r,
           WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    if (line)
        CHECK(pthread_join(ahead, NULL) == 0);
    stop = 1;
    if (kind->get != get_join)
        CHECK(pthread_join(other, NULL) == 0);
}

static void init(void)
{
    pthread_mutexattr_t a;
    pthread_mutexattr_init(&a);
    pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(shared, &a);
    pthread_mutex_init(&mutex, NULL);
    pthread_rwlock_init(&rwlock, NULL);
}

int main(void)
{
    struct sigaction act = {.sa_handler = forks, .sa_flags = SA_RESTART};
    setbuf(stdout, NULL);
    alarm(20);
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(&sem, 0, 0);
    sigaction(SIGUSR1, &act, NULL);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        kind = &kinds[i];
        init();
        one();
    }
    return 0;
}
