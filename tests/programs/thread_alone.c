/* When all other threads have ended, the process has one thread again, by the kernel's count; and makes more again.
 * The main thread has waited in calls of several kinds before. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 20 };

static int kernel_threads(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/task");
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static const char *alone(void)
{
    for (int i = 0; i < 1000; i++) {
        if (kernel_threads() == 1)
            return "alone";
        usleep(10000);
    }
    return "not alone";
}

static void *sleeps(void *arg)
{
    usleep(3000);
    return NULL;
}

/* Longer than a slice: the others go on elsewhere meanwhile. */
static void *computes(void *arg)
{
    struct timespec t;
    do
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    while (t.tv_nsec < 50000000 && t.tv_sec == 0);
    return NULL;
}

static void *waits_for_a_signal(void *arg)
{
    sigset_t set;
    struct timespec t = {0, 20000000};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigtimedwait(&set, NULL, &t);
    return NULL;
}

static void round_of(const char *name, void *(*thread)(void *), int threads, int main_too)
{
    pthread_t t[THREADS];
    for (int i = 0; i < threads; i++)
        if ((errno = pthread_create(&t[i], NULL, thread, NULL)) != 0)
            perror("pthread_create");
    if (main_too)
        thread(NULL);
    for (int i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    printf("%s: %s\n", name, alone());
    thread(NULL); /* nobody else is there */
    printf("%s: still %s\n", name, alone());
}

int main(void)
{
    round_of("sleep", sleeps, THREADS, 0);
    round_of("sleep, main too", sleeps, THREADS, 1);
    round_of("compute, main too", computes, 3, 1);
    round_of("signal", waits_for_a_signal, 2, 0);
    round_of("signal, main too", waits_for_a_signal, 2, 1);
    for (int i = 0; i < 3; i++)
        round_of("again", sleeps, 1 + i, i % 2);
    return 0;
}
