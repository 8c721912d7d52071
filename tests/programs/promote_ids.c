/* setfsuid, setfsgid and the raw calls that set ids are for the calling thread alone; setuid of libc afterwards is for all. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
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

static sem_t step[2];

/* Of the calling thread, as the kernel shows them. */
static void ids(const char *who)
{
    char line[256];
    FILE *f = fopen("/proc/thread-self/status", "r");
    if (f == NULL) {
        printf("%s: cannot look (%d)\n", who, errno);
        return;
    }
    printf("%s:", who);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "Uid:", 4) == 0 || strncmp(line, "Gid:", 4) == 0 || strncmp(line, "CapEff:", 7) == 0 ||
            strncmp(line, "NoNewPrivs:", 11) == 0)
            printf(" %.*s", (int)strcspn(line, "\n"), line);
    puts("");
    fclose(f);
}

static void *files(void *unused)
{
    setfsuid(65534);
    setfsgid(65534);
    ids("file ids");
    int fd = open("/etc/shadow", O_RDONLY);
    printf("shadow: %s\n", fd < 0 ? strerror(errno) : "open");
    sem_post(&step[0]);
    sem_wait(&step[1]);
    ids("file ids still");
    setfsuid(0);
    ids("file ids back");
    return NULL;
}

static void *raw(void *unused)
{
    printf("privileges: %d\n", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    printf("groups: %ld\n", syscall(SYS_setresgid, 65533, 65533, -1));
    printf("users: %ld\n", syscall(SYS_setresuid, 65533, 65533, -1));
    ids("raw ids");
    sem_post(&step[0]);
    sem_wait(&step[1]);
    ids("raw ids still");
    return NULL;
}

extern int capset(void *, const void *), capget(void *, void *);

static void *drops(void *unused)
{
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct d[2];
    CHECK(capget(&h, d) == 0);
    d[0].effective = d[1].effective = 0;
    CHECK(capset(&h, d) == 0);
    ids("no capabilities");
    sem_post(&step[0]);
    sem_wait(&step[1]);
    ids("none still");
    return NULL;
}

static void *stays(void *unused)
{
    sem_wait(&step[0]);
    ids("other");
    sem_post(&step[1]);
    return NULL;
}

int main(void)
{
    pthread_t a, b;
    sem_init(&step[0], 0, 0);
    sem_init(&step[1], 0, 0);
    void *(*const how[])(void *) = {files, raw, drops};
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&a, NULL, stays, NULL) == 0);
        CHECK(pthread_create(&b, NULL, how[i], NULL) == 0);
        CHECK(pthread_join(a, NULL) == 0);
        CHECK(pthread_join(b, NULL) == 0);
        ids("main");
    }
    CHECK(pthread_create(&b, NULL, files, NULL) == 0);
    sem_wait(&step[0]);
    printf("all: %d\n", seteuid(geteuid() == 0 ? 1 : geteuid()));
    ids("main");
    sem_post(&step[1]);
    CHECK(pthread_join(b, NULL) == 0);
    CHECK(seteuid(getuid()) == 0);
    ids("main");
    return 0;
}
