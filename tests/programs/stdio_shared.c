/*
 * One stream, many threads: no line is torn, lost or doubled, and each thread's lines stay in order, though the pipe is
 * full again and again and its other end slow.
 * usage: stdio_shared write LINES THREADS     each writes lines, by every kind of call
 *        stdio_shared mixed LINES THREADS     the same, while some compute, and one has a nice value of its own
 *        stdio_shared read LINES THREADS      each reads lines
 *        stdio_shared flockfile LINES THREADS each writes lines in pieces with the stream locked, and sleeps in between
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            fprintf(stderr, "FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                    \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { MOST = 64 };

static FILE *shared;
static int lines;
static char filler[300];

static void *write_lines(void *arg)
{
    int me = (int)(long)arg;
    char buf[400];
    for (int i = 0; i < lines; i++) {
        int n = (i * 31 + me * 17) % 200;
        switch (i % 4) {
        case 0:
            CHECK(fprintf(shared, "%.0f %.0Lf %s%s%s%s%s%.*s%.0s.\n", (double)me, (long double)i, "", "", "", "", "", n,
                          filler, "none") > 0);
            break;
        case 1:
            sprintf(buf, "%d %d %.*s.\n", me, i, n, filler);
            CHECK(fputs(buf, shared) >= 0);
            break;
        case 2:
            n = sprintf(buf, "%d %d %.*s.\n", me, i, n, filler);
            CHECK(fwrite(buf, n, 1, shared) == 1);
            break;
        default:
            flockfile(shared);
            fprintf(shared, "%d ", me);
            fprintf(shared, "%d ", i);
            for (int k = 0; k < n; k++)
                putc_unlocked('x', shared);
            putc('.', shared);
            putc_unlocked('\n', shared);
            funlockfile(shared);
        }
        if (i % 7 == me % 7)
            fflush(shared);
    }
    return NULL;
}

static void *write_mixed(void *arg)
{
    int me = (int)(long)arg;
    if (me == 0)
        setpriority(PRIO_PROCESS, gettid(), 1);
    for (int i = 0; i < lines; i++) {
        char buf[400];
        int n = sprintf(buf, "%d %d %.*s.\n", me, i, (i * 31 + me * 17) % 200, filler);
        if (me < 3 && i % 100 == me)
            for (volatile int k = 0; k < 20000000; k++)
                ;
        flockfile(shared);
        CHECK(fwrite(buf, 1, n / 2, shared) == (size_t)n / 2);
        if (me < 3 && i % 100 == me + 20)
            for (volatile int k = 0; k < 20000000; k++)
                ;
        if (i % 9 == me)
            fflush(shared);
        CHECK(fputs(buf + n / 2, shared) >= 0);
        funlockfile(shared);
        if (i % 3 == 0)
            CHECK(fprintf(shared, "%d -1 .\n", me) > 0);
    }
    return NULL;
}

static void *write_pieces(void *arg)
{
    int me = (int)(long)arg;
    for (int i = 0; i < lines; i++) {
        if (i % 3 == 0) {
            while (ftrylockfile(shared) != 0)
                usleep(100);
        } else {
            flockfile(shared);
        }
        fprintf(shared, "%d ", me);
        usleep(200);
        fprintf(shared, "%d ", i);
        CHECK(fflush(shared) == 0);
        usleep(200);
        fputs(".\n", shared);
        funlockfile(shared);
    }
    return NULL;
}

static int ends_well(const char *line)
{
    size_t n = strlen(line);
    return n > 2 && strcmp(line + n - 2, ".\n") == 0 && strspn(strrchr(line, ' ') + 1, "x") == strlen(strrchr(line, ' ')) - 3;
}

static void *take_all(void *arg)
{
    FILE *in = arg;
    int next[MOST] = {0}, me, i;
    char line[500];
    long count = 0;
    while (fgets(line, sizeof line, in) != NULL) {
        CHECK(sscanf(line, "%d %d", &me, &i) == 2 && ends_well(line));
        CHECK(i < 0 || next[me]++ == i);
        if (++count % 100 == 0)
            usleep(500);
    }
    return (void *)count;
}

static long sum;

static void *read_lines(void *unused)
{
    char buf[500], *line = NULL;
    size_t size = 0;
    long mine = 0;
    for (int i = 0;; i++) {
        int number;
        if (i % 2 ? getline(&line, &size, shared) <= 0 : fgets(buf, sizeof buf, shared) == NULL)
            break;
        CHECK(sscanf(i % 2 ? line : buf, "%d", &number) == 1 && ends_well(i % 2 ? line : buf));
        mine += number;
    }
    free(line);
    __atomic_fetch_add(&sum, mine, __ATOMIC_SEQ_CST);
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[3]), fds[2];
    pthread_t t[MOST], r;
    void *count;
    lines = atoi(argv[2]);
    memset(filler, 'x', sizeof filler - 1);
    CHECK(pipe(fds) == 0);
    FILE *in = fdopen(fds[0], "r"), *out = fdopen(fds[1], "w");
    if (strcmp(argv[1], "read") != 0) {
        void *(*writer)(void *) = strcmp(argv[1], "write") == 0   ? write_lines
                                  : strcmp(argv[1], "mixed") == 0 ? write_mixed
                                                                  : write_pieces;
        shared = out;
        pthread_create(&r, NULL, take_all, in);
        for (long i = 0; i < n; i++)
            pthread_create(&t[i], NULL, writer, (void *)i);
        for (int i = 0; i < n; i++)
            pthread_join(t[i], NULL);
        fclose(out);
        pthread_join(r, &count);
        printf("%ld lines of %d threads\n", (long)count, n);
        return 0;
    }
    shared = in;
    for (int i = 0; i < n; i++)
        pthread_create(&t[i], NULL, read_lines, NULL);
    for (int i = 1; i <= lines; i++) {
        fprintf(out, "%d %.*s.\n", i, i % 200, filler);
        if (i % 50 == 0) {
            fflush(out);
            usleep(300);
        }
    }
    fclose(out);
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
    printf("sum %ld of %d lines by %d threads\n", sum, lines, n);
    return 0;
}
