/* Which call failed, with its first argument: noted by the hooks while somebody is going to say it. The last few are
 * kept, of all threads: what cleans up after a failure may fail as well. */
#ifndef COAX_ERRORS_H
#define COAX_ERRORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One more, or one fewer, who wants notes. */
void errors_watch(bool on);

enum errors_kind { ERRORS_NUMBER, ERRORS_TEXT, ERRORS_OTHER };

/* errno says why. `call` lives for ever. Any thread, signal handlers too. */
void errors_note(const char *call, intptr_t arg, enum errors_kind kind);
/* "call(arg)", or "call" if the argument says nothing, of the last call of this thread that failed with this errno;
 * else
 * "". */
void errors_say(int error, char *out, size_t size);

#endif
