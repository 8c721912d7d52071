/* A handler that has interrupted a wait forks: in the child as in the parent the call fails with EINTR, or goes on where
 * the handler was installed so, and the child can make threads. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
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

struct message {
    long type;
    char text[8];
};

enum { READ, MSGRCV, SEMOP, SEM, SLEEP, POLL, KINDS };
static const char *const names[] = {"read", "msgrcv", "semop", "sem_wait", "nanosleep", "poll"};
static int kind, restarts, fds[2], queue, set, began;
static sem_t sem;
static volatile pid_t child;

static void handler(int sig)
{
    pid_t pid = fork();
    child = pid;
    if (pid == 0 && restarts)
        sem_post(&sem); /* of the child's memory */
}

static long call(void)
{
    struct message m;
    struct sembuf op = {0, -1, 0};
    struct timespec t = {1000, 0};
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    char c;
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    switch (kind) {
    case READ:
        return read(fds[0], &c, 1);
    case MSGRCV:
        return msgrcv(queue, &m, sizeof m.text, 0, 0);
    case SEMOP:
        return semop(set, &op, 1);
    case SEM:
        return sem_wait(&sem);
    case SLEEP:
        return nanosleep(&t, NULL);
    default:
        return poll(&p, 1, -1);
    }
}

static void *nothing(void *arg)
{
    return arg;
}

static void *waits(void *arg)
{
    errno = 0;
    long r = call();
    int e = errno, status;
    if (child == 0) {
        pthread_t t;
        void *p;
        CHECK(pthread_create(&t, NULL, nothing, &kind) == 0 && pthread_join(t, &p) == 0 && p == &kind);
        _exit(r < 0 ? 100 + e : 50 + (int)r);
    }
    CHECK(waitpid(child, &status, 0) == child);
    printf("%s%s: parent %ld %s, child %d\n", names[kind], restarts ? ", restart" : "", r, r < 0 ? strerrorname_np(e) : "",
           WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    return arg;
}

static void *behind(void *arg)
{
    struct message m;
    __atomic_fetch_add(&began, 1, __ATOMIC_SEQ_CST);
    CHECK(msgrcv(queue, &m, sizeof m.text, 0, 0) == 1);
    return arg;
}

static void one(int second)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = restarts ? SA_RESTART : 0};
    struct message m = {1, "m"};
    pthread_t t, other;
    sigaction(SIGUSR1, &act, NULL);
    child = -1;
    began = 0;
    sem_init(&sem, 0, 0);
    if (second)
        CHECK(pthread_create(&other, NULL, behind, NULL) == 0);
    while (__atomic_load_n(&began, __ATOMIC_SEQ_CST) < second)
        usleep(500);
    CHECK(pthread_create(&t, NULL, waits, NULL) == 0);
    while (__atomic_load_n(&began, __ATOMIC_SEQ_CST) < 1 + second)
        usleep(500);
    usleep(10000);
    CHECK(pthread_kill(t, SIGUSR1) == 0);
    while (child <= 0)
        usleep(1000);
    if (restarts && kind == READ)
        CHECK(write(fds[1], "ab", 2) == 2);
    if (restarts && kind == SEM)
        CHECK(sem_post(&sem) == 0);
    if (second)
        CHECK(msgsnd(queue, &m, 1, 0) == 0 && pthread_join(other, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
}

int main(void)
{
    setbuf(stdout, NULL);
    alarm(50);
    CHECK(pipe(fds) == 0);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
    for (kind = 0; kind < KINDS; kind++)
        one(0);
    kind = MSGRCV;
    one(1); /* in line behind another */
    restarts = 1;
    for (kind = 0; kind < KINDS; kind++) /* the others never are restarted */
        one(0);
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    return 0;
}
