/* SPDX-License-Identifier: MIT
 * Timelines in the Trace Event format, which Perfetto and chrome://tracing open: an interpreter is
 * a process, a cell's median and its 99th percentile are two threads.
 */
#include "export/export.h"
#include "export/trace.h"

/* The format's unit of time; its readers keep three decimals or more. */
#define US(ns) ((ns) / 1e3)

static size_t process_of(const struct probe_run *run, const struct probe_cell *cell)
{
	const struct probe_interpreter *py = probe_run_find_interpreter(run, cell->interpreter);

	return py ? (size_t)(py - run->interpreters) + 1 : run->interpreter_count + 1;
}

/* A track's or a process's name (or place), as an event. */
static json_t *metadata(const char *kind, size_t pid, size_t tid, const char *key, json_t *value)
{
	return json_pack("{s:s, s:s, s:I, s:I, s:{s:o}}", "name", kind, "ph", "M", "pid",
			 (json_int_t)pid, "tid", (json_int_t)tid, "args", key, value);
}

static json_t *slice_event(const struct pb_trace_slice *s, double per_tick, size_t pid, size_t tid)
{
	const struct probe_dist *d = s->dist;
	char name[96];

	probe_part_name(d->mask & ~PROBE_MASK_CALLBACK, name, sizeof name);
	return json_pack(
		"{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:{s:o, s:o, s:o, s:o, s:o, s:I, s:b}}",
		"name", name, "cat", pb_trace_phase(s), "ph", "X", "ts", json_real(US(s->start_ns)),
		"dur", json_real(US(s->length_ns)), "pid", (json_int_t)pid, "tid", (json_int_t)tid,
		"args", "p50_ns", pb_trace_number(d->p50 * per_tick), "p90_ns",
		pb_trace_number(d->p90 * per_tick), "p99_ns", pb_trace_number(d->p99 * per_tick),
		"p999_ns", pb_trace_number(d->p999 * per_tick), "max_ns",
		pb_trace_number(d->max * per_tick), "calls", (json_int_t)d->calls, "below_zero",
		s->cut);
}

/* "add/ctypes: p99 of each stretch": what the track is must be on the track. */
static json_t *track_name(const struct pb_trace_call *call)
{
	return json_sprintf("%s/%s: %s of each stretch", call->cell->workload, call->cell->path,
			    call->quantile);
}

/* The call around its slices. */
static json_t *call_event(const struct pb_trace_call *call, double per_tick, size_t pid, size_t tid)
{
	const struct probe_engine *e = &call->cell->timeline;

	return json_pack("{s:o, s:s, s:s, s:o, s:o, s:I, s:I, s:{s:o, s:o, s:o, s:o, s:b}}", "name",
			 track_name(call), "cat", "call", "ph", "X", "ts", json_real(0), "dur",
			 json_real(US(call->length_ns)), "pid", (json_int_t)pid, "tid",
			 (json_int_t)tid, "args", "sum_of_slices_ns", json_real(call->length_ns),
			 "same_quantile_of_whole_calls_ns", pb_trace_number(call->whole_ns),
			 "total_without_stamps_ns",
			 e->total.state == PROBE_ABSENT
				 ? json_null()
				 : pb_trace_number(e->total.ticks * per_tick),
			 "stamps_taken_out_ns", pb_trace_number(e->subtracted_ticks * per_tick),
			 "contended", e->contended);
}

static void add_call(struct pb_trace *trace, json_t *events, size_t i, size_t pid)
{
	const struct pb_trace_call *call = &trace->calls[i];
	const double per_tick = trace->ns_per_tick;
	const size_t tid = i + 1;

	pb_trace_append(trace, events, metadata("thread_name", pid, tid, "name", track_name(call)));
	pb_trace_append(trace, events,
			metadata("thread_sort_index", pid, tid, "sort_index",
				 json_integer((json_int_t)tid)));
	pb_trace_append(trace, events, call_event(call, per_tick, pid, tid));
	for (size_t s = 0; s < call->slice_count; s++)
		pb_trace_append(trace, events, slice_event(&call->slices[s], per_tick, pid, tid));
}

int pb_export_trace(const struct probe_run *run, const struct probe_sink *sink,
		    struct probe_error *err)
{
	struct pb_trace trace;
	size_t named = 0;
	int rc = pb_trace_make(run, &trace, err);
	json_t *events, *root;

	if (rc)
		return rc;
	events = json_array();
	for (size_t i = 0; i < trace.count; i++) {
		const struct probe_cell *cell = trace.calls[i].cell;
		size_t pid = process_of(run, cell);

		/* Cells stand in the order of their interpreters. */
		if (pid != named)
			pb_trace_append(&trace, events,
					metadata("process_name", pid, 0, "name",
						 json_string(cell->interpreter)));
		named = pid;
		add_call(&trace, events, i, pid);
	}
	root = json_pack("{s:s, s:{s:s, s:s, s:s, s:I}, s:o}", "displayTimeUnit", "ns", "otherData",
			 "note", PB_TRACE_NOTE, "probe_version", run->probe_version, "started",
			 run->started, "cells_without_a_timeline", (json_int_t)trace.without,
			 "traceEvents", events);
	return pb_trace_finish(&trace, root, sink, err);
}
