/* SPDX-License-Identifier: MIT
 * Text that comes from files and other programs, made fit to be shown.
 */
#ifndef PROBE_TEXT_H
#define PROBE_TEXT_H

#include "probe/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Text as one line in which nothing drives a terminal: "\x1b" for a control character or a byte
 * that is not UTF-8, "\u202e" for C1 controls and marks of direction, "\n" for a line break. What
 * probe_run_load() gives is like that already, as are the messages of struct probe_error.
 * Returns a new string, the caller's to free(); NULL when out of memory. Threads: safe. */
PROBE_API char *probe_text_visible(const char *text);

#ifdef __cplusplus
}
#endif
#endif
