/*
 * solo [BATCHES]: a single-threaded program makes short calls. Prints ns for one call of each kind: the least of many
 * batches, since what disturbs only ever adds.
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

enum { CALLS = 2000 };

static int zero, null, pipe_ends[2], socket_ends[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char c;

static long do_getppid(void) { return getppid() > 0; }
static long do_read(void) { return read(zero, &c, 1); }
static long do_write(void) { return write(null, &c, 1); }
static long do_pipe(void) { return write(pipe_ends[1], &c, 1) + read(pipe_ends[0], &c, 1) - 1; }
static long do_socket(void) { return send(socket_ends[1], &c, 1, 0) + recv(socket_ends[0], &c, 1, 0) - 1; }
static long do_poll(void) { return poll(&(struct pollfd){zero, POLLIN, 0}, 1, -1); }
static long do_lock(void) { return 1 + pthread_mutex_lock(&lock) + pthread_mutex_unlock(&lock); }

static double least(long batches, long (*call)(void))
{
    double best = 1e9;

    for (long b = 0; b < batches; b++) {
        double start = now(), one;

        for (int i = 0; i < CALLS; i++)
            if (call() != 1)
                check("call", errno ? errno : EIO);
        one = (now() - start) / CALLS * 1e9;
        if (one < best)
            best = one;
    }
    return best;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        long (*call)(void);
    } calls[] = {{"getppid", do_getppid}, {"read", do_read},   {"write", do_write}, {"pipe", do_pipe},
                 {"socket", do_socket},   {"poll", do_poll},   {"lock", do_lock}};
    long batches = argument(argc, argv, 1, 200);

    zero = open("/dev/zero", O_RDONLY);
    null = open("/dev/null", O_WRONLY);
    check("open", zero < 0 || null < 0 ? errno : 0);
    check("pipe", pipe(pipe_ends) ? errno : 0);
    check("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, socket_ends) ? errno : 0);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        printf("%s %.1f\n", calls[i].name, least(batches, calls[i].call));
    return 0;
}
