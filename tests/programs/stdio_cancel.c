/*
 * A thread that is cancelled while it waits in a stream gives the stream's lock back: others wait for it meanwhile, and
 * use it then. Many rounds, the cancellation against the data.
 * (In such a round libc itself may lose a line: this is for a shim that promises better.)
 * usage: stdio_cancel ROUNDS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static FILE *in, *out;
static int cleaned;

static void clean(void *unused)
{
    cleaned++;
}

static void *reader(void *unused)
{
    char buf[100];
    void *r;
    pthread_cleanup_push(clean, NULL);
    r = fgets(buf, sizeof buf, in);
    pthread_cleanup_pop(0);
    return r != NULL ? "read" : "end";
}

static void *second(void *result)
{
    char *buf = result;
    return fgets(buf, 100, in);
}

static void *filler(void *unused)
{
    static char big[300000];
    fwrite(big, 1, sizeof big, out);
    return NULL;
}

/* Cannot be ended: libc has turned cancellation off for the stream. */
static void *shielded(void *name)
{
    char buf[100];
    FILE *f = fopen(name, "rc");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    char *got = fgets(buf, sizeof buf, f);
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    fclose(f);
    return got != NULL ? "read" : "end";
}

int main(int argc, char **argv)
{
    int rounds = atoi(argv[1]), p[2], cancelled = 0, read_all = 0;
    pthread_t t, u;
    void *r;
    char buf[100], name[100];
    srand(1);
    for (int i = 0; i < rounds; i++) {
        CHECK(pipe(p) == 0);
        in = fdopen(p[0], "r");
        CHECK(pthread_create(&t, NULL, reader, NULL) == 0);
        if (i % 3 == 0)
            usleep(rand() % 300);
        CHECK(pthread_create(&u, NULL, second, buf) == 0);
        if (i % 2 == 0)
            usleep(rand() % 300);
        int before = cleaned;
        pthread_cancel(t);
        if (i % 5 == 0)
            sched_yield();
        CHECK(write(p[1], "one\n", 4) == 4);
        CHECK(pthread_join(t, &r) == 0);
        if (r == PTHREAD_CANCELED) { /* before the read, or in it: then its cleanup ran */
            cancelled++;
            CHECK(cleaned <= before + 1);
        } else {
            CHECK(strcmp(r, "read") == 0);
            read_all++;
            CHECK(write(p[1], "two\n", 4) == 4);
        }
        CHECK(pthread_join(u, &r) == 0);
        CHECK(r == buf && strcmp(buf, "one\n") * strcmp(buf, "two\n") == 0);
        CHECK(fclose(in) == 0);
        close(p[1]);
    }
    CHECK(cancelled + read_all == rounds && (cancelled > 0 || rounds == 0));

    CHECK(pipe(p) == 0);
    out = fdopen(p[1], "w");
    CHECK(pthread_create(&t, NULL, filler, NULL) == 0);
    usleep(20000);
    CHECK(pthread_cancel(t) == 0 && pthread_join(t, &r) == 0 && r == PTHREAD_CANCELED);
    CHECK(ftrylockfile(out) == 0);
    funlockfile(out);
    close(p[0]);

    CHECK(pipe(p) == 0);
    sprintf(name, "/proc/self/fd/%d", p[0]);
    CHECK(pthread_create(&t, NULL, shielded, name) == 0);
    usleep(20000);
    CHECK(pthread_cancel(t) == 0);
    usleep(20000);
    CHECK(write(p[1], "line\n", 5) == 5);
    CHECK(pthread_join(t, &r) == 0 && r != PTHREAD_CANCELED && strcmp(r, "read") == 0);
    printf("%d rounds\n", rounds);
    return 0;
}
