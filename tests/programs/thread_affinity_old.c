/* The calls for a thread's processors, by each of their versions: the first has no size. */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

extern int get_1(pthread_t, cpu_set_t *), set_1(pthread_t, const cpu_set_t *);
extern int get_2(pthread_t, size_t, cpu_set_t *), set_2(pthread_t, size_t, const cpu_set_t *);
extern int get_3(pthread_t, size_t, cpu_set_t *), set_3(pthread_t, size_t, const cpu_set_t *);
extern int get_0(pid_t, cpu_set_t *), set_0(pid_t, const cpu_set_t *);
__asm__(".symver get_0, sched_getaffinity@GLIBC_2.3.3\n.symver set_0, sched_setaffinity@GLIBC_2.3.3");
__asm__(".symver get_1, pthread_getaffinity_np@GLIBC_2.3.3\n.symver set_1, pthread_setaffinity_np@GLIBC_2.3.3\n"
        ".symver get_2, pthread_getaffinity_np@GLIBC_2.3.4\n.symver set_2, pthread_setaffinity_np@GLIBC_2.3.4\n"
        ".symver get_3, pthread_getaffinity_np@GLIBC_2.32\n.symver set_3, pthread_setaffinity_np@GLIBC_2.34");

static cpu_set_t all;

/* Everything behind the set stays as it was. */
static void *thread(void *arg)
{
    struct {
        cpu_set_t set;
        long behind;
    } s;
    pthread_t self = pthread_self();
    memset(&s, 0xa5, sizeof s);
    long behind = s.behind;
    printf("get: %d", get_1(self, &s.set));
    printf(" %d", CPU_EQUAL(&s.set, &all));
    printf(" %d", get_2(self, sizeof s.set, &s.set));
    printf(" %d", CPU_EQUAL(&s.set, &all));
    printf(" %d", get_3(self, sizeof s.set, &s.set));
    printf(" %d %d\n", CPU_EQUAL(&s.set, &all), s.behind == behind);

    int first = 0;
    while (!CPU_ISSET(first, &all))
        first++;
    CPU_ZERO(&s.set);
    CPU_SET(first, &s.set);
    printf("set: %d", set_1(self, &s.set));
    get_3(self, sizeof s.set, &s.set);
    printf(" %d", CPU_COUNT(&s.set));
    printf(" %d", set_2(self, sizeof all, &all));
    get_1(self, &s.set);
    printf(" %d", CPU_EQUAL(&s.set, &all));
    CPU_ZERO(&s.set);
    CPU_SET(first, &s.set);
    printf(" %d", set_3(self, sizeof s.set, &s.set));
    get_2(self, sizeof s.set, &s.set);
    printf(" %d\n", CPU_COUNT(&s.set));

    printf("of the caller: %d", set_0(0, &all));
    printf(" %d", get_0(0, &s.set) > 0);
    printf(" %d\n", CPU_EQUAL(&s.set, &all));
    return NULL;
}

int main(void)
{
    pthread_t t;
    sched_getaffinity(0, sizeof all, &all);
    pthread_create(&t, NULL, thread, NULL);
    pthread_join(t, NULL);
    return 0;
}
