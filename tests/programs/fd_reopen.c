/* A number that gets a new file: freopen, and a dup2 or dup3 that fails and must leave the number, and who waits on it,
 * alone.
 * usage: fd_reopen THREADS FILE FIFO */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern int _IO_fclose(FILE *);

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #e, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

static int p[2];

static void *reads(void *unused)
{
    char c;
    CHECK(read(p[0], &c, 1) == 1 && c == 'x');
    return NULL;
}

int main(int argc, char **argv)
{
    int n = atoi(argv[1]), closed = dup(1);
    pthread_t t[16];
    char line[16];
    FILE *f = fopen(argv[2], "w+");
    CHECK(f != NULL && pipe(p) == 0);
    close(closed);
    for (int i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, reads, NULL) == 0);
    usleep(20000);
    CHECK(dup2(closed, p[0]) == -1 && errno == EBADF);
    CHECK(dup2(-1, p[0]) == -1 && errno == EBADF);
    CHECK(dup3(closed, p[0], 0) == -1 && errno == EBADF);
    CHECK(dup3(1, p[0], 12345) == -1 && errno == EINVAL);
    CHECK(dup3(p[0], p[0], 0) == -1 && errno == EINVAL);
    CHECK(close_range(p[0], p[0], 1234) == -1 && errno == EINVAL);
    CHECK(write(p[1], "xxxxxxxxxxxxxxxx", n) == n);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    int fd = fileno(f);
    CHECK(write(fd, "file\n", 5) == 5);
    CHECK((f = freopen("/dev/null", "r", f)) != NULL && fileno(f) == fd);
    CHECK(read(fd, line, sizeof line) == 0);
    CHECK((f = freopen64(argv[2], "r", f)) != NULL && fileno(f) == fd);
    CHECK(read(fd, line, sizeof line) == 5 && memcmp(line, "file\n", 5) == 0);
    CHECK((f = freopen(argv[3], "r+", f)) != NULL && fileno(f) == fd); /* a FIFO, both ends */
    CHECK(write(fd, "fifo", 4) == 4 && read(fd, line, sizeof line) == 4);
    CHECK(_IO_fclose(f) == 0 && fcntl(fd, F_GETFD) == -1);
    CHECK(freopen("/does/not/exist", "r", stdin) == NULL && errno == ENOENT);
    puts("well");
    return 0;
}
