/* coax_cancel and coax_with_timeout end a wait in a stream. The stream, its lock and what it has read stay as they are:
   others get it, and the same thread may go on. Many rounds of the cancellation against the data. */
#define _GNU_SOURCE
#include <coax.h>
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

static FILE *in;
static int fds[2];

static int one_line(void *buf)
{
    errno = 0;
    char *r = fgets(buf, 100, in);
    return r != NULL ? 0 : errno;
}

static void *reader(void *buf)
{
    long e = one_line(buf);
    if (e == ECANCELED) {
        CHECK(ferror(in) && !feof(in));
        clearerr(in);
    }
    return (void *)e;
}

static void *filler(void *unused)
{
    (void)unused;
    static char big[300000];
    FILE *out = fdopen(fds[1], "w");
    errno = 0;
    CHECK(fwrite(big, 1, sizeof big, out) < sizeof big && ferror(out));
    return (void *)(long)errno;
}

int main(void)
{
    char buf[100], other[100];
    int ended = 0;
    void *r;
    pthread_t t, u;
    srand(3);
    CHECK(pipe(fds) == 0);
    in = fdopen(fds[0], "r");
    CHECK(coax_with_timeout(0.03, one_line, buf) == ETIMEDOUT && ferror(in));
    clearerr(in);
    CHECK(write(fds[1], "half", 4) == 4);
    CHECK(coax_with_timeout(0.03, one_line, buf) == ETIMEDOUT);
    clearerr(in);
    CHECK(write(fds[1], "line\n", 5) == 5);
    CHECK(coax_with_timeout(10, one_line, buf) == 0 && strcmp(buf, "line\n") == 0);
    for (int i = 0; i < 1000; i++) {
        CHECK(pthread_create(&t, NULL, reader, buf) == 0);
        if (i % 3 == 0)
            usleep(rand() % 300);
        CHECK(pthread_create(&u, NULL, reader, other) == 0);
        if (i % 2 == 0)
            usleep(rand() % 300);
        CHECK(coax_cancel(t) == 0);
        if (i % 5 == 0)
            coax_yield();
        CHECK(write(fds[1], "one\n", 4) == 4);
        pthread_join(t, &r);
        if ((long)r == 0)
            CHECK(write(fds[1], "two\n", 4) == 4);
        else
            CHECK((long)r == ECANCELED);
        ended += r != NULL;
        pthread_join(u, &r);
        CHECK(r == NULL);
    }
    CHECK(ended > 0);
    CHECK(pthread_create(&t, NULL, filler, NULL) == 0);
    usleep(20000);
    CHECK(coax_cancel(t) == 0);
    pthread_join(t, &r);
    CHECK((long)r == ECANCELED);
    puts("ok");
    return 0;
}
