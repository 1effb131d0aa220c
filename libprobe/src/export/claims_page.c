/* SPDX-License-Identifier: MIT
 * Published claims and what became of them here, as a document in any of the report's formats.
 */
#include "probe/claims.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "base/fail.h"
#include "export/export.h"
#include "export/report.h"

enum { CLAIM, PUBLISHED, MEASURED, VERDICT, COLUMNS };
enum { PLACE, OVER, UNDER, RATIO, MOSTLY, FINDING, PLACE_COLUMNS };

/* --- figures in short ----------------------------------------------------------------------------
 */

static void put_ratio(const struct probe_ratio *ratio, enum probe_figure_form form, char *buf,
		      size_t size)
{
	const struct probe_value value = {PROBE_EXACT, ratio->value, ratio->half, false};

	probe_figure_text(&value, 1, 0, form, buf, size);
}

/* One ratio with its interval, or from where to where they go. */
static void put_measured(const struct probe_claim_result *result, char *buf, size_t size)
{
	const struct probe_claim_finding *least = NULL, *most = NULL;
	char low[20], high[20];
	size_t n = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < result->finding_count; i++) {
		const struct probe_claim_finding *f = &result->findings[i];

		if (f->verdict == PROBE_CLAIM_UNTESTED)
			continue;
		n++;
		least = !least || f->here.value < least->here.value ? f : least;
		most = !most || f->here.value > most->here.value ? f : most;
	}
	if (!n)
		return;
	put_ratio(&least->here, n == 1 ? PROBE_FIGURE_BOTH : PROBE_FIGURE_VALUE, low, sizeof low);
	put_ratio(&most->here, PROBE_FIGURE_VALUE, high, sizeof high);
	if (n == 1)
		snprintf(buf, size, "%s", low);
	else
		snprintf(buf, size, "%s to %s (%u places)", low, high, (unsigned)n);
}

/* "confirmed", "depends: confirmed in 3 of 9, refuted in 6". */
static void put_verdict(const struct probe_claim_result *r, char *buf, size_t size)
{
	const struct {
		size_t n;
		enum probe_claim_verdict verdict;
	} counts[] = {{r->confirmed, PROBE_CLAIM_CONFIRMED},
		      {r->refuted, PROBE_CLAIM_REFUTED},
		      {r->undecided, PROBE_CLAIM_UNDECIDED}};
	size_t judged = r->confirmed + r->refuted + r->undecided, used, said = 0;

	used = (size_t)snprintf(buf, size, "%s", probe_claim_verdict_name(r->verdict));
	if (r->confirmed == judged || r->refuted == judged || r->undecided == judged)
		return;
	for (size_t i = 0; i < sizeof counts / sizeof counts[0] && used < size; i++)
		if (counts[i].n)
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s in %zu of %zu", said++ ? ", " : ": ",
				probe_claim_verdict_name(counts[i].verdict), counts[i].n, judged);
}

/* "confirmed", "depends: 3 of 9 confirmed". */
static void put_verdict_in_short(const struct probe_claim_result *r, char *buf, size_t size)
{
	size_t judged = r->confirmed + r->refuted + r->undecided;

	if (r->verdict == PROBE_CLAIM_CONFIRMED && r->confirmed < judged)
		snprintf(buf, size, "%s in %u of %u", probe_claim_verdict_name(r->verdict),
			 (unsigned)r->confirmed, (unsigned)judged);
	else if (r->confirmed && r->confirmed < judged)
		snprintf(buf, size, "%s: %u of %u confirmed", probe_claim_verdict_name(r->verdict),
			 (unsigned)r->confirmed, (unsigned)judged);
	else if (r->verdict == PROBE_CLAIM_MIXED)
		snprintf(buf, size, "%s: %u of %u refuted", probe_claim_verdict_name(r->verdict),
			 (unsigned)r->refuted, (unsigned)judged);
	else
		snprintf(buf, size, "%s", probe_claim_verdict_name(r->verdict));
}

