/* SPDX-License-Identifier: MIT
 * A run as what is shown of it: nanoseconds where the counter's frequency is known (else ticks),
 * and every figure as text too, by the functions that print the command's tables.
 */
#include "py/package/package.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fail.h"
#include "probe/export.h"
#include "probe/figures.h"
#include "result/codec.h"

/* What a figure of one engine needs to be shown. */
struct context {
	const struct probe_engine *engine;
	struct probe_scale scale;
};

static json_t *view_value(const struct context *c, const struct probe_value *v)
{
	char text[64], value[64], half[64], share[16];
	double k = c->scale.per_tick, floor_ticks = c->engine->floor_ticks;
	if (v->state == PROBE_ABSENT)
		return json_null();
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:s, s:b, s:s, s:s, s:s, s:s}", "value",
		pb_json_real(v->ticks * k), "half", pb_json_real(v->half * k), "low",
		pb_json_real((v->ticks - v->half) * k), "high",
		pb_json_real((v->ticks + v->half) * k), "state", pb_state_names[v->state],
		"below_floor", v->below_floor, "text",
		probe_figure_text(v, k, floor_ticks, PROBE_FIGURE_BOTH, text, sizeof text),
		"value_text",
		probe_figure_text(v, k, floor_ticks, PROBE_FIGURE_VALUE, value, sizeof value),
		"half_text",
		probe_figure_text(v, k, floor_ticks, PROBE_FIGURE_HALF, half, sizeof half),
		"share_text", probe_share_text(v, &c->engine->total, share, sizeof share));
}

static json_t *view_mask(unsigned mask)
{
	json_t *list = json_array();
	for (unsigned sub = 0; sub < PROBE_SUB_COUNT; sub++)
		if (mask & PROBE_BIT(sub))
			json_array_append_new(list, json_string(probe_subphase_name(sub)));
	return list;
}

static json_t *view_parts(const struct context *c, const struct probe_part *parts, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++) {
		char name[160], id[160];
		json_array_append_new(
			list, json_pack("{s:s, s:s, s:o, s:o}", "name",
					probe_part_name(parts[i].mask, name, sizeof name), "id",
					probe_part_id_among(parts, n, i, id, sizeof id),
					"subphases", view_mask(parts[i].mask), "figure",
					view_value(c, &parts[i].value)));
	}
	return list;
}

static json_t *view_dists(const struct context *c)
{
	json_t *list = json_array();
	double k = c->scale.per_tick;
	for (size_t i = 0; i < c->engine->dist_count; i++) {
		const struct probe_dist *d = &c->engine->dists[i];
		char name[160];
		bool whole = d->mask == PROBE_MASK_ALL;
		json_array_append_new(
			list,
			json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name",
				  whole ? "total" : probe_part_name(d->mask, name, sizeof name),
				  "subphases", view_mask(d->mask), "calls", pb_json_u64(d->calls),
				  "p50", pb_json_real(d->p50 * k), "p90", pb_json_real(d->p90 * k),
				  "p99", pb_json_real(d->p99 * k), "p999",
				  pb_json_real(d->p999 * k), "max", pb_json_real(d->max * k)));
	}
	return list;
}

static json_t *view_engine(const struct context *c)
{
	const struct probe_engine *e = c->engine;
	return json_pack(
		"{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:i, s:o, "
		"s:o, "
		"s:o, s:o, s:o, "
		"s:o}",
		"total", view_value(c, &e->total), "bare", view_value(c, &e->bare), "closure",
		view_value(c, &e->closure), "empty_call", view_value(c, &e->empty_call), "overlap",
		view_value(c, &e->overlap), "alone", view_value(c, &e->alone), "alone_free",
		view_value(c, &e->alone_free), "parts", view_parts(c, e->parts, e->part_count),
		"folded", view_parts(c, e->folded, e->folded_count), "dists", view_dists(c),
		"closure_percent", pb_json_real(probe_closure_percent(e)), "closure_is_off",
		probe_closure_is_off(e), "overlap_matters", probe_overlap_matters(e), "contended",
		e->contended, "passes", (int)e->pass_count, "rounds", pb_json_u64(e->rounds),
		"rounds_contended", pb_json_u64(e->rounds_contended), "rounds_discarded",
		pb_json_u64(e->rounds_discarded), "calls_per_round",
		pb_json_u64(e->calls_per_round), "floor",
		pb_json_real(e->floor_ticks * c->scale.per_tick), "subtracted",
		pb_json_real(e->subtracted_ticks * c->scale.per_tick));
}

