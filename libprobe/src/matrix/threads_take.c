/* SPDX-License-Identifier: MIT
 * A cell's rows under threads: making them, and renewing their figures by what a process answered.
 */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "matrix/cell.h"

enum probe_callables pb_engine_callables(enum pb_engine engine)
{
	return engine == PB_ENGINE_SHARED ? PROBE_CALLABLES_SHARED : PROBE_CALLABLES_PRIVATE;
}

int pb_cell_add_threaded(struct pb_cell *cell, const struct pb_cell_settings *settings,
			 struct probe_run *run)
{
	cell->first_threaded = run->threaded_count;
	for (int c = 0; c < PROBE_CALLABLES_COUNT; c++)
		for (size_t i = 0; i < settings->thread_count_count; i++)
			if (!probe_run_add_threaded(run, &run->cells[cell->row],
						    (enum probe_callables)c,
						    settings->thread_counts[i]))
				return -PROBE_ENOMEM;
	return 0;
}

static double number_at(const json_t *list, size_t i)
{
	const json_t *value = json_array_get(list, i);
	return json_is_number(value) ? json_number_value(value) : (double)NAN;
}

static int take_shape(const json_t *answer, struct pb_threads_samples *out)
{
	const json_t *counts = json_object_get(answer, "counts");
	const json_t *parts = json_object_get(answer, "parts");
	size_t i;
	json_t *item;
	if (!json_array_size(counts) || json_array_size(counts) > PROBE_MAX_THREAD_COUNTS + 1 ||
	    json_array_size(parts) > PROBE_MAX_PARTS)
		return -1;
	json_array_foreach(counts, i, item) out->counts[out->count_count++] =
		(unsigned)pb_json_whole(item, UINT_MAX);
	json_array_foreach(parts, i, item)
	{
		unsigned mask = (unsigned)pb_json_whole(json_array_get(item, 0), UINT_MAX) &
				PROBE_MASK_EVERY;
		if (!mask)
			return -1;
		out->shape.masks[i] = mask;
		out->shape.weights[i] = number_at(item, 1);
		out->shape.part_count = i + 1;
	}
	out->shape.stretch_count = pb_json_whole(json_object_get(answer, "stamps"), UINT_MAX);
	return out->counts[0] == 1 ? 0 : -1;
}

static int take_round(const json_t *row, const struct pb_threads_samples *shape,
		      struct pb_threads_round *out)
{
	size_t n = 0, parts = shape->shape.part_count;
	if (json_array_size(row) != 1 + shape->count_count * (2 + PB_DELAYS + parts))
		return -1;
	out->empty_ns = number_at(row, n++);
	for (size_t k = 0; k < shape->count_count; k++) {
		out->at[k].calls_per_s = number_at(row, n++);
		out->at[k].control_per_s = number_at(row, n++);
		for (size_t d = 0; d < PB_DELAYS; d++)
			out->at[k].delayed[d] = number_at(row, n++);
		for (size_t p = 0; p < PROBE_MAX_PARTS; p++)
			out->at[k].parts_ns[p] = p < parts ? number_at(row, n++) : (double)NAN;
	}
	return 0;
}

/* 0, -1: the answer can't be used, or -PROBE_ENOMEM. */
static int take_samples(const json_t *answer, struct pb_threads_samples *out)
{
	const json_t *rounds = json_object_get(answer, "rounds");
	*out = (struct pb_threads_samples){0};
	if (take_shape(answer, out) || !json_array_size(rounds))
		return -1;
	out->rounds = calloc(json_array_size(rounds), sizeof *out->rounds);
	if (!out->rounds)
		return -PROBE_ENOMEM;
	for (size_t i = 0; i < json_array_size(rounds); i++)
		if (take_round(json_array_get(rounds, i), out, &out->rounds[i]))
			return -1;
	out->round_count = json_array_size(rounds);
	return 0;
}

static int settle(struct probe_threaded *row, enum probe_cell_status status, const char *reason)
{
	char *copy = reason ? strdup(reason) : NULL;
	if (reason && !copy)
		return -PROBE_ENOMEM;
	free(row->reason);
	row->reason = copy;
	row->status = status;
	return 0;
}

/* Where a number stands among those that the processes measured; they add one thread to what was
 * asked for. */
static size_t place_of(const struct pb_threads_samples *s, unsigned threads)
{
	size_t k = 0;
	while (k + 1 < s->count_count && s->counts[k] != threads)
		k++;
	return k;
}

static int renew(const struct pb_cell_threads *t, unsigned cpus, struct probe_threaded *row)
{
	struct probe_error why = {0};
	free(row->passes);
	int rc = pb_threads_analyse(t->samples, t->count, place_of(&t->samples[0], row->threads),
				    row, &why);
	row->cpus = cpus;
	if (rc == -PROBE_ENOMEM)
		return rc;
	return settle(row, rc ? PROBE_CELL_FAILED : PROBE_CELL_OK, rc ? why.msg : NULL);
}

static int add_process(struct pb_cell_threads *t, const struct pb_threads_samples *samples)
{
	struct pb_threads_samples *grown = realloc(t->samples, (t->count + 1) * sizeof *grown);
	if (!grown)
		return -PROBE_ENOMEM;
	t->samples = grown;
	grown[t->count++] = *samples;
	return 0;
}

static int take_failure(const struct pb_cell_result *result, const char *crash,
			struct probe_threaded *row)
{
	if (result->status == PROBE_CELL_OK)
		return settle(row, PROBE_CELL_FAILED,
			      "its process gave an answer that can't be used");
	if (crash && *crash && !row->backtrace && !(row->backtrace = strdup(crash)))
		return -PROBE_ENOMEM;
	return settle(row, result->status, result->reason);
}

int pb_cell_take_threads(struct pb_cell *cell, enum pb_engine engine,
			 const struct pb_cell_result *result, const char *crash,
			 const struct pb_cell_settings *settings, struct probe_run *run)
{
	enum probe_callables callables = pb_engine_callables(engine);
	struct pb_cell_threads *t = &cell->threads[callables];
	struct probe_threaded *rows = run->threaded + cell->first_threaded +
				      (size_t)callables * settings->thread_count_count;
	struct pb_threads_samples samples = {0};
	int rc = 0, bad = -1;
	if (result->status == PROBE_CELL_OK) {
		bad = take_samples(result->threads, &samples);
		rc = bad == -PROBE_ENOMEM ? bad : bad ? 0 : add_process(t, &samples);
		if (bad || rc)
			free(samples.rounds);
	}
	unsigned cpus = (unsigned)json_integer_value(json_object_get(result->threads, "cpus"));
	for (size_t i = 0; !rc && i < settings->thread_count_count; i++) {
		if (!bad)
			rc = renew(t, cpus, &rows[i]);
		else if (!t->count) /* what earlier passes found stays */
			rc = take_failure(result, crash, &rows[i]);
	}
	if (bad)
		cell->engines &= ~(1u << engine);
	size_t i;
	json_t *warning;
	json_array_foreach(result->warnings, i, warning)
	{
		if (!rc && json_is_string(warning) &&
		    probe_cell_add_warning(&run->cells[cell->row], json_string_value(warning)))
			rc = -PROBE_ENOMEM;
	}
	return rc;
}

void pb_cell_threads_fini(struct pb_cell_threads *threads)
{
	for (size_t i = 0; i < threads->count; i++)
		free(threads->samples[i].rounds);
	free(threads->samples);
	*threads = (struct pb_cell_threads){0};
}
