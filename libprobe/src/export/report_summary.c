/* SPDX-License-Identifier: MIT
 * The summary of a report: the verdicts and the published ratios, in words.
 */
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

enum { BUILD, CHEAPEST, TOTAL, NEXT, CTYPES, PYTHON, COLUMNS };

/* The row of a verdict among those of the same workload on other interpreters. */
static void put_verdict(const struct pb_report *r, struct pb_report_table *table,
			const struct probe_verdict *v)
{
	struct pb_report_row *row = pb_report_row(table, PB_ROW_FIGURES);
	struct probe_summary_line line;

	if (!row)
		return;
	probe_summary_line(v, &r->scale, &line);
	snprintf(row->fields[BUILD].text, sizeof row->fields[BUILD].text, "%s", v->interpreter);
	snprintf(row->fields[CHEAPEST].text, sizeof row->fields[CHEAPEST].text, "%s",
		 line.cheapest);
	snprintf(row->fields[CHEAPEST].aside, sizeof row->fields[CHEAPEST].aside, "%.22s",
		 line.tied);
	snprintf(row->fields[TOTAL].text, sizeof row->fields[TOTAL].text, "%s", line.total);
	snprintf(row->fields[NEXT].text, sizeof row->fields[NEXT].text, "%s", line.next);
	snprintf(row->fields[CTYPES].text, sizeof row->fields[CTYPES].text, "%s", line.ctypes);
	snprintf(row->fields[PYTHON].text, sizeof row->fields[PYTHON].text, "%s", line.python);
}

/* All verdicts at a glance, a workload after the other. */
static void overview(struct pb_report *r, const struct probe_verdict *list, size_t n)
{
	char total[48];
	struct pb_report_table table = {.heads = {"Interpreter", "Cheapest binding", total,
						  "Next, times as long", "ctypes", "Pure Python"},
					.columns = COLUMNS,
					.left = 1u << CHEAPEST | 1u << NEXT};

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
	if (table.count > 2) {
		r->form->table(r->out, &table);
		pb_report_block(r, PB_NOTE,
				"Next is the first binding that can be told from all of the "
				"cheapest; the ratios say how many times as long as the cheapest "
				"the others take: = can't be told from it, or is as cheap in "
				"practice (2% or 1 ns); p is not ranked, as its arguments were "
				"made before timing.");
	}
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
}

/* What changed from one build to the next. */
static void changes(struct pb_report *r)
{
	struct probe_build_block *blocks = NULL;
	struct probe_build_step *steps = NULL;
	size_t count = 0, n = 0;

	if (probe_build_blocks(r->run, &blocks, &count, NULL) ||
	    probe_build_steps(r->run, blocks, count, &steps, &n, NULL))
		r->out->oom = true;
	if (n) {
		pb_report_block(r, PB_PARAGRAPH, "From one build to the next:");
		r->form->open(r->out, PB_LIST);
	}
	for (size_t i = 0; i < n; i++)
		item(r, probe_build_step_words(&steps[i], r->run, &r->scale));
	if (n)
		r->form->close(r->out, PB_LIST);
	free(steps);
	probe_build_blocks_free(blocks, count);
}

static size_t verdicts(struct pb_report *r)
{
	struct probe_verdict *list = NULL;
	size_t n = 0;
	bool folded;

	if (probe_verdict_list(r->run, &list, &n, NULL))
		r->out->oom = true;
	folded = probe_summary_wanted(list, n);
	overview(r, list, n);
	if (folded) {
		changes(r);
		r->form->details(r->out, "In words, for each workload and build");
	}
	if (n)
		r->form->open(r->out, PB_LIST);
	for (size_t i = 0; i < n; i++)
		item(r, probe_verdict_words(&list[i], &r->scale));
	if (n)
		r->form->close(r->out, PB_LIST);
	if (folded)
		r->form->end_details(r->out);
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
