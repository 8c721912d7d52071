/* The main thread becomes a kernel thread of its own while others run: its number stays the process's, it goes on working
   with them, and ends before they do. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t sem[2];
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int turn;

static void *answers(void *unused)
{
    for (int i = 0; i < 500; i++) {
        sem_wait(&sem[0]);
        sem_post(&sem[1]);
    }
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&m);
        while (turn % 2 == 0)
            pthread_cond_wait(&c, &m);
        turn++;
        pthread_cond_broadcast(&c);
        pthread_mutex_unlock(&m);
    }
    return NULL;
}

static void *last(void *main_thread)
{
    void *r;
    CHECK(pthread_join(*(pthread_t *)main_thread, &r) == 0);
    printf("main ended: %s\n", (char *)r);
    if (prctl(PR_SET_PDEATHSIG, 0) == 0)
        usleep(1000);
    puts("last");
    return NULL;
}

static void at_exit(void)
{
    puts("at exit");
    fflush(stdout);
}

int main(void)
{
    pthread_t t, l;
    static pthread_t self;
    char name[16], path[64], line[32] = "";
    atexit(at_exit);
    self = pthread_self();
    sem_init(&sem[0], 0, 0);
    sem_init(&sem[1], 0, 0);
    CHECK(pthread_create(&t, NULL, answers, NULL) == 0);
    for (int i = 0; i < 250; i++) {
        sem_post(&sem[0]);
        sem_wait(&sem[1]);
    }
    CHECK(gettid() == getpid());
    CHECK(unshare(CLONE_FS) == 0);
    CHECK(gettid() == getpid() && syscall(SYS_gettid) == getpid());
    CHECK(prctl(PR_SET_NAME, "renamed") == 0);
    snprintf(path, sizeof path, "/proc/%d/comm", getpid());
    FILE *f = fopen(path, "r");
    CHECK(f != NULL && fgets(line, sizeof line, f) != NULL);
    fclose(f);
    CHECK(pthread_getname_np(self, name, sizeof name) == 0);
    printf("%s %s", name, line);
    for (int i = 0; i < 250; i++) {
        sem_post(&sem[0]);
        sem_wait(&sem[1]);
    }
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&m);
        while (turn % 2 == 1)
            pthread_cond_wait(&c, &m);
        turn++;
        pthread_cond_broadcast(&c);
        pthread_mutex_unlock(&m);
    }
    CHECK(pthread_join(t, NULL) == 0);
    printf("%d\n", turn);
    CHECK(pthread_create(&l, NULL, last, &self) == 0);
    pthread_exit("bye");
}