/* "1.05 to 1.1", "0.8 or more". */
static void put_bounds(const struct probe_published *claim, char *buf, size_t size)
{
	if (isinf(claim->low) && isinf(claim->high))
		snprintf(buf, size, "anything");
	else if (isinf(claim->low))
		snprintf(buf, size, "%g or less", claim->high);
	else if (isinf(claim->high))
		snprintf(buf, size, "%g or more", claim->low);
	else
		snprintf(buf, size, "%g to %g", claim->low, claim->high);
}

/* --- the overview --------------------------------------------------------------------------------
 */

static void put_row(struct pb_report_table *table, const struct probe_claim_result *result)
{
	bool untested = result->verdict == PROBE_CLAIM_UNTESTED;
	struct pb_report_row *row =
		pb_report_row(table, untested ? PB_ROW_MISSING : PB_ROW_FIGURES);
	size_t size = sizeof row->fields[0].text;

	if (!row)
		return;
	snprintf(row->fields[CLAIM].text, size, "%s", result->claim->title);
	if (untested) {
		char lead[96];

		snprintf(lead, sizeof lead, "%.40s; %s", result->claim->published,
			 probe_claim_verdict_name(result->verdict));
		pb_report_message(table, row, lead, result->reason);
		return;
	}
	snprintf(row->fields[PUBLISHED].text, size, "%s", result->claim->published);
	put_measured(result, row->fields[MEASURED].text, size);
	put_verdict_in_short(result, row->fields[VERDICT].text, size);
}

static void overview(struct pb_report *r, const struct probe_claim_result *results, size_t n)
{
	struct pb_report_table table = {.heads = {"Claim", "Published", "Measured here", "Verdict"},
					.columns = COLUMNS,
					.prose = true,
					.left = 1u << PUBLISHED | 1u << MEASURED | 1u << VERDICT};
	size_t counts[PROBE_CLAIM_UNTESTED + 1] = {0};
	bool said = false;

	for (size_t i = 0; i < n; i++) {
		counts[results[i].verdict]++;
		put_row(&table, &results[i]);
	}
	r->form->open(r->out, PB_PARAGRAPH);
	pb_report_say(r, "%zu published claims: ", n);
	for (int v = 0; v <= PROBE_CLAIM_UNTESTED; v++) {
		static const char *const words[] = {
			[PROBE_CLAIM_CONFIRMED] = "%zu confirmed here",
			[PROBE_CLAIM_REFUTED] = "%zu refuted",
			[PROBE_CLAIM_UNDECIDED] = "%zu undecided",
			[PROBE_CLAIM_MIXED] = "%zu not the same everywhere",
			[PROBE_CLAIM_UNTESTED] = "%zu not testable on this machine",
		};

		if (!counts[v])
			continue;
		r->form->text(r->out, said ? ", " : "");
		pb_report_say(r, words[v], counts[v]);
		said = true;
	}
	r->form->text(r->out, ".");
	r->form->close(r->out, PB_PARAGRAPH);
	r->form->table(r->out, &table);
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
	pb_report_block(
		r, PB_NOTE,
		"Confirmed: the whole 95 % interval of the ratio measured here lies within the "
		"bounds that the claim sets. Refuted: all of it lies outside. Undecided: it "
		"straddles a bound, or the core was contended. Depends: not the same wherever it "
		"was measured. The verdicts are about this machine.");
}

/* --- one claim -----------------------------------------------------------------------------------
 */

static void put_term(const struct probe_claim_finding *f, const struct probe_value *value,
		     double floor_ticks, struct pb_report_field *field)
{
	struct probe_scale scale = {1, "ticks", false};
	enum { KILO = 100000 };

	if (f->threads) {
		probe_figure_text(value, 1, 0, PROBE_FIGURE_BOTH, field->text, sizeof field->text);
		return;
	}
	if (probe_scale_get(f->run, PROBE_UNIT_NS, &scale))
		scale = (struct probe_scale){1, "ticks", false};
	else if (value->ticks * scale.per_tick >= (double)KILO)
		scale = (struct probe_scale){scale.per_tick / 1000, "us", false};
	probe_figure_text(value, scale.per_tick, floor_ticks, PROBE_FIGURE_BOTH, field->text,
			  sizeof field->text - 8);
	strcat(field->text, " ");
	strcat(field->text, scale.name);
}

