/*
 * Lists of asynchronous I/O: who waits for one lets the others run; errors, handlers, notices of every kind.
 */
#define _GNU_SOURCE
#include <aio.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { N = 3, ROUNDS = 150 };

static int ends[N][2], file;
static char from[N];
static atomic_int handled, called, signalled, counted, stop;
static pthread_t waiting;
static sem_t told;

static struct aiocb request(int opcode, int fd, char *buf, size_t n)
{
    struct aiocb cb;
    memset(&cb, 0, sizeof cb);
    cb.aio_lio_opcode = opcode;
    cb.aio_fildes = fd;
    cb.aio_buf = buf;
    cb.aio_nbytes = n;
    return cb;
}

static void handler(int sig)
{
    atomic_fetch_add(&handled, 1);
}

static void on_end(int sig, siginfo_t *info, void *context)
{
    if (info->si_code == SI_ASYNCIO && info->si_value.sival_int == 5)
        atomic_fetch_add(&signalled, 1);
    sem_post(&told);
}

static void on_thread(union sigval v)
{
    atomic_fetch_add(&called, v.sival_int);
    sem_post(&told);
}

static void *writes(void *delay)
{
    for (int i = N; i-- > 0;) {
        usleep((useconds_t)(long)delay);
        CHECK(write(ends[i][1], "abc" + i, 1) == 1);
    }
    return NULL;
}

/* Runs all the time: the wait must not stop it. */
static void *counts(void *unused)
{
    while (!atomic_load(&stop)) {
        atomic_fetch_add(&counted, 1);
        usleep(500);
    }
    return NULL;
}

static struct aiocb reads[N];
static struct aiocb *list[N + 2];

static void prepare(void)
{
    for (int i = 0; i < N; i++) {
        reads[i] = request(LIO_READ, ends[i][0], &from[i], 1);
        list[i] = &reads[i];
        from[i] = '-';
    }
    list[N] = list[N + 1] = NULL;
}

static void expect(void)
{
    for (int i = 0; i < N; i++)
        CHECK(aio_error(&reads[i]) == 0 && aio_return(&reads[i]) == 1 && from[i] == "abc"[i]);
}

static void waits(void)
{
    pthread_t t, c;
    struct aiocb out = request(LIO_WRITE, file, "text", 4), nothing = request(LIO_NOP, -1, NULL, 0);
    CHECK(pthread_create(&c, NULL, counts, NULL) == 0);
    while (atomic_load(&counted) < 2)
        usleep(500);
    prepare();
    list[N] = &out;
    list[N + 1] = &nothing;
    int before = atomic_load(&counted);
    CHECK(pthread_create(&t, NULL, writes, (void *)10000l) == 0);
    CHECK(lio_listio(LIO_WAIT, list, N + 2, NULL) == 0);
    CHECK(atomic_load(&counted) - before >= 3);
    CHECK(aio_error(&out) == 0 && aio_return(&out) == 4);
    expect();
    CHECK(pthread_join(t, NULL) == 0);
    atomic_store(&stop, 1);
    CHECK(pthread_join(c, NULL) == 0);
    CHECK(lio_listio(LIO_WAIT, list + N + 1, 1, NULL) == 0);
    CHECK(lio_listio(LIO_WAIT, list, 0, NULL) == 0);
    puts("all are waited for");
}

static void errors(void)
{
    struct aiocb good = request(LIO_WRITE, file, "text", 4), wrong = request(LIO_READ, -1, from, 1);
    struct aiocb *two[2] = {&wrong, &good};
    CHECK(lio_listio(LIO_WAIT, two, 2, NULL) == -1 && errno == EIO);
    CHECK(aio_error(&wrong) == EBADF && aio_error(&good) == 0 && aio_return(&good) == 4);
    CHECK(lio_listio(7, two, 2, NULL) == -1 && errno == EINVAL);
    puts("one that fails");
}

static void *kills(void *unused)
{
    usleep(20000);
    CHECK(pthread_kill(waiting, SIGUSR1) == 0);
    return NULL;
}

static void interrupted(int flags)
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = flags};
    pthread_t k, w;
    CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
    atomic_store(&handled, 0);
    prepare();
    waiting = pthread_self();
    CHECK(pthread_create(&k, NULL, kills, NULL) == 0);
    if (flags != 0)
        CHECK(pthread_create(&w, NULL, writes, (void *)20000l) == 0);
    int r = lio_listio(LIO_WAIT, list, N, NULL);
    CHECK(flags != 0 ? r == 0 : r == -1 && errno == EINTR);
    CHECK(atomic_load(&handled) == 1);
    CHECK(pthread_join(k, NULL) == 0);
    CHECK((flags != 0 || pthread_create(&w, NULL, writes, NULL) == 0) && pthread_join(w, NULL) == 0);
    for (int i = 0; i < N; i++) {
        const struct aiocb *one = &reads[i];
        while (aio_error(one) == EINPROGRESS)
            CHECK(aio_suspend(&one, 1, NULL) == 0);
    }
    expect();
    puts("a handler");
}

