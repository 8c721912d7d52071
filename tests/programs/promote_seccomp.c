/* A filter of system calls, and the wish for no new privileges, hold for the thread that made them and for those that it
   creates, not for others. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
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

static sem_t filtered, seen;

static void filter(int by_number)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTNAM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    if (by_number)
        CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0);
    else
        CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
}

static void look(const char *who)
{
    errno = 0;
    long r = syscall(SYS_getppid);
    printf("%s: %s %d\n", who, r < 0 ? strerror(errno) : "parent", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static void *child(void *unused)
{
    look("child");
    return NULL;
}

static void *thread(void *by_number)
{
    pthread_t t;
    filter(by_number != NULL);
    look("thread");
    CHECK(pthread_create(&t, NULL, child, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    sem_post(&filtered);
    sem_wait(&seen);
    look("thread");
    return NULL;
}

static void *other(void *unused)
{
    sem_wait(&filtered);
    look("other");
    sem_post(&seen);
    return NULL;
}

int main(void)
{
    pthread_t t, o;
    sem_init(&filtered, 0, 0);
    sem_init(&seen, 0, 0);
    for (long by_number = 0; by_number < 2; by_number++) {
        CHECK(pthread_create(&o, NULL, other, NULL) == 0);
        CHECK(pthread_create(&t, NULL, thread, (void *)by_number) == 0);
        CHECK(pthread_join(o, NULL) == 0);
        CHECK(pthread_join(t, NULL) == 0);
        look("main");
    }
    return 0;
}
