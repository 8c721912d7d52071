/*
 * A silent peer ends fgets and a full one fputs, with ETIMEDOUT; a slow one does not; the stream goes on afterwards.
 * usage: timeout_stdio LIMIT THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static double limit;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void in_time(double start)
{
    CHECK(now() - start >= limit * 0.99);
}

static void *run(void *unused)
{
    char buf[100];
    static char big[400000];
    int p[2], slow[2], s[2];
    CHECK(pipe(p) == 0 && pipe(slow) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, s) == 0);
    FILE *in = fdopen(p[0], "r"), *out = fdopen(s[0], "w"), *steady = fdopen(slow[0], "r");
    double start = now();
    CHECK(fgets(buf, sizeof buf, in) == NULL && errno == ETIMEDOUT && ferror(in) && !feof(in));
    in_time(start);
    clearerr(in);
    CHECK(write(p[1], "line\nrest", 9) == 9);
    CHECK(fgets(buf, sizeof buf, in) == buf && strcmp(buf, "line\n") == 0);
    start = now();
    CHECK(getc(in) == 'r' && getc(in) == 'e' && fgets(buf, sizeof buf, in) == NULL && errno == ETIMEDOUT);
    in_time(start);
    start = now();
    CHECK(fwrite(big, 1, sizeof big, out) < sizeof big && errno == ETIMEDOUT && ferror(out));
    in_time(start);
    pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 6; i++) {
            usleep(limit * 1e6 / 4);
            CHECK(write(slow[1], i < 5 ? "x" : "\n", 1) == 1);
        }
        _exit(0);
    }
    CHECK(fgets(buf, sizeof buf, steady) == buf && strcmp(buf, "xxxxx\n") == 0);
    waitpid(pid, NULL, 0);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[2]);
    pthread_t t[16];
    limit = atof(argv[1]);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, run, NULL) == 0);
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    if (n == 0)
        run(NULL);
    puts("ok");
    return 0;
}
