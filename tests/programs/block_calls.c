/* A thread blocks in a call that waits for something else than a descriptor; the others go on, and one of them ends
   the wait. Arguments: the call, a directory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static char path[300];
static int a, b, pipes[2];
static mqd_t queue;
static FILE *stream;
static sem_t blocking;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void init_flock(void)
{
    a = open(path, O_RDWR | O_CREAT, 0600);
    b = open(path, O_RDWR);
    CHECK(a >= 0 && b >= 0 && flock(a, LOCK_EX) == 0);
}
static void block_flock(void)
{
    CHECK(flock(b, LOCK_EX) == 0);
}
static void end_flock(void)
{
    CHECK(flock(a, LOCK_UN) == 0);
}

static void init_ofd(void)
{
    struct flock l = {.l_type = F_WRLCK};
    a = open(path, O_RDWR | O_CREAT, 0600);
    b = open(path, O_RDWR);
    CHECK(a >= 0 && b >= 0 && fcntl(a, F_OFD_SETLK, &l) == 0);
}
static void block_ofd(void)
{
    struct flock l = {.l_type = F_WRLCK};
    CHECK(fcntl(b, F_OFD_SETLKW, &l) == 0);
}
static void end_ofd(void)
{
    struct flock l = {.l_type = F_UNLCK};
    CHECK(fcntl(a, F_OFD_SETLK, &l) == 0);
}

static void init_msgrcv(void)
{
    a = msgget(IPC_PRIVATE, 0600);
    CHECK(a >= 0);
}
static void block_msgrcv(void)
{
    struct {
        long type;
        char text[20];
    } m;
    CHECK(msgrcv(a, &m, sizeof m.text, 0, 0) == 6);
    CHECK(strcmp(m.text, "hello") == 0);
    CHECK(msgctl(a, IPC_RMID, NULL) == 0);
}
static void end_msgrcv(void)
{
    struct {
        long type;
        char text[20];
    } m = {1, "hello"};
    CHECK(msgsnd(a, &m, 6, 0) == 0);
}

static void init_semop(void)
{
    a = semget(IPC_PRIVATE, 1, 0600);
    CHECK(a >= 0);
}
static void block_semop(void)
{
    struct sembuf take = {0, -1, 0};
    CHECK(semop(a, &take, 1) == 0);
    CHECK(semctl(a, 0, IPC_RMID) == 0);
}
static void end_semop(void)
{
    struct sembuf give = {0, 1, 0};
    CHECK(semop(a, &give, 1) == 0);
}

static void init_fifo(void)
{
    CHECK(mkfifo(path, 0600) == 0);
}
static void block_fifo(void)
{
    a = open(path, O_RDONLY);
    CHECK(a >= 0);
}
static void end_fifo(void)
{
    b = open(path, O_WRONLY);
    CHECK(b >= 0);
}

static void init_fgets(void)
{
    CHECK(pipe(pipes) == 0);
    stream = fdopen(pipes[0], "r");
    CHECK(stream);
}
static void block_fgets(void)
{
    char line[20];
    CHECK(fgets(line, sizeof line, stream) == line);
    CHECK(strcmp(line, "a line\n") == 0);
}
static void end_fgets(void)
{
    CHECK(write(pipes[1], "a line\n", 7) == 7);
}

static void init_mqueue(void)
{
    struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 20};
    char name[60];
    snprintf(name, sizeof name, "/victim-%d", (int)getpid());
    queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
    CHECK(queue >= 0 && mq_unlink(name) == 0);
}
static void block_mqueue(void)
{
    char text[20];
    CHECK(mq_receive(queue, text, sizeof text, NULL) == 6);
}
static void end_mqueue(void)
{
    CHECK(mq_send(queue, "hello", 6, 0) == 0);
}

static void init_sigwait(void)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &s, NULL) == 0);
}
static void block_sigwait(void)
{
    sigset_t s;
    int sig;
    sigemptyset(&s);
    sigaddset(&s, SIGUSR1);
    CHECK(sigwait(&s, &sig) == 0 && sig == SIGUSR1);
}
static void end_sigwait(void)
{
    CHECK(kill(getpid(), SIGUSR1) == 0);
}

#define CALL(name)                                                                                                     \
    {                                                                                                                  \
#name, init_##name, block_##name, end_##name                                                                   \
    }
static const struct call {
    const char *name;
    void (*init)(void), (*block)(void), (*end)(void);
} calls[] = {CALL(flock), CALL(ofd), CALL(msgrcv), CALL(semop), CALL(fifo), CALL(fgets), CALL(mqueue), CALL(sigwait)};
static const struct call *call;

static void *blocks(void *arg)
{
    sem_post(&blocking);
    call->block();
    return NULL;
}

static void *goes_on(void *arg)
{
    for (int i = 0; i < 5; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        usleep(500);
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t, others[5];
    for (unsigned i = 0; i < sizeof calls / sizeof *calls; i++)
        if (strcmp(calls[i].name, argv[1]) == 0)
            call = &calls[i];
    CHECK(call);
    snprintf(path, sizeof path, "%s/%s-%d", argv[2], argv[1], (int)getpid());
    unlink(path);
    sem_init(&blocking, 0, 0);
    call->init();
    CHECK(pthread_create(&t, NULL, blocks, NULL) == 0);
    sem_wait(&blocking);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_create(&others[i], NULL, goes_on, NULL) == 0);
    for (int i = 0; i < 5; i++)
        CHECK(pthread_join(others[i], NULL) == 0);
    call->end();
    CHECK(pthread_join(t, NULL) == 0);
    unlink(path);
    printf("%s ok\n", argv[1]);
    return 0;
}
