/* An exception leaves the function that runs under a deadline, or protected: neither holds any longer. */
#include <coax.h>
#include <stdio.h>

static int throws(void *)
{
    throw 1;
}

static int throws_later(void *)
{
    if (coax_sleep(1000) != 0)
        throw errno;
    return 0;
}

static int throws_shielded(void *)
{
    coax_cancel(pthread_self());
    throw 2;
}

static void caught(const char *what, int (*run)())
{
    int e = 0;
    try {
        run();
    } catch (int thrown) {
        e = thrown;
    }
    printf("%s: %d\n", what, e);
}

static int early() { return coax_with_timeout(0.01, throws, NULL); }
static int late() { return coax_with_timeout(0.01, throws_later, NULL); }
static int inside() { return coax_protect(throws_shielded, NULL); }

int main()
{
    caught("thrown at once", early);
    printf("a sleep: %d\n", coax_sleep(0.03));
    caught("thrown by the deadline", late);
    printf("a sleep: %d\n", coax_sleep(0.03));
    caught("thrown in the protection", inside);
    int r = coax_sleep(1000);
    printf("a sleep: %d, %s\n", r, errno == ECANCELED ? "cancelled" : "not cancelled");
}
