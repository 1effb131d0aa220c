/* SPDX-License-Identifier: MIT
 * Telling which cells of a run could not be measured, and why.
 */
#ifndef PROBE_CLI_FAILURES_H
#define PROBE_CLI_FAILURES_H

#include "cli.h"

/* Cells that failed, crashed, timed out or could not be built; not those that don't apply. */
size_t cli_failures_count(const struct probe_run *run);
/* One line for each cause on each interpreter, naming its first cells.
 * @run_file  where the run was written, and with it the backtraces; NULL = nowhere. */
void cli_failures_print(const struct probe_run *run, const char *run_file, FILE *out);

#endif
