/* SPDX-License-Identifier: MIT
 * The tables that only some runs have: what one more argument costs, and the tails of single calls.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "export/export.h"
#include "export/report.h"
#include "probe/slopes.h"

enum { SLOPE_TYPE, SLOPE_TOTAL, SLOPE_MARSHALLING, SLOPE_REMARK, SLOPE_COLUMNS };
enum { TAIL_PATH, TAIL_CALLS, TAIL_P50, TAIL_P90, TAIL_P99, TAIL_P999, TAIL_MAX, TAIL_COLUMNS };

static void put_slope(const struct pb_report *r, struct pb_report_table *table, const char *type,
		      const struct probe_slope *slope)
{
	const double per_tick = r->scale.per_tick;
	bool missing = slope->state != PROBE_SLOPE_OK;
	struct pb_report_row *row = pb_report_row(table, missing ? PB_ROW_MISSING : PB_ROW_FIGURES);
	struct pb_report_field *remark;

	if (!row)
		return;
	snprintf(row->fields[SLOPE_TYPE].text, sizeof row->fields[0].text, "%s", type);
	if (slope->state == PROBE_SLOPE_INAPPLICABLE) {
		pb_report_message(table, row, "the path can't express such a function", NULL);
		return;
	}
	if (missing) {
		pb_report_message(table, row,
				  slope->status == PROBE_CELL_OK ||
						  slope->status == PROBE_CELL_PENDING
					  ? "too few of the sweep were measured"
					  : probe_cell_status_name(slope->status),
				  slope->reason);
		return;
	}
	probe_figure_text(&slope->total, per_tick, slope->floor_ticks, PROBE_FIGURE_BOTH,
			  row->fields[SLOPE_TOTAL].text, sizeof row->fields[0].text);
	probe_figure_text(&slope->marshalling, per_tick, slope->floor_ticks, PROBE_FIGURE_BOTH,
			  row->fields[SLOPE_MARSHALLING].text, sizeof row->fields[0].text);
	remark = &row->fields[SLOPE_REMARK];
	if (slope->bent)
		snprintf(remark->text, sizeof remark->text, "no line: %+.1f %s with %u",
			 slope->bent_ticks * per_tick, r->scale.name, slope->bent_count);
	else if (slope->contended)
		snprintf(remark->text, sizeof remark->text, "contended");
	if (slope->prepared)
		snprintf(remark->text + strlen(remark->text),
			 sizeof remark->text - strlen(remark->text), "%s",
			 remark->text[0] ? ", prepared" : "prepared arguments");
}

static void slopes_table(struct pb_report *r, const struct probe_slopes *from)
{
	char each[64], of_it[64];
	struct pb_report_table table = {.heads = {"Type", each, of_it, "Remark"},
					.columns = SLOPE_COLUMNS,
					.left = 1u << SLOPE_REMARK};

	snprintf(each, sizeof each, "One more, %s", r->scale.name);
	snprintf(of_it, sizeof of_it, "Of it marshalling, %s", r->scale.name);
	for (size_t p = 0; p < from->path_count; p++) {
		pb_report_message(&table, pb_report_row(&table, PB_ROW_GROUP), from->paths[p],
				  NULL);
		for (size_t t = 0; t < from->type_count; t++)
			put_slope(r, &table, from->types[t], probe_slope_at(from, p, t));
	}
	r->form->heading(r->out, r->level + 1, from->interpreter);
	r->form->table(r->out, &table);
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
}

void pb_report_slopes(struct pb_report *r)
{
	struct probe_slopes *list = NULL;
	size_t n = 0;
	bool begun = false;

	if (probe_slopes_list(r->run, &list, &n, NULL))
		r->out->oom = true;
	for (size_t i = 0; i < n; i++) {
		/* One workload of a sweep alone makes no slope. */
		if (list[i].count_count < 2)
			continue;
		if (!begun)
			r->form->heading(r->out, r->level, "What one more argument costs");
		begun = true;
		slopes_table(r, &list[i]);
	}
	if (begun)
		pb_report_block(r, PB_NOTE,
				"A straight line fitted to the totals of calls with one argument "
				"and more. A remark says where further arguments do not all cost "
				"the same, and by how much the farthest lies off the line.");
	probe_slopes_free(list, n);
}

