/* Stack sizes that nobody can have. */
#include "tests/unit/unit.h"

#include <sys/resource.h>

static void *nothing(void *unused)
{
    return unused;
}

/* pthread_attr_setstacksize takes any size: one that wraps round when it is rounded up is more than there is, too. */
static void size_wraps_round(void)
{
    static const size_t sizes[] = {~(size_t)0, ~(size_t)0 - 100, ~(size_t)0 - 5000, ~(size_t)0 - (64 << 10)};
    for (size_t i = 0; i < countof(sizes); i++) {
        struct fiber_attr attr = {.stack_size = sizes[i], .guard_size = UNIT_GUARD};
        pthread_t handle;
        int status;
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            const struct rlimit none = {0, 0};
            setrlimit(RLIMIT_CORE, &none);
            CHECK_EQ(fiber_start_core(), 0);
            _exit(fiber_create(fiber_self, &handle, &attr, nothing, NULL));
        }
        CHECK_EQ(waitpid(child, &status, 0), child);
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), EAGAIN);
    }
    unit_ok("size_wraps_round");
}

int main(void)
{
    unit_start();
    size_wraps_round();
    return 0;
}
