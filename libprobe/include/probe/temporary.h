/* SPDX-License-Identifier: MIT
 * Files and folders that are there for a while: what a signal must not leave behind.
 */
#ifndef PROBE_TEMPORARY_H
#define PROBE_TEMPORARY_H

#include "probe/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Notes a file, or a folder with all that will be in it, that is removed soon; best before it is
 * made. Returns a ticket for probe_temporary_drop(); -1 where nothing more can be noted, which
 * drop() takes, too. Threads: safe. */
PROBE_API int probe_temporary_add(const char *path);
/* It is removed, or has become what it shall be. Threads: safe. */
PROBE_API void probe_temporary_drop(int ticket);
/* Removes all that is noted, before the process ends by a signal. Signals: safe. Threads: safe. */
PROBE_API void probe_temporary_remove_all(void);

#ifdef __cplusplus
}
#endif
#endif
