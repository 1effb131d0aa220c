/* SPDX-License-Identifier: MIT
 * The part of a run file that pyperf reads: one benchmark for each figure of a cell, one pyperf run
 * for each pass, seconds per call.
 *
 * pyperf takes values above 0 only, and no benchmark without values. A phase near nothing can be
 * measured as negative, so such values are left out here and counted in the metadata, never
 * clamped; the "probe" section of the file has them all. Its metadata knows no null either: what is
 * absent is left out.
 */
#include "result/pyperf.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "probe/threaded.h"
#include "result/codec.h"

#define NAMES_MAX 40 /* figures of one cell, both engines together, are fewer */

/* What the benchmarks of one cell share. */
struct view {
	const struct probe_run *run;
	const struct probe_cell *cell;
	struct pb_buf *out;
	bool *first;
	char names[NAMES_MAX][96]; /* taken already: pyperf wants each name once */
	size_t name_count;
};

/* One figure: its estimate, and where each pass keeps its own. */
struct figure {
	const char *name;
	const struct probe_engine *engine;
	struct probe_value value;
	unsigned mask; /* of the parts to add up, for phases; 0 = by from_pass */
	double (*from_pass)(const struct probe_pass *pass);
};

static void set(json_t *object, const char *key, json_t *value)
{
	if (json_is_null(value))
		json_decref(value);
	else
		json_object_set_new(object, key, value);
}

/* pyperf refuses empty strings and line ends. */
static void set_text(json_t *object, const char *key, const char *text)
{
	struct pb_buf line = {0};

	pb_buf_line(&line, text ? text : "");
	if (line.len)
		set(object, key, pb_json_text(line.data));
	pb_buf_fini(&line);
}

static void set_real(json_t *object, const char *key, double number)
{
	set(object, key, pb_json_real(number));
}

static void dump(json_t *json, struct pb_buf *out)
{
	char *text = json_dumps(json, 0);

	if (text)
		pb_buf_puts(out, text);
	else
		out->oom = true;
	free(text);
	json_decref(json);
}

static double pass_total(const struct probe_pass *pass)
{
	return pass->total;
}

static double pass_closure(const struct probe_pass *pass)
{
	return pass->bare - pass->total;
}

static double pass_empty_call(const struct probe_pass *pass)
{
	return pass->empty_call;
}

static double figure_of_pass(const struct figure *f, const struct probe_pass *pass)
{
	double sum = 0;
	bool any = false;

	if (!f->mask)
		return f->from_pass(pass);
	for (size_t i = 0; i < f->engine->part_count; i++) {
		if (!(f->engine->parts[i].mask & f->mask))
			continue;
		sum += pass->parts[i];
		any = true;
	}
	return any ? sum : NAN;
}

static json_t *pass_metadata(const struct probe_pass *pass)
{
	json_t *meta = json_object();

	set(meta, "probe_pass_rounds", json_integer(pass->rounds));
	set(meta, "probe_pass_rounds_contended", json_integer(pass->rounds_contended));
	set(meta, "probe_pass_rounds_discarded", json_integer(pass->rounds_discarded));
	set_real(meta, "probe_pass_chain_ticks", pass->chain_ticks);
	set_real(meta, "probe_pass_wide_ticks", pass->wide_ticks);
	return meta;
}

static void append_run(json_t *runs, double seconds, json_t *metadata)
{
	json_t *item = json_object(), *values = json_array();

	json_array_append_new(values, json_real(seconds));
	set(item, "metadata", metadata);
	set(item, "values", values);
	json_array_append_new(runs, item);
}

/* The runs of one figure; counts the values that pyperf would refuse. */
static json_t *figure_runs(const struct figure *f, double hz, unsigned *refused)
{
	json_t *runs = json_array();
	double seconds = f->value.ticks / hz;

	*refused = 0;
	for (size_t i = 0; i < f->engine->pass_count; i++) {
		const struct probe_pass *pass = &f->engine->passes[i];

		seconds = figure_of_pass(f, pass) / hz;
		if (!isfinite(seconds))
			continue;
		if (seconds > 0)
			append_run(runs, seconds, pass_metadata(pass));
		else
			(*refused)++;
	}
	/* An engine that keeps no figures by pass still has its estimate. */
	if (!f->engine->pass_count && isfinite(seconds) && seconds > 0)
		append_run(runs, seconds, json_object());
	return runs;
}

