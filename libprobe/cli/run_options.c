/* SPDX-License-Identifier: MIT
 * Parsing `probe run`'s command line: ranges, conflicts and files are checked before any work.
 */
#include "run_options.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "outputs.h"
#include "plot.h"

enum {
	OPT_ENGINE = 256,
	OPT_ARGS,
	OPT_TARGET,
	OPT_SUBINTERPRETERS,
	OPT_THREADS,
	OPT_FAST,
	OPT_RIGOROUS,
	OPT_PASSES,
	OPT_ROUNDS,
	OPT_MAX_CALLS,
	OPT_PHASES,
	OPT_UNIT,
	OPT_VIEW,
	OPT_CPU,
	OPT_TIMEOUT,
	OPT_CSV,
	OPT_MARKDOWN,
	OPT_TRACE,
	OPT_SPEEDSCOPE,
	OPT_WARMUP,
	OPT_PLOT,
	OPT_SEED,
	OPT_COLOR,
	OPT_JSON,
};

struct option_row {
	int value; /* the short option, or one of OPT_* */
	const char *name;
	const char *argument; /* NULL = none */
	const char *help;
};

static const struct option_row rows[] = {
	{'p', "paths", "LIST", "call paths, comma-separated (default: all)"},
	{'i', "python", "LIST", "interpreters: 3.13, 3.14-jit, a program, all (default: CPython)"},
	{OPT_ARGS, "args", "LIST", "a function's arguments: Python literals, float64:1000, ..."},
	{OPT_TARGET, "target", "LIB:FUNCTION", "where a Python callable computes, if known"},
	{OPT_ENGINE, "engine", "LIST", "ladder, timeline or both (default: ladder)"},
	{OPT_SUBINTERPRETERS, "subinterpreters", "N",
	 "and in the last of N, each with its own GIL"},
	{OPT_THREADS, "threads", "LIST", "also from so many threads at once, such as 1,2,4"},
	{OPT_FAST, "fast", NULL, "fewer passes and rounds"},
	{OPT_RIGOROUS, "rigorous", NULL, "more passes and rounds"},
	{OPT_PASSES, "passes", "N", "fresh processes for each cell, 1 to 1000"},
	{OPT_ROUNDS, "rounds", "N", "rounds in each process, 10 to 100000"},
	{OPT_MAX_CALLS, "max-calls", "N", "an upper limit for how often a function is called"},
	{OPT_PHASES, "phases", "3|8", "phases in the table; 8 measures with both engines"},
	{OPT_UNIT, "unit", "ns|cycles", "unit of the table (default: ns)"},
	{OPT_VIEW, "view", "breakdown|builds", "a table for each interpreter, or over all builds"},
	{OPT_CPU, "cpu", "N", "CPU to measure on (default: a quiet one)"},
	{OPT_TIMEOUT, "timeout", "S", "seconds for each process, 0.1 to 86400 (default: 60)"},
	{'o', "output", "FILE", "write the run file (JSON), kept up to date while measuring"},
	{OPT_CSV, "export-csv", "FILE", "write the figures as CSV"},
	{OPT_MARKDOWN, "export-markdown", "FILE", "write the table as Markdown"},
	{OPT_TRACE, "export-trace", "FILE", "write timelines as a trace for Perfetto"},
	{OPT_SPEEDSCOPE, "export-speedscope", "FILE", "write timelines for speedscope"},
	{OPT_WARMUP, "warmup-series", "FILE",
	 "write the calls before each cell was steady, as CSV"},
	{OPT_PLOT, "plot", "FILE", "draw the figure: .svg, .pdf, .png or .tex (needs gnuplot)"},
	{OPT_SEED, "seed", "N", "seed of every random choice (default: from the clock)"},
	{'v', "verbose", NULL, "verdicts in words beside a summary, all tables of a sweep"},
	{'q', "quiet", NULL, "no progress"},
	{OPT_COLOR, "color", "WHEN", "auto, always or never (default: auto)"},
	{OPT_JSON, "json", NULL, "print the run file on stdout instead of the table"},
	{'h', "help", NULL, "print this help"},
};
enum { ROW_COUNT = sizeof rows / sizeof rows[0] };

