/* Under --async switch a kernel thread of coax runs where the carrier runs, and only while it does not. Counts them:
 *   count   while calls are made, while the program sleeps, and when its threads have ended
 *   crowd   where every processor is wanted by others, and when they have ended
 *   race    prints nothing of them: calls that wait and calls that do not, sleeps, changes of the method, forks */
#define _GNU_SOURCE
#include <coax.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

static volatile int over;

/* Threads of the policy SCHED_IDLE; time: the processor time that they have had, in clock ticks. */
static int idle_threads(long *time)
{
    int n = 0;
    struct dirent *e;
    DIR *d = opendir("/proc/self/task");
    CHECK(d != NULL);
    *time = 0;
    while ((e = readdir(d)) != NULL) {
        long tid = strtol(e->d_name, NULL, 10), user, system;
        char path[64], text[512] = "";
        if (tid == 0 || syscall(SYS_sched_getscheduler, tid) != SCHED_IDLE)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
        FILE *f = fopen(path, "r");
        if (f == NULL)
            continue;
        if (fgets(text, sizeof text, f) != NULL && strrchr(text, ')') != NULL &&
            sscanf(strrchr(text, ')') + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld", &user, &system) == 2)
            *time += user + system;
        fclose(f);
        n++;
    }
    closedir(d);
    return n;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void *sleeps(void *arg)
{
    while (!over)
        usleep(10000);
    return arg;
}

static void make_calls(double seconds)
{
    struct stat st;
    for (double end = now() + seconds; now() < end;)
        CHECK(stat("/", &st) == 0);
}

/* Seconds that this kernel thread has waited for a processor. */
static double waited(void)
{
    unsigned long long ran, ns = 0;
    FILE *f = fopen("/proc/thread-self/schedstat", "r");
    CHECK(f != NULL && fscanf(f, "%llu %llu", &ran, &ns) == 2);
    fclose(f);
    return (double)ns / 1e9;
}

/* It may take seconds; and where others want the processor it may not come at all. */
static int becomes(int wanted, int calls)
{
    const double begin = now(), before = waited();
    long time;
    for (; now() - begin < 20; usleep(10000)) {
        if (idle_threads(&time) == wanted)
            return 1;
        if (calls)
            make_calls(0.02);
    }
    return wanted > 0 && waited() - before > (now() - begin) / 64;
}

static void count(int wanted)
{
    pthread_t t;
    long before, after;
    int n = idle_threads(&before);
    printf("one thread: %d\n", n);
    CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
    make_calls(0.3);
    printf("calls: %s\n", becomes(wanted, 1) ? "as wanted" : "not as wanted");
    over = 1;
    pthread_join(t, NULL);
    over = 0;
    CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
    make_calls(0.1);
    usleep(100000);
    (void)idle_threads(&before);
    sleep(1);
    (void)idle_threads(&after);
    printf("asleep: %s\n", after - before <= 10 ? "no time" : "takes time");
    over = 1;
    pthread_join(t, NULL);
    printf("one thread: %s\n", becomes(0, 0) ? "none" : "some");
}

static void crowd(int wanted)
{
    enum { HOGS = 3 };
    pthread_t t;
    pid_t hogs[64];
    int n = (int)sysconf(_SC_NPROCESSORS_ONLN) * HOGS;
    if (n > 64)
        n = 64;
    CHECK(pthread_create(&t, NULL, sleeps, NULL) == 0);
    printf("alone: %s\n", becomes(wanted, 1) ? "as wanted" : "not as wanted");
    for (int i = 0; i < n; i++)
        if ((hogs[i] = fork()) == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            for (;;)
                ;
        }
    printf("crowded: %s\n", becomes(0, 1) ? "none" : "some");
    for (int i = 0; i < n; i++) {
        kill(hogs[i], SIGKILL);
        waitpid(hogs[i], NULL, 0);
    }
    printf("alone again: %s\n", becomes(wanted, 1) ? "as wanted" : "not as wanted");
    over = 1;
    pthread_join(t, NULL);
}

static void *racer(void *arg)
{
    unsigned seed = (unsigned)(long)arg;
    char path[] = "race.0", c = 'x';
    struct stat st;
    long made = 0;
    path[5] = (char)('0' + seed);
    int fd = open(path, O_CREAT | O_RDWR | O_TRUNC, 0600);
    CHECK(fd >= 0);
    while (!over) {
        for (int n = rand_r(&seed) % 200; n > 0; n--)
            CHECK(stat(path, &st) == 0 && st.st_size == made);
        CHECK(write(fd, &c, 1) == 1);
        made++;
        if (rand_r(&seed) % 4 == 0)
            CHECK(fdatasync(fd) == 0);
        if (rand_r(&seed) % 4 == 0)
            usleep(rand_r(&seed) % 3000);
        if (rand_r(&seed) % 64 == 0)
            usleep(40000);
        if (rand_r(&seed) % 16 == 0)
            coax_set_default_async_method(rand_r(&seed) % 4 == 0 ? COAX_ASYNC_DETACH : COAX_ASYNC_SWITCH);
        if (rand_r(&seed) % 64 == 0) {
            pid_t pid = fork();
            CHECK(pid >= 0);
            if (pid == 0) {
                pthread_t t;
                over = 1;
                _exit(pthread_create(&t, NULL, sleeps, NULL) != 0 || stat(path, &st) != 0 || pthread_join(t, NULL) != 0);
            }
            int status;
            CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        }
    }
    close(fd);
    return NULL;
}

static void race(double seconds)
{
    enum { RACERS = 4 };
    pthread_t t[RACERS];
    for (long i = 0; i < RACERS; i++)
        CHECK(pthread_create(&t[i], NULL, racer, (void *)(i + 1)) == 0);
    for (double end = now() + seconds; now() < end;)
        usleep(1000);
    over = 1;
    for (int i = 0; i < RACERS; i++)
        CHECK(pthread_join(t[i], NULL) == 0);
    printf("race\n");
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    setvbuf(stdout, NULL, _IONBF, 0);
    if (strcmp(argv[1], "count") == 0)
        count(atoi(argv[2]));
    else if (strcmp(argv[1], "crowd") == 0)
        crowd(atoi(argv[2]));
    else
        race(atof(argv[2]));
    return 0;
}
