/* forkpty: libc forks by itself, in main or in a thread; parent and child go on with threads.
 * usage: proc_forkpty 0|1 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void *sleeps(void *unused)
{
    usleep(1000);
    return "slept";
}

static void two_threads(void)
{
    pthread_t t[2];
    void *r;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[i], NULL, sleeps, NULL) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(t[i], &r) == 0 && !strcmp(r, "slept"));
}

static void *work(void *threads)
{
    int fd, status;
    char said[64];
    ssize_t n, all = 0;
    fflush(stdout);
    pid_t pid = forkpty(&fd, NULL, NULL, NULL);
    CHECK(pid >= 0);
    if (pid == 0) {
        if (threads)
            two_threads();
        CHECK(isatty(0) && isatty(1) && getsid(0) == getpid());
        CHECK(write(1, "child", 5) == 5);
        CHECK(read(0, said, 3) > 0);
        _exit(7);
    }
    while (all < 5 && (n = read(fd, said + all, sizeof said - 1 - all)) > 0)
        all += n;
    CHECK(all == 5 && memcmp(said, "child", 5) == 0);
    CHECK(write(fd, "go\n", 3) == 3);
    CHECK(waitpid(pid, &status, 0) == pid);
    printf("%.5s %d\n", said, WEXITSTATUS(status));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    int threads = atoi(argv[1]);
    if (!threads) {
        work(NULL);
        return 0;
    }
    two_threads();
    for (int i = 0; i < 3; i++) {
        CHECK(pthread_create(&t, NULL, work, "threads") == 0);
        two_threads();
        CHECK(pthread_join(t, NULL) == 0);
    }
    return 0;
}
