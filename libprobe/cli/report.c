/* SPDX-License-Identifier: MIT
 * probe report: run files as a document with its figures.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "command_line.h"
#include "outputs.h"
#include "probe/report.h"

enum { MOST_KINDS = 8 };

/* Some cell is of no sweep: a figure of each workload has something to show. */
static bool has_workloads(const struct probe_run *run)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if (!probe_run_find_sweep(run, run->cells[i].workload))
			return true;
	return false;
}

static bool has_builds(const struct probe_run *run)
{
	return run->interpreter_count > 1 && has_workloads(run);
}

/* The figures of a report, in order: a new one is a row here. A kind of plot that finds nothing to
 * draw in a run is left out. */
static const struct figure_kind {
	const char *name; /* of the plot, and in the name of its file */
	const char *caption;
	bool (*applies)(const struct probe_run *run); /* NULL = the plot itself knows */
	size_t most; /* rows of the run; of more, its last interpreter is drawn. 0 = any */
} kinds[] = {
	{"breakdown",
	 "What one call costs by phase, for each path, grouped by interpreter; error bars are the "
	 "95 % interval of the total.",
	 has_workloads, 0},
	{"builds", "Each path over all interpreter builds, by phase.", has_builds, 0},
	{"break-even", "What a call costs against what it computes: where a binding begins to pay.",
	 has_workloads, 100},
	{"waterfall",
	 "The sub-phases of one call in time, as the timeline stamped them: medians and 99th "
	 "percentiles of each, laid end to end.",
	 NULL, 12},
	{"distribution", "How long single calls took, and their tails.", NULL, 100},
	{"scaling", "Calls per second from several threads at once.", NULL, 0},
	{"heatmap",
	 "A sweep: the cost of a call by type and number of its arguments, and of one more.", NULL,
	 0},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

/* One run and what is drawn of it. */
struct section {
	struct probe_run *run;
	struct probe_report_figure figures[MOST_KINDS];
	char *owned[2 * MOST_KINDS]; /* what the figures point to */
	size_t owned_count;
	size_t figure_count;
};

struct report_options {
	const char *output, *title;
	const char *claims; /* a table of them; NULL = the report of the runs */
	enum probe_report_format format;
	enum cli_unit unit;
	bool no_figures;
};

void cli_report_help(FILE *out)
{
	fputs("usage: probe report RUN.json... -o REPORT [OPTION...]\n\n"
	      "Writes a report of run files: the answer in words, figures, every row of the "
	      "tables, how it\n"
	      "was measured, warnings, and the commands that measure it again. Figures need "
	      "gnuplot\n"
	      "(apt-get install gnuplot-nox).\n\n"
	      "  -o, --output REPORT   file to write; its suffix chooses the format:\n"
	      "                          .html  one file with its figures, no script, nothing "
	      "loaded\n"
	      "                          .md    for GitHub; its figures are .svg files beside it\n"
	      "                          .tex   for pdflatex; its figures are .pdf files beside "
	      "it\n"
	      "      --title TEXT      title of the report (default: from the workloads)\n"
	      "      --unit ns|cycles  nanoseconds (default) or core cycles\n"
	      "      --no-figures      leave the figures out\n"
	      "      --claims FILE     put the published claims of a table to the test instead; "
	      "no figures\n"
	      "  -h, --help            print this help\n\n"
	      "Exit codes: 0 written, 1 not written (the reason is on stderr), 2 usage.\n",
	      out);
}

/* --- figures -------------------------------------------------------------------------------------
 */

static int fail(struct probe_error *err, enum probe_code code, const char *what, int sys_errno)
{
	err->code = (int)code;
	err->sys_errno = sys_errno;
	snprintf(err->msg, sizeof err->msg, "%s%s%s", what, sys_errno ? ": " : "",
		 sys_errno ? strerror(sys_errno) : "");
	return -(int)code;
}

/* Whether the whole run would fill pages: then one interpreter alone is drawn. */
static bool is_too_long(const struct figure_kind *kind, const struct probe_run *run,
			enum probe_report_format format)
{
	/* A page of paper does not scroll. */
	size_t most = format == PROBE_REPORT_TEX ? kind->most / 2 : kind->most;

	return most && run->cell_count > most && run->interpreter_count > 1;
}

/* As wide as the text of a page is: of paper for LaTeX, else of a screen. */
static double width_points(enum probe_report_format format)
{
	return format == PROBE_REPORT_TEX ? 482 : 640;
}

/* Draws the run, or the last of its interpreters that has what the figure shows.
 * @shown  that interpreter; NULL = all. */
static int draw_rows(const struct figure_kind *kind, const struct probe_run *run, const char *path,
		     const struct report_options *options, const char **shown,
		     struct probe_error *err)
{
	struct cli_figure figure = {kind->name, options->unit, width_points(options->format), NULL};
	int rc = -PROBE_EINVAL;

	*shown = NULL;
	if (!is_too_long(kind, run, options->format))
		return cli_plot_kind(run, &figure, path, err);
	for (size_t i = run->interpreter_count; i-- && rc == -PROBE_EINVAL;) {
		*shown = figure.interpreter = run->interpreters[i].label;
		rc = cli_plot_kind(run, &figure, path, err);
	}
	return rc;
}

/* The one place that knows how a kind is drawn. */
static int draw(const struct figure_kind *kind, const struct probe_run *run, const char *path,
		const struct report_options *options, const char **shown, struct probe_error *err)
{
	char lead[4200], why[sizeof err->msg];
	int rc = draw_rows(kind, run, path, options, shown, err);

	if (!rc || rc == -PROBE_EINVAL)
		return rc;
	/* The figure's own place may be a temporary one, which tells nobody anything. */
	snprintf(lead, sizeof lead, "can't draw %s: ", path);
	snprintf(why, sizeof why, "%s",
		 strncmp(err->msg, lead, strlen(lead)) ? err->msg : err->msg + strlen(lead));
	snprintf(err->msg, sizeof err->msg,
		 "can't draw the %s: %.400s; --no-figures leaves figures out", kind->name, why);
	return rc;
}

/* What a figure shows, and that it shows a part. */
static const char *caption(const struct figure_kind *kind, const char *interpreter,
			   struct section *s)
{
	char *text = NULL;

	if (!interpreter ||
	    asprintf(&text,
		     "%s On %s alone, as the run has many rows; probe plot --kind %s draws others.",
		     kind->caption, interpreter, kind->name) < 0)
		return kind->caption;
	s->owned[s->owned_count++] = text;
	return text;
}

/* The whole of a file as text, the caller's to free. */
static char *read_whole(const char *path, struct probe_error *err)
{
	FILE *in = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;
	FILE *out = in ? open_memstream(&text, &size) : NULL;
	char chunk[16384];
	bool failed = !in || !out;

	for (size_t n; !failed && (n = fread(chunk, 1, sizeof chunk, in)) > 0;)
		failed = fwrite(chunk, 1, n, out) != n;
	failed = failed || ferror(in);
	if (in)
		fclose(in);
	if (out && fclose(out))
		failed = true;
	if (!failed)
		return text;
	free(text);
	fail(err, PROBE_ESYS, "a figure can't be read back; set TMPDIR", errno);
	return NULL;
}

/* For a page that holds its figures: drawn in a temporary folder, and read. */
static int draw_within(const struct figure_kind *kind, struct section *s,
		       const struct report_options *options, struct probe_error *err)
{
	struct probe_report_figure *figure = &s->figures[s->figure_count];
	const char *tmp = getenv("TMPDIR");
	char folder[4096], file[4128];
	const char *shown;
	char *svg = NULL;
	int rc, ticket;

	snprintf(folder, sizeof folder, "%.4000s/probe-report-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		return fail(err, PROBE_ESYS, "no temporary folder can be made; set TMPDIR", errno);
	ticket = probe_temporary_add(folder);
	snprintf(file, sizeof file, "%s/figure.svg", folder);
	rc = draw(kind, s->run, file, options, &shown, err);
	if (!rc) {
		svg = read_whole(file, err);
		rc = svg ? 0 : -PROBE_ESYS;
	}
	unlink(file);
	rmdir(folder);
	probe_temporary_drop(ticket);
	if (rc)
		return rc;
	s->owned[s->owned_count++] = svg;
	*figure = (struct probe_report_figure){.caption = caption(kind, shown, s), .svg = svg};
	s->figure_count++;
	return 0;
}

/* "out/notes-2-breakdown.svg" for the second run of "out/notes.md". LaTeX and Markdown read names
 * of plain characters in one way only, so others become "_". */
static char *beside(const char *output, size_t section, const struct figure_kind *kind,
		    const char *suffix)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-.";
	const char *slash = strrchr(output, '/');
	const char *name = slash ? slash + 1 : output;
	size_t base = (size_t)(strrchr(output, '.') - output);
	char number[24] = "", *file = NULL;

	if (section)
		snprintf(number, sizeof number, "-%zu", section + 1);
	if (asprintf(&file, "%.*s%s-%s%s", (int)base, output, number, kind->name, suffix) < 0)
		return NULL;
	for (char *c = file + (name - output); *c; c++)
		if (!strchr(plain, *c))
			*c = '_';
	return file;
}

static int draw_beside(const struct figure_kind *kind, struct section *s, size_t section,
		       const struct report_options *options, struct probe_error *err)
{
	struct probe_report_figure *figure = &s->figures[s->figure_count];
	char *file =
		beside(options->output, section, kind, probe_report_figure_suffix(options->format));
	const char *slash = file ? strrchr(file, '/') : NULL;
	const char *shown;
	int rc;

	if (!file)
		return fail(err, PROBE_ENOMEM, "out of memory", 0);
	rc = draw(kind, s->run, file, options, &shown, err);
	if (rc) {
		free(file);
		return rc;
	}
	s->owned[s->owned_count++] = file;
	*figure = (struct probe_report_figure){.caption = caption(kind, shown, s),
					       .file = slash ? slash + 1 : file};
	s->figure_count++;
	return 0;
}

static int draw_all(struct section *s, size_t section, const struct report_options *options,
		    struct probe_error *err)
{
	int rc = 0;

	for (size_t k = 0; !rc && !options->no_figures && k < KIND_COUNT; k++) {
		if (kinds[k].applies && !kinds[k].applies(s->run))
			continue;
		rc = options->format == PROBE_REPORT_HTML
			     ? draw_within(&kinds[k], s, options, err)
			     : draw_beside(&kinds[k], s, section, options, err);
		/* Nothing of that kind is in the run. */
		if (rc == -PROBE_EINVAL)
			rc = 0;
	}
	return rc;
}

/* --- the verb ------------------------------------------------------------------------------------
 */

static int parse(int argc, char **argv, struct report_options *options)
{
	static const struct option known[] = {
		{"output", required_argument, NULL, 'o'}, {"title", required_argument, NULL, 't'},
		{"unit", required_argument, NULL, 'u'},   {"no-figures", no_argument, NULL, 'n'},
		{"claims", required_argument, NULL, 'c'}, {NULL, 0, NULL, 0},
	};
	struct probe_error err = {0};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":o:", known, NULL)) != -1) {
		switch (option) {
		case 'o':
			options->output = optarg;
			break;
		case 't':
			options->title = optarg;
			break;
		case 'u':
			if (strcmp(optarg, "ns") && strcmp(optarg, "cycles"))
				return cli_error(CLI_USAGE, "report: --unit %s: use ns or cycles",
						 optarg);
			options->unit = *optarg == 'c' ? CLI_UNIT_CYCLES : CLI_UNIT_NS;
			break;
		case 'n':
			options->no_figures = true;
			break;
		case 'c':
			options->claims = optarg;
			options->no_figures = true;
			break;
		case ':':
			return cli_error(CLI_USAGE,
					 "report: %s needs a value; see `probe report -h`",
					 argv[optind - 1]);
		default:
			return cli_error(CLI_USAGE,
					 "report: unknown option %s; see `probe report -h`",
					 argv[optind - 1]);
		}
	}
	if (optind == argc)
		return cli_error(CLI_USAGE, "report: name a run file, as in `probe report run.json "
					    "-o report.html`");
	if (!options->output)
		return cli_error(CLI_USAGE, "report: no output: add -o FILE.html, .md or .tex");
	if (probe_report_format_of(options->output, &options->format, &err))
		return cli_error(CLI_USAGE, "report: %s", err.msg);
	return CLI_OK;
}

