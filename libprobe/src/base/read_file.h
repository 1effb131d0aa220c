/* SPDX-License-Identifier: MIT
 * Reading a file that somebody named: it may be endless.
 */
#ifndef PB_READ_FILE_H
#define PB_READ_FILE_H

#include "base/buf.h"
#include "probe/error.h"

/* Files beyond this are refused; of pipes and devices, whose size nobody knows, so much is read. */
#define PB_FILE_MOST   (1024u * 1024 * 1024)
#define PB_STREAM_MOST (64u * 1024 * 1024)

/* Appends the file's bytes. They are a text: a NUL byte in the first block ends it, so that
 * /dev/zero is not read for long.
 * Returns 0, -PROBE_ENOENT, -PROBE_ESYS, -PROBE_EFORMAT (too large, endless, not a text),
 * -PROBE_ENOMEM. */
int pb_read_file(const char *path, struct pb_buf *out, struct probe_error *err);

#endif