/* The row that the others of its workload and interpreter are compared with: the first. */
static const struct probe_cell *reference_of(const struct probe_run *run,
					     const struct probe_cell *cell)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if (!strcmp(run->cells[i].workload, cell->workload) &&
		    !strcmp(run->cells[i].interpreter, cell->interpreter))
			return &run->cells[i];
	return cell;
}

static json_t *view_cell(const struct probe_run *run, const struct probe_cell *cell,
			 const struct probe_scale *scale)
{
	const struct probe_engine *e = probe_cell_engine(cell);
	const struct probe_cell *reference = reference_of(run, cell);
	double speedup = probe_run_ratio(run, cell->workload, reference->path, cell->path,
					 cell->interpreter);
	char speedup_text[32];
	json_t *warnings = json_array();
	for (char **w = cell->warnings; w && *w; w++)
		json_array_append_new(warnings, pb_json_text(*w));
	const struct context ladder = {&cell->ladder, *scale}, timeline = {&cell->timeline, *scale};
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:s?, s:o, s:o, s:o, s:s}",
			 "workload", pb_json_text(cell->workload), "path", pb_json_text(cell->path),
			 "interpreter", pb_json_text(cell->interpreter), "binding",
			 pb_json_text(probe_cell_binding(cell)), "prepared",
			 pb_json_text(cell->prepared), "status",
			 probe_cell_status_name(cell->status), "reason", pb_json_text(cell->reason),
			 "warnings", warnings, "engine",
			 !e                   ? NULL
			 : e == &cell->ladder ? "ladder"
					      : "timeline",
			 "ladder", cell->ladder.present ? view_engine(&ladder) : json_null(),
			 "timeline", cell->timeline.present ? view_engine(&timeline) : json_null(),
			 "speedup", pb_json_real(speedup), "speedup_text",
			 probe_ratio_text(speedup, speedup_text, sizeof speedup_text));
}

PyObject *pb_py_view(PyObject *module, PyObject *args)
{
	const char *text;
	struct probe_scale scale;
	(void)module;
	if (!PyArg_ParseTuple(args, "s", &text))
		return NULL;
	struct probe_run *run = pb_package_run(text);
	if (!run)
		return NULL;
	/* A run without a counter has no figures either. */
	if (probe_scale_get(run, PROBE_UNIT_NS, &scale) &&
	    probe_scale_get(run, PROBE_UNIT_TICKS, &scale))
		scale = (struct probe_scale){1, "ticks", false};
	json_t *cells = json_array();
	for (size_t i = 0; i < run->cell_count; i++)
		json_array_append_new(cells, view_cell(run, &run->cells[i], &scale));
	json_t *out =
		json_pack("{s:s, s:f, s:o, s:o}", "unit", scale.name, "per_tick", scale.per_tick,
			  "cells", cells, "answers", pb_view_answers(run, &scale));
	probe_run_free(run);
	return pb_package_json(out);
}

static int add_bytes(void *ctx, const char *bytes, size_t n)
{
	pb_buf_add(ctx, bytes, n);
	return 0;
}

PyObject *pb_py_export(PyObject *module, PyObject *args)
{
	const char *text, *name;
	struct pb_buf out = {0};
	struct probe_error err = {0};
	(void)module;
	if (!PyArg_ParseTuple(args, "ss", &text, &name))
		return NULL;
	const struct probe_exporter *exporter = probe_exporter_find(name);
	if (!exporter) {
		pb_fail(&err, PROBE_EINVAL, 0, "there is no export '%s'", name);
		return pb_package_fail(&err);
	}
	struct probe_run *run = pb_package_run(text);
	if (!run)
		return NULL;
	const struct probe_sink sink = {add_bytes, &out};
	PyObject *string = NULL;
	if (exporter->export_run(run, &sink, &err))
		pb_package_fail(&err);
	else if (out.oom)
		PyErr_NoMemory();
	else
		string = PyUnicode_DecodeUTF8(out.data ? out.data : "", (Py_ssize_t)out.len, NULL);
	pb_buf_fini(&out);
	probe_run_free(run);
	return string;
}
