/* fflush(NULL) and its kin. Argument: "what", what is flushed, in which order, with which errors, and what is left
   alone; "full", one thread flushes into a full pipe while others open, write and close streams (with one more argument
   it prints how many before the pipe is read); "exit", the process ends meanwhile; "cancel", the flush is cancelled;
   "rounds N", all at once at random, and no byte is lost; "input", a line-buffered stream is read while another thread
   writes to standard output, a full pipe. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            fprintf(stderr, "FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                          \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

extern int _IO_flush_all(void);

static int new_file(void)
{
    char name[] = "stdio_all.XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0);
    return fd;
}

static void show(const char *what, int fd)
{
    char text[200];
    long n = pread(fd, text, sizeof text, 0);
    CHECK(n >= 0);
    fprintf(stderr, "%s: %.*s\n", what, (int)n, text);
}

static void fill(int fd)
{
    static const char block[4096];
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK);
    while (write(fd, block, sizeof block) > 0)
        ;
    fcntl(fd, F_SETFL, flags);
}

static void *empty(void *fd)
{
    static char block[4096];
    long n, total = 0;
    while ((n = read((int)(long)fd, block, sizeof block)) > 0)
        total += n;
    return (void *)total;
}

/* ---- what ---- */

static void what(void)
{
    int fd = new_file(), input = new_file();
    FILE *one = fdopen(fd, "w"), *two = fdopen(dup(fd), "w"), *wide = fdopen(dup(fd), "w"), *in = fdopen(input, "r+");
    FILE *full = fopen("/dev/full", "w"), *own = fdopen(dup(fd), "w");
    char *text = NULL;
    size_t size = 99;
    FILE *memory = open_memstream(&text, &size);
    CHECK(write(input, "abcdef", 6) == 6 && lseek(input, 0, SEEK_SET) == 0 && getc(in) == 'a');
    fputs("memory", memory);
    CHECK(fflush(memory) == 0);
    fputs(", more", memory);
    fputs("one ", one);
    fputs("two ", two);
    fputws(L"wide ", wide);
    __fsetlocking(own, FSETLOCKING_BYCALLER);
    fputs("own ", own);
    fprintf(stderr, "flushed: %d\n", fflush(NULL));
    show("in this order", fd);
    fprintf(stderr, "memory: %zu, place in the input: %ld, at %ld, orientation %d\n", size,
            (long)lseek(input, 0, SEEK_CUR), ftell(in), fwide(one, 0));
    fputs("x", full);
    fputs("again ", one);
    errno = 0;
    int r = fflush(NULL), e = errno;
    fprintf(stderr, "with an error: %d\n", r);
    fprintf(stderr, "%s, %d\n", strerror(e), ferror(full));
    __fpurge(full);
    show("the others", fd);
    fputs("kin ", two);
    fprintf(stderr, "flushed: %d\n", _IO_flush_all());
    setlinebuf(one);
    fputs("line", one);
    fputs("not", two);
    _flushlbf();
    show("only lines", fd);
    fclose(one);
    fclose(two);
    fclose(wide);
    fclose(own);
    show("in the end", fd >= 0 ? dup(input) : -1);
    fclose(in);
    fclose(full);
    fclose(memory);
    free(text);
}

/* ---- full ---- */

static volatile int drained, opened, flushing;

static void *flushes(void *arg)
{
    flushing = 1;
    CHECK(fflush(NULL) == 0);
    return arg;
}

static void *opens(void *arg)
{
    for (int i = 0; i < 40; i++) {
        FILE *f = fdopen(new_file(), "w+");
        CHECK(f != NULL && fprintf(f, "%d", i) > 0 && fflush(f) == 0 && fclose(f) == 0);
        opened += !drained;
    }
    return arg;
}

static void full(int print)
{
    int fds[2];
    void *got;
    pthread_t flusher, opener[2], reader;
    CHECK(pipe(fds) == 0);
    FILE *f = fdopen(fds[1], "w");
    fill(fds[1]);
    fputs("hello", f);
    CHECK(pthread_create(&flusher, NULL, flushes, NULL) == 0);
    while (!flushing)
        usleep(500);
    usleep(20000);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&opener[i], NULL, opens, NULL) == 0);
    usleep(300000);
    drained = 1;
    CHECK(pthread_create(&reader, NULL, empty, (void *)(long)fds[0]) == 0);
    CHECK(pthread_join(flusher, NULL) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_join(opener[i], NULL) == 0);
    fclose(f);
    CHECK(pthread_join(reader, &got) == 0);
    fprintf(stderr, "%ld bytes\n", (long)got % 4096);
    if (print)
        fprintf(stderr, "%d opened meanwhile\n", opened);
}

/* ---- exit ---- */

/* A child counts. */
static void ends(void)
{
    static char block[4096];
    int fds[2];
    pthread_t flusher;
    long n, total = 0;
    CHECK(pipe(fds) == 0);
    FILE *f = fdopen(fds[1], "w"), *g = fdopen(dup(fds[1]), "w");
    fill(fds[1]);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0) {
        fputs("hello", f);
        fputs("again", g);
        CHECK(pthread_create(&flusher, NULL, flushes, NULL) == 0);
        while (!flushing)
            usleep(500);
        usleep(10000);
        exit(3);
    }
    fclose(f);
    fclose(g);
    usleep(100000);
    while ((n = read(fds[0], block, sizeof block)) > 0)
        total += n;
    fprintf(stderr, "%ld bytes\n", total % 4096);
    _exit(0);
}

