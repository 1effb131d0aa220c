/* SPDX-License-Identifier: MIT
 * The timeline's part of a cell: parts and distributions over all its processes.
 */
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "matrix/cell.h"

/* The parts that one process saw; the last entry of its list is the whole call. */
static size_t part_masks(const json_t *stamps, unsigned masks[PROBE_MAX_PARTS])
{
	const json_t *parts = json_object_get(stamps, "parts");
	size_t n = 0, i;
	json_t *part;
	json_array_foreach(parts, i, part)
	{
		unsigned mask = (unsigned)json_integer_value(json_object_get(part, "mask"));
		if (mask && mask != PROBE_MASK_ALL && n < PROBE_MAX_PARTS)
			masks[n++] = mask & PROBE_MASK_ALL;
	}
	return n;
}

static bool same_parts(const json_t *stamps, const unsigned *masks, size_t n)
{
	unsigned other[PROBE_MAX_PARTS];
	if (part_masks(stamps, other) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (other[i] != masks[i])
			return false;
	return true;
}

/* Adds one process's histogram of the part; its stamp cost goes to *correction. */
static void add_histogram(const json_t *stamps, unsigned mask, struct probe_histogram *sum,
			  double *correction)
{
	size_t i, k;
	json_t *part, *pair;
	json_array_foreach(json_object_get(stamps, "parts"), i, part)
	{
		if ((unsigned)json_integer_value(json_object_get(part, "mask")) != mask)
			continue;
		*correction += json_number_value(json_object_get(part, "correction_ticks"));
		json_array_foreach(json_object_get(part, "histogram"), k, pair)
		{
			json_int_t bucket = json_integer_value(json_array_get(pair, 0));
			json_int_t count = json_integer_value(json_array_get(pair, 1));
			if (bucket >= 0 && bucket < PROBE_HISTOGRAM_BUCKETS && count > 0)
				sum->counts[bucket] += (uint32_t)count;
		}
	}
}

static struct probe_dist make_dist(unsigned mask, const struct probe_histogram *h,
				   double correction)
{
	struct probe_dist dist = {.mask = mask};
	for (size_t i = 0; i < PROBE_HISTOGRAM_BUCKETS; i++)
		dist.calls += h->counts[i];
	dist.p50 = probe_histogram_quantile(h, 0.5) - correction;
	dist.p90 = probe_histogram_quantile(h, 0.9) - correction;
	dist.p99 = probe_histogram_quantile(h, 0.99) - correction;
	dist.p999 = probe_histogram_quantile(h, 0.999) - correction;
	dist.max = probe_histogram_quantile(h, 1) - correction;
	return dist;
}

/* One distribution a part, and the whole call's last. */
static int add_dists(const struct pb_cell *cell, const unsigned *masks, size_t n,
		     struct probe_engine *out)
{
	struct probe_histogram *sum = malloc(sizeof *sum);
	out->dists = calloc(n + 1, sizeof *out->dists);
	if (!sum || !out->dists) {
		free(sum);
		return -PROBE_ENOMEM;
	}
	for (size_t part = 0; part <= n; part++) {
		unsigned mask = part < n ? masks[part] : PROBE_MASK_ALL;
		double correction = 0;
		size_t used = 0;
		*sum = (struct probe_histogram){0};
		for (size_t i = 0; i < cell->timeline_count; i++) {
			if (!same_parts(cell->stamps[i], masks, n))
				continue;
			add_histogram(cell->stamps[i], mask, sum, &correction);
			used++;
		}
		struct probe_dist dist = make_dist(mask, sum, used ? correction / (double)used : 0);
		if (dist.calls)
			out->dists[out->dist_count++] = dist;
	}
	free(sum);
	return 0;
}

static double mean_subtracted(const struct pb_cell *cell)
{
	double sum = 0;
	for (size_t i = 0; i < cell->timeline_count; i++)
		sum += json_number_value(json_object_get(cell->stamps[i], "subtracted_ticks"));
	return sum / (double)cell->timeline_count;
}

int pb_cell_take_timeline(const struct pb_cell *cell, const struct probe_ladder_options *options,
			  struct probe_cell *row, struct probe_error *err)
{
	unsigned masks[PROBE_MAX_PARTS];
	size_t n = cell->timeline_count ? part_masks(cell->stamps[0], masks) : 0, same = 0;
	struct probe_engine figures = {0};
	if (!n)
		return pb_fail(err, PROBE_EINVAL, 0, "the timeline saw no stamp");
	/* A process that saw other parts (a layer's hook failed there) can't be averaged in. */
	struct probe_process_samples *alike = calloc(cell->timeline_count, sizeof *alike);
	if (!alike)
		return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	for (size_t i = 0; i < cell->timeline_count; i++)
		if (same_parts(cell->stamps[i], masks, n))
			alike[same++] = cell->timeline[i];
	int rc = probe_timeline_analyse(alike, same, masks, n, options, &figures, err);
	free(alike);
	if (rc)
		return rc;
	figures.subtracted_ticks = mean_subtracted(cell);
	if (add_dists(cell, masks, n, &figures)) {
		free(figures.passes);
		free(figures.dists);
		return pb_fail(err, PROBE_ENOMEM, 0, "memory is out");
	}
	free(row->timeline.passes);
	free(row->timeline.dists);
	row->timeline = figures;
	return 0;
}
