/* SPDX-License-Identifier: MIT
 * What the exporters share: the formats' tables, numbers and order of rows.
 */
#ifndef PB_EXPORT_H
#define PB_EXPORT_H

#include "base/buf.h"
#include "probe/export.h"
#include "probe/summary.h"

/* What a row's "(prepared)" tells. */
#define PB_PREPARED_MEANS                                                                          \
	"arguments (buffers, structs, callbacks, ...) that its caller makes once were made "       \
	"before "                                                                                  \
	"timing, so that converting them is in none of its figures, and it is not ranked with "    \
	"rows "                                                                                    \
	"that convert theirs on each call"

int pb_export_csv(const struct probe_run *run, const struct probe_sink *sink,
		  struct probe_error *err);
int pb_export_markdown(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);
int pb_export_plotdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);
int pb_export_builddata(const struct probe_run *run, const struct probe_sink *sink,
			struct probe_error *err);
int pb_export_waterdata(const struct probe_run *run, const struct probe_sink *sink,
			struct probe_error *err);
int pb_export_distdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);
int pb_export_evendata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);
int pb_export_heatdata(const struct probe_run *run, const struct probe_sink *sink,
		       struct probe_error *err);
int pb_export_scaledata(const struct probe_run *run, const struct probe_sink *sink,
			struct probe_error *err);

int pb_export_warmup(const struct probe_run *run, const struct probe_sink *sink,
		     struct probe_error *err);
int pb_export_trace(const struct probe_run *run, const struct probe_sink *sink,
		    struct probe_error *err);
int pb_export_speedscope(const struct probe_run *run, const struct probe_sink *sink,
			 struct probe_error *err);

/* Fields of a gnuplot data file, each with a blank after it: a text in double quotes, a number. */
void pb_plot_text(struct pb_buf *out, const char *text);
void pb_plot_number(struct pb_buf *out, double value);
/* The fields cpu counter passes unit cycles_per_unit cycles_estimated; per_tick: of the unit. */
void pb_plot_run(struct pb_buf *out, const struct probe_run *run, bool has_ns, double per_tick);
/* What the title says of a run that is not an ordinary one; "" = it is. */
const char *pb_plot_note(const struct probe_run *run);

/* The engine whose figures a cell is drawn by; NULL = it was not measured. */
const struct probe_engine *pb_plot_engine(const struct probe_cell *cell);
/* Fields: what a reader must know of a cell, drawn by e or, if NULL, not drawn; its build. */
void pb_plot_remark(struct pb_buf *out, const struct probe_cell *cell,
		    const struct probe_engine *e);
void pb_plot_build(struct pb_buf *out, const struct probe_run *run, const char *interpreter);
/* The number, from 1, of a path's curve: the same in all panels of a figure. */
#define PB_PLOT_CURVES 24 /* linetypes of plots/common.gp */
unsigned pb_plot_path_number(const struct probe_run *run, const char *path);
/* The distribution of whole calls in a cell's timeline; NULL = there is none. */
const struct probe_dist *pb_plot_whole(const struct probe_cell *cell);

/* Appends text as one line in which nothing reads as Markdown, not even as the end of a cell. */
void pb_export_markdown_escape(const char *text, struct pb_buf *out);
/* Whether what follows a "<" makes it a tag: such a one is written as an entity, as not every
 * reader knows "\\<". */
bool pb_export_markdown_tag(const char *after);
/* The width of a text in columns, one a character. */
int pb_export_markdown_width(const char *text);
/* A paragraph and the table of break-evens; the published ratios beside ours. */
void pb_export_markdown_verdict(struct pb_buf *out, const struct probe_verdict *verdict,
				const struct probe_scale *scale);
/* Workloads of several interpreters at a glance; nothing where there are none. */
void pb_export_markdown_summary(struct pb_buf *out, const struct probe_run *run,
				const struct probe_verdict *verdicts, size_t n,
				const struct probe_scale *scale);
void pb_export_markdown_claims(struct pb_buf *out, const struct probe_run *run,
			       const struct probe_scale *scale);
/* What one more argument costs, for the sweeps of the run. */
void pb_export_markdown_slopes(struct pb_buf *out, const struct probe_run *run,
			       const struct probe_scale *scale);

/* Appends a text as a field of CSV, quoted where it must be. */
void pb_export_csv_field(struct pb_buf *out, const char *text);
/* Appends a number with nine digits and a point in every locale; absent where it is not finite. */
void pb_export_real(struct pb_buf *out, double number, const char *absent);

/* Hands the text to the sink and releases it. Returns 0, -PROBE_ESYS, -PROBE_ENOMEM. */
int pb_export_finish(struct pb_buf *out, const struct probe_sink *sink, struct probe_error *err);

/* The interpreters and the workloads of the cells, each once, in the order of the cells: the cell
 * at index i is the first with its label (name). */
bool pb_export_first_label(const struct probe_run *run, size_t i);
bool pb_export_first_workload(const struct probe_run *run, size_t i);

#endif
