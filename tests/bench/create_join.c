/* create_join [N]: a thread is made and joined, N times in a row. Prints ns for one. */
#include "bench.h"

static void *nothing(void *arg)
{
    return arg;
}

static double pairs(long n)
{
    double start = now();
    pthread_t t;

    for (long i = 0; i < n; i++) {
        check("pthread_create", pthread_create(&t, NULL, nothing, NULL));
        check("pthread_join", pthread_join(t, NULL));
    }
    return now() - start;
}

int main(int argc, char **argv)
{
    long n = argument(argc, argv, 1, 20000);

    pairs(n / 20 + 1);
    printf("ns %.1f\n", pairs(n) / (double)n * 1e9);
    return 0;
}
