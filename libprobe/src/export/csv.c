/* SPDX-License-Identifier: MIT
 * CSV: one row a cell, engine and part. Absent is an empty field; a cell that was not measured is
 * one row with its status and reason.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"

static const char header[] =
	"workload,path,interpreter,status,reason,engine,level,part,state,ticks_per_call,half_ticks,"
	"ns_per_call,half_ns,cycles_per_call,half_cycles,cycles_estimated,share_percent,"
	"below_floor,floor_ns,p50_ns,p90_ns,p99_ns,p999_ns,max_ns,contended,passes,rounds,"
	"rounds_contended,rounds_discarded,calls_per_round,prepared\n";
#define COLUMNS_OF_FIGURES 26 /* those after "reason" */

struct units {
	double ns, cycles; /* per tick; NaN = absent */
	bool estimated;
};

/* What a spreadsheet would take for a formula; a number below nothing is none. */
static bool is_formula(const char *text)
{
	char *end;

	if (!strchr("=+-@\t\r", *text))
		return false;
	strtod(text, &end);
	return *end || !strpbrk(text, "0123456789");
}

void pb_export_csv_field(struct pb_buf *out, const char *text)
{
	struct pb_buf line = {0};

	if (text && *text && is_formula(text))
		pb_buf_puts(&line, "'");
	pb_buf_line(&line, text ? text : "");
	text = line.len ? line.data : "";
	if (strpbrk(text, ",\"")) {
		pb_buf_puts(out, "\"");
		for (; *text; text++) {
			pb_buf_add(out, text, 1);
			if (*text == '"')
				pb_buf_puts(out, "\"");
		}
		pb_buf_puts(out, "\"");
	} else {
		pb_buf_puts(out, text);
	}
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

static void real(struct pb_buf *out, double number)
{
	pb_buf_puts(out, ",");
	pb_export_real(out, number, "");
}

static void whole(struct pb_buf *out, unsigned long long number)
{
	pb_buf_printf(out, ",%llu", number);
}

static void word(struct pb_buf *out, const char *text)
{
	pb_buf_printf(out, ",%s", text);
}

static void cell_start(struct pb_buf *out, const struct probe_cell *cell)
{
	pb_export_csv_field(out, cell->workload);
	pb_buf_puts(out, ",");
	pb_export_csv_field(out, cell->path);
	pb_buf_puts(out, ",");
	pb_export_csv_field(out, cell->interpreter);
	word(out, probe_cell_status_name(cell->status));
	pb_buf_puts(out, ",");
	pb_export_csv_field(out, cell->reason);
}

static const char *state_name(enum probe_state state)
{
	return state == PROBE_EXACT ? "exact" : state == PROBE_SCALED ? "scaled" : "estimate";
}

static const struct probe_dist *dist_of(const struct probe_engine *e, unsigned mask)
{
	for (size_t i = 0; i < e->dist_count; i++)
		if (e->dists[i].mask == mask)
			return &e->dists[i];
	return NULL;
}

/* mask: of the part's distribution; 0 = it has none. */
static void figure(struct pb_buf *out, const struct probe_cell *cell, const struct probe_engine *e,
		   const struct units *units, const char *level, const char *part,
		   const struct probe_value *v, unsigned mask)
{
	const struct probe_dist none = {
		.p50 = NAN, .p90 = NAN, .p99 = NAN, .p999 = NAN, .max = NAN};
	const struct probe_dist *dist = mask ? dist_of(e, mask) : NULL;

	if (v->state == PROBE_ABSENT)
		return;
	dist = dist ? dist : &none;
	cell_start(out, cell);
	word(out, e == &cell->ladder ? "ladder" : "timeline");
	word(out, level);
	word(out, part);
	word(out, state_name(v->state));
	real(out, v->ticks);
	real(out, v->half);
	real(out, v->ticks * units->ns);
	real(out, v->half * units->ns);
	real(out, v->ticks * units->cycles);
	real(out, v->half * units->cycles);
	word(out, isnan(units->cycles) ? "" : units->estimated ? "1" : "0");
	real(out, e->total.state == PROBE_ABSENT ? NAN : 100 * v->ticks / e->total.ticks);
	word(out, v->below_floor ? "1" : "0");
	real(out, e->floor_ticks > 0 ? e->floor_ticks * units->ns : NAN);
	real(out, dist->p50 * units->ns);
	real(out, dist->p90 * units->ns);
	real(out, dist->p99 * units->ns);
	real(out, dist->p999 * units->ns);
	real(out, dist->max * units->ns);
	word(out, e->contended ? "1" : "0");
	whole(out, e->pass_count);
	whole(out, e->rounds);
	whole(out, e->rounds_contended);
	whole(out, e->rounds_discarded);
	whole(out, e->calls_per_round);
	pb_buf_puts(out, ",");
	pb_export_csv_field(out, cell->prepared);
	pb_buf_puts(out, "\n");
}

static void engine(struct pb_buf *out, const struct probe_cell *cell, const struct probe_engine *e,
		   const struct units *units)
{
	char id[96];

	if (!e->present)
		return;
	figure(out, cell, e, units, "call", "total", &e->total, PROBE_MASK_ALL);
	figure(out, cell, e, units, "call", "bare", &e->bare, 0);
	figure(out, cell, e, units, "call", "closure", &e->closure, 0);
	figure(out, cell, e, units, "call", "empty_call", &e->empty_call, 0);
	figure(out, cell, e, units, "call", "overlap", &e->overlap, 0);
	figure(out, cell, e, units, "target", "alone", &e->alone, 0);
	figure(out, cell, e, units, "target", "alone_free", &e->alone_free, 0);
	for (size_t i = 0; i < e->folded_count; i++)
		figure(out, cell, e, units, "phase",
		       probe_part_id(e->folded[i].mask, id, sizeof id), &e->folded[i].value, 0);
	for (size_t i = 0; i < e->part_count; i++)
		figure(out, cell, e, units, "part",
		       probe_part_id_among(e->parts, e->part_count, i, id, sizeof id),
		       &e->parts[i].value, e->parts[i].mask);
}

int pb_export_csv(const struct probe_run *run, const struct probe_sink *sink,
		  struct probe_error *err)
{
	struct pb_buf out = {0};
	struct probe_scale scale;
	struct units units = {NAN, NAN, false};

	if (!probe_scale_get(run, PROBE_UNIT_NS, &scale))
		units.ns = scale.per_tick;
	if (!probe_scale_get(run, PROBE_UNIT_CYCLES, &scale)) {
		units.cycles = scale.per_tick;
		units.estimated = scale.estimated;
	}
	pb_buf_puts(&out, header);
	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];

		if (cell->ladder.present || cell->timeline.present) {
			engine(&out, cell, &cell->ladder, &units);
			engine(&out, cell, &cell->timeline, &units);
			continue;
		}
		cell_start(&out, cell);
		for (int c = 0; c < COLUMNS_OF_FIGURES; c++)
			pb_buf_puts(&out, ",");
		pb_buf_puts(&out, "\n");
	}
	return pb_export_finish(&out, sink, err);
}
