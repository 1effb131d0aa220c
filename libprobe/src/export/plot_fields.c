/* SPDX-License-Identifier: MIT
 * What the data files of the gnuplot scripts share: their fields, and the head of a run.
 */
#include <math.h>
#include <string.h>

#include "export/export.h"
#include "probe/figures.h"

/* gnuplot knows no way to write a quote or a line end inside a quoted field, and takes "\033" there
 * for the control character. */
void pb_plot_text(struct pb_buf *out, const char *text)
{
	struct pb_buf line = {0};

	pb_buf_line(&line, text ? text : "");
	pb_buf_puts(out, "\"");
	for (size_t i = 0; i < line.len; i++)
		if (line.data[i] == '\\')
			pb_buf_puts(out, "\\\\");
		else
			pb_buf_add(out, line.data[i] == '"' ? "'" : line.data + i, 1);
	/* An empty field would shift the columns. */
	pb_buf_puts(out, line.len ? "\" " : " \" ");
	out->oom = out->oom || line.oom;
	pb_buf_fini(&line);
}

void pb_plot_number(struct pb_buf *out, double value)
{
	pb_export_real(out, value, "NaN");
	pb_buf_puts(out, " ");
}

void pb_plot_run(struct pb_buf *out, const struct probe_run *run, bool has_ns, double per_tick)
{
	struct pb_buf counter = {0};
	struct probe_scale cycles;
	const char *cpu = probe_run_fact(run, "cpu_model");
	bool has_cycles = !probe_scale_get(run, PROBE_UNIT_CYCLES, &cycles);

	pb_buf_puts(&counter, run->counter.unit[0] ? run->counter.unit : run->counter.kind);
	if (run->counter.hz > 0)
		pb_buf_printf(&counter, " at %.4g MHz", run->counter.hz / 1e6);
	pb_plot_text(out, cpu ? cpu : "unknown CPU");
	pb_plot_text(out, counter.data);
	pb_buf_printf(out, "%u ", run->passes);
	pb_plot_text(out, has_ns ? "ns" : "ticks");
	pb_plot_number(out, has_cycles ? cycles.per_tick / per_tick : NAN);
	pb_buf_printf(out, "%d ", has_cycles && cycles.estimated);
	out->oom = out->oom || counter.oom;
	pb_buf_fini(&counter);
}

const char *pb_plot_note(const struct probe_run *run)
{
	if (probe_run_fact(run, "sample"))
		return "sample data";
	return run->interrupted ? "interrupted run" : "";
}

const struct probe_engine *pb_plot_engine(const struct probe_cell *cell)
{
	const struct probe_engine *e =
		cell && cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;

	return e && e->total.state != PROBE_ABSENT ? e : NULL;
}

void pb_plot_remark(struct pb_buf *out, const struct probe_cell *cell, const struct probe_engine *e)
{
	struct pb_buf text = {0};

	if (e) {
		pb_buf_puts(&text, cell->prepared ? "prepared arguments" : "");
		if (e->contended)
			pb_buf_puts(&text, text.len ? ", contended" : "contended");
		if (probe_cell_unsteady(cell))
			pb_buf_puts(&text, text.len ? ", not steady" : "not steady");
		if (e == &cell->timeline)
			pb_buf_puts(&text, text.len ? ", timeline" : "timeline");
	} else if (cell->status == PROBE_CELL_PENDING || cell->status == PROBE_CELL_OK) {
		pb_buf_puts(&text, "not measured");
	} else {
		pb_buf_printf(&text, "%s: %s", probe_cell_status_name(cell->status),
			      cell->reason ? cell->reason : "no reason given");
	}
	pb_plot_text(out, text.len ? text.data : "");
	out->oom = out->oom || text.oom;
	pb_buf_fini(&text);
}

void pb_plot_build(struct pb_buf *out, const struct probe_run *run, const char *interpreter)
{
	const struct probe_interpreter *py = probe_run_find_interpreter(run, interpreter);
	char build[128] = "";

	if (py)
		probe_interpreter_text(py, build, sizeof build);
	pb_plot_text(out, build);
}

const struct probe_dist *pb_plot_whole(const struct probe_cell *cell)
{
	const struct probe_engine *e = &cell->timeline;

	for (size_t i = 0; cell->status == PROBE_CELL_OK && e->present && i < e->dist_count; i++)
		if (e->dists[i].mask == PROBE_MASK_ALL && e->dists[i].calls)
			return &e->dists[i];
	return NULL;
}

unsigned pb_plot_path_number(const struct probe_run *run, const char *path)
{
	unsigned n = 0;

	for (size_t i = 0; i < run->cell_count; i++) {
		bool known = false;

		for (size_t j = 0; j < i && !known; j++)
			known = !strcmp(run->cells[j].path, run->cells[i].path);
		n += !known;
		if (!strcmp(run->cells[i].path, path))
			break;
	}
	return n ? (n - 1) % PB_PLOT_CURVES + 1 : 1;
}
