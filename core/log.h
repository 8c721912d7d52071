/* One line at a time, on stderr or in --log-file, prefixed `coax: `. No stdio, no malloc: any thread, any signal
 * handler. Formats: %s, %d (int), %u (unsigned long), %x (unsigned long), %%. */
#ifndef COAX_LOG_H
#define COAX_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

void log_line(int level, const char *format, ...) __attribute__((cold));
bool log_level_named(const char *name, int *level);

/* Fills `out` (always terminated), returns its length. */
size_t log_format(char *out, size_t size, const char *format, va_list args);
size_t log_text(char *out, size_t size, const char *format, ...);

#endif
