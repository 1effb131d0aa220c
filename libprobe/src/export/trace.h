/* SPDX-License-Identifier: MIT
 * Timelines as calls on a time axis: what the trace formats share.
 *
 * A run file holds distributions of single calls and no raw events. So each cell becomes two
 * made-up calls, and both say what they are: one whose slices are the medians of the stretches
 * between stamps, one whose slices are their 99th percentiles. Quantiles do not add up: the sum of
 * the slices is not the quantile of whole calls, which stands beside it.
 */
#ifndef PB_TRACE_H
#define PB_TRACE_H

#include <jansson.h>

#include "probe/export.h"

/* One stretch of a made-up call. */
struct pb_trace_slice {
	const struct probe_dist *dist;
	double start_ns, length_ns; /* never negative */
	bool cut;                   /* was negative once the stamps' cost was taken out */
};

struct pb_trace_call {
	const struct probe_cell *cell;
	const char *quantile;             /* "median", "p99" */
	const struct probe_dist *whole;   /* of whole calls; NULL = absent */
	double whole_ns;                  /* that quantile of them; NaN = absent */
	struct pb_trace_slice slices[16]; /* in the order of a call */
	size_t slice_count;
	double length_ns; /* of all slices */
};

struct pb_trace {
	struct pb_trace_call *calls; /* two a cell, median first, in the order of the run */
	size_t count;
	double ns_per_tick;
	size_t without; /* measured cells that have no timeline */
	bool oom;       /* something is missing from the JSON made of it */
};

/* What the formats write beside the slices. */
#define PB_TRACE_NOTE                                                                              \
	"No raw events: each slice is the median (or the 99th percentile) of one stretch over "    \
	"many single calls, laid end to end in the order of a call. Quantiles do not add up to "   \
	"the quantile of whole calls. Calls made while a neighbour shared the core are among "     \
	"them. The mean cost of the stamps is taken out. A slice of "                              \
	"several sub-phases, such as call+return, stands where the first of them begins."

/* @out  the caller's, to be released with pb_trace_finish(); borrows from run.
 * Returns 0, -PROBE_ENOENT (the run holds no timeline), -PROBE_EINVAL (ticks can't be turned into
 * time), -PROBE_ENOMEM. */
int pb_trace_make(const struct probe_run *run, struct pb_trace *out, struct probe_error *err);

/* The phase that a slice belongs to: "dispatch", "marshalling", "compute", or "merged". */
const char *pb_trace_phase(const struct pb_trace_slice *slice);
/* A number, or null where it is not finite. */
json_t *pb_trace_number(double number);
/* Appends and takes over the item; NULL, as after a failed allocation, sets trace->oom. */
void pb_trace_append(struct pb_trace *trace, json_t *array, json_t *item);
/* Writes the JSON to the sink, releases it and the trace. */
int pb_trace_finish(struct pb_trace *trace, json_t *root, const struct probe_sink *sink,
		    struct probe_error *err);

#endif
