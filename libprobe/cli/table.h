/* SPDX-License-Identifier: MIT
 * What the two forms of the breakdown table share.
 */
#ifndef PROBE_TABLE_H
#define PROBE_TABLE_H

#include "cli.h"
#include "grid.h"
#include "probe/figures.h"
#include "probe/slopes.h"
#include "probe/summary.h"
#include "probe/verdict.h"

/* Marks that the rows carry, and that the notes below the table explain. */
enum table_mark {
	TABLE_FLOOR = 1 << 0,
	TABLE_CONTENDED = 1 << 1,
	TABLE_CLOSURE = 1 << 2,
	TABLE_MERGED = 1 << 3,
	TABLE_IN_DISPATCH = 1 << 4,
	TABLE_LETTERS = 1 << 5,
	TABLE_TIMELINE = 1 << 6,
	TABLE_SPEEDUP = 1 << 7,
	TABLE_BENT = 1 << 8,
	TABLE_INEXPRESSIBLE = 1 << 9,
	TABLE_CALLBACK = 1 << 10,
	TABLE_UNSTEADY = 1 << 11,
	TABLE_BUILDS = 1 << 12,
	TABLE_PREPARED = 1 << 13,
	TABLE_OVERLAP = 1 << 14,
};

struct table {
	const struct probe_run *run;
	double per_tick;  /* to the unit of the block that is built */
	const char *unit; /* its name, such as "ns" or "us" */
	unsigned marks;   /* enum table_mark */
};

/* A form of the table: three phases in a line, or all sub-phases in two. */
struct table_form {
	const struct grid_shape *wide, *narrow; /* narrow is tried when wide is too wide */
	void (*head)(struct table *t, const char *workload, struct grid *grid);
	void (*cell)(struct table *t, const struct probe_cell *cell, struct grid *grid);
};

extern const struct table_form table_three;
/* With columns for callbacks where the run has any. */
const struct table_form *table_eight(const struct probe_run *run);

/* The engine that a row shows, NULL when the cell was not measured. */
const struct probe_engine *table_engine(const struct probe_cell *cell);
/* Adds a row with the path's name and, for a cell that was not measured, the reason. NULL: no
 * memory, or no more to say about this cell. */
struct grid_row *table_row(struct table *t, const struct probe_cell *cell,
			   const struct probe_engine *e, struct grid *grid);
/* The same with another name in front. */
struct grid_row *table_row_named(struct table *t, const struct probe_cell *cell,
				 const struct probe_engine *e, const char *name, struct grid *grid);
/* Writes a value of the engine in the block's unit and notes the marks that it needs. */
void table_figure(struct table *t, const struct probe_value *value, const struct probe_engine *e,
		  enum probe_figure_form form, char *buf, size_t size);

/* A unit, and a thousand, a million, ... of it for what would not fit. */
#define TABLE_THOUSANDS 4
struct table_units {
	double per_tick; /* to the first of the names */
	const char *const *names;
};

/* Chooses the unit: the one asked for, or what the run has instead; returns a note on it or NULL.
 */
const char *table_choose_unit(const struct probe_run *run, enum cli_unit asked,
			      struct table_units *out);

/* What stands above and below the rows. */
void table_header(const struct probe_run *run, const char *unit_note, bool color, FILE *out);
void table_notes(const struct probe_run *run, unsigned marks, const struct table_units *units,
		 FILE *out);
/* The verdicts with their break-evens; the published ratios beside ours. Nothing where the run has
 * none. Workloads of several interpreters have a summary instead, unless verbose: then both. */
void table_verdict(const struct probe_run *run, const struct table_units *units, bool verbose,
		   bool color, FILE *out);
/* The summary of those workloads. Returns false when out of memory. */
bool table_summary(const struct probe_run *run, const struct probe_verdict *verdicts, size_t n,
		   const struct table_units *units, bool verbose, bool color, FILE *out);
/* The three phases in the order of their columns. */
struct table_phase {
	const char *name;
	unsigned mask;
};
extern const struct table_phase table_phases[3];

/* What one more argument costs, for the sweeps of the run; returns the marks that it needs. */
unsigned table_slopes(const struct probe_run *run, const struct table_units *units, bool color,
		      FILE *out);
/* Whether it prints one of these. */
bool table_has_slopes(const struct probe_slopes *slopes);
/* Calls under threads, for the rows of the run that have any; returns the marks that it needs. */
unsigned table_threads(const struct probe_run *run, bool color, FILE *out);
void table_claims(const struct probe_run *run, const struct table_units *units, FILE *out);

#endif
