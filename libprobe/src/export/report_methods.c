/* SPDX-License-Identifier: MIT
 * How a run was measured, made from its own metadata alone: what the run file does not say is not
 * said, or said to be missing.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/export.h"
#include "export/report.h"

/* What all cells of a run add up to. */
struct tally {
	size_t workloads, paths, interpreters, measured, contended;
	bool ladder, timeline, bare, warmup;
	double rounds, rounds_contended, rounds_discarded;
};

static bool first_path(const struct probe_run *run, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (!strcmp(run->cells[k].path, run->cells[i].path))
			return false;
	return true;
}

static struct tally tally_of(const struct probe_run *run)
{
	struct tally t = {0};

	for (size_t i = 0; i < run->cell_count; i++) {
		const struct probe_cell *cell = &run->cells[i];
		const struct probe_engine *engines[] = {&cell->ladder, &cell->timeline};
		const struct probe_engine *shown = pb_report_engine(cell);

		t.workloads += pb_export_first_workload(run, i);
		t.paths += first_path(run, i);
		t.interpreters += pb_export_first_label(run, i);
		t.measured += shown != NULL;
		t.contended += shown && shown->contended;
		t.ladder = t.ladder || cell->ladder.present;
		t.timeline = t.timeline || cell->timeline.present;
		t.bare = t.bare || (shown && shown->closure.state != PROBE_ABSENT);
		t.warmup = t.warmup || cell->warmup.point_count;
		for (size_t e = 0; e < 2; e++) {
			t.rounds += (double)engines[e]->rounds;
			t.rounds_contended += (double)engines[e]->rounds_contended;
			t.rounds_discarded += (double)engines[e]->rounds_discarded;
		}
	}
	return t;
}

static const char *fact(const struct pb_report *r, const char *key)
{
	return probe_run_fact(r->run, key);
}

/* What the machine shows; what it does not show and matters is listed. */
static void machine(struct pb_report *r)
{
	static const struct {
		const char *key, *words;
		const char *missing; /* what is said where the fact is not there; NULL = nothing */
	} facts[] = {
		{"hypervisor", "under the hypervisor ", NULL},
		{"platform", "running ", "kernel"},
		{"measured_on_cpu", "on CPU ", "the CPU measured on"},
		{"cpus_online", "of those online ", NULL},
		{"cpus_isolated", "isolated ", NULL},
		{"governor", "frequency governor ", "frequency governor"},
		{"turbo", "turbo ", "turbo"},
		{"aslr", "address space layout: ", "address space layout"},
		{"clocksource", "clock source ", NULL},
		{"load_1min", "load at the start ", NULL},
		{"steal_share_since_boot", "share of time stolen by the hypervisor since boot ",
		 NULL},
	};
	const char *cpu = fact(r, "cpu_model");
	size_t missing = 0;

	pb_report_say(r, "The machine: %s", cpu ? cpu : "an unknown CPU");
	for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
		const char *value = fact(r, facts[i].key);

		if (value && *value)
			pb_report_say(r, ", %s%s", facts[i].words, value);
		missing += facts[i].missing && !value;
	}
	r->form->text(r->out, ". ");
	if (!missing)
		return;
	r->form->text(r->out, "Not known of it: ");
	for (size_t i = 0, said = 0; i < sizeof facts / sizeof facts[0]; i++)
		if (facts[i].missing && !fact(r, facts[i].key))
			pb_report_say(r, "%s%s", said++ ? ", " : "", facts[i].missing);
	r->form->text(r->out, ". ");
}

static void counter(struct pb_report *r)
{
	const struct probe_counter_facts *c = &r->run->counter;

	pb_report_say(r, "Time was counted in %s", c->unit[0] ? c->unit : "unknown units");
	if (c->kind[0])
		pb_report_say(r, " (%s)", c->kind);
	if (c->hz > 0)
		pb_report_say(r, " at %.5g MHz", c->hz / 1e6);
	if (c->why[0])
		pb_report_say(r, "; why this counter: %s", c->why);
	r->form->text(r->out, ". ");
	if (c->granularity_ticks > 0 && c->hz > 0)
		pb_report_say(r,
			      "The smallest step between two readings was %.3g ticks (%.2g ns). ",
			      c->granularity_ticks, 1e9 * c->granularity_ticks / c->hz);
	if (c->cycles_per_tick > 0 && c->cycles_estimated)
		pb_report_say(r,
			      "Core cycles are an estimate: %.4g a tick, from a chain of dependent "
			      "additions. ",
			      c->cycles_per_tick);
}

static void engines(struct pb_report *r, const struct tally *t)
{
	const char *rounds = fact(r, "option.rounds"), *round_us = fact(r, "option.round_us");

	if (t->ladder)
		r->form->text(
			r->out,
			"Ladder: one loop of calls is timed with layers of the call replaced "
			"by stubs that return at once, and neighbours are subtracted; nothing "
			"is instrumented while it is timed, and the phases add up to the "
			"total. The rungs of a round follow one another in random order. ");
	if (t->timeline)
		r->form->text(r->out,
			      "Timeline: the boundaries of single real calls are stamped; what the "
			      "stamps cost, measured in place, is taken out. ");
	if (t->warmup)
		r->form->text(
			r->out,
			"Before that, every process makes the call until its times are steady: "
			"until "
			"the lower quartiles of three windows, which make up the last half of the "
			"series, agree within 2 % or within what their own spread explains. The "
			"measured rounds are checked likewise. ");
	r->form->text(
		r->out,
		"A figure is the lower quartile of its rounds, as noise only adds, averaged over "
		"copies of a stub at several places in memory. The 95 % intervals join the "
		"spread within a process (bootstrap), between processes (Student's t) and "
		"between those copies, and 4 core cycles for the place of the target itself. ");
	if (t->bare)
		r->form->text(r->out,
			      "Closure is the same call in processes without any hook, against the "
			      "total; it is never spread over the phases. ");
	if (rounds)
		pb_report_say(r, "Wanted were %s quiet rounds in each process", rounds);
	if (rounds && round_us)
		pb_report_say(r, ", each rung of a round about %s us long", round_us);
	if (rounds)
		r->form->text(r->out, ". ");
}