/* ---- cancel ---- */

static void cancel(void)
{
    for (int i = 0; i < 10; i++) {
        int fds[2];
        void *got;
        pthread_t flusher, reader;
        CHECK(pipe(fds) == 0);
        FILE *f = fdopen(fds[1], "w");
        fill(fds[1]);
        fputs("hello", f);
        flushing = 0;
        CHECK(pthread_create(&flusher, NULL, flushes, NULL) == 0);
        while (!flushing)
            usleep(500);
        usleep(3000);
        CHECK(pthread_cancel(flusher) == 0 && pthread_join(flusher, &got) == 0 && got == PTHREAD_CANCELED);
        CHECK(ftrylockfile(f) == 0);
        funlockfile(f);
        CHECK(pthread_create(&reader, NULL, empty, (void *)(long)fds[0]) == 0);
        FILE *other = fopen("/dev/null", "w");
        CHECK(other != NULL && fclose(other) == 0 && fclose(f) == 0);
        CHECK(pthread_join(reader, &got) == 0);
        fprintf(stderr, "%ld bytes\n", (long)got % 4096);
        close(fds[0]);
    }
}

/* ---- rounds ---- */

enum { WRITERS = 4 };
static int rounds, pipes[2];

static void *writes(void *arg)
{
    unsigned seed = (unsigned)(long)arg;
    FILE *f = fdopen(dup(pipes[1]), "w");
    for (int i = 0; i < rounds; i++) {
        fprintf(f, "%0100d", i);
        switch (rand_r(&seed) % 8) {
        case 0:
            CHECK(fflush(NULL) == 0);
            break;
        case 1:
            CHECK(fclose(f) == 0);
            f = fdopen(dup(pipes[1]), "w");
            break;
        case 2:
            usleep(rand_r(&seed) % 300);
            break;
        case 3:
            CHECK(fflush(f) == 0);
            break;
        }
    }
    fclose(f);
    return NULL;
}

static void at_random(int n)
{
    pthread_t t[WRITERS], reader;
    void *got;
    rounds = n;
    CHECK(pipe(pipes) == 0);
    fcntl(pipes[1], F_SETPIPE_SZ, 4096);
    CHECK(pthread_create(&reader, NULL, empty, (void *)(long)pipes[0]) == 0);
    for (long i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&t[i], NULL, writes, (void *)(i + 1)) == 0);
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    close(pipes[1]);
    CHECK(pthread_join(reader, &got) == 0);
    fprintf(stderr, "%ld bytes\n", (long)got);
}

/* ---- input ---- */

static void *reads(void *f)
{
    char text[20];
    flushing = 1;
    CHECK(fgets(text, sizeof text, f) != NULL);
    fprintf(stderr, "read %s", text);
    return f;
}

static void *prints(void *arg)
{
    CHECK(printf("out\n") == 4 && fflush(stdout) == 0);
    return arg;
}

static void *yields(void *arg)
{
    for (int i = 0; i < 300; i++)
        usleep(100);
    return arg;
}

static void input(void)
{
    int in[2];
    void *got;
    pthread_t printer, reader, drain, other;
    CHECK(pipe(in) == 0 && pipe(pipes) == 0 && dup2(pipes[1], 1) == 1 && close(pipes[1]) == 0);
    FILE *f = fdopen(in[0], "r");
    setlinebuf(f);
    fill(1);
    CHECK(pthread_create(&printer, NULL, prints, NULL) == 0);
    usleep(20000);
    CHECK(pthread_create(&reader, NULL, reads, f) == 0);
    CHECK(write(in[1], "line\n", 5) == 5);
    CHECK(pthread_create(&other, NULL, yields, NULL) == 0 && pthread_join(other, NULL) == 0);
    CHECK(pthread_create(&drain, NULL, empty, (void *)(long)pipes[0]) == 0);
    CHECK(pthread_join(printer, NULL) == 0 && pthread_join(reader, NULL) == 0);
    fclose(stdout);
    CHECK(pthread_join(drain, &got) == 0);
    fprintf(stderr, "%ld bytes\n", (long)got % 4096);
}

static void *in_thread(void *arg)
{
    what();
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t t;
    alarm(40);
    if (strcmp(argv[1], "what") == 0) {
        what();
        CHECK(pthread_create(&t, NULL, in_thread, NULL) == 0 && pthread_join(t, NULL) == 0);
    }
    if (strcmp(argv[1], "full") == 0)
        full(argc > 2);
    if (strcmp(argv[1], "exit") == 0)
        ends();
    if (strcmp(argv[1], "cancel") == 0)
        cancel();
    if (strcmp(argv[1], "rounds") == 0)
        at_random(atoi(argv[2]));
    if (strcmp(argv[1], "input") == 0)
        input();
    return 0;
}
