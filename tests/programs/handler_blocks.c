/* Two threads wait for the same thing. A handler that runs on the first of them blocks until the second has it: what is
   given meanwhile must go to the second, and what is given afterwards to the first. Argument: "each", every kind of
   thing and every way to block, in order; "rounds", at random times. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_mutex_t mutex, timed, inherits, *shared_mutex, condition_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock, *shared_rwlock;
static pthread_cond_t condition;
static sem_t sem, *shared_sem;
static int word, tokens, fds[2], queue, set;
static char file[] = "handler_blocks.XXXXXX";
static FILE *stream;
static __thread int locked_file;

static const struct timespec *far(void)
{
    static __thread struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += 1000;
    return &t;
}

/* Each kind: get one, which waits; give one. main has it at first. */
static void get_mutex(void)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
}
static void give_mutex(void)
{
    CHECK(pthread_mutex_unlock(&mutex) == 0);
}
static void get_timed(void)
{
    CHECK(pthread_mutex_timedlock(&timed, far()) == 0);
}
static void give_timed(void)
{
    CHECK(pthread_mutex_unlock(&timed) == 0);
}
static void get_inherits(void)
{
    CHECK(pthread_mutex_lock(&inherits) == 0);
}
static void give_inherits(void)
{
    CHECK(pthread_mutex_unlock(&inherits) == 0);
}
static void get_shared_mutex(void)
{
    CHECK(pthread_mutex_lock(shared_mutex) == 0);
}
static void give_shared_mutex(void)
{
    CHECK(pthread_mutex_unlock(shared_mutex) == 0);
}
static void get_write(void)
{
    CHECK(pthread_rwlock_wrlock(&rwlock) == 0);
}
static void give_write(void)
{
    CHECK(pthread_rwlock_unlock(&rwlock) == 0);
}
static void get_shared_write(void)
{
    CHECK(pthread_rwlock_wrlock(shared_rwlock) == 0);
}
static void give_shared_write(void)
{
    CHECK(pthread_rwlock_unlock(shared_rwlock) == 0);
}
static void get_sem(void)
{
    CHECK(sem_wait(&sem) == 0);
}
static void give_sem(void)
{
    CHECK(sem_post(&sem) == 0);
}
static void get_shared_sem(void)
{
    CHECK(sem_wait(shared_sem) == 0);
}
static void give_shared_sem(void)
{
    CHECK(sem_post(shared_sem) == 0);
}
static void get_stream(void)
{
    flockfile(stream);
}
static void give_stream(void)
{
    funlockfile(stream);
}

static void get_condition(void)
{
    CHECK(pthread_mutex_lock(&condition_mutex) == 0);
    while (tokens == 0)
        CHECK(pthread_cond_wait(&condition, &condition_mutex) == 0);
    tokens--;
    CHECK(pthread_mutex_unlock(&condition_mutex) == 0);
}

static void get_condition_timed(void)
{
    CHECK(pthread_mutex_lock(&condition_mutex) == 0);
    while (tokens == 0)
        CHECK(pthread_cond_timedwait(&condition, &condition_mutex, far()) == 0);
    tokens--;
    CHECK(pthread_mutex_unlock(&condition_mutex) == 0);
}

static void give_condition(void)
{
    CHECK(pthread_mutex_lock(&condition_mutex) == 0);
    tokens++;
    CHECK(pthread_cond_signal(&condition) == 0);
    CHECK(pthread_mutex_unlock(&condition_mutex) == 0);
}

