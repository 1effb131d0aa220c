/* SPDX-License-Identifier: MIT
 * probe plot: draws a run file with gnuplot and plots/breakdown.gp. What gnuplot reads, a data file
 * and three variables, lies in a temporary folder; the figure is renamed into place when it is
 * whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

extern char **environ;

static const char *const formats[] = {"svg", "png", "pdf"};

static int fail(struct probe_error *err, enum probe_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct probe_error *err, enum probe_code code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		err->code = (int)code;
		err->sys_errno = 0;
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof err->msg, fmt, ap);
		va_end(ap);
	}
	return -(int)code;
}

/* The format that the suffix of path names; NULL = none of ours. */
static const char *format_of(const char *path)
{
	const char *suffix = strrchr(path, '.');

	for (size_t i = 0; suffix && i < sizeof formats / sizeof formats[0]; i++)
		if (!strcasecmp(suffix + 1, formats[i]))
			return formats[i];
	return NULL;
}

/* Finds plots/breakdown.gp in probe's data folder: $PROBE_HOME, else beside the program. */
static int find_script(char out[PATH_MAX], struct probe_error *err)
{
	const char *home = getenv("PROBE_HOME");
	char exe[PATH_MAX] = "";
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	const char *folder = n > 0 ? dirname(exe) : ".";
	static const char *const beside[] = {"../share/probe", ".."};

	if (home && *home) {
		snprintf(out, PATH_MAX, "%.3900s/plots/breakdown.gp", home);
		if (!access(out, R_OK))
			return 0;
		return fail(err, PROBE_ENOENT,
			    "$PROBE_HOME is %s, which holds no plots/breakdown.gp: unset it or "
			    "name probe's data folder",
			    home);
	}
	for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
		snprintf(out, PATH_MAX, "%.3900s/%s/plots/breakdown.gp", folder, beside[i]);
		if (!access(out, R_OK))
			return 0;
	}
	return fail(err, PROBE_ENOENT,
		    "plots/breakdown.gp is not beside this program: set PROBE_HOME to probe's data "
		    "folder, or install again");
}

/* A gnuplot string constant: within single quotes, only they need doubling. */
static void write_variable(FILE *out, const char *name, const char *value)
{
	fprintf(out, "%s = '", name);
	for (; *value; value++)
		fputs(*value == '\'' ? "''" : (const char[]){*value, '\0'}, out);
	fputs("'\n", out);
}

/* Everything that one drawing needs on disk. */
struct workplace {
	char folder[PATH_MAX];
	char data[PATH_MAX + 16], commands[PATH_MAX + 16], messages[PATH_MAX + 16];
	char *target; /* the figure's place, links followed */
	char *figure; /* the unfinished figure, beside its place */
};

static int set_up(struct workplace *w, const char *path, const char *format,
		  struct probe_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char *copy;

	snprintf(w->folder, sizeof w->folder, "%.3900s/probe-plot-XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(w->folder)) {
		int sys_errno = errno;

		w->folder[0] = '\0';
		return fail(err, PROBE_ESYS, "can't make a temporary folder in %s: %s; set TMPDIR",
			    tmp && *tmp ? tmp : "/tmp", strerror(sys_errno));
	}
	snprintf(w->data, sizeof w->data, "%s/run.dat", w->folder);
	snprintf(w->commands, sizeof w->commands, "%s/plot.gp", w->folder);
	snprintf(w->messages, sizeof w->messages, "%s/messages", w->folder);
	w->target = access(path, F_OK) ? strdup(path) : realpath(path, NULL);
	copy = w->target ? strdup(w->target) : NULL;
	if (!copy || asprintf(&w->figure, "%s/.probe-plot-%ld.%s", dirname(copy), (long)getpid(),
			      format) < 0) {
		w->figure = NULL;
		free(copy);
		return fail(err, PROBE_ENOMEM, "can't draw %s: out of memory", path);
	}
	free(copy);
	return 0;
}

static void tear_down(struct workplace *w)
{
	if (w->figure)
		unlink(w->figure); /* gone already where the drawing succeeded */
	if (w->folder[0]) {
		unlink(w->data);
		unlink(w->commands);
		unlink(w->messages);
		rmdir(w->folder);
	}
	free(w->target);
	free(w->figure);
}

static int write_commands(const struct workplace *w, const char *script, const char *format,
			  enum cli_unit unit, struct probe_error *err)
{
	FILE *out = fopen(w->commands, "we");
	bool failed;

	if (!out)
		return fail(err, PROBE_ESYS, "can't write %s: %s; set TMPDIR", w->commands,
			    strerror(errno));
	write_variable(out, "data", w->data);
	write_variable(out, "output", w->figure);
	write_variable(out, "format", format);
	write_variable(out, "unit", unit == CLI_UNIT_CYCLES ? "cycles" : "ns");
	write_variable(out, "script", script);
	fputs("load script\n", out);
	failed = ferror(out);
	if (fclose(out) || failed)
		return fail(err, PROBE_ESYS, "can't write %s: is the disk full? set TMPDIR",
			    w->commands);
	return 0;
}

/* gnuplot's last words, its message without the place in the script; "" when it said nothing. */
static void last_line(const char *file, char *line, size_t size)
{
	char next[512];
	FILE *in = fopen(file, "re");

	line[0] = '\0';
	while (in && fgets(next, sizeof next, in)) {
		next[strcspn(next, "\r\n")] = '\0';
		if (next[strspn(next, " \t^")])
			snprintf(line, size, "%s", next + strspn(next, " \t"));
	}
	if (in)
		fclose(in);
}

