/* OpenMP: loops, reductions, sections, tasks, critical sections, locks, nested teams. */
#include <omp.h>
#include <stdio.h>
#include <unistd.h>

enum { N = 20000, THREADS = 6 };

static long fib(int n)
{
    long a, b;
    if (n < 2)
        return n;
#pragma omp task shared(a) if (n > 12)
    a = fib(n - 1);
#pragma omp task shared(b) if (n > 12)
    b = fib(n - 2);
#pragma omp taskwait
    return a + b;
}

int main(void)
{
    static double v[N];
    double sum = 0;
    long count = 0, tasks = 0, ordered = 0, inner = 0, locked = 0;
    omp_lock_t lock;
    omp_init_lock(&lock);
    omp_set_num_threads(THREADS);
    omp_set_max_active_levels(2);
    for (int round = 0; round < 20; round++) {
#pragma omp parallel for schedule(dynamic, 64) reduction(+ : sum)
        for (int i = 0; i < N; i++) {
            v[i] = i * 0.5;
            sum += v[i];
        }
#pragma omp parallel
        {
#pragma omp critical
            count++;
            omp_set_lock(&lock);
            locked += omp_get_thread_num();
            omp_unset_lock(&lock);
#pragma omp barrier
#pragma omp single
            tasks += fib(16);
            if (omp_get_thread_num() == 0)
                usleep(500);
#pragma omp barrier
#pragma omp for ordered schedule(static, 1)
            for (int i = 0; i < 50; i++) {
#pragma omp ordered
                ordered = ordered * 3 % 1000003 + i;
            }
        }
    }
#pragma omp parallel num_threads(3)
#pragma omp parallel num_threads(2) reduction(+ : inner)
    inner += 1 + omp_get_level();
#pragma omp parallel sections
    {
#pragma omp section
        usleep(1000);
#pragma omp section
        usleep(1500);
    }
    printf("%.1f %ld %ld %ld %ld %d\n", sum, count, tasks, ordered, locked, omp_get_max_threads());
    (void)inner;
    return 0;
}
