/* SPDX-License-Identifier: MIT
 * The report as a whole: formats, the order of its sections, and what these share.
 */
#include "export/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/atomic_file.h"
#include "base/fail.h"
#include "export/export.h"

static const struct pb_report_form *const forms[] = {
	[PROBE_REPORT_HTML] = &pb_report_html,
	[PROBE_REPORT_MARKDOWN] = &pb_report_markdown,
	[PROBE_REPORT_TEX] = &pb_report_tex,
};
enum { FORMS = sizeof forms / sizeof forms[0] };

int probe_report_format_of(const char *path, enum probe_report_format *out, struct probe_error *err)
{
	const char *dot = strrchr(path, '.');

	for (size_t i = 0; dot && i < FORMS; i++) {
		for (const char *const *s = forms[i]->suffixes; *s; s++) {
			if (!strcasecmp(dot, *s)) {
				*out = (enum probe_report_format)i;
				return 0;
			}
		}
	}
	return pb_fail(err, PROBE_EINVAL, 0, "%s: a report's name must end in .html, .md or .tex",
		       path);
}

const char *probe_report_figure_suffix(enum probe_report_format format)
{
	return (size_t)format < FORMS ? forms[format]->figure_suffix : "";
}

const struct pb_report_form *pb_report_form_of(enum probe_report_format format)
{
	return (size_t)format < FORMS ? forms[format] : NULL;
}

/* --- tables --------------------------------------------------------------------------------------
 */

struct pb_report_row *pb_report_row(struct pb_report_table *table, enum pb_report_row_kind kind)
{
	if (table->count == table->capacity) {
		size_t more = table->capacity ? 2 * table->capacity : 16;
		struct pb_report_row *rows = realloc(table->rows, more * sizeof *rows);

		if (!rows) {
			table->oom = true;
			return NULL;
		}
		table->rows = rows;
		table->capacity = more;
	}
	table->rows[table->count] = (struct pb_report_row){.kind = kind};
	return &table->rows[table->count++];
}

void pb_report_message(struct pb_report_table *table, struct pb_report_row *row, const char *text,
		       const char *more)
{
	if (row && asprintf(&row->message, "%s%s%s", text, more ? ": " : "", more ? more : "") < 0)
		row->message = NULL;
	table->oom = table->oom || !row || !row->message;
}

void pb_report_table_fini(struct pb_report_table *table)
{
	for (size_t i = 0; i < table->count; i++)
		free(table->rows[i].message);
	free(table->rows);
	*table = (struct pb_report_table){0};
}

/* --- text ----------------------------------------------------------------------------------------
 */

void pb_report_say(struct pb_report *r, const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		text = NULL;
	va_end(args);
	if (text)
		r->form->text(r->out, text);
	else
		r->out->oom = true;
	free(text);
}

void pb_report_block(struct pb_report *r, enum pb_report_block block, const char *text)
{
	r->form->open(r->out, block);
	r->form->text(r->out, text);
	r->form->close(r->out, block);
}

const struct probe_engine *pb_report_engine(const struct probe_cell *cell)
{
	const struct probe_engine *e =
		cell->status == PROBE_CELL_OK ? probe_cell_engine(cell) : NULL;

	return e && e->total.state != PROBE_ABSENT ? e : NULL;
}

/* --- the document --------------------------------------------------------------------------------
 */

static bool first_of_sweep(const struct probe_run *run, const char *family, size_t cell)
{
	for (size_t i = 0; i < cell; i++) {
		const struct probe_sweep *sweep = probe_run_find_sweep(run, run->cells[i].workload);

		if (sweep && !strcmp(sweep->family, family))
			return false;
	}
	return true;
}

static void add_workloads(struct pb_buf *title, const struct probe_run *run)
{
	size_t n = 0, most = 4;

	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_sweep *sweep = probe_run_find_sweep(run, run->cells[i].workload);

		/* All workloads of a sweep go by its one name, with the first of them. */
		if (!pb_export_first_workload(run, i) ||
		    (sweep && !first_of_sweep(run, sweep->family, i)))
			continue;
		if (n++ < most)
			pb_buf_printf(title, "%s%s", n > 1 ? ", " : ": ",
				      sweep ? sweep->family : run->cells[i].workload);
	}
	if (n > most)
		pb_buf_printf(title, " and %zu more", n - most);
}

