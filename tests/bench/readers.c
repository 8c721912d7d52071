/*
 * readers N [STACK]: N threads wait in read at the same time, on as many pipes as the descriptor limit allows; then
 * every one of them gets its byte. Prints how many there were, and the seconds from the first to the last.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

enum { SPARE = 64 };

static int (*pipes)[2];
static long pipe_count, started, got;

static void *wait_for_byte(void *arg)
{
    char c;

    __atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
    if (read(pipes[(long)arg % pipe_count][0], &c, 1) == 1 && c == 'x')
        __atomic_add_fetch(&got, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void open_pipes(long n)
{
    struct rlimit limit;

    check("RLIMIT_NOFILE", getrlimit(RLIMIT_NOFILE, &limit) ? errno : 0);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    pipe_count = (long)(limit.rlim_cur - SPARE) / 2;
    if (pipe_count > n)
        pipe_count = n;
    pipes = calloc((size_t)pipe_count, sizeof *pipes);
    for (long i = 0; i < pipe_count; i++)
        check("pipe", pipe(pipes[i]) ? errno : 0);
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 100000), stack = argument(argc, argv, 2, 65536), made;
    pthread_t *t = calloc((size_t)n, sizeof *t);
    double start = now();
    pthread_attr_t attr;

    open_pipes(n);
    pthread_attr_init(&attr);
    check("stack size", pthread_attr_setstacksize(&attr, (size_t)stack));
    for (made = 0; made < n; made++) {
        int error = pthread_create(&t[made], &attr, wait_for_byte, (void *)made);

        if (error) {
            fprintf(stderr, "only %ld of %ld threads: %s\n", made, n, strerror(error));
            break;
        }
    }
    while (__atomic_load_n(&started, __ATOMIC_SEQ_CST) < made)
        usleep(1000);
    usleep(20000);
    if (__atomic_load_n(&got, __ATOMIC_SEQ_CST) > 0)
        check("a read ended before anything was written", EINVAL);
    for (long i = 0; i < made; i++)
        check("write", write(pipes[i % pipe_count][1], "x", 1) == 1 ? 0 : errno);
    for (long i = 0; i < made; i++)
        check("pthread_join", pthread_join(t[i], NULL));
    printf("threads %ld\nserved %ld\npipes %ld\nseconds %.2f\n", made, got, pipe_count, now() - start);
    return got != made;
}
