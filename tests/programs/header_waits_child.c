/* waits_child.c, with what coax.h has to end a wait. */
#define WAITS_COAX
#include "waits_child.c"
