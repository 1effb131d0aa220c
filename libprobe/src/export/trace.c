/* SPDX-License-Identifier: MIT
 * From the distributions of a timeline to calls on a time axis.
 */
#include "export/trace.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "export/export.h"
#include "probe/figures.h"

#define MOST_SLICES (sizeof((struct pb_trace_call *)0)->slices / sizeof(struct pb_trace_slice))

static double median_of(const struct probe_dist *dist)
{
	return dist->p50;
}

static double p99_of(const struct probe_dist *dist)
{
	return dist->p99;
}

static const struct {
	const char *name;
	double (*of)(const struct probe_dist *dist);
} quantiles[] = {{"median", median_of}, {"p99", p99_of}};
enum { QUANTILES = sizeof quantiles / sizeof quantiles[0] };

static bool has_timeline(const struct probe_cell *cell)
{
	return cell->status == PROBE_CELL_OK && cell->timeline.present && cell->timeline.dist_count;
}

/* The place of a stretch in a call: its first sub-phase. A callback comes within compute. */
static unsigned place(const struct probe_dist *dist)
{
	unsigned mask = dist->mask & PROBE_MASK_ALL;

	return (unsigned)__builtin_ctz(mask ? mask : PROBE_MASK_COMPUTE);
}

static int in_order(const void *a, const void *b)
{
	const struct pb_trace_slice *x = a, *y = b;
	unsigned first = place(x->dist), second = place(y->dist);

	return (first > second) - (first < second);
}

static void fill(struct pb_trace_call *call, size_t quantile, double ns_per_tick)
{
	const struct probe_engine *e = &call->cell->timeline;

	call->quantile = quantiles[quantile].name;
	call->whole_ns = NAN;
	for (size_t i = 0; i < e->dist_count; i++) {
		const struct probe_dist *dist = &e->dists[i];
		double ns = quantiles[quantile].of(dist) * ns_per_tick;
		struct pb_trace_slice *slice = &call->slices[call->slice_count];

		if (dist->mask == PROBE_MASK_ALL) {
			call->whole = dist;
			call->whole_ns = ns;
			continue;
		}
		if (!isfinite(ns) || call->slice_count == MOST_SLICES)
			continue;
		*slice = (struct pb_trace_slice){dist, 0, ns > 0 ? ns : 0, ns < 0};
		call->slice_count++;
	}
	qsort(call->slices, call->slice_count, sizeof call->slices[0], in_order);
	for (size_t i = 0; i < call->slice_count; i++) {
		call->slices[i].start_ns = call->length_ns;
		call->length_ns += call->slices[i].length_ns;
	}
}

int pb_trace_make(const struct probe_run *run, struct pb_trace *out, struct probe_error *err)
{
	struct pb_trace trace = {0};
	struct probe_scale scale;
	size_t cells = 0;

	for (size_t i = 0; i < run->cell_count; i++)
		cells += has_timeline(&run->cells[i]);
	if (!cells)
		return pb_fail(err, PROBE_ENOENT, 0,
			       "the run holds no timeline to export: measure it with --engine "
			       "timeline or --phases 8");
	if (probe_scale_get(run, PROBE_UNIT_NS, &scale))
		return pb_fail(err, PROBE_EINVAL, 0,
			       "the run does not say how long a tick is, so it has no time axis to "
			       "export");
	trace.ns_per_tick = scale.per_tick;
	trace.calls = calloc(cells * QUANTILES, sizeof *trace.calls);
	if (!trace.calls)
		return pb_fail(err, PROBE_ENOMEM, 0, "can't export the run: out of memory");
	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];

		if (!has_timeline(cell)) {
			trace.without += cell->status == PROBE_CELL_OK;
			continue;
		}
		for (size_t q = 0; q < QUANTILES; q++) {
			struct pb_trace_call *call = &trace.calls[trace.count++];

			call->cell = cell;
			fill(call, q, trace.ns_per_tick);
		}
	}
	*out = trace;
	return 0;
}

const char *pb_trace_phase(const struct pb_trace_slice *slice)
{
	static const struct {
		unsigned mask;
		const char *name;
	} phases[] = {
		{PROBE_MASK_DISPATCH, "dispatch"},
		{PROBE_MASK_MARSHALLING, "marshalling"},
		{PROBE_MASK_COMPUTE | PROBE_MASK_CALLBACK, "compute"},
	};

	for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
		if (!(slice->dist->mask & ~phases[i].mask))
			return phases[i].name;
	return "merged";
}

json_t *pb_trace_number(double number)
{
	return isfinite(number) ? json_real(number) : json_null();
}

static int add_to_buf(const char *bytes, size_t n, void *ctx)
{
	struct pb_buf *buf = ctx;

	pb_buf_add(buf, bytes, n);
	return buf->oom ? -1 : 0;
}

void pb_trace_append(struct pb_trace *trace, json_t *array, json_t *item)
{
	if (json_array_append_new(array, item))
		trace->oom = true;
}

int pb_trace_finish(struct pb_trace *trace, json_t *root, const struct probe_sink *sink,
		    struct probe_error *err)
{
	struct pb_buf out = {0};

	/* Twelve digits: a picosecond of a call of a second. */
	out.oom = trace->oom || !root ||
		  json_dump_callback(root, add_to_buf, &out,
				     JSON_INDENT(1) | JSON_REAL_PRECISION(12));
	json_decref(root);
	free(trace->calls);
	*trace = (struct pb_trace){0};
	pb_buf_puts(&out, "\n");
	return pb_export_finish(&out, sink, err);
}
