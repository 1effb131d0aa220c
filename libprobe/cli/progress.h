/* SPDX-License-Identifier: MIT
 * One line on a terminal that says where a run stands.
 */
#ifndef PROBE_CLI_PROGRESS_H
#define PROBE_CLI_PROGRESS_H

#include "cli.h"

struct cli_progress {
	FILE *out;
	bool on;    /* out is a terminal and the user wants it */
	bool plain; /* the terminal knows no escape sequences */
	int shown;  /* columns now in use */
};

/* Off when quiet, when out is no terminal. */
void cli_progress_init(struct cli_progress *progress, FILE *out, bool quiet);
/* Shows where a run stands, in place of what was shown. */
void cli_progress_show(struct cli_progress *progress, const struct probe_progress *at);
/* Takes the line away, so that something else can be printed. */
void cli_progress_clear(struct cli_progress *progress);

/* "0:07", "12:34", "1:02:03"; "?" for NaN. Returns buf. */
const char *cli_clock(double seconds, char *buf, size_t size);

#endif
