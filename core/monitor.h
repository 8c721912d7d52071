/* The monitor: a kernel thread that watches the carrier. It takes the baton from a fiber that blocks in a call nobody
 * hooked, or computes past its slice while others could run, and gives it to a spare kernel thread. It looks every
 * millisecond, and at once where the shadow tells it to (shadow.h), sleeps while the carrier waits in the loop, and
 * leaves with the other kernel threads (alone.h). */
#ifndef COAX_MONITOR_H
#define COAX_MONITOR_H

/* Makes it, if there is none. 0 or -errno. */
int monitor_make(void);
/* The carrier runs again, or somebody waits for it. Any kernel thread. */
void monitor_wake(void);

#endif
