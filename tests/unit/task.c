/* What the kernel says of a thread, whatever its name is. */
#include "tests/unit/unit.h"
#include "core/task.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>

static int go[2], tid;

static void *waits(void *name)
{
    char c;
    CHECK(prctl(PR_SET_NAME, name) == 0);
    __atomic_store_n(&tid, sys_gettid(), __ATOMIC_SEQ_CST);
    CHECK(read(go[0], &c, 1) == 1);
    return NULL;
}

static struct task of_waiting(const char *name)
{
    struct task t = {'R', -1};
    pthread_t thread;
    CHECK(pipe(go) == 0);
    tid = 0;
    CHECK(pthread_create(&thread, NULL, waits, (void *)(uintptr_t)name) == 0);
    while (__atomic_load_n(&tid, __ATOMIC_SEQ_CST) == 0 || (t = task_look(tid)).state != 'S')
        usleep(1000);
    CHECK(write(go[1], "x", 1) == 1 && pthread_join(thread, NULL) == 0);
    close(go[0]);
    close(go[1]);
    return t;
}

static void names(void)
{
    static const char *const bad[] = {"a",    "",       "fifteen letters", ") R 1 2 3 4 5 ",
                                      "a) R", "((()))", ")))))))))))))))", "a\nb"};
    for (unsigned i = 0; i < countof(bad); i++) {
        struct task t = of_waiting(bad[i]);
        CHECK(t.state == 'S' && t.processor >= 0 && t.processor < CPU_SETSIZE);
    }
}

static void processor(void)
{
    cpu_set_t all, one;
    CHECK(sched_getaffinity(0, sizeof all, &all) == 0);
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
        struct task t = task_look(sys_gettid());
        CHECK(t.state == 'R' && t.processor == cpu);
    }
    CHECK(sched_setaffinity(0, sizeof all, &all) == 0);
}

static void without_root(void)
{
    char empty[] = "/tmp/taskXXXXXX";
    int status, tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY);
    if (geteuid() != 0)
        return;
    CHECK(tasks >= 0 && mkdtemp(empty) != NULL);
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(chroot(empty) == 0);
        int fd = task_open(tasks, getppid());
        struct task t;
        while ((t = task_look_through(fd)).state != 'S') /* it is on its way to wait for this process */
            CHECK(t.processor >= 0);
        CHECK(task_look(getppid()).processor == -1);
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(rmdir(empty) == 0 && close(tasks) == 0);
}

static void unknown(void)
{
    uint64_t a, b;
    struct task t = task_look(0x3ffffff0);
    CHECK(t.state == '?' && t.processor == -1 && task_waited(-1, 0x3ffffff0, &a, &b) < 0);
}

static void waited(void)
{
    uint64_t waiting, ran, after;
    if (access("/proc/self/schedstat", R_OK) != 0)
        return;
    CHECK(task_waited(-1, sys_gettid(), &waiting, &ran) == 0 && ran > 0);
    for (uint64_t until = clock_after(20 * NS_PER_MS); clock_now() < until;)
        ;
    do
        CHECK(task_waited(-1, sys_gettid(), &waiting, &after) == 0);
    while (after < ran + NS_PER_MS);
}

int main(void)
{
    unit_start();
    names();
    unit_ok("state and processor of threads with odd names");
    processor();
    unit_ok("the processor is where the thread is bound to");
    without_root();
    unit_ok("in another root, by a descriptor");
    unknown();
    unit_ok("a thread that there is not");
    waited();
    unit_ok("the time that a thread had its processor grows");
    return 0;
}
