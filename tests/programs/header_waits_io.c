/* waits_io.c, with what coax.h has to end a wait. */
#define WAITS_COAX
#include "waits_io.c"
