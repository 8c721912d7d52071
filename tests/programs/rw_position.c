/*
 * Reads and writes at a position: the file offset stays, the end of file is short then 0, a pipe is ESPIPE, vectors
 * are filled in order. With threads, all work in one file at once.
 * usage: rw_position THREADS
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

extern ssize_t __pread64(int, void *, size_t, off64_t);
extern ssize_t __pwrite64(int, const void *, size_t, off64_t);
extern ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
extern ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);

#define CHECK(x)                                                                                                       \
    do {                                                                                                               \
        if (!(x)) {                                                                                                    \
            printf("FAIL %s:%d %s (%d)\n", __FILE__, __LINE__, #x, errno);                                             \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

enum { BLOCK = 16384, BLOCKS = 24 };
static int file;
static int nblocks;

static ssize_t write_at(int how, const char *buf, off_t at)
{
    struct iovec v[2] = {{(char *)buf, 100}, {(char *)buf + 100, BLOCK - 100}};
    switch (how % 7) {
    case 0:
        return pwrite(file, buf, BLOCK, at);
    case 1:
        return pwrite64(file, buf, BLOCK, at);
    case 2:
        return __pwrite64(file, buf, BLOCK, at);
    case 3:
        return pwritev(file, v, 2, at);
    case 4:
        return pwritev64(file, v, 2, at);
    case 5:
        return pwritev2(file, v, 2, at, 0);
    default:
        return pwritev64v2(file, v, 2, at, 0);
    }
}

static ssize_t read_at(int how, char *buf, off_t at)
{
    struct iovec v[2] = {{buf, 1000}, {buf + 1000, BLOCK - 1000}};
    switch (how % 9) {
    case 0:
        return pread(file, buf, BLOCK, at);
    case 1:
        return pread64(file, buf, BLOCK, at);
    case 2:
        return __pread64(file, buf, BLOCK, at);
    case 3:
        return __pread_chk(file, buf, BLOCK, at, BLOCK);
    case 4:
        return __pread64_chk(file, buf, BLOCK, at, BLOCK);
    case 5:
        return preadv(file, v, 2, at);
    case 6:
        return preadv64(file, v, 2, at);
    case 7:
        return preadv2(file, v, 2, at, 0);
    default:
        return preadv64v2(file, v, 2, at, 0);
    }
}

static void *worker(void *arg)
{
    long me = (long)arg;
    char *buf = malloc(BLOCK), *want = malloc(BLOCK);
    for (int i = 0; i < BLOCKS; i++) {
        memset(buf, 1 + (me * BLOCKS + i) % 250, BLOCK);
        CHECK(write_at(i, buf, (me * BLOCKS + i) * (off_t)BLOCK) == BLOCK);
    }
    for (int i = 0; i < BLOCKS; i++) {
        memset(want, 1 + (me * BLOCKS + i) % 250, BLOCK);
        memset(buf, 0, BLOCK);
        CHECK(read_at(i, buf, (me * BLOCKS + i) * (off_t)BLOCK) == BLOCK);
        CHECK(memcmp(buf, want, BLOCK) == 0);
    }
    free(buf);
    free(want);
    return NULL;
}

static void edges(void)
{
    char buf[BLOCK];
    struct iovec v[2] = {{buf, 10}, {buf + 10, 20}};
    off_t end = (off_t)nblocks * BLOCKS * BLOCK;
    int p[2];
    CHECK(pread(file, buf, BLOCK, end - 5) == 5);
    CHECK(pread64(file, buf, BLOCK, end) == 0);
    CHECK(preadv(file, v, 2, end - 12) == 12);
    CHECK(preadv2(file, v, 2, end + 100, 0) == 0);
    CHECK(pread(file, buf, 1, -1) == -1 && errno == EINVAL);
    CHECK(pwrite(file, buf, 1, -1) == -1 && errno == EINVAL);
    CHECK(preadv(file, v, 2, -1) == -1 && errno == EINVAL);
    CHECK(preadv2(file, v, 2, -2, 0) == -1 && errno == EINVAL);
    CHECK(preadv2(file, v, 2, 0, 0x40000000) == -1 && errno == EOPNOTSUPP);
    CHECK(pwritev2(file, v, 2, 0, 0x40000000) == -1 && errno == EOPNOTSUPP);
    ssize_t n = preadv2(file, v, 2, 0, RWF_NOWAIT);
    CHECK(n == 30 || (n == -1 && (errno == EAGAIN || errno == EOPNOTSUPP)));
    CHECK(lseek(file, 0, SEEK_CUR) == 7);

    /* Offset -1 is the file's own position, and moves it. */
    CHECK(preadv2(file, v, 2, -1, 0) == 30 && lseek(file, 0, SEEK_CUR) == 37);
    CHECK(pwritev2(file, v, 2, -1, 0) == 30 && lseek(file, 0, SEEK_CUR) == 67);
    CHECK(pwritev2(file, v, 1, 0, RWF_APPEND) == 10 && lseek(file, 0, SEEK_END) == end + 10);

    CHECK(pipe(p) == 0);
    CHECK(pread(p[0], buf, 1, 0) == -1 && errno == ESPIPE);
    CHECK(pwrite(p[1], buf, 1, 0) == -1 && errno == ESPIPE);
    CHECK(preadv(p[0], v, 2, 0) == -1 && errno == ESPIPE);
    CHECK(pwritev64(p[1], v, 2, 0) == -1 && errno == ESPIPE);
    CHECK(preadv2(p[0], v, 2, 0, 0) == -1 && errno == ESPIPE);
    CHECK(pwritev64v2(p[1], v, 2, 0, 0) == -1 && errno == ESPIPE);
    /* RWF_NOWAIT on an empty pipe: EAGAIN, or EOPNOTSUPP on an older kernel, and never a wait. */
    CHECK(preadv2(p[0], v, 2, -1, RWF_NOWAIT) == -1 && (errno == EAGAIN || errno == EOPNOTSUPP));
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 0;
    pthread_t t[n + 1];
    char path[256];
    snprintf(path, sizeof path, "%s/positionXXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    CHECK((file = mkstemp(path)) >= 0 && unlink(path) == 0);
    CHECK(lseek(file, 7, SEEK_SET) == 7);
    nblocks = n ? n : 1;
    if (n == 0)
        worker(0);
    for (long i = 0; i < n; i++)
        CHECK(pthread_create(&t[i], NULL, worker, (void *)i) == 0);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    CHECK(lseek(file, 0, SEEK_CUR) == 7);
    edges();
    puts("positions ok");
    return 0;
}
