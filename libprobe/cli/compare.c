/* SPDX-License-Identifier: MIT
 * probe compare: two run files side by side, and a gate for pipelines.
 */
#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "grid.h"
#include "outputs.h"
#include "probe/compare.h"

enum { COLUMN_PATH, COLUMN_A, COLUMN_B, COLUMN_DELTA, COLUMN_PERCENT, COLUMN_SAID, COLUMNS };

static const struct grid_shape shape = {
	.columns = COLUMNS,
	.gap = {2, 2, 2, 2, 1, 2},
	.left = 1u << COLUMN_SAID,
};

struct compare_options {
	double band, fail_above; /* shares; fail_above negative = no gate */
	bool allow_missing;      /* the gate judges what can be, and lets the rest through */
	enum cli_color color;
	const char *markdown;
};

static void print_head(const struct probe_cell_change *cell, struct grid *grid)
{
	struct grid_row *row = grid_add(grid);

	if (!row)
		return;
	snprintf(row->text[COLUMN_PATH], GRID_TEXT, "%.40s", cell->workload);
	snprintf(row->text[COLUMN_A], GRID_TEXT, "A, ns");
	snprintf(row->text[COLUMN_B], GRID_TEXT, "B, ns");
	snprintf(row->text[COLUMN_DELTA], GRID_TEXT, "change");
	row->color = "1";
}

static void add_row(const struct probe_cell_change *cell, struct grid *grid)
{
	struct grid_row *row = grid_add(grid);
	const struct probe_change *t = &cell->total;

	if (!row)
		return;
	snprintf(row->text[COLUMN_PATH], GRID_TEXT, "%.40s", cell->path);
	snprintf(row->text[COLUMN_A], GRID_TEXT, "%.2f", t->a_ns);
	snprintf(row->text[COLUMN_B], GRID_TEXT, "%.2f", t->b_ns);
	snprintf(row->text[COLUMN_DELTA], GRID_TEXT, "%+.2f ±%.2f", t->delta_ns, t->half_ns);
	if (t->a_ns > 0)
		snprintf(row->text[COLUMN_PERCENT], GRID_TEXT, "%+.1f%%",
			 100 * t->delta_ns / t->a_ns);
	probe_change_text(cell, row->text[COLUMN_SAID], GRID_TEXT);
	row->color = t->verdict == PROBE_CHANGE_SLOWER   ? "31"
		     : t->verdict == PROBE_CHANGE_FASTER ? "32"
							 : NULL;
}

static void print_table(const struct probe_comparison *c, bool color, FILE *out)
{
	const struct probe_cell_change *before = NULL;
	struct grid grid = {0};
	int widths[GRID_COLUMNS] = {0};

	for (size_t i = 0; i < c->cell_count; i++) {
		const struct probe_cell_change *cell = &c->cells[i];
		bool other = !before || strcmp(cell->interpreter, before->interpreter);

		if (other) {
			struct grid_row *row = grid_add(&grid);
			if (row)
				snprintf(row->text[COLUMN_PATH], GRID_TEXT, "%.46s",
					 cell->interpreter);
		}
		if (other || strcmp(cell->workload, before->workload))
			print_head(cell, &grid);
		add_row(cell, &grid);
		before = cell;
	}
	grid_measure(&grid, &shape, widths);
	if (grid.oom)
		fputs("out of memory: no table\n", out);
	else
		grid_print(&grid, &shape, widths, color, out);
	grid_fini(&grid);
}

static void print_notes(const struct probe_comparison *c, FILE *out)
{
	fprintf(out,
		"\nGeometric mean of B over A: %.3f\n"
		"significant: outside the difference's interval, and above %g %% of the call and "
		"%g ticks\n",
		c->geometric_mean, 100 * c->band, PROBE_COMPARE_TICKS);
	if (c->slow_passes)
		fprintf(out,
			"left out: %zu of %zu passes, far slower than the others of their run and "
			"cell\n",
			c->slow_passes, c->passes);
	if (c->only_a || c->only_b)
		fprintf(out, "not compared: %zu cells of A and %zu of B without a partner\n",
			c->only_a, c->only_b);
	for (size_t i = 0; i < c->unlike_count; i++)
		grid_wrap(out, "the runs differ in more than time: ", 4, c->unlike[i], 3);
}

void cli_compare_help(FILE *out)
{
	fputs("usage: probe compare A.json B.json [OPTION...]\n\n"
	      "Says what changed from run A to run B: per workload, path and interpreter, and "
	      "which "
	      "phase\n"
	      "moved. A change counts when it lies outside its interval and above a noise band.\n\n"
	      "      --band PERCENT          noise band, a share of the call, 0 to 100 (default: "
	      "2%)\n"
	      "      --fail-above PERCENT    exit with 4 when a total got slower by more than "
	      "this\n"
	      "      --allow-missing         with it, let cells through that B lacks or that were "
	      "contended\n"
	      "      --export-markdown FILE  write the comparison as Markdown, for a pull request\n"
	      "      --color WHEN            auto, always or never (default: auto)\n"
	      "  -h, --help                  print this help\n\n"
	      "Exit codes: 0 compared, 1 not compared (the reason is on stderr), 2 usage; with\n"
	      "--fail-above: 3 a call of A can't be judged in B (it failed, is missing, or was "
	      "contended),\n"
	      "4 one got slower than allowed.\n",
	      out);
}

/* "5%" or "5" as 0.05. */
static int parse_percent(const char *option, const char *text, double *out)
{
	char number[32];
	size_t n = strlen(text);
	double percent;

	if (n && text[n - 1] == '%')
		n--;
	snprintf(number, sizeof number, "%.*s", n < 30 ? (int)n : 30, text);
	if (cli_parse_double(option, number, 0, 100, &percent))
		return -1;
	*out = percent / 100;
	return 0;
}

