/* SPDX-License-Identifier: MIT
 * The part of a run file that pyperf reads.
 */
#ifndef PB_PYPERF_H
#define PB_PYPERF_H

#include "base/buf.h"
#include "probe/run.h"

/* Appends the members "version", "metadata" and "benchmarks" of pyperf's format 1.0, one benchmark
 * a line, each line ended by a newline and the last without a comma. Memory: out->oom. */
void pb_pyperf_write(const struct probe_run *run, struct pb_buf *out);

#endif
