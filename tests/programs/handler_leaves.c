/* Leaves every kind of wait from a handler that has interrupted it, by siglongjmp, by setcontext, or by swapcontext to
   another context, which goes on and comes back later. What the thread waited for goes to another one meanwhile, and
   the thread can wait for it again; one that comes back goes on waiting. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, timed = PTHREAD_MUTEX_INITIALIZER, *shared;
static pthread_mutex_t condition_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t sem, *shared_sem;
static int word, tokens, fds[2], full[2], sp[2], epfd, listener, queue, set;
static struct sockaddr_in address;
static char file[] = "handler_leaves.XXXXXX";
static FILE *stream;
static volatile int ended;
static pthread_t other[2];
static __thread int who;

static struct timespec in(long s)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += s;
    return t;
}

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
    struct timespec far = in(1000);
    CHECK(pthread_mutex_timedlock(&timed, &far) == 0);
}
static void give_timed(void)
{
    CHECK(pthread_mutex_unlock(&timed) == 0);
}
static void get_shared(void)
{
    CHECK(pthread_mutex_lock(shared) == 0);
}
static void give_shared(void)
{
    CHECK(pthread_mutex_unlock(shared) == 0);
}
static void get_stream(void)
{
    flockfile(stream);
}
static void give_stream(void)
{
    funlockfile(stream);
}

/* libc counts who has left such a wait for good as one that waits, and waits for him in its turn. */
static void get_condition(void)
{
    CHECK(pthread_mutex_lock(&condition_mutex) == 0);
    while (tokens == 0)
        CHECK(pthread_cond_wait(&condition, &condition_mutex) == 0);
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

static void get_read(void)
{
    char c;
    CHECK(read(fds[0], &c, 1) == 1);
}
static void give_byte(void)
{
    CHECK(write(fds[1], "x", 1) == 1);
}

/* Who is ready reads without waiting, or waits once more. */
static void take_byte(void)
{
    char c;
    int flags = fcntl(fds[0], F_GETFL);
    fcntl(fds[0], F_SETFL, flags | O_NONBLOCK);
    long n = read(fds[0], &c, 1);
    fcntl(fds[0], F_SETFL, flags);
    CHECK(n == 1);
}
static void get_poll(void)
{
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    int r;
    while ((r = poll(&p, 1, -1)) < 0)
        CHECK(errno == EINTR);
    take_byte();
}
static void get_select(void)
{
    fd_set s;
    do {
        FD_ZERO(&s);
        FD_SET(fds[0], &s);
    } while (select(fds[0] + 1, &s, NULL, NULL, NULL) < 0 && errno == EINTR);
    take_byte();
}
static void get_epoll(void)
{
    struct epoll_event e;
    while (epoll_wait(epfd, &e, 1, -1) < 0)
        CHECK(errno == EINTR);
    take_byte();
}
static void get_write(void)
{
    static const char block[4096];
    CHECK(write(full[1], block, sizeof block) == sizeof block);
}
static void give_write(void)
{
    char block[4096];
    CHECK(read(full[0], block, sizeof block) == sizeof block);
}
static void get_recv(void)
{
    char c;
    CHECK(recv(sp[0], &c, 1, 0) == 1);
}
static void give_recv(void)
{
    CHECK(send(sp[1], "x", 1, 0) == 1);
}
static void get_accept(void)
{
    int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0 && close(fd) == 0);
}
static void give_accept(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0 && close(fd) == 0);
}
static void get_sleep(void)
{
    struct timespec t = {0, 1000000};
    while (!ended)
        nanosleep(&t, NULL);
}
static void get_pause(void)
{
    while (!ended)
        pause();
}
static void end(void)
{
    ended = 1;
    pthread_kill(other[0], SIGUSR2);
    pthread_kill(other[1], SIGUSR2);
}
static void get_flock(void)
{
    int fd = open(file, O_RDWR);
    CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
    who = fd;
}
static void give_flock(void)
{
    CHECK(flock(who, LOCK_UN) == 0 && close(who) == 0);
}

