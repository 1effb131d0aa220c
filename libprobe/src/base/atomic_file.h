/* SPDX-License-Identifier: MIT
 * Writing a file whole or not at all.
 */
#ifndef PB_ATOMIC_FILE_H
#define PB_ATOMIC_FILE_H

#include <stddef.h>

#include "probe/error.h"

/* Replaces the contents of path: a temporary file in the same folder, fsync, rename. A reader, a
 * crash or a full disk sees the old file or the new one. A symbolic link keeps pointing at the file
 * that is replaced, an existing file keeps its permissions, and what is no regular file
 * (/dev/stdout, a pipe) is written to directly.
 * Returns 0, -PROBE_ESYS, -PROBE_ENOMEM; err says which path and what to do. */
int pb_atomic_write(const char *path, const char *bytes, size_t n, struct probe_error *err);

#endif