/* --- single calls --------------------------------------------------------------------------------
 */

static const struct probe_dist *whole_call(const struct probe_cell *cell)
{
	const struct probe_engine *e = &cell->timeline;

	for (size_t i = 0; cell->status == PROBE_CELL_OK && e->present && i < e->dist_count; i++)
		if (e->dists[i].mask == PROBE_MASK_ALL)
			return &e->dists[i];
	return NULL;
}

static void put_quantile(double ticks, double per_tick, struct pb_report_field *field)
{
	double value = ticks * per_tick;

	/* Three digits: a bucket of the histogram is 1.6 % wide. */
	if (isfinite(value))
		snprintf(field->text, sizeof field->text, "%.*f",
			 fabs(value) >= 100  ? 0
			 : fabs(value) >= 10 ? 1
					     : 2,
			 value);
}

static void put_tail(struct pb_report_table *table, const struct probe_cell *cell, double per_tick)
{
	const struct probe_dist *dist = whole_call(cell);
	struct pb_report_row *row = pb_report_row(table, PB_ROW_FIGURES);

	if (!row)
		return;
	snprintf(row->fields[TAIL_PATH].text, sizeof row->fields[0].text, "%s", cell->path);
	snprintf(row->fields[TAIL_CALLS].text, sizeof row->fields[0].text, "%llu",
		 (unsigned long long)dist->calls);
	put_quantile(dist->p50, per_tick, &row->fields[TAIL_P50]);
	put_quantile(dist->p90, per_tick, &row->fields[TAIL_P90]);
	put_quantile(dist->p99, per_tick, &row->fields[TAIL_P99]);
	put_quantile(dist->p999, per_tick, &row->fields[TAIL_P999]);
	put_quantile(dist->max, per_tick, &row->fields[TAIL_MAX]);
}

static void tails_table(struct pb_report *r, const char *label)
{
	char median[48];
	struct pb_report_table table = {
		.heads = {"Path", "Calls", median, "p90", "p99", "p99.9", "Longest"},
		.columns = TAIL_COLUMNS};
	const char *workload = NULL;

	snprintf(median, sizeof median, "Median, %s", r->scale.name);
	for (size_t i = 0; i < r->run->cell_count; i++) {
		const struct probe_cell *cell = &r->run->cells[i];

		if (strcmp(cell->interpreter, label) || !whole_call(cell))
			continue;
		if (!workload || strcmp(workload, cell->workload))
			pb_report_message(&table, pb_report_row(&table, PB_ROW_GROUP),
					  cell->workload, NULL);
		workload = cell->workload;
		put_tail(&table, cell, r->scale.per_tick);
	}
	if (table.count) {
		r->form->heading(r->out, r->level + 1, label);
		r->form->table(r->out, &table);
	}
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
}

void pb_report_tails(struct pb_report *r)
{
	bool any = false;

	for (size_t i = 0; i < r->run->cell_count; i++)
		any = any || whole_call(&r->run->cells[i]);
	if (!any)
		return;
	r->form->heading(r->out, r->level, "Single calls");
	pb_report_block(r, PB_PARAGRAPH,
			"Each call on its own, as the timeline stamped it; what the stamps cost on "
			"average is taken out. Calls that something interrupted, or that were made "
			"while a neighbour shared the core, are in here too: this is about the "
			"tails, and the tables above are about the cost.");
	for (size_t i = 0; i < r->run->cell_count; i++)
		if (pb_export_first_label(r->run, i))
			tails_table(r, r->run->cells[i].interpreter);
}