static json_t *figure_metadata(const struct view *view, const struct figure *f, const char *name)
{
	const struct probe_engine *e = f->engine;
	const struct probe_interpreter *py =
		probe_run_find_interpreter(view->run, view->cell->interpreter);
	double hz = view->run->counter.hz;
	json_t *meta = json_object();

	set_text(meta, "name", name);
	if (e->calls_per_round)
		set(meta, "loops", pb_json_u64(e->calls_per_round));
	if (py) {
		set_text(meta, "python_version", py->version);
		set_text(meta, "python_implementation", py->implementation);
		set_text(meta, "python_executable", py->executable);
		set_text(meta, "python_compiler", py->compiler);
		set_text(meta, "python_cflags_optimisation", py->optimisation);
		set_text(meta, "python_libc", py->libc);
		set(meta, "python_free_threaded", json_boolean(py->free_threaded));
		set(meta, "python_jit", json_boolean(py->jit));
		set(meta, "python_debug", json_boolean(py->debug));
		if (py->subinterpreters)
			set(meta, "python_subinterpreters", json_integer(py->subinterpreters));
	}
	set_text(meta, "probe_engine", e == &view->cell->ladder ? "ladder" : "timeline");
	set_real(meta, "probe_value_seconds", f->value.ticks / hz);
	set_real(meta, "probe_interval_half_seconds", f->value.half / hz);
	set_text(meta, "probe_state", pb_state_names[f->value.state]);
	set(meta, "probe_below_floor", json_boolean(f->value.below_floor));
	if (e->floor_ticks > 0)
		set_real(meta, "probe_floor_seconds", e->floor_ticks / hz);
	if (e->subtracted_ticks > 0)
		set_real(meta, "probe_subtracted_seconds", e->subtracted_ticks / hz);
	set(meta, "probe_contended", json_boolean(e->contended));
	set(meta, "probe_rounds", pb_json_u64(e->rounds));
	set(meta, "probe_rounds_contended", pb_json_u64(e->rounds_contended));
	set(meta, "probe_rounds_discarded", pb_json_u64(e->rounds_discarded));
	return meta;
}

static bool taken(const struct view *view, const char *name)
{
	for (size_t i = 0; i < view->name_count; i++)
		if (!strcmp(view->names[i], name))
			return true;
	return view->name_count == NAMES_MAX;
}

static void write_figure(struct view *view, const struct figure *f)
{
	struct pb_buf name = {0};
	json_t *benchmark, *meta, *runs;
	unsigned refused = 0;

	if (f->value.state == PROBE_ABSENT || taken(view, f->name))
		return;
	/* The name is taken even where pyperf would refuse every value: the other engine's figure
	 * under the same name would make compare_to compare unlike things. */
	snprintf(view->names[view->name_count++], sizeof view->names[0], "%s", f->name);
	runs = figure_runs(f, view->run->counter.hz, &refused);
	if (!json_array_size(runs)) {
		json_decref(runs);
		return;
	}
	pb_buf_printf(&name, "%s/%s/%s/%s", view->cell->workload, view->cell->path,
		      view->cell->interpreter, f->name);
	meta = figure_metadata(view, f, name.data ? name.data : "?");
	pb_buf_fini(&name);
	if (refused)
		set(meta, "probe_values_not_positive", json_integer(refused));
	benchmark = json_object();
	set(benchmark, "metadata", meta);
	set(benchmark, "runs", runs);
	pb_buf_puts(view->out, *view->first ? "\n" : ",\n");
	*view->first = false;
	dump(benchmark, view->out);
}

static void write_engine(struct view *view, const struct probe_engine *e)
{
	char id[96];

	if (!e->present)
		return;
	write_figure(view, &(struct figure){"total", e, e->total, 0, pass_total});
	for (size_t i = 0; i < e->folded_count; i++) {
		const struct probe_part *p = &e->folded[i];

		probe_part_id(p->mask, id, sizeof id);
		write_figure(view,
			     &(struct figure){id, e, p->value, probe_fold_members(p->mask), NULL});
	}
	write_figure(view, &(struct figure){"closure", e, e->closure, 0, pass_closure});
	write_figure(view, &(struct figure){"empty_call", e, e->empty_call, 0, pass_empty_call});
	for (size_t i = 0; i < e->part_count; i++) {
		const struct probe_part *p = &e->parts[i];

		probe_part_id_among(e->parts, e->part_count, i, id, sizeof id);
		write_figure(view, &(struct figure){id, e, p->value, p->mask, NULL});
	}
}