static void put_mostly(const struct probe_claim_finding *f, struct pb_report_field *field)
{
	struct probe_scale scale;
	char name[40], over[24], under[24];

	if (!f->mostly || probe_scale_get(f->run, PROBE_UNIT_NS, &scale))
		return;
	probe_part_name(f->mostly, name, sizeof name);
	probe_figure_text(&f->mostly_over, scale.per_tick, f->over_floor_ticks, PROBE_FIGURE_VALUE,
			  over, sizeof over);
	probe_figure_text(&f->mostly_under, scale.per_tick, f->under_floor_ticks,
			  PROBE_FIGURE_VALUE, under, sizeof under);
	snprintf(field->text, sizeof field->text, "%.32s", name);
	snprintf(field->aside, sizeof field->aside, "%.10s to %.8s", over, under);
}

static void put_finding(struct pb_report_table *table, const struct probe_claim_finding *f)
{
	bool untested = f->verdict == PROBE_CLAIM_UNTESTED;
	struct pb_report_row *row =
		pb_report_row(table, untested ? PB_ROW_MISSING : PB_ROW_FIGURES);
	size_t size = sizeof row->fields[0].text;

	if (!row)
		return;
	if (strcmp(f->over_label, f->under_label))
		snprintf(row->fields[PLACE].text, size, "%.28s over %.28s", f->over_label,
			 f->under_label);
	else if (f->threads)
		snprintf(row->fields[PLACE].text, size, "%.40s, %u threads", f->over_label,
			 f->threads);
	else
		snprintf(row->fields[PLACE].text, size, "%s", f->over_label);
	if (untested) {
		pb_report_message(table, row, f->reason, NULL);
		return;
	}
	put_term(f, &f->over, f->over_floor_ticks, &row->fields[OVER]);
	put_term(f, &f->under, f->under_floor_ticks, &row->fields[UNDER]);
	put_ratio(&f->here, PROBE_FIGURE_BOTH, row->fields[RATIO].text, size);
	put_mostly(f, &row->fields[MOSTLY]);
	snprintf(row->fields[FINDING].text, size, "%s%s", probe_claim_verdict_name(f->verdict),
		 f->contended ? " (contended)" : "");
}

static void put_head(const struct probe_claim_term *term, bool pair, char *buf, size_t size)
{
	static const char *const phases[] = {
		[PROBE_TERM_TOTAL] = "",
		[PROBE_TERM_BOUNDARY] = ", boundary",
		[PROBE_TERM_DISPATCH] = ", dispatch",
		[PROBE_TERM_MARSHALLING] = ", marshalling",
		[PROBE_TERM_COMPUTE] = ", compute",
		[PROBE_TERM_EMPTY_CALL] = ", empty call",
		[PROBE_TERM_SCALING] = ", scaling",
		[PROBE_TERM_CORES] = ", cores to be had",
	};

	size_t used = (size_t)snprintf(buf, size, "%.32s%s", term->path, phases[term->phase]);

	/* Two sides of one path differ in this. */
	if (pair && term->build_count && used < size)
		snprintf(buf + used, size - used, " (%.12s: %.8s)", term->build[0].fact,
			 term->build[0].value);
}

/* The places by workload, in the order in which they were found. */
static void findings(struct pb_report *r, const struct probe_claim_result *result)
{
	char over[64], under[64];
	struct pb_report_table table = {
		.heads = {"Where", over, under, "Ratio", "Mostly in", "Verdict"},
		.columns = PLACE_COLUMNS,
		.left = 1u << MOSTLY | 1u << FINDING};

	put_head(&result->claim->numerator, result->claim->differ_in, over, sizeof over);
	put_head(&result->claim->denominator, result->claim->differ_in, under, sizeof under);
	for (size_t i = 0; i < result->finding_count; i++) {
		const char *workload = result->findings[i].workload;
		bool seen = false;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(result->findings[k].workload, workload);
		if (seen)
			continue;
		pb_report_message(&table, pb_report_row(&table, PB_ROW_GROUP), workload, NULL);
		for (size_t k = i; k < result->finding_count; k++)
			if (!strcmp(result->findings[k].workload, workload))
				put_finding(&table, &result->findings[k]);
	}
	r->form->table(r->out, &table);
	r->out->oom = r->out->oom || table.oom;
	pb_report_table_fini(&table);
}

