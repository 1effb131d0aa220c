/* SPDX-License-Identifier: MIT
 * The probe command: one file per verb, one table of verbs (main.c), shared terminal helpers.
 * The command sees only the public headers of libprobe.
 */
#ifndef PROBE_CLI_H
#define PROBE_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "probe/probe.h"

/* Exit codes, documented in probe(1) and the README. */
enum cli_exit {
	CLI_OK = 0,            /* every cell measured */
	CLI_NOTHING = 1,       /* nothing could be measured, or the verb failed */
	CLI_USAGE = 2,         /* bad option or argument; nothing was started */
	CLI_SOME_FAILED = 3,   /* some cells failed; named on stderr */
	CLI_SLOWER = 4,        /* probe compare --fail-above: a call path got slower */
	CLI_INTERRUPTED = 130, /* Ctrl-C; what was measured is kept. Other signals: 128 + theirs */
};

struct cli_verb {
	const char *name;
	const char *summary;               /* one line for `probe help` */
	int (*run)(int argc, char **argv); /* argv[0] is the verb; returns enum cli_exit */
	void (*help)(FILE *out);           /* full help text of the verb */
};

int cli_run(int argc, char **argv);
int cli_list(int argc, char **argv);
int cli_doctor(int argc, char **argv);
int cli_plot(int argc, char **argv);
int cli_show(int argc, char **argv);
int cli_compare(int argc, char **argv);
int cli_report(int argc, char **argv);
int cli_cache(int argc, char **argv);
void cli_run_help(FILE *out);
void cli_list_help(FILE *out);
void cli_doctor_help(FILE *out);
void cli_plot_help(FILE *out);
void cli_show_help(FILE *out);
void cli_compare_help(FILE *out);
void cli_report_help(FILE *out);
void cli_cache_help(FILE *out);

/* term.c: --color auto|always|never, NO_COLOR, CLICOLOR_FORCE, TERM=dumb. */
enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };
int cli_color_parse(const char *text, enum cli_color *out); /* 0, or -1 unknown word */
bool cli_color_on(enum cli_color choice, FILE *stream);
/* One-line error on stderr: "probe: " + text. Always returns CLI_USAGE, CLI_NOTHING, ... as given.
 */
int cli_error(enum cli_exit code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Whole text must be one number within [min, max]; 0, or -1 and a message on stderr naming the
 * option and the range. */
int cli_parse_long(const char *option, const char *text, long min, long max, long *out);
int cli_parse_double(const char *option, const char *text, double min, double max, double *out);

/* signals.c: a signal removes what is temporary and ends the command with 128 + its number. */
void cli_signals_init(void);
/* While deferred, the first one only sets the flag that is returned. */
const volatile sig_atomic_t *cli_signals_defer(bool defer);
/* The exit status after that: of the signal that came. */
enum cli_exit cli_signals_exit(void);

/* table.c: the breakdown table of a run, per interpreter; at most 100 columns. */
enum cli_unit { CLI_UNIT_NS, CLI_UNIT_CYCLES };
struct cli_table_options {
	enum cli_unit unit;
	int phases; /* 3 or 8 */
	bool color;
	bool verbose;                /* also a block for each workload of a sweep */
	const struct cli_view *view; /* NULL = the breakdown */
};

/* views.c: ways to lay a run out as a table. A new one is one file and one row there. */
struct cli_view {
	const char *name;
	bool three_only; /* has no form with all sub-phases */
	void (*print)(const struct probe_run *run, const struct cli_table_options *options,
		      FILE *out);
};
/* Looks one up by name. Returns CLI_OK, or CLI_USAGE with a message that names them all. */
int cli_view_parse(const char *text, struct cli_table_options *out);
/* After all options: CLI_USAGE where the view has no such form. */
int cli_view_check(const struct cli_table_options *options);
void cli_view_print(const struct probe_run *run, const struct cli_table_options *options,
		    FILE *out);
/* table_builds.c: each path over all interpreter builds. */
void cli_builds_print(const struct probe_run *run, const struct cli_table_options *options,
		      FILE *out);
void cli_table_print(const struct probe_run *run, const struct cli_table_options *options,
		     FILE *out);

/* plot.c: draws a run with gnuplot; the suffix of path chooses svg, pdf, png or tex. */
int cli_plot_run(const struct probe_run *run, const char *path, struct probe_error *err);
/* The same for a kind of figure by its name, such as "builds". */
struct cli_figure {
	const char *kind;
	enum cli_unit unit;
	double width_points;     /* 0 = as wide as it needs */
	const char *interpreter; /* its rows alone; NULL = all */
};
int cli_plot_kind(const struct probe_run *run, const struct cli_figure *figure, const char *path,
		  struct probe_error *err);

#endif
