/* Calls on files that wait for somebody else, while a thread counts. What waits: opening and truncating a file that
   another process has leased (and keeps for a while), or calls on a file system that sleeps. Says whether the counting
   went on, and whether the calls waited side by side. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
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

enum { LEASES = 6, HOLD_MS = 400, THREADS = 6, SLEEP_MS = 50 };

static volatile int over, counted;
static char dir[200], paths[LEASES][250];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *count(void *arg)
{
    while (!over) {
        usleep(1000);
        counted++;
    }
    return NULL;
}

/* ---- leases ---- */

static int ready[2];

static void hold(void)
{
    signal(SIGIO, SIG_IGN);
    for (int i = 0; i < LEASES; i++) {
        int fd = open(paths[i], O_RDONLY);
        CHECK(fd >= 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0);
    }
    CHECK(write(ready[1], "x", 1) == 1);
    usleep(HOLD_MS * 1000);
    _exit(0);
}

static void *break_lease(void *path)
{
    if (((char *)path)[strlen(path) - 1] % 2) {
        int fd = open(path, O_WRONLY);
        CHECK(fd >= 0 && close(fd) == 0);
    } else {
        CHECK(truncate(path, 5) == 0);
    }
    return NULL;
}

static int leases(pthread_t *t)
{
    char c;
    for (int i = 0; i < LEASES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/lease%d", dir, i);
        int fd = open(paths[i], O_CREAT | O_WRONLY, 0600);
        CHECK(fd >= 0 && close(fd) == 0);
    }
    CHECK(pipe(ready) == 0);
    if (fork() == 0)
        hold();
    CHECK(read(ready[0], &c, 1) == 1);
    for (int i = 0; i < LEASES; i++)
        CHECK(pthread_create(&t[i], NULL, break_lease, paths[i]) == 0);
    return LEASES;
}

/* ---- FIFOs, opened as streams ---- */

static void open_late(void)
{
    usleep(HOLD_MS * 1000);
    for (int i = 0; i < LEASES; i++)
        CHECK(open(paths[i], O_WRONLY) >= 0);
    _exit(0);
}

static void *open_stream(void *path)
{
    FILE *s = fopen(path, "r");
    CHECK(s != NULL && fgetc(s) == EOF && fclose(s) == 0);
    return NULL;
}

static int fifos(pthread_t *t)
{
    for (int i = 0; i < LEASES; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/fifo%d", dir, i);
        unlink(paths[i]);
        CHECK(mkfifo(paths[i], 0600) == 0);
    }
    if (fork() == 0)
        open_late();
    for (int i = 0; i < LEASES; i++)
        CHECK(pthread_create(&t[i], NULL, open_stream, paths[i]) == 0);
    return LEASES;
}

/* ---- a file system that sleeps ---- */

static void *use(void *arg)
{
    char path[300], buf[5000];
    struct stat st;
    struct statvfs vfs;
    long i = (long)arg;
    snprintf(path, sizeof path, "%s/file%ld", dir, i);
    CHECK(stat(path, &st) == 0 && st.st_size == 100000);
    int fd = open(path, O_RDONLY);
    CHECK(fd >= 0);
    CHECK(pread(fd, buf, sizeof buf, i * 5000) == sizeof buf && buf[77] == 'x');
    CHECK(fstat(fd, &st) == 0 && read(fd, buf, 10) == 10);
    CHECK(close(fd) == 0);
    FILE *s = fopen(path, "r");
    CHECK(s != NULL && fclose(s) == 0);
    CHECK(unlink(path) == 0);
    snprintf(path, sizeof path, "%s/XXXXXX", dir);
    CHECK(mkstemp(path) == -1);
    snprintf(path, sizeof path, "%s/none%ld", dir, i);
    CHECK(access(path, F_OK) == -1 && errno == ENOENT);
    CHECK(statvfs(dir, &vfs) == 0);
    DIR *d = opendir(dir);
    CHECK(d != NULL && readdir(d) != NULL && closedir(d) == 0);
    return NULL;
}

static int uses(pthread_t *t)
{
    for (long i = 0; i < THREADS; i++)
        CHECK(pthread_create(&t[i], NULL, use, (void *)i) == 0);
    return THREADS;
}

int main(int argc, char **argv)
{
    pthread_t counter, t[20];
    int fuse = strcmp(argv[1], "fuse") == 0, lease = strcmp(argv[1], "lease") == 0;
    snprintf(dir, sizeof dir, "%s", argv[2]);
    setvbuf(stdout, NULL, _IONBF, 0);
    mkdir(dir, 0700);
    CHECK(pthread_create(&counter, NULL, count, NULL) == 0);
    usleep(5000);
    double start = now();
    counted = 0;
    int n = lease ? leases(t) : fuse ? uses(t) : fifos(t);
    for (int i = 0; i < n; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    int took = (int)((now() - start) * 1000);
    int seen = counted;
    over = 1;
    pthread_join(counter, NULL);
    if (getenv("HOW_LONG") != NULL)
        fprintf(stderr, "%d ms, counted to %d\n", took, seen);
    CHECK(took >= SLEEP_MS);
    printf("counting %s\n", seen >= took / 8 ? "went on" : "stood still");
    if (fuse)
        printf("waited %s\n", took < THREADS * 10 * SLEEP_MS ? "side by side" : "one after the other");
    while (wait(NULL) > 0)
        ;
    return 0;
}