static void write_threaded(const struct probe_run *run, const struct probe_threaded *row,
			   struct pb_buf *out, bool *first)
{
	json_t *benchmark = json_object(), *meta = json_object(), *runs = json_array();
	const struct probe_interpreter *py = probe_run_find_interpreter(run, row->interpreter);
	struct pb_buf name = {0};

	for (size_t i = 0; i < row->pass_count; i++)
		if (row->passes[i].calls_per_s > 0)
			append_run(runs, 1 / row->passes[i].calls_per_s, json_object());
	pb_buf_printf(&name, "%s/%s/%s@%u/%s/throughput", row->workload, row->path,
		      row->interpreter, row->threads, probe_callables_name(row->callables));
	set_text(meta, "name", name.data);
	pb_buf_fini(&name);
	if (py) {
		set_text(meta, "python_version", py->version);
		set_text(meta, "python_implementation", py->implementation);
	}
	set(meta, "probe_threads", json_integer(row->threads));
	set_text(meta, "probe_callables", probe_callables_name(row->callables));
	set_real(meta, "probe_calls_per_second", row->calls_per_s);
	set_real(meta, "probe_scaling", row->scaling);
	set_real(meta, "probe_cores", row->cores);
	set(benchmark, "metadata", meta);
	if (!json_array_size(runs)) {
		json_decref(runs);
		json_decref(benchmark);
		return;
	}
	set(benchmark, "runs", runs);
	pb_buf_puts(out, *first ? "\n" : ",\n");
	*first = false;
	dump(benchmark, out);
}

/* What all benchmarks share; pyperf hands it down to each of them. */
static json_t *common_metadata(const struct probe_run *run)
{
	const struct probe_counter_facts *counter = &run->counter;
	json_t *meta = json_object();
	struct pb_buf key = {0};

	set_text(meta, "unit", "second");
	set_text(meta, "probe_version", run->probe_version);
	set_text(meta, "probe_started", run->started);
	set_text(meta, "probe_command", run->command);
	set(meta, "probe_seed", pb_json_u64(run->seed));
	set(meta, "probe_passes", json_integer(run->passes));
	set_text(meta, "probe_counter", counter->kind);
	set_text(meta, "probe_counter_unit", counter->unit);
	set_text(meta, "probe_counter_why", counter->why);
	set_real(meta, "probe_counter_hz", counter->hz);
	if (counter->granularity_ticks > 0)
		set_real(meta, "probe_counter_granularity_ticks", counter->granularity_ticks);
	if (counter->cycles_per_tick > 0) {
		set_real(meta, "probe_cycles_per_tick", counter->cycles_per_tick);
		set(meta, "probe_cycles_estimated", json_boolean(counter->cycles_estimated));
	}
	for (size_t i = 0; i < run->fact_count; i++) {
		const struct probe_fact *fact = &run->facts[i];

		if (!strcmp(fact->key, "cpu_model")) { /* pyperf has a name of its own for it */
			set_text(meta, "cpu_model_name", fact->value);
			continue;
		}
		key.len = 0;
		pb_buf_printf(&key, "probe_fact_%s", fact->key);
		if (!key.oom)
			set_text(meta, key.data, fact->value);
	}
	pb_buf_fini(&key);
	return meta;
}

void pb_pyperf_write(const struct probe_run *run, struct pb_buf *out)
{
	bool first = true;

	pb_buf_puts(out, "\"version\": \"1.0\",\n\"metadata\": ");
	dump(common_metadata(run), out);
	pb_buf_puts(out, ",\n\"benchmarks\": [");
	/* Without a frequency there are no seconds, and seconds are all that pyperf knows. */
	for (size_t i = 0; i < run->cell_count && run->counter.hz > 0; i++) {
		struct view view = {
			.run = run, .cell = &run->cells[i], .out = out, .first = &first};

		write_engine(&view, &run->cells[i].ladder);
		write_engine(&view, &run->cells[i].timeline);
	}
	for (size_t i = 0; i < run->threaded_count; i++)
		write_threaded(run, &run->threaded[i], out, &first);
	pb_buf_puts(out, "\n]\n");
}
