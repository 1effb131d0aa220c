/* SPDX-License-Identifier: MIT
 * The table of figures: a new one is a script, a data file and a row here.
 */
#include <string.h>

#include "plot.h"
#include "probe/verdict.h"

static bool has_timeline(const struct probe_cell *cell)
{
	const struct probe_engine *e = &cell->timeline;

	for (size_t i = 0; cell->status == PROBE_CELL_OK && e->present && i < e->dist_count; i++)
		if (e->dists[i].mask == PROBE_MASK_ALL && e->dists[i].calls)
			return true;
	return false;
}

static int check_timeline(const struct probe_run *run, struct probe_error *err)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if (has_timeline(&run->cells[i]))
			return 0;
	return plot_fail(err, PROBE_EINVAL,
			 "no timeline is there to draw: measure one with `probe run --engine "
			 "ladder,timeline`, and choose no path without");
}

static int check_verdict(const struct probe_run *run, struct probe_error *err)
{
	struct probe_verdict *verdicts;
	size_t n;
	int rc = probe_verdict_list(run, &verdicts, &n, err);

	if (rc)
		return rc;
	probe_verdicts_free(verdicts, n);
	return n ? 0
		 : plot_fail(err, PROBE_EINVAL,
			     "no measured binding is there to break even: measure one with `probe "
			     "run fib -o run.json`");
}

static int check_sweep(const struct probe_run *run, struct probe_error *err)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if (probe_run_find_sweep(run, run->cells[i].workload))
			return 0;
	return plot_fail(err, PROBE_EINVAL,
			 "the run holds no sweep, which a heatmap shows: measure one with `probe "
			 "run args -o run.json`");
}

static int check_threaded(const struct probe_run *run, struct probe_error *err)
{
	for (size_t i = 0; i < run->threaded_count; i++) {
		const struct probe_threaded *row = &run->threaded[i];

		if (row->status == PROBE_CELL_OK &&
		    probe_run_find_cell(run, row->workload, row->path, row->interpreter))
			return 0;
	}
	return plot_fail(
		err, PROBE_EINVAL,
		"nothing was measured under threads, which a scaling plot shows: measure it "
		"with `probe run add --threads 1,2,4 -o run.json`");
}

const struct plot_kind plot_kinds[] = {
	{"breakdown",
	 {"breakdown.gp", "bars.gp"},
	 "plotdata",
	 "a call's cost by phase, one bar a path",
	 NULL},
	{"builds",
	 {"builds.gp", "bars.gp"},
	 "builddata",
	 "each path over all interpreter builds, by phase",
	 NULL},
	{"waterfall",
	 {"waterfall.gp"},
	 "waterdata",
	 "the eight sub-phases of one call in time (timeline)",
	 check_timeline},
	{"distribution",
	 {"distribution.gp"},
	 "distdata",
	 "how long single calls took, with the tail (timeline)",
	 check_timeline},
	{"break-even",
	 {"break-even.gp"},
	 "evendata",
	 "cost of a call against what it computes",
	 check_verdict},
	{"heatmap",
	 {"heatmap.gp"},
	 "heatdata",
	 "a sweep: cost by type and number of arguments, and of one more",
	 check_sweep},
	{"scaling",
	 {"scaling.gp"},
	 "scaledata",
	 "calls per second against threads, builds as lines",
	 check_threaded},
	{"delta", {"delta.gp"}, NULL, "what changed between two runs, by phase", NULL},
	{NULL, {NULL}, NULL, NULL, NULL},
};

const struct plot_kind *plot_kind_find(const char *name)
{
	for (const struct plot_kind *k = plot_kinds; k->name; k++)
		if (!strcmp(k->name, name))
			return k;
	return NULL;
}

const struct plot_kind *plot_kind_for(const struct probe_run *run)
{
	for (size_t i = 0; i < run->cell_count; i++)
		if (!probe_run_find_sweep(run, run->cells[i].workload))
			return &plot_kinds[0];
	return plot_kind_find(run->cell_count ? "heatmap" : plot_kinds[0].name);
}
