/* SPDX-License-Identifier: MIT
 * The timeline's part of a cell: parts and distributions over all its processes.
 */
#include <math.h>
#include <stdlib.h>

#include "base/fail.h"
#include "matrix/cell.h"

/* What one process stamped; the last entry of its list of parts is the whole call. */
static int take_shape(const json_t *stamps, struct probe_timeline_shape *shape)
{
	const json_t *parts = json_object_get(stamps, "parts");
	const json_t *part_of = json_object_get(stamps, "part_of");
	size_t i;
	json_t *item;
	*shape = (struct probe_timeline_shape){0};
	json_array_foreach(parts, i, item)
	{
		unsigned mask = (unsigned)json_integer_value(json_object_get(item, "mask"));
		if (!mask || mask == PROBE_MASK_ALL || shape->part_count == PROBE_MAX_PARTS)
			continue;
		shape->masks[shape->part_count] = mask & PROBE_MASK_EVERY;
		shape->weights[shape->part_count++] =
			json_number_value(json_object_get(item, "weight"));
	}
	json_array_foreach(part_of, i, item)
	{
		json_int_t part = json_integer_value(item);
		if (part < 0 || (size_t)part >= shape->part_count ||
		    shape->stretch_count == PROBE_MAX_STRETCHES)
			return -1;
		shape->part_of[shape->stretch_count++] = (unsigned char)part;
	}
	return shape->part_count && shape->stretch_count ? 0 : -1;
}

static bool alike(const struct probe_timeline_shape *a, const struct probe_timeline_shape *b)
{
	if (a->part_count != b->part_count || a->stretch_count != b->stretch_count)
		return false;
	for (size_t i = 0; i < a->part_count; i++)
		if (a->masks[i] != b->masks[i])
			return false;
	return true;
}

static bool same_shape(const json_t *stamps, const struct probe_timeline_shape *shape)
{
	struct probe_timeline_shape other;
	return !take_shape(stamps, &other) && alike(&other, shape);
}

/* The shape of the first process, with the shares of all that saw the same. */
static int mean_shape(const struct pb_cell *cell, struct probe_timeline_shape *shape)
{
	double used = 0;
	if (!cell->timeline_count || take_shape(cell->stamps[0], shape))
		return -1;
	double sum[PROBE_MAX_PARTS] = {0};
	for (size_t i = 0; i < cell->timeline_count; i++) {
		struct probe_timeline_shape other;
		if (take_shape(cell->stamps[i], &other) || !alike(&other, shape))
			continue;
		for (size_t k = 0; k < shape->part_count; k++)
			sum[k] += other.weights[k];
		used++;
	}
	for (size_t k = 0; k < shape->part_count; k++)
		shape->weights[k] = sum[k] / used;
	return 0;
}

/* Adds one process's histogram of the part. */
static void add_histogram(const json_t *stamps, unsigned mask, struct probe_histogram *sum)
{
	size_t i, k;
	json_t *part, *pair;
	json_array_foreach(json_object_get(stamps, "parts"), i, part)
	{
		if ((unsigned)json_integer_value(json_object_get(part, "mask")) != mask)
			continue;
		json_array_foreach(json_object_get(part, "histogram"), k, pair)
		{
			json_int_t bucket = json_integer_value(json_array_get(pair, 0));
			json_int_t count = json_integer_value(json_array_get(pair, 1));
			if (bucket >= 0 && bucket < PROBE_HISTOGRAM_BUCKETS && count > 0)
				sum->counts[bucket] += (uint32_t)count;
		}
	}
}

/* Even steps in the middle, and 1-2-5 steps towards both ends, as far as the calls tell tails. */
static void add_curve(struct probe_dist *dist, const struct probe_histogram *h, double correction)
{
	static const double shares[] = {
		0.0001, 0.0002, 0.0005, 0.001,  0.002,  0.005,   0.01,    0.02,   0.05, 0.1,
		0.15,   0.2,    0.25,   0.3,    0.35,   0.4,     0.45,    0.5,    0.55, 0.6,
		0.65,   0.7,    0.75,   0.8,    0.85,   0.9,     0.95,    0.98,   0.99, 0.995,
		0.998,  0.999,  0.9995, 0.9998, 0.9999, 0.99995, 0.99998, 0.99999};
	_Static_assert(sizeof shares / sizeof shares[0] <= PROBE_MAX_CURVE, "they fit");
	/* Fewer than two calls beyond a share say nothing about it. */
	double least = 2 / (double)dist->calls;

	for (size_t i = 0; i < sizeof shares / sizeof shares[0]; i++) {
		if (shares[i] < least || 1 - shares[i] < least)
			continue;
		dist->curve[dist->curve_count++] = (struct probe_quantile){
			shares[i], probe_histogram_quantile(h, shares[i]) - correction};
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
	/* The phases' curves would make up most of a run file, and no figure shows them. */
	if (mask == PROBE_MASK_ALL)
		add_curve(&dist, h, correction);
	return dist;
}

/* One distribution a part, and the whole call's last. Each single call carries its stamps, so what
 * they cost on average in place is taken out of its quantiles. */
static int add_dists(const struct pb_cell *cell, const struct probe_timeline_shape *shape,
		     struct probe_engine *out)
{
	size_t n = shape->part_count;
	struct probe_histogram *sum = malloc(sizeof *sum);
	out->dists = calloc(n + 1, sizeof *out->dists);
	if (!sum || !out->dists) {
		free(sum);
		return -PROBE_ENOMEM;
	}
	for (size_t part = 0; part <= n; part++) {
		unsigned mask = part < n ? shape->masks[part] : PROBE_MASK_ALL;
		double weight = part < n ? shape->weights[part] : 1;
		*sum = (struct probe_histogram){0};
		for (size_t i = 0; i < cell->timeline_count; i++)
			if (same_shape(cell->stamps[i], shape))
				add_histogram(cell->stamps[i], mask, sum);
		struct probe_dist dist = make_dist(mask, sum, weight * out->subtracted_ticks);
		if (dist.calls)
			out->dists[out->dist_count++] = dist;
	}
	free(sum);
	return 0;
}

int pb_cell_take_timeline(const struct pb_cell *cell, const struct probe_ladder_options *options,
			  struct probe_cell *row, struct probe_error *err)
{
	struct probe_timeline_shape shape;
	struct probe_engine figures = {0};
	size_t same = 0;
	if (mean_shape(cell, &shape))
		return pb_fail(err, PROBE_EINVAL, 0, "the timeline saw no stamp");
	/* A process that saw other parts (a layer's hook failed there) can't be averaged in. */
	struct probe_process_samples *kept = calloc(cell->timeline_count, sizeof *kept);
	if (!kept)
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	for (size_t i = 0; i < cell->timeline_count; i++)
		if (same_shape(cell->stamps[i], &shape))
			kept[same++] = cell->timeline[i];
	int rc = probe_timeline_analyse(kept, same, &shape, options, &figures, err);
	free(kept);
	if (rc)
		return rc;
	if (add_dists(cell, &shape, &figures)) {
		free(figures.passes);
		free(figures.dists);
		return pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	}
	free(row->timeline.passes);
	free(row->timeline.dists);
	row->timeline = figures;
	return 0;
}
