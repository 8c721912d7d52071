/* Descriptor numbers that are a file now and a pipe next: threads open, read, copy and close files and directories, and
 * wait on pipes, FIFOs and sockets that get the same numbers, while signals interrupt them whose handlers do the same. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { THREADS = 4, ROUNDS = 1500, SIZE = 5000, ENTRIES = 20 };

static char dir[200], file[250];
static volatile int over;
static int handled, working = THREADS;

static void read_whole(int fd)
{
    char buf[3000];
    ssize_t n, all = 0;
    while ((n = read(fd, buf, sizeof buf)) > 0) {
        CHECK(buf[0] == 'f' && buf[n - 1] == 'f');
        all += n;
    }
    CHECK(n == 0 && all == SIZE);
}

static int open_file(void)
{
    int fd;
    do
        fd = open(file, O_RDONLY | O_CLOEXEC);
    while (fd < 0 && errno == EINTR);
    CHECK(fd >= 0);
    return fd;
}

static void use_file(unsigned *seed)
{
    struct stat st;
    int fd = open_file();
    if (rand_r(seed) % 2)
        CHECK(fstat(fd, &st) == 0 && st.st_size == SIZE);
    read_whole(fd);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    int copy = rand_r(seed) % 2 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : dup(fd);
    CHECK(copy >= 0 && copy != fd && close(fd) == 0);
    read_whole(copy);
    CHECK(close(copy) == 0);
}

static void use_directory(void)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
    char c;
    CHECK(fd >= 0 && read(fd, &c, 1) == -1 && errno == EISDIR);
    DIR *d = fdopendir(fd);
    CHECK(d != NULL);
    while (readdir(d) != NULL)
        n++;
    CHECK(n == ENTRIES + 2 && closedir(d) == 0);
}

/* A thread of its own writes a while later. */
static void *write_later(void *arg)
{
    int fd = *(int *)arg;
    struct timespec t = {0, fd % 7 * 30000};
    nanosleep(&t, NULL);
    CHECK(write(fd, "p", 1) == 1);
    return NULL;
}

static void wait_on(const int fds[2], int twice, unsigned *seed)
{
    pthread_t t;
    char c = 0;
    ssize_t n;
    int from = twice ? dup(fds[0]) : fds[0], to = fds[1];
    CHECK(from >= 0 && pthread_create(&t, NULL, write_later, &to) == 0);
    if (rand_r(seed) % 2) {
        struct pollfd p = {from, POLLIN, 0};
        while (poll(&p, 1, -1) < 0)
            CHECK(errno == EINTR);
    }
    while ((n = read(from, &c, 1)) < 0)
        CHECK(errno == EINTR);
    CHECK(n == 1 && c == 'p' && pthread_join(t, NULL) == 0);
    if (twice)
        CHECK(close(from) == 0);
    CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
}

static void use_fifo(int number, unsigned *seed)
{
    char path[250];
    int fds[2];
    snprintf(path, sizeof path, "%s/%d", dir, number);
    fds[1] = open(path, O_RDWR | O_CLOEXEC);
    do
        fds[0] = open(path, O_RDONLY | O_CLOEXEC);
    while (fds[0] < 0 && errno == EINTR);
    CHECK(fds[0] >= 0 && fds[1] >= 0);
    wait_on(fds, 0, seed);
}

static void *work(void *arg)
{
    int number = (int)(long)arg, fds[2];
    unsigned seed = number + 1;
    for (int i = 0; i < ROUNDS; i++) {
        switch (rand_r(&seed) % 6) {
        case 0:
            use_directory();
            break;
        case 1:
            CHECK(pipe2(fds, O_CLOEXEC) == 0);
            wait_on(fds, rand_r(&seed) % 2, &seed);
            break;
        case 2:
            CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
            wait_on(fds, rand_r(&seed) % 2, &seed);
            break;
        case 3:
            use_fifo(number, &seed);
            break;
        default:
            use_file(&seed);
        }
    }
    __atomic_fetch_sub(&working, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void handler(int sig)
{
    int error = errno, fd = open_file();
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && st.st_size == SIZE && stat(dir, &st) == 0 && S_ISDIR(st.st_mode));
    read_whole(fd);
    CHECK(close(fd) == 0);
    errno = error;
    __atomic_fetch_add(&handled, 1, __ATOMIC_SEQ_CST);
    (void)sig;
}

static void *disturb(void *arg)
{
    pthread_t *t = arg;
    unsigned seed = 77;
    while (!over) {
        struct timespec pause = {0, rand_r(&seed) % 700000};
        nanosleep(&pause, NULL);
        if (!over)
            pthread_kill(t[rand_r(&seed) % THREADS], SIGUSR1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static char text[SIZE];
    pthread_t t[THREADS], d;
    char path[250];
    CHECK(argc == 2);
    setvbuf(stdout, NULL, _IONBF, 0);
    snprintf(dir, sizeof dir, "%s/numbers", argv[1]);
    snprintf(file, sizeof file, "%s/file", argv[1]);
    mkdir(dir, 0700);
    for (int i = 0; i < ENTRIES; i++) {
        snprintf(path, sizeof path, "%s/%d", dir, i);
        CHECK(mkfifo(path, 0600) == 0 || errno == EEXIST);
    }
    memset(text, 'f', sizeof text);
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, text, SIZE) == SIZE && close(fd) == 0);
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &act, NULL) == 0);
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, work, (void *)i) == 0);
    CHECK(pthread_create(&d, NULL, disturb, t) == 0);
    while (__atomic_load_n(&working, __ATOMIC_SEQ_CST) > 0)
        usleep(1000);
    over = 1;
    CHECK(pthread_join(d, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    int next = open(file, O_RDONLY);
    printf("rounds done, signals %s, the next number is %d\n", handled > 0 ? "handled" : "none", next);
    return 0;
}