static void claim(struct pb_report *r, const struct probe_claim_result *result)
{
	const struct probe_published *c = result->claim;
	char verdict[128], bounds[64];

	put_verdict(result, verdict, sizeof verdict);
	r->form->heading(r->out, 3, c->title);
	r->form->open(r->out, PB_PARAGRAPH);
	pb_report_say(r, "%s Published: %s, by %s.", c->claim, c->published, c->source);
	r->form->close(r->out, PB_PARAGRAPH);
	r->form->open(r->out, PB_PARAGRAPH);
	r->form->strong(r->out, verdict);
	pb_report_say(r, "%s%s.", result->reason[0] ? ": " : "", result->reason);
	if (!c->untestable) {
		put_bounds(c, bounds, sizeof bounds);
		pb_report_say(r, " Measured is %s. The claim holds for %s%s%s%s.", c->measures,
			      bounds, c->any ? " in one place at least" : "", c->why ? ": " : "",
			      c->why ? c->why : "");
	}
	r->form->close(r->out, PB_PARAGRAPH);
	if (result->finding_count)
		findings(r, result);
}

/* --- the ratios that the workloads themselves name -----------------------------------------------
 */

static bool in_table(const struct probe_claim_table *table, const struct probe_claim *claim)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct probe_published *c = &table->claims[i];

		if (!c->untestable && !strcmp(c->numerator.path, claim->numerator) &&
		    !strcmp(c->denominator.path, claim->denominator) && c->workloads[0] &&
		    !strcmp(c->workloads[0], claim->workload))
			return true;
	}
	return false;
}

static void other_ratios(struct pb_report *r, const struct probe_claim_table *table)
{
	bool any = false;

	for (size_t i = 0; i < r->whole->part_count; i++) {
		const struct probe_run *run = r->whole->parts[i].run;
		struct probe_claim_check *list = NULL;
		struct probe_scale scale;
		size_t n = 0;

		if (probe_scale_get(run, PROBE_UNIT_NS, &scale))
			continue;
		if (probe_claim_check_list(run, &list, &n, NULL))
			r->out->oom = true;
		for (size_t k = 0; k < n; k++) {
			char *words;

			if (in_table(table, list[k].claim))
				continue;
			if (!any) {
				r->form->heading(r->out, 2, "Other published ratios");
				r->form->open(r->out, PB_LIST);
			}
			any = true;
			words = probe_claim_words(&list[k], &scale);
			r->out->oom = r->out->oom || !words;
			pb_report_block(r, PB_ITEM, words ? words : "");
			free(words);
		}
		free(list);
	}
	if (any)
		r->form->close(r->out, PB_LIST);
}

/* --- how it was measured -------------------------------------------------------------------------
 */

/* By label and build alone: where a program lies and how it was configured is in the run files. */
static void builds(struct pb_report *r)
{
	r->form->open(r->out, PB_LIST);
	for (size_t i = 0; i < r->run->interpreter_count; i++) {
		const struct probe_interpreter *py = &r->run->interpreters[i];
		char build[128];

		r->form->open(r->out, PB_ITEM);
		r->form->strong(r->out, py->label);
		if (probe_interpreter_text(py, build, sizeof build)[0])
			pb_report_say(r, ": %s", build);
		r->form->close(r->out, PB_ITEM);
	}
	r->form->close(r->out, PB_LIST);
}

