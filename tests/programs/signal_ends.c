/* A handler with SA_ONSTACK and without SA_RESTART ends flock, the open of a FIFO and F_SETLKW with EINTR, also when
 * some thread has an alternate stack. Its files are in the current directory. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static const char locked[] = "signal_ends.lock", fifo[] = "signal_ends.fifo";

static void handler(int sig)
{
    (void)sig;
}

static int open_locked(void)
{
    int fd = open(locked, O_RDWR | O_CREAT, 0600);
    CHECK(fd >= 0);
    return fd;
}

static void *locks_file(void *arg)
{
    int fd = open_locked();
    return (void *)(long)(flock(fd, LOCK_EX) == 0 ? 0 : errno);
}

static void *opens_fifo(void *arg)
{
    return (void *)(long)(open(fifo, O_RDONLY) >= 0 ? 0 : errno);
}

static void *locks_record(void *arg)
{
    struct flock lock = {.l_type = F_WRLCK};
    int fd = open_locked();
    return (void *)(long)(fcntl(fd, F_SETLKW, &lock) == 0 ? 0 : errno);
}

/* It may not wait yet when the first signal comes. */
static void ends(const char *call, void *(*function)(void *))
{
    pthread_t thread;
    void *error;
    int left = 50;
    CHECK(pthread_create(&thread, NULL, function, NULL) == 0);
    do {
        usleep(20000);
        pthread_kill(thread, SIGUSR1);
    } while (pthread_tryjoin_np(thread, &error) != 0 && --left > 0);
    printf("%s: %s\n", call, left == 0 ? "goes on" : (long)error == EINTR ? "EINTR" : strerror((int)(long)error));
    fflush(stdout);
    if (left == 0)
        _exit(1);
}

/* Another process, until the write end is closed. */
static void hold_record(int ready, int end)
{
    struct flock lock = {.l_type = F_WRLCK};
    char c = 0;
    CHECK(fcntl(open_locked(), F_SETLK, &lock) == 0);
    CHECK(write(ready, &c, 1) == 1);
    (void)!read(end, &c, 1);
    _exit(0);
}

static pid_t hold(int *end)
{
    int ready[2], until[2];
    char c;
    CHECK(pipe(ready) == 0 && pipe(until) == 0);
    pid_t child = fork();
    if (child == 0) {
        close(until[1]);
        hold_record(ready[1], until[0]);
    }
    CHECK(read(ready[0], &c, 1) == 1);
    *end = until[1];
    return child;
}

int main(void)
{
    static char memory[65536];
    stack_t stack = {.ss_sp = memory, .ss_size = sizeof memory};
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    int end;
    CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
    pid_t child = hold(&end);
    CHECK(sigaltstack(&stack, NULL) == 0);
    CHECK(flock(open_locked(), LOCK_EX) == 0);
    CHECK(mkfifo(fifo, 0600) == 0 || errno == EEXIST);
    ends("flock", locks_file);
    ends("open", opens_fifo);
    ends("F_SETLKW", locks_record);
    close(end);
    waitpid(child, NULL, 0);
    return 0;
}
