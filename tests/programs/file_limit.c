/* The limit on the size of a file: whoever passes it gets SIGXFSZ, that thread and no other, and EFBIG. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#define CHECK(e)                                                                                                       \
    do {                                                                                                               \
        if (!(e)) {                                                                                                    \
            printf("FAIL %s:%d %s (%s)\n", __FILE__, __LINE__, #e, strerror(errno));                                   \
            exit(1);                                                                                                   \
        }                                                                                                              \
    } while (0)

static __thread volatile int mine;

static void handler(int sig)
{
    mine++;
}

#define TOO_BIG(e)                                                                                                     \
    do {                                                                                                               \
        want++;                                                                                                        \
        CHECK((e) == -1 && errno == EFBIG);                                                                            \
        if (mine != want)                                                                                              \
            printf("%s: %d signals, not %d\n", #e, mine, want), exit(1);                                              \
    } while (0)

static void *work(void *arg)
{
    char buf[100] = {0};
    struct iovec v = {buf, sizeof buf};
    off_t from;
    int want = 0, fd = open(arg, O_RDWR | O_CREAT | O_DSYNC, 0600), zero = open("/dev/zero", O_RDONLY);
    CHECK(fd >= 0 && zero >= 0);
    CHECK(pwrite(fd, buf, 100, 4050) == 46);
    for (int i = 0; i < 20; i++) {
        TOO_BIG(pwrite(fd, buf, 100, 4096));
        CHECK(lseek(fd, 5000, SEEK_SET) == 5000);
        TOO_BIG(write(fd, buf, 1));
        TOO_BIG(writev(fd, &v, 1));
        TOO_BIG(pwritev(fd, &v, 1, 4096));
        TOO_BIG(pwritev2(fd, &v, 1, 4096, 0));
        TOO_BIG(ftruncate(fd, 4097));
        TOO_BIG(truncate(arg, 5000));
        TOO_BIG(fallocate(fd, 0, 0, 5000));
        from = 0;
        TOO_BIG(copy_file_range(fd, &from, fd, NULL, 100, 0));
    }
    close(fd), close(zero);
    return NULL;
}

int main(int argc, char **argv)
{
    char command[300];
    snprintf(command, sizeof command, "rm -rf %s && mkdir %s", argv[1], argv[1]);
    CHECK(system(command) == 0);
    struct rlimit limit = {4096, RLIM_INFINITY};
    struct sigaction act = {.sa_handler = handler};
    pthread_t t[8];
    char path[8][200];
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    if (strcmp(argv[2], "handled") == 0)
        CHECK(sigaction(SIGXFSZ, &act, NULL) == 0);
    for (int i = 0; i < 8; i++) {
        snprintf(path[i], sizeof path[i], "%s/limit%d", argv[1], i);
        CHECK(pthread_create(&t[i], NULL, work, path[i]) == 0);
    }
    for (int i = 0; i < 8; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    puts("limits");
    return 0;
}
