/* SPDX-License-Identifier: MIT
 * Whether everything in a run is there once.
 */
#ifndef PB_DOUBLES_H
#define PB_DOUBLES_H

#include "probe/run.h"

/* Cells, rows under threads, interpreters and workloads of sweeps are found by their names: a
 * second one of the same name would be counted and never found.
 * @where  how a message calls the run, such as "run.json: probe".
 * Returns 0, -PROBE_EFORMAT (the message names both places), -PROBE_ENOMEM. */
int pb_refuse_doubles(const struct probe_run *run, const char *where, struct probe_error *err);

#endif