static void begin(const struct probe_report *report, const struct pb_report_form *form,
		  struct pb_buf *out)
{
	struct pb_buf title = {0};

	if (report->title) {
		form->begin(out, report->title);
		return;
	}
	pb_buf_puts(&title, "What a call from Python into native code costs");
	if (report->part_count == 1)
		add_workloads(&title, report->parts[0].run);
	form->begin(out, title.len ? title.data : "");
	out->oom = out->oom || title.oom;
	pb_buf_fini(&title);
}

/* Where, when and with what, in a line: what a figure must not be read without. */
static void lead(struct pb_report *r)
{
	const struct probe_run *run = r->run;
	const char *cpu = probe_run_fact(run, "cpu_model");

	r->form->open(r->out, PB_PARAGRAPH);
	pb_report_say(r, "Measured on %s, counting %s, by probe %s", cpu ? cpu : "an unknown CPU",
		      run->counter.unit[0] ? run->counter.unit : "an unknown counter",
		      run->probe_version);
	if (run->started[0])
		pb_report_say(r, " at %s", run->started);
	if (r->part->source) {
		r->form->text(r->out, "; from ");
		r->form->code(r->out, r->part->source);
	}
	r->form->text(r->out, ".");
	r->form->close(r->out, PB_PARAGRAPH);
	if (probe_run_fact(run, "sample"))
		pb_report_block(r, PB_PARAGRAPH,
				"This is made-up sample data: nothing was measured.");
	if (run->interrupted)
		pb_report_block(r, PB_PARAGRAPH,
				"The run was interrupted: this is what was measured until then.");
}

static void part(struct pb_report *r)
{
	lead(r);
	pb_report_summary(r);
	pb_report_figures(r);
	pb_report_slopes(r);
	pb_report_breakdown(r);
	pb_report_tails(r);
	pb_report_methods(r);
	pb_report_interpreters(r);
	pb_report_builds(r);
	pb_report_remarks(r);
	pb_report_commands(r);
}

void pb_report_figures(struct pb_report *r)
{
	if (!r->part->figure_count)
		return;
	r->form->heading(r->out, r->level, r->part->figure_count > 1 ? "Figures" : "Figure");
	for (size_t i = 0; i < r->part->figure_count; i++)
		r->form->figure(r->out, &r->part->figures[i], ++r->figures);
}

static int check(const struct probe_report *report, struct probe_error *err)
{
	struct probe_scale scale;

	if (!report->part_count)
		return pb_fail(err, PROBE_EINVAL, 0, "a report needs at least one run");
	for (size_t i = 0; i < report->part_count; i++) {
		const struct probe_report_part *p = &report->parts[i];
		const char *name = p->source ? p->source : "the run";

		if (!p->run->cell_count)
			return pb_fail(err, PROBE_EINVAL, 0,
				       "%s holds no cell: there is nothing to report", name);
		if (probe_scale_get(p->run, report->unit, &scale))
			return pb_fail(err, PROBE_ENOENT, 0,
				       "%s can't be reported in %s: it does not say how many make "
				       "a tick; use another --unit",
				       name,
				       report->unit == PROBE_UNIT_CYCLES ? "core cycles"
									 : "nanoseconds");
	}
	return 0;
}

int probe_report_write(const struct probe_report *report, enum probe_report_format format,
		       const char *path, struct probe_error *err)
{
	struct pb_buf out = {0};
	int rc = (size_t)format < FORMS
			 ? check(report, err)
			 : pb_fail(err, PROBE_EINVAL, 0, "there is no such report format");
	struct pb_report r = {.whole = report, .out = &out, .level = 2};

	if (rc)
		return rc;
	r.form = forms[format];
	begin(report, r.form, &out);
	for (size_t i = 0; i < report->part_count; i++) {
		r.part = &report->parts[i];
		r.run = r.part->run;
		probe_scale_get(r.run, report->unit, &r.scale);
		if (report->part_count > 1) {
			r.level = 3;
			r.form->heading(&out, 2, r.part->source ? r.part->source : "A run");
		}
		part(&r);
	}
	r.form->end(&out);
	rc = out.oom ? pb_fail(err, PROBE_ENOMEM, 0, "can't write %s: out of memory", path)
		     : pb_atomic_write(path, out.data, out.len, err);
	pb_buf_fini(&out);
	return rc;
}
