/* What ends a wait in the kernel, against what fulfils it at the same moment: deadlines and coax_cancel at random times,
 * while another process, or another thread, gives. Whatever is given is taken once or is still there, and a lock that
 * was not had is not held. Arguments: the kind, a directory. */
#define _GNU_SOURCE
#include <coax.h>
#include <fcntl.h>
#include <mqueue.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TAKERS = 4, MOST = 4000, LOCKINGS = 600 };

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

struct shared {
    sem_t sem;
    pthread_mutex_t mutex;
    int inside, entered;
};

struct message {
    long type;
    int number;
};

static const char *kind;
static char path[300];
static int queue, set, locked[TAKERS + 1];
static mqd_t mq;
static struct shared *shared;
static char seen[MOST];
static int given, taken, ended[3], done;

/* Takes one thing: its number, or 0 for those without; -1 and errno. */
static int take(int who)
{
    struct message m;
    struct sembuf op = {0, -1, 0};
    struct flock l;
    if (strcmp(kind, "msgrcv") == 0)
        return msgrcv(queue, &m, sizeof m.number, 0, 0) == sizeof m.number ? m.number : -1;
    if (strcmp(kind, "mq") == 0)
        return mq_receive(mq, (char *)&m, sizeof m, NULL) == sizeof m ? m.number : -1;
    if (strcmp(kind, "semop") == 0)
        return semop(set, &op, 1);
    if (strcmp(kind, "sem") == 0)
        return sem_wait(&shared->sem);
    if (strcmp(kind, "flock") == 0)
        return flock(locked[who], LOCK_EX);
    memset(&l, 0, sizeof l);
    l.l_type = F_WRLCK;
    return fcntl(locked[who], F_OFD_SETLKW, &l);
}

static int is_lock(void)
{
    return strcmp(kind, "flock") == 0 || strcmp(kind, "ofd") == 0;
}

static void unlock(int who)
{
    struct flock l;
    memset(&l, 0, sizeof l);
    l.l_type = F_UNLCK;
    CHECK((strcmp(kind, "flock") == 0 ? flock(locked[who], LOCK_UN) : fcntl(locked[who], F_OFD_SETLK, &l)) == 0);
}

static void hold_a_moment(int who, unsigned us)
{
    CHECK(__atomic_fetch_add(&shared->inside, 1, __ATOMIC_SEQ_CST) == 0);
    if (us != 0)
        usleep(us);
    __atomic_fetch_sub(&shared->inside, 1, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&shared->entered, 1, __ATOMIC_SEQ_CST);
    unlock(who);
}

static void give(int number)
{
    struct message m;
    struct sembuf op = {0, 1, 0};
    memset(&m, 0, sizeof m);
    m.type = 1 + number % 3;
    m.number = number;
    if (strcmp(kind, "msgrcv") == 0)
        CHECK(msgsnd(queue, &m, sizeof m.number, 0) == 0);
    else if (strcmp(kind, "mq") == 0)
        CHECK(mq_send(mq, (const char *)&m, sizeof m, 0) == 0);
    else if (strcmp(kind, "semop") == 0)
        CHECK(semop(set, &op, 1) == 0);
    else if (strcmp(kind, "sem") == 0)
        CHECK(sem_post(&shared->sem) == 0);
    else {
        CHECK(take(TAKERS) == 0);
        hold_a_moment(TAKERS, (unsigned)(number % 7) * 30);
    }
}

static void note(int number)
{
    __atomic_fetch_add(&taken, 1, __ATOMIC_SEQ_CST);
    if (strcmp(kind, "msgrcv") == 0 || strcmp(kind, "mq") == 0) {
        CHECK(number >= 0 && number < given);
        CHECK(__atomic_exchange_n(&seen[number], 1, __ATOMIC_SEQ_CST) == 0);
    }
}

