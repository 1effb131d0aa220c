/* SPDX-License-Identifier: MIT
 * probe plot: draws run files with gnuplot and the scripts in plots.
 */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "outputs.h"
#include "plot.h"

int cli_plot_run(const struct probe_run *run, const char *path, struct probe_error *err)
{
	return plot_draw(run, NULL, path, plot_kind_for(run), &plot_style_default, NULL, 0, err);
}

int cli_plot_kind(const struct probe_run *run, const struct cli_figure *figure, const char *path,
		  struct probe_error *err)
{
	const struct plot_kind *found = plot_kind_find(figure->kind);
	struct plot_style style = plot_style_default;
	struct probe_run shown = *run; /* with cells of its own, which borrow all they point to */
	int rc;

	if (!found || !found->exporter)
		return plot_fail(err, PROBE_ENOENT, "%s: no figure of one run", figure->kind);
	style.unit = figure->unit;
	style.width_points = figure->width_points;
	shown.cells = calloc(run->cell_count + 1, sizeof *shown.cells);
	shown.cell_count = 0;
	if (!shown.cells)
		return plot_fail(err, PROBE_ENOMEM, "can't draw %s: out of memory", path);
	for (size_t i = 0; i < run->cell_count; i++)
		if (!figure->interpreter || !strcmp(run->cells[i].interpreter, figure->interpreter))
			shown.cells[shown.cell_count++] = run->cells[i];
	rc = plot_draw(&shown, NULL, path, found, &style, NULL, 0, err);
	free(shown.cells);
	return rc;
}

void cli_plot_help(FILE *out)
{
	fputs("usage: probe plot RUN.json -o FIGURE [OPTION...]\n"
	      "       probe plot A.json B.json --kind delta -o FIGURE [OPTION...]\n\n"
	      "Draws run files. Needs gnuplot (apt-get install gnuplot-nox).\n\n"
	      "  -o, --output FIGURE    file to write; its suffix chooses: .svg, .pdf, .png, or "
	      ".tex\n"
	      "                         (to be \\input, with a FIGURE.pdf beside it)\n"
	      "  -k, --kind KIND        what to draw (default: breakdown; of a sweep, heatmap):\n",
	      out);
	for (const struct plot_kind *k = plot_kinds; k->name; k++)
		fprintf(out, "                           %-13s%s\n", k->name, k->summary);
	fputs("  -p, --path LIST        show these paths only, comma-separated\n"
	      "  -w, --workload LIST    show these workloads only\n"
	      "  -i, --python LIST      show these interpreters only: 3.13, cpython-3.11.7\n"
	      "      --unit ns|cycles   nanoseconds (default) or core cycles; delta has ns alone\n"
	      "      --theme THEME      light (default), dark, or print: black, grey and hatching\n"
	      "      --width WIDTH      85mm, 178mm, 800px, ... (default: what the figure needs)\n"
	      "      --font NAME        font family (default: sans-serif; .tex: the document's)\n"
	      "      --title TEXT       title; '' = none\n"
	      "      --keep             leave FIGURE.dat and FIGURE.gp beside the figure: edit "
	      "them,\n"
	      "                         and gnuplot alone draws it again\n"
	      "  -h, --help             print this help\n\n"
	      "Examples:\n"
	      "  probe plot run.json -o figure.svg\n"
	      "  probe plot run.json --kind builds --path ctypes --width 85mm --theme print -o "
	      "f.pdf\n"
	      "  probe plot before.json after.json --kind delta -o delta.png\n\n"
	      "Exit codes: 0 drawn, 1 not drawn (the reason is on stderr), 2 usage.\n",
	      out);
}

struct plot_options {
	const char *output;
	const struct plot_kind *kind; /* NULL = what the run shows best */
	struct plot_style style;
	struct plot_choice choice;
};

static int parse_kind(const char *name, struct plot_options *options)
{
	char known[160] = "";

	options->kind = plot_kind_find(name);
	if (options->kind)
		return CLI_OK;
	for (const struct plot_kind *k = plot_kinds; k->name; k++)
		snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s",
			 k == plot_kinds ? "" : ", ", k->name);
	return cli_error(CLI_USAGE, "plot: --kind %s: no such figure (known: %s)", name, known);
}

static int parse_unit(const char *text, struct plot_style *style)
{
	if (strcmp(text, "ns") && strcmp(text, "cycles"))
		return cli_error(CLI_USAGE, "plot: --unit %s: use ns or cycles", text);
	style->unit = *text == 'c' ? CLI_UNIT_CYCLES : CLI_UNIT_NS;
	return CLI_OK;
}

enum { OPT_UNIT = 256, OPT_THEME, OPT_WIDTH, OPT_FONT, OPT_TITLE, OPT_KEEP };

static int take_option(int option, struct plot_options *options)
{
	switch (option) {
	case 'o':
		options->output = optarg;
		return CLI_OK;
	case 'k':
		return parse_kind(optarg, options);
	case 'p':
		options->choice.paths = optarg;
		return CLI_OK;
	case 'w':
		options->choice.workloads = optarg;
		return CLI_OK;
	case 'i':
		options->choice.pythons = optarg;
		return CLI_OK;
	case OPT_UNIT:
		return parse_unit(optarg, &options->style);
	case OPT_THEME:
		return plot_theme_parse(optarg, &options->style);
	case OPT_WIDTH:
		return plot_width_parse(optarg, &options->style);
	case OPT_FONT:
		options->style.font = optarg;
		/* gnuplot takes a size from behind a comma. */
		if (!*optarg || strpbrk(optarg, ",:{}\"'\\\n"))
			return cli_error(CLI_USAGE,
					 "plot: --font '%s': give a family's name, as in "
					 "'DejaVu Serif'",
					 optarg);
		return CLI_OK;
	case OPT_TITLE:
		options->style.title = optarg;
		return CLI_OK;
	case OPT_KEEP:
		options->style.keep = true;
		return CLI_OK;
	default:
		return CLI_USAGE;
	}
}

