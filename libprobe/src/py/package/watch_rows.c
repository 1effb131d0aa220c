/* SPDX-License-Identifier: MIT
 * Counts of a watch -> figures in nanoseconds, the hooks' own cost taken out.
 */
#include <math.h>

#include "py/package/watch.h"

#define BIT(name) PROBE_BIT(PROBE_SUB_##name)

/* The sub-phases that each stretch of a call holds, which a boundary out of reach merges. */
static void masks_of(const struct pb_watch_row *row, enum pb_watch_group group, unsigned reached,
		     unsigned masks[PB_WATCH_PARTS])
{
	unsigned in = BIT(MARSHAL_IN), out = BIT(MARSHAL_OUT), compute = BIT(COMPUTE);
	if (!(reached & PB_WATCH_DETACHED)) {
		in |= BIT(DETACH);
		out |= BIT(ATTACH);
	}
	if (!(row->pattern & PB_WATCH_INVOKED) &&
	    (group == PB_WATCH_CTYPES || group == PB_WATCH_CFFI_ABI))
		compute |= BIT(INVOKE);
	/* Where others' code computes is not known, but for what cffi has written. */
	bool merged = row->pattern == 0 || group == PB_WATCH_DIRECT;
	unsigned all = in | out | compute;
	masks[PB_WATCH_PART_IN] = merged ? all : in;
	masks[PB_WATCH_PART_DETACH] = BIT(DETACH);
	masks[PB_WATCH_PART_INVOKE] = BIT(INVOKE);
	masks[PB_WATCH_PART_COMPUTE] = merged ? all : compute;
	masks[PB_WATCH_PART_ATTACH] = BIT(ATTACH);
	masks[PB_WATCH_PART_OUT] = merged ? all : out;
}

/* Parts per call, those of one mask in one. */
static size_t parts_of(const struct pb_watch_row *row, enum pb_watch_group group, unsigned reached,
		       const struct pb_watch_scale *scale, struct probe_part parts[PB_WATCH_PARTS])
{
	unsigned masks[PB_WATCH_PARTS];
	size_t count = 0;
	const double *cost = scale->cost->parts[row->pattern];
	masks_of(row, group, reached, masks);
	for (unsigned p = 0; row->split && p < PB_WATCH_PARTS; p++) {
		bool there = p == PB_WATCH_PART_OUT ||
			     (row->pattern & PB_WATCH_INVOKED &&
			      (p == PB_WATCH_PART_INVOKE || p == PB_WATCH_PART_COMPUTE)) ||
			     (row->pattern && p == PB_WATCH_PART_IN) ||
			     (row->pattern & PB_WATCH_DETACHED && p != PB_WATCH_PART_INVOKE);
		if (!there)
			continue;
		double ticks = (double)row->parts[p] / (double)row->split - cost[p];
		ticks -= (double)row->parts_nested[p] / (double)row->split *
			 (scale->cost->inner + scale->cost->outer);
		size_t k = 0;
		while (k < count && parts[k].mask != masks[p])
			k++;
		if (k == count)
			parts[count++] = (struct probe_part){masks[p],
							     {.state = PROBE_ESTIMATE, .ticks = 0}};
		parts[k].value.ticks += ticks;
	}
	return count;
}

static PyObject *parts_list(const struct probe_part *parts, size_t n, double ns_per_tick)
{
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < n; i++) {
		char name[160];
		PyObject *pair =
			Py_BuildValue("sd", probe_part_name(parts[i].mask, name, sizeof name),
				      parts[i].value.ticks * ns_per_tick);
		if (!pair || PyList_Append(list, pair))
			Py_CLEAR(list);
		Py_XDECREF(pair);
	}
	return list;
}

/* A name as the system gives it, or None. */
static PyObject *text_or_none(const char *text)
{
	if (text)
		return PyUnicode_DecodeFSDefault(text);
	Py_INCREF(Py_None);
	return Py_None;
}

static PyObject *row_dict(const struct pb_watch_row *row, const struct pb_watch_scale *scale)
{
	bool keyed = row->index == PB_WATCH_NONE;
	unsigned kind = keyed ? row->hook->group : scale->kind_of[row->index];
	enum pb_watch_group group = kind & ~PB_WATCH_REACHED;
	unsigned reached = keyed                     ? scale->reached[group]
			   : kind & PB_WATCH_REACHED ? PB_WATCH_DETACHED
						     : 0;
	const struct pb_watch_cost *cost = scale->cost;
	struct probe_part parts[PB_WATCH_PARTS], folded[3];
	size_t n = parts_of(row, group, reached, scale, parts);
	size_t folded_count = probe_parts_fold(parts, n, folded);
	double own = 0, k = scale->ns_per_tick;
	for (unsigned p = 0; p < PB_WATCH_PARTS; p++)
		own += cost->parts[row->pattern][p];
	double total = (double)row->ticks - (double)row->returned * cost->inner -
		       (double)row->nested * (cost->inner + cost->outer);
	if (row->pattern)
		total -= (double)row->split * (own - cost->inner);
	double apart = (double)row->ticks - (double)row->within -
		       (double)row->returned * cost->inner - (double)row->direct * cost->outer;
	double each = (double)row->nested * (cost->inner + cost->outer);
	if (row->pattern) {
		apart -= (double)row->split * (own - cost->inner);
		each += (double)row->split * (own - cost->inner);
	}
	double mid = row->returned ? pb_watch_midmean(&row->bins) - cost->inner -
					     each / (double)row->returned
				   : NAN;
	double mean = row->returned ? total / (double)row->returned : NAN;
	/* What was taken out is known no better than this. */
	double floor = fmax(1, cost->spread);
	PyObject *phases = parts_list(folded, folded_count, k), *fine = parts_list(parts, n, k);
	PyObject *name = text_or_none(row->name), *library = text_or_none(row->library);
	PyObject *dict = NULL;
	if (phases && fine && name && library)
		dict = Py_BuildValue(
			"{sLsKsssOsOsKsKsKsdsdsdsdsKsdsdsOsKsOsO}", "index",
			keyed ? -1LL : (long long)row->index, "address",
			(unsigned long long)row->key, "path", pb_watch_group_names[group], "name",
			name, "library", library, "calls", (unsigned long long)row->calls,
			"returned", (unsigned long long)row->returned, "raised",
			(unsigned long long)row->raised, "total_ns", total * k, "mean_ns", mean * k,
			"midmean_ns", mid * k, "exclusive_ns", apart * k, "preempted",
			(unsigned long long)row->preempted, "off_ns", (double)row->off * k,
			"floor_ns", floor * k, "below_floor", mean < floor ? Py_True : Py_False,
			"split", (unsigned long long)row->split, "phases", phases, "parts", fine);
	Py_XDECREF(phases);
	Py_XDECREF(fine);
	Py_XDECREF(name);
	Py_XDECREF(library);
	return dict;
}

PyObject *pb_watch_rows(const struct pb_watch_row *rows, size_t count,
			const struct pb_watch_scale *scale)
{
	PyObject *list = PyList_New(0);
	for (size_t i = 0; list && i < count; i++) {
		PyObject *dict = row_dict(&rows[i], scale);
		if (!dict || PyList_Append(list, dict))
			Py_CLEAR(list);
		Py_XDECREF(dict);
	}
	return list;
}