static int load(struct section *sections, char **files, size_t n, struct probe_error *err)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		rc = probe_run_load(files[i], &sections[i].run, err);
		if (!rc && !sections[i].run->cell_count) {
			snprintf(err->msg, sizeof err->msg,
				 "%.300s holds no cell: there is nothing to report", files[i]);
			rc = -PROBE_EINVAL;
		}
	}
	return rc;
}

static int write_claims(const struct probe_report *report, const struct report_options *options,
			struct probe_error *err)
{
	struct probe_claim_table *table = NULL;
	int rc = probe_claim_table_load(options->claims, &table, err);

	if (!rc)
		rc = probe_claims_write(table, report, options->format, options->output, err);
	probe_claim_table_free(table);
	return rc;
}

static int write_report(struct section *sections, struct probe_report_part *parts, char **files,
			size_t n, const struct report_options *options, const char *command,
			struct probe_error *err)
{
	struct probe_report report = {.title = options->title,
				      .command = command,
				      .unit = options->unit == CLI_UNIT_CYCLES ? PROBE_UNIT_CYCLES
									       : PROBE_UNIT_NS,
				      .parts = parts,
				      .part_count = n};
	struct probe_scale scale;
	int rc = probe_output_check(options->output, err);

	for (size_t i = 0; !rc && i < n; i++) {
		rc = draw_all(&sections[i], i, options, err);
		parts[i] = (struct probe_report_part){.run = sections[i].run,
						      .source = files[i],
						      .figures = sections[i].figures,
						      .figure_count = sections[i].figure_count};
		/* As the figures do: in ticks where nobody knows how long one is. */
		if (options->unit == CLI_UNIT_NS &&
		    probe_scale_get(sections[i].run, PROBE_UNIT_NS, &scale))
			report.unit = PROBE_UNIT_TICKS;
	}
	if (rc)
		return rc;
	if (options->claims)
		return write_claims(&report, options, err);
	return probe_report_write(&report, options->format, options->output, err);
}

