/* SPDX-License-Identifier: MIT
 * The options of `probe run`: one table that is parsed, checked and printed as help.
 */
#ifndef PROBE_CLI_RUN_OPTIONS_H
#define PROBE_CLI_RUN_OPTIONS_H

#include "cli.h"

struct cli_run_options {
	struct probe_matrix_options matrix;
	struct cli_table_options table;
	enum cli_color color;
	bool quiet, json;
	const char *csv, *markdown, *trace, *speedscope, *warmup, *plot; /* files, or NULL */
};

/* Fills *out from the arguments (which it borrows), or prints one error line.
 * Returns CLI_OK or CLI_USAGE. */
int cli_run_options_parse(int argc, char **argv, struct cli_run_options *out);

#endif
