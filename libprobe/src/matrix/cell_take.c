/* SPDX-License-Identifier: MIT
 * What a process's answer does to its cell: figures, warnings, status.
 */
#include "matrix/cell.h"

#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "engine/warmup.h"
#include "matrix/clean.h"

static int out_of_memory(struct probe_error *err)
{
	return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
}

/* The same warning comes from each pass: it is kept once. */
static int warn_once(struct probe_cell *row, const char *text)
{
	char line[400];
	pb_clean_line(text, line, sizeof line);
	for (char **w = row->warnings; w && *w; w++)
		if (!strcmp(*w, line))
			return 0;
	return probe_cell_add_warning(row, line);
}

static int set_reason(struct probe_cell *row, enum probe_cell_status status, const char *reason)
{
	char *copy = reason ? strdup(reason) : NULL;
	if (reason && !copy)
		return -PROBE_ENOMEM;
	free(row->reason);
	row->reason = copy;
	row->status = status;
	return 0;
}

static void replace_engine(struct probe_engine *old, const struct probe_engine *new)
{
	free(old->passes);
	free(old->dists);
	*old = *new;
}

/* One more element at the end of an array of processes; NULL when out of memory. */
static struct probe_process_samples *grow(struct probe_process_samples **array, size_t *count)
{
	struct probe_process_samples *grown = realloc(*array, (*count + 1) * sizeof **array);
	if (!grown)
		return NULL;
	*array = grown;
	grown[*count] = (struct probe_process_samples){0};
	return &grown[(*count)++];
}

static void move_rounds(struct pb_cell_result *result, struct probe_process_samples *to)
{
	to->rungs = result->columns;
	to->subphases = result->subphases;
	to->rounds = result->rounds;
	to->round_count = result->round_count;
	to->calls_per_round = result->calls_per_round;
	to->warmup = result->warmup;
	to->warmup_count = result->warmup_count;
	to->alone = result->alone;
	result->rounds = NULL;
	result->warmup = NULL;
}

static int add_samples(struct pb_cell *cell, enum pb_engine engine, struct pb_cell_result *result)
{
	if (engine == PB_ENGINE_BARE) {
		/* The twin follows its ladder process; without that one it stands for nothing. */
		if (!cell->ladder_count)
			return 0;
		struct probe_process_samples *last = &cell->ladder[cell->ladder_count - 1];
		free(last->bare);
		last->bare = result->rounds;
		last->bare_count = result->round_count;
		result->rounds = NULL;
		return 0;
	}
	if (engine == PB_ENGINE_LADDER) {
		struct probe_process_samples *added = grow(&cell->ladder, &cell->ladder_count);
		if (!added)
			return -PROBE_ENOMEM;
		move_rounds(result, added);
		return 0;
	}
	json_t **stamps = realloc(cell->stamps, (cell->timeline_count + 1) * sizeof *cell->stamps);
	if (!stamps)
		return -PROBE_ENOMEM;
	cell->stamps = stamps;
	struct probe_process_samples *added = grow(&cell->timeline, &cell->timeline_count);
	if (!added)
		return -PROBE_ENOMEM;
	move_rounds(result, added);
	stamps[cell->timeline_count - 1] = result->timeline;
	result->timeline = NULL;
	return 0;
}

/* From the ladder's processes where there are any: the figures are theirs. */
static int sum_up_warmup(const struct pb_cell *cell, const struct pb_cell_settings *settings,
			 struct probe_cell *row)
{
	if (cell->ladder_count)
		return pb_warmup_summarise(cell->ladder, cell->ladder_count, PROBE_RUNG_REAL,
					   settings->quiet_ratio, &row->warmup);
	return pb_warmup_summarise(cell->timeline, cell->timeline_count, PROBE_TIMELINE_PLAIN,
				   settings->quiet_ratio, &row->warmup);
}

static bool is_python(const struct pb_cell *cell, const struct probe_cell *row)
{
	return cell->path->pure || !strcmp(probe_cell_binding(row), "python");
}