/* Files that appeared without being named. */
static void tell(const struct section *sections, size_t n)
{
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < sections[i].figure_count; k++) {
			const char *file = sections[i].figures[k].file;

			if (file)
				fprintf(stderr, "%s%s",
					any ? ", "
					    : "probe: note: figures of the report are beside it: ",
					file);
			any = any || file;
		}
	}
	if (any)
		fputc('\n', stderr);
}

static int check_output(const struct report_options *options, const char *const *files)
{
	const struct cli_output output = {"-o", options->output, false};
	const char *const claims[] = {options->claims, NULL};

	return cli_outputs_check(&output, 1, files) == CLI_OK &&
			       cli_outputs_check(&output, 1, claims) == CLI_OK
		       ? CLI_OK
		       : CLI_USAGE;
}

int cli_report(int argc, char **argv)
{
	struct report_options options = {0};
	struct probe_error err = {0};
	char *command = command_line_join(argc, argv);
	int code = parse(argc, argv, &options);
	size_t n = code == CLI_OK ? (size_t)(argc - optind) : 0;
	char **files = argv + optind;
	struct section *sections = calloc(n + 1, sizeof *sections);
	struct probe_report_part *parts = calloc(n + 1, sizeof *parts);

	if (code == CLI_OK)
		code = check_output(&options, (const char *const *)files);
	if (!sections || !parts)
		code = cli_error(CLI_NOTHING, "out of memory");
	if (code == CLI_OK && (load(sections, files, n, &err) ||
			       write_report(sections, parts, files, n, &options, command, &err)))
		code = cli_error(CLI_NOTHING, "%s", err.msg);
	if (code == CLI_OK)
		tell(sections, n);
	for (size_t i = 0; sections && i < n; i++) {
		for (size_t k = 0; k < sections[i].owned_count; k++)
			free(sections[i].owned[k]);
		probe_run_free(sections[i].run);
	}
	free(sections);
	free(parts);
	free(command);
	return code;
}
