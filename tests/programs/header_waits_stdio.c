/* waits_stdio.c, with what coax.h has to end a wait. */
#define WAITS_COAX
#include "waits_stdio.c"