static int parse(int argc, char **argv, struct compare_options *options)
{
	static const struct option known[] = {
		{"band", required_argument, NULL, 'b'},
		{"fail-above", required_argument, NULL, 'f'},
		{"allow-missing", no_argument, NULL, 'a'},
		{"export-markdown", required_argument, NULL, 'm'},
		{"color", required_argument, NULL, 'c'},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		switch (option) {
		case 'b':
			if (parse_percent("--band", optarg, &options->band))
				return CLI_USAGE;
			break;
		case 'f':
			if (parse_percent("--fail-above", optarg, &options->fail_above))
				return CLI_USAGE;
			break;
		case 'a':
			options->allow_missing = true;
			break;
		case 'm':
			options->markdown = optarg;
			break;
		case 'c':
			if (cli_color_parse(optarg, &options->color))
				return cli_error(CLI_USAGE, "--color %s: use auto, always or never",
						 optarg);
			break;
		case ':':
			return cli_error(CLI_USAGE,
					 "compare: %s needs a value; see `probe compare -h`",
					 argv[optind - 1]);
		default:
			return cli_error(CLI_USAGE,
					 "compare: unknown option %s; see `probe compare -h`",
					 argv[optind - 1]);
		}
	}
	if (optind != argc - 2)
		return cli_error(CLI_USAGE, "compare: give two run files, as in `probe compare "
					    "before.json after.json`");
	return CLI_OK;
}

/* Why the gate can't judge a cell that A measured; NULL = it can. */
static const char *unjudged(const struct probe_cell *was, const struct probe_cell *is,
			    const struct probe_comparison *c, double fail_above)
{
	if (!is)
		return "missing in B";
	if (is->status != PROBE_CELL_OK)
		return probe_cell_status_name(is->status);
	for (size_t i = 0; i < c->cell_count; i++) {
		const struct probe_cell_change *cell = &c->cells[i];

		if (strcmp(cell->workload, was->workload) || strcmp(cell->path, was->path) ||
		    strcmp(cell->interpreter, was->interpreter))
			continue;
		/* Within what is allowed it need not be known better. */
		if (cell->contended && !(cell->total.b_ns <= cell->total.a_ns * (1 + fail_above)))
			return "slower in B and contended";
		return cell->contended || cell->total.verdict != PROBE_CHANGE_UNKNOWN
			       ? NULL
			       : "not comparable";
	}
	return "without a figure in B";
}

/* A gate that can't see must not open. */
static int refuse_unjudged(const struct probe_run *a, const struct probe_run *b,
			   const struct probe_comparison *c, const struct compare_options *options)
{
	const struct probe_cell *first = NULL, *in_b = NULL;
	const char *why = NULL;
	size_t count = 0;

	for (size_t i = 0; i < a->cell_count; i++) {
		const struct probe_cell *was = &a->cells[i];
		const struct probe_cell *is =
			probe_run_find_cell(b, was->workload, was->path, was->interpreter);
		bool failed = is && is->status != PROBE_CELL_OK;
		const char *reason = was->status == PROBE_CELL_OK
					     ? unjudged(was, is, c, options->fail_above)
					     : NULL;

		if (!reason || (options->allow_missing && !failed))
			continue;
		if (!count++) {
			first = was;
			in_b = failed ? is : NULL;
			why = reason;
		}
	}
	if (!count)
		return CLI_OK;
	return cli_error(CLI_SOME_FAILED,
			 "--fail-above can't judge %s/%s/%s%s: measured in A, %s%s%s%s%s",
			 first->workload, first->path, first->interpreter,
			 count > 1 ? " and others" : "", why, in_b ? " in B" : "",
			 in_b && in_b->reason ? ": " : "", in_b && in_b->reason ? in_b->reason : "",
			 in_b ? "" : "; measure again, or --allow-missing");
}

static int gate(const struct probe_run *a, const struct probe_run *b,
		const struct probe_comparison *c, const struct compare_options *options)
{
	double worst = probe_comparison_worst(c);

	if (options->fail_above < 0)
		return CLI_OK;
	if (worst > options->fail_above)
		return cli_error(CLI_SLOWER, "slower by %.1f %%, above the %g %% of --fail-above",
				 100 * worst, 100 * options->fail_above);
	return refuse_unjudged(a, b, c, options);
}

int cli_compare(int argc, char **argv)
{
	struct compare_options options = {.band = -1, .fail_above = -1};
	struct probe_error err = {0};
	struct probe_run *a = NULL, *b = NULL;
	struct probe_comparison *c = NULL;
	struct cli_output output = {"--export-markdown", NULL, false};
	int code = parse(argc, argv, &options);

	if (code != CLI_OK)
		return code;
	output.file = options.markdown;
	if (cli_outputs_check(&output, 1, (const char *const *)argv + optind))
		return CLI_USAGE;
	if ((options.markdown && probe_output_check(options.markdown, &err)) ||
	    probe_run_load(argv[optind], &a, &err) || probe_run_load(argv[optind + 1], &b, &err) ||
	    probe_compare(a, b, options.band, &c, &err)) {
		code = cli_error(CLI_NOTHING, "%s", err.msg);
	} else {
		printf("A  %s  %s\nB  %s  %s\n\n", argv[optind], a->started, argv[optind + 1],
		       b->started);
		print_table(c, cli_color_on(options.color, stdout), stdout);
		print_notes(c, stdout);
		fflush(stdout);
		if (options.markdown && probe_comparison_markdown(c, options.markdown, &err))
			code = cli_error(CLI_NOTHING, "%s", err.msg);
		else
			code = gate(a, b, c, &options);
	}
	probe_comparison_free(c);
	probe_run_free(a);
	probe_run_free(b);
	return code;
}