/* Runs gnuplot without the user's own settings; its output goes to the messages file. */
static int run_gnuplot(struct workplace *w, const char *path, struct probe_error *err)
{
	char name[] = "gnuplot", defaults[] = "-d", line[300];
	char *argv[] = {name, defaults, w->commands, NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int status = 0, failed = posix_spawn_file_actions_init(&actions);

	if (failed)
		return fail(err, PROBE_ENOMEM, "can't start gnuplot: %s", strerror(failed));
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, w->messages, O_WRONLY | O_CREAT | O_APPEND,
					 0600);
	posix_spawn_file_actions_adddup2(&actions, 1, 2);
	failed = posix_spawnp(&pid, name, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (failed == ENOENT)
		return fail(err, PROBE_ENOENT,
			    "can't draw %s: gnuplot is not installed; apt-get install gnuplot-nox, "
			    "then draw the run file with `probe plot`",
			    path);
	if (failed)
		return fail(err, PROBE_ESYS, "can't start gnuplot: %s", strerror(failed));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	last_line(w->messages, line, sizeof line);
	if (WIFSIGNALED(status))
		return fail(err, PROBE_ECRASH, "can't draw %s: gnuplot died by signal %d", path,
			    WTERMSIG(status));
	return fail(err, PROBE_ECHILD, "can't draw %s: %s", path,
		    line[0] ? line : "gnuplot failed and said nothing");
}

int cli_plot_run_in(const struct probe_run *run, const char *path, enum cli_unit unit,
		    struct probe_error *err)
{
	struct workplace w = {.folder = ""};
	const char *format = format_of(path);
	char script[PATH_MAX];
	int rc;

	if (!format)
		return fail(err, PROBE_EINVAL, "%s: the name must end in .svg, .png or .pdf", path);
	rc = probe_output_check(path, err);
	if (!rc && !run->cell_count)
		rc = fail(err, PROBE_EINVAL, "can't draw %s: the run holds no cell", path);
	if (!rc)
		rc = find_script(script, err);
	if (!rc)
		rc = set_up(&w, path, format, err);
	if (!rc)
		rc = probe_export_file(run, "plotdata", w.data, err);
	if (!rc)
		rc = write_commands(&w, script, format, unit, err);
	if (!rc)
		rc = run_gnuplot(&w, path, err);
	if (!rc && rename(w.figure, w.target))
		rc = fail(err, PROBE_ESYS, "can't write %s: %s; choose another file", path,
			  strerror(errno));
	tear_down(&w);
	return rc;
}

int cli_plot_run(const struct probe_run *run, const char *path, struct probe_error *err)
{
	return cli_plot_run_in(run, path, CLI_UNIT_NS, err);
}

void cli_plot_help(FILE *out)
{
	fputs("usage: probe plot RUN.json -o FIGURE [--unit ns|cycles]\n\n"
	      "Draws a run file: one stacked bar a call path, grouped by interpreter build, one "
	      "panel a\n"
	      "workload. Needs gnuplot (apt-get install gnuplot-nox).\n\n"
	      "  -o, --output FIGURE    file to write; its suffix chooses .svg, .png or .pdf\n"
	      "      --unit ns|cycles   nanoseconds (default) or core cycles\n"
	      "  -h, --help             print this help\n\n"
	      "Exit codes: 0 drawn, 1 not drawn (the reason is on stderr), 2 usage.\n",
	      out);
}

struct plot_options {
	const char *output;
	enum cli_unit unit;
};

static int parse(int argc, char **argv, struct plot_options *options)
{
	static const struct option known[] = {
		{"output", required_argument, NULL, 'o'},
		{"unit", required_argument, NULL, 'u'},
		{NULL, 0, NULL, 0},
	};
	int option;

	optind = 0;
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":o:", known, NULL)) != -1) {
		switch (option) {
		case 'o':
			options->output = optarg;
			break;
		case 'u':
			if (strcmp(optarg, "ns") && strcmp(optarg, "cycles"))
				return cli_error(CLI_USAGE, "plot: --unit %s: use ns or cycles",
						 optarg);
			options->unit = *optarg == 'c' ? CLI_UNIT_CYCLES : CLI_UNIT_NS;
			break;
		case ':':
			return cli_error(CLI_USAGE, "plot: %s needs a value; see `probe plot -h`",
					 argv[optind - 1]);
		default:
			return cli_error(CLI_USAGE, "plot: unknown option %s; see `probe plot -h`",
					 argv[optind - 1]);
		}
	}
	if (optind != argc - 1)
		return cli_error(CLI_USAGE, "plot: give one run file, as in `probe plot run.json "
					    "-o figure.svg`");
	if (!options->output)
		return cli_error(CLI_USAGE, "plot: no output: add -o FILE.svg, .png or .pdf");
	if (!format_of(options->output))
		return cli_error(CLI_USAGE, "plot: %s: the name must end in .svg, .png or .pdf",
				 options->output);
	return CLI_OK;
}

int cli_plot(int argc, char **argv)
{
	struct plot_options options = {.output = NULL, .unit = CLI_UNIT_NS};
	struct probe_error err = {0};
	struct probe_run *run = NULL;
	int code = parse(argc, argv, &options);

	if (code != CLI_OK)
		return code;
	if (probe_run_load(argv[optind], &run, &err) ||
	    cli_plot_run_in(run, options.output, options.unit, &err))
		code = cli_error(CLI_NOTHING, "%s", err.msg);
	probe_run_free(run);
	return code;
}
