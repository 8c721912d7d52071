/*
 * parked N [STACK]: N threads, with STACK bytes of stack if given, wait on a condition variable. Prints how many there
 * were, what one of them took, and how long it took to make them and to end them.
 *
 *   bytes   of this process: resident memory, page tables, and the stacks (16 kB) and tasks of its kernel threads
 *   system  the same from the system's figures, which other programs move too
 */
#include <unistd.h>

#include "bench.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t arrived = PTHREAD_COND_INITIALIZER, released = PTHREAD_COND_INITIALIZER;
static long waiting, wanted; /* wanted: 0 until it is known how many there are */
static int go;

static void *park(void *arg)
{
    pthread_mutex_lock(&lock);
    if (++waiting == wanted)
        pthread_cond_signal(&arrived);
    while (!go)
        pthread_cond_wait(&released, &lock);
    pthread_mutex_unlock(&lock);
    return arg;
}

/* The number after NAME in a file of lines "NAME number", in its unit (kB). */
static long figure(const char *path, const char *name, int column)
{
    char line[512];
    long value = 0;
    FILE *f = fopen(path, "r");

    if (!f)
        return 0;
    while (fgets(line, sizeof line, f)) {
        char *save, *word = strtok_r(line, " \t:", &save);

        if (!word || strcmp(word, name))
            continue;
        for (int i = 0; i < column; i++)
            word = strtok_r(NULL, " \t:", &save);
        value = word ? atol(word) : 0;
        break;
    }
    fclose(f);
    return value;
}

static double process_kb(void)
{
    long task = figure("/proc/slabinfo", "task_struct", 3); /* for root to read */

    return (double)(figure("/proc/self/status", "VmRSS", 1) + figure("/proc/self/status", "VmPTE", 1)) +
           (double)figure("/proc/self/status", "Threads", 1) * (16 + (double)(task ? task : 6144) / 1024);
}

static double system_kb(void)
{
    static const char *const names[] = {"AnonPages", "PageTables", "KernelStack", "SUnreclaim"};
    double sum = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        sum += (double)figure("/proc/meminfo", names[i], 1);
    return sum;
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 10000), stack = argument(argc, argv, 2, 0), count;
    double start, made, process, whole;
    pthread_t *t = calloc((size_t)n, sizeof *t);
    pthread_attr_t attr;

    pthread_attr_init(&attr);
    if (stack)
        check("stack size", pthread_attr_setstacksize(&attr, (size_t)stack));
    memset(t, 1, (size_t)n * sizeof *t);
    process = process_kb();
    whole = system_kb();
    start = now();
    for (count = 0; count < n; count++) {
        int error = pthread_create(&t[count], &attr, park, NULL);

        if (error) {
            fprintf(stderr, "only %ld of %ld threads: %s\n", count, n, strerror(error));
            break;
        }
    }
    pthread_mutex_lock(&lock);
    wanted = count;
    while (waiting < wanted)
        pthread_cond_wait(&arrived, &lock);
    made = now();
    process = process_kb() - process;
    whole = system_kb() - whole;
    go = 1;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
    for (long i = 0; i < count; i++)
        check("pthread_join", pthread_join(t[i], NULL));
    printf("threads %ld\nbytes %.0f\nsystem %.0f\n", count, process * 1024 / (double)count,
           whole * 1024 / (double)count);
    printf("megabytes %.0f\nmake_seconds %.2f\nend_seconds %.2f\n", process / 1024, made - start, now() - made);
    return 0;
}
