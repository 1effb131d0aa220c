/* SPDX-License-Identifier: MIT
 * The summary of a report: the verdicts and the published ratios, in words.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/report.h"

static void item(struct pb_report *r, char *words)
{
	const char *colon = words ? strstr(words, ": ") : NULL;

	r->form->open(r->out, PB_ITEM);
	if (colon) {
		/* What it is about stands out: "add on cpython-3.13.0". */
		char *about = strndup(words, (size_t)(colon - words));

		r->out->oom = r->out->oom || !about;
		r->form->strong(r->out, about ? about : "");
		r->form->text(r->out, colon);
		free(about);
	} else {
		r->form->text(r->out, words ? words : "");
	}
	r->form->close(r->out, PB_ITEM);
	r->out->oom = r->out->oom || !words;
	free(words);
}

enum { BUILD, CHEAPEST, TOTAL, CTYPES, PYTHON, COLUMNS };

static void put_ratio(const struct probe_versus *to, struct pb_report_field *field)
{
	const struct probe_ratio *ratio = &to->ratio;
	const struct probe_value value = {PROBE_EXACT, ratio->value, ratio->half, false};

	if (to->other && isfinite(ratio->value))
		probe_figure_text(&value, 1, 0, PROBE_FIGURE_BOTH, field->text, sizeof field->text);
}

/* The row of a verdict among those of the same workload on other interpreters. */
static void put_verdict(const struct pb_report *r, struct pb_report_table *table,
			const struct probe_verdict *v)
{
	struct pb_report_row *row = pb_report_row(table, PB_ROW_FIGURES);
	struct pb_report_field *cheapest;
	const struct probe_verdict_row *first = &v->rows[0];

	if (!row)
		return;
	cheapest = &row->fields[CHEAPEST];
	snprintf(row->fields[BUILD].text, sizeof row->fields[BUILD].text, "%s", v->interpreter);
	snprintf(cheapest->text, sizeof cheapest->text, "%.36s", first->cell->path);
	if (v->tied == 2)
		snprintf(cheapest->aside, sizeof cheapest->aside, "or %.18s",
			 v->rows[1].cell->path);
	else if (v->tied > 2)
		snprintf(cheapest->aside, sizeof cheapest->aside, "or %u others",
			 (unsigned)(v->tied - 1) % 1000);
	probe_figure_text(&first->total, r->scale.per_tick, first->floor_ticks, PROBE_FIGURE_BOTH,
			  row->fields[TOTAL].text, sizeof row->fields[TOTAL].text);
	if (!strcmp(first->cell->path, "ctypes"))
		snprintf(row->fields[CTYPES].text, sizeof row->fields[CTYPES].text, "1");
	put_ratio(v->next.other && !strcmp(v->next.other->path, "ctypes") ? &v->next : &v->ctypes,
		  &row->fields[CTYPES]);
	put_ratio(&v->python, &row->fields[PYTHON]);
}

/* All verdicts at a glance, a workload after the other. */
static void overview(struct pb_report *r, const struct probe_verdict *list, size_t n)
{
	char total[48];
	struct pb_report_table table = {.heads = {"Interpreter", "Cheapest binding", total,
						  "ctypes, times as long",
						  "Pure Python, times as long"},
					.columns = COLUMNS,
					.left = 1u << CHEAPEST};

	snprintf(total, sizeof total, "Total, %s", r->scale.name);
	for (size_t i = 0; i < n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(list[k].workload, list[i].workload);
		if (seen)
			continue;
		pb_report_message(&table, pb_report_row(&table, PB_ROW_GROUP), list[i].workload,
				  NULL);
		for (size_t k = i; k < n; k++)
			if (!strcmp(list[k].workload, list[i].workload))
				put_verdict(r, &table, &list[k]);
	}
	if (table.count > 2)
		r->form->table(r->out, &table);
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
}

static size_t verdicts(struct pb_report *r)
{
	struct probe_verdict *list = NULL;
	size_t n = 0;

	if (probe_verdict_list(r->run, &list, &n, NULL))
		r->out->oom = true;
	overview(r, list, n);
	if (n)
		r->form->open(r->out, PB_LIST);
	for (size_t i = 0; i < n; i++)
		item(r, probe_verdict_words(&list[i], &r->scale));
	if (n)
		r->form->close(r->out, PB_LIST);
	probe_verdicts_free(list, n);
	return n;
}

static void claims(struct pb_report *r)
{
	struct probe_claim_check *list = NULL;
	size_t n = 0;

	if (probe_claim_check_list(r->run, &list, &n, NULL))
		r->out->oom = true;
	if (n) {
		pb_report_block(r, PB_PARAGRAPH,
				"Published ratios, beside what was measured here:");
		r->form->open(r->out, PB_LIST);
	}
	for (size_t i = 0; i < n; i++)
		item(r, probe_claim_words(&list[i], &r->scale));
	if (n)
		r->form->close(r->out, PB_LIST);
	free(list);
}

void pb_report_summary(struct pb_report *r)
{
	size_t measured = 0, missing = 0;

	for (size_t i = 0; i < r->run->cell_count; i++) {
		if (pb_report_engine(&r->run->cells[i]))
			measured++;
		else if (r->run->cells[i].status != PROBE_CELL_INAPPLICABLE)
			missing++;
	}
	r->form->heading(r->out, r->level, "Summary");
	if (!measured)
		pb_report_block(r, PB_PARAGRAPH,
				"Nothing was measured; the tables say why of each row.");
	else if (!verdicts(r) && !r->run->sweep_count)
		pb_report_block(r, PB_PARAGRAPH,
				"No binding was measured, so there is nothing to choose between.");
	if (measured && r->run->sweep_count)
		pb_report_block(r, PB_PARAGRAPH,
				"A sweep of arguments is answered by what one more of them costs, "
				"below.");
	claims(r);
	if (measured && missing) {
		r->form->open(r->out, PB_PARAGRAPH);
		pb_report_say(r, "%zu of %zu rows could not be measured; the tables say why.",
			      missing, measured + missing);
		r->form->close(r->out, PB_PARAGRAPH);
	}
}
