/* SPDX-License-Identifier: MIT
 * The run model in memory: creating, appending, finding, releasing.
 */
#include "probe/run.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "result/schema.h"

struct probe_run *probe_run_new(void)
{
	struct probe_run *run = calloc(1, sizeof *run);

	if (run)
		run->schema_version = PROBE_SCHEMA_VERSION;
	return run;
}

void probe_run_free(struct probe_run *run)
{
	if (!run)
		return;
	pb_schema_fini(&pb_schema_run, run);
	free(run);
}

/* Makes room for one more zeroed element; *items is only changed on success. */
static void *grow(void **items, size_t count, size_t size)
{
	char *more = count < (size_t)-1 / size - 1 ? realloc(*items, (count + 1) * size) : NULL;

	if (!more)
		return NULL;
	*items = more;
	return memset(more + count * size, 0, size);
}

struct probe_interpreter *probe_run_add_interpreter(struct probe_run *run)
{
	struct probe_interpreter *added =
		grow((void **)&run->interpreters, run->interpreter_count, sizeof *added);

	if (added)
		run->interpreter_count++;
	return added;
}

struct probe_cell *probe_run_add_cell(struct probe_run *run, const char *workload, const char *path,
				      const char *interpreter)
{
	struct probe_cell cell = {
		.workload = strdup(workload),
		.path = strdup(path),
		.interpreter = strdup(interpreter),
		.status = PROBE_CELL_PENDING,
	};
	struct probe_cell *added = NULL;

	if (cell.workload && cell.path && cell.interpreter)
		added = grow((void **)&run->cells, run->cell_count, sizeof *added);
	if (!added) {
		free(cell.workload);
		free(cell.path);
		free(cell.interpreter);
		return NULL;
	}
	*added = cell;
	run->cell_count++;
	return added;
}

int probe_run_add_fact(struct probe_run *run, const char *key, const char *value)
{
	struct probe_fact fact = {.key = strdup(key), .value = strdup(value)};
	struct probe_fact *added = NULL;

	if (fact.key && fact.value)
		added = grow((void **)&run->facts, run->fact_count, sizeof *added);
	if (!added) {
		free(fact.key);
		free(fact.value);
		return -PROBE_ENOMEM;
	}
	*added = fact;
	run->fact_count++;
	return 0;
}

int probe_run_add_claim(struct probe_run *run, const char *workload, const char *numerator,
			const char *denominator, double published, const char *source)
{
	struct probe_claim claim = {
		.workload = strdup(workload),
		.numerator = strdup(numerator),
		.denominator = strdup(denominator),
		.published = published,
		.source = strdup(source),
	};
	struct probe_claim *added = NULL;

	if (claim.workload && claim.numerator && claim.denominator && claim.source)
		added = grow((void **)&run->claims, run->claim_count, sizeof *added);
	if (!added) {
		free(claim.workload);
		free(claim.numerator);
		free(claim.denominator);
		free(claim.source);
		return -PROBE_ENOMEM;
	}
	*added = claim;
	run->claim_count++;
	return 0;
}

int probe_run_add_sweep(struct probe_run *run, const char *workload, const char *family,
			const char *type, unsigned count)
{
	struct probe_sweep sweep = {
		.workload = strdup(workload),
		.family = strdup(family),
		.type = strdup(type),
		.count = count,
	};
	struct probe_sweep *added = NULL;

	if (sweep.workload && sweep.family && sweep.type)
		added = grow((void **)&run->sweeps, run->sweep_count, sizeof *added);
	if (!added) {
		free(sweep.workload);
		free(sweep.family);
		free(sweep.type);
		return -PROBE_ENOMEM;
	}
	*added = sweep;
	run->sweep_count++;
	return 0;
}

/* A text that is there already is not added again: every pass may find the same thing. */
static int add_text(char ***list, const char *text)
{
	size_t count = 0;
	char **more;
	char *copy;

	for (; *list && (*list)[count]; count++)
		if (!strcmp((*list)[count], text))
			return 0;
	copy = strdup(text);
	more = realloc(*list, (count + 2) * sizeof *more);
	if (more)
		*list = more;
	if (!copy || !more) {
		free(copy);
		if (more)
			more[count] = NULL;
		return -PROBE_ENOMEM;
	}
	more[count] = copy;
	more[count + 1] = NULL;
	return 0;
}

int probe_run_add_warning(struct probe_run *run, const char *text)
{
	return add_text(&run->warnings, text);
}

int probe_cell_add_warning(struct probe_cell *cell, const char *text)
{
	return add_text(&cell->warnings, text);
}

struct probe_cell *probe_run_find_cell(const struct probe_run *run, const char *workload,
				       const char *path, const char *interpreter)
{
	for (size_t i = 0; i < run->cell_count; i++) {
		struct probe_cell *cell = &run->cells[i];

		if (!strcmp(cell->workload, workload) && !strcmp(cell->path, path) &&
		    !strcmp(cell->interpreter, interpreter))
			return cell;
	}
	return NULL;
}

struct probe_interpreter *probe_run_find_interpreter(const struct probe_run *run, const char *label)
{
	for (size_t i = 0; i < run->interpreter_count; i++)
		if (!strcmp(run->interpreters[i].label, label))
			return &run->interpreters[i];
	return NULL;
}

const struct probe_sweep *probe_run_find_sweep(const struct probe_run *run, const char *workload)
{
	for (size_t i = 0; i < run->sweep_count; i++)
		if (!strcmp(run->sweeps[i].workload, workload))
			return &run->sweeps[i];
	return NULL;
}

const struct probe_engine *probe_cell_engine(const struct probe_cell *cell)
{
	if (cell->ladder.present)
		return &cell->ladder;
	return cell->timeline.present ? &cell->timeline : NULL;
}

const char *probe_cell_binding(const struct probe_cell *cell)
{
	return cell->binding ? cell->binding : cell->path;
}

bool probe_cell_unsteady(const struct probe_cell *cell)
{
	const struct probe_warmup *w = &cell->warmup;
	return 2 * w->processes_unsteady > w->processes;
}

const char *probe_cell_status_name(enum probe_cell_status status)
{
	return (unsigned)status <= PROBE_CELL_INAPPLICABLE ? pb_cell_status_names[status] : "?";
}
