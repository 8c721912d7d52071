/* A thread that becomes a kernel thread of its own (it asks for a signal at its parent's death) keeps its locks: of each
   kind, taken before and released after, with others waiting; and takes and releases them afterwards. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s kind %d\n", __FILE__, __LINE__, #e, kind);                                           \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { NORMAL, RECURSIVE, ERRORCHECK, ADAPTIVE, ROBUST, ROBUST_RECURSIVE, INHERIT, INHERIT_RECURSIVE, INHERIT_ROBUST, KINDS };

static const char *const names[KINDS] = {"normal",  "recursive",         "errorcheck",    "adaptive", "robust",
                                         "robust recursive", "inherit", "inherit recursive", "inherit robust"};

static int kind, counter, inside;
static pthread_mutex_t m;
static pthread_rwlock_t rw;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;

static void init(void)
{
    static const int types[KINDS] = {PTHREAD_MUTEX_NORMAL,    PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK,
                                     PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_MUTEX_NORMAL,  PTHREAD_MUTEX_RECURSIVE,
                                     PTHREAD_MUTEX_NORMAL,    PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_NORMAL};
    pthread_mutexattr_t a;
    CHECK(pthread_mutexattr_init(&a) == 0);
    CHECK(pthread_mutexattr_settype(&a, types[kind]) == 0);
    if (kind == ROBUST || kind == ROBUST_RECURSIVE || kind == INHERIT_ROBUST)
        CHECK(pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST) == 0);
    if (kind >= INHERIT)
        CHECK(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutex_init(&m, &a) == 0);
    CHECK(pthread_rwlock_init(&rw, NULL) == 0);
    counter = 0;
}

static int recursive(void)
{
    return kind == RECURSIVE || kind == ROBUST_RECURSIVE || kind == INHERIT_RECURSIVE;
}

static void turn(void)
{
    CHECK(pthread_mutex_lock(&m) == 0);
    CHECK(inside++ == 0);
    counter++;
    if (counter % 16 == 0)
        usleep(100);
    if (recursive())
        CHECK(pthread_mutex_lock(&m) == 0 && pthread_mutex_unlock(&m) == 0);
    if (kind == ERRORCHECK)
        CHECK(pthread_mutex_lock(&m) == EDEADLK);
    inside--;
    CHECK(pthread_mutex_unlock(&m) == 0);
}

static void *neighbour(void *unused)
{
    for (int i = 0; i < 200; i++)
        turn();
    CHECK(pthread_rwlock_rdlock(&rw) == 0);
    CHECK(pthread_rwlock_unlock(&rw) == 0);
    return NULL;
}

static void become(void)
{
    CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
}

static void *changer(void *unused)
{
    pthread_t t[3];
    CHECK(pthread_mutex_lock(&m) == 0);
    CHECK(pthread_rwlock_wrlock(&rw) == 0);
    inside++;
    if (recursive())
        CHECK(pthread_mutex_lock(&m) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&t[i], NULL, neighbour, NULL) == 0);
    usleep(3000);
    become();
    if (recursive())
        CHECK(pthread_mutex_lock(&m) == 0 && pthread_mutex_unlock(&m) == 0 && pthread_mutex_unlock(&m) == 0);
    if (kind == ERRORCHECK)
        CHECK(pthread_mutex_lock(&m) == EDEADLK);
    usleep(1000);
    inside--;
    CHECK(pthread_mutex_unlock(&m) == 0);
    if (recursive() || kind == ERRORCHECK || kind == ROBUST)
        CHECK(pthread_mutex_unlock(&m) == EPERM);
    for (int i = 0; i < 200; i++)
        turn();
    CHECK(pthread_rwlock_unlock(&rw) == 0);
    for (int i = 0; i < 3; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    return NULL;
}

/* Ends with a robust lock that it has taken before, or after it changed. */
static void *dies(void *late)
{
    if (late)
        become();
    CHECK(pthread_mutex_lock(&m) == 0);
    if (!late)
        become();
    return NULL;
}

static void *waits(void *unused)
{
    CHECK(pthread_mutex_lock(&m) == 0);
    become();
    inside = 1;
    while (inside == 1)
        CHECK(pthread_cond_wait(&c, &m) == 0);
    CHECK(pthread_mutex_unlock(&m) == 0);
    return NULL;
}

int main(void)
{
    pthread_t t;
    for (kind = 0; kind < KINDS; kind++) {
        init();
        CHECK(pthread_create(&t, NULL, changer, NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
        printf("%s: %d\n", names[kind], counter);
        CHECK(pthread_create(&t, NULL, waits, NULL) == 0);
        for (int done = 0; !done;) {
            CHECK(pthread_mutex_lock(&m) == 0);
            if (inside == 1) {
                inside = 0;
                pthread_cond_signal(&c);
                done = 1;
            }
            CHECK(pthread_mutex_unlock(&m) == 0);
            sched_yield();
        }
        CHECK(pthread_join(t, NULL) == 0);
        if (kind == ROBUST || kind == ROBUST_RECURSIVE || kind == INHERIT_ROBUST) {
            for (long late = 0; late < 2; late++) {
                CHECK(pthread_create(&t, NULL, dies, (void *)late) == 0);
                CHECK(pthread_join(t, NULL) == 0);
                CHECK(pthread_mutex_lock(&m) == EOWNERDEAD);
                CHECK(pthread_mutex_consistent(&m) == 0);
                CHECK(pthread_mutex_unlock(&m) == 0);
            }
        }
        CHECK(pthread_mutex_destroy(&m) == 0);
    }
    return 0;
}
