/* SPDX-License-Identifier: MIT
 * Files that a call writes, checked against those that it reads and each other.
 */
#ifndef PROBE_CLI_OUTPUTS_H
#define PROBE_CLI_OUTPUTS_H

#include <stddef.h>

#include "cli.h"

struct cli_output {
	const char *option; /* as the user typed it, for messages: "--export-csv" */
	const char *file;   /* NULL = not asked for */
	bool is_run;        /* a run file */
};

/* Refuses an output that is an input or another output, by whatever name or link; and one that
 * would replace what it is not: a run file replaces only run files and empty files, and anything
 * else replaces everything but run files.
 * @inputs  what the call reads, NULL-terminated; names of what are no files are allowed.
 * Returns CLI_OK, or CLI_USAGE after a message. */
int cli_outputs_check(const struct cli_output *outputs, size_t n, const char *const *inputs);

#endif