/* Figures from all the processes so far. -PROBE_EINVAL: none has a usable round. */
static int analyse(struct pb_cell *cell, enum pb_engine engine,
		   const struct pb_cell_settings *settings, struct probe_cell *row,
		   struct probe_error *err)
{
	const struct probe_ladder_options options = {
		.quiet_ratio = settings->quiet_ratio,
		.granularity_ticks = settings->granularity_ticks,
		.seed = pb_mix(settings->seed, cell->row, 0, 3),
		.pure_python = is_python(cell, row),
	};
	cell->analysed_ratio = settings->quiet_ratio;
	if (sum_up_warmup(cell, settings, row))
		return out_of_memory(err);
	if (engine == PB_ENGINE_TIMELINE)
		return pb_cell_take_timeline(cell, &options, row, err);
	struct probe_engine figures = {0};
	int rc = probe_ladder_analyse(cell->ladder, cell->ladder_count, &options, &figures, err);
	if (rc)
		return rc;
	replace_engine(&row->ladder, &figures);
	return 0;
}

static int take_ok(struct pb_cell *cell, enum pb_engine engine, struct pb_cell_result *result,
		   const struct pb_cell_settings *settings, struct probe_cell *row,
		   struct probe_error *err)
{
	size_t i;
	json_t *warning;
	json_array_foreach(
		result->warnings, i,
		warning) if (json_is_string(warning) &&
			     warn_once(row, json_string_value(warning))) return out_of_memory(err);
	if (add_samples(cell, engine, result))
		return out_of_memory(err);
	if (engine == PB_ENGINE_BARE && !cell->ladder_count)
		return 0;
	struct probe_error why = {0};
	int rc = analyse(cell, engine, settings, row, &why);
	if (rc == -PROBE_ENOMEM)
		return out_of_memory(err);
	/* A later pass may bring usable rounds: the cell is tried again. */
	enum probe_cell_status status = rc ? PROBE_CELL_FAILED : PROBE_CELL_OK;
	if (rc && probe_cell_engine(row))
		return warn_once(row, why.msg) ? out_of_memory(err) : 0;
	return set_reason(row, status, rc ? why.msg : NULL) ? out_of_memory(err) : 0;
}

/* A side process may fail without making the row's figures wrong: that is a warning. */
static int warn_of_side(struct pb_cell *cell, enum pb_engine engine,
			const struct pb_cell_result *result, struct probe_cell *row)
{
	char text[500];
	snprintf(text, sizeof text, "%s: %s",
		 engine == PB_ENGINE_BARE ? "no closure, as the call without hooks failed"
					  : "no timeline",
		 result->reason);
	cell->engines &= ~(1u << engine);
	return warn_once(row, text);
}

static int take_failure(struct pb_cell *cell, enum pb_engine engine,
			const struct pb_cell_result *result, const char *crash,
			struct probe_cell *row)
{
	bool has_figures = probe_cell_engine(row) != NULL;
	bool side = engine == PB_ENGINE_BARE || (engine == PB_ENGINE_TIMELINE && has_figures &&
						 result->status == PROBE_CELL_FAILED);
	if (side)
		return warn_of_side(cell, engine, result, row);
	cell->engines = 0;
	if (crash && *crash) {
		free(row->backtrace);
		row->backtrace = strdup(crash);
		if (!row->backtrace)
			return -PROBE_ENOMEM;
	}
	if (has_figures) {
		size_t n = cell->ladder_count + cell->timeline_count;
		char text[100];
		snprintf(text, sizeof text, "its figures are from the %zu process%s before that", n,
			 n == 1 ? "" : "es");
		if (warn_once(row, text))
			return -PROBE_ENOMEM;
	}
	return set_reason(row, result->status, result->reason);
}

static int replace(char **text, const char *with)
{
	char *copy = strdup(with);
	if (!copy)
		return -PROBE_ENOMEM;
	free(*text);
	*text = copy;
	return 0;
}

