/* SPDX-License-Identifier: MIT
 * What went wrong, and how to measure it again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export/report.h"

/* --- warnings and backtraces ---------------------------------------------------------------------
 */

/* Cells after the one at index i with the same warning; -1 when an earlier one has it. */
static int others_with(const struct probe_run *run, size_t cell, const char *warning)
{
	int others = 0;

	for (size_t i = 0; i < run->cell_count; i++) {
		for (char **w = run->cells[i].warnings; w && *w; w++) {
			if (strcmp(*w, warning))
				continue;
			if (i < cell)
				return -1;
			others += i > cell;
		}
	}
	return others;
}

static void cell_warnings(struct pb_report *r, size_t i)
{
	const struct probe_cell *cell = &r->run->cells[i];

	for (char **w = cell->warnings; w && *w; w++) {
		int others = others_with(r->run, i, *w);

		if (others < 0)
			continue;
		r->form->open(r->out, PB_ITEM);
		pb_report_say(r, "%s/%s/%s", cell->workload, cell->path, cell->interpreter);
		if (others)
			pb_report_say(r, " and %d more", others);
		pb_report_say(r, ": %s", *w);
		r->form->close(r->out, PB_ITEM);
	}
}

static bool any_warning(const struct probe_run *run)
{
	bool any = run->warnings && run->warnings[0];

	for (size_t i = 0; i < run->cell_count; i++)
		any = any || (run->cells[i].warnings && run->cells[i].warnings[0]);
	return any;
}

static void backtraces(struct pb_report *r)
{
	for (size_t i = 0; i < r->run->cell_count; i++) {
		const struct probe_cell *cell = &r->run->cells[i];

		if (!cell->backtrace)
			continue;
		r->form->open(r->out, PB_PARAGRAPH);
		pb_report_say(r, "Where %s/%s/%s crashed (%s):", cell->workload, cell->path,
			      cell->interpreter, cell->reason ? cell->reason : "no reason given");
		r->form->close(r->out, PB_PARAGRAPH);
		r->form->listing(r->out, cell->backtrace);
	}
}

void pb_report_remarks(struct pb_report *r)
{
	bool crashed = false;

	for (size_t i = 0; i < r->run->cell_count; i++)
		crashed = crashed || r->run->cells[i].backtrace;
	if (!any_warning(r->run) && !crashed)
		return;
	r->form->heading(r->out, r->level, "Warnings");
	if (any_warning(r->run)) {
		r->form->open(r->out, PB_LIST);
		for (char **w = r->run->warnings; w && *w; w++)
			pb_report_block(r, PB_ITEM, *w);
		for (size_t i = 0; i < r->run->cell_count; i++)
			cell_warnings(r, i);
		r->form->close(r->out, PB_LIST);
	}
	backtraces(r);
}

/* --- commands ------------------------------------------------------------------------------------
 */

static const char run_verb[] = "probe run ";

/* Whether the option is among the words of a command. */
static bool has_word(const char *command, const char *option)
{
	size_t n = strlen(option);

	for (const char *at = command; (at = strstr(at, option)) != NULL; at += n)
		if (at > command && at[-1] == ' ' && strchr(" =", at[n]))
			return true;
	return false;
}

/* The command with the seed that it drew, so that orders and layouts are the same again. */
static void add_command(struct pb_report *r, struct pb_buf *lines)
{
	const char *command = r->run->command;
	bool drawn = !strncmp(command, run_verb, strlen(run_verb)) && !has_word(command, "--seed");

	pb_report_clean(lines, command);
	pb_buf_puts(lines, "\n");
	if (!drawn)
		return;
	pb_buf_printf(lines, "%s--seed %llu ", run_verb, (unsigned long long)r->run->seed);
	pb_report_clean(lines, command + strlen(run_verb));
	pb_buf_puts(lines, "\n");
}

void pb_report_commands(struct pb_report *r)
{
	const char *command = r->run->command;
	struct pb_buf lines = {0};

	r->form->heading(r->out, r->level, "Commands");
	if (!command && !r->whole->command) {
		pb_report_block(r, PB_PARAGRAPH, "The run file names no command.");
		return;
	}
	pb_report_block(
		r, PB_PARAGRAPH,
		"As typed; where the seed was drawn, the same again with it; and what wrote "
		"this report. The interpreters that were found are listed above.");
	if (command)
		add_command(r, &lines);
	if (r->whole->command) {
		pb_report_clean(&lines, r->whole->command);
		pb_buf_puts(&lines, "\n");
	}
	r->form->listing(r->out, lines.len ? lines.data : "");
	r->out->oom = r->out->oom || lines.oom;
	pb_buf_fini(&lines);
}
