/* Blocking modes, actions, pipes of the two kinds, the count of who waits for children. The same lines under coax and
 * without it, except with "fibers". */
#define _GNU_SOURCE
#include <coax.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int wrong;

static void check(int good, const char *what)
{
    if (!good) {
        printf("wrong: %s (%s)\n", what, strerror(errno));
        wrong = 1;
    }
}

static int nonblock(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

struct work {
    int fd, calls, retry;
    char c;
};

static ssize_t reads(void *arg)
{
    struct work *w = arg;
    w->calls++;
    if (coax_readable(w->fd) != 1)
        return w->retry;
    return read(w->fd, &w->c, 1);
}

static ssize_t fails(void *arg)
{
    ++*(int *)arg;
    errno = EDOM;
    return -1;
}

static void *writes_late(void *arg)
{
    usleep(20000);
    check(write(*(int *)arg, "k", 1) == 1, "write");
    return NULL;
}

static void actions(void)
{
    int fds[2], calls = 0;
    struct work w;
    pthread_t t;
    memset(&w, 0, sizeof w);
    check(pipe(fds) == 0, "pipe");
    w.fd = fds[0];
    w.retry = COAX_RETRY;
    check(write(fds[1], "j", 1) == 1, "write");
    check(coax_wrap_syscall(COAX_READ, fds[0], reads, &w) == 1 && w.calls == 1 && w.c == 'j', "at once");
    pthread_create(&t, NULL, writes_late, &fds[1]);
    check(coax_wrap_syscall(COAX_READ, fds[0], reads, &w) == 1 && w.calls == 3 && w.c == 'k', "at the second call");
    pthread_join(t, NULL);
    pthread_create(&t, NULL, writes_late, &fds[1]);
    check(coax_register_action(COAX_READ, fds[0], reads, &w) == 1 && w.calls == 4 && w.c == 'k', "not before it is ready");
    pthread_join(t, NULL);
    w.retry = COAX_RETRY_READ;
    w.calls = 0;
    close(fds[0]);
    close(fds[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    w.fd = fds[0];
    pthread_create(&t, NULL, writes_late, &fds[1]);
    check(coax_register_action(COAX_WRITE, fds[0], reads, &w) == 1 && w.calls == 2 && w.c == 'k', "moved to the other event");
    pthread_join(t, NULL);
    check(coax_wrap_syscall(COAX_WRITE, fds[0], fails, &calls) == -1 && errno == EDOM && calls == 1, "an error of its own");
    check(coax_register_action(COAX_WRITE, fds[0], fails, &calls) == -1 && errno == EDOM && calls == 2, "an error of its own");
    check(coax_wrap_syscall(3, fds[0], fails, &calls) == -1 && errno == EINVAL, "both events");
    check(coax_register_action(0, fds[0], fails, &calls) == -1 && errno == EINVAL, "no event");
    check(coax_wrap_syscall(COAX_READ, fds[0], NULL, &calls) == -1 && errno == EINVAL, "no action");
    close(fds[0]);
    check(coax_wrap_syscall(COAX_READ, fds[0], fails, &calls) == -1 && errno == EBADF, "a closed one");
    check(coax_register_action(COAX_READ, -1, fails, &calls) == -1 && errno == EBADF && calls == 2, "none");
    close(fds[1]);
}

static void kinds(void)
{
    int fds[2], file = open("/proc/self/exe", O_RDONLY);
    check(pipe(fds) == 0, "pipe");
    check(coax_fd_blocking(fds[0]) == 0 && coax_fd_blocking(file) == 1, "by kind");
    check(coax_fd_blocking(-1) == -1 && errno == EBADF, "of none");
    close(file);
    check(coax_fd_blocking(file) == -1 && errno == EBADF, "of a closed one");
    close(fds[0]);
    close(fds[1]);
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    check(coax_fd_blocking(fds[0]) == 0, "a socket");
    close(fds[0]);
    close(fds[1]);
    check(coax_pipe_in(fds) == 0 && coax_fd_blocking(fds[0]) == 0, "coax_pipe_in");
    check(write(fds[1], "a", 1) == 1 && coax_readable(fds[0]) == 1 && !nonblock(fds[0]) && !nonblock(fds[1]), "a pipe");
    close(fds[0]);
    close(fds[1]);
    check(coax_pipe_out(fds) == 0 && coax_fd_blocking(fds[1]) == 0, "coax_pipe_out");
    close(fds[0]);
    close(fds[1]);
    check(coax_wait_count() == 0, "nobody waits");
}

/* ---- under coax ---- */

static void *reads_one(void *arg)
{
    char c = 0;
    return (void *)(long)(read(*(int *)arg, &c, 1) == 1 ? c : -errno);
}

static void modes(void)
{
    int fds[2], copy, raw[2];
    void *result;
    pthread_t t;
    check(pipe(fds) == 0, "pipe");
    check(coax_fd_set_blocking(fds[0], 0, 1) == 0 && nonblock(fds[0]) && coax_fd_blocking(fds[0]) == 0, "non-blocking");
    copy = dup(fds[0]);
    pthread_create(&t, NULL, reads_one, &fds[0]);
    usleep(5000);
    check(write(fds[1], "m", 1) == 1 && pthread_join(t, &result) == 0 && (long)result == 'm', "it waits all the same");
    pthread_create(&t, NULL, reads_one, &copy);
    usleep(5000);
    check(write(fds[1], "n", 1) == 1 && pthread_join(t, &result) == 0 && (long)result == 'n', "so does a copy");
    check(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0 && (long)reads_one(&fds[0]) == -EAGAIN, "the program's own flag");
    check(coax_fd_set_blocking(fds[0], 1, 1) == 0 && !nonblock(fds[0]) && coax_fd_blocking(fds[0]) == 1, "blocking");
    check(coax_fd_blocking(copy) == 0, "each number has its own mode");
    pthread_create(&t, NULL, reads_one, &fds[0]);
    usleep(5000);
    check(write(fds[1], "o", 1) == 1 && pthread_join(t, &result) == 0 && (long)result == 'o', "a blocking one waits, too");
    check(coax_fd_set_blocking(fds[0], -1, 0) == 0 && coax_fd_blocking(fds[0]) == 0 && !nonblock(fds[0]), "by kind again");
    check(coax_fd_set_blocking(fds[0], 2, 0) == -1 && errno == EINVAL, "a bad mode");
    check(coax_fd_set_blocking(fds[0], 0, 0) == 0 && !nonblock(fds[0]), "without the flag");
    check(coax_fd_set_blocking(0, 0, 1) == 0 && !nonblock(0), "never on stdin");
    close(fds[0]);
    check(coax_fd_set_blocking(fds[0], 0, 1) == -1 && errno == EBADF, "a closed one");
    close(copy);
    close(fds[1]);
    syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, raw);
    check(coax_fd_adopt(raw[0], -1, 1) == 0 && coax_fd_blocking(raw[0]) == 0 && nonblock(raw[0]), "adopted");
    pthread_create(&t, NULL, reads_one, &raw[0]);
    usleep(5000);
    check(write(raw[1], "p", 1) == 1 && pthread_join(t, &result) == 0 && (long)result == 'p', "an adopted one");
    check(coax_fd_abort(raw[0], EIO) == 0 && coax_fd_adopt(raw[0], 1, 0) == 0 && coax_fd_state(raw[0]) == COAX_FD_OPENED, "anew");
    check(coax_fd_adopt(-1, 0, 0) == -1 && errno == EBADF && coax_fd_adopt(raw[0], -2, 0) == -1 && errno == EINVAL, "bad ones");
    close(raw[0]);
    close(raw[1]);
}

static void *waits(void *arg)
{
    return (void *)(long)waitpid(*(pid_t *)arg, NULL, 0);
}

static void *registers(void *arg)
{
    int calls = 0;
    long r = coax_register_action(COAX_READ, *(int *)arg, fails, &calls);
    return (void *)(long)(r == -1 && errno == ECANCELED && calls == 0);
}

static void others(void)
{
    pthread_t t[3];
    pid_t children[3];
    void *result;
    int i, fds[2];
    for (i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            pause();
            _exit(0);
        }
        pthread_create(&t[i], NULL, waits, &children[i]);
    }
    usleep(10000);
    check(coax_wait_count() == 3, "three wait");
    for (i = 0; i < 3; i++)
        kill(children[i], SIGKILL);
    for (i = 0; i < 3; i++)
        check(pthread_join(t[i], &result) == 0 && (long)result == children[i], "its child");
    check(coax_wait_count() == 0, "none waits");
    check(pipe(fds) == 0, "pipe");
    pthread_create(&t[0], NULL, registers, &fds[0]);
    usleep(5000);
    check(coax_cancel(t[0]) == 0 && coax_join(t[0], &result) == -1 && errno == ECANCELED && result == (void *)1, "an action is cancelled");
    close(fds[0]);
    close(fds[1]);
}

int main(int argc, char **argv)
{
    alarm(60);
    kinds();
    actions();
    if (argc > 1 && strcmp(argv[1], "fibers") == 0) {
        modes();
        others();
        kinds();
    }
    printf("done\n");
    return wrong;
}
