/* libc's streams: see core/stdio.h. */
#ifndef COAX_SHIM_STDIO_H
#define COAX_SHIM_STDIO_H

/* Before the first fiber runs, or where limits are set. */
void stdio_start(void);

#endif
