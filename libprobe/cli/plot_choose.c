/* SPDX-License-Identifier: MIT
 * Which rows of a run a figure shows: --path, --workload and --python of probe plot.
 */
#include <stdlib.h>
#include <string.h>

#include "plot.h"

/* Whether name is in the comma-separated list; matches says what an item of the list stands for. */
static bool is_listed(const char *list, const char *name,
		      bool (*matches)(const char *item, size_t length, const char *name))
{
	if (!list)
		return true;
	for (const char *item = list; *item; item += strspn(item, ",")) {
		size_t length = strcspn(item, ",");

		if (length && matches(item, length, name))
			return true;
		item += length;
	}
	return false;
}

static bool is_path(const char *item, size_t length, const char *name)
{
	return strlen(name) == length && !strncmp(item, name, length);
}

/* "sum:1024", or "sum" for all its sizes. */
static bool is_workload(const char *item, size_t length, const char *name)
{
	return !strncmp(item, name, length) && (!name[length] || name[length] == ':');
}

/* "cpython-3.13.0", "3.13.0", or "3.13" for all its releases. */
static bool is_python(const char *item, size_t length, const char *name)
{
	const char *version = strchr(name, '-');

	if (is_path(item, length, name))
		return true;
	return version && !strncmp(item, version + 1, length) &&
	       (!version[1 + length] || version[1 + length] == '.');
}

static bool is_chosen(const struct probe_cell *cell, const struct plot_choice *choice)
{
	return is_listed(choice->paths, cell->path, is_path) &&
	       is_listed(choice->workloads, cell->workload, is_workload) &&
	       is_listed(choice->pythons, cell->interpreter, is_python);
}

static bool has_cell(const struct probe_cell *cells, size_t n, const char *interpreter)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(cells[i].interpreter, interpreter))
			return true;
	return false;
}

/* Those of the chosen cells first, and those that never had one but are asked for; the others are
 * left behind, where probe_run_free() does not see them. */
static void choose_interpreters(struct probe_run *run, const struct plot_choice *choice,
				const struct probe_cell *others, size_t left)
{
	size_t kept = 0;

	for (size_t i = 0; i < run->interpreter_count; i++) {
		const char *label = run->interpreters[i].label;
		struct probe_interpreter one = run->interpreters[i];

		if (!has_cell(run->cells, run->cell_count, label) &&
		    (has_cell(others, left, label) ||
		     !is_listed(choice->pythons, label, is_python)))
			continue;
		memmove(&run->interpreters[kept + 1], &run->interpreters[kept],
			(i - kept) * sizeof one);
		run->interpreters[kept++] = one;
	}
	run->interpreter_count = kept;
}

int plot_choose(struct probe_run *run, const struct plot_choice *choice, struct probe_error *err)
{
	size_t n = run->cell_count, chosen = 0, left = 0;
	struct probe_cell *others;

	if (!choice->paths && !choice->workloads && !choice->pythons)
		return 0;
	others = calloc(n + 1, sizeof *others);
	if (!others)
		return plot_fail(err, PROBE_ENOMEM, "can't choose rows: out of memory");
	for (size_t i = 0; i < n; i++) {
		if (is_chosen(&run->cells[i], choice))
			run->cells[chosen++] = run->cells[i];
		else
			others[left++] = run->cells[i];
	}
	memcpy(run->cells + chosen, others, left * sizeof *others);
	if (chosen) {
		run->cell_count = chosen;
		choose_interpreters(run, choice, others, left);
	}
	free(others);
	if (!chosen)
		return plot_fail(
			err, PROBE_ENOENT,
			"the run has no row of%s%s%s%s%s%s: `probe show` lists what it has",
			choice->paths ? " --path " : "", choice->paths ? choice->paths : "",
			choice->workloads ? " --workload " : "",
			choice->workloads ? choice->workloads : "",
			choice->pythons ? " --python " : "",
			choice->pythons ? choice->pythons : "");
	return 0;
}