void cli_run_help(FILE *out)
{
	fputs("usage: probe run [OPTION...] WORKLOAD...\n"
	      "       probe run [OPTION...] LIBRARY|FILE.c PROTOTYPE [--args LIST]\n"
	      "       probe run [OPTION...] MODULE:CALLABLE [--args LIST] [--target "
	      "LIB:FUNCTION]\n\n"
	      "Measures each workload through each path on each interpreter, and splits the time "
	      "of a call\n"
	      "into dispatch, marshalling and compute. `probe list workloads` shows the names; all "
	      "is every one\n"
	      "but the sweep args, which has more cells than the others together. Or measures a "
	      "function\n"
	      "of your own: of a shared library or a .c file through each path, or a Python "
	      "callable as it is.\n\n",
	      out);
	for (size_t i = 0; i < ROW_COUNT; i++) {
		char left[48], letter[8] = "    ";
		if (rows[i].value < 256)
			snprintf(letter, sizeof letter, "-%c, ", rows[i].value);
		snprintf(left, sizeof left, "%s--%s%s%s", letter, rows[i].name,
			 rows[i].argument ? " " : "", rows[i].argument ? rows[i].argument : "");
		fprintf(out, "  %-28s %s\n", left, rows[i].help);
	}
	fputs("\nExamples:\n"
	      "  probe run add\n"
	      "  probe run fib -p python,ctypes -i 3.13 --rigorous -o fib.json\n"
	      "  probe run libm.so.6 'double hypot(double x, double y)' --args '3.0, 4.0'\n"
	      "  probe run ./sum.c 'double total(const double *v, size_t n)' --args 'float64:1000, "
	      "len'\n"
	      "  probe run zlib:crc32 --args 'bytes:1024' --target libz.so.1:crc32\n\n"
	      "An argument is a Python literal (3, 2.5, 'text', b'bytes', a tuple for a struct), "
	      "bytes:N,\n"
	      "bytearray:N, float64:N, numpy.int32:N and the like, text:N, len (how many items the "
	      "buffer\n"
	      "before it has), out, None, or callback:MODULE:FUNCTION.\n",
	      out);
}

static void build_getopt_tables(struct option *longs, char *shorts)
{
	*shorts++ = ':'; /* tells a missing argument from an unknown option */
	for (size_t i = 0; i < ROW_COUNT; i++) {
		longs[i] = (struct option){
			.name = rows[i].name,
			.has_arg = rows[i].argument ? required_argument : no_argument,
			.val = rows[i].value,
		};
		if (rows[i].value < 256) {
			*shorts++ = (char)rows[i].value;
			if (rows[i].argument)
				*shorts++ = ':';
		}
	}
	*shorts = '\0';
	longs[ROW_COUNT] = (struct option){0};
}

static int parse_engines(const char *text, unsigned *out)
{
	unsigned engines = 0;
	for (const char *word = text;; word++) {
		size_t n = strcspn(word, ",");
		if (n == 6 && !strncmp(word, "ladder", n))
			engines |= PROBE_ENGINE_LADDER;
		else if (n == 8 && !strncmp(word, "timeline", n))
			engines |= PROBE_ENGINE_TIMELINE;
		else
			return cli_error(CLI_USAGE,
					 "--engine: unknown engine '%.*s'; there are ladder and "
					 "timeline",
					 (int)n, word);
		word += n;
		if (!*word)
			break;
	}
	*out = engines;
	return CLI_OK;
}