static int check_usage(int runs, const struct plot_options *options)
{
	bool two = options->kind && !options->kind->exporter;

	if (two && runs != 2)
		return cli_error(CLI_USAGE,
				 "plot: --kind %s takes two run files, as in `probe "
				 "plot before.json after.json --kind %s -o figure.svg`",
				 options->kind->name, options->kind->name);
	if (!two && runs != 1)
		return cli_error(CLI_USAGE, "plot: give one run file, as in `probe plot run.json "
					    "-o figure.svg`; two with --kind delta");
	if (two && options->style.unit != CLI_UNIT_NS)
		return cli_error(CLI_USAGE, "plot: --unit cycles: runs are compared in ns");
	if (!options->output)
		return cli_error(CLI_USAGE,
				 "plot: no output: add -o FILE, ending in " PLOT_FORMATS);
	if (!plot_format_of(options->output))
		return cli_error(CLI_USAGE, "plot: %s: the name must end in " PLOT_FORMATS,
				 options->output);
	return CLI_OK;
}

static int parse(int argc, char **argv, struct plot_options *options)
{
	static const struct option known[] = {
		{"output", required_argument, NULL, 'o'},
		{"kind", required_argument, NULL, 'k'},
		{"path", required_argument, NULL, 'p'},
		{"workload", required_argument, NULL, 'w'},
		{"python", required_argument, NULL, 'i'},
		{"unit", required_argument, NULL, OPT_UNIT},
		{"theme", required_argument, NULL, OPT_THEME},
		{"width", required_argument, NULL, OPT_WIDTH},
		{"font", required_argument, NULL, OPT_FONT},
		{"title", required_argument, NULL, OPT_TITLE},
		{"keep", no_argument, NULL, OPT_KEEP},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":o:k:p:w:i:", known, NULL)) != -1) {
		if (option == ':')
			return cli_error(CLI_USAGE, "plot: %s needs a value; see `probe plot -h`",
					 argv[optind - 1]);
		if (option == '?')
			return cli_error(CLI_USAGE, "plot: unknown option %s; see `probe plot -h`",
					 argv[optind - 1]);
		if (take_option(option, options))
			return CLI_USAGE;
	}
	return check_usage(argc - optind, options);
}

/* Loads the runs, leaves the rows that were not chosen out of sight, and draws the rest. */
static int draw_files(char **files, const struct plot_options *options, char *note, size_t size,
		      struct probe_error *err)
{
	const struct plot_kind *kind = options->kind;
	int rc = 0, wanted = kind && !kind->exporter ? 2 : 1;
	struct probe_run *runs[2] = {NULL, NULL};
	size_t all[2] = {0, 0};

	for (int i = 0; !rc && i < wanted; i++) {
		rc = probe_run_load(files[i], &runs[i], err);
		if (rc)
			break;
		all[i] = runs[i]->cell_count;
		rc = plot_choose(runs[i], &options->choice, err);
	}
	if (!rc)
		rc = plot_draw(runs[0], runs[1], options->output,
			       kind ? kind : plot_kind_for(runs[0]), &options->style, note, size,
			       err);
	for (int i = 0; i < wanted; i++) {
		if (runs[i])
			runs[i]->cell_count = all[i];
		probe_run_free(runs[i]);
	}
	return rc;
}

/* The figure and what comes beside it. */
static int check_outputs(const struct plot_options *options, const char *const *inputs)
{
	static const char *const suffixes[] = {".pdf", ".dat", ".gp"};
	struct cli_output outputs[4] = {{"-o", options->output, false}};
	int base = (int)(strrchr(options->output, '.') - options->output), code;
	char *beside[3] = {NULL};
	bool is_tex = !strcmp(plot_format_of(options->output), "tex");

	for (size_t i = 0; i < 3; i++) {
		if ((i ? !options->style.keep : !is_tex) ||
		    asprintf(&beside[i], "%.*s%s", base, options->output, suffixes[i]) < 0)
			beside[i] = NULL;
		outputs[i + 1] = (struct cli_output){i ? "--keep:" : "-o:", beside[i], false};
	}
	code = cli_outputs_check(outputs, 4, inputs);
	for (size_t i = 0; i < 3; i++)
		free(beside[i]);
	return code;
}

int cli_plot(int argc, char **argv)
{
	struct plot_options options = {.style = plot_style_default};
	struct probe_error err = {0};
	char note[300] = "";
	int code = parse(argc, argv, &options);

	if (code == CLI_OK)
		code = check_outputs(&options, (const char *const *)argv + optind);
	if (code != CLI_OK)
		return code;
	if (draw_files(argv + optind, &options, note, sizeof note, &err))
		return cli_error(CLI_NOTHING, "%s", err.msg);
	if (note[0])
		fprintf(stderr, "probe: %s\n", note);
	return CLI_OK;
}