static const char *plural(size_t n)
{
	return n == 1 ? "" : "s";
}

static void passes(struct pb_report *r, const struct tally *t)
{
	const struct probe_run *run = r->run;
	const char *preset = fact(r, "option.preset");

	pb_report_say(r,
		      "%u pass%s went over the whole matrix of %zu workload%s, %zu path%s and %zu "
		      "interpreter%s, each cell in a fresh process in each pass, in an order drawn "
		      "with seed %llu",
		      run->passes, run->passes == 1 ? "" : "es", t->workloads, plural(t->workloads),
		      t->paths, plural(t->paths), t->interpreters, plural(t->interpreters),
		      (unsigned long long)run->seed);
	if (preset)
		pb_report_say(r, " (preset %s)", preset);
	if (run->duration_s > 0)
		pb_report_say(r, "; it took %.0f s", run->duration_s);
	r->form->text(r->out, ". ");
}

static void quiet(struct pb_report *r, const struct tally *t)
{
	if (t->rounds > 0)
		pb_report_say(
			r,
			"Beside every round a reference of dependent and independent additions "
			"tells whether a neighbour shared the core: of %.0f rounds %.0f (%.1f %%) "
			"were contended and %.0f (%.1f %%) discarded for a context switch, a "
			"migration or a multiplexed counter. ",
			t->rounds, t->rounds_contended, 100 * t->rounds_contended / t->rounds,
			t->rounds_discarded, 100 * t->rounds_discarded / t->rounds);
	if (t->contended)
		pb_report_say(r,
			      "%zu of %zu measured cells never had enough quiet rounds; theirs are "
			      "all used, and the cells are marked contended.",
			      t->contended, t->measured);
	else if (t->measured)
		r->form->text(r->out, "Contended rounds were set aside; every measured cell had "
				      "enough quiet ones.");
}

void pb_report_methods(struct pb_report *r)
{
	const struct tally t = tally_of(r->run);

	r->form->heading(r->out, r->level, "Methods");
	r->form->open(r->out, PB_PARAGRAPH);
	machine(r);
	counter(r);
	r->form->close(r->out, PB_PARAGRAPH);
	r->form->open(r->out, PB_PARAGRAPH);
	engines(r, &t);
	r->form->close(r->out, PB_PARAGRAPH);
	r->form->open(r->out, PB_PARAGRAPH);
	passes(r, &t);
	quiet(r, &t);
	r->form->close(r->out, PB_PARAGRAPH);
}

/* --- the interpreters --------------------------------------------------------------------------
 */

/* What its bindings were built with: the facts package.LABEL.NAME. */
static void packages(struct pb_report *r, const char *label)
{
	bool any = false;

	for (size_t i = 0; i < r->run->fact_count; i++) {
		const char *key = r->run->facts[i].key;
		size_t n = strlen(label);

		if (strncmp(key, "package.", 8) || strncmp(key + 8, label, n) || key[8 + n] != '.')
			continue;
		pb_report_say(r, "%s%s %s", any ? ", " : " Packages: ", key + 8 + n + 1,
			      r->run->facts[i].value);
		any = true;
	}
	if (any)
		r->form->text(r->out, ".");
}

static void describe(struct pb_report *r, const struct probe_interpreter *py)
{
	char build[128];

	r->form->strong(r->out, py->label);
	pb_report_say(r, ": %s %s",
		      !strcmp(py->implementation, "cpython") ? "CPython"
		      : py->implementation[0]                ? py->implementation
							     : "Python",
		      py->version);
	if (probe_interpreter_text(py, build, sizeof build)[0])
		pb_report_say(r, ", %s", build);
	if (py->libc[0])
		pb_report_say(r, ", %s", py->libc);
	pb_report_say(r, "%s%s%s", py->free_threaded ? ", free-threaded" : "",
		      py->jit ? ", with the JIT" : "", py->debug ? ", a debug build" : "");
	if (py->executable) {
		r->form->text(r->out, "; ");
		r->form->code(r->out, py->executable);
	}
	r->form->text(r->out, ".");
	if (py->config_args && *py->config_args) {
		r->form->text(r->out, " Configured with ");
		r->form->code(r->out, py->config_args);
		r->form->text(r->out, ".");
	}
	packages(r, py->label);
	if (py->missing)
		pb_report_say(r, " Missing: %s.", py->missing);
}

void pb_report_interpreters(struct pb_report *r)
{
	if (!r->run->interpreter_count)
		return;
	r->form->heading(r->out, r->level, "Interpreters");
	r->form->open(r->out, PB_LIST);
	for (size_t i = 0; i < r->run->interpreter_count; i++) {
		r->form->open(r->out, PB_ITEM);
		describe(r, &r->run->interpreters[i]);
		r->form->close(r->out, PB_ITEM);
	}
	r->form->close(r->out, PB_LIST);
}