int pb_cell_take_binding(struct pb_cell *cell, const struct pb_cell_result *result,
			 const struct pb_cell_settings *settings, struct probe_run *run)
{
	struct probe_cell *row = &run->cells[cell->row];
	if (result->status != PROBE_CELL_OK || !result->binding || row->binding)
		return 0;
	if (replace(&row->binding, result->binding) || replace(&row->path, result->binding))
		return -PROBE_ENOMEM;
	for (size_t i = 0; cell->engines & PB_ENGINES_THREADED &&
			   i < PROBE_CALLABLES_COUNT * settings->thread_count_count;
	     i++)
		if (replace(&run->threaded[cell->first_threaded + i].path, result->binding))
			return -PROBE_ENOMEM;
	if (is_python(cell, row) && cell->engines & 1u << PB_ENGINE_TIMELINE) {
		cell->engines &= ~(1u << PB_ENGINE_TIMELINE);
		cell->engines |= 1u << PB_ENGINE_LADDER;
		cell->engines |= settings->max_calls ? 0 : 1u << PB_ENGINE_BARE;
	}
	return 0;
}

int pb_cell_take(struct pb_cell *cell, enum pb_engine engine, struct pb_cell_result *result,
		 const char *crash, const struct pb_cell_settings *settings, struct probe_cell *row,
		 struct probe_error *err)
{
	/* Its process found no boundary to stamp: see pb_cell_take_binding(). */
	if (engine == PB_ENGINE_TIMELINE && is_python(cell, row))
		engine = PB_ENGINE_LADDER;
	if (result->status == PROBE_CELL_OK && result->prepared && !row->prepared) {
		row->prepared = result->prepared;
		result->prepared = NULL;
	}
	if (result->status == PROBE_CELL_OK)
		return take_ok(cell, engine, result, settings, row, err);
	return take_failure(cell, engine, result, crash, row) ? out_of_memory(err) : 0;
}

static int warn_unsteady(struct probe_cell *row)
{
	const struct probe_warmup *w = &row->warmup;
	char text[200];
	if (!probe_cell_unsteady(row))
		return 0;
	snprintf(text, sizeof text,
		 "not steady: the call still changed by up to %.0f %% while it was measured, in %u "
		 "of %u processes: its figures hold for no one moment (see --warmup-series)",
		 100 * w->change, w->processes_unsteady, w->processes);
	return warn_once(row, text);
}

int pb_cell_settle(struct pb_cell *cell, const struct pb_cell_settings *settings,
		   struct probe_cell *row, struct probe_error *err)
{
	bool renew = cell->analysed_ratio != settings->quiet_ratio;
	int rc = 0;
	/* A smaller ratio may leave no usable round: then the figures stay as they are. */
	if (renew && row->ladder.present)
		rc = analyse(cell, PB_ENGINE_LADDER, settings, row, err);
	if (renew && row->timeline.present && rc != -PROBE_ENOMEM)
		rc = analyse(cell, PB_ENGINE_TIMELINE, settings, row, err);
	if (rc == -PROBE_ENOMEM)
		return rc;
	probe_cell_check_engines(row);
	if (probe_cell_check_target(row, settings->tick_hz) < 0)
		return out_of_memory(err);
	return warn_unsteady(row) ? out_of_memory(err) : 0;
}

static void free_processes(struct probe_process_samples *processes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(processes[i].rounds);
		free(processes[i].warmup);
		free(processes[i].bare);
	}
	free(processes);
}

void pb_cell_fini(struct pb_cell *cell)
{
	for (size_t i = 0; i < cell->timeline_count; i++)
		json_decref(cell->stamps[i]);
	free(cell->stamps);
	for (int i = 0; i < PROBE_CALLABLES_COUNT; i++)
		pb_cell_threads_fini(&cell->threads[i]);
	free_processes(cell->ladder, cell->ladder_count);
	free_processes(cell->timeline, cell->timeline_count);
	*cell = (struct pb_cell){0};
}
