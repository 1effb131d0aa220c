/* SPDX-License-Identifier: MIT
 * The list of cells that could not be measured: one line for each reason on each interpreter.
 */
#include "failures.h"

#include <stdlib.h>
#include <string.h>

enum { NAMED_CELLS = 4 };

static bool is_failure(enum probe_cell_status status)
{
	return status != PROBE_CELL_OK && status != PROBE_CELL_PENDING &&
	       status != PROBE_CELL_INAPPLICABLE;
}

static bool failed(const struct probe_cell *cell)
{
	return is_failure(cell->status);
}

static bool same_row(const struct probe_threaded *a, const struct probe_threaded *b)
{
	return a->callables == b->callables && !strcmp(a->interpreter, b->interpreter) &&
	       !strcmp(a->path, b->path) && !strcmp(a->workload, b->workload);
}

/* All numbers of threads are measured by one process, and fail together. */
static void print_threaded(const struct probe_run *run, FILE *out)
{
	for (size_t i = 0; i < run->threaded_count; i++) {
		const struct probe_threaded *row = &run->threaded[i];

		if (is_failure(row->status) && (!i || !same_row(row, row - 1)))
			fprintf(out, "probe: %s on %s: %s/%s under threads, callables %s: %s\n",
				probe_cell_status_name(row->status), row->interpreter,
				row->workload, row->path, probe_callables_name(row->callables),
				row->reason ? row->reason : "no reason was given");
	}
}

static bool same_cause(const struct probe_cell *a, const struct probe_cell *b)
{
	return a->status == b->status && !strcmp(a->interpreter, b->interpreter) &&
	       !strcmp(a->reason ? a->reason : "", b->reason ? b->reason : "");
}

size_t cli_failures_count(const struct probe_run *run)
{
	size_t n = 0;
	for (size_t i = 0; i < run->cell_count; i++)
		n += failed(&run->cells[i]);
	for (size_t i = 0; i < run->threaded_count; i++)
		n += is_failure(run->threaded[i].status);
	return n;
}

static void print_cause(const struct probe_run *run, size_t first, bool *told, const char *run_file,
			FILE *out)
{
	const struct probe_cell *cause = &run->cells[first];
	size_t n = 0;
	bool backtrace = false;
	fprintf(out, "probe: %s on %s: ", probe_cell_status_name(cause->status),
		cause->interpreter);
	for (size_t i = first; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];
		if (told[i] || !failed(cell) || !same_cause(cell, cause))
			continue;
		told[i] = true;
		backtrace = backtrace || cell->backtrace;
		if (n++ < NAMED_CELLS)
			fprintf(out, "%s%s/%s", n > 1 ? ", " : "", cell->workload, cell->path);
	}
	if (n > NAMED_CELLS)
		fprintf(out, " and %zu more", n - NAMED_CELLS);
	fprintf(out, ": %s", cause->reason ? cause->reason : "no reason was given");
	if (backtrace && run_file)
		fprintf(out, "; backtrace in %s", run_file);
	else if (backtrace)
		fputs("; -o FILE keeps the backtrace", out);
	fputc('\n', out);
}

void cli_failures_print(const struct probe_run *run, const char *run_file, FILE *out)
{
	bool *told = calloc(run->cell_count + 1, sizeof *told);
	if (!told)
		return;
	for (size_t i = 0; i < run->cell_count; i++)
		if (!told[i] && failed(&run->cells[i]))
			print_cause(run, i, told, run_file, out);
	free(told);
	print_threaded(run, out);
}
