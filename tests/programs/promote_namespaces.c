/* unshare and setns are for the calling thread and those that it creates: working directory, host name, network. Needs root
   for the last two. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static sem_t step[2];

static void link_of(const char *kind, char *out)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/thread-self/ns/%s", kind);
    ssize_t n = readlink(path, out, 63);
    CHECK(n > 0);
    out[n] = '\0';
}

static char here[2][64];

static void *child(void *unused)
{
    char cwd[256], name[64], net[64];
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    CHECK(gethostname(name, sizeof name) == 0);
    link_of("net", net);
    printf("child: %s %s %d\n", cwd, strcmp(name, "elsewhere") == 0 ? name : "as before", strcmp(net, here[0]) != 0);
    return NULL;
}

static void *leaves(void *raw)
{
    char cwd[256], name[64] = "", net[64];
    int back = open("/proc/thread-self/ns/net", O_RDONLY);
    CHECK(back >= 0);
    CHECK((raw ? syscall(SYS_unshare, CLONE_FS) : unshare(CLONE_FS)) == 0);
    CHECK(chdir("/proc") == 0);
    int e = raw ? syscall(SYS_unshare, CLONE_NEWUTS | CLONE_NEWNET) : unshare(CLONE_NEWUTS | CLONE_NEWNET);
    printf("unshare: %d %d\n", e, e ? errno : 0);
    if (e == 0)
        CHECK(sethostname("elsewhere", 9) == 0);
    sem_post(&step[0]);
    sem_wait(&step[1]);
    CHECK(getcwd(cwd, sizeof cwd) != NULL);
    CHECK(gethostname(name, sizeof name) == 0);
    link_of("net", net);
    printf("thread: %s %s %d\n", cwd, strcmp(name, "elsewhere") == 0 ? name : "as before", strcmp(net, here[0]) != 0);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, child, NULL) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    e = raw ? syscall(SYS_setns, back, CLONE_NEWNET) : setns(back, CLONE_NEWNET);
    link_of("net", net);
    printf("setns: %d %d, back %d\n", e, e ? errno : 0, strcmp(net, here[0]) == 0);
    close(back);
    CHECK(unshare(CLONE_NEWUSER) == -1 && errno == EINVAL);
    return NULL;
}

static void *stays(void *unused)
{
    char cwd[256], was[256], name[64], before[64], net[64];
    CHECK(getcwd(was, sizeof was) != NULL);
    CHECK(gethostname(before, sizeof before) == 0);
    sem_wait(&step[0]);
    CHECK(getcwd(cwd, sizeof cwd) != NULL && strcmp(cwd, was) == 0);
    CHECK(gethostname(name, sizeof name) == 0 && strcmp(name, before) == 0);
    link_of("net", net);
    CHECK(strcmp(net, here[0]) == 0);
    sem_post(&step[1]);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    link_of("net", here[0]);
    sem_init(&step[0], 0, 0);
    sem_init(&step[1], 0, 0);
    for (long raw = 0; raw < 2; raw++) {
        CHECK(pthread_create(&a, NULL, stays, NULL) == 0);
        CHECK(pthread_create(&b, NULL, leaves, (void *)raw) == 0);
        CHECK(pthread_join(a, NULL) == 0);
        CHECK(pthread_join(b, NULL) == 0);
    }
    CHECK(unshare(CLONE_FS) == 0 && chdir("/dev") == 0); /* main, too */
    CHECK(pthread_create(&a, NULL, child, NULL) == 0);
    CHECK(pthread_join(a, NULL) == 0);
    return 0;
}
