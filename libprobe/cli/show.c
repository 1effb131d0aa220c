/* SPDX-License-Identifier: MIT
 * probe show: the table of a saved run again.
 */
#include <getopt.h>
#include <string.h>

#include "cli.h"
#include "failures.h"
#include "outputs.h"
#include "plot.h"

void cli_show_help(FILE *out)
{
	fputs("usage: probe show RUN.json [OPTION...]\n\n"
	      "Prints the table of a run file as `probe run` printed it; or writes it in other "
	      "formats, and\n"
	      "prints no table.\n\n"
	      "      --view breakdown|builds   a table for each interpreter (default), or each "
	      "path over\n"
	      "                                all builds with what changed from one to the next\n"
	      "  -p, --path LIST               only these paths, comma-separated\n"
	      "  -w, --workload LIST           only these workloads\n"
	      "  -i, --python LIST             only these interpreters\n"
	      "      --phases 3|8              phases in the table (default: 3)\n"
	      "      --unit ns|cycles          nanoseconds (default) or core cycles\n"
	      "  -v, --verbose                 verdicts in words beside a summary, all tables of a "
	      "sweep\n"
	      "      --color WHEN              auto, always or never (default: auto)\n"
	      "      --export-csv FILE         write the figures as CSV\n"
	      "      --export-markdown FILE    write the table as Markdown\n"
	      "      --export-trace FILE       write timelines as a trace for Perfetto\n"
	      "      --export-speedscope FILE  write timelines for speedscope\n"
	      "      --warmup-series FILE      write the calls before each cell was steady, as "
	      "CSV\n"
	      "  -h, --help                    print this help\n\n"
	      "Exit codes: 0 shown, 1 not shown (the reason is on stderr), 2 usage, 3 some of its "
	      "cells failed.\n",
	      out);
}

/* The formats that a saved run can be written in, and the file of each; NULL = not asked for. */
static const char *const exporters[] = {"csv", "markdown", "trace", "speedscope", "warmup"};
enum { EXPORTERS = sizeof exporters / sizeof exporters[0] };

static int parse(int argc, char **argv, struct cli_table_options *table, enum cli_color *color,
		 struct plot_choice *choice, const char *exports[EXPORTERS])
{
	/* Their options' values are the indices into exporters. */
	static const struct option known[] = {
		{"view", required_argument, NULL, 'V'},
		{"path", required_argument, NULL, 'p'},
		{"workload", required_argument, NULL, 'w'},
		{"python", required_argument, NULL, 'i'},
		{"phases", required_argument, NULL, '8'},
		{"unit", required_argument, NULL, 'u'},
		{"verbose", no_argument, NULL, 'v'},
		{"color", required_argument, NULL, 'c'},
		{"export-csv", required_argument, NULL, 0},
		{"export-markdown", required_argument, NULL, 1},
		{"export-trace", required_argument, NULL, 2},
		{"export-speedscope", required_argument, NULL, 3},
		{"warmup-series", required_argument, NULL, 4},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":p:w:i:v", known, NULL)) != -1) {
		switch (option) {
		case 'V':
			if (cli_view_parse(optarg, table))
				return CLI_USAGE;
			break;
		case 'p':
			choice->paths = optarg;
			break;
		case 'w':
			choice->workloads = optarg;
			break;
		case 'i':
			choice->pythons = optarg;
			break;
		case '8':
			if (strcmp(optarg, "3") && strcmp(optarg, "8"))
				return cli_error(CLI_USAGE, "show: --phases %s: use 3 or 8",
						 optarg);
			table->phases = *optarg - '0';
			break;
		case 'u':
			if (strcmp(optarg, "ns") && strcmp(optarg, "cycles"))
				return cli_error(CLI_USAGE, "show: --unit %s: use ns or cycles",
						 optarg);
			table->unit = *optarg == 'c' ? CLI_UNIT_CYCLES : CLI_UNIT_NS;
			break;
		case 'v':
			table->verbose = true;
			break;
		case 'c':
			if (cli_color_parse(optarg, color))
				return cli_error(CLI_USAGE, "--color %s: use auto, always or never",
						 optarg);
			break;
		case 0:
		case 1:
		case 2:
		case 3:
		case 4:
			exports[option] = optarg;
			break;
		case ':':
			return cli_error(CLI_USAGE, "show: %s needs a value; see `probe show -h`",
					 argv[optind - 1]);
		default:
			return cli_error(CLI_USAGE, "show: unknown option %s; see `probe show -h`",
					 argv[optind - 1]);
		}
	}
	if (optind != argc - 1)
		return cli_error(CLI_USAGE, "show: give one run file, as in `probe show run.json`");
	return cli_view_check(table);
}

/* Before anything is read. *code is that of wrong use, where it is that. */
static int check_outputs(const char *const files[EXPORTERS], const char *run, int *code,
			 struct probe_error *err)
{
	static const char *const options[EXPORTERS] = {"--export-csv", "--export-markdown",
						       "--export-trace", "--export-speedscope",
						       "--warmup-series"};
	const char *const inputs[] = {run, NULL};
	struct cli_output outputs[EXPORTERS];
	int rc = 0;

	for (size_t i = 0; i < EXPORTERS; i++)
		outputs[i] = (struct cli_output){options[i], files[i], false};
	*code = cli_outputs_check(outputs, EXPORTERS, inputs);
	for (size_t i = 0; !rc && *code == CLI_OK && i < EXPORTERS; i++)
		rc = files[i] ? probe_output_check(files[i], err) : 0;
	return *code == CLI_OK ? rc : -PROBE_EINVAL;
}

/* Returns how many were written, or the library's error. */
static int write_exports(const struct probe_run *run, const char *const files[EXPORTERS],
			 struct probe_error *err)
{
	int written = 0;

	for (size_t i = 0; i < EXPORTERS; i++) {
		if (!files[i])
			continue;
		if (probe_export_file(run, exporters[i], files[i], err))
			return -err->code;
		written++;
	}
	return written;
}

int cli_show(int argc, char **argv)
{
	const char *exports[EXPORTERS] = {NULL};
	struct cli_table_options table = {.phases = 3};
	enum cli_color color = CLI_COLOR_AUTO;
	struct probe_error err = {0};
	struct probe_run *run = NULL;
	struct plot_choice choice = {0};
	int code = parse(argc, argv, &table, &color, &choice, exports), written;
	size_t cells;

	if (code != CLI_OK)
		return code;
	if (check_outputs(exports, argv[optind], &code, &err))
		return code == CLI_OK ? cli_error(CLI_NOTHING, "%s", err.msg) : code;
	if (probe_run_load(argv[optind], &run, &err))
		return cli_error(CLI_NOTHING, "%s", err.msg);
	if (!run->cell_count) {
		probe_run_free(run);
		return cli_error(CLI_NOTHING, "%s holds no cell: there is nothing to show",
				 argv[optind]);
	}
	cells = run->cell_count;
	if (plot_choose(run, &choice, &err)) {
		probe_run_free(run);
		return cli_error(CLI_NOTHING, "%s", err.msg);
	}
	table.color = cli_color_on(color, stdout);
	written = write_exports(run, exports, &err);
	if (written < 0) {
		code = cli_error(CLI_NOTHING, "%s", err.msg);
	} else {
		if (!written)
			cli_view_print(run, &table, stdout);
		fflush(stdout);
		cli_failures_print(run, argv[optind], stderr);
		code = cli_failures_count(run) ? CLI_SOME_FAILED : CLI_OK;
	}
	run->cell_count = cells;
	probe_run_free(run);
	return code;
}