static int parse_number(int value, const char *text, struct cli_run_options *out)
{
	struct probe_matrix_options *m = &out->matrix;
	long n = 0;
	switch (value) {
	case OPT_PASSES:
		if (cli_parse_long("--passes", text, 1, 1000, &n))
			return CLI_USAGE;
		m->passes = (unsigned)n;
		return CLI_OK;
	case OPT_SUBINTERPRETERS:
		if (cli_parse_long("--subinterpreters", text, 1, 64, &n))
			return CLI_USAGE;
		m->subinterpreters = (unsigned)n;
		return CLI_OK;
	case OPT_ROUNDS:
		if (cli_parse_long("--rounds", text, 10, 100000, &n))
			return CLI_USAGE;
		m->rounds = (unsigned)n;
		return CLI_OK;
	case OPT_MAX_CALLS:
		if (cli_parse_long("--max-calls", text, 4, 1L << 40, &n))
			return CLI_USAGE;
		m->max_calls = (uint64_t)n;
		return CLI_OK;
	case OPT_CPU:
		if (cli_parse_long("--cpu", text, 0, 4095, &n))
			return CLI_USAGE;
		m->cpu_plus_1 = (int)n + 1;
		return CLI_OK;
	case OPT_SEED:
		if (cli_parse_long("--seed", text, 0, LONG_MAX, &n))
			return CLI_USAGE;
		m->seed = (uint64_t)n;
		return CLI_OK;
	default:
		return cli_parse_double("--timeout", text, 0.1, 86400, &m->timeout_s) ? CLI_USAGE
										      : CLI_OK;
	}
}

static int parse_word(int value, const char *text, struct cli_run_options *out)
{
	switch (value) {
	case OPT_PHASES:
		if (strcmp(text, "3") && strcmp(text, "8"))
			return cli_error(CLI_USAGE, "--phases: '%s' is neither 3 nor 8", text);
		out->table.phases = *text - '0';
		return CLI_OK;
	case OPT_VIEW:
		return cli_view_parse(text, &out->table);
	case OPT_UNIT:
		if (strcmp(text, "ns") && strcmp(text, "cycles"))
			return cli_error(CLI_USAGE, "--unit: '%s' is neither ns nor cycles", text);
		out->table.unit = *text == 'n' ? CLI_UNIT_NS : CLI_UNIT_CYCLES;
		return CLI_OK;
	default:
		if (cli_color_parse(text, &out->color))
			return cli_error(CLI_USAGE, "--color: '%s' is not auto, always or never",
					 text);
		return CLI_OK;
	}
}

static int parse_preset(enum probe_preset_id preset, struct cli_run_options *out)
{
	if (out->matrix.preset != PROBE_PRESET_DEFAULT && out->matrix.preset != preset)
		return cli_error(CLI_USAGE, "--fast and --rigorous exclude each other");
	out->matrix.preset = preset;
	return CLI_OK;
}

static int parse_one(int value, const char *text, struct cli_run_options *out)
{
	switch (value) {
	case 'p':
		out->matrix.paths = text;
		return CLI_OK;
	case 'i':
		out->matrix.interpreters = text;
		return CLI_OK;
	case OPT_ARGS:
		out->matrix.args = text;
		return CLI_OK;
	case OPT_TARGET:
		out->matrix.target = text;
		return CLI_OK;
	case OPT_ENGINE:
		return parse_engines(text, &out->matrix.engines);
	case OPT_THREADS:
		out->matrix.threads = text;
		return CLI_OK;
	case OPT_FAST:
		return parse_preset(PROBE_PRESET_FAST, out);
	case OPT_RIGOROUS:
		return parse_preset(PROBE_PRESET_RIGOROUS, out);
	case OPT_PASSES:
	case OPT_SUBINTERPRETERS:
	case OPT_ROUNDS:
	case OPT_MAX_CALLS:
	case OPT_CPU:
	case OPT_SEED:
	case OPT_TIMEOUT:
		return parse_number(value, text, out);
	case OPT_PHASES:
	case OPT_UNIT:
	case OPT_VIEW:
	case OPT_COLOR:
		return parse_word(value, text, out);
	case 'o':
		out->matrix.output = text;
		return CLI_OK;
	case OPT_CSV:
		out->csv = text;
		return CLI_OK;
	case OPT_MARKDOWN:
		out->markdown = text;
		return CLI_OK;
	case OPT_TRACE:
		out->trace = text;
		return CLI_OK;
	case OPT_SPEEDSCOPE:
		out->speedscope = text;
		return CLI_OK;
	case OPT_WARMUP:
		out->warmup = text;
		return CLI_OK;
	case OPT_PLOT:
		out->plot = text;
		return CLI_OK;
	case 'v':
		out->table.verbose = true;
		return CLI_OK;
	case 'q':
		out->quiet = true;
		return CLI_OK;
	case OPT_JSON:
		out->json = true;
		return CLI_OK;
	default:
		return CLI_OK;
	}
}