struct message {
    long type;
    char text[8];
};
static void get_message(void)
{
    struct message m;
    long n;
    while ((n = msgrcv(queue, &m, sizeof m.text, 0, 0)) < 0 && errno == EINTR)
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

/* Each child ends when it is told. */
static int tell[2];
static void take_children(void)
{
    CHECK(pipe(tell) == 0);
    for (int i = 0; i < 2; i++)
        if (fork() == 0) {
            char c;
            (void)!read(tell[0], &c, 1);
            _exit(0);
        }
}
static void get_child(void)
{
    CHECK(wait(NULL) > 0);
}
static void give_child(void)
{
    CHECK(write(tell[1], "x", 1) == 1);
}

static const struct kind {
    const char *name;
    void (*get)(void), (*give)(void), (*take)(void);
    enum { LOCK, COUNT, ALL } kind; /* ALL: one gift is enough for both */
} kinds[] = {
    {"mutex", get_mutex, give_mutex, get_mutex, LOCK},
    {"mutex, timed", get_timed, give_timed, get_timed, LOCK},
    {"mutex, shared", get_shared, give_shared, get_shared, LOCK},
    {"stream", get_stream, give_stream, get_stream, LOCK},
    {"flock", get_flock, give_flock, get_flock, LOCK},
    {"condition", get_condition, give_condition, NULL, COUNT},
    {"semaphore", get_sem, give_sem, NULL, COUNT},
    {"semaphore, shared", get_shared_sem, give_shared_sem, NULL, COUNT},
    {"futex", get_futex, give_futex, NULL, COUNT},
    {"read", get_read, give_byte, NULL, COUNT},
    {"poll", get_poll, give_byte, NULL, COUNT},
    {"select", get_select, give_byte, NULL, COUNT},
    {"epoll", get_epoll, give_byte, NULL, COUNT},
    {"write", get_write, give_write, NULL, COUNT},
    {"recv", get_recv, give_recv, NULL, COUNT},
    {"accept", get_accept, give_accept, NULL, COUNT},
    {"sleep", get_sleep, end, NULL, ALL},
    {"pause", get_pause, end, NULL, ALL},
    {"message", get_message, give_message, NULL, COUNT},
    {"System V semaphore", get_set, give_set, NULL, COUNT},
    {"child", get_child, give_child, take_children, COUNT},
};
static const struct kind *kind;

/* ---- ways to leave ---- */

enum { JUMP, SET, SWAP, WAYS };
static const char *const names[] = {"siglongjmp", "setcontext", "swapcontext"};
static int way;
static __thread sigjmp_buf out;
static __thread ucontext_t back, within;
static __thread volatile int left;
static volatile int is_left, may_go_on, have, began;

static void leaves(int sig)
{
    int saved = errno;
    left = 1;
    if (way == JUMP)
        siglongjmp(out, 1);
    if (way == SET)
        setcontext(&back);
    CHECK(swapcontext(&within, &back) == 0);
    errno = saved;
}

static void nothing(int sig)
{
}

/* In between, it waits for something else, and handlers come. */
static void meanwhile(void)
{
    struct timespec t = {0, 1000000};
    is_left = 1;
    while (!may_go_on) {
        nanosleep(&t, NULL);
        raise(SIGUSR2);
    }
}

static void *stays(void *arg)
{
    began++;
    kind->get();
    have++;
    if (kind->kind == LOCK)
        kind->give();
    return arg;
}

static void goes_on(void)
{
    stays(NULL);
    left = 2;
}

static void *goes(void *arg)
{
    char *stack = malloc(64 << 10);
    left = 0;
    if (way == SWAP) {
        CHECK(getcontext(&within) == 0);
        within.uc_stack.ss_sp = stack;
        within.uc_stack.ss_size = 64 << 10;
        within.uc_link = &back;
        makecontext(&within, goes_on, 0);
        CHECK(swapcontext(&back, &within) == 0);
        CHECK(left == 1);
        meanwhile();
        CHECK(swapcontext(&back, &within) == 0);
        CHECK(left == 2);
    } else {
        if (way == JUMP ? sigsetjmp(out, 1) == 0 : getcontext(&back) == 0 && !left) {
            began++;
            kind->get();
            CHECK(!"not left");
        }
        meanwhile();
        began--;
        stays(NULL);
    }
    free(stack);
    return arg;
}

static void once(void)
{
    is_left = may_go_on = have = began = ended = tokens = 0;
    if (kind->take != NULL)
        kind->take();
    for (int i = 0; i < 2; i++) {
        CHECK(pthread_create(&other[i], NULL, i == 0 ? goes : stays, NULL) == 0);
        while (began != i + 1)
            usleep(200);
        usleep(3000);
    }
    CHECK(pthread_kill(other[0], SIGUSR1) == 0);
    while (!is_left)
        usleep(200);
    kind->give();
    while (have != 1)
        usleep(200);
    may_go_on = 1;
    if (kind->kind == COUNT)
        kind->give();
    CHECK(pthread_join(other[0], NULL) == 0 && pthread_join(other[1], NULL) == 0 && have == 2);
}

static void make(void)
{
    static char block[4096];
    pthread_mutexattr_t m;
    socklen_t size = sizeof address;
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    shared = (void *)memory;
    shared_sem = (void *)(memory + 512);
    pthread_mutexattr_init(&m);
    pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
    CHECK(pthread_mutex_init(shared, &m) == 0 && sem_init(&sem, 0, 0) == 0 && sem_init(shared_sem, 1, 0) == 0);
    CHECK(pipe(fds) == 0 && pipe(full) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, sp) == 0);
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    while (write(full[1], block, sizeof block) > 0)
        ;
    fcntl(full[1], F_SETFL, 0);
    struct epoll_event e = {.events = EPOLLIN};
    epfd = epoll_create1(0);
    CHECK(epoll_ctl(epfd, EPOLL_CTL_ADD, fds[0], &e) == 0);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 5) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
    int fd = mkstemp(file);
    CHECK(fd >= 0 && (stream = fdopen(fd, "r+")) != NULL);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = leaves, .sa_flags = SA_RESTART};
    setbuf(stdout, NULL);
    alarm(20);
    make();
    sigaction(SIGUSR1, &act, NULL);
    act.sa_handler = nothing;
    sigaction(SIGUSR2, &act, NULL);
    for (way = 0; way < WAYS; way++)
        for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
            kind = &kinds[i];
            if ((way != SWAP && kind->get == get_condition) || (argc > 1 && strcmp(argv[1], names[way]) != 0) ||
                (argc > 2 && strcmp(argv[2], kind->name) != 0))
                continue;
            printf("%s, %s", names[way], kind->name);
            once();
            puts("");
        }
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    unlink(file);
    return 0;
}
