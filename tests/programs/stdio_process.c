/*
 * Streams whose lock is held by a thread that waits, while the process forks, closes, flushes all or ends.
 * usage: stdio_process fork ROUNDS | flushed | close | all | exit
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            dprintf(2, "FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                         \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static FILE *in;
static int fds[2], closed, stop;

static void *reader(void *unused)
{
    static char buf[100];
    return fgets(buf, sizeof buf, in);
}

static void *closer(void *unused)
{
    long r = fclose(in);
    __atomic_store_n(&closed, 1, __ATOMIC_SEQ_CST);
    return (void *)r;
}

static void *flusher(void *unused)
{
    long r = fflush(NULL);
    __atomic_store_n(&closed, 1, __ATOMIC_SEQ_CST);
    return (void *)r;
}

/* Somebody wants the stream, or all, and gets it when the reader has its line. */
static void want(void *(*start)(void *))
{
    pthread_t r, c;
    void *got;
    CHECK(pthread_create(&r, NULL, reader, NULL) == 0);
    while (ftrylockfile(in) == 0) {
        funlockfile(in);
        usleep(200);
    }
    CHECK(pthread_create(&c, NULL, start, NULL) == 0);
    usleep(5000);
    printf("before: %d\n", __atomic_load_n(&closed, __ATOMIC_SEQ_CST));
    CHECK(write(fds[1], "line\n", 5) == 5);
    pthread_join(r, &got);
    printf("read %s", (char *)got);
    pthread_join(c, &got);
    printf("result %ld, the descriptor is %s\n", (long)got, fcntl(fds[0], F_GETFD) < 0 ? "closed" : "open");
}

static void *printer(void *unused)
{
    FILE *null = fopen("/dev/null", "w");
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
        fprintf(null, "text %d\n", 5);
        if (rand() % 8 == 0) {
            fflush(null);
            fclose(null);
            null = fopen("/dev/null", "w");
        }
        usleep(rand() % 50);
    }
    fclose(null);
    return NULL;
}

/* A child's stream is free, whoever holds it here. */
static void forks(int rounds)
{
    pthread_t r, p[4];
    FILE *out = fdopen(fds[1], "w");
    CHECK(pthread_create(&r, NULL, reader, NULL) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&p[i], NULL, printer, NULL) == 0);
    usleep(2000);
    for (int i = 0; i < rounds; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            alarm(20);
            flockfile(in);
            FILE *f = fopen("/dev/null", "w");
            fputs("text", f);
            _exit(fclose(f) == 0 && ftrylockfile(in) == 0 ? 7 : 1);
        }
        int status;
        CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
        CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    stop = 1;
    for (int i = 0; i < 4; i++)
        pthread_join(p[i], NULL);
    fputs("line\n", out);
    fflush(out);
    void *got;
    pthread_join(r, &got);
    printf("%d forks, read %s", rounds, (char *)got);
}

static void *drain(void *unused)
{
    static char buf[100000];
    long sum = 0, n;
    usleep(30000);
    while ((n = read(fds[0], buf, sizeof buf)) > 0)
        sum += n;
    return (void *)sum;
}

/* Who flushes all into a full pipe has libc's list of streams locked. fork waits for that, and so does who opens one. */
static void flushed(void)
{
    static char big[65536], buffer[100000];
    pthread_t t, d;
    void *got;
    CHECK(write(fds[1], big, sizeof big) == sizeof big);
    FILE *out = fdopen(fds[1], "w");
    setvbuf(out, buffer, _IOFBF, sizeof buffer);
    CHECK(fwrite(big, 1, sizeof big, out) == sizeof big);
    CHECK(pthread_create(&t, NULL, flusher, NULL) == 0);
    while (ftrylockfile(out) == 0) {
        funlockfile(out);
        usleep(200);
    }
    CHECK(pthread_create(&d, NULL, drain, NULL) == 0);
    for (int i = 0; i < 3; i++) {
        pid_t pid = i == 1 ? 0 : fork();
        if (i == 1 || pid == 0) {
            FILE *null = fopen("/dev/null", "w");
            CHECK(null != NULL && fflush(NULL) == 0 && fclose(null) == 0);
            if (i != 1)
                _exit(7);
            continue;
        }
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7);
    }
    pthread_join(t, &got);
    printf("flushed %ld, ", (long)got);
    fclose(out);
    pthread_join(d, &got);
    printf("drained %ld\n", (long)got);
}

static void *writer(void *unused)
{
    static char big[300000];
    FILE *out = fdopen(fds[1], "w");
    fwrite(big, 1, sizeof big, out);
    return NULL;
}

/* Our output is flushed, and the writer does not hold us up. A child counts what the writer got rid of. */
static void ends(void)
{
    int go[2];
    pthread_t w;
    CHECK(pipe(go) == 0);
    if (fork() == 0) {
        static char buf[100000];
        long sum = 0, n;
        close(fds[1]);
        close(go[1]);
        CHECK(read(go[0], buf, 1) == 0); /* the parent has ended */
        while ((n = read(fds[0], buf, sizeof buf)) > 0)
            sum += n;
        dprintf(1, "in the pipe: %ld\n", sum);
        _exit(0);
    }
    close(fds[0]);
    CHECK(pthread_create(&w, NULL, writer, NULL) == 0);
    for (int n = 0; n < 65536; usleep(1000))
        CHECK(ioctl(fds[1], FIONREAD, &n) == 0);
    printf("not flushed yet\n");
    exit(3);
}

int main(int argc, char **argv)
{
    CHECK(pipe(fds) == 0);
    in = fdopen(fds[0], "r");
    if (strcmp(argv[1], "fork") == 0)
        forks(atoi(argv[2]));
    else if (strcmp(argv[1], "flushed") == 0)
        flushed();
    else if (strcmp(argv[1], "close") == 0)
        want(closer);
    else if (strcmp(argv[1], "all") == 0)
        want(flusher);
    else
        ends();
    return 0;
}
