/* Programs started from threads while others run: fork and exec, vfork and exec, posix_spawn, popen, system. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s\n", __FILE__, __LINE__, #e);                                                         \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

extern char **environ;
static volatile int ticks;

static void *ticker(void *arg)
{
    for (;;) {
        ticks++;
        usleep(200);
    }
}

static int status_of(pid_t pid)
{
    int status;
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void *starts(void *arg)
{
    static char *const argv[] = {"sh", "-c", "exit 3", NULL};
    char line[50];
    pid_t pid;
    switch ((long)arg) {
    case 0:
        if ((pid = fork()) == 0) {
            execv("/bin/sh", argv);
            _exit(127);
        }
        CHECK(status_of(pid) == 3);
        break;
    case 1:
        if ((pid = vfork()) == 0) {
            execv("/bin/sh", argv);
            _exit(127);
        }
        CHECK(status_of(pid) == 3);
        break;
    case 2:
        CHECK(posix_spawn(&pid, "/bin/sh", NULL, NULL, argv, environ) == 0);
        CHECK(status_of(pid) == 3);
        break;
    case 3: {
        FILE *f = popen("sleep 0.01; echo from popen; exit 4", "r");
        CHECK(f && fgets(line, sizeof line, f) && strcmp(line, "from popen\n") == 0);
        CHECK(pclose(f) == 4 << 8);
        break;
    }
    case 4:
        CHECK(system("sleep 0.01; exit 5") == 5 << 8);
        break;
    case 5:
        if ((pid = vfork()) == 0) {
            execv("/does/not/exist", argv);
            _exit(errno == ENOENT ? 9 : 8);
        }
        CHECK(status_of(pid) == 9);
        CHECK(posix_spawn(&pid, "/does/not/exist", NULL, NULL, argv, environ) == ENOENT);
        break;
    }
    return NULL;
}

int main(void)
{
    pthread_t t[12], tick;
    CHECK(pthread_create(&tick, NULL, ticker, NULL) == 0);
    for (long i = 0; i < 12; i++)
        CHECK(pthread_create(&t[i], NULL, starts, (void *)(i % 6)) == 0);
    for (int i = 0; i < 12; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(ticks > 1);
    puts("ok");
    return 0;
}