static void notices(void)
{
    struct sigaction act = {.sa_sigaction = on_end, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent s = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 5};
    struct sigevent t = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_thread, .sigev_value.sival_int = 9};
    struct sigevent none = {.sigev_notify = SIGEV_NONE};
    struct sigevent *events[] = {&s, &t, &none, NULL};
    CHECK(sigaction(SIGUSR2, &act, NULL) == 0);
    for (int i = 0; i < 4; i++) {
        pthread_t w;
        prepare();
        CHECK(lio_listio(LIO_NOWAIT, list, N, events[i]) == 0);
        CHECK(pthread_create(&w, NULL, writes, (void *)1000l) == 0 && pthread_join(w, NULL) == 0);
        while (i < 2 && sem_wait(&told) != 0)
            CHECK(errno == EINTR);
        for (int k = 0; k < N; k++) {
            const struct aiocb *one = &reads[k];
            while (aio_error(one) == EINPROGRESS)
                CHECK(aio_suspend(&one, 1, NULL) == 0 || errno == EINTR);
        }
        expect();
    }
    CHECK(atomic_load(&signalled) == 1 && atomic_load(&called) == 9);
    puts("notices");
}

/* What ends while the wait begins. */
static void rounds(void)
{
    unsigned seed = 1;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_t w;
        prepare();
        CHECK(pthread_create(&w, NULL, writes, (void *)(long)(rand_r(&seed) % 120)) == 0);
        usleep((useconds_t)rand_r(&seed) % 200);
        CHECK(lio_listio(LIO_WAIT, list, N, NULL) == 0);
        expect();
        CHECK(pthread_join(w, NULL) == 0);
    }
    puts("rounds");
}

/* No cancellation point: the request comes true later. */
static void *cancelled(void *unused)
{
    prepare();
    sem_post(&told);
    CHECK(lio_listio(LIO_WAIT, list, N, NULL) == 0);
    atomic_store(&counted, -7);
    pthread_testcancel();
    return NULL;
}

static void other_names(void)
{
    int (*of64)(int, struct aiocb *const *, int, struct sigevent *) = (void *)lio_listio64;
    int (*older)(int, struct aiocb *const *, int, struct sigevent *) = dlvsym(RTLD_DEFAULT, "lio_listio", "GLIBC_2.4");
    int (*older64)(int, struct aiocb *const *, int, struct sigevent *) = dlvsym(RTLD_DEFAULT, "lio_listio64", "GLIBC_2.4");
    int (*all[])(int, struct aiocb *const *, int, struct sigevent *) = {of64, older, older64};
    for (int i = 0; i < 3; i++) {
        pthread_t w;
        prepare();
        CHECK(pthread_create(&w, NULL, writes, (void *)2000l) == 0);
        CHECK(all[i](LIO_WAIT, list, N, NULL) == 0);
        expect();
        CHECK(pthread_join(w, NULL) == 0);
    }
    puts("other names");
}

/* ends: with a handler that ends the wait, too. There libc itself, bare, leaves its requests with what was on the
 * stack. */
static void *all(void *ends_it)
{
    pthread_t t;
    void *result;
    waits();
    errors();
    interrupted(SA_RESTART);
    if (ends_it)
        interrupted(0);
    notices();
    rounds();
    other_names();
    CHECK(pthread_create(&t, NULL, cancelled, NULL) == 0);
    sem_wait(&told);
    usleep(10000);
    CHECK(pthread_cancel(t) == 0);
    usleep(10000);
    writes(NULL);
    CHECK(pthread_join(t, &result) == 0 && result == PTHREAD_CANCELED && atomic_load(&counted) == -7);
    expect();
    puts("cancelled afterwards");
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t;
    setbuf(stdout, NULL);
    alarm(50);
    sem_init(&told, 0, 0);
    for (int i = 0; i < N; i++)
        CHECK(pipe(ends[i]) == 0);
    CHECK((file = fileno(tmpfile())) >= 0);
    CHECK(pthread_create(&t, NULL, all, argv[1]) == 0);
    CHECK(pthread_join(t, NULL) == 0);
    return 0;
}
