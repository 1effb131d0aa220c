/* SPDX-License-Identifier: MIT
 * Sub-interpreters as interpreters of their own in a run.
 */
#ifndef PB_SUBINTERPRETERS_H
#define PB_SUBINTERPRETERS_H

#include "probe/error.h"
#include "probe/run.h"

enum { PB_SUBINTERPRETERS_MAX = 64 };

/* Adds to the run, behind each of its interpreters that has sub-interpreters with a GIL of their
 * own (CPython from 3.12), the same one as "LABEL-subN": measured in the last of n of them. Which
 * have none is a warning on the run.
 * Returns 0, -PROBE_EINVAL (none has them, or a label gets too long), -PROBE_ENOMEM. */
int pb_subinterpreters_add(struct probe_run *run, unsigned n, struct probe_error *err);

#endif
