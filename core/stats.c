#include "core/stats.h"
#include "core/log.h"
#include "core/rt.h"
#include "core/sys.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>

void stats_write(const char *path)
{
    char text[512];
    const char *mode = rt.fibers.calibrated ? "fiber" : rt.no_fibers ? "kernel" : "solo";
    size_t n =
        log_text(text, sizeof text, "mode %s\nfibers %u\nswitches %u\nkernel_threads %u\nhandoffs %u\nhelpers %u\n",
                 mode, rt.fibers.created, rt.sched.switches, (unsigned long)rt.baton.most, rt.baton.handoffs,
                 (unsigned long)rt.pool.most);
    n += log_text(text + n, sizeof text - n, "promoted %u\nhanded %u\nlooks %u\nblocked %u\n", rt.promote.count,
                  rt.handover.count, rt.methods.looks, rt.methods.found);
    long fd = sys(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return;
    (void)sys(SYS_write, fd, text, n);
    (void)sys(SYS_close, fd);
}

unsigned stats_cpus(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    long r = sys(SYS_sched_getaffinity, 0, sizeof cpus, &cpus);
    return r <= 0 ? 1 : (unsigned)CPU_COUNT(&cpus);
}
