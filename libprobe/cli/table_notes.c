/* SPDX-License-Identifier: MIT
 * What stands above and below the breakdown table: CPU, counter, rounds; marks and warnings.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

static const struct {
	unsigned mark;
	const char *lead, *text;
} notes[] = {
	{TABLE_SPEEDUP, "speedup  ", "the total of python over the total of the row"},
	{TABLE_BUILDS, "change   ",
	 "of the total, and the phase that moved most, in the table's unit; from the row above "
	 "that "
	 "differs in the fewest things (see builds); where that is more than one, the change can't "
	 "be put down to any one of them"},
	{TABLE_FLOOR, "<        ", "below the floor: less than this cell could resolve"},
	{TABLE_PREPARED, "p        ",
	 "arguments (buffers, structs, callbacks, ...) that its caller makes once were made before "
	 "timing: converting them is in none of its figures, and it is not ranked with rows that "
	 "convert theirs on each call"},
	{TABLE_CONTENDED, "!        ",
	 "contended: the core never got quiet enough, the figures may be too high"},
	{TABLE_UNSTEADY, "w        ",
	 "not steady: the call still changed while it was measured (warming up), the figures hold "
	 "for no one moment"},
	{TABLE_CLOSURE, "*        ",
	 "closure outside its interval and over 2 %: the call costs more (or less) without the "
	 "instrument than the phases add up to"},
	{TABLE_OVERLAP, "compute  ",
	 "is what the native function takes from its start to its end; the processor does part of "
	 "the other phases meanwhile, so they may sum to more than the total (by the overlap, "
	 "which "
	 "the run file has)"},
	{TABLE_MERGED, "|-- --|  ", "phases that no engine can tell apart on this path"},
	{TABLE_IN_DISPATCH, "(d)      ",
	 "in the figure under dispatch: no engine can tell the two apart on this path"},
	{TABLE_CALLBACK, "compute  ",
	 "holds the calls back to Python: the binding's way there and back (its dispatch and "
	 "marshalling in one), and the Python function that it calls"},
	{TABLE_LETTERS, "a, b, .. ",
	 "one figure for all columns with its letter, in the first of them"},
	{TABLE_BENT, "~        ",
	 "not a straight line: further arguments do not all cost the same"},
	{TABLE_INEXPRESSIBLE, "–        ", "the path can't express such a function"},
	{TABLE_TIMELINE, "t        ", "from the timeline; other figures are the ladder's"},
};

static void fact_line(FILE *out, const char *lead, const char *text)
{
	grid_wrap(out, lead, (int)strlen(lead), text, 3);
}

static void counter_line(const struct probe_counter_facts *counter, FILE *out)
{
	char *text = NULL;
	char rate[40] = "";

	if (counter->hz > 0)
		snprintf(rate, sizeof rate, " at %.4g MHz", counter->hz / 1e6);
	if (asprintf(&text, "%s%s%s%s", counter->unit[0] ? counter->unit : "unknown", rate,
		     counter->why[0] ? ": " : "", counter->why) >= 0)
		fact_line(out, "counter  ", text);
	free(text);
}

void table_header(const struct probe_run *run, const char *unit_note, bool color, FILE *out)
{
	const char *cpu = probe_run_fact(run, "cpu_model");
	uint64_t rounds = 0, contended = 0, discarded = 0;

	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_engine *engines[] = {&run->cells[i].ladder,
							&run->cells[i].timeline};

		for (size_t e = 0; e < 2; e++) {
			rounds += engines[e]->rounds;
			contended += engines[e]->rounds_contended;
			discarded += engines[e]->rounds_discarded;
		}
	}
	fact_line(out, "CPU      ", cpu ? cpu : "unknown");
	counter_line(&run->counter, out);
	fprintf(out,
		"rounds   %llu in %u %s; left out: %llu contended, %llu discarded; seed %llu\n",
		(unsigned long long)rounds, run->passes, run->passes == 1 ? "pass" : "passes",
		(unsigned long long)contended, (unsigned long long)discarded,
		(unsigned long long)run->seed);
	if (run->passes == 1)
		fact_line(
			out, "passes   ",
			"only one: no interval holds the spread between processes, which is often "
			"the greater part (--passes)");
	if (unit_note)
		fact_line(out, "unit     ", unit_note);
	if (run->interrupted)
		fprintf(out, "%s%s%s\n", color ? "\033[33m" : "",
			"interrupted: this is what was measured until then",
			color ? "\033[0m" : "");
}

/* A warning stands once, with the first cell that has it and how many others do. */
static void cell_warning(const struct probe_run *run, size_t cell, const char *warning, FILE *out)
{
	const struct probe_cell *at = &run->cells[cell];
	size_t others = 0;
	char more[40] = "", *text = NULL;

	for (size_t i = 0; i < run->cell_count; i++) {
		for (char **w = run->cells[i].warnings; w && *w; w++) {
			if (strcmp(*w, warning))
				continue;
			if (i < cell)
				return;
			others += i > cell;
		}
	}
	if (others)
		snprintf(more, sizeof more, " and %zu more", others);
	if (asprintf(&text, "%s/%s/%s%s: %s", at->workload, at->path, at->interpreter, more,
		     warning) >= 0)
		grid_wrap(out, "warning  ", 9, text, 3);
	free(text);
}

void table_notes(const struct probe_run *run, unsigned marks, const struct table_units *units,
		 FILE *out)
{
	bool warned = run->warnings && run->warnings[0];

	if (marks)
		fputc('\n', out);
	for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++)
		if (marks & notes[i].mark)
			grid_wrap(out, notes[i].lead, (int)strlen(notes[i].lead), notes[i].text, 3);
	table_claims(run, units, out);
	for (size_t i = 0; i < run->cell_count; i++)
		warned = warned || (run->cells[i].warnings && run->cells[i].warnings[0]);
	if (warned)
		fputc('\n', out);
	for (char **w = run->warnings; w && *w; w++)
		grid_wrap(out, "warning  ", 9, *w, 3);
	for (size_t i = 0; i < run->cell_count; i++)
		for (char **w = run->cells[i].warnings; w && *w; w++)
			cell_warning(run, i, *w, out);
}
