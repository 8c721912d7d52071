/* The shadow: a kernel thread that runs where the carrier runs, and only while the carrier does not.
 *
 * While calls on files are made by `switch`, somebody has to see within some 50 us that one of them waits, and to look
 * so often would cost more than the calls do. The shadow costs next to nothing: its policy is SCHED_IDLE and it is
 * bound to the carrier's processor, so a carrier that runs keeps it from running (but for 0.3% that the kernel gives
 * it), and one that waits lets it run at once. It then tells the monitor. It takes no lock and hands nothing over
 * itself, for nobody may wait for a thread of the lowest priority.
 *
 * It sleeps while the carrier waits in the loop; the next call by `switch` wakes it. On a machine whose processors are
 * wanted by others it would be late, and a process that ends waits for its end: there it is not made, or leaves, and
 * the monitor alone looks, once a millisecond. */
#ifndef COAX_SHADOW_H
#define COAX_SHADOW_H

#include "core/gate.h"
#include "core/sys.h"

#include <stdbool.h>
#include <stdint.h>

enum { SHADOW_NONE, SHADOW_AWAKE, SHADOW_ASLEEP, SHADOW_LEAVES };

struct shadow {
    uint32_t state; /* futex */
    uint32_t alarm; /* futex: 1, the monitor shall look at what follows */
    uintptr_t owner;
    uint32_t call;
    unsigned ticks; /* until the monitor may make it again */
};

/* A call by `switch` begins. Any fiber, outside the core. */
void shadow_wake(void);
/* The monitor's, once a tick: makes it when there may be such calls. */
void shadow_mind(void);
void shadow_dismiss(void);
/* The monitor's sleep, of ns at the most: true, it was told before that a call waits. */
bool shadow_nap(uint64_t ns, uintptr_t *owner, uint32_t *call);

#endif
