/* SPDX-License-Identifier: MIT
 * probe run: measure, print the table, write what was asked for, say what failed.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command_line.h"
#include "failures.h"
#include "progress.h"
#include "run_options.h"

static void show_problem(void *ctx, const char *message)
{
	cli_progress_clear(ctx);
	cli_error(CLI_NOTHING, "%s (measuring goes on, and it is tried again)", message);
}

static void show_progress(void *ctx, const struct probe_progress *at)
{
	cli_progress_show(ctx, at);
}

/* Through a file of its own, as stdout may be a pipe and the run file is only written whole. */
static int print_json(const struct probe_run *run, struct probe_error *err)
{
	const char *tmp = getenv("TMPDIR");
	char name[4096], chunk[16384];
	snprintf(name, sizeof name, "%s/probe-run-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	int fd = mkstemp(name), rc, ticket;
	if (fd < 0) {
		snprintf(
			err->msg, sizeof err->msg,
			"--json: no temporary file can be made; set TMPDIR to a folder that can be "
			"written");
		return -PROBE_ESYS;
	}
	ticket = probe_temporary_add(name);
	close(fd);
	rc = probe_run_save(run, name, err);
	FILE *file = rc ? NULL : fopen(name, "r");
	for (size_t n; file && (n = fread(chunk, 1, sizeof chunk, file)) > 0;)
		fwrite(chunk, 1, n, stdout);
	if (file)
		fclose(file);
	unlink(name);
	probe_temporary_drop(ticket);
	return rc;
}

static int write_files(const struct probe_run *run, const struct cli_run_options *options,
		       struct probe_error *err)
{
	const struct {
		const char *exporter, *file;
	} exports[] = {{"csv", options->csv},
		       {"markdown", options->markdown},
		       {"trace", options->trace},
		       {"speedscope", options->speedscope},
		       {"warmup", options->warmup}};
	int rc = 0;
	for (size_t i = 0; !rc && i < sizeof exports / sizeof exports[0]; i++)
		if (exports[i].file)
			rc = probe_export_file(run, exports[i].exporter, exports[i].file, err);
	if (!rc && options->plot)
		rc = cli_plot_run(run, options->plot, err);
	return rc;
}

/* Everything after measuring. */
static int report(const struct probe_run *run, const struct cli_run_options *options)
{
	struct probe_error err = {0};
	struct cli_table_options table = options->table;
	int rc = 0;
	table.color = cli_color_on(options->color, stdout);
	if (options->json)
		rc = print_json(run, &err);
	else
		cli_view_print(run, &table, stdout);
	/* So that the failures come after the table also where both go to one file. */
	fflush(stdout);
	if (!rc)
		rc = write_files(run, options, &err);
	cli_failures_print(run, options->matrix.output, stderr);
	if (rc)
		return cli_error(CLI_NOTHING, "%s", err.msg);
	return cli_failures_count(run) ? CLI_SOME_FAILED : CLI_OK;
}

/* The exit code of a run that never got to measuring. */
static int not_started(int rc, const struct probe_error *err)
{
	switch (-rc) {
	case PROBE_EINVAL:
	case PROBE_ENOENT:
	case PROBE_EFORMAT:
	case PROBE_ECHILD:
	case PROBE_ECRASH:
	case PROBE_ETIMEOUT:
		return cli_error(CLI_USAGE, "%s", err->msg);
	case PROBE_EINTR:
		return cli_error(cli_signals_exit(), "interrupted before anything was measured");
	default:
		return cli_error(CLI_NOTHING, "%s", err->msg);
	}
}

static int measure(struct cli_run_options *options, const char *command)
{
	struct probe_run *run = NULL;
	struct probe_error err = {0};
	struct cli_progress progress;
	cli_progress_init(&progress, stderr, options->quiet);
	options->matrix.command = command;
	options->matrix.ctx = &progress;
	options->matrix.on_progress = progress.on ? show_progress : NULL;
	options->matrix.on_problem = show_problem;
	options->matrix.cancel = cli_signals_defer(true);
	int rc = probe_matrix_run(&options->matrix, &run, &err), code;
	cli_signals_defer(false);
	cli_progress_clear(&progress);
	if (!run)
		return not_started(rc, &err);
	if (rc == -PROBE_ECHILD) {
		/* No row has a figure: why is all there is to tell. */
		struct probe_error json_err = {0};
		if (options->json && print_json(run, &json_err))
			cli_error(CLI_NOTHING, "%s", json_err.msg);
		cli_failures_print(run, options->matrix.output, stderr);
		code = CLI_NOTHING;
		if (!cli_failures_count(run))
			cli_error(CLI_NOTHING, "%s", err.msg);
	} else {
		code = report(run, options);
	}
	if (rc == -PROBE_EINTR)
		code = cli_error(cli_signals_exit(), "interrupted; what was measured is kept");
	else if (rc && rc != -PROBE_ECHILD)
		code = cli_error(CLI_NOTHING, "%s", err.msg);
	else if (!rc && !options->matrix.output && progress.on)
		fputs("probe: note: to keep these figures, measure with -o run.json\n", stderr);
	probe_run_free(run);
	return code;
}

int cli_run(int argc, char **argv)
{
	struct cli_run_options options;
	char *command = command_line_join(argc, argv);
	int code = cli_run_options_parse(argc, argv, &options);
	if (!code)
		code = measure(&options, command);
	free(command);
	return code;
}