static void methods(struct pb_report *r)
{
	r->level = 4;
	r->form->heading(r->out, 2, "How it was measured");
	for (size_t i = 0; i < r->whole->part_count; i++) {
		r->part = &r->whole->parts[i];
		r->run = r->part->run;
		r->form->heading(r->out, 3, r->part->source);
		if (r->run->started[0])
			pb_report_block(r, PB_PARAGRAPH, r->run->started);
		if (r->run->interrupted)
			pb_report_block(r, PB_PARAGRAPH,
					"It was ended before its last pass; this is what was "
					"measured until then.");
		pb_report_methods(r);
		r->form->heading(r->out, 4, "Interpreters");
		builds(r);
	}
	if (!r->whole->command)
		return;
	r->form->heading(r->out, 3, "Commands");
	r->form->open(r->out, PB_PARAGRAPH);
	r->form->text(r->out, "What measured, and what wrote this page:");
	r->form->close(r->out, PB_PARAGRAPH);
	{
		struct pb_buf lines = {0};

		for (size_t i = 0; i < r->whole->part_count; i++) {
			pb_report_clean(&lines, r->whole->parts[i].run->command
							? r->whole->parts[i].run->command
							: "(not told)");
			pb_buf_puts(&lines, "\n");
		}
		pb_report_clean(&lines, r->whole->command);
		pb_buf_puts(&lines, "\n");
		r->form->listing(r->out, lines.len ? lines.data : "");
		r->out->oom = r->out->oom || lines.oom;
		pb_buf_fini(&lines);
	}
}

static void lead(struct pb_report *r)
{
	const struct probe_run *first = r->whole->parts[0].run;
	const char *cpu = probe_run_fact(first, "cpu_model");

	r->form->open(r->out, PB_PARAGRAPH);
	pb_report_say(r, "Measured on %s, counting %s, by probe %s", cpu ? cpu : "an unknown CPU",
		      first->counter.unit[0] ? first->counter.unit : "an unknown counter",
		      first->probe_version);
	if (first->started[0])
		pb_report_say(r, " at %s", first->started);
	r->form->text(r->out, ".");
	r->form->close(r->out, PB_PARAGRAPH);
}

static void document(struct pb_report *r, const struct probe_claim_table *table,
		     const struct probe_claim_result *results)
{
	r->form->begin(r->out,
		       r->whole->title ? r->whole->title : "Published claims, put to the test");
	lead(r);
	r->form->heading(r->out, 2, "Verdicts");
	overview(r, results, table->count);
	r->form->heading(r->out, 2, "Claim by claim");
	pb_report_block(r, PB_PARAGRAPH,
			"After ± stands half of a 95 % interval. \"Mostly in\" is the phase that "
			"most of the difference comes from, and what it takes on either side in "
			"ns; rows of pure Python have no phases.");
	for (size_t i = 0; i < table->count; i++)
		claim(r, &results[i]);
	other_ratios(r, table);
	methods(r);
	r->form->end(r->out);
}

/* The name of a run's file without folder and suffix: what the table calls it. */
static char *name_of(const char *source)
{
	const char *slash = strrchr(source, '/');
	const char *name = slash ? slash + 1 : source;

	return strndup(name, strcspn(name, "."));
}

int probe_claims_write(const struct probe_claim_table *table, const struct probe_report *report,
		       enum probe_report_format format, const char *path, struct probe_error *err)
{
	const struct pb_report_form *form = pb_report_form_of(format);
	struct probe_named_run *runs = calloc(report->part_count + 1, sizeof *runs);
	struct probe_claim_result *results = NULL;
	struct pb_buf out = {0};
	struct pb_report r = {.form = form, .whole = report, .out = &out};
	int rc = 0;

	if (!form || !report->part_count)
		rc = pb_fail(err, PROBE_EINVAL, 0,
			     form ? "claims need at least one run" : "there is no such format");
	for (size_t i = 0; !rc && runs && i < report->part_count; i++) {
		const char *source = report->parts[i].source;
		char *name = name_of(source ? source : "");

		runs[i] = (struct probe_named_run){name, report->parts[i].run};
		out.oom = out.oom || !name;
	}
	if (!rc && (!runs || out.oom))
		rc = pb_fail(err, PROBE_ENOMEM, 0, "out of memory");
	if (!rc)
		rc = probe_claims_judge(table, runs, report->part_count, &results, err);
	if (!rc) {
		document(&r, table, results);
		rc = out.oom ? pb_fail(err, PROBE_ENOMEM, 0, "can't write %s: out of memory", path)
			     : pb_atomic_write(path, out.data, out.len, err);
	}
	for (size_t i = 0; runs && i < report->part_count; i++)
		free((char *)(uintptr_t)runs[i].name);
	free(runs);
	probe_claim_results_free(results, table->count);
	pb_buf_fini(&out);
	return rc;
}
