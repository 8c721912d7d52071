/* waits_sync.c, with what coax.h has to end a wait. */
#define WAITS_COAX
#include "waits_sync.c"
