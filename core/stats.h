/* Figures of a run, written to the file of --stats when the program exits. */
#ifndef COAX_STATS_H
#define COAX_STATS_H

/* Lines `name value`: mode (solo, fiber, kernel), fibers (created, without main), switches, kernel_threads (most that
 * carried fibers at one time), handoffs, helpers (most at one time), promoted, handed (handover.h), looks of the
 * monitor, blocked (calls on files that it has found waiting). */
void stats_write(const char *path);
/* Processors this process may use. */
unsigned stats_cpus(void);

#endif