static void get_futex(void)
{
    for (;;) {
        int n = __atomic_load_n(&word, __ATOMIC_SEQ_CST);
        if (n > 0 && __atomic_compare_exchange_n(&word, &n, n - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return;
        if (n == 0)
            syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

static void give_futex(void)
{
    __atomic_fetch_add(&word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void get_byte(void)
{
    char c;
    CHECK(read(fds[0], &c, 1) == 1);
}
static void give_byte(void)
{
    CHECK(write(fds[1], "x", 1) == 1);
}

/* With an open file of its own, which is closed at the end of the thread. */
static void get_flock(void)
{
    locked_file = open(file, O_RDWR | O_CLOEXEC);
    CHECK(locked_file >= 0 && flock(locked_file, LOCK_EX) == 0);
}
static void give_flock(void)
{
    CHECK(flock(locked_file, LOCK_UN) == 0 && close(locked_file) == 0);
}

static void get_ofd(void)
{
    struct flock l = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    locked_file = open(file, O_RDWR | O_CLOEXEC);
    CHECK(locked_file >= 0 && fcntl(locked_file, F_OFD_SETLKW, &l) == 0);
}
static void give_ofd(void)
{
    CHECK(close(locked_file) == 0);
}

struct message {
    long type;
    char text[8];
};
static void get_message(void)
{
    struct message m;
    long n;
    while ((n = msgrcv(queue, &m, sizeof m.text, 0, 0)) < 0 && errno == EINTR) /* these are not restarted */
        ;
    CHECK(n == 1);
}
static void give_message(void)
{
    struct message m = {1, "m"};
    CHECK(msgsnd(queue, &m, 1, 0) == 0);
}
static void get_set(void)
{
    struct sembuf op = {0, -1, 0};
    int r;
    while ((r = semop(set, &op, 1)) < 0 && errno == EINTR)
        ;
    CHECK(r == 0);
}
static void give_set(void)
{
    struct sembuf op = {0, 1, 0};
    CHECK(semop(set, &op, 1) == 0);
}

static const struct kind {
    const char *name;
    void (*get)(void), (*give)(void);
    int counts; /* main has none at first, and who gets one gives none back */
} kinds[] = {
    {"mutex", get_mutex, give_mutex, 0},
    {"mutex, timed", get_timed, give_timed, 0},
    {"mutex, inheriting", get_inherits, give_inherits, 0},
    {"mutex, shared", get_shared_mutex, give_shared_mutex, 0},
    {"rwlock", get_write, give_write, 0},
    {"rwlock, shared", get_shared_write, give_shared_write, 0},
    {"stream", get_stream, give_stream, 0},
    {"flock", get_flock, give_flock, 0},
    {"OFD lock", get_ofd, give_ofd, 0},
    {"condition", get_condition, give_condition, 1},
    {"condition, timed", get_condition_timed, give_condition, 1},
    {"semaphore", get_sem, give_sem, 1},
    {"semaphore, shared", get_shared_sem, give_shared_sem, 1},
    {"futex", get_futex, give_futex, 1},
    {"pipe", get_byte, give_byte, 1},
    {"message", get_message, give_message, 1},
    {"System V semaphore", get_set, give_set, 1},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

/* ---- ways to block in the handler ---- */

static int handler_fds[2];
static sem_t handler_sem;
static pthread_mutex_t handler_mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile int let_go;

static void block_read(void)
{
    char c;
    while (read(handler_fds[0], &c, 1) < 0)
        CHECK(errno == EINTR);
}
static void block_sem(void)
{
    while (sem_wait(&handler_sem) < 0)
        CHECK(errno == EINTR);
}
static void block_mutex(void)
{
    pthread_mutex_lock(&handler_mutex); /* main holds it */
    pthread_mutex_unlock(&handler_mutex);
}
static void block_sleep(void)
{
    while (!let_go)
        usleep(500);
}
static void (*const ways[])(void) = {block_read, block_sem, block_mutex, block_sleep};
enum { WAYS = 4 };

static const struct kind *kind;
static int way;
static volatile int inside, have;

static void handler(int sig)
{
    int saved = errno;
    inside = 1;
    ways[way]();
    errno = saved;
}

static void lets_go(void)
{
    let_go = 1;
    if (way == 0)
        CHECK(write(handler_fds[1], "x", 1) == 1);
    if (way == 1)
        CHECK(sem_post(&handler_sem) == 0);
    if (way == 2)
        CHECK(pthread_mutex_unlock(&handler_mutex) == 0);
}

static volatile int began;

static void *waits(void *arg)
{
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    kind->get();
    __atomic_fetch_add(&have, 1, __ATOMIC_SEQ_CST);
    if (!kind->counts)
        kind->give();
    return arg;
}

static void start(pthread_t *t)
{
    int before = began;
    CHECK(pthread_create(t, NULL, waits, NULL) == 0);
    while (began == before)
        usleep(200);
}

/* pause: between the steps, us. late: the second comes when the first is in its handler. */
static void once(int pause, int late)
{
    pthread_t first, second;
    inside = have = let_go = 0;
    if (way == 2)
        pthread_mutex_lock(&handler_mutex);
    if (!kind->counts)
        kind->get();
    start(&first);
    usleep(pause);
    if (!late)
        start(&second);
    usleep(pause);
    CHECK(pthread_kill(first, SIGUSR1) == 0);
    while (!inside)
        usleep(200);
    if (late)
        start(&second);
    usleep(late ? pause : 0);
    kind->give();
    while (have != 1)
        usleep(200);
    lets_go();
    if (kind->counts)
        kind->give();
    CHECK(pthread_join(first, NULL) == 0 && pthread_join(second, NULL) == 0 && have == 2);
}

/* ---- at random ---- */

enum { THREADS = 3, ROUNDS = 400 };
static volatile int stop;
static int gotten;

static void short_handler(int sig)
{
    static __thread unsigned seed;
    int saved = errno;
    unsigned what = rand_r(&seed) % 4;
    if (what == 0)
        usleep(rand_r(&seed) % 300);
    if (what == 1) { /* posts what it takes, and may wait for another that does the same */
        sem_post(&handler_sem);
        while (sem_wait(&handler_sem) < 0)
            ;
    }
    if (what == 2) {
        pthread_mutex_lock(&handler_mutex);
        usleep(50);
        pthread_mutex_unlock(&handler_mutex);
    }
    errno = saved;
}

static void *gets(void *arg)
{
    unsigned seed = (unsigned)(long)arg;
    for (int i = 0; i < ROUNDS; i++) {
        kind->get();
        __atomic_fetch_add(&gotten, 1, __ATOMIC_SEQ_CST);
        if (rand_r(&seed) % 3 == 0)
            usleep(rand_r(&seed) % 200);
        kind->give();
    }
    return arg;
}

static pthread_t getting[THREADS];

static void *signals(void *arg)
{
    unsigned seed = 7;
    while (!stop) {
        pthread_kill(getting[rand_r(&seed) % THREADS], SIGUSR1);
        if (rand_r(&seed) % 2)
            usleep(rand_r(&seed) % 300);
        else
            sched_yield();
    }
    return arg;
}

static void rounds(void)
{
    pthread_t sender;
    stop = gotten = 0;
    if (kind->counts)
        kind->give();
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&getting[i], NULL, gets, (void *)(i + 1)) == 0);
    CHECK(pthread_create(&sender, NULL, signals, NULL) == 0);
    while (__atomic_load_n(&gotten, __ATOMIC_SEQ_CST) < THREADS * ROUNDS)
        usleep(1000);
    stop = 1;
    CHECK(pthread_join(sender, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(getting[i], NULL) == 0);
    if (kind->counts)
        kind->get();
}

/* ---- all of it ---- */

static void make(void)
{
    pthread_mutexattr_t m;
    pthread_rwlockattr_t r;
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    shared_mutex = (void *)memory;
    shared_rwlock = (void *)(memory + 256);
    shared_sem = (void *)(memory + 512);
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setprotocol(&m, PTHREAD_PRIO_INHERIT);
    CHECK(pthread_mutex_init(&inherits, &m) == 0);
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    CHECK(pthread_mutex_init(shared_mutex, &m) == 0);
    pthread_rwlockattr_init(&r);
    pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED);
    CHECK(pthread_rwlock_init(shared_rwlock, &r) == 0);
    CHECK(sem_init(&sem, 0, 0) == 0 && sem_init(shared_sem, 1, 0) == 0 && sem_init(&handler_sem, 0, 0) == 0);
    CHECK(pipe(fds) == 0 && pipe(handler_fds) == 0);
    int fd = mkstemp(file);
    CHECK(fd >= 0 && (stream = fdopen(fd, "r+")) != NULL);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
    setbuf(stdout, NULL);
    alarm(50);
    make();
    if (argc > 1 && strcmp(argv[1], "rounds") == 0)
        act.sa_handler = short_handler;
    sigaction(SIGUSR1, &act, NULL);
    for (int i = 0; i < KINDS; i++) {
        kind = &kinds[i];
        if (argc > 2 && strcmp(argv[2], kind->name) != 0)
            continue;
        printf("%s", kind->name);
        if (act.sa_handler == short_handler)
            rounds();
        else
            for (way = 0; way < WAYS; way++)
                for (int late = 0; late < 2; late++)
                    once(way == 0 ? 5000 : 1000, late);
        puts("");
    }
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    unlink(file);
    return 0;
}
