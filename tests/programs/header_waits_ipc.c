/* waits_ipc.c, with what coax.h has to end a wait. */
#define WAITS_COAX
#include "waits_ipc.c"
