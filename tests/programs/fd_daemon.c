/*
 * A daemon's first steps (fork, setsid, fork, close all, /dev/null on 0 to 2), or daemon(3), then work in threads; it
 * reports through a file.
 * usage: fd_daemon hand|libc THREADS FILE
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static void *worker(void *arg)
{
    int *s = arg;
    char c;
    for (int i = 0; i < 50; i++) {
        CHECK(recv(s[0], &c, 1, 0) == 1);
        CHECK(send(s[0], &c, 1, 0) == 1);
    }
    return NULL;
}

static void work(int n)
{
    int s[n + 1][2];
    pthread_t t[n + 1];
    for (int i = 0; i < n; i++) {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, s[i]) == 0);
        CHECK(pthread_create(&t[i], NULL, worker, s[i]) == 0);
    }
    for (int k = 0; k < 50; k++)
        for (int i = 0; i < n; i++) {
            char c = k;
            CHECK(send(s[i][1], &c, 1, 0) == 1);
            CHECK(recv(s[i][1], &c, 1, 0) == 1 && c == k);
        }
    for (int i = 0; i < n; i++) {
        CHECK(pthread_join(t[i], NULL) == 0);
        close(s[i][0]);
        close(s[i][1]);
    }
    usleep(2000);
}

int main(int argc, char **argv)
{
    CHECK(argc == 4);
    int n = atoi(argv[2]), ready[2];
    char c;
    unlink(argv[3]);
    work(n); /* threads have come and gone before */
    CHECK(pipe(ready) == 0);
    fflush(stdout);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0) { /* the one who waits for the daemon's word */
        CHECK(close(ready[1]) == 0);
        CHECK(read(ready[0], &c, 1) == 0);
        CHECK(waitpid(pid, NULL, 0) == pid);
        for (int i = 0; i < 2000 && access(argv[3], F_OK) != 0; i++)
            usleep(10000);
        FILE *f = fopen(argv[3], "r");
        char line[200];
        CHECK(f != NULL);
        while (fgets(line, sizeof line, f))
            fputs(line, stdout);
        return 0;
    }
    if (!strcmp(argv[1], "libc")) {
        CHECK(daemon(0, 0) == 0);
        closefrom(3);
    } else {
        CHECK(setsid() == getpid());
        if ((pid = fork()) > 0)
            _exit(0);
        CHECK(pid == 0 && chdir("/") == 0);
        umask(027);
        for (int i = sysconf(_SC_OPEN_MAX) - 1; i >= 0; i--)
            close(i);
        CHECK(open("/dev/null", O_RDWR) == 0 && dup(0) == 1 && dup(0) == 2);
    }
    work(n);
    char name[300];
    snprintf(name, sizeof name, "%s.part", argv[3]);
    int fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    int said = dprintf(fd, "descriptor %d, %s, still working\n", fd, getsid(0) == getpid() ? "leader" : "no leader");
    close(fd);
    return said < 0 || rename(name, argv[3]) != 0;
}