static bool program_on_path(const char *name)
{
	const char *path = getenv("PATH");
	for (const char *dir = path ? path : ""; *dir; dir += *dir == ':') {
		char file[PATH_MAX];
		size_t n = strcspn(dir, ":");
		int written = snprintf(file, sizeof file, "%.*s/%s", (int)n, dir, name);
		if (n && written > 0 && (size_t)written < sizeof file && !access(file, X_OK))
			return true;
		dir += n;
	}
	return false;
}

/* Found now and not after minutes of measuring. */
static int check_plot(const char *file)
{
	if (!plot_format_of(file))
		return cli_error(CLI_USAGE, "--plot: %s must end in " PLOT_FORMATS, file);
	if (!program_on_path("gnuplot"))
		return cli_error(CLI_USAGE,
				 "--plot needs gnuplot, which is not on PATH; install it "
				 "(apt-get install gnuplot-nox) or leave --plot out");
	return CLI_OK;
}

static int check_files(const struct cli_run_options *options)
{
	const struct cli_output files[] = {{"--output", options->matrix.output, true},
					   {"--export-csv", options->csv, false},
					   {"--export-markdown", options->markdown, false},
					   {"--export-trace", options->trace, false},
					   {"--export-speedscope", options->speedscope, false},
					   {"--warmup-series", options->warmup, false},
					   {"--plot", options->plot, false}};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		struct probe_error err = {0};
		if (!files[i].file)
			continue;
		if (probe_output_check(files[i].file, &err))
			return cli_error(CLI_USAGE, "%s: %s", files[i].option, err.msg);
	}
	/* A library or a .c file of the user's is read. */
	if (cli_outputs_check(files, sizeof files / sizeof files[0], options->matrix.workloads))
		return CLI_USAGE;
	return options->plot ? check_plot(options->plot) : CLI_OK;
}

static int check_conflicts(struct cli_run_options *options)
{
	struct probe_matrix_options *m = &options->matrix;
	bool traced = options->trace || options->speedscope;
	if ((options->table.phases == 8 || traced) && !m->engines)
		m->engines = PROBE_ENGINE_LADDER | PROBE_ENGINE_TIMELINE;
	if (traced && !(m->engines & PROBE_ENGINE_TIMELINE))
		return cli_error(CLI_USAGE,
				 "%s writes timelines: add timeline to --engine, or leave --engine "
				 "out",
				 options->trace ? "--export-trace" : "--export-speedscope");
	if (cli_view_check(&options->table))
		return CLI_USAGE;
	if (!m->workloads[0])
		return cli_error(CLI_USAGE,
				 "name at least one workload, such as `probe run add` "
				 "(`probe list workloads` lists them), or a function of your own; "
				 "see `probe help run`");
	return check_files(options);
}

static int getopt_error(int problem, char **argv)
{
	const char *typed = argv[optind - 1];
	char letter[3] = {'-', (char)optopt, '\0'};
	/* For a short option in a group, optind still points at the group. */
	bool is_short = optopt && optopt < 256 && strncmp(typed, "--", 2);
	const char *name = is_short ? letter : typed;
	if (problem == ':')
		return cli_error(CLI_USAGE, "%s needs an argument; see `probe help run`", name);
	if (optopt && !is_short)
		return cli_error(CLI_USAGE, "%s takes no argument; see `probe help run`", name);
	return cli_error(CLI_USAGE, "unknown option %s; see `probe help run`", name);
}

int cli_run_options_parse(int argc, char **argv, struct cli_run_options *out)
{
	struct option longs[ROW_COUNT + 1];
	char shorts[2 * ROW_COUNT + 2];
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	*out = (struct cli_run_options){
		.table = {.unit = CLI_UNIT_NS, .phases = 3},
		/* Short enough to be typed again. */
		.matrix = {.seed = (uint64_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000) % 1000000},
	};
	build_getopt_tables(longs, shorts);
	opterr = 0;
	optind = 1;
	int value;
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (value == ':' || value == '?')
			return getopt_error(value, argv);
		int code = parse_one(value, optarg, out);
		if (code)
			return code;
	}
	out->matrix.workloads = (const char *const *)(argv + optind);
	return check_conflicts(out);
}