static int attempt(void *arg)
{
    int who = (int)(long)arg, r = take(who);
    if (r >= 0) {
        if (is_lock())
            hold_a_moment(who, 20);
        note(r);
        __atomic_fetch_add(&ended[0], 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    CHECK(errno == ETIMEDOUT || errno == ECANCELED);
    __atomic_fetch_add(&ended[errno == ETIMEDOUT ? 1 : 2], 1, __ATOMIC_SEQ_CST);
    return -1;
}

static void *taker(void *arg)
{
    unsigned seed = (unsigned)(long)arg + 1;
    while (!__atomic_load_n(&done, __ATOMIC_SEQ_CST)) {
        if (rand_r(&seed) % 3 == 0)
            attempt(arg);
        else
            coax_with_timeout((rand_r(&seed) % 400) * 1e-6, attempt, arg);
    }
    return NULL;
}

static void giver(int from, int to)
{
    unsigned seed = (unsigned)from + 7;
    int i;
    for (i = from; i < to; i++) {
        give(i);
        if (rand_r(&seed) % 2 == 0)
            usleep(rand_r(&seed) % 300);
    }
}

static void *giving(void *arg)
{
    (void)arg;
    giver(0, given / 2);
    return NULL;
}

static int left_over(void)
{
    struct msqid_ds ds;
    struct mq_attr attr;
    int value;
    if (strcmp(kind, "msgrcv") == 0)
        return msgctl(queue, IPC_STAT, &ds) == 0 ? (int)ds.msg_qnum : -1;
    if (strcmp(kind, "mq") == 0)
        return mq_getattr(mq, &attr) == 0 ? (int)attr.mq_curmsgs : -1;
    if (strcmp(kind, "semop") == 0)
        return semctl(set, 0, GETVAL);
    return sem_getvalue(&shared->sem, &value) == 0 ? value : -1;
}

int main(int argc, char **argv)
{
    struct mq_attr attr;
    pthread_t takers[TAKERS], thread;
    unsigned seed = 3;
    char name[60];
    pid_t child;
    int status, i;
    (void)argc;
    setbuf(stdout, NULL);
    alarm(50);
    kind = argv[1];
    given = is_lock() ? LOCKINGS : MOST;
    snprintf(path, sizeof path, "%s/race", argv[2]);
    for (i = 0; i <= TAKERS; i++)
        CHECK((locked[i] = open(path, O_RDWR | O_CREAT, 0600)) >= 0);
    queue = msgget(IPC_PRIVATE, 0600);
    set = semget(IPC_PRIVATE, 1, 0600);
    memset(&attr, 0, sizeof attr);
    attr.mq_maxmsg = 3;
    attr.mq_msgsize = sizeof(struct message);
    snprintf(name, sizeof name, "/race-%d", (int)getpid());
    mq = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
    mq_unlink(name);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(sem_init(&shared->sem, 1, 0) == 0 && queue >= 0 && set >= 0 && mq >= 0);
    child = fork();
    if (child == 0) {
        alarm(50);
        locked[TAKERS] = open(path, O_RDWR); /* not the parent's description */
        giver(given / 2, given);
        _exit(0);
    }
    for (i = 0; i < TAKERS; i++)
        pthread_create(&takers[i], NULL, taker, (void *)(long)i);
    pthread_create(&thread, NULL, giving, NULL);
    while (waitpid(child, &status, WNOHANG) == 0) {
        usleep(rand_r(&seed) % 500);
        CHECK(coax_cancel(takers[rand_r(&seed) % TAKERS]) == 0);
    }
    CHECK(status == 0);
    pthread_join(thread, NULL);
    __atomic_store_n(&done, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < TAKERS; i++) {
        while (pthread_tryjoin_np(takers[i], NULL) != 0) {
            coax_cancel(takers[i]);
            usleep(1000);
        }
    }
    if (is_lock()) {
        CHECK(shared->entered == taken + given);
        CHECK(flock(locked[0], LOCK_EX | LOCK_NB) == 0);
    } else {
        CHECK(taken + left_over() == given);
    }
    msgctl(queue, IPC_RMID, NULL);
    semctl(set, 0, IPC_RMID);
    CHECK(ended[0] > 0 && ended[1] + ended[2] > 0);
    if (getenv("SHOW"))
        printf("%d taken, %d timed out, %d cancelled\n", ended[0], ended[1], ended[2]);
    printf("%s: nothing lost\n", kind);
    return 0;
}
